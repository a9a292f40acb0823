//! The names of files, one slice at a time.

use std::collections::HashMap;
use std::fmt;

use dft_codec::{DecodeError, FileId, NameGivers, NamePageCursor, NamePageKey, ProcessId};

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
    /// The files of the slice, in order of their ids.
    files: Vec<FileId>,
    /// Where in the text the name of each file starts, and the end of the text. The highest bit is set if the file has
    /// several names.
    starts: Vec<usize>,
    /// The names of each file that has several, in byte order, with their givers.
    several: HashMap<FileId, Vec<(String, NameGivers)>>,
    /// The place after the file that was found last, which is mostly the next to be found.
    next: usize,
}

const SEVERAL: usize = 1 << (usize::BITS - 1);

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
            files: Vec::new(),
            starts: vec![0],
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
        let Some(at) = self.find(id) else { return Ok("") };
        self.next = at + 1;
        let (start, end) = (self.starts[at], self.starts[at + 1] & !SEVERAL);
        if start & SEVERAL != 0
            && let Some(names) = self.several.get(&id)
        {
            // A record that gives a name may lack the host.
            let processes = [ProcessId::of(host_hash, pid), ProcessId::of("", pid)];
            let own = names.iter().find(|(_, givers)| processes.iter().any(|process| givers.contains(*process)));
            return Ok(own.or(names.first()).map_or("", |(name, _)| name));
        }
        Ok(&self.text[start & !SEVERAL..end])
    }

    /// Returns the place of a file. The files of a scope come in order, so it is mostly the next one or not far behind.
    #[inline]
    fn find(&self, id: FileId) -> Option<usize> {
        let next = self.next;
        match self.files.get(next) {
            Some(file) if *file == id => return Some(next),
            Some(file) if *file < id => {
                let mut step = 1;
                while self.files.get(next + step).is_some_and(|file| *file < id) {
                    step *= 2;
                }
                let last = (next + step + 1).min(self.files.len());
                let from = next + step / 2;
                return self.files[from..last].binary_search(&id).ok().map(|at| from + at);
            }
            _ => {}
        }
        self.files[..next.min(self.files.len())].binary_search(&id).ok()
    }

    fn load(&mut self, slice: u8) -> Result<(), StoreError> {
        let Self { index, text, files, starts, several, .. } = self;
        text.clear();
        files.clear();
        starts.clear();
        several.clear();
        (self.slice, self.next) = (None, 0);
        let prefix = NamePageKey::slice(slice);
        index.each_near(column_families::NAMES, &prefix, |key, page| {
            if !key.starts_with(&prefix) {
                return Ok(false);
            }
            let mut names = NamePageCursor::begin(NamePageKey::decode(key)?, page)?;
            files.reserve(names.files_left());
            starts.reserve(names.files_left() + 1);
            while names.advance()? {
                let (id, name) = (names.file(), names.name()?);
                if let Some(&last) = files.last()
                    && last >= id
                {
                    return Err(DecodeError::Invalid("two file hashes have the same id"));
                }
                files.push(id);
                starts.push(text.len());
                text.push_str(name);
                if names.has_more() {
                    let several = several.entry(id).or_default();
                    several.push((name.to_owned(), names.givers().clone()));
                    while names.has_more() && names.advance()? {
                        several.push((names.name()?.to_owned(), names.givers().clone()));
                    }
                    if let Some(start) = starts.last_mut() {
                        *start |= SEVERAL;
                    }
                }
            }
            Ok(true)
        })?;
        starts.push(text.len());
        self.slice = Some(slice);
        Ok(())
    }
}
