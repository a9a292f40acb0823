//! The index's entry of a trace file.

use crate::clock::{Clock, TimeUnit};
use crate::consumed::{Consumed, Head};
use crate::content_hash::ContentHash;
use crate::fault::{FileFault, Truncation};
use crate::time_fault::TimeFault;

use crate::FILE_VERSION;
use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};
use crate::identity::{Identity, put_checksums, take_checksums, take_flag};
use crate::processes::Processes;

/// The numbers of a file's lines and records by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// Calls.
    pub events: u64,
    /// Aggregated calls.
    pub profiles: u64,
    /// Host statistics.
    pub systems: u64,
    /// Readings of counters.
    pub telemetry: u64,
    /// Metadata records.
    pub metadata: u64,
    /// Skipped records: those of unknown phase.
    pub skipped: u64,
    /// Lines that are not records.
    pub malformed: u64,
    /// Data transfers that returned an error.
    pub failed_transfers: u64,
    /// Float samples that were NaN or infinite and are in no statistic.
    pub not_finite: u64,
    /// The number of calls that aggregated calls sum up, modulo 2⁶⁴. The counts of their rows must add up to it.
    pub profile_calls: u64,
    /// The number of calls that host statistics sum up, modulo 2⁶⁴.
    pub system_calls: u64,
    /// Aggregated records with a sum that their count, minimum and maximum make impossible.
    pub inconsistent: u64,
}

/// The number of counts.
const COUNTS: usize = 12;

impl FileCounts {
    /// Returns all counts, in the order in which they are stored.
    fn all_mut(&mut self) -> [&mut u64; COUNTS] {
        [
            &mut self.events,
            &mut self.profiles,
            &mut self.systems,
            &mut self.telemetry,
            &mut self.metadata,
            &mut self.skipped,
            &mut self.malformed,
            &mut self.failed_transfers,
            &mut self.not_finite,
            &mut self.profile_calls,
            &mut self.system_calls,
            &mut self.inconsistent,
        ]
    }

    fn all(mut self) -> [u64; COUNTS] {
        self.all_mut().map(|count| *count)
    }

    /// Adds other counts, modulo 2⁶⁴.
    pub fn add(&mut self, other: &Self) {
        self.all_mut().into_iter().zip(other.all()).for_each(|(mine, theirs)| *mine = mine.wrapping_add(theirs));
    }

    fn from_all(all: [u64; COUNTS]) -> Self {
        let mut counts = Self::default();
        counts.all_mut().into_iter().zip(all).for_each(|(count, stored)| *count = stored);
        counts
    }

    /// Returns the number of all records, including metadata and skipped records.
    pub fn records(&self) -> u64 {
        self.aggregated() + self.metadata + self.skipped
    }

    /// Returns the number of records of a known phase.
    pub fn understood(&self) -> u64 {
        self.aggregated() + self.metadata
    }

    /// Returns the number of records in rows or telemetry.
    pub fn aggregated(&self) -> u64 {
        self.events + self.profiles + self.systems + self.telemetry
    }
}

/// The entry of a trace file: its state when it was read.
///
/// ```text
/// version │ varint size │ zigzag modified │ 16 bytes fingerprint
///         │ varint text │ varint offset │ varint skip │ varint line │ clock
///         │ within a line: 0, 1 │ text before the offset: 0 none or not gzip, 1 + 4 bytes CRC-32, 8 bytes CRC-64
///         │ 12 × varint counts │ fault: 0 none, 1 empty, 2 truncated + text,
///         3 damaged + text, 4 truncated within a line + varint line
///         │ time fault: 0 none, 1 + unit + stated unit, 2 + unit + varint ts; units have their clock numbers
///         │ [processes](Processes) │ [identity](Identity)
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// The size in bytes.
    pub size: u64,
    /// The modification time, in ns since the epoch.
    pub modified_ns: i128,
    /// The [checksums](ContentHash::checksums) of the bytes of the file, or of the piece.
    pub fingerprint: u128,
    /// How far the records were read.
    pub consumed: Consumed,
    /// The numbers of lines and records by kind.
    pub counts: FileCounts,
    /// The fault of the file.
    pub fault: Option<FileFault>,
    /// Evidence that the times are in another unit.
    pub time_fault: Option<TimeFault>,
    /// The processes of the trace.
    pub processes: Processes,
    /// The identity of the trace.
    pub identity: Identity,
}

/// The time units, in the order of their numbers.
const UNITS: [TimeUnit; 4] = [TimeUnit::Ns, TimeUnit::Us, TimeUnit::Ms, TimeUnit::Sec];

/// Encodes a clock: the number of its unit (0 ns, 1 µs, 2 ms, 3 s), plus 4 if counters give starts.
pub(crate) fn encode_clock(clock: Clock) -> u8 {
    encode_unit(clock.unit) | u8::from(clock.counter_starts) << 2
}

fn encode_unit(unit: TimeUnit) -> u8 {
    UNITS.iter().position(|&other| other == unit).unwrap_or(0) as u8
}

fn decode_unit(byte: u8) -> Result<TimeUnit, DecodeError> {
    UNITS.get(usize::from(byte)).copied().ok_or(DecodeError::Invalid("unknown time unit"))
}

