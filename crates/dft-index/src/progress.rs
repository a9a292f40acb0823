//! How far a build is, for another thread to watch, and a way to stop it.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// What a build is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildPhase {
    /// Finding out which files there are.
    Listing,
    /// Reading traces.
    Reading,
    /// Merging and writing what was read.
    Writing,
}

impl BuildPhase {
    /// Returns the phase's number: 0 listing, 1 reading, 2 writing.
    pub fn number(self) -> u32 {
        match self {
            Self::Listing => 0,
            Self::Reading => 1,
            Self::Writing => 2,
        }
    }
}

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgressState {
    /// What the build is doing.
    pub phase: BuildPhase,
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

/// The progress of a build, shared between the build and a thread that watches it. The default is that of a build that
/// has not started.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    files: AtomicU64,
    files_read: AtomicU64,
    bytes: AtomicU64,
    bytes_read: AtomicU64,
    records: AtomicU64,
    cancelled: AtomicBool,
}

// The numbers are only shown. None decides how another one is read.
const ORDER: Ordering = Ordering::Relaxed;

impl Progress {
    /// Returns how far the build is.
    pub fn state(&self) -> ProgressState {
        ProgressState {
            phase: match self.phase.load(ORDER) {
                0 => BuildPhase::Listing,
                1 => BuildPhase::Reading,
                _ => BuildPhase::Writing,
            },
            files: self.files.load(ORDER),
            files_read: self.files_read.load(ORDER),
            bytes: self.bytes.load(ORDER),
            bytes_read: self.bytes_read.load(ORDER),
            records: self.records.load(ORDER),
        }
    }

    /// Asks the build to stop. It ends soon after with [`BuildError::Cancelled`](crate::BuildError::Cancelled), and the
    /// index is unchanged. A build that is writing already finishes.
    pub fn cancel(&self) {
        self.cancelled.store(true, ORDER);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(ORDER)
    }

    pub(crate) fn begin_reading(&self, files: u64, bytes: u64) {
        // A staging reads in several rounds.
        self.files.fetch_add(files, ORDER);
        self.bytes.fetch_add(bytes, ORDER);
        self.phase.store(1, ORDER);
    }

    pub(crate) fn begin_writing(&self) {
        self.phase.store(2, ORDER);
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
