//! Series: their scopes in key order, and the identities of series in the order of rows.

use std::fmt;
use std::ops::Range;

use dft_codec::{FileHashKey, FileId, ScopeId, SeriesId, SeriesIdentity};
use rocksdb::DBRawIterator;

use crate::column_families;
use crate::error::StoreError;
use crate::read::index::Index;

/// Walks scopes in the order of their ids. The identities have no file.
pub struct ScopeScan<'a> {
    index: &'a Index,
    cursor: DBRawIterator<'a>,
    end: SeriesId,
    started: bool,
    ended: bool,
}

impl fmt::Debug for ScopeScan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeScan").field("index", &self.index).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Index {
    /// Scans the scopes of a range of series. A scope occurs once in each slice that has a series of it.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn scopes(&self, range: Range<SeriesId>) -> Result<ScopeScan<'_>, StoreError> {
        let mut cursor =
            self.db.raw_iterator_cf_opt(self.family(column_families::SERIES)?, column_families::range_options());
        cursor.seek(range.start.scope().0);
        Ok(ScopeScan { index: self, cursor, end: range.end, started: false, ended: false })
    }

    /// Returns the hash of a file as the trace has it.
    ///
    /// # Errors
    ///
    /// If the index cannot be read or lacks the hash.
    pub fn file_hash(&self, file: FileId) -> Result<String, StoreError> {
        let mut hash = String::new();
        self.put_file_hash(file, &mut hash)?;
        Ok(hash)
    }

    fn put_file_hash(&self, file: FileId, out: &mut String) -> Result<(), StoreError> {
        if !file.needs_text() {
            file.put_text(out);
            return Ok(());
        }
        let prefix = FileHashKey::prefix(file);
        let mut found = Vec::new();
        self.each(column_families::NAMES, &prefix, |key, _| {
            if !key.starts_with(&prefix) {
                return Ok(false);
            }
            found.push(FileHashKey::decode(key)?.hash);
            Ok(found.len() < 2)
        })?;
        match found.as_slice() {
            [hash] => {
                out.push_str(hash);
                Ok(())
            }
            [] => Err(self.damaged("it has rows of a file, but no hash of that file")),
            [first, second, ..] => Err(self.damaged(&format!("the file hashes {first} and {second} have the same id"))),
        }
    }

    /// Returns a cursor over the series of a range.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn series(&self, range: Range<SeriesId>) -> Result<SeriesCursor<'_>, StoreError> {
        Ok(SeriesCursor { scopes: self.scopes(range)?, next: None, at: None, identity: None })
    }
}

impl Iterator for ScopeScan<'_> {
    type Item = Result<(ScopeId, SeriesIdentity), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.started {
            self.cursor.next();
        }
        self.started = true;
        let (Some(key), Some(value)) = (self.cursor.key(), self.cursor.value()) else {
            // Return a read error once: the cursor does not move, so it would return the error forever.
            self.ended = true;
            return self.cursor.status().err().map(|error| Err(self.index.read_error(error)));
        };
        let Ok(id) = <[u8; ScopeId::LENGTH]>::try_from(key) else {
            return Some(Err(self.index.entry(column_families::SERIES, key, dft_codec::DecodeError::Truncated)));
        };
        let id = ScopeId(id);
        if id.first_series() >= self.end {
            self.ended = true;
            return None;
        }
        let scope =
            SeriesIdentity::decode_scope(value).map_err(|error| self.index.entry(column_families::SERIES, key, error));
        Some(scope.map(|scope| (id, scope)))
    }
}

/// Identifies series in the order of their ids, as rows have them.
pub struct SeriesCursor<'a> {
    scopes: ScopeScan<'a>,
    /// The scope that was read last, if its series were not reached yet: none is read twice.
    next: Option<(ScopeId, SeriesIdentity)>,
    at: Option<SeriesId>,
    identity: Option<SeriesIdentity>,
}

impl fmt::Debug for SeriesCursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeriesCursor").field("at", &self.at).finish_non_exhaustive()
    }
}

impl SeriesCursor<'_> {
    /// Moves to a series, which must not be before the current one.
    ///
    /// # Errors
    ///
    /// If the index cannot be read or has no identity of the series.
    pub fn advance(&mut self, id: SeriesId) -> Result<(), StoreError> {
        if self.at == Some(id) {
            return Ok(());
        }
        let index = self.scopes.index;
        let scope = id.scope();
        if self.identity.is_none() || self.at.is_none_or(|at| at.scope() != scope) {
            while self.next.as_ref().is_none_or(|(next, _)| *next < scope) {
                match self.scopes.next() {
                    Some(next) => self.next = Some(next?),
                    None => return Err(index.unknown_series(id)),
                }
            }
            match self.next.take() {
                Some((next, identity)) if next == scope => self.identity = Some(identity),
                _ => return Err(index.unknown_series(id)),
            }
        }
        if let Some(identity) = &mut self.identity {
            let file = id.file().map_err(|_| index.unknown_series(id))?;
            identity.file_hash.clear();
            index.put_file_hash(file, &mut identity.file_hash)?;
        }
        self.at = Some(id);
        Ok(())
    }

    /// Returns the identity of the current series; `None` before the first.
    pub fn identity(&self) -> Option<&SeriesIdentity> {
        self.identity.as_ref()
    }

    /// Returns the id of the first scope after the current series' scope for which `passes` returns true; `None` if
    /// there is none.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn next_scope(
        &mut self,
        mut passes: impl FnMut(&SeriesIdentity) -> bool,
    ) -> Result<Option<ScopeId>, StoreError> {
        loop {
            let Some((id, scope)) = self.scopes.next().transpose()? else { return Ok(None) };
            if passes(&scope) {
                self.next = Some((id, scope));
                return Ok(Some(id));
            }
        }
    }
}
