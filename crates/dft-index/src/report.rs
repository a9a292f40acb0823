//! What a build did, and what was wrong with its input.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use dft_codec::{FileCounts, FileFault};

/// How many malformed lines of a file are shown.
pub(crate) const SHOWN: usize = 5;

/// A line that is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What was read of a file.
#[derive(Clone, Debug)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// What its lines were.
    pub counts: FileCounts,
    /// What was wrong with it as a whole.
    pub fault: Option<FileFault>,
    /// The first few of its malformed lines. Empty of a file that was read by an earlier build.
    pub malformed: Vec<MalformedLine>,
}

impl FileReport {
    /// Whether anything was wrong with the file.
    pub fn is_faulty(&self) -> bool {
        self.fault.is_some() || self.counts.malformed > 0
    }
}

/// A file that could not be opened, and is not in the index.
#[derive(Debug)]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

/// What a build did.
#[derive(Debug)]
pub struct BuildReport {
    /// The index.
    pub index: PathBuf,
    /// The files that this build read, by path.
    pub files: Vec<FileReport>,
    /// The files that the index had already, by path.
    pub known: Vec<FileReport>,
    /// The files that could not be opened.
    pub unreadable: Vec<Unreadable>,
    /// Rows written: additions to rows of the index, or new ones.
    pub rows: u64,
    /// Telemetry rows written.
    pub telemetry_rows: u64,
    /// How many hashes in the index have more than one name.
    pub ambiguous_hashes: u64,
    /// Bytes that were read, as they are on disk.
    pub bytes: u64,
    /// Bytes of text that those were.
    pub text_bytes: u64,
    /// How many tables were written to disk for a while to stay within the memory budget.
    pub spilled_tables: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl BuildReport {
    /// What the lines that this build read were.
    pub fn counts(&self) -> FileCounts {
        let mut counts = FileCounts::default();
        self.files.iter().for_each(|file| counts.add(&file.counts));
        counts
    }

    /// Every file with which anything is wrong that is in the index, by path.
    pub fn faulty(&self) -> impl Iterator<Item = &FileReport> {
        self.files.iter().chain(&self.known).filter(|file| file.is_faulty())
    }

    /// Whether the input had faults.
    pub fn has_faults(&self) -> bool {
        !self.unreadable.is_empty() || self.faulty().next().is_some()
    }
}
