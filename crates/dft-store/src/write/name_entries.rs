//! Writes names as entries of the index: those of files as pages.

use std::path::Path;

use dft_codec::{DecodeError, FileNameKey, NameGivers, NamePageKey, NamePageWriter};

use crate::column_families;
use crate::error::StoreError;
use crate::write::sst::SstSet;

/// Writes names, which must come in order of their keys.
pub(crate) struct NameEntries<'s, 'a> {
    folder: &'s Path,
    set: &'s mut SstSet<'a>,
    page: Option<NamePageWriter>,
    /// The last value and what it encodes: mostly, one process gave all names.
    last: (Vec<u8>, NameGivers),
}

impl<'s, 'a> NameEntries<'s, 'a> {
    pub(crate) fn new(folder: &'s Path, set: &'s mut SstSet<'a>) -> Self {
        Self { folder, set, page: None, last: (Vec::new(), NameGivers::default()) }
    }

    /// Adds a name of a hash and the processes that gave it, as a run has them.
    pub(crate) fn put(&mut self, key: &[u8], givers: &[u8]) -> Result<(), StoreError> {
        if NamePageKey::is_page(key) {
            return self.put_file(key, givers);
        }
        self.end_page()?;
        self.set.put(key, givers)
    }

    fn put_file(&mut self, key: &[u8], givers: &[u8]) -> Result<(), StoreError> {
        let folder = self.folder;
        let bad = |error| StoreError::entry(folder, column_families::NAMES, key, error);
        let (file, name) = FileNameKey::decode_id(key).map_err(bad)?;
        let page = NamePageKey::of(file);
        if self.page.as_ref().is_some_and(|open| open.key() != page) {
            self.end_page()?;
        }
        if self.last.0 != givers {
            self.last = (givers.to_vec(), NameGivers::decode(givers).map_err(bad)?);
        }
        let writer = self.page.get_or_insert_with(|| NamePageWriter::new(page));
        if writer.key() != page {
            writer.restart(page);
        }
        let put = if file.needs_text() {
            FileNameKey::decode(key).and_then(|key| writer.put(file, &key.hash, key.name, &self.last.1))
        } else {
            let name = std::str::from_utf8(name).map_err(|_| DecodeError::NotUtf8);
            name.and_then(|name| writer.put(file, "", name, &self.last.1))
        };
        put.map_err(bad)
    }

    fn end_page(&mut self) -> Result<(), StoreError> {
        if let Some(writer) = &mut self.page
            && let Some((key, bytes)) = writer.page()
        {
            self.set.put(&key.encode(), bytes)?;
            writer.restart(key);
        }
        Ok(())
    }

    /// Writes the last page.
    pub(crate) fn end(mut self) -> Result<(), StoreError> {
        self.end_page()
    }
}
