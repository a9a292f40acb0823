//! Why a build ends without a result.

use std::fmt::{Display, Write};
use std::io;
use std::path::PathBuf;

use dft_aggregate::{Config, ConfigError, MergeError, RunError};
use dft_io::Show;
use dft_store::StoreError;
use dft_trace::DiscoverError;

/// Why a build ended without a result. The index is unchanged then, except after [`StoreError::Committed`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The traces cannot be listed.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// The given paths hold no trace.
    #[error("no trace files (*.pfw, *.pfw.gz) in {}", list(.0))]
    NoTraces(Vec<PathBuf>),
    /// The given paths hold no trace that can be read.
    #[error("no trace that can be read in {}: {first}{}", list(.traces), and_more(*.more))]
    NoneReadable {
        /// The given paths.
        traces: Vec<PathBuf>,
        /// One path that cannot be read, and the reason.
        first: String,
        /// How many other paths cannot be read.
        more: usize,
    },
    /// The given files are neither traces nor indexes.
    #[error("{}: not a DFTracer trace nor an index; nothing was written", list(.0))]
    NotTraces(Vec<PathBuf>),
    /// No trace has a record.
    #[error("no record in {}; nothing was written", with_faults(.0))]
    NoRecords(Vec<NoRecordsIn>),
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The index cannot be opened or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Traces have changed since they were indexed.
    #[error(
        "{} changed since {} was built, and its earlier rows cannot be removed: use --rebuild to rebuild the index",
        list(.paths),
        .index.shown()
    )]
    Changed {
        /// The index.
        index: PathBuf,
        /// The traces.
        paths: Vec<PathBuf>,
    },
    /// A trace has grown to have the text of another one.
    #[error(
        "{} now has the same text as {of}, and its earlier rows cannot be removed from {}: use --rebuild to rebuild \
         the index",
        .path.shown(),
        .index.shown()
    )]
    BecameDuplicate {
        /// The index.
        index: PathBuf,
        /// The trace that has grown.
        path: PathBuf,
        /// The other trace.
        of: String,
    },
    /// The name of a source is invalid.
    #[error("{name:?} cannot name a source: {why}")]
    Source {
        /// The name.
        name: String,
        /// The reason.
        why: &'static str,
    },
    /// Traces changed while they were read, without an index.
    #[error("{} changed while read: validate again when no program writes", list(.0))]
    ChangedWhileRead(Vec<PathBuf>),
    /// Traces have changed or grown since they were staged.
    #[error(
        "{} changed since staged in {}: ingest the staged bundles first, or remove the bundle",
        list(.paths),
        .shared.shown()
    )]
    ChangedSinceStaged {
        /// The shared staging directory.
        shared: PathBuf,
        /// The traces.
        paths: Vec<PathBuf>,
    },
    /// Traces have changed or grown since they were cut into pieces.
    #[error("{} changed since cut into pieces: plan again, and stage the new pieces", list(.0))]
    ChangedSincePlanned(Vec<PathBuf>),
    /// A piece is not a range of its file.
    #[error("{}: bytes {start} to {end} are not a piece of a file of {file_size} bytes", .path.shown())]
    NoPiece {
        /// The trace.
        path: PathBuf,
        /// The first byte of the piece.
        start: u64,
        /// The byte after the last.
        end: u64,
        /// The size that the piece states for the trace.
        file_size: u64,
    },
    /// The directory holds no bundle to create an index from.
    #[error("{}: no bundle to create an index from; stage some with `dft stage`", .0.shown())]
    NoBundles(PathBuf),
    /// A trace was opened, but reading it failed.
    #[error("{}: reading failed: {source}; nothing was stored, run it again", .path.shown())]
    Read {
        /// The trace.
        path: PathBuf,
        /// The error that the system reported.
        source: io::Error,
    },
    /// A trace has a fault, and the build is strict.
    #[error("{}: {fault}; nothing was stored, as --strict asks", .path.shown())]
    Strict {
        /// The trace.
        path: PathBuf,
        /// The fault.
        fault: String,
    },
    /// A record cannot be aggregated.
    #[error("a malformed record: {0}")]
    Malformed(String),
    /// Aggregators of different configurations cannot be merged.
    #[error("the aggregators have different configurations\n  one:   {mine}\n  other: {other}")]
    OtherConfig {
        /// The configuration of the aggregator that is merged into.
        mine: Box<Config>,
        /// The configuration of the aggregator to merge.
        other: Box<Config>,
    },
    /// The index has records of the source already.
    #[error("{}: the source {source_name:?} is already indexed; use another name, or another index", .index.shown())]
    SourceKnown {
        /// The index.
        index: PathBuf,
        /// The source.
        source_name: String,
    },
    /// A directory for temporary files cannot be created.
    #[error("{}: {source}{}", .path.shown(), dft_io::advice(.source))]
    Scratch {
        /// The directory.
        path: PathBuf,
        /// The error that the system reported.
        source: io::Error,
    },
    /// The process may not start as many threads as the build needs.
    #[error("{0}")]
    Threads(io::Error),
    /// The build's temporary tables cannot be written or read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The build's temporary tables cannot be merged.
    #[error(transparent)]
    Merge(#[from] MergeError<RunError>),
    /// The build was asked to stop.
    #[error("stopped; the index is unchanged")]
    Cancelled,
}

impl BuildError {
    /// Whether another writer was at work on the index, so that trying again later may succeed.
    pub(crate) fn is_contention(&self) -> bool {
        matches!(self, Self::Store(dft_store::StoreError::Locked(_) | dft_store::StoreError::Changed(_)))
    }
}

/// A file without records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRecordsIn {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, if anything.
    pub fault: Option<String>,
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!("; and {more} more that cannot be read") }
}

/// The first few paths, and how many more there are.
fn list(paths: &[PathBuf]) -> String {
    first_few(paths.iter().map(|path| path.shown()))
}

/// The first few files, each with its fault, and how many more there are.
fn with_faults(files: &[NoRecordsIn]) -> String {
    first_few(files.iter().map(|NoRecordsIn { path, fault }| match fault {
        Some(fault) => format!("{} ({fault})", path.shown()),
        None => path.shown().to_string(),
    }))
}

fn first_few<T: Display>(all: impl ExactSizeIterator<Item = T>) -> String {
    const SHOWN: usize = 3;
    let more = all.len().saturating_sub(SHOWN);
    let mut text = String::new();
    for (at, one) in all.take(SHOWN).enumerate() {
        let _ = write!(text, "{}{one}", if at > 0 { ", " } else { "" });
    }
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}
