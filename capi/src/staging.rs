//! Staging: aggregating one machine's part of the traces to bundles.

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

/// Stages one machine's part of the traces: aggregates it to bundles in a directory that all machines share. Each
/// bundle appears there complete or not at all. Traces that are already in a bundle are left out.
///
/// `staging`: a directory of this machine for temporary files; not empty. `shared`: the directory of the bundles; not
/// empty; may be the same. `part`: the number of the part, from 0 to `parts` - 1. `parts`: the number of parts, at
/// least 1. Parts are about equal in bytes, and are the same on every machine that sees the same files. The other
/// arguments are those of dft_build().
///
/// Returns DFT_INVALID_ARGUMENT if there is no such part, DFT_NOTHING_FOUND if there are no traces, DFT_CONFIG if
/// `config` is invalid, DFT_MALFORMED for faults if `options.strict` is set, DFT_CHANGED if a staged trace has changed,
/// DFT_CANCELLED if `on_progress` stopped the work, and DFT_SYSTEM for errors of the system. Bundles that were finished
/// before stay. Any thread.
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
        let part = Part::new(part, parts).ok_or_else(|| {
            Failure::argument(format!("there is no part {part} of {parts}: parts are counted from 0"))
        })?;
        let (config, options) = (crate::config::config(config)?, crate::build::options(options)?);
        let report = watched(on_progress, context, |progress| stage(&traces, &to, part, &config, &options, progress))?;
        staged(&report, on_fault, context, done)
    })
}

/// Reports to the caller and the log what a staging did.
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

/// A piece of a trace: a range of the bytes of its file on disk. A file that is not cut is one piece.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_piece {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The path of the trace; not empty.
    pub path: dft_text,
    /// The offset of the first byte.
    pub start: u64,
    /// The offset after the last byte.
    pub end: u64,
    /// The size of the file in bytes when it was cut.
    pub file_size: u64,
}

impl Default for dft_piece {
    fn default() -> Self {
        Self { size: size_of::<Self>() as u64, path: dft_text::of(""), start: 0, end: 0, file_size: 0 }
    }
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers and a text.
unsafe impl Growing for dft_piece {}

/// Receives a piece of a plan, which is valid during the callback. A result other than 0 stops dft_plan(), which then
/// returns DFT_CANCELLED.
pub type dft_on_piece = Option<unsafe extern "C" fn(context: *mut c_void, piece: *const dft_piece) -> i32>;

/// Cuts traces into pieces of about one size, which several machines can stage. It cuts at the start of a line, or of a
/// gzip member. A file that is not much larger than a piece, or cannot be cut, is one piece. The function reads only a
/// little of each file.
///
/// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs; `traces_length` of them. `piece_size`: the
/// size of a piece in bytes on disk; 0 for 1 GiB. `on_piece`: receives each piece, sorted by path and offset, on the
/// caller's thread; not NULL. `context`: passed to it; may be NULL.
///
/// Returns DFT_NOTHING_FOUND if there are no traces or they cannot be listed, DFT_CANCELLED if `on_piece` stopped it.
/// Any thread.
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

/// Stages pieces of traces to bundles in a directory that all machines share. Each bundle appears there complete or not
/// at all. Pieces that are already in a bundle are left out, so the pieces of a machine that died can be staged again.
/// An ingest adds a trace when all of its pieces are staged.
///
/// `pieces`: pieces from dft_plan(), `pieces_length` of them; all have the same `size`. `on_fault`: receives also each
/// piece that does not end where the next one starts; the next ingest reports its trace. The other arguments are those
/// of dft_stage().
///
/// Returns DFT_CHANGED if the size of a trace has changed since it was cut (plan again), DFT_INVALID_ARGUMENT if a
/// piece is not a valid range, and the other statuses of dft_stage(). Any thread.
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
