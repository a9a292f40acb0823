//! What can go wrong with an index, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use dft_aggregate::{Config, MergeError, RunError};
use dft_codec::{DecodeError, SeriesIdentity};
use dft_io::Show;

/// Why an index cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The path has no index.
    #[error("{}: no index here; create one with `dft index`", .0.shown())]
    NoIndex(PathBuf),
    /// The directory to be replaced by an index is not an index.
    #[error(
        "{}: it contains {found}, so it is not an index, and is left unchanged; \
         choose another --index, or remove it first",
        .path.shown()
    )]
    NotAnIndex {
        /// The directory.
        path: PathBuf,
        /// The name of an entry in it.
        found: String,
    },
    /// No trace in any bundle has a record, and there is no index yet.
    #[error("{}: no trace in the bundles here has a record, so no index was created; the bundles are kept", .0.shown())]
    NoRecords(PathBuf),
    /// Another process is writing the index.
    #[error("{}: another process is writing this index; wait until it is done", .0.shown())]
    Locked(PathBuf),
    /// The index has another configuration.
    #[error(
        "{}: the index has another configuration\n  it has:    {stored}\n  requested: {wanted}\n\
         give the same options, another --index, or --rebuild to rebuild it",
        .path.shown()
    )]
    Config {
        /// The index.
        path: PathBuf,
        /// The configuration of the index.
        stored: Box<Config>,
        /// The requested configuration.
        wanted: Box<Config>,
    },
    /// Another writer published after this one opened the index.
    #[error("{}: another writer changed the index meanwhile, so nothing was added; run it again", .0.shown())]
    Changed(PathBuf),
    /// The generation was committed, but a later step failed, so it may not survive a power loss.
    #[error("{}: the index was updated, but then a step failed: {source}", .path.shown())]
    Committed {
        /// The index.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// This program does not read the index's format.
    #[error("{}: the index has format {found}, this program reads {known}; rebuild it with --rebuild", .path.shown())]
    Format {
        /// The index.
        path: PathBuf,
        /// The format of the index.
        found: String,
        /// The format that this program reads.
        known: u32,
    },
    /// A bundle is incomplete, or differs from what was staged.
    #[error("{}: the bundle is damaged: {what}; remove it and stage its traces again", .path.shown())]
    Bundle {
        /// The bundle, or one of its files.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// This program does not read the bundle's format.
    #[error(
        "{}: the bundle has format {found}, this program reads {known}; remove it and stage its traces again",
        .path.shown()
    )]
    BundleFormat {
        /// The bundle.
        path: PathBuf,
        /// The format of the bundle.
        found: u64,
        /// The format that this program reads.
        known: u32,
    },
    /// A bundle has another configuration.
    #[error(
        "{}: the bundle has another configuration\n  it has:   {found}\n  required: {wanted}\n\
         ingest it into a separate index, or remove it and stage its traces with the same options",
        .path.shown()
    )]
    BundleConfig {
        /// The bundle.
        path: PathBuf,
        /// The configuration of the bundle.
        found: Box<Config>,
        /// The configuration of the index, or of the other bundles.
        wanted: Box<Config>,
    },
    /// The index has a trace of a bundle with different contents.
    #[error(
        "{}: {} is already indexed with different contents; if the trace only grew, run `dft index`; otherwise remove \
         the bundle or rebuild the index",
        .path.shown(),
        .trace.shown()
    )]
    BundleChanged {
        /// The bundle.
        path: PathBuf,
        /// The trace.
        trace: PathBuf,
    },
    /// Some traces of a bundle are already indexed, and others are not.
    #[error(
        "{}: {}{} already indexed, but {} is not, and a bundle cannot be ingested in part; run `dft index` for the \
         missing traces, then remove the bundle",
        .path.shown(),
        .trace.shown(),
        others(*.more),
        .new.shown()
    )]
    BundleOverlaps {
        /// The bundle.
        path: PathBuf,
        /// A trace that is already indexed.
        trace: PathBuf,
        /// How many others are already indexed.
        more: usize,
        /// A trace that is not indexed.
        new: PathBuf,
    },
    /// Some traces of a bundle have the text of indexed traces, and others are not indexed.
    #[error(
        "{}: {trace} has the same text as {of}{}, which is already indexed, but {} is not, and a bundle cannot be \
         ingested in part; run `dft index` for the missing traces, then remove the bundle",
        .path.shown(),
        copies(*.more),
        .new.shown()
    )]
    BundleDuplicates {
        /// The bundle.
        path: PathBuf,
        /// A trace that is a duplicate.
        trace: String,
        /// The indexed trace that has the same text.
        of: String,
        /// How many other duplicates the bundle has.
        more: usize,
        /// A trace that is not indexed.
        new: PathBuf,
    },
    /// This process was forked while a thread of its parent was working on an index.
    #[error(
        "this process was forked while another thread of its parent was working on an index, so it cannot open one; \
         fork when no such call is running, or start the process by executing a program (in Python: \
         multiprocessing's \"spawn\" or \"forkserver\")"
    )]
    Forked,
    /// The system refuses memory or threads that RocksDB needs; without them RocksDB would end the process.
    #[error(
        "the system gives no more {what}, which an index needs ({source}); raise the limit ({how}) and run it again"
    )]
    NoRoom {
        /// The resource.
        what: &'static str,
        /// The error of the system.
        source: io::Error,
        /// The limit to raise.
        how: &'static str,
    },
    /// RocksDB reported an error.
    #[error("{}: cannot {action}: {source}{}", .path.shown(), advice(.source))]
    Rocks {
        /// The index.
        path: PathBuf,
        /// What this program tried to do.
        action: &'static str,
        /// RocksDB's error.
        source: rocksdb::Error,
    },
    /// An entry of the index does not decode.
    #[error("{}: {family} key {key} is damaged: {source}; rebuild the index with --rebuild", .path.shown())]
    Entry {
        /// The index.
        path: PathBuf,
        /// The column family.
        family: &'static str,
        /// The key, printable.
        key: String,
        /// What is wrong.
        source: DecodeError,
    },
    /// Something that the index must have is missing or wrong.
    #[error("{}: the index is damaged: {what}; rebuild it with --rebuild", .path.shown())]
    Damaged {
        /// The index, or one of its files.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A file or directory that is not sealed lies among the index's files.
    #[error("{}: not part of the index, and not read; remove it", .0.shown())]
    Stray(PathBuf),
    /// Two series have the same id.
    #[error("two series have the same id, so their rows cannot be told apart: {first:?} and {second:?}")]
    SeriesClash {
        /// One identity.
        first: Box<SeriesIdentity>,
        /// The other.
        second: Box<SeriesIdentity>,
    },
    /// An entry of the build's table in memory does not decode.
    #[error("an entry of the build's table is damaged: {0}")]
    Table(DecodeError),
    /// RocksDB's threads cannot be ended.
    #[error("cannot end the threads of RocksDB: {0}")]
    Threads(rocksdb::Error),
    /// The temporary entries of the build cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The system reported an error.
    #[error("{}: {source}{}", .path.shown(), dft_io::advice(.source))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

fn advice(error: &rocksdb::Error) -> &'static str {
    // RocksDB reports the system's errors as text only.
    const SYSTEM: [(&str, io::ErrorKind); 5] = [
        ("No space left on device", io::ErrorKind::StorageFull),
        ("Disk quota exceeded", io::ErrorKind::QuotaExceeded),
        ("File too large", io::ErrorKind::FileTooLarge),
        ("Permission denied", io::ErrorKind::PermissionDenied),
        ("Read-only file system", io::ErrorKind::ReadOnlyFilesystem),
    ];
    let text = error.to_string();
    if text.contains("Too many open files") {
        return dft_io::OPEN_FILES;
    }
    SYSTEM.iter().find(|(says, _)| text.contains(says)).map_or("", |(_, kind)| dft_io::advice_of(*kind))
}

