//! Pages of rows: the few rows of many series of one scope are one entry, so that the store has fewer entries.

use std::ops::Range;

use crate::PAGE_VERSION;
use crate::bytes::{DecodeError, Reader, put_varint};
use crate::file_id::FileId;
use crate::keys::RowKey;
use crate::places::{Places, put_places};
use crate::rows::RowValue;
use crate::series::{ScopeId, SeriesId, SeriesKind};

/// The number of intervals in the window of a page.
pub const PAGE_INTERVALS: u64 = 4096;

/// Added to the first byte of a key, so that pages follow all chunks.
const PAGE: u8 = 0x80;

const OFF_GRID: DecodeError = DecodeError::Invalid("a time is not on the time grid");
const OTHER_PAGE: DecodeError = DecodeError::Invalid("a row belongs to another page");
const OUT_OF_ORDER: DecodeError = DecodeError::Invalid("rows of a page are out of order");

/// The key of a page of rows.
///
/// ```text
/// key       kind + 80 (hexadecimal) │ slice │ scope, 104 bits of a hash │ spelling │ window, u64 big-endian, µs
/// page      version │ varint interval, µs │ places of the files │ for each file, its rows
/// rows      n × (varint 2 × place in the window, + 1 if another row of the file follows │ varint length │ row)
/// ```
///
/// A page has rows of one window: of 4,096 adjacent intervals that start at a multiple of 4,096. Its files have hashes of
/// one [spelling](crate::FileId). In a job that reads each file once, a page replaces thousands of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowPageKey {
    /// The scope and slice of the series.
    pub scope: ScopeId,
    /// How hashes of the files are spelled: the first byte of their ids.
    pub spelling: u8,
    /// The start of the window, in µs.
    pub window: u64,
}

impl RowKey {
    /// Returns the key of the page that the row would be in. `interval` is that of the index, in µs.
    #[inline]
    pub fn page(&self, interval: u64) -> RowPageKey {
        let key = RowPageKey { scope: self.series.scope(), spelling: self.series.0[ScopeId::LENGTH], window: 0 };
        key.at(self.bucket, interval)
    }
}

impl RowPageKey {
    /// The length of a key, in bytes.
    pub const LENGTH: usize = ScopeId::LENGTH + 9;

    /// Returns the length of a window, in µs. If it exceeds 64 bits, one window covers all of time.
    pub fn span(interval: u64) -> u64 {
        interval.saturating_mul(PAGE_INTERVALS)
    }

    /// Tells whether a key is that of a page, not of a chunk.
    #[inline]
    pub fn is_page(key: &[u8]) -> bool {
        key.first().is_some_and(|first| first & PAGE != 0)
    }

    /// Returns the first bytes of the keys of a series kind, and of those that follow them.
    pub fn range_of(kind: SeriesKind) -> [[u8; 1]; 2] {
        [[kind as u8 | PAGE], [(kind as u8 + 1) | PAGE]]
    }

    /// Returns the start of the keys of a scope and spelling, and all later ones. `id` may be the start of an id.
    pub fn start_of(id: &[u8]) -> Vec<u8> {
        let mut key = id[..id.len().min(ScopeId::LENGTH + 1)].to_vec();
        if let Some(first) = key.first_mut() {
            *first |= PAGE;
        }
        key
    }

    /// Returns the key of the page of the same series whose window has `time`, in µs.
    #[must_use]
    pub fn at(&self, time: u64, interval: u64) -> Self {
        Self { window: time - time % Self::span(interval), ..*self }
    }

    /// Returns a key before all pages of later spellings and scopes, and after all others.
    #[must_use]
    pub fn next_spelling(&self) -> Self {
        Self { spelling: self.spelling.saturating_add(1), window: 0, ..*self }
    }

