//! Encoded cells of series, and the sorted rows of a whole table of them.

use std::ops::Range;

use dft_codec::{Reader, RowKey, SeriesId, put_varint};

use crate::partition::{PARTITIONS, partition_of};

/// The encoded cells of one series, in the order in which they were encoded.
///
/// ```text
/// varint bucket │ varint length │ value
/// ```
#[derive(Default)]
pub(crate) struct EncodedCells(Vec<u8>);

impl EncodedCells {
    /// Adds a value. Returns the number of bytes that this takes.
    pub(crate) fn push(&mut self, bucket: u64, value: &[u8]) -> usize {
        let before = self.0.len();
        put_varint(&mut self.0, bucket.into());
        put_varint(&mut self.0, value.len() as u128);
        self.0.extend_from_slice(value);
        self.0.len() - before
    }

    /// Returns the values in order of their buckets. A bucket occurs as often as its cell was opened.
    pub(crate) fn values(&self) -> Values<'_> {
        let mut values = Values { bytes: &[], places: Vec::new(), next: 0 };
        values.become_of(self);
        values
    }
}

/// An iterator over the values of one series.
pub(crate) struct Values<'a> {
    bytes: &'a [u8],
    places: Vec<(u64, Range<usize>)>,
    next: usize,
}

impl<'a> Values<'a> {
    /// Switches to the values of another series, and reuses the memory.
    fn become_of(&mut self, encoded: &'a EncodedCells) {
        let bytes = &encoded.0[..];
        self.places.clear();
        self.next = 0;
        self.bytes = bytes;
        let mut reader = Reader::new(bytes);
        // This table wrote the bytes, so they cannot be truncated. If they were, fewer rows would be written than the
        // report counts.
        while let (Ok(bucket), Ok(length)) = (reader.varint_u64(), reader.varint_u64()) {
            let start = bytes.len() - reader.left();
            if reader.bytes(length as usize).is_err() {
                break;
            }
            self.places.push((bucket, start..start + length as usize));
        }
        debug_assert_eq!(reader.left(), 0, "encoded cells are whole");
        self.places.sort_by_key(|(bucket, range)| (*bucket, range.start));
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = (u64, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (bucket, place) = self.places.get(self.next)?;
        self.next += 1;
        Some((*bucket, &self.bytes[place.clone()]))
    }
}

/// The rows of a table, without a copy.
pub(crate) struct TableRows {
    /// By id.
    series: Vec<(SeriesId, EncodedCells)>,
    /// The index of the first series of each partition, and the number of series.
    starts: [usize; PARTITIONS + 1],
}

impl TableRows {
    /// Returns the rows of series, which must be in order of their ids.
    pub(crate) fn new(series: Vec<(SeriesId, EncodedCells)>) -> Self {
        let mut starts = [0; PARTITIONS + 1];
        for (partition, start) in starts.iter_mut().enumerate() {
            *start = series.partition_point(|(id, _)| partition_of(&id.0) < partition);
        }
        Self { series, starts }
    }

    /// Returns the approximate number of bytes before each partition, and in all partitions.
    pub(crate) fn bytes(&self) -> [u64; PARTITIONS + 1] {
        let mut bytes = [0; PARTITIONS + 1];
        for at in 0..PARTITIONS {
            let series = &self.series[self.starts[at]..self.starts[at + 1]];
            bytes[at + 1] = bytes[at] + series.iter().map(|(_, encoded)| encoded.0.len() as u64).sum::<u64>();
        }
        bytes
    }

    /// Returns a cursor over some partitions.
    pub(crate) fn cursor(&self, partitions: &Range<usize>) -> TableCursor<'_> {
        let series = &self.series[self.starts[partitions.start]..self.starts[partitions.end]];
        let values = Values { bytes: &[], places: Vec::new(), next: 0 };
        TableCursor { series, values, key: [0; RowKey::LENGTH], value: &[] }
    }
}

/// A cursor over the rows of a table.
pub(crate) struct TableCursor<'a> {
    /// The series after the current one.
    series: &'a [(SeriesId, EncodedCells)],
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
                self.key[16..].copy_from_slice(&bucket.to_be_bytes());
                self.value = value;
                return true;
            }
            let Some(((id, encoded), rest)) = self.series.split_first() else { return false };
            self.series = rest;
            self.key[..16].copy_from_slice(&id.0);
            self.values.become_of(encoded);
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
        let encoded = |values: &[(u64, &[u8])]| {
            let mut encoded = EncodedCells::default();
            let bytes: usize = values.iter().map(|(bucket, value)| encoded.push(*bucket, value)).sum();
            assert_eq!(encoded.0.len(), bytes);
            encoded
        };
        let id = |first: u8, second: u8| {
            let mut id = [7; 16];
            (id[0], id[1]) = (first, second);
            SeriesId(id)
        };
        let rows = TableRows::new(vec![
            (id(0, 3), encoded(&[(20, b"b"), (10, b"a"), (20, b""), (30, b"c")])),
            (id(0, 200), encoded(&[])),
            (id(0, 201), encoded(&[(10, b"d")])),
            (id(2, 255), encoded(&[(u64::MAX, b"e")])),
        ]);
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
        let row = |series, bucket, value: &'static [u8], last| (RowKey { series, bucket }, value, last);
        let wanted = [
            row(id(0, 3), 10, b"a", true),
            row(id(0, 3), 20, b"b", false),
            row(id(0, 3), 20, b"", true),
            row(id(0, 3), 30, b"c", true),
            row(id(0, 201), 10, b"d", true),
            row(id(2, 255), u64::MAX, b"e", true),
        ];
        assert_eq!(entries, wanted);
        let bytes = rows.bytes();
        assert_eq!((bytes[0], bytes[PARTITIONS] > bytes[PARTITIONS - 1]), (0, true));
    }
}
