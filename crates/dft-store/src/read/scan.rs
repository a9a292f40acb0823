//! Scans of rows in key order. Each step lends a row until the next step.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use dft_codec::{
    ChunkCursor, DecodeError, NameKind, ProcessKey, RowKey, ScopeId, SeriesId, SeriesIdentity, SeriesKind,
};
use rocksdb::{DBRawIterator, ReadOptions};

use crate::column_families;
use crate::error::StoreError;
use crate::read::index::Index;

/// Which rows to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowQuery {
    /// Series ids, end excluded.
    pub series: Range<SeriesId>,
    /// Buckets, in µs, end excluded; `None` for all.
    pub time: Option<Range<u64>>,
}

impl RowQuery {
    /// Returns a query for every row of a series kind.
    pub fn kind(kind: SeriesKind) -> Self {
        Self { series: SeriesId::first_of(kind as u8)..SeriesId::first_of(kind as u8 + 1), time: None }
    }

    /// Returns whether a bucket lies before, in or after the time range.
    #[inline]
    fn place_of(&self, bucket: u64) -> Ordering {
        match &self.time {
            Some(time) if bucket < time.start => Ordering::Less,
            Some(time) if bucket >= time.end => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}

/// Returns the options for reads of the rows of a range. Parallel readers take ranges of about a mebibyte.
fn options_of(range: &Range<SeriesId>) -> ReadOptions {
    let is_whole_kind = [range.start, range.end].iter().all(|id| id.0[1..].iter().all(|&byte| byte == 0));
    if is_whole_kind { column_families::scan_options() } else { column_families::range_options() }
}

/// Walks rows in key order. Skips rows outside of the time range by seeking.
pub struct RowScan<'a> {
    index: &'a Index,
    cursor: DBRawIterator<'a>,
    query: RowQuery,
    started: bool,
    /// The position in the current entry.
    chunk: Option<ChunkCursor>,
}

impl Index {
    /// Scans rows.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn rows(&self, query: RowQuery) -> Result<RowScan<'_>, StoreError> {
        let cursor = self.db.raw_iterator_cf_opt(self.family(column_families::ROWS)?, options_of(&query.series));
        Ok(RowScan { index: self, cursor, query, started: false, chunk: None })
    }

    /// Returns about how many bytes the rows of a series kind take on disk.
    ///
    /// # Errors
    ///
    /// If the index has no such column family.
    pub fn row_bytes(&self, kind: SeriesKind) -> Result<u64, StoreError> {
        let Range { start, end } = RowQuery::kind(kind).series;
        let range = rocksdb::Range::new(&start.0, &end.0);
        Ok(self.db.get_approximate_sizes_cf(self.family(column_families::ROWS)?, &[range]).into_iter().sum())
    }

    /// Returns about how many bytes the names of files take on disk.
    ///
    /// # Errors
    ///
    /// If the index has no such column family.
    pub fn file_name_bytes(&self) -> Result<u64, StoreError> {
        let bounds = [NameKind::File.tag(), NameKind::File.tag() + 1];
        let range = rocksdb::Range::new(&bounds[..1], &bounds[1..]);
        Ok(self.db.get_approximate_sizes_cf(self.family(column_families::NAMES)?, &[range]).into_iter().sum())
    }

    /// Returns the number of rows of a series kind.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn count_rows(&self, kind: SeriesKind) -> Result<u64, StoreError> {
        let mut rows = self.rows(RowQuery::kind(kind))?;
        let mut number = 0;
        while rows.next_entry(|_, _| number += 1)?.is_some() {}
        Ok(number)
    }

    /// Counts the series of each process. This scans all rows.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn series_by_process(&self) -> Result<BTreeMap<ProcessKey, u64>, StoreError> {
        let mut processes = BTreeMap::new();
        for kind in SeriesKind::ALL {
            let range = RowQuery::kind(kind).series;
            let mut scopes = self.scopes(range.clone())?;
            let mut scope = None;
            let mut number = 0;
            let mut count = |scope: &mut Option<(ScopeId, SeriesIdentity)>, number: &mut u64| {
                if let Some((_, SeriesIdentity { host_hash, pid, .. })) = scope.take() {
                    *processes.entry(ProcessKey { host_hash, pid }).or_default() += *number;
                }
                *number = 0;
            };
            self.each_series(range, |id| {
                while scope.as_ref().is_none_or(|(scope, _)| *scope < id.scope()) {
                    count(&mut scope, &mut number);
                    scope = Some(scopes.next().ok_or_else(|| self.unknown_series(id))??);
                }
                number += 1;
                Ok::<_, StoreError>(())
            })?;
            count(&mut scope, &mut number);
        }
        Ok(processes)
    }

    /// Passes the id of each series of a range that has a row to `visit`.
    ///
    /// # Errors
    ///
    /// If the index cannot be read, or `visit` fails.
    pub fn each_series<E: From<StoreError>>(
        &self,
        range: Range<SeriesId>,
        mut visit: impl FnMut(SeriesId) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut cursor = self.db.raw_iterator_cf_opt(self.family(column_families::ROWS)?, options_of(&range));
        cursor.seek(range.start.0);
        let mut last = None;
        while let Some(key) = cursor.key() {
            let id = RowKey::decode(key).map_err(|error| self.entry(column_families::ROWS, key, error))?.series;
            if id >= range.end {
                return Ok(());
            }
            if last != Some(id) {
                last = Some(id);
                visit(id)?;
            }
            cursor.next();
        }
        Ok(cursor.status().map_err(|error| self.read_error(error))?)
    }
}