    /// Encodes the key.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut key = [0; Self::LENGTH];
        key[..ScopeId::LENGTH].copy_from_slice(&self.scope.0);
        key[0] |= PAGE;
        key[ScopeId::LENGTH] = self.spelling;
        key[ScopeId::LENGTH + 1..].copy_from_slice(&self.window.to_be_bytes());
        key
    }

    /// Decodes a key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`RowPageKey::encode`].
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(key);
        let mut scope: [u8; ScopeId::LENGTH] = reader.array()?;
        let spelling = reader.u8()?;
        let window = u64::from_be_bytes(reader.array()?);
        reader.finish()?;
        if scope[0] & PAGE == 0 {
            return Err(DecodeError::Invalid("a page has the key of a chunk"));
        }
        scope[0] &= !PAGE;
        Ok(Self { scope: ScopeId(scope), spelling, window })
    }

    /// Returns the lowest place that a file of the page can have.
    fn lowest_place(&self) -> u64 {
        if self.spelling == 0 { 0 } else { u64::from(self.scope.0[1]) << 56 }
    }
}

/// A writer of pages.
#[derive(Debug)]
pub struct RowPageWriter {
    interval: u64,
    key: RowPageKey,
    places: Vec<u64>,
    rows: Vec<u8>,
    /// The position of the last row in `rows`, and its key.
    last: Option<(usize, RowKey)>,
    page: Vec<u8>,
}

impl RowPageWriter {
    /// Returns a writer of a page of an index with this interval, in µs.
    pub fn new(interval: u64, key: RowPageKey) -> Self {
        Self { interval, key, places: Vec::new(), rows: Vec::new(), last: None, page: Vec::new() }
    }

    /// Starts another page.
    pub fn restart(&mut self, key: RowPageKey) {
        self.key = key;
        self.places.clear();
        self.rows.clear();
        self.last = None;
    }

    /// Returns the key of the page.
    pub fn key(&self) -> RowPageKey {
        self.key
    }

    /// Adds a row's value. Rows must come in order of their keys.
    ///
    /// # Errors
    ///
    /// If the row belongs to another page, precedes the last one, or is not on the time grid.
    #[inline]
    pub fn put(&mut self, key: &RowKey, row: &[u8]) -> Result<(), DecodeError> {
        if key.page(self.interval) != self.key {
            return Err(OTHER_PAGE);
        }
        let offset = key.bucket - self.key.window;
        let place = offset / self.interval;
        if place * self.interval != offset {
            return Err(OFF_GRID);
        }
        match self.last {
            Some((_, last)) if last >= *key => return Err(OUT_OF_ORDER),
            Some((at, last)) if last.series == key.series => self.rows[at] |= 1,
            _ => self.places.push(key.series.file()?.place()),
        }
        self.last = Some((self.rows.len(), *key));
        put_varint(&mut self.rows, u128::from(place) << 1);
        put_varint(&mut self.rows, row.len() as u128);
        self.rows.extend_from_slice(row);
        Ok(())
    }

    /// Returns the page's key and bytes, if it has rows.
    pub fn page(&mut self) -> Option<(RowPageKey, &[u8])> {
        if self.places.is_empty() {
            return None;
        }
        self.page.clear();
        self.page.push(PAGE_VERSION);
        put_varint(&mut self.page, self.interval.into());
        put_places(&mut self.page, self.key.lowest_place(), &self.places);
        self.page.extend_from_slice(&self.rows);
        Some((self.key, &self.page))
    }
}

/// A cursor over the rows of a page, in order of their keys.
#[derive(Clone, Debug)]
pub struct RowPageCursor<'a> {
    key: RowPageKey,
    interval: u64,
    length: usize,
    places: Places<'a>,
    rows: Reader<'a>,
    /// The series of the last row; before the first row, the lowest series of the scope.
    series: SeriesId,
    started: bool,
    /// Whether another row of the series follows, and the lowest place that it may have.
    more: bool,
    lowest: u64,
}

