//! The rows of pages, in the order of their keys.

use std::cmp::Ordering;
use std::ops::Range;

use dft_codec::{DecodeError, RowKey, RowPageCursor, RowPageKey, SeriesId};
use rocksdb::{DBRawIterator, ReadOptions};

use crate::column_families;
use crate::error::StoreError;
use crate::read::index::Index;
use crate::read::row_query::RowQuery;

/// Walks the rows of pages. The pages of one scope are read together, because they have the same series in different
/// windows of time.
pub(super) struct PageRows<'a> {
    index: &'a Index,
    cursor: DBRawIterator<'a>,
    /// The values of the pages that were read.
    bytes: Vec<u8>,
    /// The rows in them that match the query: keys, and positions in the bytes.
    rows: Vec<(RowKey, Range<usize>)>,
    /// How many of the rows were passed.
    next: usize,
    /// Where the next page is sought; `None` once the cursor is at it.
    seek: Option<Vec<u8>>,
    /// Whether there are no more pages.
    ended: bool,
}

impl<'a> PageRows<'a> {
    pub(super) fn new(index: &'a Index, options: ReadOptions) -> Result<Self, StoreError> {
        let cursor = index.db.raw_iterator_cf_opt(index.family(column_families::ROWS)?, options);
        Ok(Self { index, cursor, bytes: Vec::new(), rows: Vec::new(), next: 0, seek: Some(Vec::new()), ended: false })
    }

    /// Moves to the first row of `series`, or of the first series after it.
    pub(super) fn seek(&mut self, series: SeriesId) {
        self.seek = Some(RowPageKey::start_of(&series.0));
        self.rows.clear();
        self.next = 0;
        self.ended = false;
    }

    /// Returns the next row; `None` at the end. It stays the next row until it is [passed](Self::pass).
    #[inline]
    pub(super) fn peek(&mut self, query: &RowQuery) -> Result<Option<RowKey>, StoreError> {
        if let Some((key, _)) = self.rows.get(self.next) {
            return Ok(Some(*key));
        }
        if self.ended {
            return Ok(None);
        }
        self.load(query)?;
        self.ended = self.rows.is_empty();
        Ok(self.rows.first().map(|(key, _)| *key))
    }

    /// Tells whether it is known that there are no more rows.
    #[inline]
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Passes the next row. Returns its position in the [bytes](Self::bytes).
    #[inline]
    pub(super) fn pass(&mut self) -> Range<usize> {
        self.next += 1;
        self.rows[self.next - 1].1.clone()
    }

    /// Passes the rows before `end`, or all that were read. Passes their keys and positions to `visit`. Returns what
    /// range of the bytes they take.
    pub(super) fn pass_until(
        &mut self,
        end: Option<RowKey>,
        mut visit: impl FnMut(RowKey, Range<usize>),
    ) -> Range<usize> {
        let rows = &self.rows[self.next..];
        let rows = match end {
            Some(end) => &rows[..rows.partition_point(|(key, _)| *key < end)],
            None => rows,
        };
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return 0..0 };
        let all = first.1.start..last.1.end;
        for (key, place) in rows {
            visit(*key, place.start - all.start..place.end - all.start);
        }
        self.next += rows.len();
        all
    }

    /// Returns the bytes of the rows that were read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the pages of the next scope and spelling that have rows of the query.
    #[cold]
    fn load(&mut self, query: &RowQuery) -> Result<(), StoreError> {
        self.rows.clear();
        self.next = 0;
        self.bytes.clear();
        if let Some(from) = self.seek.take() {
            self.cursor.seek(from);
        }
        let end = RowPageKey::start_of(&query.series.end.0);
        let mut first: Option<RowPageKey> = None;
        let mut pages = 0;
        while let Some(bytes) = self.cursor.key() {
            // Beyond the kinds of series there are no pages; their keys would not decode.
            if bytes > &end[..] && !bytes.starts_with(&end) {
                break;
            }
            let key = RowPageKey::decode(bytes).map_err(|error| self.damaged(error))?;
            if first.is_some_and(|first| (first.scope, first.spelling) != (key.scope, key.spelling)) {
                if !self.rows.is_empty() {
                    break;
                }
                first = None;
            }
            first.get_or_insert(key);
            let interval = self.index.config().interval_us;
            match query.place_of_window(key.window, RowPageKey::span(interval)) {
                Ordering::Less => {
                    let start = query.time.as_ref().map_or(0, |time| time.start);
                    self.cursor.seek(key.at(start, interval).encode());
                }
                Ordering::Greater => self.cursor.seek(key.next_spelling().encode()),
                Ordering::Equal => {
                    let before = self.rows.len();
                    self.read(key, query).map_err(|error| self.damaged(error))?;
                    pages += usize::from(self.rows.len() > before);
                    self.cursor.next();
                }
            }
        }
        self.cursor.status().map_err(|error| self.index.read_error(error))?;
        if pages > 1 {
            self.sort();
        }
        Ok(())
    }

    /// Adds the rows of the page that the cursor is at.
    fn read(&mut self, key: RowPageKey, query: &RowQuery) -> Result<(), DecodeError> {
        let page = self.cursor.value().unwrap_or_default();
        let mut cursor = RowPageCursor::begin(key, page)?;
        if cursor.interval() != self.index.config().interval_us {
            return Err(DecodeError::Invalid("rows of another interval than the configuration's"));
        }
        let (start, before) = (self.bytes.len(), self.rows.len());
        while let Some((key, place)) = cursor.advance()? {
            if query.series.contains(&key.series) && query.place_of(key.bucket).is_eq() {
                self.rows.push((key, start + place.start..start + place.end));
            }
        }
        if self.rows.len() > before {
            self.bytes.extend_from_slice(page);
        }
        Ok(())
    }

    /// Returns the error for the page that the cursor is at, and passes the page, so that it is one error.
    fn damaged(&mut self, error: DecodeError) -> StoreError {
        let error = self.index.entry(column_families::ROWS, self.cursor.key().unwrap_or_default(), error);
        // Its first rows may have been added.
        self.rows.truncate(self.rows.partition_point(|(_, place)| place.end <= self.bytes.len()));
        self.cursor.next();
        error
    }

    /// Puts rows of several pages in order, and their bytes too.
    fn sort(&mut self) {
        // Each page is sorted, which a stable sort makes use of.
        self.rows.sort_by_key(|(key, _)| *key);
        let mut sorted = Vec::with_capacity(self.bytes.len());
        for (_, place) in &mut self.rows {
            let start = sorted.len();
            sorted.extend_from_slice(&self.bytes[place.clone()]);
            *place = start..sorted.len();
        }
        self.bytes = sorted;
    }
}
