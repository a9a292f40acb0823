//! The traces of an index and those that an ingest is about to add: none of them twice.

use std::collections::{BTreeMap, HashMap};

use dft_codec::{ContentHash, DuplicateEntry, FileEntry};

use crate::error::StoreError;
use crate::read::same_traces::is_gone;
use crate::trace_names::TraceNames;
use crate::write::batch::NameChanges;
use crate::write::index_writer::IndexWriter;

/// How a trace relates to the indexed and the pending ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TraceStatus {
    /// It is new.
    New,
    /// The same trace is known under this name.
    Known,
    /// A trace with another text has this name.
    Changed,
    /// A trace with the same text has this other name.
    Duplicate(Vec<u8>),
}

/// The indexed traces and the pending ones, which are about to be added.
pub(crate) struct PendingTraces {
    names: TraceNames,
    /// All traces, by name.
    traces: BTreeMap<Vec<u8>, FileEntry>,
    /// The names of the traces that have records, by their text.
    texts: HashMap<ContentHash, Vec<u8>>,
    /// The pending traces.
    new: BTreeMap<Vec<u8>, FileEntry>,
    /// The duplicates: those that the index knows, and the pending ones.
    known_duplicates: BTreeMap<Vec<u8>, DuplicateEntry>,
    duplicates: BTreeMap<Vec<u8>, DuplicateEntry>,
    removed: Vec<Vec<u8>>,
}

impl PendingTraces {
    /// Starts with the traces of the index.
    pub(crate) fn of(index: &IndexWriter) -> Result<Self, StoreError> {
        let (traces, known) = match index.current()? {
            None => (BTreeMap::new(), BTreeMap::new()),
            Some(index) => (index.files()?.into_iter().collect(), index.duplicates()?.into_iter().collect()),
        };
        let mut pending = Self {
            names: index.names().clone(),
            texts: HashMap::new(),
            traces: BTreeMap::new(),
            new: BTreeMap::new(),
            known_duplicates: known,
            duplicates: BTreeMap::new(),
            removed: Vec::new(),
        };
        traces.into_iter().for_each(|(name, entry): (Vec<u8>, FileEntry)| pending.insert(name, entry));
        Ok(pending)
    }

    fn insert(&mut self, name: Vec<u8>, entry: FileEntry) {
        if entry.counts.records() > 0 {
            self.texts.entry(entry.identity.text).or_insert_with(|| name.clone());
        }
        self.traces.insert(name, entry);
    }

    /// Returns the entry of a trace, by name.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&FileEntry> {
        self.traces.get(name)
    }

    /// Returns how a trace relates to the indexed and the pending ones.
    pub(crate) fn status(&self, name: &[u8], entry: &FileEntry) -> TraceStatus {
        match self.traces.get(name) {
            Some(there) if there.identity.text == entry.identity.text => return TraceStatus::Known,
            Some(_) => return TraceStatus::Changed,
            None => {}
        }
        match self.texts.get(&entry.identity.text) {
            Some(of) if entry.counts.records() > 0 => TraceStatus::Duplicate(of.clone()),
            _ => TraceStatus::New,
        }
    }

    /// Adds a pending trace.
    pub(crate) fn add(&mut self, name: Vec<u8>, entry: FileEntry) {
        self.new.insert(name.clone(), entry.clone());
        self.insert(name, entry);
    }

    /// Notes that a file is a duplicate of the trace `of`. If both are pending, the first by name counts; if the file
    /// of `of` is gone, the new one counts.
    pub(crate) fn add_duplicate(&mut self, name: Vec<u8>, entry: FileEntry, of: &[u8]) {
        let Some(there) = self.traces.get(of).cloned() else { return };
        let moved = self.names.is_of_source(of) && is_gone(&self.names.path_of(of));
        let comes = self.new.contains_key(of);
        if !(moved || comes && name.as_slice() < of) {
            self.duplicates.insert(name, DuplicateEntry::of_entry(of.to_vec(), false, &entry));
            return;
        }
        self.traces.remove(of);
        if !comes {
            self.removed.push(of.to_vec());
        }
        self.new.remove(of);
        self.texts.insert(entry.identity.text, name.clone());
        for (other, duplicate) in &self.known_duplicates {
            if duplicate.of == of {
                self.duplicates.entry(other.clone()).or_insert_with(|| duplicate.clone());
            }
        }
        self.duplicates.values_mut().filter(|duplicate| duplicate.of == of).for_each(|entry| entry.of = name.clone());
        if !moved {
            self.duplicates.insert(of.to_vec(), DuplicateEntry::of_entry(name.clone(), false, &there));
        }
        self.add(name, entry);
    }

    /// Notes a file that was staged as a duplicate. If the trace that it duplicates is not ingested, the file stays
    /// unknown.
    pub(crate) fn add_staged_duplicate(&mut self, name: Vec<u8>, entry: DuplicateEntry) {
        let of = match self.duplicates.get(&entry.of).or_else(|| self.known_duplicates.get(&entry.of)) {
            Some(duplicate) => duplicate.of.clone(),
            None => entry.of.clone(),
        };
        let there = self.traces.get(&of).is_some_and(|there| entry.unfinished || there.identity.text == entry.text);
        if there && name != of && !self.traces.contains_key(&name) && !self.known_duplicates.contains_key(&name) {
            self.duplicates.insert(name, DuplicateEntry { of, ..entry });
        }
    }

    /// Returns whether there is nothing to publish.
    pub(crate) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.duplicates.is_empty() && self.removed.is_empty()
    }

    /// Returns all traces, by name.
    pub(crate) fn traces(&self) -> impl Iterator<Item = (&Vec<u8>, &FileEntry)> {
        self.traces.iter()
    }

    /// Returns the duplicates that the index did not know.
    pub(crate) fn duplicates(&self) -> impl Iterator<Item = (&Vec<u8>, &DuplicateEntry)> {
        self.duplicates.iter().filter(|(name, _)| !self.known_duplicates.contains_key(*name))
    }

    /// Returns what to publish.
    pub(crate) fn publish(&self) -> (Vec<(Vec<u8>, FileEntry)>, NameChanges) {
        let owned = |map: &BTreeMap<Vec<u8>, FileEntry>| {
            map.iter().map(|(name, entry)| (name.clone(), entry.clone())).collect::<Vec<_>>()
        };
        let no_duplicates = self.new.keys().filter(|name| self.known_duplicates.contains_key(*name)).cloned().collect();
        let duplicates = self.duplicates.iter().map(|(name, entry)| (name.clone(), entry.clone())).collect();
        (owned(&self.new), NameChanges { removed: self.removed.clone(), duplicates, no_duplicates })
    }
}
