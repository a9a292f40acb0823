//! Stages pieces of traces, each in a bundle of its own.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use dft_codec::PieceEntry;
use dft_store::{BundledPiece, Staged, StagedBefore};
use dft_trace::Unreadable;

use super::bundles::BundleWriter;
use crate::error::BuildError;
use crate::faults::refuse_faults;
use crate::options::BuildOptions;
use crate::outcome::{FileOutcome, FileState, snapshot};
use crate::pieces::Piece;
use crate::plan::{BuildPlan, PlannedFile};
use crate::reading::ReadTraces;
use crate::report::FileReport;

/// A piece that was read, and its bundle, if it could be read.
struct StagedPiece {
    reading: ReadTraces,
    bundle: Option<Staged>,
}

/// Stages each piece in a bundle of its own, so that an ingest of it waits for nothing else. Several are read at once,
/// because each is inflated by one thread.
pub(super) fn stage(
    writer: &mut BundleWriter<'_>,
    pieces: Vec<Piece>,
    before: &StagedBefore,
) -> Result<(), BuildError> {
    let todo = leave_out_staged(writer, pieces, before)?;
    for StagedPiece { reading, bundle } in stage_all(writer, &todo)? {
        writer.count(&reading);
        let mut reports = Vec::new();
        for FileOutcome { path, state, .. } in reading.outcomes {
            match state {
                FileState::PieceRead { entry, report } => {
                    writer.report_unchained(&path, &entry);
                    reports.push(*report);
                }
                FileState::Unreadable(error) => writer.report.input.unreadable.push(Unreadable { path, error }),
                _ => unreachable!("a piece is read, or cannot be read"),
            }
        }
        if let Some(bundle) = bundle {
            writer.add_bundle(bundle, reports);
        }
    }
    Ok(())
}

/// Stages pieces on several threads.
fn stage_all(writer: &BundleWriter<'_>, todo: &[Piece]) -> Result<Vec<StagedPiece>, BuildError> {
    let workers = writer.options.threads.clamp(1, todo.len().max(1));
    let options = BuildOptions {
        threads: (writer.options.threads / workers).max(1),
        memory: writer.options.memory / workers as u64,
        ..writer.options.clone()
    };
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let worker = |number: usize| -> Result<Vec<StagedPiece>, BuildError> {
        let scratch = writer.stager.scratch().join(format!("worker-{number}"));
        fs::create_dir_all(&scratch).map_err(|source| BuildError::Scratch { path: scratch.clone(), source })?;
        let mut staged = Vec::new();
        while !failed.load(Ordering::Relaxed)
            && let Some(piece) = todo.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let piece = stage_one(writer, piece, &scratch, &options);
            failed.fetch_or(piece.is_err(), Ordering::Relaxed);
            staged.push(piece?);
        }
        Ok(staged)
    };
    let staged: Vec<Result<Vec<StagedPiece>, BuildError>> = thread::scope(|scope| {
        let worker = &worker;
        let workers: Vec<_> = (0..workers).map(|number| scope.spawn(move || worker(number))).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| match worker.join() {
            Ok(staged) => staged,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().map(join).collect()
    });
    Ok(staged.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Leaves out pieces that are in bundles, and pieces of files that cannot be read.
fn leave_out_staged(
    writer: &mut BundleWriter<'_>,
    pieces: Vec<Piece>,
    before: &StagedBefore,
) -> Result<Vec<Piece>, BuildError> {
    let mut staged: HashMap<Piece, Vec<&PieceEntry>> = HashMap::new();
    for BundledPiece { trace, entry } in &before.pieces {
        let (start, end, file_size) = (entry.range.start, entry.range.end, entry.entry.size);
        staged.entry(Piece { path: trace.clone(), start, end, file_size }).or_default().push(entry);
    }
    let mut todo = Vec::new();
    for piece in pieces {
        let now = match snapshot(&piece.path) {
            Ok(now) => now,
            Err(error) => {
                if writer.options.strict {
                    let outcome = FileOutcome::unreadable(piece.path.clone(), error);
                    refuse_faults(&[outcome], &writer.stager.names())?;
                } else {
                    writer.report.input.unreadable.push(Unreadable { path: piece.path, error });
                }
                continue;
            }
        };
        if now.size != piece.file_size {
            return Err(BuildError::ChangedSincePlanned(vec![piece.path]));
        }
        let mut known = staged.get(&piece).into_iter().flatten().copied();
        let Some(entry) = known.find(|known| known.entry.modified_ns == now.modified_ns) else {
            todo.push(piece);
            continue;
        };
        writer.report_unchained(&piece.path, entry);
        let report = FileReport::of_known(piece.path, Some(entry.range.clone()), &entry.entry);
        writer.report.input.known.push(report);
    }
    Ok(todo)
}

/// Reads one piece and writes its bundle.
fn stage_one(
    writer: &BundleWriter<'_>,
    piece: &Piece,
    scratch: &Path,
    options: &BuildOptions,
) -> Result<StagedPiece, BuildError> {
    let range = Some(piece.range());
    let planned = PlannedFile { piece: range, ..PlannedFile::new(piece.path.clone(), piece.file_size) };
    let plan = BuildPlan { read: vec![planned], ..BuildPlan::default() };
    let known = writer.nothing_known();
    let mut reading = writer.read(plan, &known, scratch, options, BuildError::ChangedSincePlanned)?;
    let Some((path, entry)) = reading.outcomes.iter().find_map(|outcome| match &outcome.state {
        FileState::PieceRead { entry, .. } => Some((outcome.path.clone(), entry.as_ref().clone())),
        _ => None,
    }) else {
        return Ok(StagedPiece { reading, bundle: None });
    };
    writer.progress.begin_writing();
    let bounds = reading.runs.bounds;
    let bundle = writer.stager.stage_piece(&reading.runs.runs, path, entry, bounds, options.threads)?;
    // The runs' files are no longer needed.
    reading.runs.runs = Vec::new();
    Ok(StagedPiece { reading, bundle: Some(bundle) })
}
