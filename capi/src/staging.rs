//! Staging: one machine's part of a build, to bundles.

use std::ffi::c_void;
use std::os::unix::ffi::OsStrExt;

use ::dft_index::{BuildError, Part, Piece, PieceSize, StageReport, StageTo, plan_pieces, stage, stage_pieces};

use crate::arguments::{Growing, check_place, dft_text, give, given_list, paths};
use crate::boundary::boundary;
use crate::build::{
    dft_build_options, dft_build_summary, dft_on_progress, dft_on_text, summary, tell, tell_faults, watched,
};
use crate::config::dft_config;
use crate::status::{Failure, dft_status};

/// Stages one machine's part of a build: traces to bundles in a directory that all machines share, each
/// there whole or not at all. What is in a bundle already is left out.
///
/// `staging`: a directory of this machine, for the work. `shared`: where the bundles go, which may be the
/// same. `part` of `parts`, counted from 0, of the traces, about equal in bytes: the same on every machine
/// that sees the same files. The other arguments are those of dft_build().
#[unsafe(no_mangle)]
pub extern "C" fn dft_stage(
    traces: *const dft_text,
    traces_length: u64,
    staging: dft_text,
    shared: dft_text,
    part: u32,
    parts: u32,
    config: *const dft_config,
    options: *const dft_build_options,
    on_progress: dft_on_progress,
    on_fault: dft_on_text,
    context: *mut c_void,
    done: *mut dft_build_summary,
) -> dft_status {
    boundary("dft_stage", || {
        check_place("done", done)?;
        let traces = paths("traces", traces, traces_length)?;
        let to = StageTo { staging: staging.path("staging")?.to_owned(), shared: shared.path("shared")?.to_owned() };
        let part = Part::new(part, parts)
            .ok_or_else(|| Failure::argument(format!("there is no part {part} of {parts}: they count from 0")))?;
        let (config, options) = (crate::config::config(config)?, crate::build::options(options)?);
        let report = watched(on_progress, context, |progress| stage(&traces, &to, part, &config, &options, progress))?;
        staged(&report, on_fault, context, done)
    })
}

/// Tells the caller what a staging did.
fn staged(
    report: &StageReport,
    on_fault: dft_on_text,
    context: *mut c_void,
    done: *mut dft_build_summary,
) -> Result<(), Failure> {
    tell_faults(&report.input, on_fault, context);
    for piece in &report.unchained {
        tell(on_fault, context, &piece.trace, &format!("{}: stage it whole", piece.unchained));
    }
    if done.is_null() { Ok(()) } else { give("done", done, &summary(&report.input)) }
}

/// A piece of a trace: bytes of the file as it is on disk. A file that is not cut is one, from 0 to its size.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_piece {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The trace.
    pub path: dft_text,
    /// The first byte.
    pub start: u64,
    /// The byte behind the last.
    pub end: u64,
    /// The size that the file had when it was cut.
    pub file_size: u64,
}

impl Default for dft_piece {
    fn default() -> Self {
        Self { size: size_of::<Self>() as u64, path: dft_text::of(""), start: 0, end: 0, file_size: 0 }
    }
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers and a text.
unsafe impl Growing for dft_piece {}

/// Sees a piece of a plan; valid during the call. Not 0 ends the planning, which then returns DFT_CANCELLED.
pub type dft_on_piece = Option<unsafe extern "C" fn(context: *mut c_void, piece: *const dft_piece) -> i32>;

/// Cuts traces into pieces of about one size, for several machines to stage: at lines, or at members of gzip
/// files. A file that is not much larger, or cannot be cut, is one piece. Hardly anything of the files is
/// read.
///
/// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs. `piece_size`: in bytes, as they
/// are on disk; 0 for 1 GiB. `on_piece`: sees each piece, by path and place, on the caller's thread.
/// `context`: handed on. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_plan(
    traces: *const dft_text,
    traces_length: u64,
    piece_size: u64,
    on_piece: dft_on_piece,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_plan", || {
        let traces = paths("traces", traces, traces_length)?;
        let on_piece = on_piece.ok_or_else(|| Failure::argument("on_piece is NULL"))?;
        let piece_size = if piece_size == 0 { ::dft_index::PIECE } else { piece_size };
        for Piece { path, start, end, file_size } in plan_pieces(&traces, PieceSize::Bytes(piece_size))? {
            let path = dft_text::of_bytes(path.as_os_str().as_bytes());
            let piece = dft_piece { size: size_of::<dft_piece>() as u64, path, start, end, file_size };
            // SAFETY: the caller must ensure that the function has this type. The piece stays valid during the call.
            if unsafe { on_piece(context, &piece) } != 0 {
                return Err(BuildError::Cancelled.into());
            }
        }
        Ok(())
    })
}

/// Stages pieces of traces to bundles in a directory that all machines share, each there whole or not at
/// all. What is in a bundle already is left out, so a piece whose machine died is staged again. An ingest
/// takes a trace when all of its pieces are there.
///
/// `pieces`: of dft_plan(). The size of each is that of the first. A trace that has not the size that it had
/// when it was cut gives DFT_CHANGED: plan again. The other arguments are those of dft_stage(). A piece that
/// turns out not to end where it was to is said by `on_fault`; the next ingest names the trace, too.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stage_pieces(
    pieces: *const dft_piece,
    pieces_length: u64,
    staging: dft_text,
    shared: dft_text,
    config: *const dft_config,
    options: *const dft_build_options,
    on_progress: dft_on_progress,
    on_fault: dft_on_text,
    context: *mut c_void,
    done: *mut dft_build_summary,
) -> dft_status {
    boundary("dft_stage_pieces", || {
        check_place("done", done)?;
        let pieces: Vec<dft_piece> = given_list("pieces", pieces, pieces_length)?;
        let piece = |piece: &dft_piece| -> Result<Piece, Failure> {
            let dft_piece { start, end, file_size, .. } = *piece;
            Ok(Piece { path: piece.path.path("pieces")?.to_owned(), start, end, file_size })
        };
        let pieces: Vec<Piece> = pieces.iter().map(piece).collect::<Result<_, _>>()?;
        let to = StageTo { staging: staging.path("staging")?.to_owned(), shared: shared.path("shared")?.to_owned() };
        let (config, options) = (crate::config::config(config)?, crate::build::options(options)?);
        let report = watched(on_progress, context, |progress| stage_pieces(&pieces, &to, &config, &options, progress))?;
        staged(&report, on_fault, context, done)
    })
}
