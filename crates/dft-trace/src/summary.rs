//! The result of reading a trace file, and the state to resume from.

use std::io;
use std::time::UNIX_EPOCH;

use dft_codec::{Consumed, ContentHash, FileFault, OpenEnd, Opening};

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

/// Why reading a file cannot resume where it ended before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResumeError {
    /// The system's error.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file has changed in another way than by growing.
    #[error("the file has changed in another way than by growing")]
    Changed,
}

/// The result of reading a file, or a piece of one, to its end.
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
    pub fault: Option<FileFault>,
    /// The numbers of the lines longer than [`MAX_LINE`](crate::MAX_LINE), in order.
    pub overlong_lines: Vec<u64>,
    /// Why the rest of the file, if any, cannot be read separately; `None` if it starts with a line and, in a gzip
    /// file, with a member.
    pub open_end: Option<OpenEnd>,
}
