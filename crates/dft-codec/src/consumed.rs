//! How far a trace file was read, so that reading can resume there.

use crate::clock::{Clock, TimeUnit};
use crate::content_hash::ContentHash;

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
    /// The [checksums](ContentHash::checksums) of its bytes then.
    pub fingerprint: u128,
    /// How far its records were read.
    pub consumed: Consumed,
}
