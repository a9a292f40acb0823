//! Reads a trace file in blocks of whole lines.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use crate::block::{BlockEnd, Line, Parser, clock_after};
use crate::gzip::{Boundary, GzipEnd, GzipReader};
use crate::source::{HashingFile, is_gzip, open_regular};
use crate::summary::{Snapshot, SourceSummary};
use dft_codec::Clock;
use dft_codec::ContentHash;
use dft_codec::Opening;
use dft_codec::{Consumed, FileFault, OpenEnd, Truncation};

mod resume;

/// The longest line that is read, in bytes. A longer one is malformed and skipped.
pub const MAX_LINE: usize = 128 << 20;

/// The size of a block in bytes, unless a line is longer. A block should stay in the cache of a core
/// between inflating and parsing.
const BLOCK: usize = 256 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whole lines of a trace, in order.
#[derive(Debug, Default)]
pub struct Block {
    /// The lines, each ending with a newline, except possibly the last of the file.
    pub text: Vec<u8>,
    /// The number of the first line in the file, from 1.
    pub first_line: u64,
    /// The clock at the first line.
    pub clock: Clock,
}

impl Block {
    /// Returns where the block ends, by searching its text. [`Parser::parse`] returns the same.
    pub fn end(&self) -> BlockEnd {
        let lines = memchr::memchr_iter(b'\n', &self.text).count() as u64;
        BlockEnd { line: self.first_line + lines, clock: clock_after(&self.text, self.clock) }
    }
}

/// The source of the text.
enum Source {
    Text(Box<HashingFile>),
    Gzip(Box<GzipReader<HashingFile>>),
}

/// Reads a trace file, plain or gzip (by its first bytes), block by block.
///
/// A last line without a newline is read if it is a whole record. If not, it may still be incomplete:
/// it is left for the next time, and the file is [truncated](FileFault::Truncated).
pub struct TraceReader {
    source: Source,
    snapshot: Snapshot,
    start: BlockEnd,
    /// The start of a line whose end is not in the last block.
    carry: Vec<u8>,
    /// The number of bytes of text before the carry.
    consumed: u64,
    /// Whether all text is in the carry or before it.
    ended: bool,
    /// The number of lines skipped after the last block.
    skipped_lines: u64,
    overlong_lines: Vec<u64>,
    within_line: bool,
    /// Whether the text ends in a line that is not a record.
    breaks_off: bool,
    /// Whether the text ends within a line.
    open_line: bool,
    /// The place in a text file of the first byte of the text.
    base: u64,
    /// Whether the text may start with a byte order mark.
    may_be_marked: bool,
    /// The first bytes of the text, if it is read from the start.
    first: Option<Vec<u8>>,
    max_line: usize,
}

impl fmt::Debug for TraceReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gzip = matches!(self.source, Source::Gzip(_));
        f.debug_struct("TraceReader").field("gzip", &gzip).field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

