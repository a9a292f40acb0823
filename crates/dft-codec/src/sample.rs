//! A few records of a trace, by which another trace that has the same ones is found.

use std::collections::BTreeSet;

use crate::bytes::{DecodeError, Reader, put_varint, put_zigzag};

/// How many records a sample has, if the trace has as many.
const RECORDS: usize = 16;

/// A record, by hashes of what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampledRecord {
    /// By which records are chosen: the smallest ones of a trace are in its sample.
    pub rank: u64,
    /// Of what the rank leaves out.
    pub check: u32,
    /// The process that the record is of.
    pub pid: i64,
}

/// The records of a trace with the smallest ranks. The rank depends on nothing but the record, so the
/// sample is the same however the trace was read; and of a trace that was cut in parts, each of its sampled
/// records is in the sample of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    records: BTreeSet<SampledRecord>,
    /// The greatest rank that a record may have to be taken: this is looked at for every record of a trace.
    limit: u64,
}

impl Default for Sample {
    fn default() -> Self {
        Self::of(BTreeSet::new())
    }
}

impl Sample {
    /// Offers a record; what is not of the rank is asked for only where it is taken.
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

    /// The records, by rank.
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
                return Err(DecodeError::Invalid("sampled records that are not in order"));
            }
            records.insert(record);
        }
        if count > RECORDS {
            return Err(DecodeError::Invalid("more sampled records than there can be"));
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
