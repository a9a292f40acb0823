//! A worker's part of a staged build: traces to bundles in a shared directory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use dft_aggregate::Config;
use dft_store::{Staged, Stager, Written};
use dft_trace::discover;

use crate::build::{BuildOptions, read_planned};
use crate::error::BuildError;
use crate::part::Part;
use crate::plan::plan;
use crate::progress::Progress;
use crate::report::StageReport;

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
/// shared directory yet.
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
    let mine = part.of(found);
    let stager = Stager::open(&to.staging, &to.shared, config)?;
    let staged: BTreeMap<_, _> = stager.staged()?.into_iter().collect();
    let mut plan = plan(&mine, |trace| Ok(staged.get(trace).cloned()))?;
    // What a trace has grown by belongs to its bundle's rows, and cannot be staged on its own.
    let (mut rest, grown): (Vec<_>, Vec<_>) = plan.read.drain(..).partition(|file| file.before.is_none());
    plan.changed.extend(grown.into_iter().map(|file| file.path));
    let changed = |paths| BuildError::ChangedSinceStaged { shared: to.shared.clone(), paths };
    let mut report = StageReport::default();
    // Once also without any file, for what is wrong with the others.
    loop {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|file| {
            bytes += file.size;
            bytes <= BUNDLE
        });
        let behind = rest.split_off(fits.count().max(1).min(rest.len()));
        plan.read = std::mem::replace(&mut rest, behind);
        let (reading, known) =
            read_planned(std::mem::take(&mut plan), stager.scratch(), config, options, progress, changed)?;
        let input = &mut report.input;
        input.bytes += reading.bytes;
        input.text_bytes += reading.text_bytes;
        input.spilled_tables += reading.spilled;
        input.known.extend(known);
        input.unreadable.extend(reading.unreadable);
        if !reading.files.is_empty() {
            progress.begin_writing();
            let Staged { path, known, written } =
                stager.stage(&reading.runs, reading.files, reading.bounds, options.threads)?;
            input.files.extend(reading.reports);
            input.written += if known { Written::default() } else { written };
            report.bundles.push(path);
        }
        if rest.is_empty() {
            break;
        }
    }
    report.input.files.sort_by(|a, b| a.path.cmp(&b.path));
    report.input.elapsed = start.elapsed();
    Ok(report)
}
