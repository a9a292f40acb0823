//! What is wrong with a trace file.

use std::fmt;

/// What is wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// The file has no bytes.
    Empty,
    /// A line or a gzip member ends early. The text of the member was read; the line was not.
    Truncated(String),
    /// A gzip member is corrupt. The text before the damage was read.
    Damaged(String),
}

impl FileFault {
    /// Returns the fault of a file that ends within a line, counted from 1.
    pub fn within_line(line: u64) -> Self {
        Self::Truncated(format!("the file ends within line {line}"))
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

/// What a piece of a file ends within, if the next piece cannot be read on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenEnd {
    /// A line.
    Line,
    /// A gzip member.
    Member,
    /// Zero bytes after a gzip member, which only the end of a file may have.
    Padding,
    /// Damage, after which nothing is read.
    Damage,
}
