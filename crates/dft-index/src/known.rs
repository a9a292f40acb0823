//! What an index, or the bundles of a staging, hold of traces.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use dft_codec::{DuplicateEntry, FileEntry};
use dft_store::{Index, StagedBefore, Stager, StoreError, TraceNames, is_gone};
use dft_trace::discover;

use crate::error::BuildError;

/// The known traces, and the files that are duplicates of others, by name.
pub(crate) struct KnownTraces {
    pub(crate) names: TraceNames,
    pub(crate) files: BTreeMap<Vec<u8>, FileEntry>,
    pub(crate) duplicates: BTreeMap<Vec<u8>, DuplicateEntry>,
    /// The names of the traces as the index stores them. If the index was moved, its traces have other names now.
    pub(crate) stored: BTreeSet<Vec<u8>>,
    /// The duplicates as the index stores them.
    pub(crate) stored_duplicates: BTreeMap<Vec<u8>, DuplicateEntry>,
    /// Whether a known trace can be stored under another name, with what it has grown by. A trace in a bundle cannot.
    pub(crate) can_move: bool,
}

impl KnownTraces {
    /// Returns what an index holds; nothing if there is no index.
    pub(crate) fn of_index(index: Option<&Index>, names: TraceNames) -> Result<Self, StoreError> {
        let (files, duplicates) = match index {
            None => Default::default(),
            Some(index) => (index.files()?, index.duplicates()?),
        };
        Ok(Self::of(names, files, duplicates, true))
    }

    fn of(
        names: TraceNames,
        files: Vec<(Vec<u8>, FileEntry)>,
        duplicates: Vec<(Vec<u8>, DuplicateEntry)>,
        can_move: bool,
    ) -> Self {
        let stored: BTreeSet<Vec<u8>> = files.iter().map(|(name, _)| name.clone()).collect();
        // A trace is named by its path relative to where the index is now.
        let today = |name: Vec<u8>| {
            let today = names.today(&name);
            if today == name || stored.contains(&today) { name } else { today }
        };
        let named = files.into_iter();
        let files = named.map(|(name, entry)| (if entry.is_of_file() { today(name) } else { name }, entry)).collect();
        let stored_duplicates: BTreeMap<_, _> = duplicates.into_iter().collect();
        let named = stored_duplicates
            .iter()
            .map(|(name, entry)| (names.today(name), DuplicateEntry { of: today(entry.of.clone()), ..entry.clone() }));
        let duplicates = named.collect();
        Self { names, files, duplicates, stored, stored_duplicates, can_move }
    }

    /// Returns what bundles hold.
    pub(crate) fn of_bundles(stager: &Stager, before: &StagedBefore) -> Self {
        Self::of(stager.names(), before.traces.clone(), before.duplicates.clone(), false)
    }

    /// Whether the file of a known trace is certainly gone. For a trace of another source, that is unknown.
    pub(crate) fn is_gone(&self, name: &[u8]) -> bool {
        self.can_move && self.names.is_of_source(name) && is_gone(&self.names.path_of(name))
    }

    /// Returns the names of traces and duplicates whose files are gone. `found` files are not looked up again.
    pub(crate) fn gone(&self, found: &[PathBuf]) -> GoneTraces {
        let found: HashSet<Vec<u8>> = found.iter().map(|path| self.names.name_of(path)).collect();
        let is_gone = |name: &&Vec<u8>| !found.contains(*name) && self.is_gone(name);
        let of_a_file = |(_, entry): &(&Vec<u8>, &FileEntry)| entry.is_of_file();
        let files = self.files.iter().filter(of_a_file).map(|(name, _)| name).filter(is_gone).cloned().collect();
        GoneTraces { files, duplicates: self.duplicates.keys().filter(is_gone).cloned().collect() }
    }

    /// Whether a duplicate takes over the trace that it is a duplicate of, because that trace's file is gone.
    pub(crate) fn is_orphan(&self, entry: &DuplicateEntry) -> bool {
        let same = self.files.get(&entry.of).is_some_and(|of| of.identity.text == entry.text);
        same && !entry.unfinished && self.is_gone(&entry.of)
    }
}

/// Whether anything of a trace is counted, so that it could be counted twice.
pub(crate) fn is_counted(entry: &FileEntry) -> bool {
    entry.counts.records() + entry.counts.malformed > 0
}

/// The names of traces and duplicates whose files are gone.
pub(crate) struct GoneTraces {
    pub(crate) files: Vec<Vec<u8>>,
    pub(crate) duplicates: Vec<Vec<u8>>,
}

/// Returns the traces of an index whose files are gone. Traces of named sources are not looked up, because they may be
/// on other machines.
///
/// # Errors
///
/// Returns a [`StoreError`] if the index cannot be read.
pub fn gone_traces(index: &Index) -> Result<Vec<String>, StoreError> {
    let names = TraceNames::of(index.path());
    let known = KnownTraces::of_index(Some(index), names)?;
    Ok(known.gone(&[]).files.iter().map(|name| known.names.place_of(name)).collect())
}

/// Returns the traces of an index that are not among some traces (files, directories, globs). Traces whose files are
/// gone are left out, because they may be among those traces under other names.
///
/// # Errors
///
/// Returns a [`BuildError`] if the traces cannot be listed or the index cannot be read.
pub fn other_traces(index: &Index, traces: &[PathBuf]) -> Result<Vec<String>, BuildError> {
    let found = discover(traces)?;
    let known = KnownTraces::of_index(Some(index), TraceNames::of(index.path()))?;
    let found: HashSet<Vec<u8>> = found.files.iter().map(|path| known.names.name_of(path)).collect();
    let is_other =
        |(name, entry): &(&Vec<u8>, &FileEntry)| !(found.contains(*name) || entry.is_of_file() && known.is_gone(name));
    Ok(known.files.iter().filter(is_other).map(|(name, _)| known.names.place_of(name)).collect())
}
