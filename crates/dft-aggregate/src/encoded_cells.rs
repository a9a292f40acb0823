//! Encoded cells of series, and the sorted rows of a whole table of them.

use std::ops::Range;

use dft_codec::{Reader, RowKey, SeriesId};

use crate::partition::{PARTITIONS, partition_of};

/// The encoded cells of one series: where its last block is in a [`CellArena`].
#[derive(Clone, Copy)]
pub(crate) struct CellChain {
    segment: u32,
    /// The start of the block in its segment.
    start: u32,
    /// The bytes of the block that have cells.
    used: u32,
    /// The bytes of the block that can have cells; 0 if the series has no block.
    capacity: u32,
    /// The bytes of all cells, as far as 32 bits can tell.
    bytes: u32,
}

impl CellChain {
    /// The chain of a series without encoded cells.
    pub(crate) const EMPTY: Self = Self { segment: 0, start: 0, used: 0, capacity: 0, bytes: 0 };
}

/// The encoded cells of all series, in blocks. The blocks of a series are chained from the last one to the first.
///
/// ```text
/// block   segment, start, used and capacity of the previous block, 4 bytes each │ cells
/// cell    varint bucket │ varint length │ value
/// ```
///
/// The first block of a series holds one cell and the following ones grow, so a million series with one cell each take
/// neither a million allocations nor more bytes than their cells.
#[derive(Default)]
pub(crate) struct CellArena {
    segments: Vec<Vec<u8>>,
    /// The used bytes of the last segment.
    used: usize,
    /// The bytes of all segments.
    bytes: usize,
}

/// The usual size of a segment, in bytes. A larger block has a segment of its own.
const SEGMENT: usize = 256 << 10;

/// The sizes of the second block of a series and of the largest, in bytes, unless one cell is larger.
const SECOND_BLOCK: usize = 128;
const LARGEST_BLOCK: usize = 4 << 10;

const HEADER: usize = 16;

impl CellArena {
    /// Returns the memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes
    }

    /// Adds a cell to a series.
    #[inline]
    pub(crate) fn push(&mut self, chain: &mut CellChain, bucket: u64, value: &[u8]) {
        let mut head = [0; 20];
        let length = put_head(&mut head, bucket, value.len());
        let need = length + value.len();
        if chain.used as usize + need > chain.capacity as usize {
            self.add_block(chain, need);
        }
        let at = chain.start as usize + HEADER + chain.used as usize;
        let cells = &mut self.segments[chain.segment as usize][at..at + need];
        cells[..length].copy_from_slice(&head[..length]);
        cells[length..].copy_from_slice(value);
        chain.used += need as u32;
        chain.bytes = chain.bytes.saturating_add(need as u32);
    }

    #[cold]
    fn add_block(&mut self, chain: &mut CellChain, need: usize) {
        let size = match chain.capacity as usize {
            0 => need,
            last => need.max((2 * last).clamp(SECOND_BLOCK, LARGEST_BLOCK)),
        };
        let whole = HEADER + size;
        if self.segments.last().is_none_or(|last| last.len() - self.used < whole) {
            let segment = SEGMENT.max(whole);
            self.segments.push(vec![0; segment]);
            self.used = 0;
            self.bytes += segment;
        }
        let segment = self.segments.len() - 1;
        let header = &mut self.segments[segment][self.used..self.used + HEADER];
        for (field, value) in header.chunks_exact_mut(4).zip([chain.segment, chain.start, chain.used, chain.capacity]) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        // A segment and a cell are far smaller than 4 GiB: a line has at most 128 MiB.
        *chain = CellChain {
            segment: segment as u32,
            start: self.used as u32,
            used: 0,
            capacity: size as u32,
            bytes: chain.bytes,
        };
        self.used += whole;
    }

    /// Returns the cells of a block, and the chain before it.
    fn block(&self, chain: CellChain) -> (&[u8], CellChain) {
        let block = &self.segments[chain.segment as usize][chain.start as usize..];
        let field = |at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&block[at..at + 4]);
            u32::from_le_bytes(bytes)
        };
        let before = CellChain { segment: field(0), start: field(4), used: field(8), capacity: field(12), bytes: 0 };
        (&block[HEADER..HEADER + chain.used as usize], before)
    }

    /// Returns an iterator without values, which can [become](Values::become_of) that of a series.
    pub(crate) fn values(&self) -> Values<'_> {
        Values { arena: self, blocks: Vec::new(), places: Vec::new(), next: 0 }
    }
}