impl<'a> RowPageCursor<'a> {
    /// Returns a cursor at the start of a page.
    ///
    /// # Errors
    ///
    /// If the page does not start as a [`RowPageWriter`] writes it. Rows are checked when the cursor reaches them.
    pub fn begin(key: RowPageKey, page: &'a [u8]) -> Result<Self, DecodeError> {
        let mut rows = Reader::new(page);
        rows.version(PAGE_VERSION)?;
        let interval = rows.varint_u64()?;
        if interval == 0 || !key.window.is_multiple_of(RowPageKey::span(interval)) {
            return Err(OFF_GRID);
        }
        let places = Places::take(&mut rows, key.lowest_place())?;
        if places.left() == 0 {
            return Err(DecodeError::Truncated);
        }
        let series = key.scope.first_series();
        Ok(Self { key, interval, length: page.len(), places, rows, series, started: false, more: false, lowest: 0 })
    }

    /// Returns the interval, in µs.
    pub fn interval(&self) -> u64 {
        self.interval
    }

    /// Returns the next row's key and the range of its value in the page; `None` at the end.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of a [`RowPageWriter`].
    #[inline]
    pub fn advance(&mut self) -> Result<Option<(RowKey, Range<usize>)>, DecodeError> {
        if !self.more {
            let Some(place) = self.places.next()? else {
                self.rows.finish()?;
                return Ok(None);
            };
            let file = FileId::at(self.key.spelling, place)?.encode();
            if self.started && self.series.0[ScopeId::LENGTH..] >= file[..] {
                return Err(OUT_OF_ORDER);
            }
            self.started = true;
            self.series.0[ScopeId::LENGTH..].copy_from_slice(&file);
            self.series.file()?;
            self.lowest = 0;
        }
        let lead = self.rows.varint_u64()?;
        let place = lead >> 1;
        if place < self.lowest || place >= PAGE_INTERVALS {
            return Err(OUT_OF_ORDER);
        }
        const PAST: DecodeError = DecodeError::Invalid("a time exceeds 64 bits");
        let bucket = place.checked_mul(self.interval).and_then(|offset| self.key.window.checked_add(offset));
        let bucket = bucket.ok_or(PAST)?;
        let length = usize::try_from(self.rows.varint_u64()?).map_err(|_| DecodeError::Truncated)?;
        let start = self.length - self.rows.left();
        self.rows.bytes(length)?;
        (self.more, self.lowest) = (lead & 1 == 1, place + 1);
        Ok(Some((RowKey { series: self.series, bucket }, start..start + length)))
    }
}

/// Merges pages of one key, row by row.
///
/// # Errors
///
/// If a page is not the output of a [`RowPageWriter`], or the pages have different intervals.
pub fn merge_row_pages(key: RowPageKey, pages: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    let mut rows = Vec::new();
    let mut interval = None;
    for page in pages {
        let mut cursor = RowPageCursor::begin(key, page)?;
        if interval.is_some_and(|interval| interval != cursor.interval()) {
            return Err(DecodeError::Invalid("the pages have different intervals"));
        }
        interval = Some(cursor.interval());
        while let Some((key, place)) = cursor.advance()? {
            rows.push((key, &page[place]));
        }
    }
    let Some(interval) = interval else { return Err(DecodeError::Truncated) };
    // Pages are sorted, which a stable sort makes use of.
    rows.sort_by_key(|(key, _)| *key);
    let mut writer = RowPageWriter::new(interval, key);
    for same_key in rows.chunk_by(|a, b| a.0 == b.0) {
        let (key, first) = same_key[0];
        if same_key.len() == 1 {
            writer.put(&key, first)?;
            continue;
        }
        writer.put(&key, &merge_rows(key.bucket, same_key.iter().map(|(_, row)| *row))?)?;
    }
    writer.page().map(|(_, page)| page.to_vec()).ok_or(DecodeError::Truncated)
}

/// Merges encoded rows of one key with this bucket.
///
/// # Errors
///
/// If a row does not decode, or there is none.
pub fn merge_rows<'a>(bucket: u64, mut rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, DecodeError> {
    let mut all = RowValue::decode(rows.next().ok_or(DecodeError::Truncated)?, bucket)?;
    for row in rows {
        all.merge(RowValue::decode(row, bucket)?);
    }
    Ok(all.encode(bucket))
}
