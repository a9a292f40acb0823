//! A trace file as blocks of whole lines.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::time::UNIX_EPOCH;

use xxhash_rust::xxh3::Xxh3;

use crate::block::unit_behind;
use crate::gzip::{GzipEnd, GzipReader, MAGIC};
use crate::unit::TimeUnit;

/// The longest line that is read, in bytes. A longer one is malformed and passed over.
pub const MAX_LINE: usize = 128 << 20;

/// The size that blocks have unless a line is longer, in bytes: they should stay in a core's cache
/// between being inflated and being parsed.
const BLOCK: usize = 256 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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

/// Whole lines of a trace, in order.
#[derive(Debug, Default)]
pub struct Block {
    /// The lines, each ended by a newline but maybe the file's last.
    pub text: Vec<u8>,
    /// The number of the first line in the file, from 1.
    pub first_line: u64,
    /// The time unit in force at the first line.
    pub unit: TimeUnit,
}

/// What was wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file has no byte.
    Empty,
    /// A gzip member ends too early; what it held was read.
    Truncated(String),
    /// A gzip member is corrupt; what came before that was read.
    Damaged(String),
}

/// What reading a file to its end has shown.
#[derive(Clone, Debug)]
pub struct SourceSummary {
    /// The file as it was when it was opened.
    pub snapshot: Snapshot,
    /// A hash (XXH3, 128 bits) of the file's bytes.
    pub fingerprint: u128,
    /// Bytes of text, inflated.
    pub text_bytes: u64,
    /// What is wrong with the file, if anything.
    pub fault: Option<Fault>,
    /// The numbers of the lines longer than [`MAX_LINE`], in order.
    pub overlong_lines: Vec<u64>,
}

/// Hashes the bytes that pass through it.
struct Hashed {
    file: io::Take<File>,
    hash: Box<Xxh3>,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

enum Source {
    Text(Hashed),
    Gzip(Box<GzipReader<Hashed>>),
}

/// Reads a trace file, plain or gzip (told by its first bytes), block by block.
pub struct TraceReader {
    source: Source,
    snapshot: Snapshot,
    /// The start of a line whose end was not in the last block.
    carry: Vec<u8>,
    next_line: u64,
    unit: TimeUnit,
    text_bytes: u64,
    /// Inside a line that is passed over for its length.
    skipping: bool,
    overlong_lines: Vec<u64>,
    ended: bool,
    at_start: bool,
    max_line: usize,
}

impl TraceReader {
    /// Opens a trace.
    ///
    /// # Errors
    ///
    /// What the system says: no such file, no permission, not a regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, MAX_LINE)
    }

