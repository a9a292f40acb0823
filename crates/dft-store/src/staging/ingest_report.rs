//! What an ingest did.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use dft_codec::{FileEntry, PieceEntry, Unchained};
use dft_io::Show;

use crate::error::StoreError;
use crate::lock::LockUnavailable;
use crate::read::same_traces::{DuplicateTrace, SharedProcesses};
use crate::write::sorter::Written;

/// A bundle that was taken in, or was in already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestedBundle {
    /// Its name.
    pub name: String,
    /// The whole traces that it was made of, by path, and what was read of each.
    pub traces: Vec<(PathBuf, FileEntry)>,
    /// The piece of a trace that it was made of.
    pub piece: Option<(PathBuf, PieceEntry)>,
}

/// A trace of which some pieces are there, which wait for the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingTrace {
    /// The trace.
    pub trace: PathBuf,
    /// Its bytes that are in no piece.
    pub missing: Vec<Range<u64>>,
    /// The bundles that wait.
    pub bundles: Vec<PathBuf>,
}

impl WaitingTrace {
    /// What it waits for, in words.
    pub fn what(&self) -> String {
        /// How many of the missing ranges are named.
        const SHOWN: usize = 5;
        let missing = self.missing.iter().take(SHOWN).map(|Range { start, end }| format!("{start} to {end}"));
        let more = match self.missing.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let missing = missing.collect::<Vec<_>>().join(", ");
        let waits = if self.bundles.len() == 1 { "a piece waits" } else { "pieces wait" };
        format!("{waits} for bytes {missing}{more}: stage those, or the whole of it")
    }
}

impl fmt::Display for WaitingTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.trace.shown(), self.what())
    }
}

/// A trace whose pieces do not make it, and never will: it is to be staged whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnchainedTrace {
    /// The trace.
    pub trace: PathBuf,
    /// Where they do not, and why.
    pub unchained: Unchained,
    /// The bundles of the pieces, which stay until the trace is in.
    pub bundles: Vec<PathBuf>,
}

impl UnchainedTrace {
    /// Why, and what to do, in words.
    pub fn what(&self) -> String {
        format!("{}: stage it whole, and ingest again", self.unchained)
    }
}

impl fmt::Display for UnchainedTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.trace.shown(), self.what())
    }
}

/// What an ingest did.
#[derive(Debug, Default)]
pub struct IngestReport {
    /// The bundles that were taken in, by name.
    pub taken: Vec<IngestedBundle>,
    /// The bundles whose traces were all in.
    pub known: Vec<IngestedBundle>,
    /// The bundles that were left where they are, and why; not those of the next two.
    pub refused: Vec<(PathBuf, StoreError)>,
    /// The traces whose pieces wait for others.
    pub waiting: Vec<WaitingTrace>,
    /// The traces that are to be staged whole.
    pub unchained: Vec<UnchainedTrace>,
    /// Bundles that are in, but could not be removed, and why.
    pub not_removed: Vec<(PathBuf, StoreError)>,
    /// Bundles that are on their way, or were when their worker died.
    pub unfinished: Vec<PathBuf>,
    /// The files that have the trace of another one, and are not counted.
    pub duplicates: Vec<DuplicateTrace>,
    /// Traces that are in with records of the same processes.
    pub shared_processes: Vec<SharedProcesses>,
    /// What was in the bundles that were taken in.
    pub written: Written,
    /// That the file system gives no lock for the index, where it does not.
    pub no_lock: Option<LockUnavailable>,
}
