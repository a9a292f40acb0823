//! What reading a trace file has shown, and what a later reading needs to know of it.

use std::io;
use std::time::UNIX_EPOCH;

use crate::content_hash::ContentHash;
use crate::opening::Opening;
use crate::unit::{Clock, TimeUnit};

/// A file as it was when it was opened. Later bytes are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, in ns from the epoch (negative before it).
    pub modified_ns: i128,
}

impl Snapshot {
    /// The snapshot that a file's metadata gives.
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        let modified_ns = match metadata.modified().map(|time| time.duration_since(UNIX_EPOCH)) {
            Ok(Ok(since)) => since.as_nanos() as i128,
            Ok(Err(before)) => -(before.duration().as_nanos() as i128),
            Err(_) => 0,
        };
        Self { size: metadata.len(), modified_ns }
    }
}

/// How far into a file its records were read, for a later reading to go on from there when the file
/// has grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Bytes of text, inflated.
    pub text: u64,
    /// The place in the file to go on from: of the text itself, or of the start of a gzip member.
    pub offset: u64,
    /// Bytes of text from there on that were read already.
    pub skip: u64,
    /// Of a gzip file, the hash of the text before that place.
    pub before: ContentHash,
    /// The number of the line to go on with, from 1, and how times are meant there.
    pub line: u64,
    /// See `line`.
    pub clock: Clock,
    /// Whether that line's record was read although its end was not there yet.
    pub within_line: bool,
}

impl Consumed {
    /// Nothing yet.
    pub const NOTHING: Self = Self {
        text: 0,
        offset: 0,
        skip: 0,
        before: ContentHash::EMPTY,
        line: 1,
        clock: Clock { unit: TimeUnit::Us, counter_starts: false },
        within_line: false,
    };

    /// Whether nothing of the text lies before it, however times are meant there.
    pub fn is_start(&self) -> bool {
        self.text == 0 && self.offset == 0
    }

    /// The same place in a file of the same text, whole or gzip, of which no other place is known.
    #[must_use]
    pub fn within_another(self, gzip: bool) -> Self {
        let (offset, skip) = if gzip { (0, self.text) } else { (self.text, 0) };
        Self { offset, skip, before: ContentHash::EMPTY, ..self }
    }
}

/// What of a file an earlier reading has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The size that the file had, in bytes.
    pub size: u64,
    /// The hash of the bytes that it had, as [`SourceSummary::fingerprint`] has it.
    pub fingerprint: u128,
    /// How far its records were read.
    pub consumed: Consumed,
}

/// Why reading a file cannot go on where it ended before.
#[derive(Debug)]
pub enum ResumeError {
    /// What the system says.
    Io(io::Error),
    /// The file is not what it was, only longer.
    Changed,
}

impl From<io::Error> for ResumeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What was wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file has no byte.
    Empty,
    /// A line or a gzip member ends too early. What the member held was read; the line was not.
    Truncated(String),
    /// A gzip member is corrupt; what came before that was read.
    Damaged(String),
}

impl Fault {
    /// That a file ends within a line, which has a number in it, from 1.
    pub fn within_line(line: u64) -> Self {
        Self::Truncated(format!("the file ends within line {line}"))
    }
}

/// What reading a file to its end has shown.
#[derive(Clone, Debug)]
pub struct SourceSummary {
    /// The file as it was when it was opened.
    pub snapshot: Snapshot,
    /// The [checksums](ContentHash::checksums) of the file's bytes; of a piece, of its bytes.
    pub fingerprint: u128,
    /// The hash of all text that was seen, inflated: also of a last line that breaks off, and of lines that
    /// are too long. Of a piece, of its text; of a file that was read on, of all of it.
    pub text: ContentHash,
    /// How the text starts; none where it was not read from the start.
    pub opening: Opening,
    /// Whether the file is gzip.
    pub gzip: bool,
    /// How far the file's records were read.
    pub consumed: Consumed,
    /// What is wrong with the file, if anything.
    pub fault: Option<Fault>,
    /// The numbers of the lines longer than [`MAX_LINE`](crate::MAX_LINE), in order.
    pub overlong_lines: Vec<u64>,
    /// Why what follows in the file, if anything, cannot be read on its own; `None` where it starts a line
    /// and, in a gzip file, a member.
    pub open_end: Option<OpenEnd>,
}

/// What a piece of a file ends in, when it is not where the next one can be read on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenEnd {
    /// A line.
    Line,
    /// A gzip member.
    Member,
    /// Zeros behind a gzip member, with which its file must end.
    Padding,
    /// What is damaged, so that nothing behind it counts.
    Damage,
}
