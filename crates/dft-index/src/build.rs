//! One build, from the list of traces to the published index.

use std::path::{Path, PathBuf};
use std::time::Instant;

use dft_aggregate::Config;
use dft_codec::FileFault;
use dft_store::{Batch, DuplicateTrace, IndexWriter, SharedProcesses, Written};
use dft_trace::NotRead;

use crate::error::BuildError;
use crate::file_changes::Renaming;
use crate::known::KnownTraces;
use crate::listing::list;
use crate::lost;
use crate::options::BuildOptions;
use crate::plan::{BuildPlan, plan};
use crate::progress::Progress;
use crate::reading::{ReadTraces, read};
use crate::report::{BuildReport, FileReport, InputReport, MalformedLine, Unreadable};

/// Brings traces (files, directories, globs) into the index in the directory `index`: those that it
/// does not have yet, and what others have grown by.
///
/// # Errors
///
/// [`BuildError`]; the index is then what it was.
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
    let mut aggregator = IndexWriter::open(index, config, options.rebuild)?;
    let names = aggregator.names().clone().with_source(options.source.as_deref());
    let known_traces = KnownTraces::of_index(aggregator.current()?, names)?;
    let mut plan = plan(&found.files, &known_traces)?;
    plan.add_others(found.unreadable, found.not_read);
    if plan.leave_out_others() {
        return Err(BuildError::NotTraces(found.files));
    }
    let redated = (std::mem::take(&mut plan.redated), std::mem::take(&mut plan.redated_duplicates));
    let changed = |paths| BuildError::Changed { index: index.to_owned(), paths };
    if !plan.read.is_empty() {
        aggregator.begin();
    }
    let scratch = aggregator.scratch();
    let (mut reading, mut known) = read_planned(plan, &known_traces, scratch, config, options, progress, changed)?;
    if aggregator.current()?.is_none() {
        refuse_empty(&reading.reports, &reading.unreadable)?;
    }
    progress.begin_writing();
    let gone = known_traces.gone(&found.files);
    let renaming = Renaming::of(&known_traces, &mut reading, redated, gone);
    renaming.refuse_duplicates(index, &reading, &known_traces)?;
    // The records of a process may be spread over traces that are read now, and others.
    let lost = lost::find(renaming.traces.iter().map(|(name, entry)| (name.as_slice(), entry)), true);
    let names = &known_traces.names;
    lost::report(&lost, |path| names.name_of(path), &mut reading.reports, &mut known, options.strict)?;
    drop(lost);
    let Renaming { files, changes, duplicates, moved, gone, traces } = renaming;
    let batch = Batch { runs: reading.runs, files, bounds: reading.bounds, changes };
    let nothing_new = batch.files.is_empty() && batch.changes.is_empty();
    let written = if nothing_new && aggregator.current()?.is_some() {
        Written::default()
    } else {
        aggregator.publish(&batch, options.threads)?
    };
    let place = |(path, entry): &(PathBuf, _)| DuplicateTrace::new(names, &names.name_of(path), entry);
    Ok(BuildReport {
        index: index.to_owned(),
        input: InputReport {
            files: reading.reports,
            known,
            duplicates: duplicates.iter().map(place).collect(),
            unreadable: reading.unreadable,
            not_read: reading.not_read,
            written,
            bytes: reading.bytes,
            text_bytes: reading.text_bytes,
            spilled_tables: reading.spilled,
            elapsed: start.elapsed(),
        },
        ambiguous_hashes: aggregator.ambiguous_hashes()?,
        moved,
        gone,
        shared_processes: SharedProcesses::among(names, traces.iter()),
        no_lock: aggregator.no_lock().cloned(),
    })
}

/// Reads what is planned. Files that are not what is known of them, and, where the build is strict,
/// faults, are errors.
pub(crate) fn read_planned(
    plan: BuildPlan,
    known: &KnownTraces,
    scratch: &Path,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
    changed: impl Fn(Vec<PathBuf>) -> BuildError,
) -> Result<(ReadTraces, Vec<FileReport>), BuildError> {
    if !plan.changed.is_empty() {
        return Err(changed(plan.changed));
    }
    let mut reading = read(plan.read, plan.unclassified, known, scratch, config, options, progress)?;
    if !reading.changed.is_empty() {
        return Err(changed(reading.changed));
    }
    reading.unreadable.extend(plan.unreadable);
    reading.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    reading.not_read = plan.not_read;
    if options.strict {
        refuse_faults(&reading)?;
        if let Some((path, entry)) = reading.duplicates.first() {
            let fault = DuplicateTrace::new(&known.names, &known.names.name_of(path), entry).what();
            return Err(BuildError::Strict { path: path.clone(), fault });
        }
    }
    // Some may have become duplicates of traces that were read.
    let mut known: Vec<_> = plan.known;
    known.retain(|report| reading.duplicates.iter().all(|(path, _)| *path != report.path));
    known.append(&mut reading.known);
    known.sort_by(|a, b| a.path.cmp(&b.path));
    reading.duplicates.extend(plan.duplicates);
    reading.duplicates.sort_by(|a, b| a.0.cmp(&b.0));
    Ok((reading, known))
}

/// The first fault, as an error.
fn refuse_faults(reading: &ReadTraces) -> Result<(), BuildError> {
    if let Some(unreadable) = reading.unreadable.first() {
        return Err(BuildError::Strict { path: unreadable.path.clone(), fault: cannot_be_read(unreadable) });
    }
    if let Some(NotRead { path, container }) = reading.not_read.first() {
        return Err(BuildError::Strict { path: path.clone(), fault: format!("it is not read: {container}") });
    }
    // What is known was accepted before.
    match reading.reports.iter().find_map(|file| Some((file, fault_of(file)?))) {
        Some((file, fault)) => Err(BuildError::Strict { path: file.path.clone(), fault }),
        None => Ok(()),
    }
}

/// Refuses files that have not a single record: there is nothing to make an index of.
fn refuse_empty(files: &[FileReport], unreadable: &[Unreadable]) -> Result<(), BuildError> {
    if files.iter().any(|file| file.counts.understood() > 0) {
        return Ok(());
    }
    let unreadable = unreadable.iter().map(|file| (file.path.clone(), Some(cannot_be_read(file))));
    let mut files: Vec<_> = files.iter().map(|file| (file.path.clone(), fault_of(file))).chain(unreadable).collect();
    files.sort();
    Err(BuildError::NoRecords(files))
}

fn cannot_be_read(file: &Unreadable) -> String {
    format!("it cannot be read: {}", file.error)
}

/// What is wrong with a file, first of all.
fn fault_of(file: &FileReport) -> Option<String> {
    match (&file.fault, file.malformed.first()) {
        (Some(FileFault::Empty), _) => Some("the file is empty".to_owned()),
        (Some(FileFault::Truncated(place)), _) => Some(format!("truncated: {place}")),
        (Some(FileFault::Damaged(reason)), _) => Some(format!("damaged: {reason}")),
        (None, Some(MalformedLine { line, reason })) => {
            Some(format!("{} is malformed: {reason}", file.place_of(*line)))
        }
        (None, None) => match (&file.skipped, &file.time_fault) {
            (Some(skipped), _) => Some(format!("{} has {skipped}", file.place_of(skipped.line))),
            (None, Some(fault)) => Some(fault.to_string()),
            (None, None) if file.counts.malformed > 0 => Some("it has malformed lines".to_owned()),
            (None, None) => file.more_processes.then(|| "it has more processes than facts are kept of".to_owned()),
        },
    }
}