/// Writes the bucket and the length of a cell as varints. Returns how many bytes they take.
#[inline]
fn put_head(head: &mut [u8; 20], bucket: u64, length: usize) -> usize {
    let mut at = 0;
    for mut value in [bucket, length as u64] {
        while value >= 0x80 {
            head[at] = value as u8 | 0x80;
            value >>= 7;
            at += 1;
        }
        head[at] = value as u8;
        at += 1;
    }
    at
}

/// An iterator over the values of one series, in order of their buckets. A bucket occurs as often as its cell was
/// opened.
pub(crate) struct Values<'a> {
    arena: &'a CellArena,
    blocks: Vec<&'a [u8]>,
    places: Vec<(u64, &'a [u8])>,
    next: usize,
}

impl Values<'_> {
    /// Switches to the values of another series, and reuses the memory.
    pub(crate) fn become_of(&mut self, chain: CellChain) {
        self.places.clear();
        self.blocks.clear();
        self.next = 0;
        let mut left = chain;
        while left.capacity > 0 {
            let (cells, before) = self.arena.block(left);
            self.blocks.push(cells);
            left = before;
        }
        for cells in self.blocks.iter().rev() {
            let mut reader = Reader::new(cells);
            // This table wrote the bytes, so they cannot be truncated. If they were, fewer rows would be written than the
            // report counts.
            while let (Ok(bucket), Ok(length)) = (reader.varint_u64(), reader.varint_u64()) {
                let Ok(value) = reader.bytes(length as usize) else { break };
                self.places.push((bucket, value));
            }
            debug_assert_eq!(reader.left(), 0, "encoded cells are whole");
        }
        // Stable: cells of one bucket stay in the order in which they were encoded.
        self.places.sort_by_key(|(bucket, _)| *bucket);
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = (u64, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let place = self.places.get(self.next).copied()?;
        self.next += 1;
        Some(place)
    }
}

/// The rows of a table, without a copy.
pub(crate) struct TableRows {
    arena: CellArena,
    /// By id.
    series: Vec<(SeriesId, CellChain)>,
    /// The index of the first series of each partition, and the number of series.
    starts: Vec<usize>,
}

impl TableRows {
    /// Returns the rows of series, which must be in order of their ids.
    pub(crate) fn new(arena: CellArena, series: Vec<(SeriesId, CellChain)>) -> Self {
        let mut starts = Vec::with_capacity(PARTITIONS + 1);
        for (at, (id, _)) in series.iter().enumerate() {
            let partition = partition_of(&id.0);
            while starts.len() <= partition {
                starts.push(at);
            }
        }
        starts.resize(PARTITIONS + 1, series.len());
        Self { arena, series, starts }
    }

    /// Returns the approximate number of bytes before each partition, and in all partitions.
    pub(crate) fn bytes(&self) -> Box<[u64]> {
        let mut bytes = vec![0; PARTITIONS + 1].into_boxed_slice();
        for at in 0..PARTITIONS {
            let series = &self.series[self.starts[at]..self.starts[at + 1]];
            bytes[at + 1] = bytes[at] + series.iter().map(|(_, chain)| u64::from(chain.bytes)).sum::<u64>();
        }
        bytes
    }

    /// Returns a cursor over some partitions.
    pub(crate) fn cursor(&self, partitions: &Range<usize>) -> TableCursor<'_> {
        let series = &self.series[self.starts[partitions.start]..self.starts[partitions.end]];
        TableCursor { series, values: self.arena.values(), key: [0; RowKey::LENGTH], value: &[] }
    }
}

/// A cursor over the rows of a table.
pub(crate) struct TableCursor<'a> {
    /// The series after the current one.
    series: &'a [(SeriesId, CellChain)],
    values: Values<'a>,
    pub(crate) key: [u8; RowKey::LENGTH],
    pub(crate) value: &'a [u8],
}

