//! A worker's part of a staged build: traces, or pieces of them, to bundles in a shared directory.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use dft_aggregate::Config;
use dft_codec::{DuplicateEntry, FileCounts, PieceEntry};
use dft_store::{DuplicateTrace, Staged, StagedBefore, Stager, Written};
use dft_trace::Discovered;

use crate::build::read_planned;
use crate::error::BuildError;
use crate::known::KnownTraces;
use crate::listing::list;
use crate::lost;
use crate::options::BuildOptions;
use crate::part::Part;
use crate::pieces::Piece;
use crate::plan::{BuildPlan, PlannedFile, plan, snapshot};
use crate::progress::Progress;
use crate::reading::ReadTraces;
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
    options.check()?;
    let Discovered { files, not_read, unreadable } = list(traces)?;
    let (pieces, failed) = part.of(files);
    let mut others = BuildPlan::default();
    // What the system refuses to one part it may give to another, which then divides the traces otherwise, and some
    // are in neither. So every part says that; what no part can read, the first says.
    let refused = |error: &io::Error| error.raw_os_error().is_some() && error.kind() != io::ErrorKind::NotFound;
    let (refused, unreadable): (Vec<_>, Vec<_>) = unreadable.into_iter().partition(|(_, error)| refused(error));
    if part.is_first() {
        others.add_others(unreadable, not_read);
    }
    others.add_others(refused, Vec::new());
    others.add_others(failed, Vec::new());
    let mut report = stage_all(pieces, others, to, config, options, progress)?;
    // What is in this part, too, was read, and may have been found unreadable again.
    report.input.unreadable.dedup_by(|a, b| a.path == b.path);
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
    options.check()?;
    let canonical = |piece: &Piece| {
        let Piece { start, end, file_size, .. } = *piece;
        if !piece.is_whole() && (start >= end || end > file_size) {
            return Err(BuildError::NoPiece { path: piece.path.clone(), start, end, file_size });
        }
        // What has no canonical path is kept as it is, and reading it reports it.
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

/// Stages pieces, and says of `others` what is wrong with them.
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
    let mut work = Work { stager: &stager, to, config, options, progress, report: StageReport::default() };
    let (wholes, pieces): (Vec<_>, Vec<_>) = pieces.into_iter().partition(Piece::is_whole);
    work.wholes(wholes.into_iter().map(|piece| piece.path).collect(), others, &before)?;
    work.pieces(pieces, &before)?;
    let mut report = work.report;
    stager.keep_directories();
    let place = |file: &FileReport| (file.path.clone(), file.piece.as_ref().map(|piece| piece.start));
    report.input.files.sort_by_cached_key(place);
    report.input.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    report.unchained.sort_by(|a, b| (&a.0, a.1.byte).cmp(&(&b.0, b.1.byte)));
    Ok(report)
}

