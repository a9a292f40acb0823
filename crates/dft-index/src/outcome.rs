//! What became of one file of a build.
//!
//! The plan, the reader and the classifier each make [`FileOutcome`]s. At the end of a build or a staging, each
//! outcome is split into what the index or the bundle stores of the file and what the report states of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dft_codec::{DuplicateEntry, FileEntry, PieceEntry};
use dft_trace::{Container, NotRead, Snapshot};

use crate::report::FileReport;

/// What became of one file.
#[derive(Debug)]
pub(crate) struct FileOutcome {
    pub(crate) path: PathBuf,
    /// The name of an indexed trace that this file holds now, where another file held it before.
    pub(crate) moved_from: Option<Vec<u8>>,
    pub(crate) state: FileState,
}

/// The ways in which a file of a build can end.
#[derive(Debug)]
pub(crate) enum FileState {
    /// All of its new bytes were read.
    Read { entry: Box<FileEntry>, report: Box<FileReport> },
    /// A piece of it was read.
    PieceRead { entry: Box<PieceEntry>, report: Box<FileReport> },
    /// Its trace is indexed already. There is an `entry` if what the index stores of it changes, such as its date.
    Known { entry: Option<Box<FileEntry>>, report: Box<FileReport> },
    /// It has the trace of another file. `known` holds if an earlier build found that.
    Duplicate { entry: Box<DuplicateEntry>, known: bool },
    /// It cannot be read.
    Unreadable(io::Error),
    /// It looks like a trace in a container that is not read.
    NotRead(Container),
    /// Its text is neither what was read of it before nor a continuation of that.
    Changed,
}

impl FileOutcome {
    pub(crate) fn new(path: PathBuf, state: FileState) -> Self {
        Self { path, moved_from: None, state }
    }

    pub(crate) fn unreadable(path: PathBuf, error: io::Error) -> Self {
        Self::new(path, FileState::Unreadable(error))
    }

    pub(crate) fn changed(path: PathBuf) -> Self {
        Self::new(path, FileState::Changed)
    }

    /// The outcome of a file whose trace is indexed; `entry` is what to store of it, if that changes.
    pub(crate) fn known(path: PathBuf, indexed: &FileEntry, entry: Option<FileEntry>) -> Self {
        let report = Box::new(FileReport::of_known(path.clone(), None, indexed));
        Self::new(path, FileState::Known { entry: entry.map(Box::new), report })
    }

    pub(crate) fn duplicate(path: PathBuf, entry: DuplicateEntry, known: bool) -> Self {
        Self::new(path, FileState::Duplicate { entry: Box::new(entry), known })
    }

    /// The entry that was read or changed of a whole file.
    pub(crate) fn entry(&self) -> Option<&FileEntry> {
        match &self.state {
            FileState::Read { entry, .. } | FileState::Known { entry: Some(entry), .. } => Some(entry),
            _ => None,
        }
    }
}

impl From<NotRead> for FileOutcome {
    fn from(NotRead { path, container }: NotRead) -> Self {
        Self::new(path, FileState::NotRead(container))
    }
}

/// The size and date of a file as it is now.
pub(crate) fn snapshot(path: &Path) -> io::Result<Snapshot> {
    Ok(Snapshot::of(&fs::metadata(path)?))
}