    fn open_with(path: &Path, max_line: usize) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let snapshot = Snapshot::of(&metadata);
        let mut first = Vec::with_capacity(2);
        Read::by_ref(&mut file).take(2).read_to_end(&mut first)?;
        file.rewind()?;
        let hashed = Hashed { file: file.take(snapshot.size), hash: Box::default() };
        let named_gzip = path.extension().is_some_and(|extension| extension == "gz");
        let gzip = first == MAGIC || (named_gzip && MAGIC.starts_with(&first));
        Ok(Self {
            source: if gzip { Source::Gzip(Box::new(GzipReader::new(hashed))) } else { Source::Text(hashed) },
            snapshot,
            carry: Vec::new(),
            next_line: 1,
            unit: TimeUnit::Us,
            text_bytes: 0,
            skipping: false,
            overlong_lines: Vec::new(),
            ended: false,
            at_start: true,
            max_line,
        })
    }

    /// The file as it was when it was opened.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot
    }

    /// How many bytes of the file, compressed as it is, have been read.
    pub fn position(&self) -> u64 {
        let hashed = match &self.source {
            Source::Text(hashed) => hashed,
            Source::Gzip(gzip) => gzip.get_ref(),
        };
        self.snapshot.size - hashed.file.limit()
    }

    /// The next lines, in the memory of `block` (whose contents are overwritten); false at the end.
    ///
    /// # Errors
    ///
    /// A read that fails. What is wrong with the bytes is no error: [`TraceReader::finish`] tells.
    pub fn next_block(&mut self, block: &mut Block) -> io::Result<bool> {
        let text = &mut block.text;
        if text.capacity() > 4 * BLOCK {
            // A long line was here; the next block is not to be as large.
            *text = Vec::new();
        }
        text.clear();
        text.append(&mut self.carry);
        let mut room = BLOCK;
        let end = loop {
            let mut searched = text.len();
            if !self.ended {
                while room <= text.len() {
                    room *= 2;
                }
                self.ended = !self.fill(text, room.min(self.max_line + 1))?;
                self.text_bytes += (text.len() - searched) as u64;
            }
            if self.at_start {
                self.at_start = false;
                if text.starts_with(BYTE_ORDER_MARK) {
                    text.drain(..BYTE_ORDER_MARK.len());
                }
            }
            if self.skipping {
                let Some(end) = memchr::memchr(b'\n', text) else {
                    text.clear();
                    if self.ended {
                        return Ok(false);
                    }
                    continue;
                };
                text.drain(..=end);
                self.skipping = false;
                self.next_line += 1;
                searched = 0;
            }
            match memchr::memrchr(b'\n', &text[searched..]) {
                Some(end) if !self.ended => break searched + end + 1,
                None if text.len() > self.max_line => {
                    // The text starts with the line, so nothing else is lost with it.
                    self.overlong_lines.push(self.next_line);
                    self.skipping = true;
                    *text = Vec::new();
                    room = BLOCK;
                }
                _ if self.ended && text.is_empty() => return Ok(false),
                _ if self.ended => break text.len(),
                _ => {}
            }
        };
        self.carry.extend_from_slice(&text[end..]);
        text.truncate(end);
        block.first_line = self.next_line;
        block.unit = self.unit;
        self.next_line += memchr::memchr_iter(b'\n', text).count() as u64;
        self.unit = unit_behind(text, self.unit);
        Ok(true)
    }

    /// Appends up to `room - text.len()` bytes; false at the end of the text.
    fn fill(&mut self, text: &mut Vec<u8>, room: usize) -> io::Result<bool> {
        text.reserve_exact(room.saturating_sub(text.len()));
        match &mut self.source {
            Source::Gzip(gzip) => gzip.fill(text),
            Source::Text(hashed) => {
                let wanted = (text.capacity() - text.len()) as u64;
                Ok(hashed.by_ref().take(wanted).read_to_end(text)? as u64 == wanted)
            }
        }
    }

    /// Reads what is left of the file, for its fingerprint, and says what the whole has shown.
    ///
    /// # Errors
    ///
    /// A read that fails.
    pub fn finish(self) -> io::Result<SourceSummary> {
        let (mut hashed, mut fault) = match self.source {
            Source::Text(hashed) => (hashed, None),
            Source::Gzip(gzip) => {
                let fault = match gzip.end() {
                    GzipEnd::Whole => None,
                    GzipEnd::Truncated(place) => Some(Fault::Truncated(format!("the file ends {place}"))),
                    GzipEnd::Damaged(reason) => Some(Fault::Damaged(reason)),
                };
                (gzip.into_inner(), fault)
            }
        };
        io::copy(&mut hashed, &mut io::sink())?;
        if self.snapshot.size == 0 {
            fault = Some(Fault::Empty);
        }
        Ok(SourceSummary {
            snapshot: self.snapshot,
            fingerprint: hashed.hash.digest128(),
            text_bytes: self.text_bytes,
            fault,
            overlong_lines: self.overlong_lines,
        })
    }
}

