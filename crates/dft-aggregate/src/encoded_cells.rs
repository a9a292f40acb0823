//! Values that are final, as bytes; and the rows of a whole table of them, in order.

use std::ops::Range;

use dft_codec::{Reader, RowKey, SeriesId, put_varint};

use crate::partition::{PARTITIONS, partition_of};

/// The sealed values of one series, in the order in which they were sealed.
///
/// ```text
/// varint bucket │ varint length │ value
/// ```
#[derive(Default)]
pub(crate) struct EncodedCells(Vec<u8>);

impl EncodedCells {
    /// Adds a value; how many bytes that takes.
    pub(crate) fn push(&mut self, bucket: u64, value: &[u8]) -> usize {
        let before = self.0.len();
        put_varint(&mut self.0, bucket.into());
        put_varint(&mut self.0, value.len() as u128);
        self.0.extend_from_slice(value);
        self.0.len() - before
    }

    /// The values, in order of their bucket; a bucket comes as often as it was opened.
    pub(crate) fn values(&self) -> Values<'_> {
        let mut values = Values { bytes: &[], places: Vec::new(), next: 0 };
        values.become_of(self);
        values
    }
}

/// Walks the values of one series.
pub(crate) struct Values<'a> {
    bytes: &'a [u8],
    places: Vec<(u64, Range<usize>)>,
    next: usize,
}

impl<'a> Values<'a> {
    /// Becomes the values of another series, in the memory of these.
    fn become_of(&mut self, sealed: &'a EncodedCells) {
        let bytes = &sealed.0[..];
        self.places.clear();
        self.next = 0;
        self.bytes = bytes;
        let mut reader = Reader::new(bytes);
        // This table wrote the bytes, so they cannot be cut; if they were, less would come out than
        // the report counts.
        while let (Ok(bucket), Ok(length)) = (reader.varint_u64(), reader.varint_u64()) {
            let start = bytes.len() - reader.left();
            if reader.bytes(length as usize).is_err() {
                break;
            }
            self.places.push((bucket, start..start + length as usize));
        }
        debug_assert_eq!(reader.left(), 0, "sealed bytes are whole");
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

/// The rows of a table, left where the table had them.
pub(crate) struct TableRows {
    /// By id.
    series: Vec<(SeriesId, EncodedCells)>,
    /// Which of them start each partition, and how many there are.
    starts: [usize; PARTITIONS + 1],
}

impl TableRows {
    /// The rows of series that are in order of their ids.
    pub(crate) fn new(series: Vec<(SeriesId, EncodedCells)>) -> Self {
        let mut starts = [0; PARTITIONS + 1];
        for (partition, start) in starts.iter_mut().enumerate() {
            *start = series.partition_point(|(id, _)| partition_of(&id.0) < partition);
        }
        Self { series, starts }
    }

    /// About how many bytes lie before each partition, and in all of them.
    pub(crate) fn bytes(&self) -> [u64; PARTITIONS + 1] {
        let mut bytes = [0; PARTITIONS + 1];
        for at in 0..PARTITIONS {
            let series = &self.series[self.starts[at]..self.starts[at + 1]];
            bytes[at + 1] = bytes[at] + series.iter().map(|(_, sealed)| sealed.0.len() as u64).sum::<u64>();
        }
        bytes
    }

    /// A cursor over some partitions.
    pub(crate) fn cursor(&self, partitions: &Range<usize>) -> TableCursor<'_> {
        let series = &self.series[self.starts[partitions.start]..self.starts[partitions.end]];
        let values = Values { bytes: &[], places: Vec::new(), next: 0 };
        TableCursor { series, values, key: [0; RowKey::LENGTH], value: &[] }
    }
}

/// Walks the rows of a table.
pub(crate) struct TableCursor<'a> {
    /// The series behind the one at hand.
    series: &'a [(SeriesId, EncodedCells)],
    values: Values<'a>,
    pub(crate) key: [u8; RowKey::LENGTH],
    pub(crate) value: &'a [u8],
}

impl TableCursor<'_> {
    /// Steps to the next row; false at the end.
    #[inline]
    pub(crate) fn advance(&mut self) -> bool {
        loop {
            if let Some((bucket, value)) = self.values.next() {
                self.key[16..].copy_from_slice(&bucket.to_be_bytes());
                self.value = value;
                return true;
            }
            let Some(((id, sealed), rest)) = self.series.split_first() else { return false };
            self.series = rest;
            self.key[..16].copy_from_slice(&id.0);
            self.values.become_of(sealed);
        }
    }

    /// Whether the next row has another key: a bucket that was opened again comes again.
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
    fn rows_come_by_series_and_bucket_and_a_bucket_as_often_as_it_was_opened() {
        let sealed = |values: &[(u64, &[u8])]| {
            let mut sealed = EncodedCells::default();
            let bytes: usize = values.iter().map(|(bucket, value)| sealed.push(*bucket, value)).sum();
            assert_eq!(sealed.0.len(), bytes);
            sealed
        };
        let id = |first: u8, second: u8| {
            let mut id = [7; 16];
            (id[0], id[1]) = (first, second);
            SeriesId(id)
        };
        let rows = TableRows::new(vec![
            (id(0, 3), sealed(&[(20, b"b"), (10, b"a"), (20, b""), (30, b"c")])),
            (id(0, 200), sealed(&[])),
            (id(0, 201), sealed(&[(10, b"d")])),
            (id(2, 255), sealed(&[(u64::MAX, b"e")])),
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
