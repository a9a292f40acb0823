//! Why a build ends without a result.

use std::fmt::{Display, Write};
use std::io;
use std::path::PathBuf;

use dft_aggregate::{Config, ConfigError, MergeError, RunError};
use dft_io::Show;
use dft_store::StoreError;
use dft_trace::DiscoverError;

/// Why a build ended without a result. The index is then what it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The traces cannot be listed.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// There is no trace among what was given.
    #[error("no trace files (*.pfw, *.pfw.gz) in {}", list(.0))]
    NoTraces(Vec<PathBuf>),
    /// There is no trace that can be read among what was given.
    #[error("no trace that can be read in {}: {first}{}", list(.traces), and_more(*.more))]
    NoneReadable {
        /// What was given.
        traces: Vec<PathBuf>,
        /// One that cannot be read, and why.
        first: String,
        /// How many more there are.
        more: usize,
    },
    /// What was given are no traces, and no index.
    #[error("{}: not a DFTracer trace nor an index; nothing was written", list(.0))]
    NotTraces(Vec<PathBuf>),
    /// There is no record in any trace; and what is wrong with each, if anything.
    #[error("no record in {}; nothing was written", with_faults(.0))]
    NoRecords(Vec<NoRecordsIn>),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The index cannot be opened or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Traces have changed since they were taken in.
    #[error(
        "{} changed since {} was made, and what it held cannot be taken out again: give --rebuild to make the \
         index anew",
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
        "{} now has the same text as {of}, and what it held before cannot be taken out of {} again: give --rebuild to \
         make the index anew",
        .path.shown(),
        .index.shown()
    )]
    BecameDuplicate {
        /// The index.
        index: PathBuf,
        /// The trace.
        path: PathBuf,
        /// The other one.
        of: String,
    },
    /// A source cannot be named so.
    #[error("{name:?} cannot name a source: {why}")]
    Source {
        /// The name.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// Traces have changed, or grown, since they were staged.
    #[error(
        "{} changed since staged in {}: ingest what is there first, or remove the bundle",
        list(.paths),
        .shared.shown()
    )]
    ChangedSinceStaged {
        /// The shared staging directory.
        shared: PathBuf,
        /// The traces.
        paths: Vec<PathBuf>,
    },
    /// Traces have changed, or grown, since they were cut into pieces.
    #[error("{} changed since cut into pieces: plan again, and stage the new pieces", list(.0))]
    ChangedSincePlanned(Vec<PathBuf>),
    /// A piece is none of its file.
    #[error("{}: it has no bytes {start} to {end} among {file_size}", .path.shown())]
    NoPiece {
        /// The trace.
        path: PathBuf,
        /// The first byte of the piece.
        start: u64,
        /// The byte after the last.
        end: u64,
        /// The size that the trace is to have.
        file_size: u64,
    },
    /// There is no bundle to make an index of.
    #[error("{}: no bundle here to make an index of; make some with `dft stage`", .0.shown())]
    NoBundles(PathBuf),
    /// A trace cannot be read on, though it was opened.
    #[error("{}: reading failed: {source}; nothing was stored, run it again", .path.shown())]
    Read {
        /// The trace.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A trace has a fault, and the build is strict.
    #[error("{}: {fault}; nothing was stored, as --strict asks", .path.shown())]
    Strict {
        /// The trace.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A record cannot be aggregated.
    #[error("a malformed record: {0}")]
    Malformed(String),
    /// Aggregators of two configurations cannot be merged.
    #[error("the aggregators have two configurations\n  one:   {mine}\n  other: {other}")]
    OtherConfig {
        /// That of the one that takes.
        mine: Box<Config>,
        /// That of the one that is taken.
        other: Box<Config>,
    },
    /// What comes from a source is in the index already.
    #[error("{}: what comes from {source_name:?} is in already; give another name, or another index", .index.shown())]
    SourceKnown {
        /// The index.
        index: PathBuf,
        /// The source.
        source_name: String,
    },
    /// A directory for what is temporary cannot be made.
    #[error("{}: {source}{}", .path.shown(), dft_io::advice(.source))]
    Scratch {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The process may not start so many threads.
    #[error("{0}")]
    Threads(io::Error),
    /// The build's temporary tables cannot be written or read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The build's temporary tables do not merge.
    #[error(transparent)]
    Merge(#[from] MergeError<RunError>),
    /// The build was asked to stop.
    #[error("stopped; the index is what it was")]
    Cancelled,
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

/// The first few paths, each with what is wrong with it, and how many more there are.
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
