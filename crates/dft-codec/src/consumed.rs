//! How far a trace file was read, for a later reading to resume there.

use crate::clock::{Clock, TimeUnit};
use crate::content_hash::ContentHash;

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
