//! The rows of chunks, in the order of their keys.

use std::cmp::Ordering;
use std::ops::Range;

use dft_codec::{ChunkCursor, DecodeError, RowKey, RowPageKey, SeriesId};
use rocksdb::{DBRawIterator, ReadOptions};

use crate::column_families;
use crate::error::StoreError;
use crate::read::index::Index;
use crate::read::row_query::RowQuery;

/// Walks the rows of chunks. Skips chunks outside of the time range by seeking.
pub(super) struct ChunkRows<'a> {
    index: &'a Index,
    cursor: DBRawIterator<'a>,
    /// Where the first chunk is sought; `None` once the cursor is at one.
    seek: Option<SeriesId>,
    /// The position in the current chunk.
    chunk: Option<ChunkCursor>,
    /// The next row, and the position of its value in the current chunk.
    next: Option<(RowKey, Range<usize>)>,
    /// Whether there are no more chunks.
    ended: bool,
}

impl<'a> ChunkRows<'a> {
    pub(super) fn new(index: &'a Index, options: ReadOptions) -> Result<Self, StoreError> {
        let cursor = index.db.raw_iterator_cf_opt(index.family(column_families::ROWS)?, options);
        Ok(Self { index, cursor, seek: Some(SeriesId::first_of(0)), chunk: None, next: None, ended: false })
    }

    /// Moves to the first row of `series`, or of the first series after it.
    pub(super) fn seek(&mut self, series: SeriesId) {
        self.seek = Some(series);
        self.chunk = None;
        self.next = None;
        self.ended = false;
    }

    /// Returns the next row; `None` at the end. It stays the next row until it is [passed](Self::pass).
    #[inline]
    pub(super) fn peek(&mut self, query: &RowQuery) -> Result<Option<RowKey>, StoreError> {
        if self.next.is_none() && !self.ended {
            self.next = self.find_row(query)?;
            self.ended = self.next.is_none();
        }
        Ok(self.next.as_ref().map(|(key, _)| *key))
    }

    /// Passes the next row. Returns its key and its position in the [current chunk](Self::bytes); `None` at the end.
    #[inline]
    pub(super) fn next(&mut self, query: &RowQuery) -> Result<Option<(RowKey, Range<usize>)>, StoreError> {
        match self.next.take() {
            Some(next) => Ok(Some(next)),
            None if self.ended => Ok(None),
            None => self.find_row(query),
        }
    }

    /// Passes the row that [`peek`](Self::peek) returned. Returns its position in the [current chunk](Self::bytes).
    #[inline]
    pub(super) fn pass(&mut self) -> Range<usize> {
        self.next.take().map_or(0..0, |(_, place)| place)
    }

    /// Passes the rows of the current chunk before `end`, or all of them. Passes their keys and positions to `visit`.
    pub(super) fn pass_until(
        &mut self,
        query: &RowQuery,
        end: Option<RowKey>,
        mut visit: impl FnMut(RowKey, Range<usize>),
    ) -> Result<(), StoreError> {
        let mut next = self.next.take();
        let mut chunk = self.chunk.take();
        let rows = self.cursor.value().unwrap_or_default();
        while let Some((key, place)) = next.take() {
            if end.is_some_and(|end| key >= end) {
                (self.next, self.chunk) = (Some((key, place)), chunk);
                return Ok(());
            }
            visit(key, place);
            if let Some(chunk) = &mut chunk {
                next = next_of(chunk, rows, query).map_err(|error| self.index.bad_row(&chunk.key(), error))?;
            }
        }
        Ok(())
    }

    /// Returns the current chunk.
    pub(super) fn bytes(&self) -> &[u8] {
        self.cursor.value().unwrap_or_default()
    }

    fn find_row(&mut self, query: &RowQuery) -> Result<Option<(RowKey, Range<usize>)>, StoreError> {
        loop {
            if let Some(row) = self.next_of_chunk(query)? {
                return Ok(Some(row));
            }
            self.chunk = self.find_chunk(query)?;
            if self.chunk.is_none() {
                return Ok(None);
            }
        }
    }

    /// Returns the next row of the current chunk.
    #[inline]
    fn next_of_chunk(&mut self, query: &RowQuery) -> Result<Option<(RowKey, Range<usize>)>, StoreError> {
        let Some(chunk) = &mut self.chunk else { return Ok(None) };
        let next = next_of(chunk, self.cursor.value().unwrap_or_default(), query);
        if let Ok(Some(_)) = &next {
            return Ok(next.unwrap_or_default());
        }
        // Of a damaged chunk, the other rows are not read, so that it is one error.
        let key = chunk.key();
        self.chunk = None;
        next.map_err(|error| self.index.bad_row(&key, error))
    }

    /// Moves to the next chunk that may have matching rows.
    fn find_chunk(&mut self, query: &RowQuery) -> Result<Option<ChunkCursor>, StoreError> {
        // The chunk in which the time range begins.
        let start = query.time.as_ref().map_or(0, |time| time.start);
        let RowKey { bucket, .. } =
            RowKey { series: query.series.start, bucket: start }.chunk(self.index.config().interval_us);
        let first = |series| RowKey { series, bucket };
        match self.seek.take() {
            Some(series) if self.index.last_chunk()?.is_none_or(|last| last < series) => return Ok(None),
            Some(series) => self.cursor.seek(first(series).encode()),
            None => self.cursor.next(),
        }
        while let Some((bytes, rows)) = self.cursor.item() {
            if RowPageKey::is_page(bytes) {
                return Ok(None);
            }
            let bad = |error: DecodeError| self.index.entry(column_families::ROWS, bytes, error);
            let key = RowKey::decode(bytes).map_err(bad)?;
            if key.series >= query.series.end {
                return Ok(None);
            }
            let next = if key < first(key.series) {
                key.series
            } else if query.place_of(key.bucket).is_gt() {
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

/// Returns the next row of a chunk that is in the query's time.
#[inline]
fn next_of(
    chunk: &mut ChunkCursor,
    rows: &[u8],
    query: &RowQuery,
) -> Result<Option<(RowKey, Range<usize>)>, DecodeError> {
    while let Some((key, place)) = chunk.advance(rows)? {
        match query.place_of(key.bucket) {
            Ordering::Less => {}
            Ordering::Equal => return Ok(Some((key, place))),
            Ordering::Greater => break,
        }
    }
    Ok(None)
}
