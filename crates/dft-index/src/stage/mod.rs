//! A worker's part of a staged build: traces, or pieces of them, to bundles in a shared directory.

mod bundles;
mod pieces;
mod whole;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use dft_aggregate::Config;
use dft_store::Stager;
use dft_trace::Discovered;

use crate::error::BuildError;
use crate::listing::list;
use crate::options::BuildOptions;
use crate::part::Part;
use crate::pieces::Piece;
use crate::plan::BuildPlan;
use crate::progress::Progress;
use crate::report::{FileReport, StageReport};

use bundles::BundleWriter;

/// Where a worker stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageTo {
    /// A directory of this machine, for temporary files.
    pub staging: PathBuf,
    /// The directory from which bundles are ingested. It may be the same as `staging`.
    pub shared: PathBuf,
}

/// Stages a part of some traces (files, directories, globs): those that are in no bundle of the shared directory yet.
/// If there are several parts, each gets pieces of the large traces.
///
/// # Errors
///
/// Returns a [`BuildError`]. Bundles that were finished before stay.
pub fn stage(
    traces: &[PathBuf],
    to: &StageTo,
    part: Part,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<StageReport, BuildError> {
    let start = Instant::now();
    config.check()?;
    options.check()?;
    let Discovered { files, not_read, unreadable } = list(traces)?;
    let (pieces, failed) = part.of(files);
    let mut others = BuildPlan::default();
    // What the system refuses to this worker it may allow to another. That worker then divides the traces differently,
    // and some traces may be in no part. So every part reports refusals. What no worker can read, only the first part
    // reports.
    let refused = |error: &io::Error| error.raw_os_error().is_some() && error.kind() != io::ErrorKind::NotFound;
    let (refused, unreadable): (Vec<_>, Vec<_>) = unreadable.into_iter().partition(|found| refused(&found.error));
    if part.is_first() {
        others.add_found(unreadable, not_read);
    }
    others.add_found(refused, Vec::new());
    others.add_found(failed, Vec::new());
    let mut report = stage_all(pieces, others, to, config, options, progress)?;
    // A file of this part may have been found unreadable twice.
    report.input.unreadable.dedup_by(|a, b| a.path == b.path);
    report.input.elapsed = start.elapsed();
    Ok(report)
}

/// Stages pieces of traces that [`plan_pieces`](crate::plan_pieces) made: those that are in no bundle of the shared
/// directory yet. An ingest adds a trace when all of its pieces are staged.
///
/// # Errors
///
/// Returns a [`BuildError`]; [`BuildError::ChangedSincePlanned`] if a trace no longer has the size that it had when it
/// was cut. Bundles that were finished before stay.
pub fn stage_pieces(
    pieces: &[Piece],
    to: &StageTo,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<StageReport, BuildError> {
    let start = Instant::now();
    config.check()?;
    options.check()?;
    let canonical = |piece: &Piece| {
        let Piece { start, end, file_size, .. } = *piece;
        if !piece.is_whole() && (start >= end || end > file_size) {
            return Err(BuildError::NoPiece { path: piece.path.clone(), start, end, file_size });
        }
        // A path that cannot be made canonical is kept. Reading the piece reports the reason.
        let path = fs::canonicalize(&piece.path).unwrap_or_else(|_| piece.path.clone());
        Ok(Piece { path, ..*piece })
    };
    let mut pieces: Vec<Piece> = pieces.iter().map(canonical).collect::<Result<_, _>>()?;
    pieces.sort();
    pieces.dedup();
    let mut report = stage_all(pieces, BuildPlan::default(), to, config, options, progress)?;
    report.input.elapsed = start.elapsed();
    Ok(report)
}

/// Stages pieces, and reports the outcomes of `others`.
fn stage_all(
    pieces: Vec<Piece>,
    others: BuildPlan,
    to: &StageTo,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<StageReport, BuildError> {
    let mut stager = Stager::open(&to.staging, &to.shared, config)?.with_source(options.source.as_deref());
    let before = stager.staged()?;
    let report = StageReport::default();
    let mut writer = BundleWriter { stager: &stager, shared: &to.shared, config, options, progress, report };
    let (wholes, pieces): (Vec<_>, Vec<_>) = pieces.into_iter().partition(Piece::is_whole);
    whole::stage(&mut writer, wholes.into_iter().map(|piece| piece.path).collect(), others, &before)?;
    pieces::stage(&mut writer, pieces, &before)?;
    let mut report = writer.report;
    stager.keep_directories();
    let place = |file: &FileReport| (file.path.clone(), file.piece.as_ref().map(|piece| piece.start));
    report.input.files.sort_by_cached_key(place);
    report.input.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    report.unchained.sort_by(|a, b| (&a.trace, a.unchained.byte).cmp(&(&b.trace, b.unchained.byte)));
    Ok(report)
}
