//! How far a trace file was read, so that a later reading can resume there.

use crate::clock::{Clock, TimeUnit};
use crate::content_hash::ContentHash;

/// How far the records of a file were read, so that a later reading of the grown file can resume there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Bytes of decompressed text that were read.
    pub text: u64,
    /// The byte of the file to resume at: a byte of the text, or the start of a gzip member.
    pub offset: u64,
    /// Bytes of text after the offset that were read already.
    pub skip: u64,
    /// The hash of the text before the offset, for gzip files.
    pub before: ContentHash,
    /// The line to resume with, counted from 1.
    pub line: u64,
    /// The clock at that line.
    pub clock: Clock,
    /// Whether that line's record was read before the line's end was there.
    pub within_line: bool,
}

impl Consumed {
    /// Nothing was read.
    pub const NOTHING: Self = Self {
        text: 0,
        offset: 0,
        skip: 0,
        before: ContentHash::EMPTY,
        line: 1,
        clock: Clock { unit: TimeUnit::Us, counter_starts: false },
        within_line: false,
    };

    /// Tells whether no text precedes this position, whatever the clock.
    pub fn is_start(&self) -> bool {
        self.text == 0 && self.offset == 0
    }

    /// Returns the same position in another file of the same text, for a plain file by its offset, for a gzip file from
    /// its start.
    #[must_use]
    pub fn within_another(self, gzip: bool) -> Self {
        let (offset, skip) = if gzip { (0, self.text) } else { (self.text, 0) };
        Self { offset, skip, before: ContentHash::EMPTY, ..self }
    }
}

/// What an earlier reading read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The file's size then, in bytes.
    pub size: u64,
    /// The [checksums](ContentHash::checksums) of the file's bytes then.
    pub fingerprint: u128,
    /// How far the records were read.
    pub consumed: Consumed,
}