/// The hash (XXH3, 128 bits) of a file's first `size` bytes, as [`SourceSummary::fingerprint`] has it.
///
/// # Errors
///
/// What the system says.
pub fn fingerprint(path: &Path, size: u64) -> io::Result<u128> {
    let mut hashed = Hashed { file: File::open(path)?.take(size), hash: Box::default() };
    io::copy(&mut hashed, &mut io::sink())?;
    Ok(hashed.hash.digest128())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn read(name: &str, bytes: &[u8], max_line: usize) -> (Vec<(u64, Vec<u8>)>, SourceSummary) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let mut reader = TraceReader::open_with(&path, max_line).expect("open");
        let mut block = Block::default();
        let mut lines = Vec::new();
        while reader.next_block(&mut block).expect("read") {
            let text = block.text.strip_suffix(b"\n").unwrap_or(&block.text);
            for (number, line) in (block.first_line..).zip(text.split(|&b| b == b'\n')) {
                lines.push((number, line.to_vec()));
            }
        }
        let summary = reader.finish().expect("finish");
        assert_eq!(summary.fingerprint, fingerprint(&path, bytes.len() as u64).expect("fingerprint"));
        (lines, summary)
    }

    /// Lines of many lengths, some longer than a block.
    fn text() -> Vec<u8> {
        let mut text = Vec::new();
        for length in [0, 1, 10, BLOCK - 1, 3, BLOCK, 0, 3 * BLOCK + 7, 5] {
            text.extend(std::iter::repeat_n(b'a' + (length % 26) as u8, length));
            text.push(b'\n');
        }
        text.extend_from_slice(b"no newline at the end");
        text
    }

    fn expected(text: &[u8]) -> Vec<(u64, Vec<u8>)> {
        (1..).zip(text.split(|&b| b == b'\n').map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn plain_and_gzip_and_many_members_read_alike() {
        let text = text();
        let mut members = gzip(&text[..100]);
        members.extend(gzip(b""));
        members.extend(gzip(&text[100..BLOCK + 9]));
        members.extend(gzip(&text[BLOCK + 9..]));
        members.extend([0; 512]);
        for (name, bytes) in [("a.pfw", text.clone()), ("a.pfw.gz", gzip(&text)), ("b.pfw.gz", members)] {
            let (lines, summary) = read(name, &bytes, MAX_LINE);
            assert!(lines == expected(&text), "{name}");
            assert_eq!(summary.fault, None);
            assert_eq!(summary.text_bytes, text.len() as u64);
        }
    }

    #[test]
    fn a_truncated_member_yields_what_it_holds() {
        let text = text();
        let whole = gzip(&text);
        for cut in [1, 5, 9, 30, whole.len() / 2, whole.len() - 9, whole.len() - 3] {
            let (lines, summary) = read("a.pfw.gz", &whole[..cut], MAX_LINE);
            assert!(matches!(summary.fault, Some(Fault::Truncated(_))), "{cut}: {:?}", summary.fault);
            let got: Vec<u8> = lines.iter().map(|(_, line)| line.as_slice()).collect::<Vec<_>>().join(&b'\n');
            assert!(text.starts_with(&got), "{cut}");
            if cut + 9 >= whole.len() {
                assert!(got == text, "{cut}");
            }
        }
    }

    #[test]
    fn a_damaged_member_yields_what_came_before_it() {
        let text = text();
        let whole = gzip(&text);
        let mut bad_sum = whole.clone();
        let at = bad_sum.len() - 6;
        bad_sum[at] ^= 0x10;
        let (lines, summary) = read("a.pfw.gz", &bad_sum, MAX_LINE);
        assert!(lines == expected(&text));
        assert!(matches!(summary.fault, Some(Fault::Damaged(_))));

        let mut garbage = whole;
        garbage.extend_from_slice(b"garbage after the end");
        let (lines, summary) = read("a.pfw.gz", &garbage, MAX_LINE);
        assert!(lines == expected(&text));
        assert!(matches!(summary.fault, Some(Fault::Damaged(_))));

        let mut broken = gzip(b"{}\n{}\n");
        broken.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff]);
        let (lines, summary) = read("a.pfw.gz", &broken, MAX_LINE);
        assert_eq!(lines.len(), 2);
        assert!(matches!(summary.fault, Some(Fault::Damaged(_))));
    }

    #[test]
    fn a_line_past_the_limit_is_passed_over_and_the_next_is_read() {
        let mut text = b"one\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', 2 * BLOCK + 1));
        text.extend_from_slice(b"\nthree\n");
        text.extend(std::iter::repeat_n(b'y', 2 * BLOCK));
        for bytes in [text.clone(), gzip(&text)] {
            let (lines, summary) = read("a.pfw", &bytes, 2 * BLOCK);
            let numbers: Vec<u64> = lines.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, [1, 3, 4]);
            assert_eq!(lines[1].1, b"three");
            assert_eq!(summary.overlong_lines, [2]);
        }
    }

    #[test]
    fn empty_files_say_so() {
        for name in ["a.pfw", "a.pfw.gz"] {
            let (lines, summary) = read(name, b"", MAX_LINE);
            assert!(lines.is_empty());
            assert_eq!(summary.fault, Some(Fault::Empty));
        }
        let (lines, summary) = read("a.pfw.gz", &gzip(b""), MAX_LINE);
        assert!(lines.is_empty());
        assert_eq!(summary.fault, None);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let (lines, _) = read("a.pfw", b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}", MAX_LINE);
        assert_eq!(lines[0].1, b"{}");
        assert_eq!(lines[1].1.len(), 5);
    }
}
