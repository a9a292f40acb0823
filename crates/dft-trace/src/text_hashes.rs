//! Inflates and hashes the text of a file without parsing it, to compare it with the text of another file.

use std::io::{self, Read};
use std::path::Path;

use crate::gzip::{Boundary, GzipEnd, GzipReader};
use crate::source::{HashingFile, is_gzip, open_regular};
use crate::summary::Snapshot;
use dft_codec::Opening;
use dft_codec::{ContentHash, ContentHasher};

/// How many bytes of text are inflated at once.
const BLOCK: usize = 256 << 10;

/// The hashes of the text of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextHashes {
    /// The state of the file when it was opened.
    pub snapshot: Snapshot,
    /// As [`SourceSummary::fingerprint`](crate::SourceSummary::fingerprint).
    pub fingerprint: u128,
    /// As [`SourceSummary::text`](crate::SourceSummary::text).
    pub text: ContentHash,
    /// The opening of the text.
    pub opening: Opening,
    /// The hashes of the starts of the text with the requested lengths, except lengths beyond its end.
    pub starts: Vec<ContentHash>,
    /// Whether the file is gzip.
    pub gzip: bool,
    /// Whether the file is gzip and ends within a member.
    pub cut_short: bool,
}

impl TextHashes {
    /// Hashes the text of a file, and starts of it. `lengths` returns the lengths of these starts for a text with the
    /// given first bytes. After each block, `more` receives the number of bytes of the file that have been read, and
    /// returns whether to continue; if not, the result is `None`.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn of(
        path: &Path,
        lengths: impl FnOnce(&[u8]) -> Vec<u64>,
        mut more: impl FnMut(u64) -> bool,
    ) -> io::Result<Option<Self>> {
        let mut text = Text::open(path)?;
        let mut block = Vec::with_capacity(BLOCK);
        let mut has_more = text.fill(&mut block)?;
        let first = &block[..block.len().min(Opening::BYTES)];
        let opening = Opening::of(first);
        let mut starts = Starts::of(&lengths(first));
        loop {
            starts.update(&block);
            if !has_more {
                break;
            }
            if !more(text.position()) {
                return Ok(None);
            }
            block.clear();
            has_more = text.fill(&mut block)?;
        }
        let snapshot = text.snapshot;
        let (hashed, text, cut_short) = match text.from {
            From::File(hashed) => (*hashed, None, false),
            From::Gzip(gzip) => {
                let (text, cut_short) = (gzip.text(), matches!(gzip.end(), GzipEnd::Truncated(_)));
                (gzip.into_inner(), Some(text), cut_short)
            }
        };
        let bytes = hashed.finish()?;
        Ok(Some(Self {
            snapshot,
            fingerprint: bytes.checksums(),
            text: text.unwrap_or(bytes),
            opening,
            starts: starts.found,
            gzip: text.is_some(),
            cut_short,
        }))
    }

    /// Returns the hash of the first `length` bytes of the text of a file; `None` if it has fewer.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn start_of(path: &Path, length: u64) -> io::Result<Option<ContentHash>> {
        let mut text = Text::open(path)?;
        let mut block = Vec::with_capacity(BLOCK);
        let mut starts = Starts::of(&[length]);
        while starts.found.is_empty() {
            block.clear();
            let has_more = text.fill(&mut block)?;
            starts.update(&block);
            if !has_more {
                break;
            }
        }
        Ok(starts.found.pop())
    }

    /// Whether the text starts with another one. Its length must have been requested.
    pub fn starts_with(&self, other: &ContentHash) -> bool {
        self.starts.contains(other)
    }
}

/// The text of a file.
struct Text {
    snapshot: Snapshot,
    from: From,
}

enum From {
    File(Box<HashingFile>),
    Gzip(Box<GzipReader<HashingFile>>),
}

impl Text {
    fn open(path: &Path) -> io::Result<Self> {
        let (mut file, snapshot) = open_regular(path)?;
        let gzip = is_gzip(&mut file, path)?;
        let hashed = HashingFile::new(file, snapshot.size);
        let start = Boundary { offset: 0, text: ContentHash::EMPTY };
        let from =
            if gzip { From::Gzip(Box::new(GzipReader::new(hashed, start))) } else { From::File(Box::new(hashed)) };
        Ok(Self { snapshot, from })
    }

    /// Fills the spare capacity of a block with text. Returns false at the end.
    fn fill(&mut self, block: &mut Vec<u8>) -> io::Result<bool> {
        match &mut self.from {
            From::File(hashed) => {
                let wanted = (block.capacity() - block.len()) as u64;
                Ok(hashed.by_ref().take(wanted).read_to_end(block)? as u64 == wanted)
            }
            From::Gzip(gzip) => {
                let has_more = gzip.fill(block)?;
                // Earlier places are not needed again.
                gzip.boundary_before(u64::MAX);
                Ok(has_more)
            }
        }
    }

    /// Returns how many bytes of the file have been read.
    fn position(&self) -> u64 {
        match &self.from {
            From::File(hashed) => hashed.position(),
            From::Gzip(gzip) => gzip.get_ref().position(),
        }
    }
}

