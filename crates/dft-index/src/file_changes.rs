//! What a build writes of its files, and what it reports of them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use dft_codec::{ContentHash, DuplicateEntry, FileEntry};
use dft_store::{DuplicateTrace, NameChanges};
use dft_trace::{NotRead, Unreadable};

use crate::error::BuildError;
use crate::known::{GoneTraces, KnownTraces, is_counted};
use crate::outcome::{FileOutcome, FileState};
use crate::report::{FileReport, InputReport, MovedTrace};

/// What a build changes in the index's table of files.
pub(crate) struct FileChanges {
    /// The files to write, by name.
    pub(crate) files: Vec<(Vec<u8>, FileEntry)>,
    pub(crate) changes: NameChanges,
    /// Indexed traces that other files hold now.
    pub(crate) moved: Vec<MovedTrace>,
    /// Indexed traces whose files are gone.
    pub(crate) gone: Vec<String>,
    /// All traces that the index has after the build.
    pub(crate) traces: BTreeMap<Vec<u8>, FileEntry>,
}

impl FileChanges {
    /// Splits the outcomes of a build into what is written and what is reported.
    pub(crate) fn of(
        known: &KnownTraces,
        outcomes: Vec<FileOutcome>,
        gone: &GoneTraces,
        input: &mut InputReport,
    ) -> Self {
        let names = &known.names;
        let mut files: BTreeMap<Vec<u8>, FileEntry> = BTreeMap::new();
        let mut duplicates: BTreeMap<Vec<u8>, DuplicateEntry> = BTreeMap::new();
        let mut renamed: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        let (mut found_duplicates, mut moved) = (Vec::new(), Vec::new());
        for FileOutcome { path, moved_from, state } in outcomes {
            let name = names.name_of(&path);
            if let Some(old) = moved_from {
                moved.push(MovedTrace { name: names.place_of(&old), path: path.clone() });
                renamed.insert(old, name.clone());
            }
            match state {
                FileState::Read { entry, report } => {
                    files.insert(name, *entry);
                    input.files.push(*report);
                }
                FileState::Known { entry, report } => {
                    files.extend(entry.map(|entry| (name, *entry)));
                    input.known.push(*report);
                }
                FileState::Duplicate { entry, .. } => {
                    found_duplicates.push(name.clone());
                    duplicates.insert(name, *entry);
                }
                FileState::Unreadable(error) => input.unreadable.push(Unreadable { path, error }),
                FileState::NotRead(container) => input.not_read.push(NotRead { path, container }),
                FileState::PieceRead { .. } => unreachable!("a build reads whole files"),
                FileState::Changed => unreachable!("a changed file is refused after reading"),
            }
        }
        let traces = traces_after(known, &files, &renamed, gone);
        update_duplicates(&mut duplicates, known, &renamed);
        duplicates.retain(|name, _| !traces.contains_key(name) && !gone.duplicates.contains(name));
        let reported = found_duplicates.iter().filter_map(|name| Some((name, duplicates.get(name)?)));
        input.duplicates.extend(reported.map(|(name, entry)| DuplicateTrace::new(names, name, entry)));
        let stored = &known.stored_duplicates;
        let no_duplicates = stored.keys().filter(|name| !duplicates.contains_key(*name)).cloned().collect();
        duplicates.retain(|name, entry| stored.get(name) != Some(entry));
        let removed = known.stored.iter().filter(|name| !traces.contains_key(*name)).cloned().collect();
        // If the index was moved, its traces have other names now.
        for (name, entry) in traces.iter().filter(|(name, _)| !known.stored.contains(*name)) {
            files.entry(name.clone()).or_insert_with(|| entry.clone());
        }
        let still_counted = gone.files.iter().filter(|name| traces.contains_key(*name));
        Self {
            files: files.into_iter().collect(),
            changes: NameChanges { removed, duplicates: duplicates.into_iter().collect(), no_duplicates },
            moved,
            gone: still_counted.map(|name| names.place_of(name)).collect(),
            traces,
        }
    }

    /// Refuses a trace that has grown to have the text of another one, because both are counted already.
    pub(crate) fn refuse_grown_duplicates(
        &self,
        index: &Path,
        read: &[FileReport],
        known: &KnownTraces,
    ) -> Result<(), BuildError> {
        let grown: Vec<_> = read.iter().filter(|report| report.before.is_some()).collect();
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

/// All traces of the index after a build.
fn traces_after(
    known: &KnownTraces,
    files: &BTreeMap<Vec<u8>, FileEntry>,
    renamed: &HashMap<Vec<u8>, Vec<u8>>,
    gone: &GoneTraces,
) -> BTreeMap<Vec<u8>, FileEntry> {
    // A trace is dropped if its file is gone and nothing of it is counted.
    let empty: Vec<&Vec<u8>> = gone.files.iter().filter(|name| !is_counted(&known.files[*name])).collect();
    let mut traces = known.files.clone();
    traces.retain(|name, _| !renamed.contains_key(name) && !empty.contains(&name));
    traces.extend(files.iter().map(|(name, entry)| (name.clone(), entry.clone())));
    traces
}

/// Adds the known duplicates to those of a build, as duplicates of the traces' new names.
fn update_duplicates(
    duplicates: &mut BTreeMap<Vec<u8>, DuplicateEntry>,
    known: &KnownTraces,
    renamed: &HashMap<Vec<u8>, Vec<u8>>,
) {
    for (name, entry) in &known.duplicates {
        let now = duplicates.entry(name.clone()).or_insert_with(|| entry.clone());
        if now.of == entry.of
            && let Some(new) = renamed.get(&now.of)
        {
            now.of = new.clone();
        }
    }
}
