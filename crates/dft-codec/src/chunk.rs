//! The entries of rows: neighbours of one series are one entry, so that the store has fewer of them.

use std::ops::Range;

use crate::CHUNK_VERSION;
use crate::bytes::{DecodeError, Reader, put_varint};
use crate::keys::RowKey;
use crate::rows::{RowValue, merge_sorted};

/// The intervals of a chunk, of which each has one row or none.
pub const CHUNK_INTERVALS: u64 = 16;

const OFF_GRID: DecodeError = DecodeError::Invalid("a time that is not on the time grid");
const OTHER_CHUNK: DecodeError = DecodeError::Invalid("a row of another chunk");

/// The length of a chunk of intervals of so many µs; also of those that are longer than 64 bits allow for, whose
/// chunks then are all of time.
fn span(interval: u64) -> u64 {
    interval.saturating_mul(CHUNK_INTERVALS)
}

impl RowKey {
    /// The key of the chunk that the row of this key is in: the same series, and where the chunk starts.
    #[inline]
    pub fn chunk(&self, interval: u64) -> Self {
        Self { series: self.series, bucket: self.bucket - self.bucket % span(interval) }
    }
}

/// Puts rows together to chunks.
#[derive(Debug)]
pub struct ChunkWriter {
    interval: u64,
    /// The key of the chunk; anything while it is empty.
    key: RowKey,
    /// The least bucket that the next row may have.
    next: u64,
    bytes: Vec<u8>,
}

impl ChunkWriter {
    /// A writer of rows of an index of this interval, in µs.
    pub fn new(interval: u64) -> Self {
        let key = RowKey { series: crate::SeriesId([0; 16]), bucket: 0 };
        Self { interval, key, next: 0, bytes: Vec::new() }
    }

    /// Whether a row can be added to the chunk at hand.
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
    /// Where the chunk does not [take](Self::takes) it, or its bucket is no multiple of the interval.
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

    /// The chunk's key and bytes, if it has rows.
    pub fn chunk(&self) -> Option<(RowKey, &[u8])> {
        (!self.bytes.is_empty()).then_some((self.key, &self.bytes[..]))
    }

    /// Begins another chunk.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.next = 0;
    }
}

/// Where a walk over the rows of a chunk is; it does not hold the chunk.
#[derive(Clone, Debug)]
pub struct ChunkCursor {
    key: RowKey,
    interval: u64,
    /// Where in the chunk the next row is.
    at: usize,
    /// The least place that it may have.
    place: u64,
}

impl ChunkCursor {
    /// Begins with a chunk under a key.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what a [`ChunkWriter`] writes, as far as they are looked at: rows are when
    /// they are reached.
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

    /// The chunk's key.
    pub fn key(&self) -> RowKey {
        self.key
    }

    /// The chunk's interval, in µs.
    pub fn interval(&self) -> u64 {
        self.interval
    }

    /// The next row's key, and where in the chunk, which is the one that this began with, its value is; `None`
    /// at the end.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what a [`ChunkWriter`] writes.
    #[inline]
    pub fn advance(&mut self, chunk: &[u8]) -> Result<Option<(RowKey, Range<usize>)>, DecodeError> {
        let mut reader = Reader::new(chunk.get(self.at..).unwrap_or_default());
        if reader.left() == 0 {
            return Ok(None);
        }
        let place = reader.varint_u64()?;
        if place < self.place || place >= CHUNK_INTERVALS {
            return Err(DecodeError::Invalid("rows of a chunk out of order"));
        }
        const PAST: DecodeError = DecodeError::Invalid("a time past 64 bits");
        let bucket = place.checked_mul(self.interval).and_then(|offset| self.key.bucket.checked_add(offset));
        let bucket = bucket.ok_or(PAST)?;
        let length = usize::try_from(reader.varint_u64()?).map_err(|_| DecodeError::Truncated)?;
        let start = chunk.len() - reader.left();
        reader.bytes(length)?;
        (self.at, self.place) = (start + length, place + 1);
        Ok(Some((RowKey { series: self.key.series, bucket }, start..self.at)))
    }
}

/// The rows of a chunk, with their buckets and in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct RowChunk {
    interval: u64,
    rows: Vec<(RowKey, RowValue)>,
}

impl RowChunk {
    /// The rows of a chunk under a key.
    ///
    /// # Errors
    ///
    /// Where the bytes, or those of a row, are not what is written.
    pub fn decode(key: RowKey, chunk: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = ChunkCursor::begin(key, chunk)?;
        let mut rows = Vec::new();
        while let Some((key, place)) = cursor.advance(chunk)? {
            rows.push((key, RowValue::decode(&chunk[place], key.bucket)?));
        }
        Ok(Self { interval: cursor.interval(), rows })
    }

    /// The rows.
    pub fn rows(&self) -> &[(RowKey, RowValue)] {
        &self.rows
    }

    /// Adds all rows of another chunk under the same key: those of one bucket merge.
    ///
    /// # Errors
    ///
    /// Where that is of another interval.
    pub fn merge(&mut self, other: Self) -> Result<(), DecodeError> {
        if self.interval != other.interval {
            return Err(DecodeError::Invalid("chunks of different intervals"));
        }
        merge_sorted(&mut self.rows, other.rows, RowValue::merge);
        Ok(())
    }

    /// The chunk's bytes.
    ///
    /// # Errors
    ///
    /// None of a chunk that was [decoded](Self::decode), or merged of such ones.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let mut writer = ChunkWriter::new(self.interval);
        for (key, row) in &self.rows {
            writer.put(key, &row.encode(key.bucket))?;
        }
        Ok(writer.bytes)
    }
}
