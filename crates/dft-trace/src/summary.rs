//! The result of reading a trace file, and the state to resume from.

use std::io;
use std::time::UNIX_EPOCH;

use crate::content_hash::ContentHash;
use crate::opening::Opening;
use crate::unit::{Clock, TimeUnit};

/// The state of a file when it was opened. Bytes that are appended later are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, in ns from the epoch (negative before it).
    pub modified_ns: i128,
}

impl Snapshot {
    /// Creates a snapshot from the metadata of a file.
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        let modified_ns = match metadata.modified().map(|time| time.duration_since(UNIX_EPOCH)) {
            Ok(Ok(since)) => since.as_nanos() as i128,
            Ok(Err(before)) => -(before.duration().as_nanos() as i128),
            Err(_) => 0,
        };
        Self { size: metadata.len(), modified_ns }
    }
}

/// How far the records of a file were read, so that reading can resume from there when the file has grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// The number of bytes of text, inflated.
    pub text: u64,
    /// The place in the file to resume from: that of the text, or of the start of a gzip member.
    pub offset: u64,
    /// The number of bytes of text from there on that were read already.
    pub skip: u64,
    /// The hash of the text before that place, if the file is gzip.
    pub before: ContentHash,
    /// The number of the line to resume at, from 1.
    pub line: u64,
    /// The clock at that line.
    pub clock: Clock,
    /// Whether the record of that line was read although the line had no end yet.
    pub within_line: bool,
}

impl Consumed {
    /// The start of a file.
    pub const NOTHING: Self = Self {
        text: 0,
        offset: 0,
        skip: 0,
        before: ContentHash::EMPTY,
        line: 1,
        clock: Clock { unit: TimeUnit::Us, counter_starts: false },
        within_line: false,
    };

    /// Whether this is the start of the text, with any clock.
    pub fn is_start(&self) -> bool {
        self.text == 0 && self.offset == 0
    }

    /// Returns the same place in another file with the same text, plain or gzip, in which only the start is known.
    #[must_use]
    pub fn within_another(self, gzip: bool) -> Self {
        let (offset, skip) = if gzip { (0, self.text) } else { (self.text, 0) };
        Self { offset, skip, before: ContentHash::EMPTY, ..self }
    }
}

/// The part of a file that was read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The size of the file then, in bytes.
    pub size: u64,
    /// The hash of its bytes then, as in [`SourceSummary::fingerprint`].
    pub fingerprint: u128,
    /// How far its records were read.
    pub consumed: Consumed,
}

/// Why reading a file cannot resume where it ended before.
#[derive(Debug)]
pub enum ResumeError {
    /// The system's error.
    Io(io::Error),
    /// The file has changed in another way than by growing.
    Changed,
}

impl From<io::Error> for ResumeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What is wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file has no bytes.
    Empty,
    /// A line or a gzip member is incomplete. The content of the member was read; the line was not.
    Truncated(String),
    /// A gzip member is corrupt. Everything before that was read.
    Damaged(String),
}

impl Fault {
    /// Creates the fault that a file ends within a line, by its number from 1.
    pub fn within_line(line: u64) -> Self {
        Self::Truncated(format!("the file ends within line {line}"))
    }
}

/// The result of reading a file to its end.
#[derive(Clone, Debug)]
pub struct SourceSummary {
    /// The state of the file when it was opened.
    pub snapshot: Snapshot,
    /// The [checksums](ContentHash::checksums) of the bytes of the file, or of the piece.
    pub fingerprint: u128,
    /// The hash of all text, inflated, including an incomplete last line and overlong lines. For a piece, that of its
    /// text; for a resumed file, that of the whole text.
    pub text: ContentHash,
    /// The opening of the text; none if it was not read from the start.
    pub opening: Opening,
    /// Whether the file is gzip.
    pub gzip: bool,
    /// How far the records of the file were read.
    pub consumed: Consumed,
    /// What is wrong with the file, if anything.
    pub fault: Option<Fault>,
    /// The numbers of the lines longer than [`MAX_LINE`](crate::MAX_LINE), in order.
    pub overlong_lines: Vec<u64>,
    /// Why the rest of the file, if any, cannot be read separately; `None` if it starts with a line and, in a gzip file,
    /// with a member.
    pub open_end: Option<OpenEnd>,
}

/// Where a piece of a file ends, if the next one cannot be read separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenEnd {
    /// Within a line.
    Line,
    /// Within a gzip member.
    Member,
    /// In zeros after a gzip member, which must end the file.
    Padding,
    /// In damaged bytes, so that nothing after them counts.
    Damage,
}
