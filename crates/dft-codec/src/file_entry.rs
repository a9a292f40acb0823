//! What the index knows of a trace file that is in it.

use crate::VALUE_VERSION;
use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};

/// How many lines of a file were what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// Complete calls.
    pub events: u64,
    /// Records that a tracer aggregated.
    pub profiles: u64,
    /// Such records of the system family.
    pub systems: u64,
    /// Readings of counters.
    pub telemetry: u64,
    /// Metadata records.
    pub metadata: u64,
    /// Records of a phase that means nothing here.
    pub skipped: u64,
    /// Lines that are no record.
    pub malformed: u64,
    /// Data transfers that returned an error.
    pub failed_transfers: u64,
    /// Float samples that were NaN or infinite, and are in no statistic.
    pub not_finite: u64,
}

impl FileCounts {
    fn all(&self) -> [u64; 9] {
        [
            self.events,
            self.profiles,
            self.systems,
            self.telemetry,
            self.metadata,
            self.skipped,
            self.malformed,
            self.failed_transfers,
            self.not_finite,
        ]
    }

    /// Adds the other counts.
    pub fn add(&mut self, other: &Self) {
        let sum = self.all().into_iter().zip(other.all()).map(|(a, b)| a + b);
        *self = Self::from_iter(sum);
    }

    fn from_iter(counts: impl Iterator<Item = u64>) -> Self {
        let mut all = [0; 9];
        all.iter_mut().zip(counts).for_each(|(slot, count)| *slot = count);
        let [events, profiles, systems, telemetry, metadata, skipped, malformed, failed_transfers, not_finite] = all;
        Self { events, profiles, systems, telemetry, metadata, skipped, malformed, failed_transfers, not_finite }
    }

    /// Records of any kind, metadata and skipped ones included.
    pub fn records(&self) -> u64 {
        self.aggregated() + self.metadata + self.skipped
    }

    /// Records that are in rows or telemetry.
    pub fn aggregated(&self) -> u64 {
        self.events + self.profiles + self.systems + self.telemetry
    }
}

/// What was wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// It has no byte.
    Empty,
    /// Its last gzip member ends too early.
    Truncated(String),
    /// A gzip member is corrupt.
    Damaged(String),
}

/// A trace file in the index: what it was when it was read.
///
/// ```text
/// version │ varint size │ zigzag modified │ 16 bytes fingerprint │ varint text bytes
///         │ 9 × varint counts │ fault: 0 none, 1 empty, 2 truncated + text, 3 damaged + text
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, in ns from the epoch.
    pub modified_ns: i128,
    /// A hash (XXH3, 128 bits) of its bytes.
    pub fingerprint: u128,
    /// Bytes of text, inflated.
    pub text_bytes: u64,
    /// What its lines were.
    pub counts: FileCounts,
    /// What was wrong with it.
    pub fault: Option<FileFault>,
}

impl FileEntry {
    /// The entry's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VALUE_VERSION];
        put_varint(&mut out, self.size.into());
        put_zigzag(&mut out, self.modified_ns);
        out.extend_from_slice(&self.fingerprint.to_be_bytes());
        put_varint(&mut out, self.text_bytes.into());
        for count in self.counts.all() {
            put_varint(&mut out, count.into());
        }
        match &self.fault {
            None => out.push(0),
            Some(FileFault::Empty) => out.push(1),
            Some(FileFault::Truncated(reason)) => {
                out.push(2);
                put_text(&mut out, reason);
            }
            Some(FileFault::Damaged(reason)) => {
                out.push(3);
                put_text(&mut out, reason);
            }
        }
        out
    }

    /// An entry from its bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what [`FileEntry::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VALUE_VERSION)?;
        let size = reader.varint_u64()?;
        let modified_ns = reader.zigzag()?;
        let fingerprint = u128::from_be_bytes(reader.array()?);
        let text_bytes = reader.varint_u64()?;
        let mut counts = [0; 9];
        for count in &mut counts {
            *count = reader.varint_u64()?;
        }
        let fault = match reader.u8()? {
            0 => None,
            1 => Some(FileFault::Empty),
            2 => Some(FileFault::Truncated(reader.text()?.to_owned())),
            3 => Some(FileFault::Damaged(reader.text()?.to_owned())),
            _ => return Err(DecodeError::Invalid("a fault of no known kind")),
        };
        reader.finish()?;
        let counts = FileCounts::from_iter(counts.into_iter());
        Ok(Self { size, modified_ns, fingerprint, text_bytes, counts, fault })
    }
}
