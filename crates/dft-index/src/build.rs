//! One build, from the list of traces to the committed index.

use std::path::{Path, PathBuf};
use std::time::Instant;

use dft_aggregate::Config;
use dft_store::{Batch, IndexWriter, SharedProcesses, Written};

use crate::error::BuildError;
use crate::faults::{refuse_empty, report_lost};
use crate::file_changes::FileChanges;
use crate::known::KnownTraces;
use crate::listing::list;
use crate::lost;
use crate::not_traces::leave_out_other_files;
use crate::options::BuildOptions;
use crate::plan::plan;
use crate::progress::Progress;
use crate::reading::read_planned;
use crate::report::{BuildReport, InputReport};

/// Adds traces (files, directories, globs) to the index in the directory `index`: traces that it does not have yet,
/// and what known traces have grown by.
///
/// # Errors
///
/// Returns a [`BuildError`]. The index is unchanged then, except after
/// [`StoreError::Committed`](dft_store::StoreError::Committed): everything was added, but may not survive a power loss.
pub fn build(
    traces: &[PathBuf],
    index: &Path,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<BuildReport, BuildError> {
    let start = Instant::now();
    config.check()?;
    options.check()?;
    let found = list(traces)?;
    let mut writer = IndexWriter::open(index, config, options.rebuild)?;
    let names = writer.names().clone().with_source(options.source.as_deref());
    let known = KnownTraces::of_index(writer.current()?, names)?;
    let mut plan = plan(&found.files, &known)?;
    plan.add_found(found.unreadable, found.not_read);
    if leave_out_other_files(&mut plan) {
        return Err(BuildError::NotTraces(found.files));
    }
    if !plan.read.is_empty() {
        writer.begin();
    }
    let changed = |paths| BuildError::Changed { index: index.to_owned(), paths };
    let reading = read_planned(plan, &known, Some(writer.scratch()), config, options, progress, changed)?;
    if writer.current()?.is_none() {
        refuse_empty(&reading.outcomes)?;
    }
    progress.begin_writing();
    let mut input = InputReport {
        bytes: reading.bytes.on_disk,
        text_bytes: reading.bytes.text,
        spilled_tables: reading.runs.spilled,
        ..InputReport::default()
    };
    let gone = known.gone(&found.files);
    let changes = FileChanges::of(&known, reading.outcomes, &gone, &mut input);
    changes.refuse_grown_duplicates(index, &input.files, &known)?;
    // The records of a process may be spread over traces that this build reads and others.
    let entries = changes.traces.iter().map(|(name, entry)| (name.as_slice(), entry));
    let lost = lost::find(entries, true);
    report_lost(&lost, &known.names, &mut input.files, &mut input.known, options.strict)?;
    drop(lost);
    let FileChanges { files, changes, moved, gone, traces } = changes;
    let batch = Batch { runs: reading.runs.runs, files, bounds: reading.runs.bounds, changes };
    let nothing_new = batch.files.is_empty() && batch.changes.is_empty();
    input.written = if nothing_new && writer.current()?.is_some() {
        Written::default()
    } else {
        writer.publish(&batch, options.threads)?
    };
    input.elapsed = start.elapsed();
    Ok(BuildReport {
        index: index.to_owned(),
        input,
        ambiguous_hashes: writer.ambiguous_hashes()?,
        moved,
        gone,
        shared_processes: SharedProcesses::among(&known.names, traces.iter()),
        no_lock: writer.no_lock().cloned(),
    })
}
