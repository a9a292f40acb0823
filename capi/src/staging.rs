//! Staging: aggregating one machine's part of the traces to bundles.

use std::ffi::c_void;
use std::os::unix::ffi::OsStrExt;

use ::dft_index::{BuildError, Part, Piece, PieceSize, StageReport, StageTo, plan_pieces, stage, stage_pieces};

use crate::arguments::{check_place, dft_text, give, given, given_list, growing, paths};
use crate::boundary::boundary;
use crate::build::{dft_build_summary, dft_on_progress, options, summary, watched};
use crate::callback::Callback;
use crate::config::{config, dft_config};
use crate::notes::{Notes, dft_on_note};
use crate::status::{Failure, dft_status};

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

growing!(dft_piece);

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
        let on_piece = Callback::required("on_piece", on_piece, context)?;
        let piece_size = if piece_size == 0 { ::dft_index::PIECE } else { piece_size };
        for Piece { path, start, end, file_size } in plan_pieces(&traces, PieceSize::Bytes(piece_size))? {
            let path = dft_text::of_bytes(path.as_os_str().as_bytes());
            let piece = dft_piece { size: size_of::<dft_piece>() as u64, path, start, end, file_size };
            if !on_piece.pass(&piece) {
                return Err(BuildError::Cancelled.into());
            }
        }
        Ok(())
    })
}

/// What to stage, and how. Set `size`, `staging`, `shared`, and either `traces` or `pieces`; zeros elsewhere are the
/// defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_stage_request {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Files, directories (searched for *.pfw and *.pfw.gz) or globs.
    pub traces: *const dft_text,
    /// The number of texts in `traces`.
    pub traces_length: u64,
    /// Pieces from dft_plan(), in place of `traces`; all have the same `size`.
    pub pieces: *const dft_piece,
    /// The number of pieces.
    pub pieces_length: u64,
    /// A directory of this machine for temporary files; not empty.
    pub staging: dft_text,
    /// The directory of the bundles, which all machines share; not empty; may be the same as `staging`.
    pub shared: dft_text,
    /// The part of the traces to stage, from 0 to `parts` - 1.
    pub part: u32,
    /// The number of parts; 0 or 1 for all traces. Parts are about equal in bytes, and are the same on every machine
    /// that sees the same files. Pieces have no parts.
    pub parts: u32,
    /// How to aggregate; NULL for the default.
    pub config: *const dft_config,
    /// Where the traces come from, as in dft_build_request.
    pub source: dft_text,
    /// The memory budget of the tables of all threads, in bytes; 0 for the default, as in dft_build_request.
    pub memory: u64,
    /// The number of threads, limited to 1,024; 0 for the number of cores.
    pub threads: u32,
    /// If not 0, faults of the input are an error (DFT_MALFORMED), and nothing is stored.
    pub strict: u32,
    /// Receives the progress on a thread of the library; may be NULL.
    pub on_progress: dft_on_progress,
    /// Receives each fault of a file on the caller's thread, and each piece that does not end where the next one
    /// starts; may be NULL. A result other than 0 ends the reports.
    pub on_fault: dft_on_note,
    /// Passed to both callbacks; may be NULL.
    pub context: *mut c_void,
}

growing!(dft_stage_request);

/// Stages one machine's part of the traces, or pieces of traces: aggregates them to bundles in a directory that all
/// machines share. Each bundle appears there complete or not at all. What is already in a bundle is left out, so the
/// work of a machine that died can be staged again. An ingest adds a trace that was cut when all of its pieces are
/// staged.
///
/// `request`: what to stage; its `size` must be set; not NULL. `done`: receives what was done; its `size` must be set;
/// may be NULL.
///
/// Returns DFT_INVALID_ARGUMENT if there are both traces and pieces, no such part, or a piece that is not a valid
/// range; DFT_NOTHING_FOUND if there are no traces; DFT_CONFIG if `config` is invalid; DFT_MALFORMED for faults if
/// `strict` is set; DFT_CHANGED if a staged trace has changed, or has another size than when it was cut (plan again);
/// DFT_CANCELLED if `on_progress` stopped the work; and DFT_SYSTEM for errors of the system. Bundles that were finished
/// before stay. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stage(request: *const dft_stage_request, done: *mut dft_build_summary) -> dft_status {
    boundary("dft_stage", || {
        check_place("done", done)?;
        let asked = given("request", request)?;
        let report = staged(&asked)?;
        let mut notes = Notes::new(Callback::new(asked.on_fault, asked.context));
        notes.tell_faults(&report.input);
        for piece in &report.unchained {
            notes.tell(&piece.trace, &format!("{}: stage it whole", piece.unchained));
        }
        if done.is_null() { Ok(()) } else { give("done", done, &summary(&report.input)) }
    })
}

fn staged(asked: &dft_stage_request) -> Result<StageReport, Failure> {
    let traces = paths("request.traces", asked.traces, asked.traces_length)?;
    let pieces: Vec<dft_piece> = given_list("request.pieces", asked.pieces, asked.pieces_length)?;
    let (staging, shared) = (asked.staging.path("request.staging")?, asked.shared.path("request.shared")?);
    let to = StageTo { staging: staging.to_owned(), shared: shared.to_owned() };
    let (config, options) = (config(asked.config)?, options(asked.memory, asked.threads, asked.strict, asked.source)?);
    let on_progress = Callback::new(asked.on_progress, asked.context);
    let (part, parts) = (asked.part, asked.parts.max(1));
    let parts = Part::new(part, parts)
        .ok_or_else(|| Failure::argument(format!("there is no part {part} of {parts}: parts are counted from 0")))?;
    if pieces.is_empty() {
        return Ok(watched(&on_progress, |progress| stage(&traces, &to, parts, &config, &options, progress))?);
    }
    if !traces.is_empty() || asked.parts > 1 {
        return Err(Failure::argument("request has pieces, so it can have neither traces nor parts"));
    }
    let piece = |piece: &dft_piece| -> Result<Piece, Failure> {
        let dft_piece { start, end, file_size, .. } = *piece;
        Ok(Piece { path: piece.path.path("request.pieces")?.to_owned(), start, end, file_size })
    };
    let pieces: Vec<Piece> = pieces.iter().map(piece).collect::<Result<_, _>>()?;
    Ok(watched(&on_progress, |progress| stage_pieces(&pieces, &to, &config, &options, progress))?)
}
