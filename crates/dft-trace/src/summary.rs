//! What reading a trace file has shown, and what a later reading needs to know of it.

use std::io;
use std::time::UNIX_EPOCH;

use dft_codec::{Consumed, ContentHash, FileFault, OpenEnd, Opening};

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
    pub fault: Option<FileFault>,
    /// The numbers of the lines longer than [`MAX_LINE`](crate::MAX_LINE), in order.
    pub overlong_lines: Vec<u64>,
    /// Why what follows in the file, if anything, cannot be read on its own; `None` where it starts a line
    /// and, in a gzip file, a member.
    pub open_end: Option<OpenEnd>,
}
