//! What the index knows of a trace file that is in it.

use crate::clock::{Clock, TimeUnit};
use crate::consumed::{Consumed, Head};
use crate::content_hash::ContentHash;
use crate::fault::FileFault;
use crate::time_fault::TimeFault;

use crate::FILE_VERSION;
use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};
use crate::identity::{Identity, put_checksums, take_checksums, take_flag};
use crate::process::Processes;

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
    /// The calls that profiles stand for, modulo 2⁶⁴: what their rows' counts must add up to.
    pub profile_calls: u64,
    /// The calls that records of the system family stand for, modulo 2⁶⁴.
    pub system_calls: u64,
    /// Aggregated records with a sum that cannot be that of so many values between its minimum and maximum.
    pub inconsistent: u64,
}

/// How many counts there are.
const COUNTS: usize = 12;

impl FileCounts {
    fn all(&self) -> [u64; COUNTS] {
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
            self.profile_calls,
            self.system_calls,
            self.inconsistent,
        ]
    }

    /// Adds the other counts.
    pub fn add(&mut self, other: &Self) {
        let mut sum = self.all();
        sum.iter_mut().zip(other.all()).for_each(|(mine, theirs)| *mine = mine.wrapping_add(theirs));
        *self = Self::from_all(sum);
    }

    fn from_all(all: [u64; COUNTS]) -> Self {
        let [
            events,
            profiles,
            systems,
            telemetry,
            metadata,
            skipped,
            malformed,
            failed_transfers,
            not_finite,
            profile_calls,
            system_calls,
            inconsistent,
        ] = all;
        Self {
            events,
            profiles,
            systems,
            telemetry,
            metadata,
            skipped,
            malformed,
            failed_transfers,
            not_finite,
            profile_calls,
            system_calls,
            inconsistent,
        }
    }

    /// Records of any kind, metadata and skipped ones included.
    pub fn records(&self) -> u64 {
        self.aggregated() + self.metadata + self.skipped
    }

    /// Records of a phase that means something.
    pub fn understood(&self) -> u64 {
        self.aggregated() + self.metadata
    }

    /// Records that are in rows or telemetry.
    pub fn aggregated(&self) -> u64 {
        self.events + self.profiles + self.systems + self.telemetry
    }
}

/// A trace file in the index: what it was when it was read.
///
/// ```text
/// version │ varint size │ zigzag modified │ 16 bytes fingerprint
///         │ varint text │ varint offset │ varint skip │ varint line │ clock
///         │ within a line: 0, 1 │ text before the offset: 0 none or not gzip, 1 + 4 bytes CRC-32, 8 bytes CRC-64
///         │ 12 × varint counts │ fault: 0 none, 1 empty, 2 truncated + text, 3 damaged + text
///         │ time fault: 0 none, 1 + unit + unit said, 2 + unit + varint ts; a unit is its number as in a clock
///         │ [processes](Processes) │ [identity](Identity)
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, in ns from the epoch.
    pub modified_ns: i128,
    /// The [checksums](ContentHash::checksums) of the file's bytes; of a piece, of its bytes.
    pub fingerprint: u128,
    /// How far its records were read.
    pub consumed: Consumed,
    /// What its lines were.
    pub counts: FileCounts,
    /// What was wrong with it.
    pub fault: Option<FileFault>,
    /// What shows that its times are in another unit.
    pub time_fault: Option<TimeFault>,
    /// What it says of its processes.
    pub processes: Processes,
    /// Which trace it is.
    pub identity: Identity,
}

/// Time units, in the order of their numbers.
const UNITS: [TimeUnit; 4] = [TimeUnit::Ns, TimeUnit::Us, TimeUnit::Ms, TimeUnit::Sec];

/// The byte of a clock: the number of its unit (0 ns, 1 µs, 2 ms, 3 s), and 4 more where counters tell starts.
pub(crate) fn encode_clock(clock: Clock) -> u8 {
    encode_unit(clock.unit) | u8::from(clock.counter_starts) << 2
}

fn encode_unit(unit: TimeUnit) -> u8 {
    UNITS.iter().position(|known| *known == unit).unwrap_or(0) as u8
}

fn decode_unit(byte: u8) -> Result<TimeUnit, DecodeError> {
    UNITS.get(usize::from(byte)).copied().ok_or(DecodeError::Invalid("a time unit of no known kind"))
}

fn encode_time_fault(fault: Option<TimeFault>, out: &mut Vec<u8>) {
    match fault {
        None => out.push(0),
        Some(TimeFault::OtherUnit { unit, said }) => out.extend([1, encode_unit(unit), encode_unit(said)]),
        Some(TimeFault::TooLate { unit, ts }) => {
            out.extend([2, encode_unit(unit)]);
            put_varint(out, ts.unsigned_abs().into());
        }
    }
}

fn decode_time_fault(reader: &mut Reader<'_>) -> Result<Option<TimeFault>, DecodeError> {
    const PAST: DecodeError = DecodeError::Invalid("a time past 63 bits");
    Ok(match reader.u8()? {
        0 => None,
        1 => Some(TimeFault::OtherUnit { unit: decode_unit(reader.u8()?)?, said: decode_unit(reader.u8()?)? }),
        2 => {
            let unit = decode_unit(reader.u8()?)?;
            Some(TimeFault::TooLate { unit, ts: reader.varint_u64()?.try_into().map_err(|_| PAST)? })
        }
        _ => return Err(DecodeError::Invalid("a time fault of no known kind")),
    })
}

/// The clock of a byte.
pub(crate) fn decode_clock(byte: u8) -> Result<Clock, DecodeError> {
    match UNITS.get(usize::from(byte & 3)) {
        Some(&unit) if byte < 8 => Ok(Clock { unit, counter_starts: byte & 4 != 0 }),
        _ => Err(DecodeError::Invalid("a time unit of no known kind")),
    }
}

impl FileEntry {
    /// Whether it is of a file, not of records that a program aggregated without one.
    pub fn is_of_file(&self) -> bool {
        (self.size, self.modified_ns, self.fingerprint) != (0, 0, 0)
    }

    /// What was read of the file, to go on from there.
    pub fn head(&self) -> Head {
        Head { size: self.size, fingerprint: self.fingerprint, consumed: self.consumed }
    }

    /// The entry's bytes.
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
            Some(FileFault::Truncated(reason)) => {
                out.push(2);
                put_text(&mut out, reason);
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

    /// An entry from its bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what [`FileEntry::encode`] writes.
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
            return Err(DecodeError::Invalid("a place in a file that cannot be"));
        }
        let clock = decode_clock(reader.u8()?)?;
        let within_line = take_flag(&mut reader)?;
        let before = match take_flag(&mut reader)? {
            false => ContentHash::EMPTY,
            true => match take_checksums(&mut reader)? {
                ContentHash::EMPTY => return Err(DecodeError::Invalid("a text that is not hashed")),
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
            2 => Some(FileFault::Truncated(reader.text()?.to_owned())),
            3 => Some(FileFault::Damaged(reader.text()?.to_owned())),
            _ => return Err(DecodeError::Invalid("a fault of no known kind")),
        };
        let time_fault = decode_time_fault(&mut reader)?;
        let processes = Processes::read(&mut reader)?;
        let identity = Identity::decode(&mut reader)?;
        reader.finish()?;
        let counts = FileCounts::from_all(counts);
        Ok(Self { size, modified_ns, fingerprint, consumed, counts, fault, time_fault, processes, identity })
    }
}
