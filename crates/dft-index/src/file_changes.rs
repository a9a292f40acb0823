//! What is written of files after a build: those that were read, under new names, gone, and duplicates.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use dft_codec::{ContentHash, DuplicateEntry, FileEntry};
use dft_store::NameChanges;

use crate::error::BuildError;
use crate::known::{Gone, KnownTraces};
use crate::opening_filter::is_counted;
use crate::reading::ReadTraces;

/// What of the files that are known only has another date, and the same of duplicates.
type Redated = (Vec<(PathBuf, FileEntry)>, Vec<(PathBuf, DuplicateEntry)>);

/// What a build writes of files, and says of them.
pub(crate) struct Renaming {
    pub(crate) files: Vec<(Vec<u8>, FileEntry)>,
    pub(crate) changes: NameChanges,
    /// All duplicates among the files of the build.
    pub(crate) duplicates: Vec<(PathBuf, DuplicateEntry)>,
    /// What traces were called, and the files that have them now.
    pub(crate) moved: Vec<(String, PathBuf)>,
    pub(crate) gone: Vec<String>,
    /// All traces that the index has then.
    pub(crate) traces: BTreeMap<Vec<u8>, FileEntry>,
}

impl Renaming {
    pub(crate) fn of(known: &KnownTraces, reading: &mut ReadTraces, redated: Redated, gone: Gone) -> Self {
        let names = &known.names;
        let (redated, redated_duplicates) = redated;
        let files = std::mem::take(&mut reading.files).into_iter().chain(redated);
        let files: BTreeMap<_, _> = files.map(|(path, entry)| (names.name_of(&path), entry)).collect();
        let renamed: HashMap<&Vec<u8>, Vec<u8>> =
            reading.moved.iter().map(|(old, path)| (old, names.name_of(path))).collect();
        // What is gone and held nothing, is nothing.
        let empty: Vec<&Vec<u8>> = gone.files.iter().filter(|name| !is_counted(&known.files[*name])).collect();
        let mut traces = known.files.clone();
        traces.retain(|name, _| !renamed.contains_key(name) && !empty.contains(&name));
        traces.extend(files.clone());

        let duplicates = std::mem::take(&mut reading.duplicates);
        let now = duplicates.iter().chain(&redated_duplicates);
        let mut now: BTreeMap<_, _> = now.map(|(path, entry)| (names.name_of(path), entry.clone())).collect();
        for (name, entry) in &known.duplicates {
            let old = now.entry(name.clone()).or_insert_with(|| entry.clone());
            if old.of == entry.of
                && let Some(new) = renamed.get(&old.of)
            {
                old.of = new.clone();
            }
        }
        now.retain(|name, _| !traces.contains_key(name) && !gone.duplicates.contains(name));
        let no_duplicates = known.stored_duplicates.keys().filter(|name| !now.contains_key(*name)).cloned().collect();
        let in_build = |(path, _): (PathBuf, _)| {
            let entry = now.get(&names.name_of(&path)).cloned();
            entry.map(|entry| (path, entry))
        };
        let said = duplicates.into_iter().filter_map(in_build).collect();
        now.retain(|name, entry| known.stored_duplicates.get(name) != Some(entry));
        let removed = known.stored.iter().filter(|name| !traces.contains_key(*name)).cloned().collect();
        let mut files = files;
        for (name, entry) in traces.iter().filter(|(name, _)| !known.stored.contains(*name)) {
            files.entry(name.clone()).or_insert_with(|| entry.clone());
        }
        let shown = |name: &Vec<u8>| names.place_of(name);
        Self {
            moved: reading.moved.iter().map(|(name, path)| (shown(name), path.clone())).collect(),
            gone: gone.files.iter().filter(|name| traces.contains_key(*name)).map(shown).collect(),
            files: files.into_iter().collect(),
            changes: NameChanges { removed, duplicates: now.into_iter().collect(), no_duplicates },
            duplicates: said,
            traces,
        }
    }

    /// Refuses a trace that has grown to be another one: both are counted, so far.
    pub(crate) fn refuse_duplicates(
        &self,
        index: &Path,
        reading: &ReadTraces,
        known: &KnownTraces,
    ) -> Result<(), BuildError> {
        let grown: Vec<_> = reading.reports.iter().filter(|report| report.before.is_some()).collect();
        if grown.is_empty() {
            return Ok(());
        }
        let mut texts: HashMap<ContentHash, Vec<&Vec<u8>>> = HashMap::new();
        for (name, entry) in self.traces.iter().filter(|(_, entry)| is_counted(entry)) {
            texts.entry(entry.identity.text).or_default().push(name);
        }
        for report in grown {
            let name = known.names.name_of(&report.path);
            let same = self.traces.get(&name).and_then(|entry| texts.get(&entry.identity.text));
            if let Some(of) = same.and_then(|same| same.iter().find(|of| ***of != name)) {
                let (path, of) = (report.path.clone(), known.names.place_of(of));
                return Err(BuildError::BecameDuplicate { index: index.to_owned(), path, of });
            }
        }
        Ok(())
    }
}
