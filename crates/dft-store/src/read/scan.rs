//! Scans of rows in key order. Each step lends a row until the next step.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use dft_codec::{
    DecodeError, NameKind, ProcessKey, RowKey, RowPageKey, ScopeId, SeriesId, SeriesIdentity, SeriesKind, merge_rows,
};
use rocksdb::{DBRawIterator, ReadOptions};

use crate::column_families;
use crate::error::StoreError;
use crate::read::chunk_rows::ChunkRows;
use crate::read::index::Index;
use crate::read::page_rows::PageRows;
use crate::read::row_query::RowQuery;

/// Returns the options for reads of the rows of a range. Parallel readers take ranges of about a mebibyte.
fn options_of(range: &Range<SeriesId>) -> ReadOptions {
    let is_whole_kind = [range.start, range.end].iter().all(|id| id.0[1..].iter().all(|&byte| byte == 0));
    if is_whole_kind { column_families::scan_options() } else { column_families::range_options() }
}

/// Walks rows in key order: those of chunks and those of pages, merged.
pub struct RowScan<'a> {
    index: &'a Index,
    chunks: ChunkRows<'a>,
    pages: PageRows<'a>,
    query: RowQuery,
    /// The value of the last row that was partly in a chunk and partly in a page.
    merged: Vec<u8>,
}

/// Where the next row is.
enum Place {
    Chunk,
    Page,
    /// A part in each.
    Both,
}

impl Index {
    /// Scans rows.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn rows(&self, query: RowQuery) -> Result<RowScan<'_>, StoreError> {
        let mut chunks = ChunkRows::new(self, options_of(&query.series))?;
        let mut pages = PageRows::new(self, options_of(&query.series))?;
        chunks.seek(query.series.start);
        pages.seek(query.series.start);
        Ok(RowScan { index: self, chunks, pages, query, merged: Vec::new() })
    }

    /// Returns about how many bytes the rows of a series kind take on disk.
    ///
    /// # Errors
    ///
    /// If the index has no such column family.
    pub fn row_bytes(&self, kind: SeriesKind) -> Result<u64, StoreError> {
        let Range { start, end } = RowQuery::kind(kind).series;
        let [first_page, last_page] = RowPageKey::range_of(kind);
        let ranges = [rocksdb::Range::new(&start.0, &end.0), rocksdb::Range::new(&first_page, &last_page)];
        Ok(self.db.get_approximate_sizes_cf(self.family(column_families::ROWS)?, &ranges).into_iter().sum())
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
        let query = RowQuery { series: range, time: None };
        // Of chunks, only the keys are needed.
        let family = self.family(column_families::ROWS)?;
        let mut chunks = self.db.raw_iterator_cf_opt(family, options_of(&query.series));
        let mut pages = PageRows::new(self, options_of(&query.series))?;
        pages.seek(query.series.start);
        let mut in_chunk = None;
        if self.last_chunk()?.is_some_and(|last| last >= query.series.start) {
            chunks.seek(query.series.start.0);
            in_chunk = self.series_of_chunk(&chunks, &query)?;
        }
        let mut last = None;
        loop {
            let in_page = pages.peek(&query)?.map(|key| key.series);
            let Some(series) = in_chunk.into_iter().chain(in_page).min() else { return Ok(()) };
            if last != Some(series) {
                last = Some(series);
                visit(series)?;
            }
            if in_page == Some(series) {
                pages.pass();
            } else {
                chunks.next();
                in_chunk = self.series_of_chunk(&chunks, &query)?;
            }
        }
    }

    /// Returns the series of the chunk that a cursor is at; `None` if there are no more chunks in the query's series.
    fn series_of_chunk(&self, cursor: &DBRawIterator<'_>, query: &RowQuery) -> Result<Option<SeriesId>, StoreError> {
        let Some(key) = cursor.key() else {
            return cursor.status().map(|()| None).map_err(|error| self.read_error(error));
        };
        if RowPageKey::is_page(key) {
            return Ok(None);
        }
        let series = RowKey::decode(key).map_err(|error| self.entry(column_families::ROWS, key, error))?.series;
        Ok(Some(series).filter(|series| *series < query.series.end))
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
        self.chunks.seek(series);
        self.pages.seek(series);
    }

    /// Returns the next row's key and value; `None` at the end.
    ///
    /// # Errors
    ///
    /// If the index cannot be read, or a value cannot be merged.
    #[expect(clippy::should_implement_trait, reason = "what it lends ends with the next step")]
    pub fn next(&mut self) -> Result<Option<(RowKey, &[u8])>, StoreError> {
        if self.pages.is_ended() {
            // The usual case: no page is left to compare with.
            let Some((key, place)) = self.chunks.next(&self.query)? else { return Ok(None) };
            let row = self.chunks.bytes().get(place).ok_or_else(|| self.index.bad_row(&key, DecodeError::Truncated))?;
            return Ok(Some((key, row)));
        }
        let Some((key, place, _)) = self.find_row()? else { return Ok(None) };
        let row = match place {
            Place::Chunk => {
                let place = self.chunks.pass();
                self.chunks.bytes().get(place)
            }
            Place::Page => {
                let place = self.pages.pass();
                self.pages.bytes().get(place)
            }
            Place::Both => {
                self.merge(&key)?;
                Some(&self.merged[..])
            }
        };
        row.map(|row| Some((key, row))).ok_or_else(|| self.index.bad_row(&key, DecodeError::Truncated))
    }

    /// Returns the next row's key, where it is, and the next row that is elsewhere; `None` at the end.
    #[inline]
    fn find_row(&mut self) -> Result<Option<(RowKey, Place, Option<RowKey>)>, StoreError> {
        let (chunk, page) = (self.chunks.peek(&self.query)?, self.pages.peek(&self.query)?);
        Ok(match (chunk, page) {
            (None, None) => None,
            (Some(chunk), None) => Some((chunk, Place::Chunk, None)),
            (None, Some(page)) => Some((page, Place::Page, None)),
            (Some(chunk), Some(page)) => Some(match chunk.cmp(&page) {
                Ordering::Less => (chunk, Place::Chunk, Some(page)),
                Ordering::Greater => (page, Place::Page, Some(chunk)),
                Ordering::Equal => (chunk, Place::Both, None),
            }),
        })
    }

    /// Merges the parts of the next row.
    fn merge(&mut self, key: &RowKey) -> Result<(), StoreError> {
        let (chunk, page) = (self.chunks.pass(), self.pages.pass());
        let parts = [self.chunks.bytes().get(chunk), self.pages.bytes().get(page)];
        let merged = merge_rows(key.bucket, parts.into_iter().flatten());
        self.merged = merged.map_err(|error| self.index.bad_row(key, error))?;
        Ok(())
    }

    /// Passes rows that are next to each other to `visit`: their keys, and their positions in bytes that are then
    /// returned. There may be no row. `None` at the end.
    pub(crate) fn next_entry(
        &mut self,
        mut visit: impl FnMut(RowKey, Range<usize>),
    ) -> Result<Option<&[u8]>, StoreError> {
        let Some((key, place, end)) = self.find_row()? else { return Ok(None) };
        Ok(Some(match place {
            Place::Chunk => {
                self.chunks.pass_until(&self.query, end, visit)?;
                self.chunks.bytes()
            }
            Place::Page => {
                let all = self.pages.pass_until(end, visit);
                &self.pages.bytes()[all]
            }
            Place::Both => {
                self.merge(&key)?;
                visit(key, 0..self.merged.len());
                &self.merged
            }
        }))
    }
}