/// A piece that was read, and its bundle; none where it could not be.
struct Done {
    reading: ReadTraces,
    staged: Option<Staged>,
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
    fn wholes(&mut self, files: Vec<PathBuf>, others: BuildPlan, before: &StagedBefore) -> Result<(), BuildError> {
        let mut known = KnownTraces::of_bundles(self.stager, before);
        let mut before = before.clone();
        let mut plan = plan(&files, &known)?;
        plan.unreadable.extend(others.unreadable);
        plan.not_read = others.not_read;
        plan.leave_out_others();
        // What a trace has grown by belongs to its bundle's rows, and cannot be staged on its own.
        let is_new = |file: &PlannedFile| !known.files.contains_key(&known.names.name_of(&file.path));
        let (mut rest, grown): (Vec<_>, Vec<_>) = plan.read.drain(..).partition(is_new);
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
            let old = std::mem::take(&mut plan.duplicates);
            let mut reading = self.read(std::mem::take(&mut plan), &known, changed)?;
            self.say_duplicates(&known, old.iter());
            if !reading.files.is_empty() || !reading.duplicates.is_empty() {
                if self.stager.add_staged(&mut before)? {
                    let now = KnownTraces::of_bundles(self.stager, &before);
                    if let Some(files) = now.duplicated(&known, &reading) {
                        // Another worker has come first; with what the others of this bundle hold, it cannot be
                        // taken apart any more.
                        known = now;
                        plan = self::plan(&files, &known)?;
                        rest.splice(0..0, plan.read.drain(..));
                        continue;
                    }
                }
                self.find_lost(&mut reading)?;
                self.progress.begin_writing();
                let ReadTraces { runs, files, duplicates, bounds, reports, .. } = reading;
                let named = files.iter().map(|(path, entry)| (known.names.name_of(path), entry.clone()));
                known.files.extend(named);
                self.say_duplicates(&known, duplicates.iter());
                let staged = self.stager.stage(&runs, files, duplicates, bounds, self.options.threads)?;
                self.add(staged, reports);
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Stages pieces, each in a bundle of its own: what it has to wait for, nothing else has to. Several are
    /// read at once, for each is inflated by one thread.
    fn pieces(&mut self, pieces: Vec<Piece>, before: &StagedBefore) -> Result<(), BuildError> {
        let todo = self.not_staged(pieces, before)?;
        let lanes = self.options.threads.clamp(1, todo.len().max(1));
        let options = BuildOptions {
            threads: (self.options.threads / lanes).max(1),
            memory: self.options.memory / lanes as u64,
            ..self.options.clone()
        };
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let lane = |number: usize| -> Result<Vec<Done>, BuildError> {
            let scratch = self.stager.scratch().join(format!("lane-{number}"));
            fs::create_dir_all(&scratch).map_err(|source| BuildError::Scratch { path: scratch.clone(), source })?;
            let mut done = Vec::new();
            while !failed.load(Ordering::Relaxed)
                && let Some(piece) = todo.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let staged = self.piece(piece, &scratch, &options);
                failed.fetch_or(staged.is_err(), Ordering::Relaxed);
                done.push(staged?);
            }
            Ok(done)
        };
        let done: Vec<Result<Vec<Done>, BuildError>> = thread::scope(|scope| {
            let lane = &lane;
            let lanes: Vec<_> = (0..lanes).map(|number| scope.spawn(move || lane(number))).collect();
            let join = |lane: thread::ScopedJoinHandle<'_, _>| match lane.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            lanes.into_iter().map(join).collect()
        });
        for Done { mut reading, staged } in done.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
            self.count(&mut reading);
            for (path, entry) in &reading.pieces {
                self.note(path, entry);
            }
            if let Some(staged) = staged {
                self.add(staged, reading.reports);
            }
        }
        Ok(())
    }

    /// Leaves out the pieces that are in bundles, and those of files that cannot be read.
    fn not_staged(&mut self, pieces: Vec<Piece>, before: &StagedBefore) -> Result<Vec<Piece>, BuildError> {
        let mut staged: HashMap<Piece, Vec<&PieceEntry>> = HashMap::new();
        for (path, entry) in &before.pieces {
            let (start, end, file_size) = (entry.range.start, entry.range.end, entry.entry.size);
            staged.entry(Piece { path: path.clone(), start, end, file_size }).or_default().push(entry);
        }
        let mut todo = Vec::new();
        for piece in pieces {
            let snapshot = match snapshot(&piece.path) {
                Ok(snapshot) => snapshot,
                Err(error) => {
                    let unreadable = Unreadable { path: piece.path, error };
                    let plan = BuildPlan { unreadable: vec![unreadable], ..BuildPlan::default() };
                    self.read(plan, &self.nothing(), BuildError::ChangedSincePlanned)?;
                    continue;
                }
            };
            if snapshot.size != piece.file_size {
                return Err(BuildError::ChangedSincePlanned(vec![piece.path]));
            }
            let mut known = staged.get(&piece).into_iter().flatten().copied();
            let Some(entry) = known.find(|known| known.entry.modified_ns == snapshot.modified_ns) else {
                todo.push(piece);
                continue;
            };
            self.note(&piece.path, entry);
            self.report.input.known.push(FileReport {
                path: piece.path,
                piece: Some(entry.range.clone()),
                counts: FileCounts::default(),
                before: Some(entry.entry.counts),
                fault: entry.entry.fault.clone(),
                time_fault: entry.entry.time_fault,
                malformed: Vec::new(),
                skipped: None,
                inconsistent: None,
                lost: Vec::new(),
                more_processes: entry.entry.processes.has_more(),
            });
        }
        Ok(todo)
    }

