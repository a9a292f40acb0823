//! What a build adds to an index.

use std::fmt;

use dft_aggregate::Run;
use dft_codec::{Bounds, DuplicateEntry, FileEntry};

/// Changes to the names of traces, in addition to the files that rows came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameChanges {
    /// Names of traces that have another name now.
    pub removed: Vec<Vec<u8>>,
    /// Duplicates of other traces, by name.
    pub duplicates: Vec<(Vec<u8>, DuplicateEntry)>,
    /// Names of files that are no longer duplicates.
    pub no_duplicates: Vec<Vec<u8>>,
}

impl NameChanges {
    /// Returns whether there are no changes.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.duplicates.is_empty() && self.no_duplicates.is_empty()
    }
}

/// What a build adds to an index: rows, and the files that they came from.
#[derive(Default)]
pub struct Batch {
    /// Sorted tables.
    pub runs: Vec<Run>,
    /// The trace files, by their names in the index, in their current state.
    pub files: Vec<(Vec<u8>, FileEntry)>,
    /// The lowest and highest bucket in the tables.
    pub bounds: Option<Bounds>,
    /// Changes to other names.
    pub changes: NameChanges,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, files, bounds, changes } = self;
        f.debug_struct("Batch")
            .field("runs", &runs.len())
            .field("files", files)
            .field("bounds", bounds)
            .field("changes", changes)
            .finish()
    }
}
