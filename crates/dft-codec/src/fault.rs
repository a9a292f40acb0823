//! What is wrong with a trace file.

use std::fmt;

/// What was wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// The file has no byte.
    Empty,
    /// A line or a gzip member ends too early. What the member held was read; the line was not.
    Truncated(String),
    /// A gzip member is corrupt; what came before that was read.
    Damaged(String),
}

impl FileFault {
    /// That a file ends within a line, which has a number in it, from 1.
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
