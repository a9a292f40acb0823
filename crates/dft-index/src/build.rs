//! One build, from the list of traces to the published index.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use dft_aggregate::Config;
use dft_codec::{Bounds, FileEntry, FileFault, NameKind};
use dft_store::{Batch, Index, IndexWriter, PublishStats};
use dft_trace::{Fault, discover};

use crate::error::BuildError;
use crate::plan::{Plan, Planned, plan};
use crate::progress::Progress;
use crate::report::{BuildReport, FileReport, MalformedLine, SHOWN, Unreadable};
use crate::workers::{FileEnd, Harvest, Tally, read};

/// How a build is done, which does not show in its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// Threads; as many as the machine has cores by default.
    pub threads: usize,
    /// What the tables of all threads may take, in bytes; 512 MiB by default.
    pub memory: u64,
    /// Whether malformed lines, truncation, damage and unreadable files are an error.
    pub strict: bool,
    /// Whether the index is made anew, whatever is in it.
    pub rebuild: bool,
}

impl Default for BuildOptions {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self { threads, memory: 512 << 20, strict: false, rebuild: false }
    }
}

/// Brings traces (files, directories, globs) into the index in the directory `index`: those that it
/// does not have yet.
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
    let found = discover(traces)?;
    if found.is_empty() {
        return Err(BuildError::NoTraces(traces.to_vec()));
    }
    let mut writer = IndexWriter::open(index, config, options.rebuild)?;
    let Plan { read: files, known, mut unreadable } = plan(&found, &writer, index)?;
    progress.begin_reading(files.len() as u64, files.iter().map(|file| file.size).sum());
    let harvest = read(&files, writer.scratch(), config, options, progress)?;
    let spilled_tables = harvest.spilled;
    let (batch, reports, failed) = gather(files, harvest);
    unreadable.extend(failed);
    unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    if options.strict {
        refuse_faults(&reports, &unreadable)?;
    }
    progress.begin_writing();
    let stats = if batch.files.is_empty() && writer.current().is_some() {
        PublishStats::default()
    } else {
        writer.publish(&batch, options.threads)?
    };
    let entries = batch.files.iter().map(|(_, entry)| entry);
    let (bytes, text_bytes) =
        entries.fold((0, 0), |(bytes, text), entry| (bytes + entry.size, text + entry.text_bytes));
    Ok(BuildReport {
        index: index.to_owned(),
        files: reports,
        known,
        unreadable,
        rows: stats.rows,
        telemetry_rows: stats.telemetry,
        ambiguous_hashes: writer.current().map_or(Ok(0), ambiguous_hashes)?,
        bytes,
        text_bytes,
        spilled_tables,
        elapsed: start.elapsed(),
    })
}

/// Puts together what the threads have of each file.
fn gather(files: Vec<Planned>, harvest: Harvest) -> (Batch, Vec<FileReport>, Vec<Unreadable>) {
    let Harvest { runs, bounds, mut tallies, mut ends, .. } = harvest;
    let mut by_path = BTreeMap::new();
    let mut unreadable = Vec::new();
    for (at, Planned { path, key, .. }) in files.into_iter().enumerate() {
        let Tally { mut counts, mut malformed } = tallies.remove(&at).unwrap_or_default();
        let summary = match ends.remove(&at) {
            Some(FileEnd::Read(summary)) => summary,
            Some(FileEnd::Unreadable(error)) => {
                unreadable.push(Unreadable { path, error });
                continue;
            }
            None => unreachable!("the build ended well, so every file was read"),
        };
        counts.malformed += summary.overlong_lines.len() as u64;
        malformed.extend(summary.overlong_lines.iter().take(SHOWN).map(|&line| MalformedLine {
            line,
            reason: format!("it is longer than {} MiB, the most that is read", dft_trace::MAX_LINE >> 20),
        }));
        malformed.sort_by_key(|malformed| malformed.line);
        malformed.truncate(SHOWN);
        let fault = summary.fault.map(|fault| match fault {
            Fault::Empty => FileFault::Empty,
            Fault::Truncated(place) => FileFault::Truncated(place),
            Fault::Damaged(reason) => FileFault::Damaged(reason),
        });
        let entry = FileEntry {
            size: summary.snapshot.size,
            modified_ns: summary.snapshot.modified_ns,
            fingerprint: summary.fingerprint,
            text_bytes: summary.text_bytes,
            counts,
            fault: fault.clone(),
        };
        by_path.insert(path.clone(), (key, entry, FileReport { path, counts, fault, malformed }));
    }
    let mut batch = Batch { runs, files: Vec::new(), bounds: bounds.into_iter().reduce(Bounds::union) };
    let mut reports = Vec::new();
    for (key, entry, report) in by_path.into_values() {
        batch.files.push((key, entry));
        reports.push(report);
    }
    (batch, reports, unreadable)
}

/// The first fault, as an error.
fn refuse_faults(files: &[FileReport], unreadable: &[Unreadable]) -> Result<(), BuildError> {
    if let Some(Unreadable { path, error }) = unreadable.first() {
        return Err(BuildError::Strict { path: path.clone(), fault: format!("it cannot be read: {error}") });
    }
    let Some(file) = files.iter().find(|file| file.is_faulty()) else { return Ok(()) };
    let fault = match (&file.fault, file.malformed.first()) {
        (Some(FileFault::Empty), _) => "the file is empty".to_owned(),
        (Some(FileFault::Truncated(place)), _) => format!("truncated: {place}"),
        (Some(FileFault::Damaged(reason)), _) => format!("damaged: {reason}"),
        (None, Some(MalformedLine { line, reason })) => format!("line {line} is malformed: {reason}"),
        (None, None) => "it has malformed lines".to_owned(),
    };
    Err(BuildError::Strict { path: file.path.clone(), fault })
}

fn ambiguous_hashes(index: &Index) -> Result<u64, BuildError> {
    let mut ambiguous = 0;
    for kind in NameKind::ALL {
        ambiguous += index.names(kind)?.ambiguous() as u64;
    }
    Ok(ambiguous)
}
