//! Stages whole files, several in one bundle.

use std::collections::HashSet;
use std::path::PathBuf;

use dft_codec::{ContentHash, DuplicateEntry, FileEntry};
use dft_store::StagedBefore;
use dft_trace::{NotRead, Unreadable};

use super::bundles::BundleWriter;
use crate::error::BuildError;
use crate::faults::report_lost;
use crate::known::{KnownTraces, is_counted};
use crate::lost;
use crate::not_traces::leave_out_other_files;
use crate::outcome::{FileOutcome, FileState};
use crate::plan::{BuildPlan, PlannedFile, plan};
use crate::report::FileReport;

/// How many bytes of traces, as they are on disk, go into one bundle. A worker that dies loses at most that.
const BUNDLE: u64 = 4 << 30;

/// The files of one bundle.
#[derive(Default)]
struct BundleFiles {
    traces: Vec<(PathBuf, FileEntry)>,
    duplicates: Vec<(PathBuf, DuplicateEntry)>,
    reports: Vec<FileReport>,
}

/// Stages whole files, and reports the outcomes of `others`.
pub(super) fn stage(
    writer: &mut BundleWriter<'_>,
    files: Vec<PathBuf>,
    others: BuildPlan,
    before: &StagedBefore,
) -> Result<(), BuildError> {
    let mut known = KnownTraces::of_bundles(writer.stager, before);
    let mut before = before.clone();
    let mut plan = plan(&files, &known)?;
    plan.outcomes.extend(others.outcomes);
    leave_out_other_files(&mut plan);
    // What a trace has grown by belongs to the rows of its bundle, and cannot be staged separately.
    let is_new = |file: &PlannedFile| !known.files.contains_key(&known.names.name_of(&file.path));
    let (mut rest, grown): (Vec<_>, Vec<_>) = plan.read.drain(..).partition(is_new);
    plan.outcomes.extend(grown.into_iter().map(|file| FileOutcome::changed(file.path)));
    let shared = writer.shared.to_owned();
    let changed = |paths| BuildError::ChangedSinceStaged { shared: shared.clone(), paths };
    // The loop runs at least once, to report the other outcomes.
    loop {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|file| {
            bytes += file.size;
            bytes <= BUNDLE
        });
        let later = rest.split_off(fits.count().max(1).min(rest.len()));
        plan.read = std::mem::replace(&mut rest, later);
        let planned = std::mem::take(&mut plan);
        let mut reading = writer.read(planned, &known, writer.stager.scratch(), writer.options, changed)?;
        writer.count(&reading);
        let outcomes = std::mem::take(&mut reading.outcomes);
        let mut bundle = BundleFiles::of(outcomes, writer, &known);
        if !bundle.is_empty() {
            if writer.stager.add_staged(&mut before)? {
                let now = KnownTraces::of_bundles(writer.stager, &before);
                if bundle.has_trace_staged_since(&known, &now) {
                    // Another worker has staged one of these traces. Its rows cannot be taken out of those of the
                    // other files, so the files are planned and read again.
                    known = now;
                    plan = self::plan(&bundle.paths(), &known)?;
                    rest.splice(0..0, plan.read.drain(..));
                    continue;
                }
            }
            bundle.find_lost(writer, &known)?;
            writer.progress.begin_writing();
            let BundleFiles { traces, duplicates, reports } = bundle;
            known.files.extend(traces.iter().map(|(path, entry)| (known.names.name_of(path), entry.clone())));
            duplicates.iter().for_each(|(path, entry)| writer.report_duplicate(&known.names, path, entry));
            let (runs, threads) = (reading.runs, writer.options.threads);
            let staged = writer.stager.stage(&runs.runs, traces, duplicates, runs.bounds, threads)?;
            writer.add_bundle(staged, reports);
        }
        writer.report.input.duplicates.sort();
        if rest.is_empty() {
            return Ok(());
        }
    }
}

impl BundleFiles {
    /// Returns the files that were read for a bundle. Reports all others.
    fn of(outcomes: Vec<FileOutcome>, writer: &mut BundleWriter<'_>, known: &KnownTraces) -> Self {
        let mut bundle = Self::default();
        for FileOutcome { path, state, .. } in outcomes {
            let input = &mut writer.report.input;
            match state {
                FileState::Read { entry, report } => {
                    bundle.traces.push((path, *entry));
                    bundle.reports.push(*report);
                }
                FileState::Known { report, .. } => input.known.push(*report),
                FileState::Duplicate { entry, known: false } => bundle.duplicates.push((path, *entry)),
                FileState::Duplicate { entry, known: true } => writer.report_duplicate(&known.names, &path, &entry),
                FileState::Unreadable(error) => input.unreadable.push(Unreadable { path, error }),
                FileState::NotRead(container) => input.not_read.push(NotRead { path, container }),
                FileState::PieceRead { .. } => unreachable!("whole files are read"),
                FileState::Changed => unreachable!("a changed file is refused after reading"),
            }
        }
        bundle
    }

    fn is_empty(&self) -> bool {
        self.traces.is_empty() && self.duplicates.is_empty()
    }

    fn paths(&self) -> Vec<PathBuf> {
        let duplicates = self.duplicates.iter().map(|(path, _)| path);
        self.traces.iter().map(|(path, _)| path).chain(duplicates).cloned().collect()
    }

    /// Whether any of the files has a trace that was staged between `before` and `now`.
    fn has_trace_staged_since(&self, before: &KnownTraces, now: &KnownTraces) -> bool {
        let new = now.files.iter().filter(|(name, entry)| is_counted(entry) && !before.files.contains_key(*name));
        let texts: HashSet<ContentHash> = new.map(|(_, entry)| entry.identity.text).collect();
        self.traces.iter().any(|(_, entry)| is_counted(entry) && texts.contains(&entry.identity.text))
    }

    /// Finds lost records of processes that start and end in one trace. Those of other processes are found by an
    /// ingest.
    fn find_lost(&mut self, writer: &BundleWriter<'_>, known: &KnownTraces) -> Result<(), BuildError> {
        let names: Vec<Vec<u8>> = self.traces.iter().map(|(path, _)| known.names.name_of(path)).collect();
        let traces = names.iter().map(Vec::as_slice).zip(self.traces.iter().map(|(_, entry)| entry));
        let lost = traces.flat_map(|trace| lost::find(std::iter::once(trace), false)).collect();
        report_lost(&lost, &known.names, &mut self.reports, &mut [], writer.options.strict)
    }
}
