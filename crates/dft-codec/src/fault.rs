//! What is wrong with a trace file.

use std::fmt;

/// What is wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFault {
    /// The file has no bytes.
    Empty,
    /// A line or a gzip member is incomplete. The content of the member was read; the line was not.
    Truncated(Truncation),
    /// A gzip member is corrupt. Everything before that was read.
    Damaged(String),
}

impl FileFault {
    /// Returns the fault in one word: `empty`, `truncated` or `damaged`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Truncated(_) => "truncated",
            Self::Damaged(_) => "damaged",
        }
    }
}

/// Where a truncated file ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the entry of a file stores each of them")]
pub enum Truncation {
    /// Within a line, by its number from 1.
    WithinLine(u64),
    /// Elsewhere, in words.
    Other(String),
}

impl fmt::Display for Truncation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithinLine(line) => write!(f, "the file ends within line {line}"),
            Self::Other(place) => f.write_str(place),
        }
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::Truncated(place) => write!(f, "truncated: {place}"),
            Self::Damaged(reason) => write!(f, "damaged: {reason}"),
        }
    }
}

/// Where a piece of a file ends, if the next one cannot be read separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
