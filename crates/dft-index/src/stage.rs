//! A worker's part of a staged build: traces, or pieces of them, to bundles in a shared directory.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use dft_aggregate::Config;
use dft_codec::{FileCounts, PieceEntry};
use dft_store::{Staged, StagedBefore, Stager, Written};
use dft_trace::discover;

use crate::build::{BuildOptions, read_planned};
use crate::error::BuildError;
use crate::part::Part;
use crate::pieces::Piece;
use crate::plan::{Plan, Planned, plan, snapshot};
use crate::progress::Progress;
use crate::reading::Reading;
use crate::report::{FileReport, StageReport, Unreadable};

/// Bytes of traces, as they are on disk, of which a bundle is made: what a worker that dies loses.
const BUNDLE: u64 = 4 << 30;

/// Where a worker stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageTo {
    /// A directory of this machine, for the work.
    pub staging: PathBuf,
    /// The directory, which may be the same, from which bundles are ingested.
    pub shared: PathBuf,
}

/// Stages traces (files, directories, globs), or a part of them: those that are in no bundle of the
/// shared directory yet. Of several parts, each has pieces of the large traces.
///
/// # Errors
///
/// [`BuildError`]; bundles that were finished before stay.
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
    let found = discover(traces)?;
    if found.is_empty() {
        return Err(BuildError::NoTraces(traces.to_vec()));
    }
    let mut report = stage_all(part.of(found), to, config, options, progress)?;
    report.input.elapsed = start.elapsed();
    Ok(report)
}