/// Returns the damaged file and a description if an error of RocksDB reports corruption in `directory`.
fn damage(directory: &Path, error: &rocksdb::Error) -> Option<(PathBuf, String)> {
    const CORRUPTION: &str = "Corruption: ";
    let text = error.to_string();
    // Some reads wrap a corruption in an error of another kind.
    let at = text.find(CORRUPTION)?;
    let what = &text[at + CORRUPTION.len()..];
    // RocksDB adds this text to every error that it finds in a file.
    let what = what.split_once("  The file ").map_or(what, |(what, _)| what);
    let named = directory.to_str().and_then(|directory| {
        let (what, name) = what.split_at(what.find(directory)?);
        let name = &name[..name.find(".sst")? + ".sst".len()];
        Some((PathBuf::from(name), what.trim_end().trim_end_matches(" in").trim_end_matches(':')))
    });
    let (path, what) = named.unwrap_or_else(|| (directory.to_owned(), what));
    Some((path, what.trim_end().to_owned()))
}

fn copies(more: usize) -> String {
    match more {
        0 => String::new(),
        more => format!(" (and {more} more duplicates)"),
    }
}

fn others(more: usize) -> String {
    match more {
        0 => " is".to_owned(),
        more => format!(" and {more} more are"),
    }
}

impl StoreError {
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn rocks(path: &Path, action: &'static str) -> impl Fn(rocksdb::Error) -> Self {
        move |source| match damage(path, &source) {
            Some((path, what)) => Self::Damaged { path, what },
            None => Self::Rocks { path: path.to_owned(), action, source },
        }
    }

    pub(crate) fn entry(path: &Path, family: &'static str, key: &[u8], source: DecodeError) -> Self {
        Self::Entry { path: path.to_owned(), family, key: printable(key), source }
    }
}

impl From<MergeError<StoreError>> for StoreError {
    fn from(error: MergeError<StoreError>) -> Self {
        match error {
            MergeError::Run(error) => Self::Run(error),
            MergeError::Decode(source) => Self::Table(source),
            MergeError::SeriesClash { first, second } => Self::SeriesClash { first, second },
            MergeError::Sink(error) => error,
        }
    }
}

/// Returns a key as people can read and search for it: as text if it is text, else as hexadecimal.
fn printable(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.chars().any(char::is_control) => format!("{text:?}"),
        _ => key.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