impl fmt::Debug for RowScan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowScan").field("index", &self.index).field("query", &self.query).finish_non_exhaustive()
    }
}

impl RowScan<'_> {
    /// Moves to the first row of `series`, or of the first series after it.
    pub fn seek(&mut self, series: SeriesId) {
        self.query.series.start = series;
        self.started = false;
        self.chunk = None;
    }

    /// Returns the next row's key and value; `None` at the end.
    ///
    /// # Errors
    ///
    /// If the index cannot be read, or a value cannot be merged.
    #[expect(clippy::should_implement_trait, reason = "what it lends ends with the next step")]
    pub fn next(&mut self) -> Result<Option<(RowKey, &[u8])>, StoreError> {
        let Some((key, place)) = self.find_row()? else { return Ok(None) };
        let row = self.cursor.value().and_then(|rows| rows.get(place));
        row.map(|row| Some((key, row))).ok_or_else(|| self.index.bad_row(&key, DecodeError::Truncated))
    }

    /// Moves to the next row. Returns its key and its position in the current entry.
    fn find_row(&mut self) -> Result<Option<(RowKey, Range<usize>)>, StoreError> {
        loop {
            if let (Some(mut chunk), Some(rows)) = (self.chunk.take(), self.cursor.value()) {
                while let Some((key, place)) =
                    chunk.advance(rows).map_err(|error| self.index.bad_row(&chunk.key(), error))?
                {
                    match self.query.place_of(key.bucket) {
                        Ordering::Less => {}
                        Ordering::Equal => {
                            self.chunk = Some(chunk);
                            return Ok(Some((key, place)));
                        }
                        Ordering::Greater => break,
                    }
                }
            }
            self.chunk = self.find_chunk()?;
            if self.chunk.is_none() {
                return Ok(None);
            }
        }
    }

    /// Passes the remaining rows of the current entry, or else those of the next one, to `visit`: their keys and
    /// positions in the entry. Then returns the entry; it may have no row that matches. `None` at the end.
    pub(crate) fn next_entry(
        &mut self,
        mut visit: impl FnMut(RowKey, Range<usize>),
    ) -> Result<Option<&[u8]>, StoreError> {
        let chunk = match self.chunk.take() {
            Some(chunk) => Some(chunk),
            None => self.find_chunk()?,
        };
        let Some(mut chunk) = chunk else { return Ok(None) };
        let rows = self.cursor.value().unwrap_or_default();
        while let Some((key, place)) = chunk.advance(rows).map_err(|error| self.index.bad_row(&chunk.key(), error))? {
            if self.query.place_of(key.bucket).is_eq() {
                visit(key, place);
            }
        }
        Ok(Some(rows))
    }

    /// Moves to the next entry that may have matching rows.
    fn find_chunk(&mut self) -> Result<Option<ChunkCursor>, StoreError> {
        // The chunk in which the time range begins.
        let start = self.query.time.as_ref().map_or(0, |time| time.start);
        let RowKey { bucket, .. } =
            RowKey { series: self.query.series.start, bucket: start }.chunk(self.index.config().interval_us);
        let first = |series| RowKey { series, bucket };
        if self.started {
            self.cursor.next();
        } else {
            self.started = true;
            self.cursor.seek(first(self.query.series.start).encode());
        }
        while let Some((bytes, rows)) = self.cursor.item() {
            let key = RowKey::decode(bytes).map_err(|error| self.index.entry(column_families::ROWS, bytes, error))?;
            if key.series >= self.query.series.end {
                return Ok(None);
            }
            let next = if key < first(key.series) {
                key.series
            } else if self.query.place_of(key.bucket).is_gt() {
                key.series.next()
            } else {
                return self.index.chunk(key, rows).map(Some).map_err(|error| self.index.bad_row(&key, error));
            };
            self.cursor.seek(first(next).encode());
        }
        self.cursor.status().map_err(|error| self.index.read_error(error))?;
        Ok(None)
    }
}
