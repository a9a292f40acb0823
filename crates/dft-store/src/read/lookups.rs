//! Lookups of files, names, series and bundles in an index.

use dft_codec::{
    DecodeError, DuplicateEntry, FileEntry, FileId, NameGivers, NameKey, NameKind, NamePageCursor, NamePageKey,
    ProcessId, SeriesIdentity, SeriesKind,
};

use crate::column_families;
use crate::error::StoreError;
use crate::read::index::Index;
use crate::read::names::{NameTable, count_ambiguous};
use crate::read::row_query::RowQuery;

impl Index {
    /// Returns the entry of a trace file.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn file(&self, path: &[u8]) -> Result<Option<FileEntry>, StoreError> {
        let bytes = self
            .db
            .get_pinned_cf(self.family(column_families::FILES)?, path)
            .map_err(StoreError::rocks(self.path(), "read a file's entry"))?;
        bytes
            .map(|bytes| FileEntry::decode(&bytes).map_err(|error| self.entry(column_families::FILES, path, error)))
            .transpose()
    }

    /// Returns all trace files in the index, by path.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn files(&self) -> Result<Vec<(Vec<u8>, FileEntry)>, StoreError> {
        let mut files = Vec::new();
        self.each(column_families::FILES, b"", |key, value| {
            files.push((key.to_vec(), FileEntry::decode(value)?));
            Ok(true)
        })?;
        Ok(files)
    }

    /// Returns all duplicates, which are not counted, by name.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn duplicates(&self) -> Result<Vec<(Vec<u8>, DuplicateEntry)>, StoreError> {
        let mut duplicates = Vec::new();
        self.each(column_families::META, column_families::DUPLICATE, |key, value| {
            let Some(name) = key.strip_prefix(column_families::DUPLICATE) else { return Ok(false) };
            duplicates.push((name.to_vec(), DuplicateEntry::decode(value)?));
            Ok(true)
        })?;
        Ok(duplicates)
    }

    /// Returns the whole hash table of a kind.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn names(&self, kind: NameKind) -> Result<NameTable, StoreError> {
        let mut table = NameTable::new();
        self.each_name(&[kind.tag()], |hash, name, givers| {
            table.add(hash, name, givers);
            Ok(true)
        })?;
        Ok(table)
    }

    /// Returns how many hashes, of all kinds, have more than one name.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn ambiguous_hashes(&self) -> Result<u64, StoreError> {
        count_ambiguous(&self.db, self.family(column_families::NAMES)?, self.path())
    }

    /// Passes the hash, the name and the givers of each name whose key starts with `prefix` to `visit`, which returns
    /// whether to go on. Names come by hash, and those of a hash in byte order.
    fn each_name(
        &self,
        prefix: &[u8],
        mut visit: impl FnMut(&str, &str, &NameGivers) -> Result<bool, DecodeError>,
    ) -> Result<(), StoreError> {
        self.each(column_families::NAMES, prefix, |key, value| {
            if !key.starts_with(prefix) {
                return Ok(false);
            }
            if !NamePageKey::is_page(key) {
                let key = NameKey::decode(key)?;
                return visit(&key.hash, &key.name, &NameGivers::decode(value)?);
            }
            let mut names = NamePageCursor::begin(NamePageKey::decode(key)?, value)?;
            let mut hash = String::new();
            while names.advance()? {
                hash.clear();
                hash.push_str(names.hash());
                names.file().put_text(&mut hash);
                if !visit(&hash, names.name()?, names.givers())? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Passes the names of a hash and their givers to `visit`, in byte order.
    fn each_name_of(
        &self,
        kind: NameKind,
        hash: &str,
        mut visit: impl FnMut(&str, &NameGivers) -> bool,
    ) -> Result<(), StoreError> {
        let prefix = match kind {
            NameKind::File => NamePageKey::of(FileId::of(hash.as_bytes())).encode().to_vec(),
            _ => NameKey::prefix(kind, hash),
        };
        let mut found = false;
        self.each_name(&prefix, |of, name, givers| {
            let is_of = of == hash;
            found |= is_of;
            Ok(if is_of { visit(name, givers) } else { !found })
        })
    }

    /// Returns the name of a hash: the first in byte order if it has several.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn name(&self, kind: NameKind, hash: &str) -> Result<Option<String>, StoreError> {
        let mut found = None;
        self.each_name_of(kind, hash, |name, _| {
            found = Some(name.to_owned());
            false
        })?;
        Ok(found)
    }

    /// Returns the number of telemetry rows.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn count_telemetry(&self) -> Result<u64, StoreError> {
        self.count(column_families::TELEMETRY)
    }

    /// Returns the number of series.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn count_series(&self) -> Result<u64, StoreError> {
        let mut series = 0;
        for kind in SeriesKind::ALL {
            self.each_series(RowQuery::kind(kind).series, |_| {
                series += 1;
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(series)
    }

    fn count(&self, family: &'static str) -> Result<u64, StoreError> {
        let mut entries = 0;
        self.each(family, b"", |_, _| {
            entries += 1;
            Ok(true)
        })?;
        Ok(entries)
    }

    /// Returns the name that a process of a host means by the hash of a file; empty if it has none. If the hash has
    /// several names, this is the one that the process gave itself, else the lowest in byte order.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn file_name(&self, hash: &str, host_hash: &str, pid: i64) -> Result<String, StoreError> {
        // A record that gives a name may lack the host.
        let processes = [ProcessId::of(host_hash, pid), ProcessId::of("", pid)];
        let (mut first, mut own) = (None, None);
        self.each_name_of(NameKind::File, hash, |name, givers| {
            if processes.iter().any(|process| givers.contains(*process)) {
                own = Some(name.to_owned());
                return false;
            }
            first.get_or_insert_with(|| name.to_owned());
            true
        })?;
        Ok(own.or(first).unwrap_or_default())
    }

    /// Refuses a second scope under the id of an indexed scope.
    pub(crate) fn refuse_clash(&self, id: &[u8], identity: &[u8]) -> Result<(), StoreError> {
        let stored =
            self.db.get_pinned_cf(self.family(column_families::SERIES)?, id).map_err(|error| self.read_error(error))?;
        match stored {
            Some(stored) if *stored != *identity => {
                let decode = |bytes: &[u8]| {
                    SeriesIdentity::decode_scope(bytes)
                        .map(Box::new)
                        .map_err(|error| self.entry(column_families::SERIES, id, error))
                };
                Err(StoreError::SeriesClash { first: decode(&stored)?, second: decode(identity)? })
            }
            _ => Ok(()),
        }
    }

    /// Returns whether a bundle was ingested, by its id.
    pub(crate) fn has_bundle(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.meta(&column_families::bundle_key(id))?.is_some())
    }
}