fn encode_time_fault(fault: Option<TimeFault>, out: &mut Vec<u8>) {
    match fault {
        None => out.push(0),
        Some(TimeFault::OtherUnit { unit, declared }) => out.extend([1, encode_unit(unit), encode_unit(declared)]),
        Some(TimeFault::TooLate { unit, ts }) => {
            out.extend([2, encode_unit(unit)]);
            put_varint(out, ts.unsigned_abs().into());
        }
    }
}

fn decode_time_fault(reader: &mut Reader<'_>) -> Result<Option<TimeFault>, DecodeError> {
    const PAST: DecodeError = DecodeError::Invalid("a time exceeds 63 bits");
    Ok(match reader.u8()? {
        0 => None,
        1 => Some(TimeFault::OtherUnit { unit: decode_unit(reader.u8()?)?, declared: decode_unit(reader.u8()?)? }),
        2 => {
            let unit = decode_unit(reader.u8()?)?;
            Some(TimeFault::TooLate { unit, ts: reader.varint_u64()?.try_into().map_err(|_| PAST)? })
        }
        _ => return Err(DecodeError::Invalid("unknown kind of time fault")),
    })
}

/// Decodes a clock.
pub(crate) fn decode_clock(byte: u8) -> Result<Clock, DecodeError> {
    match UNITS.get(usize::from(byte & 3)) {
        Some(&unit) if byte < 8 => Ok(Clock { unit, counter_starts: byte & 4 != 0 }),
        _ => Err(DecodeError::Invalid("unknown time unit")),
    }
}

impl FileEntry {
    /// Tells whether this is the entry of a file, not of records that a program aggregated without a file.
    pub fn is_of_file(&self) -> bool {
        (self.size, self.modified_ns, self.fingerprint) != (0, 0, 0)
    }

    /// Returns what was read of the file, to resume there.
    pub fn head(&self) -> Head {
        Head { size: self.size, fingerprint: self.fingerprint, consumed: self.consumed }
    }

    /// Encodes the entry.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FILE_VERSION];
        put_varint(&mut out, self.size.into());
        put_zigzag(&mut out, self.modified_ns);
        out.extend_from_slice(&self.fingerprint.to_be_bytes());
        let Consumed { text, offset, skip, before: text_before, line, clock, within_line } = self.consumed;
        for number in [text, offset, skip, line] {
            put_varint(&mut out, number.into());
        }
        out.push(encode_clock(clock));
        out.push(within_line.into());
        out.push((text_before != ContentHash::EMPTY).into());
        if text_before != ContentHash::EMPTY {
            put_checksums(&mut out, &text_before);
        }
        for count in self.counts.all() {
            put_varint(&mut out, count.into());
        }
        match &self.fault {
            None => out.push(0),
            Some(FileFault::Empty) => out.push(1),
            Some(FileFault::Truncated(Truncation::Other(place))) => {
                out.push(2);
                put_text(&mut out, place);
            }
            Some(FileFault::Truncated(Truncation::WithinLine(line))) => {
                out.push(4);
                put_varint(&mut out, (*line).into());
            }
            Some(FileFault::Damaged(reason)) => {
                out.push(3);
                put_text(&mut out, reason);
            }
        }
        encode_time_fault(self.time_fault, &mut out);
        self.processes.encode_into(&mut out);
        self.identity.encode(&mut out);
        out
    }

    /// Decodes an entry.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`FileEntry::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(FILE_VERSION)?;
        let size = reader.varint_u64()?;
        let modified_ns = reader.zigzag()?;
        let fingerprint = u128::from_be_bytes(reader.array()?);
        let mut numbers = [0; 4];
        for number in &mut numbers {
            *number = reader.varint_u64()?;
        }
        let [text, offset, skip, line] = numbers;
        if skip > text || offset > size || line == 0 {
            return Err(DecodeError::Invalid("the position in the file is impossible"));
        }
        let clock = decode_clock(reader.u8()?)?;
        let within_line = take_flag(&mut reader)?;
        let before = match take_flag(&mut reader)? {
            false => ContentHash::EMPTY,
            true => match take_checksums(&mut reader)? {
                ContentHash::EMPTY => {
                    return Err(DecodeError::Invalid("the hash of the text before the offset is empty"));
                }
                before => before,
            },
        };
        let consumed = Consumed { text, offset, skip, before, line, clock, within_line };
        let mut counts = [0; COUNTS];
        for count in &mut counts {
            *count = reader.varint_u64()?;
        }
        let fault = match reader.u8()? {
            0 => None,
            1 => Some(FileFault::Empty),
            2 => Some(FileFault::Truncated(Truncation::Other(reader.text()?.to_owned()))),
            4 => Some(FileFault::Truncated(Truncation::WithinLine(reader.varint_u64()?))),
            3 => Some(FileFault::Damaged(reader.text()?.to_owned())),
            _ => return Err(DecodeError::Invalid("unknown kind of fault")),
        };
        let time_fault = decode_time_fault(&mut reader)?;
        let processes = Processes::read(&mut reader)?;
        let identity = Identity::decode(&mut reader)?;
        reader.finish()?;
        let counts = FileCounts::from_all(counts);
        Ok(Self { size, modified_ns, fingerprint, consumed, counts, fault, time_fault, processes, identity })
    }
}