/// Stages pieces of traces, as [`plan_pieces`](crate::plan_pieces) makes them: those that are in no bundle
/// of the shared directory yet. An ingest takes a trace when all of its pieces are there.
///
/// # Errors
///
/// [`BuildError`]; bundles that were finished before stay. [`BuildError::ChangedSincePlanned`] where a trace
/// has not the size that it had when it was cut.
pub fn stage_pieces(
    pieces: &[Piece],
    to: &StageTo,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<StageReport, BuildError> {
    let start = Instant::now();
    config.check()?;
    let canonical = |piece: &Piece| {
        let Piece { from, to, file_size, .. } = *piece;
        if !piece.is_whole() && (from >= to || to > file_size) {
            return Err(BuildError::NoPiece { path: piece.path.clone(), from, to, file_size });
        }
        // What has no canonical path is kept as it is, and reading it reports it.
        let path = fs::canonicalize(&piece.path).unwrap_or_else(|_| piece.path.clone());
        Ok(Piece { path, ..*piece })
    };
    let mut pieces: Vec<Piece> = pieces.iter().map(canonical).collect::<Result<_, _>>()?;
    pieces.sort();
    pieces.dedup();
    let mut report = stage_all(pieces, to, config, options, progress)?;
    report.input.elapsed = start.elapsed();
    Ok(report)
}

fn stage_all(
    pieces: Vec<Piece>,
    to: &StageTo,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<StageReport, BuildError> {
    let stager = Stager::open(&to.staging, &to.shared, config)?;
    let before = stager.staged()?;
    let mut work = Work { stager: &stager, to, config, options, progress, report: StageReport::default() };
    let (wholes, pieces): (Vec<_>, Vec<_>) = pieces.into_iter().partition(Piece::is_whole);
    work.wholes(wholes.into_iter().map(|piece| piece.path).collect(), &before)?;
    work.pieces(pieces, &before)?;
    let mut report = work.report;
    report.input.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

/// What a worker does.
struct Work<'a> {
    stager: &'a Stager,
    to: &'a StageTo,
    config: &'a Config,
    options: &'a BuildOptions,
    progress: &'a Progress,
    report: StageReport,
}

impl Work<'_> {
    /// Stages whole files, several in a bundle.
    fn wholes(&mut self, files: Vec<PathBuf>, before: &StagedBefore) -> Result<(), BuildError> {
        let staged: BTreeMap<_, _> = before.traces.iter().cloned().collect();
        let mut plan = plan(&files, |trace| Ok(staged.get(trace).cloned()))?;
        // What a trace has grown by belongs to its bundle's rows, and cannot be staged on its own.
        let (mut rest, grown): (Vec<_>, Vec<_>) = plan.read.drain(..).partition(|file| file.before.is_none());
        plan.changed.extend(grown.into_iter().map(|file| file.path));
        let shared = self.to.shared.clone();
        let changed = |paths| BuildError::ChangedSinceStaged { shared: shared.clone(), paths };
        // Once also without any file, for what is wrong with the others.
        loop {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|file| {
                bytes += file.size;
                bytes <= BUNDLE
            });
            let behind = rest.split_off(fits.count().max(1).min(rest.len()));
            plan.read = std::mem::replace(&mut rest, behind);
            let reading = self.read(std::mem::take(&mut plan), changed)?;
            if !reading.files.is_empty() {
                self.progress.begin_writing();
                let Reading { runs, files, bounds, reports, .. } = reading;
                let staged = self.stager.stage(&runs, files, bounds, self.options.threads)?;
                self.add(staged, reports);
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Stages pieces, each in a bundle of its own: what it has to wait for, nothing else has to.
    fn pieces(&mut self, pieces: Vec<Piece>, before: &StagedBefore) -> Result<(), BuildError> {
        let mut staged: HashMap<Piece, Vec<&PieceEntry>> = HashMap::new();
        for (path, entry) in &before.pieces {
            let (from, to, file_size) = (entry.range.start, entry.range.end, entry.entry.size);
            staged.entry(Piece { path: path.clone(), from, to, file_size }).or_default().push(entry);
        }
        for piece in pieces {
            let snapshot = match snapshot(&piece.path) {
                Ok(snapshot) => snapshot,
                Err(error) => {
                    let unreadable = Unreadable { path: piece.path, error };
                    self.read(
                        Plan { unreadable: vec![unreadable], ..Plan::default() },
                        BuildError::ChangedSincePlanned,
                    )?;
                    continue;
                }
            };
            if snapshot.size != piece.file_size {
                return Err(BuildError::ChangedSincePlanned(vec![piece.path]));
            }
            let known = staged.get(&piece).into_iter().flatten();
            if let Some(entry) = known.copied().find(|known| known.entry.modified_ns == snapshot.modified_ns) {
                self.note(&piece.path, entry);
                self.report.input.known.push(FileReport {
                    path: piece.path,
                    piece: Some(entry.range.clone()),
                    counts: FileCounts::default(),
                    before: Some(entry.entry.counts),
                    fault: entry.entry.fault.clone(),
                    malformed: Vec::new(),
                });
                continue;
            }
            let range = piece.range();
            let planned = Planned { path: piece.path, size: piece.file_size, before: None, piece: Some(range) };
            let plan = Plan { read: vec![planned], ..Plan::default() };
            let reading = self.read(plan, BuildError::ChangedSincePlanned)?;
            let Reading { runs, pieces, bounds, reports, .. } = reading;
            for (path, entry) in pieces {
                self.note(&path, &entry);
                self.progress.begin_writing();
                let staged = self.stager.stage_piece(&runs, path, entry, bounds, self.options.threads)?;
                self.add(staged, reports.clone());
            }
        }
        Ok(())
    }

    fn read(&mut self, plan: Plan, changed: impl Fn(Vec<PathBuf>) -> BuildError) -> Result<Reading, BuildError> {
        let Self { stager, config, options, progress, report, .. } = self;
        let (mut reading, known) = read_planned(plan, stager.scratch(), config, options, progress, changed)?;
        let input = &mut report.input;
        input.bytes += reading.bytes;
        input.text_bytes += reading.text_bytes;
        input.spilled_tables += reading.spilled;
        input.known.extend(known);
        input.unreadable.append(&mut reading.unreadable);
        Ok(reading)
    }

    /// Says that a piece will not chain, where that shows already.
    fn note(&mut self, path: &std::path::Path, entry: &PieceEntry) {
        if let Err(unchained) = entry.check() {
            self.report.unchained.push((path.to_owned(), unchained));
        }
    }

    fn add(&mut self, staged: Staged, reports: Vec<FileReport>) {
        let Staged { path, known, written } = staged;
        let input = &mut self.report.input;
        input.files.extend(reports);
        input.written += if known { Written::default() } else { written };
        self.report.bundles.push(path);
    }
}
