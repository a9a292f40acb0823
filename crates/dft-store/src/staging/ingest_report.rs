//! The report of an ingest.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use dft_codec::{FileEntry, Unchained};
use dft_io::Show;

use crate::error::StoreError;
use crate::lock::LockUnavailable;
use crate::read::same_traces::{DuplicateTrace, SharedProcesses};
use crate::staging::stager::BundledPiece;
use crate::write::sorter::Written;

/// A bundle that was ingested, now or before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestedBundle {
    /// The name of the bundle.
    pub name: String,
    /// The whole traces in it, by path, and what was read of each.
    pub traces: Vec<(PathBuf, FileEntry)>,
    /// The piece of a trace in it.
    pub piece: Option<BundledPiece>,
}

/// A bundle with which something failed.
#[derive(Debug)]
pub struct BundleFailure {
    /// The bundle.
    pub bundle: PathBuf,
    /// What failed.
    pub error: StoreError,
}

/// A trace with only some of its pieces staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingTrace {
    /// The trace.
    pub trace: PathBuf,
    /// The byte ranges that are in no piece.
    pub missing: Vec<Range<u64>>,
    /// The waiting bundles.
    pub bundles: Vec<PathBuf>,
}

impl WaitingTrace {
    /// Returns what it waits for.
    pub fn what(&self) -> String {
        /// How many of the missing ranges to list.
        const SHOWN: usize = 5;
        let missing = self.missing.iter().take(SHOWN).map(|Range { start, end }| format!("{start} to {end}"));
        let more = match self.missing.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let missing = missing.collect::<Vec<_>>().join(", ");
        let waits = if self.bundles.len() == 1 { "a piece waits" } else { "pieces wait" };
        format!("{waits} for bytes {missing}{more}: stage those, or the whole trace")
    }
}

impl fmt::Display for WaitingTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.trace.shown(), self.what())
    }
}

/// A trace whose pieces can never be joined, so it must be staged whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnchainedTrace {
    /// The trace.
    pub trace: PathBuf,
    /// Where and why the pieces do not chain.
    pub unchained: Unchained,
    /// The bundles of the pieces, which stay until the trace is indexed.
    pub bundles: Vec<PathBuf>,
}

impl UnchainedTrace {
    /// Returns the reason and the remedy.
    pub fn what(&self) -> String {
        format!("{}: stage it whole, and ingest again", self.unchained)
    }
}

impl fmt::Display for UnchainedTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.trace.shown(), self.what())
    }
}

/// The report of an ingest.
#[derive(Debug, Default)]
pub struct IngestReport {
    /// The ingested bundles, by name.
    pub taken: Vec<IngestedBundle>,
    /// The bundles whose traces were all indexed before.
    pub known: Vec<IngestedBundle>,
    /// The bundles that stay where they are, and why; without those of `waiting` and `unchained`.
    pub refused: Vec<BundleFailure>,
    /// The traces whose pieces wait for others.
    pub waiting: Vec<WaitingTrace>,
    /// The traces that must be staged whole.
    pub unchained: Vec<UnchainedTrace>,
    /// The indexed bundles that could not be removed, and why.
    pub not_removed: Vec<BundleFailure>,
    /// The bundles that are being moved, or were when their worker died.
    pub unfinished: Vec<PathBuf>,
    /// The duplicates, which are not counted.
    pub duplicates: Vec<DuplicateTrace>,
    /// The indexed traces that share records of the same processes.
    pub shared_processes: Vec<SharedProcesses>,
    /// The number of entries in the ingested bundles.
    pub written: Written,
    /// Why there is no lock, if the file system provides none.
    pub no_lock: Option<LockUnavailable>,
}
