//! The names of files, one slice at a time.

use std::collections::HashMap;
use std::fmt;

use dft_codec::{FileId, FileNameKey, NameGivers, NameKind, ProcessId};
use hashbrown::HashTable;

use crate::column_families;
use crate::error::StoreError;
use crate::read::index::Index;

/// The names of the files of one slice, for readers that go through rows in their order. An index may have millions of
/// files; a slice has 1/256 of them.
pub struct FileNames<'a> {
    index: &'a Index,
    slice: Option<u8>,
    /// The names of the slice, concatenated.
    text: String,
    /// One for each file, by id.
    places: Vec<NamePlace>,
    /// Indexes into `places`, by id.
    table: HashTable<u32>,
    /// The names of each file that has several, in byte order, with their givers.
    several: HashMap<FileId, Vec<(String, NameGivers)>>,
    /// The place after the one that was found last, which is mostly the next to be found.
    next: usize,
}

/// Where in the text the name of a file starts; it ends where the next one starts.
struct NamePlace {
    id: FileId,
    start: usize,
    /// Whether the file has several names.
    several: bool,
}

impl fmt::Debug for FileNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileNames").field("slice", &self.slice).finish_non_exhaustive()
    }
}

impl Index {
    /// Returns the names of files, of which none is loaded yet.
    pub fn file_names(&self) -> FileNames<'_> {
        FileNames {
            index: self,
            slice: None,
            text: String::new(),
            places: Vec::new(),
            table: HashTable::new(),
            several: HashMap::new(),
            next: 0,
        }
    }
}

impl FileNames<'_> {
    /// Returns the name that a process of a host means by a file's id; empty if there is none. If the file has several
    /// names, this is the one that the process gave itself, else the lowest in byte order.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn of_process(&mut self, id: FileId, host_hash: &str, pid: i64) -> Result<&str, StoreError> {
        if id.is_none() {
            return Ok("");
        }
        if self.slice != Some(id.slice()) {
            self.load(id.slice())?;
        }
        let at = match self.places.get(self.next) {
            Some(place) if place.id == id => self.next,
            _ => match self.table.find(id.table_hash(), |&at| self.places[at as usize].id == id) {
                Some(&at) => at as usize,
                None => return Ok(""),
            },
        };
        self.next = at + 1;
        let place = &self.places[at];
        if place.several
            && let Some(names) = self.several.get(&id)
        {
            // A record that gives a name may lack the host.
            let processes = [ProcessId::of(host_hash, pid), ProcessId::of("", pid)];
            let own = names.iter().find(|(_, givers)| processes.iter().any(|process| givers.contains(*process)));
            return Ok(own.or(names.first()).map_or("", |(name, _)| name));
        }
        let end = self.places.get(at + 1).map_or(self.text.len(), |next| next.start);
        Ok(&self.text[place.start..end])
    }

    fn load(&mut self, slice: u8) -> Result<(), StoreError> {
        let Self { index, text, places, table, several, .. } = self;
        text.clear();
        places.clear();
        table.clear();
        several.clear();
        (self.slice, self.next) = (None, 0);
        // The givers of the last name and its hash, needed only if its file has another name.
        let (mut last_givers, mut last_hash) = (Vec::new(), String::new());
        let prefix = [NameKind::File.tag(), slice];
        index.each_near(column_families::NAMES, &prefix, |key, givers| {
            if !key.starts_with(&prefix) {
                return Ok(false);
            }
            let (id, rest) = FileNameKey::decode_id(key)?;
            let name = match id.needs_text() {
                false => std::str::from_utf8(rest).map_err(|_| dft_codec::DecodeError::NotUtf8)?,
                true => {
                    let FileNameKey { hash, name, .. } = FileNameKey::decode(key)?;
                    if places.last().is_some_and(|last| last.id == id) && *hash != last_hash {
                        return Err(dft_codec::DecodeError::Invalid("two file hashes have the same id"));
                    }
                    last_hash = hash.into_owned();
                    name
                }
            };
            match places.last_mut().filter(|last| last.id == id) {
                Some(last) => {
                    let names = several.entry(id).or_default();
                    if !last.several {
                        last.several = true;
                        names.push((text[last.start..].to_owned(), NameGivers::decode(&last_givers)?));
                    }
                    names.push((name.to_owned(), NameGivers::decode(givers)?));
                }
                None => {
                    table
                        .insert_unique(id.table_hash(), places.len() as u32, |&at| places[at as usize].id.table_hash());
                    places.push(NamePlace { id, start: text.len(), several: false });
                    text.push_str(name);
                    last_givers.clear();
                    last_givers.extend_from_slice(givers);
                }
            }
            Ok(true)
        })?;
        self.slice = Some(slice);
        Ok(())
    }
}