impl TableCursor<'_> {
    /// Moves to the next row. Returns false at the end.
    #[inline]
    pub(crate) fn advance(&mut self) -> bool {
        loop {
            if let Some((bucket, value)) = self.values.next() {
                self.key[SeriesId::LENGTH..].copy_from_slice(&bucket.to_be_bytes());
                self.value = value;
                return true;
            }
            let Some((&(id, chain), rest)) = self.series.split_first() else { return false };
            self.series = rest;
            self.key[..SeriesId::LENGTH].copy_from_slice(&id.0);
            self.values.become_of(chain);
        }
    }

    /// Tells whether the next row has another key. A bucket whose cell was opened again has several rows.
    #[inline]
    pub(crate) fn is_last_of_key(&self) -> bool {
        let places = &self.values.places;
        places.get(self.values.next).is_none_or(|next| next.0 != places[self.values.next - 1].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_series_and_bucket_and_repeat_for_reopened_buckets() {
        let mut arena = CellArena::default();
        let mut encoded = |values: &[(u64, &[u8])]| {
            let mut chain = CellChain::EMPTY;
            values.iter().for_each(|(bucket, value)| arena.push(&mut chain, *bucket, value));
            chain
        };
        let id = |first: u8, second: u8| {
            let mut id = [7; SeriesId::LENGTH];
            (id[0], id[1]) = (first, second);
            SeriesId(id)
        };
        let long = vec![b'x'; 2 * SEGMENT];
        let series = vec![
            (id(0, 3), encoded(&[(20, b"b"), (10, b"a"), (20, b""), (30, b"c")])),
            (id(0, 200), encoded(&[])),
            (id(0, 201), encoded(&[(10, b"d"), (5, &long)])),
            (id(2, 255), encoded(&[(u64::MAX, b"e")])),
        ];
        assert!(arena.memory() >= 2 * SEGMENT);
        let rows = TableRows::new(arena, series);
        let mut entries = Vec::new();
        let mut partitions = 0..0;
        while partitions.start < PARTITIONS {
            partitions = partitions.end..(partitions.end + 5).min(PARTITIONS);
            let mut cursor = rows.cursor(&partitions);
            while cursor.advance() {
                assert!(partitions.contains(&partition_of(&cursor.key)));
                entries.push((RowKey::decode(&cursor.key).expect("a key"), cursor.value, cursor.is_last_of_key()));
            }
        }
        let wanted: [(RowKey, &[u8], bool); 7] = [
            (RowKey { series: id(0, 3), bucket: 10 }, b"a", true),
            (RowKey { series: id(0, 3), bucket: 20 }, b"b", false),
            (RowKey { series: id(0, 3), bucket: 20 }, b"", true),
            (RowKey { series: id(0, 3), bucket: 30 }, b"c", true),
            (RowKey { series: id(0, 201), bucket: 5 }, &long, true),
            (RowKey { series: id(0, 201), bucket: 10 }, b"d", true),
            (RowKey { series: id(2, 255), bucket: u64::MAX }, b"e", true),
        ];
        assert_eq!(entries, wanted);
        let bytes = rows.bytes();
        let before_last = partition_of(&id(2, 255).0);
        assert_eq!((bytes[0], bytes[before_last + 1] - bytes[before_last]), (0, 12));
        assert_eq!(bytes[PARTITIONS], bytes[before_last + 1]);
    }

    #[test]
    fn a_series_keeps_its_cells_in_order_over_many_blocks() {
        let mut arena = CellArena::default();
        let (mut even, mut odd) = (CellChain::EMPTY, CellChain::EMPTY);
        for at in 0..20_000_u64 {
            let value = vec![at as u8; (at % 50) as usize];
            arena.push(if at % 2 == 0 { &mut even } else { &mut odd }, at, &value);
        }
        for (chain, first) in [(even, 0), (odd, 1)] {
            let mut values = arena.values();
            values.become_of(chain);
            let wanted = (first..20_000_u64).step_by(2).map(|at| (at, vec![at as u8; (at % 50) as usize]));
            assert!(values.map(|(bucket, value)| (bucket, value.to_vec())).eq(wanted));
        }
    }
}
