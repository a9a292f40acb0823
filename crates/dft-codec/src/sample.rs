//! A sample of a trace's records, by which a trace with the same records is found.

use std::collections::BTreeSet;

use crate::bytes::{DecodeError, Reader, put_varint, put_zigzag};

/// The maximum number of records in a sample.
const RECORDS: usize = 16;

/// A sampled record, as hashes of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampledRecord {
    /// The hash by which records are chosen: a sample has the lowest ranks of the trace.
    pub rank: u64,
    /// The hash of what the rank leaves out.
    pub check: u32,
    /// The process of the record.
    pub pid: i64,
}

/// The records of a trace with the lowest ranks. A rank depends only on its record, so the sample is the same however
/// the trace was read. If a trace was cut into parts, each of its sampled records is in the sample of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    records: BTreeSet<SampledRecord>,
    /// The highest rank that is still accepted. It is compared for every record of a trace.
    limit: u64,
}

impl Default for Sample {
    fn default() -> Self {
        Self::of(BTreeSet::new())
    }
}

impl Sample {
    /// Adds a record if its rank is low enough. `check` is called only then.
    #[inline]
    pub fn add(&mut self, rank: u64, pid: i64, check: impl FnOnce() -> u32) {
        if rank <= self.limit {
            self.insert(SampledRecord { rank, check: check(), pid });
        }
    }

    fn of(records: BTreeSet<SampledRecord>) -> Self {
        let last = records.last().filter(|_| records.len() >= RECORDS);
        let limit = last.map_or(u64::MAX, |last| last.rank);
        Self { records, limit }
    }

    #[cold]
    fn insert(&mut self, record: SampledRecord) {
        let mut records = std::mem::take(&mut self.records);
        records.insert(record);
        if records.len() > RECORDS {
            records.pop_last();
        }
        *self = Self::of(records);
    }

    /// Adds the records of another part of the trace.
    pub fn merge(&mut self, other: &Self) {
        other.records.iter().for_each(|&record| self.insert(record));
    }

    /// Returns the records, by rank.
    pub fn records(&self) -> impl Iterator<Item = &SampledRecord> {
        self.records.iter()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.records.len() as u128);
        for record in &self.records {
            out.extend_from_slice(&record.rank.to_be_bytes());
            out.extend_from_slice(&record.check.to_be_bytes());
            put_zigzag(out, record.pid.into());
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut records = BTreeSet::new();
        let count = reader.count_of(13)?;
        for _ in 0..count {
            let rank = u64::from_be_bytes(reader.array()?);
            let check = u32::from_be_bytes(reader.array()?);
            let record = SampledRecord { rank, check, pid: reader.zigzag_i64()? };
            if records.last().is_some_and(|last| *last >= record) {
                return Err(DecodeError::Invalid("sampled records are out of order"));
            }
            records.insert(record);
        }
        if count > RECORDS {
            return Err(DecodeError::Invalid("too many sampled records"));
        }
        Ok(Self::of(records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: std::ops::Range<u64>) -> Sample {
        let mut sample = Sample::default();
        range.for_each(|at| sample.add(at.wrapping_mul(0x9e37_79b9_7f4a_7c15), at as i64, || at as u32));
        sample
    }

    #[test]
    fn a_sample_is_the_same_however_the_trace_was_read() {
        let whole = of(0..1_000);
        assert_eq!(whole.records().count(), RECORDS);
        let mut parts = of(700..1_000);
        parts.merge(&of(0..300));
        parts.merge(&of(200..750));
        assert_eq!(parts, whole);
        let found = |part: &Sample| whole.records().filter(|record| part.records.contains(record)).count();
        assert_eq!((0..10).map(|part| found(&of(part * 100..part * 100 + 100))).sum::<usize>(), RECORDS);
    }
}