    /// Stages one piece.
    fn piece(&self, piece: &Piece, scratch: &Path, options: &BuildOptions) -> Result<Done, BuildError> {
        let range = Some(piece.range());
        let planned = PlannedFile { piece: range, ..PlannedFile::new(piece.path.clone(), piece.file_size) };
        let plan = BuildPlan { read: vec![planned], ..BuildPlan::default() };
        let changed = BuildError::ChangedSincePlanned;
        let known = self.nothing();
        let (reading, _) = read_planned(plan, &known, scratch, self.config, options, self.progress, changed)?;
        let Some((path, entry)) = reading.pieces.first().cloned() else { return Ok(Done { reading, staged: None }) };
        self.progress.begin_writing();
        let staged = self.stager.stage_piece(&reading.runs, path, entry, reading.bounds, options.threads)?;
        Ok(Done { reading: ReadTraces { runs: Vec::new(), ..reading }, staged: Some(staged) })
    }

    /// What is known where pieces are read: which trace theirs is, an ingest tells.
    fn nothing(&self) -> KnownTraces {
        KnownTraces::of_bundles(self.stager, &StagedBefore::default())
    }

    fn say_duplicates<'a>(
        &mut self,
        known: &KnownTraces,
        duplicates: impl Iterator<Item = &'a (PathBuf, DuplicateEntry)>,
    ) {
        let names = &known.names;
        let said = duplicates.map(|(path, entry)| DuplicateTrace::new(names, &names.name_of(path), entry));
        self.report.input.duplicates.extend(said);
        self.report.input.duplicates.sort();
    }

    fn read(
        &mut self,
        plan: BuildPlan,
        known: &KnownTraces,
        changed: impl Fn(Vec<PathBuf>) -> BuildError,
    ) -> Result<ReadTraces, BuildError> {
        let (scratch, config, options) = (self.stager.scratch(), self.config, self.options);
        let (mut reading, known) = read_planned(plan, known, scratch, config, options, self.progress, changed)?;
        self.count(&mut reading);
        self.report.input.known.extend(known);
        Ok(reading)
    }

    /// Finds lost records of processes that are in one trace from `start` to `end`; others an ingest finds.
    fn find_lost(&self, reading: &mut ReadTraces) -> Result<(), BuildError> {
        fn name_of(path: &Path) -> Vec<u8> {
            path.as_os_str().as_bytes().to_owned()
        }
        let ReadTraces { files, reports, .. } = reading;
        let each = files.iter().map(|(path, entry)| (path.as_os_str().as_bytes(), entry));
        let lost = each.flat_map(|file| lost::find(std::iter::once(file), false)).collect();
        lost::report(&lost, name_of, reports, &mut [], self.options.strict)
    }

    fn count(&mut self, reading: &mut ReadTraces) {
        let input = &mut self.report.input;
        input.bytes += reading.bytes;
        input.text_bytes += reading.text_bytes;
        input.spilled_tables += reading.spilled;
        input.unreadable.append(&mut reading.unreadable);
        input.not_read.append(&mut reading.not_read);
    }

    /// Says that a piece will not chain, where that shows already.
    fn note(&mut self, path: &Path, entry: &PieceEntry) {
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