/// The hashes of some starts of a text.
struct Starts {
    /// The lengths that are not reached yet, the longest first.
    lengths: Vec<u64>,
    hasher: ContentHasher,
    found: Vec<ContentHash>,
}

impl Starts {
    fn of(lengths: &[u64]) -> Self {
        let mut lengths = lengths.to_vec();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        let mut starts = Self { lengths, hasher: ContentHasher::default(), found: Vec::new() };
        starts.update(&[]);
        starts
    }

    fn update(&mut self, mut text: &[u8]) {
        while let Some(&length) = self.lengths.last() {
            let missing = length - self.hasher.length();
            if missing > text.len() as u64 {
                self.hasher.update(text);
                return;
            }
            let (start, rest) = text.split_at(missing as usize);
            self.hasher.update(start);
            self.found.push(self.hasher.digest());
            self.lengths.pop();
            text = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TraceReader;
    use crate::line::payload;
    use crate::reader::tests::{gzip, read_on, text};

    #[test]
    fn a_text_has_one_hash_in_every_container() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = text();
        let mut members = gzip(&text[..100]);
        members.extend(gzip(b""));
        members.extend(gzip(&text[100..BLOCK + 9]));
        members.extend(gzip(&text[BLOCK + 9..]));
        let mut cut = gzip(&text);
        cut.truncate(cut.len() - 3);
        let lengths = [0, 1, 99, 100, BLOCK as u64, BLOCK as u64 + 10, text.len() as u64, text.len() as u64 + 1];
        let wanted: Vec<ContentHash> = lengths[..7].iter().map(|&at| ContentHash::of(&text[..at as usize])).collect();
        for (name, bytes) in
            [("a.pfw", text.clone()), ("a.pfw.gz", gzip(&text)), ("b.pfw.gz", members), ("c.pfw.gz", cut)]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, &bytes).expect("written");
            let scan = TextHashes::of(&path, |_| lengths.to_vec(), |_| true).expect("read").expect("not stopped");
            assert_eq!(scan.text, ContentHash::of(&text), "{name}");
            assert_eq!(scan.starts, wanted, "{name}");
            assert_eq!(scan.fingerprint, ContentHash::of(&bytes).checksums(), "{name}");
            assert_eq!(scan.cut_short, name == "c.pfw.gz");
            let (_, summary) = read_on(TraceReader::open(&path).expect("open"));
            assert_eq!(summary.text, scan.text, "{name}");
            assert_eq!(summary.fingerprint, scan.fingerprint, "{name}");
            assert_eq!(summary.opening, Opening::of(&text), "{name}");
            assert_eq!(summary.gzip, name != "a.pfw");
            assert_eq!(scan.opening, summary.opening);
            assert_eq!(TextHashes::of(&path, |_| Vec::new(), |_| false).expect("read"), None);
            for (length, hash) in lengths.iter().zip(wanted.iter().map(Some).chain([None])) {
                assert_eq!(TextHashes::start_of(&path, *length).expect("read").as_ref(), hash, "{name}");
            }
        }
    }

    #[test]
    fn another_file_with_more_text_is_read_from_where_the_text_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = b"[\n{\"a\":1},\n{\"b\":22},\n{\"c\":[3]}\n{\"d\":4}\n]\n";
        let lines = |lines: Vec<(u64, Vec<u8>)>| -> Vec<_> {
            let payloads = lines.into_iter().map(|(number, line)| (number, payload(&line).to_vec()));
            payloads.filter(|(_, line)| line.starts_with(b"{")).collect()
        };
        for cut in 0..=text.len() {
            for (from, to) in [("a.pfw", "b.pfw.gz"), ("a.pfw.gz", "b.pfw"), ("a.pfw", "b.pfw")] {
                let write = |name: &str, text: &[u8]| {
                    let bytes = if name.ends_with(".gz") { gzip(text) } else { text.to_vec() };
                    let path = folder.path().join(name);
                    std::fs::write(&path, &bytes).expect("written");
                    (path, bytes.len() as u64)
                };
                let (path, _) = write(from, &text[..cut]);
                let (first, before) = read_on(TraceReader::open(&path).expect("open"));
                let (path, size) = write(to, text);
                let (whole, wanted) = read_on(TraceReader::open(&path).expect("open"));
                let scan =
                    TextHashes::of(&path, |_| vec![before.text.length], |_| true).expect("read").expect("not stopped");
                assert!(scan.starts_with(&before.text));
                let reader = TraceReader::take_over(&path, size, &before.consumed).expect("taken over");
                let (rest, summary) = read_on(reader);
                assert_eq!([lines(first), lines(rest)].concat(), lines(whole), "{cut} {from} {to}");
                assert_eq!((summary.text, summary.fingerprint), (wanted.text, wanted.fingerprint));
                assert_eq!(summary.fault, wanted.fault);
                assert_eq!(
                    (summary.consumed.text, summary.consumed.line),
                    (wanted.consumed.text, wanted.consumed.line)
                );
            }
        }
    }
}
