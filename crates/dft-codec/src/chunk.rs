//! Chunks: adjacent rows of one series are one entry, so that the store has fewer entries.

use std::ops::Range;

use crate::CHUNK_VERSION;
use crate::bytes::{DecodeError, Reader, put_varint};
use crate::keys::RowKey;
use crate::rows::{RowValue, merge_sorted};

/// The number of intervals in a chunk. Each has at most one row.
pub const CHUNK_INTERVALS: u64 = 16;

const OFF_GRID: DecodeError = DecodeError::Invalid("a time is not on the time grid");
const OTHER_CHUNK: DecodeError = DecodeError::Invalid("a row belongs to another chunk");

/// Returns the length of a chunk, in µs. If it exceeds 64 bits, one chunk covers all of time.
fn span(interval: u64) -> u64 {
    interval.saturating_mul(CHUNK_INTERVALS)
}

impl RowKey {
    /// Returns the key of the chunk that has the row of this key: the same series, and the start of the chunk.
    /// `interval` is that of the index, in µs.
    #[inline]
    pub fn chunk(&self, interval: u64) -> Self {
        Self { series: self.series, bucket: self.bucket - self.bucket % span(interval) }
    }
}

/// A writer that joins rows to chunks.
#[derive(Debug)]
pub struct ChunkWriter {
    interval: u64,
    /// The key of the chunk; unspecified while the chunk is empty.
    key: RowKey,
    /// The lowest bucket that the next row may have.
    next: u64,
    bytes: Vec<u8>,
}

impl ChunkWriter {
    /// Returns a writer for an index with this interval, in µs.
    pub fn new(interval: u64) -> Self {
        let key = RowKey { series: crate::SeriesId::first_of(0), bucket: 0 };
        Self { interval, key, next: 0, bytes: Vec::new() }
    }

    /// Tells whether a row can be added to the current chunk.
    #[inline]
    pub fn takes(&self, key: &RowKey) -> bool {
        self.bytes.is_empty()
            || (key.series == self.key.series
                && key.bucket >= self.next
                && key.bucket - self.key.bucket < span(self.interval))
    }

    /// Adds a row's value.
    ///
    /// # Errors
    ///
    /// If the chunk does not [take](Self::takes) the row, or the bucket is not a multiple of the interval.
    #[inline]
    pub fn put(&mut self, key: &RowKey, row: &[u8]) -> Result<(), DecodeError> {
        if !self.takes(key) {
            return Err(OTHER_CHUNK);
        }
        let chunk = if self.bytes.is_empty() { key.chunk(self.interval) } else { self.key };
        let offset = key.bucket - chunk.bucket;
        let place = offset / self.interval;
        if place * self.interval != offset {
            return Err(OFF_GRID);
        }
        if self.bytes.is_empty() {
            self.key = chunk;
            self.bytes.push(CHUNK_VERSION);
            put_varint(&mut self.bytes, self.interval.into());
        }
        self.next = key.bucket.saturating_add(1);
        put_varint(&mut self.bytes, place.into());
        put_varint(&mut self.bytes, row.len() as u128);
        self.bytes.extend_from_slice(row);
        Ok(())
    }

    /// Returns the chunk's key and bytes, if it has rows.
    pub fn chunk(&self) -> Option<(RowKey, &[u8])> {
        (!self.bytes.is_empty()).then_some((self.key, &self.bytes[..]))
    }

    /// Starts another chunk.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.next = 0;
    }
}

/// A cursor over the rows of a chunk. It does not hold the chunk's bytes.
#[derive(Clone, Debug)]
pub struct ChunkCursor {
    key: RowKey,
    interval: u64,
    /// The position of the next row in the chunk.
    at: usize,
    /// The lowest place that the next row may have.
    place: u64,
}

impl ChunkCursor {
    /// Returns a cursor at the start of a key's chunk.
    ///
    /// # Errors
    ///
    /// If the chunk does not start as a [`ChunkWriter`] writes it. Rows are checked when the cursor reaches them.
    #[inline]
    pub fn begin(key: RowKey, chunk: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(chunk);
        reader.version(CHUNK_VERSION)?;
        let interval = reader.varint_u64()?;
        if interval == 0 || !key.bucket.is_multiple_of(span(interval)) {
            return Err(OFF_GRID);
        }
        if reader.left() == 0 {
            return Err(DecodeError::Truncated);
        }
        Ok(Self { key, interval, at: chunk.len() - reader.left(), place: 0 })
    }

    /// Returns the chunk's key.
    pub fn key(&self) -> RowKey {
        self.key
    }

    /// Returns the chunk's interval, in µs.
    pub fn interval(&self) -> u64 {
        self.interval
    }

    /// Returns the next row's key and the range of its value in the chunk; `None` at the end. The caller must pass the
    /// chunk that the cursor began with.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of a [`ChunkWriter`].
    #[inline]
    pub fn advance(&mut self, chunk: &[u8]) -> Result<Option<(RowKey, Range<usize>)>, DecodeError> {
        let mut reader = Reader::new(chunk.get(self.at..).unwrap_or_default());
        if reader.left() == 0 {
            return Ok(None);
        }
        let place = reader.varint_u64()?;
        if place < self.place || place >= CHUNK_INTERVALS {
            return Err(DecodeError::Invalid("rows of a chunk are out of order"));
        }
        const PAST: DecodeError = DecodeError::Invalid("a time exceeds 64 bits");
        let bucket = place.checked_mul(self.interval).and_then(|offset| self.key.bucket.checked_add(offset));
        let bucket = bucket.ok_or(PAST)?;
        let length = usize::try_from(reader.varint_u64()?).map_err(|_| DecodeError::Truncated)?;
        let start = chunk.len() - reader.left();
        reader.bytes(length)?;
        (self.at, self.place) = (start + length, place + 1);
        Ok(Some((RowKey { series: self.key.series, bucket }, start..self.at)))
    }
}

/// The decoded rows of a chunk, in order of their buckets.
#[derive(Clone, Debug, PartialEq)]
pub struct RowChunk {
    interval: u64,
    rows: Vec<(RowKey, RowValue)>,
}

impl RowChunk {
    /// Decodes the chunk of a key.
    ///
    /// # Errors
    ///
    /// If the bytes, or those of a row, are not valid.
    pub fn decode(key: RowKey, chunk: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = ChunkCursor::begin(key, chunk)?;
        let mut rows = Vec::new();
        while let Some((key, place)) = cursor.advance(chunk)? {
            rows.push((key, RowValue::decode(&chunk[place], key.bucket)?));
        }
        Ok(Self { interval: cursor.interval(), rows })
    }

    /// Returns the rows.
    pub fn rows(&self) -> &[(RowKey, RowValue)] {
        &self.rows
    }

    /// Merges another chunk of the same key, row by row.
    ///
    /// # Errors
    ///
    /// If the other chunk has another interval.
    pub fn merge(&mut self, other: Self) -> Result<(), DecodeError> {
        if self.interval != other.interval {
            return Err(DecodeError::Invalid("the chunks have different intervals"));
        }
        merge_sorted(&mut self.rows, other.rows, RowValue::merge);
        Ok(())
    }

    /// Encodes the chunk.
    ///
    /// # Errors
    ///
    /// Never for a chunk that was [decoded](Self::decode) or merged from decoded chunks.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let mut writer = ChunkWriter::new(self.interval);
        for (key, row) in &self.rows {
            writer.put(key, &row.encode(key.bucket))?;
        }
        Ok(writer.bytes)
    }
}
