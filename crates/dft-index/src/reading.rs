//! Reads planned files into tables, and finds what became of each file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use dft_aggregate::Config;

use crate::classify::classify;
use crate::error::BuildError;
use crate::faults::refuse_faults;
use crate::known::KnownTraces;
use crate::opening_filter::OpeningFilter;
use crate::options::BuildOptions;
use crate::outcome::{FileOutcome, FileState};
use crate::plan::{BuildPlan, PlannedFile, Unclassified};
use crate::progress::Progress;
use crate::read_file::{ReadBytes, read_outcome};
use crate::spilling::{AggregatedRuns, SpillLimits};
use crate::tally::ReadEnd;
use crate::workers::{WorkerOutput, read_files};

/// What was read of the files of a plan.
#[derive(Default)]
pub(crate) struct ReadTraces {
    pub(crate) runs: AggregatedRuns,
    /// One outcome per file of the plan, by path.
    pub(crate) outcomes: Vec<FileOutcome>,
    pub(crate) bytes: ReadBytes,
}

/// Reads what is planned into tables. Runs that exceed the memory budget are written to `scratch`; without it, rows are
/// discarded.
///
/// Changed files are an error, made by `changed`. If the build is strict, faults are errors too.
pub(crate) fn read_planned(
    plan: BuildPlan,
    known: &KnownTraces,
    scratch: Option<&Path>,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
    changed: impl Fn(Vec<PathBuf>) -> BuildError,
) -> Result<ReadTraces, BuildError> {
    let BuildPlan { read, unclassified, outcomes: mut planned } = plan;
    refuse_changed(&planned, &changed)?;
    let mut reading = self::read(read, unclassified, known, scratch, config, options, progress)?;
    refuse_changed(&reading.outcomes, &changed)?;
    // A known trace may have become a duplicate of one that was read.
    let duplicates = reading.outcomes.iter().filter(|outcome| matches!(outcome.state, FileState::Duplicate { .. }));
    let duplicates: HashSet<&PathBuf> = duplicates.map(|outcome| &outcome.path).collect();
    planned.retain(|outcome| !duplicates.contains(&outcome.path));
    reading.outcomes.append(&mut planned);
    reading.outcomes.sort_by(|a, b| a.path.cmp(&b.path));
    if options.strict {
        refuse_faults(&reading.outcomes, &known.names)?;
    }
    Ok(reading)
}

fn refuse_changed(outcomes: &[FileOutcome], changed: impl Fn(Vec<PathBuf>) -> BuildError) -> Result<(), BuildError> {
    let files = outcomes.iter().filter(|outcome| matches!(outcome.state, FileState::Changed));
    let mut paths: Vec<PathBuf> = files.map(|outcome| outcome.path.clone()).collect();
    paths.sort();
    if paths.is_empty() { Ok(()) } else { Err(changed(paths)) }
}

/// Reads files. A file that may have the trace of another one, known or among them, is read only if it does not.
fn read(
    files: Vec<PlannedFile>,
    mut unclassified: Vec<Unclassified>,
    known: &KnownTraces,
    scratch: Option<&Path>,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<ReadTraces, BuildError> {
    let sizes = files.iter().map(PlannedFile::new_bytes).chain(unclassified.iter().map(|file| file.size));
    progress.begin_reading((files.len() + unclassified.len()) as u64, sizes.sum());
    let opening_filter = OpeningFilter::new(known.files.values());
    let threads = options.threads.max(1);
    let limits = SpillLimits::new(scratch, options.memory, threads);
    let mut reading = ReadTraces::default();
    let output = read_files(&files, &opening_filter, &limits, config, threads, progress)?;
    reading.add(files, output, known, &mut unclassified);
    if !unclassified.is_empty() {
        let files = classify(unclassified, known, &mut reading.outcomes, options.threads, progress)?;
        let output = read_files(&files, &opening_filter, &limits, config, threads, progress)?;
        reading.add(files, output, known, &mut Vec::new());
    }
    Ok(reading)
}

impl ReadTraces {
    /// Adds what was read of files. A file that only its text can classify is added to `unclassified`.
    fn add(
        &mut self,
        files: Vec<PlannedFile>,
        output: WorkerOutput,
        known: &KnownTraces,
        unclassified: &mut Vec<Unclassified>,
    ) {
        let WorkerOutput { runs, files: mut tallies } = output;
        self.runs.add(runs);
        for (at, file) in files.into_iter().enumerate() {
            let mut tally = tallies.remove(&at).unwrap_or_default();
            match tally.end.take() {
                Some(ReadEnd::Complete(summary, clock)) => {
                    self.outcomes.push(read_outcome(file, *summary, clock, tally, &mut self.bytes));
                }
                Some(ReadEnd::Unreadable(error)) => self.outcomes.push(FileOutcome::unreadable(file.path, error)),
                Some(ReadEnd::Deferred) => {
                    unclassified.push(Unclassified { path: file.path, size: file.size, own: None });
                }
                // The file may hold the same text, compressed differently.
                Some(ReadEnd::Changed) if known.can_move && file.classified.is_none() && file.before.is_some() => {
                    unclassified.push(Unclassified { path: file.path, size: file.size, own: file.before });
                }
                Some(ReadEnd::Changed) => self.outcomes.push(FileOutcome::changed(file.path)),
                None => unreachable!("no thread failed, so every file has an end"),
            }
        }
    }
}