impl TraceReader {
    /// Opens a trace.
    ///
    /// # Errors
    ///
    /// The system's error, such as a missing file or permission, or that it is not a regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_at(path, Clock::default())
    }

    /// Opens a trace with the clock at its start.
    ///
    /// # Errors
    ///
    /// Those of [`TraceReader::open`].
    pub fn open_at(path: &Path, clock: Clock) -> io::Result<Self> {
        Self::open_with(path, clock, MAX_LINE)
    }

    fn open_with(path: &Path, clock: Clock, max_line: usize) -> io::Result<Self> {
        let (mut file, snapshot) = open_regular(path)?;
        let gzip = is_gzip(&mut file, path)?;
        Ok(Self::new(
            HashingFile::new(file, snapshot.size),
            gzip,
            snapshot,
            &Consumed { clock, ..Consumed::NOTHING },
            max_line,
        ))
    }

    fn new(hashed: HashingFile, gzip: bool, snapshot: Snapshot, from: &Consumed, max_line: usize) -> Self {
        let source = if gzip {
            let text = ContentHash { length: from.text - from.skip, ..from.before };
            let start = Boundary { offset: from.offset, text };
            Source::Gzip(Box::new(GzipReader::new(hashed, start)))
        } else {
            Source::Text(Box::new(hashed))
        };
        Self {
            source,
            snapshot,
            start: BlockEnd { line: from.line, clock: from.clock },
            carry: Vec::new(),
            consumed: from.text,
            ended: false,
            skipped_lines: 0,
            overlong_lines: Vec::new(),
            within_line: from.within_line,
            breaks_off: false,
            open_line: false,
            base: from.offset.saturating_sub(from.text),
            may_be_marked: true,
            first: from.is_start().then(Vec::new),
            max_line,
        }
    }

    /// Returns the first bytes of the text, as many as an [opening](Opening) covers, once a block was read;
    /// none if the text is not read from the start.
    pub fn first_bytes(&self) -> &[u8] {
        self.first.as_deref().unwrap_or_default()
    }

    /// Returns where the first block starts.
    pub fn start(&self) -> BlockEnd {
        self.start
    }

    /// Returns how many bytes of the file, possibly compressed, have been read.
    pub fn position(&self) -> u64 {
        match &self.source {
            Source::Text(hashed) => hashed.position(),
            Source::Gzip(gzip) => gzip.get_ref().position(),
        }
    }

    /// Reads the next lines into `block`, overwriting its contents. Returns false at the end.
    /// `before` is where the previous block ended, or where the reader [starts](TraceReader::start).
    ///
    /// # Errors
    ///
    /// If a read fails. Faults of the file are no errors: [`TraceReader::finish`] returns them.
    pub fn next_block(&mut self, before: BlockEnd, block: &mut Block) -> io::Result<bool> {
        self.skipped_lines = 0;
        let text = &mut block.text;
        if text.capacity() > 4 * BLOCK {
            // The last block had a long line; the next one need not be as large.
            *text = Vec::new();
        }
        text.clear();
        text.append(&mut self.carry);
        let mut room = BLOCK;
        // How many bytes of an overlong line were skipped, if one is being skipped.
        let mut skipping = None;
        let mut searched = 0;
        let end = loop {
            if !self.ended {
                while room <= text.len() {
                    room *= 2;
                }
                self.ended = !self.fill(text, room.min(self.max_line + 1))?;
            }
            if self.consumed == 0 && self.may_be_marked && text.starts_with(BYTE_ORDER_MARK) {
                text.drain(..BYTE_ORDER_MARK.len());
                self.consumed = BYTE_ORDER_MARK.len() as u64;
            }
            if let Some(skipped) = &mut skipping {
                let Some(end) = memchr::memchr(b'\n', text) else {
                    *skipped += text.len() as u64;
                    text.clear();
                    if self.ended {
                        self.open_line = true;
                        // The line has no end yet, so do not report it yet.
                        self.overlong_lines.pop();
                        self.breaks_off = true;
                        return Ok(false);
                    }
                    continue;
                };
                text.drain(..=end);
                self.consumed += *skipped + end as u64 + 1;
                self.skipped_lines += 1;
                skipping = None;
                searched = 0;
            }
            match memchr::memrchr(b'\n', &text[searched..]) {
                Some(end) if !self.ended => break searched + end + 1,
                None if text.len() > self.max_line => {
                    // The text starts with the line, so discarding it loses nothing else.
                    self.overlong_lines.push(before.line + self.skipped_lines);
                    skipping = Some(text.len() as u64);
                    *text = Vec::new();
                    room = BLOCK;
                }
                _ if self.ended => {
                    if !text.is_empty() {
                        self.open_line = !text.ends_with(b"\n");
                        self.end_text(text);
                    }
                    if text.is_empty() {
                        return Ok(false);
                    }
                    break text.len();
                }
                _ => {}
            }
            searched = text.len();
        };
        self.carry.extend_from_slice(&text[end..]);
        text.truncate(end);
        self.consumed += end as u64;
        if let Source::Gzip(gzip) = &mut self.source {
            gzip.boundary_before(self.consumed);
        }
        block.first_line = before.line + self.skipped_lines;
        block.clock = before.clock;
        self.skipped_lines = 0;
        Ok(true)
    }

    /// Removes a last line without a newline from the text, unless it is exactly one record. A record at the end of a
    /// malformed line may be part of one that is still being written.
    fn end_text(&mut self, text: &mut Vec<u8>) {
        let start = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
        let (mut records, mut broken) = (false, false);
        Parser::new().parse(&text[start..], 1, Clock::default(), |line| match line {
            Line::Record { .. } => records = true,
            Line::Malformed { .. } => broken = true,
        });
        let has_content = records || broken;
        if records && !broken {
            self.within_line = true;
        } else {
            self.breaks_off = has_content;
            text.truncate(start);
        }
    }

    /// Appends up to `room - text.len()` bytes. Returns false at the end of the text.
    fn fill(&mut self, text: &mut Vec<u8>, room: usize) -> io::Result<bool> {
        text.reserve_exact(room.saturating_sub(text.len()));
        let before = text.len();
        let more = match &mut self.source {
            Source::Gzip(gzip) => gzip.fill(text)?,
            Source::Text(hashed) => {
                let wanted = (text.capacity() - text.len()) as u64;
                hashed.by_ref().take(wanted).read_to_end(text)? as u64 == wanted
            }
        };
        if let Some(first) = &mut self.first {
            let missing = Opening::BYTES - first.len();
            first.extend(text[before..].iter().take(missing));
        }
        Ok(more)
    }

    /// Reads the rest of the file, for its fingerprint, and returns a summary of the whole.
    /// `end` is where the last block ended.
    ///
    /// # Errors
    ///
    /// If a read fails.
    pub fn finish(self, end: BlockEnd) -> io::Result<SourceSummary> {
        let line = end.line + self.skipped_lines;
        let breaks_off = self.breaks_off.then_some(FileFault::Truncated(Truncation::WithinLine(line)));
        let open_line = self.open_line.then_some(OpenEnd::Line);
        let opening = Opening::of(self.first.as_deref().unwrap_or_default());
        let (hashed, boundary, text, mut fault, open_end) = match self.source {
            Source::Text(hashed) => {
                let text = ContentHash { length: self.consumed, ..ContentHash::EMPTY };
                let boundary = Boundary { offset: self.base + self.consumed, text };
                (*hashed, boundary, None, breaks_off, open_line)
            }
            Source::Gzip(mut gzip) => {
                let (fault, open_end) = match gzip.end() {
                    GzipEnd::Whole => (breaks_off, open_line),
                    GzipEnd::Padded => (breaks_off, Some(OpenEnd::Padding)),
                    GzipEnd::Truncated(place) => (
                        Some(FileFault::Truncated(Truncation::Other(format!("the file ends {place}")))),
                        Some(OpenEnd::Member),
                    ),
                    GzipEnd::Damaged(reason) => (Some(FileFault::Damaged(reason)), Some(OpenEnd::Damage)),
                };
                let (boundary, text) = (gzip.boundary_before(self.consumed), gzip.text());
                (gzip.into_inner(), boundary, Some(text), fault, open_end)
            }
        };
        let bytes = hashed.finish()?;
        if self.snapshot.size == 0 {
            fault = Some(FileFault::Empty);
        }
        Ok(SourceSummary {
            snapshot: self.snapshot,
            fingerprint: bytes.checksums(),
            text: text.unwrap_or(bytes),
            opening,
            gzip: text.is_some(),
            consumed: Consumed {
                text: self.consumed,
                offset: boundary.offset,
                skip: self.consumed - boundary.text.length,
                before: if text.is_some() { ContentHash { length: 0, ..boundary.text } } else { ContentHash::EMPTY },
                line,
                clock: end.clock,
                within_line: self.within_line,
            },
            fault,
            overlong_lines: self.overlong_lines,
            open_end,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::source::fingerprint;

    pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn read(name: &str, bytes: &[u8], max_line: usize) -> (Vec<(u64, Vec<u8>)>, SourceSummary) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let reader = TraceReader::open_with(&path, Clock::default(), max_line).expect("open");
        let (lines, summary) = read_on(reader);
        assert_eq!(summary.fingerprint, fingerprint(&path, bytes.len() as u64).expect("fingerprint"));
        (lines, summary)
    }

    pub(crate) fn read_on(mut reader: TraceReader) -> (Vec<(u64, Vec<u8>)>, SourceSummary) {
        let mut block = Block::default();
        let mut lines = Vec::new();
        let mut end = reader.start();
        while reader.next_block(end, &mut block).expect("read") {
            let text = block.text.strip_suffix(b"\n").unwrap_or(&block.text);
            for (number, line) in (block.first_line..).zip(text.split(|&b| b == b'\n')) {
                lines.push((number, line.to_vec()));
            }
            end = block.end();
        }
        (lines, reader.finish(end).expect("finish"))
    }

    /// Returns lines of many lengths, some longer than a block.
    pub(crate) fn text() -> Vec<u8> {
        let mut text = Vec::new();
        for length in [0, 1, 10, BLOCK - 1, 3, BLOCK, 0, 3 * BLOCK + 7, 5] {
            text.extend(std::iter::repeat_n(b'a' + (length % 26) as u8, length));
            text.push(b'\n');
        }
        text.extend_from_slice(br#"{"newline":"none"}"#);
        text
    }

    fn expected(text: &[u8]) -> Vec<(u64, Vec<u8>)> {
        (1..).zip(text.split(|&b| b == b'\n').map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn plain_text_one_gzip_member_and_many_read_alike() {
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
            assert_eq!(summary.consumed.text, text.len() as u64);
        }
    }

    #[test]
    fn a_truncated_member_yields_its_text() {
        let text = text();
        let whole = gzip(&text);
        for cut in [1, 5, 9, 30, whole.len() / 2, whole.len() - 9, whole.len() - 3] {
            let (lines, summary) = read("a.pfw.gz", &whole[..cut], MAX_LINE);
            assert!(matches!(summary.fault, Some(FileFault::Truncated(_))), "{cut}: {:?}", summary.fault);
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
        assert!(matches!(summary.fault, Some(FileFault::Damaged(_))));

        let mut garbage = whole;
        garbage.extend_from_slice(b"garbage after the end");
        let (lines, summary) = read("a.pfw.gz", &garbage, MAX_LINE);
        assert!(lines == expected(&text));
        assert!(matches!(summary.fault, Some(FileFault::Damaged(_))));

        let mut broken = gzip(b"{}\n{}\n");
        broken.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff]);
        let (lines, summary) = read("a.pfw.gz", &broken, MAX_LINE);
        assert_eq!(lines.len(), 2);
        assert!(matches!(summary.fault, Some(FileFault::Damaged(_))));
    }

    #[test]
    fn an_overlong_line_is_skipped_and_the_next_is_read() {
        let mut text = b"one\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', 2 * BLOCK + 1));
        text.extend_from_slice(b"\nthree\n");
        text.extend(std::iter::repeat_n(b'y', 2 * BLOCK));
        text.push(b'\n');
        for bytes in [text.clone(), gzip(&text)] {
            let (lines, summary) = read("a.pfw", &bytes, 2 * BLOCK);
            let numbers: Vec<u64> = lines.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, [1, 3, 4]);
            assert_eq!(lines[1].1, b"three");
            assert_eq!(summary.overlong_lines, [2]);
        }
    }

    #[test]
    fn an_empty_file_is_a_fault() {
        for name in ["a.pfw", "a.pfw.gz"] {
            let (lines, summary) = read(name, b"", MAX_LINE);
            assert!(lines.is_empty());
            assert_eq!(summary.fault, Some(FileFault::Empty));
        }
        let (lines, summary) = read("a.pfw.gz", &gzip(b""), MAX_LINE);
        assert!(lines.is_empty());
        assert_eq!(summary.fault, None);
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_first_line() {
        let (lines, _) = read("a.pfw", b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}\n", MAX_LINE);
        assert_eq!(lines[0].1, b"{}");
        assert_eq!(lines[1].1.len(), 5);
    }

    #[test]
    fn a_last_line_without_a_newline_is_read_if_it_is_a_whole_record() {
        for (text, lines, fault) in [
            ("{\"a\":1}\n{\"b\":2}", 2, None),
            ("{\"a\":1}\n{\"b\":2},", 2, None),
            ("{\"a\":1}\n{\"b\":2", 1, Some("the file ends within line 2")),
            ("{\"a\":1}\noops", 1, Some("the file ends within line 2")),
            ("{\"a\":1}\n]", 1, None),
            ("{\"a\":1}\n{\"b\":2},]", 2, None),
            ("{\"a\":1}\n\0\0", 1, None),
            ("{\"a\":1}\n{\"na{\"name\":\"x\",\"ph\":1}", 1, Some("the file ends within line 2")),
            ("{\"a\":1}\n  ", 1, None),
        ] {
            for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
                let (got, summary) = read("a.pfw", &bytes, MAX_LINE);
                assert_eq!(got.len(), lines, "{text}");
                assert_eq!(
                    summary.fault.map(|fault| fault.to_string()),
                    fault.map(|fault| format!("truncated: {fault}")),
                    "{text}"
                );
            }
        }
    }
}
