//! Reports of what a build did and what was wrong with its input.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use dft_codec::{FileCounts, FileEntry, FileFault, Unchained};
use dft_store::{DuplicateTrace, LockUnavailable, SharedProcesses, Written};
use dft_trace::{NotRead, Record, TimeFault, Unreadable, Value};

use crate::lost::LostRecords;

/// How many malformed lines of a file are reported.
pub(crate) const SHOWN: usize = 5;

/// A line that is not a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedLine {
    /// The line's number, from 1, in the file or in the piece that was read.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// A record that is skipped because its phase is unknown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SkippedRecord {
    /// The number of its line, counted like that of a [`MalformedLine`].
    pub line: u64,
    /// Its phase, as in the trace; `None` if it has none.
    pub phase: Option<String>,
}

impl SkippedRecord {
    /// How many bytes of a phase are shown at most.
    const SHOWN: usize = 40;

    pub(crate) fn of(line: u64, record: &Record<'_>) -> Self {
        let text = |text: &[u8]| String::from_utf8_lossy(&text[..text.len().min(Self::SHOWN)]).into_owned();
        let phase = match record.ph {
            Value::Null => None,
            Value::Bool(value) => Some(value.to_string()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Number(number) => Some(text(number)),
            Value::Text(phase) => Some(format!("{:?}", text(phase))),
            Value::Nested(nested) => Some(text(nested)),
        };
        Self { line, phase }
    }
}

impl fmt::Display for SkippedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.phase {
            Some(phase) => write!(f, "unknown phase {phase}"),
            None => f.write_str("no phase"),
        }
    }
}

/// What a build found in one file.
#[derive(Clone, Debug)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// Which of its bytes were read, if only a piece was.
    pub piece: Option<Range<u64>>,
    /// Counts of the lines that this build read.
    pub counts: FileCounts,
    /// Counts of the lines that earlier builds read, if any did.
    pub before: Option<FileCounts>,
    /// What is wrong with the file as a whole.
    pub fault: Option<FileFault>,
    /// Evidence that its times are not in the unit in which they were read.
    pub time_fault: Option<TimeFault>,
    /// The first few malformed lines that this build read.
    pub malformed: Vec<MalformedLine>,
    /// The first record of unknown phase that this build read.
    pub skipped: Option<SkippedRecord>,
    /// The line of the first aggregated record that this build read whose sum contradicts its count, minimum and
    /// maximum. Tracers write such records, so it is no fault of the file.
    pub inconsistent: Option<u64>,
    /// Records that its `end` records count and that are in no trace.
    pub lost: Vec<LostRecords>,
    /// Whether it has more processes, or more texts of processes, than the index keeps facts of.
    pub more_processes: bool,
}

impl FileReport {
    /// The report of a file, or a piece of one, that is indexed or staged already.
    pub(crate) fn of_known(path: PathBuf, piece: Option<Range<u64>>, entry: &FileEntry) -> Self {
        Self {
            path,
            piece,
            counts: FileCounts::default(),
            before: Some(entry.counts),
            fault: entry.fault.clone(),
            time_fault: entry.time_fault,
            malformed: Vec::new(),
            skipped: None,
            inconsistent: None,
            lost: Vec::new(),
            more_processes: entry.processes.has_more(),
        }
    }

    /// Returns the number of malformed lines, including those that earlier builds read.
    pub fn malformed_lines(&self) -> u64 {
        self.counts.malformed + self.before.map_or(0, |before| before.malformed)
    }

    /// Returns the number of records of unknown phase, including those that earlier builds read.
    pub fn skipped_records(&self) -> u64 {
        self.counts.skipped + self.before.map_or(0, |before| before.skipped)
    }

    /// Returns the place of a line, in words.
    pub fn place_of(&self, line: u64) -> String {
        match &self.piece {
            Some(piece) if piece.start > 0 => format!("line {line} after byte {}", piece.start),
            _ => format!("line {line}"),
        }
    }

    /// Returns whether anything is wrong with the file.
    pub fn is_faulty(&self) -> bool {
        let of_lines = self.malformed_lines() > 0 || self.skipped_records() > 0;
        self.fault.is_some() || self.time_fault.is_some() || of_lines || !self.lost.is_empty() || self.more_processes
    }
}

/// What a build or a staging read, and what was wrong with it.
#[derive(Debug, Default)]
pub struct InputReport {
    /// The files that were read, by path.
    pub files: Vec<FileReport>,
    /// The files that were indexed or staged already, by path.
    pub known: Vec<FileReport>,
    /// The files that have the trace of another file, by path. Nothing of them is counted.
    pub duplicates: Vec<DuplicateTrace>,
    /// The files that cannot be read, by path.
    pub unreadable: Vec<Unreadable>,
    /// The files that look like traces in a container that is not read, by path.
    pub not_read: Vec<NotRead>,
    /// What was written.
    pub written: Written,
    /// Bytes that were read, as they are on disk.
    pub bytes: u64,
    /// The size of their text, in bytes.
    pub text_bytes: u64,
    /// How many tables were written to temporary files to stay within the memory budget.
    pub spilled_tables: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl InputReport {
    /// Returns the counts of all lines that were read.
    pub fn counts(&self) -> FileCounts {
        let mut counts = FileCounts::default();
        self.files.iter().for_each(|file| counts.add(&file.counts));
        counts
    }

    /// Returns the files, read or known, with which something is wrong.
    pub fn faulty(&self) -> impl Iterator<Item = &FileReport> {
        self.files.iter().chain(&self.known).filter(|file| file.is_faulty())
    }

    /// Returns whether the input had faults.
    pub fn has_faults(&self) -> bool {
        !self.unreadable.is_empty()
            || !self.not_read.is_empty()
            || !self.duplicates.is_empty()
            || self.faulty().next().is_some()
    }
}

/// A trace of the index that another file holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedTrace {
    /// Its name in the index before.
    pub name: String,
    /// The file that holds it now.
    pub path: PathBuf,
}

/// A piece that does not end where the next piece can be read separately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnchainedPiece {
    /// The trace.
    pub trace: PathBuf,
    /// The byte of the trace, and the reason.
    pub unchained: Unchained,
}

/// What a build did.
#[derive(Debug)]
pub struct BuildReport {
    /// The index.
    pub index: PathBuf,
    /// What was read and what was wrong with it.
    pub input: InputReport,
    /// How many hashes in the index have more than one name.
    pub ambiguous_hashes: u64,
    /// Traces of the index that have another name now, or are in another file.
    pub moved: Vec<MovedTrace>,
    /// Traces of the index whose files are gone. They still count.
    pub gone: Vec<String>,
    /// Pairs of traces of the index that share records of some processes. Both count.
    pub shared_processes: Vec<SharedProcesses>,
    /// Set if the file system supports no lock for the index.
    pub no_lock: Option<LockUnavailable>,
}

/// What a validation found.
#[derive(Debug)]
pub struct ValidateReport {
    /// What was read and what was wrong with it.
    pub input: InputReport,
    /// Pairs of traces that share records of some processes. A build would count both.
    pub shared_processes: Vec<SharedProcesses>,
}

/// What a staging did.
#[derive(Debug, Default)]
pub struct StageReport {
    /// The bundles that were written or existed already.
    pub bundles: Vec<PathBuf>,
    /// What was read and what was wrong with it.
    pub input: InputReport,
    /// Pieces that do not end where the next one starts. Their traces must be staged whole. An ingest may find more.
    pub unchained: Vec<UnchainedPiece>,
}
