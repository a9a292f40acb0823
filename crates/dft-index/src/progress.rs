//! How far a build is, for another thread to look at, and the way to stop it.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// What a build is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Finding out which files there are.
    Listing,
    /// Reading traces.
    Reading,
    /// Merging and writing what was read.
    Writing,
}

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgressState {
    /// What it is doing.
    pub stage: Stage,
    /// Files to read.
    pub files: u64,
    /// Files that were read to their end.
    pub files_read: u64,
    /// Bytes to read, as they are on disk.
    pub bytes: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Records read.
    pub records: u64,
}

/// Shared between a build and whoever watches it.
#[derive(Debug, Default)]
pub struct Progress {
    stage: AtomicU8,
    files: AtomicU64,
    files_read: AtomicU64,
    bytes: AtomicU64,
    bytes_read: AtomicU64,
    records: AtomicU64,
    cancelled: AtomicBool,
}

// The numbers are for people to look at, and none is read to decide about another.
const ORDER: Ordering = Ordering::Relaxed;

impl Progress {
    /// How far the build is.
    pub fn state(&self) -> ProgressState {
        ProgressState {
            stage: match self.stage.load(ORDER) {
                0 => Stage::Listing,
                1 => Stage::Reading,
                _ => Stage::Writing,
            },
            files: self.files.load(ORDER),
            files_read: self.files_read.load(ORDER),
            bytes: self.bytes.load(ORDER),
            bytes_read: self.bytes_read.load(ORDER),
            records: self.records.load(ORDER),
        }
    }

    /// Asks the build to stop. It ends with [`BuildError::Cancelled`](crate::BuildError::Cancelled)
    /// soon after, and the index stays as it was; a build that is writing already goes on to its end.
    pub fn cancel(&self) {
        self.cancelled.store(true, ORDER);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(ORDER)
    }

    pub(crate) fn begin_reading(&self, files: u64, bytes: u64) {
        // A staging reads in several goes.
        self.files.fetch_add(files, ORDER);
        self.bytes.fetch_add(bytes, ORDER);
        self.stage.store(1, ORDER);
    }

    pub(crate) fn begin_writing(&self) {
        self.stage.store(2, ORDER);
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, ORDER);
    }

    pub(crate) fn add_records(&self, records: u64) {
        self.records.fetch_add(records, ORDER);
    }

    pub(crate) fn add_file(&self) {
        self.files_read.fetch_add(1, ORDER);
    }
}
