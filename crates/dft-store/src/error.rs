//! What can go wrong with an index, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use dft_aggregate::{Config, MergeError, RunError};
use dft_codec::{DecodeError, SeriesIdentity};
use dft_io::Show;

/// Why the index cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no index at the path.
    #[error("{}: no index here; make one with `dft index`", .0.shown())]
    NoIndex(PathBuf),
    /// What is to be replaced by an index is none.
    #[error(
        "{}: {found} is in it, so it is no index, and is left as it is; choose another --index, or remove it first",
        .path.shown()
    )]
    NotAnIndex {
        /// The directory.
        path: PathBuf,
        /// What is in it.
        found: String,
    },
    /// No trace of any bundle has a record, and there is no index yet.
    #[error("{}: no trace in the bundles here has a record, so no index was made; the bundles stay", .0.shown())]
    NoRecords(PathBuf),
    /// Another process writes the index.
    #[error("{}: another process is writing this index; wait until it is done", .0.shown())]
    Locked(PathBuf),
    /// The index was made with another configuration.
    #[error(
        "{}: the index has another configuration\n  it has:    {stored}\n  asked for: {wanted}\n\
         give the same choices, another --index, or --rebuild to make it anew",
        .path.shown()
    )]
    Config {
        /// The index.
        path: PathBuf,
        /// Its configuration.
        stored: Box<Config>,
        /// The one asked for.
        wanted: Box<Config>,
    },
    /// Another writer has published since this one opened the index.
    #[error("{}: another writer changed the index meanwhile, so nothing was added to it; run it again", .0.shown())]
    Changed(PathBuf),
    /// What was published is in force, but something failed behind that: it may not survive a loss of power.
    #[error("{}: what was added is in, but then: {source}", .path.shown())]
    Committed {
        /// The index.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The index has a format that this program does not read.
    #[error("{}: the index has format {found}, this program reads {known}; make it anew with --rebuild", .path.shown())]
    Format {
        /// The index.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The format of this program.
        known: u32,
    },
    /// A bundle is not whole, or not what was staged.
    #[error("{}: the bundle is damaged: {what}; remove it and stage its traces again", .path.shown())]
    Bundle {
        /// The bundle, or the file of it.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A bundle has a format that this program does not read.
    #[error("{}: the bundle has format {found}, this program reads {known}; remove it and stage its traces again", .path.shown())]
    BundleFormat {
        /// The bundle.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The format of this program.
        known: u32,
    },
    /// A bundle was made with another configuration.
    #[error(
        "{}: the bundle has another configuration\n  it has: {found}\n  wanted: {wanted}\n\
         ingest it into an index of its own, or remove it and stage its traces with the same choices",
        .path.shown()
    )]
    BundleConfig {
        /// The bundle.
        path: PathBuf,
        /// Its configuration.
        found: Box<Config>,
        /// The index's, or that of the other bundles.
        wanted: Box<Config>,
    },
    /// A trace in a bundle is not what is in the index of it.
    #[error(
        "{}: {} is in already, with other contents: it has changed between the two; what a trace has grown by, \
         `dft index` takes in; else remove the bundle, or make the index anew",
        .path.shown(),
        .trace.shown()
    )]
    BundleChanged {
        /// The bundle.
        path: PathBuf,
        /// The trace.
        trace: PathBuf,
    },
    /// Some traces of a bundle are in already, and others are not.
    #[error(
        "{}: {}{} in already, but {} is not, and they cannot be taken apart: `dft index` takes in what is \
         missing; then remove the bundle",
        .path.shown(),
        .trace.shown(),
        others(*.more),
        .new.shown()
    )]
    BundleOverlaps {
        /// The bundle.
        path: PathBuf,
        /// A trace that is in.
        trace: PathBuf,
        /// How many others are.
        more: usize,
        /// One that is not.
        new: PathBuf,
    },
    /// Some traces of a bundle have the text of traces that are in, and others are not in.
    #[error(
        "{}: {trace} has the same text as {of}{}, which is in already, but {} is not, and they cannot be taken apart: \
         `dft index` reads what is missing; then remove the bundle",
        .path.shown(),
        copies(*.more),
        .new.shown()
    )]
    BundleDuplicates {
        /// The bundle.
        path: PathBuf,
        /// A trace that is a duplicate.
        trace: String,
        /// The one that is in.
        of: String,
        /// How many other duplicates it has.
        more: usize,
        /// A trace that is not in.
        new: PathBuf,
    },
    /// This process was forked while a thread of its parent worked on an index.
    #[error(
        "this process was forked while another thread of its parent worked on an index, so it can open none: fork \
         when no such call is under way, or start it by executing a program (in Python: multiprocessing's \
         \"spawn\" or \"forkserver\")"
    )]
    Forked,
    /// The process may not have what RocksDB takes without asking, and would end without it.
    #[error(
        "the system gives no more {what}, which an index needs ({source}); allow more of it ({how}), and run it again"
    )]
    NoRoom {
        /// What there is too little of.
        what: &'static str,
        /// What the system says.
        source: io::Error,
        /// The limit.
        how: &'static str,
    },
    /// What RocksDB says.
    #[error("{}: cannot {action}: {source}{}", .path.shown(), advice(.source))]
    Rocks {
        /// The index.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The error.
        source: rocksdb::Error,
    },
    /// An entry of the index does not decode.
    #[error("{}: {family} key {key} is damaged: {source}; make the index anew with --rebuild", .path.shown())]
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
    /// The index lacks something that it must have.
    #[error("{}: the index is damaged: {what}; make it anew with --rebuild", .path.shown())]
    Damaged {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Something lies among the files of the index that nobody sealed.
    #[error("{}: it is no part of the index, and is not read; remove it", .0.shown())]
    Stray(PathBuf),
    /// Two series have one id.
    #[error("two series have one id, so their rows cannot be told apart: {first:?} and {second:?}")]
    SeriesClash {
        /// One identity.
        first: Box<SeriesIdentity>,
        /// The other.
        second: Box<SeriesIdentity>,
    },
    /// The build's temporary entries cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What the system says.
    #[error("{}: {source}{}", .path.shown(), dft_io::advice(.source))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

fn advice(error: &rocksdb::Error) -> &'static str {
    // RocksDB has the system's errors as text.
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

/// The damage that an error of RocksDB is about, if it is: in which file of the directory, and what is wrong.
fn damage(directory: &Path, error: &rocksdb::Error) -> Option<(PathBuf, String)> {
    const CORRUPTION: &str = "Corruption: ";
    let text = error.to_string();
    // Some reads wrap the error in one of another kind.
    let at = text.find(CORRUPTION)?;
    let what = &text[at + CORRUPTION.len()..];
    // It says so of whatever it reads while it reads that.
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
        more => format!(" (and {more} more are such)"),
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
            MergeError::Decode(source) => {
                Self::Damaged { path: PathBuf::from("the build's own table"), what: source.to_string() }
            }
            MergeError::SeriesClash { first, second } => Self::SeriesClash { first, second },
            MergeError::Sink(error) => error,
        }
    }
}

/// A key as people can read and search it: text where it is text, hexadecimal where not.
fn printable(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.chars().any(char::is_control) => format!("{text:?}"),
        _ => key.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
