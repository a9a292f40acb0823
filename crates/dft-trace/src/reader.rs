//! A trace file as blocks of whole lines.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::block::{BlockEnd, Line, Parser, unit_behind};
use crate::fingerprint::{Fingerprint, end_of_chunks};
use crate::gzip::{Boundary, GzipEnd, GzipReader, MAGIC};
use crate::line::is_blank;
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

impl Block {
    /// Where the block ends, found by looking through it; whoever parses it is told so anyway.
    pub fn end(&self) -> BlockEnd {
        let lines = memchr::memchr_iter(b'\n', &self.text).count() as u64;
        BlockEnd { line: self.first_line + lines, unit: unit_behind(&self.text, self.unit) }
    }
}

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
    /// The number of the line to go on with, from 1, and the time unit in force there.
    pub line: u64,
    /// See `line`.
    pub unit: TimeUnit,
    /// Whether that line's record was read although its end was not there yet.
    pub within_line: bool,
}

impl Consumed {
    /// Nothing yet.
    pub const NOTHING: Self = Self { text: 0, offset: 0, skip: 0, line: 1, unit: TimeUnit::Us, within_line: false };
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

/// What was wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file has no byte.
    Empty,
    /// A line or a gzip member ends too early. What the member held was read; the line was not.
    Truncated(String),
    /// A gzip member is corrupt; what came before that was read.
    Damaged(String),
}

impl Fault {
    /// That a file ends within a line, which has a number in it, from 1.
    pub fn within_line(line: u64) -> Self {
        Self::Truncated(format!("the file ends within line {line}"))
    }
}

/// What reading a file to its end has shown.
#[derive(Clone, Debug)]
pub struct SourceSummary {
    /// The file as it was when it was opened.
    pub snapshot: Snapshot,
    /// A hash of the file's bytes; of a piece, its share of that, to be added (modulo 2¹²⁸) to the others'.
    pub fingerprint: u128,
    /// How far the file's records were read.
    pub consumed: Consumed,
    /// What is wrong with the file, if anything.
    pub fault: Option<Fault>,
    /// The numbers of the lines longer than [`MAX_LINE`], in order.
    pub overlong_lines: Vec<u64>,
    /// Why what follows in the file, if anything, cannot be read on its own; `None` where it starts a line
    /// and, in a gzip file, a member.
    pub open_end: Option<OpenEnd>,
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

/// Reads a file from some place on, and hashes what passes through.
struct Hashed {
    file: io::Take<File>,
    hash: Fingerprint,
    /// The place in the file that is read next.
    at: u64,
    /// Up to where the file is hashed in the end.
    hash_to: u64,
}

impl Hashed {
    fn new(file: File, size: u64) -> Self {
        Self { file: file.take(size), hash: Fingerprint::from(0), at: 0, hash_to: size }
    }

    /// Of a piece of a file of `size` bytes, which is to be gone to.
    fn piece(file: File, piece: &Range<u64>, size: u64) -> Self {
        Self { file: file.take(0), hash: Fingerprint::from(piece.start), at: 0, hash_to: end_of_chunks(piece, size) }
    }

    /// Goes to another place, not behind what is in the hash, to read up to `end`.
    fn seek(&mut self, place: u64, end: u64) -> io::Result<()> {
        self.file.get_mut().seek(SeekFrom::Start(place))?;
        self.file.set_limit(end - place);
        self.at = place;
        Ok(())
    }

    /// Reads what is left to hash; the hash.
    fn finish(mut self) -> io::Result<u128> {
        self.file.set_limit(self.hash_to.saturating_sub(self.at));
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.hash.digest())
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.at += read as u64;
        // What was read before is in the hash already.
        let new = self.at.saturating_sub(self.hash.at()).min(read as u64) as usize;
        self.hash.update(&buffer[read - new..read]);
        Ok(read)
    }
}

enum Source {
    Text(Hashed),
    Gzip(Box<GzipReader<Hashed>>),
}

/// Reads a trace file, plain or gzip (told by its first bytes), block by block.
///
/// A last line without a newline is read if it is a whole record. Else it may be one that is still
/// being written: it is left for a later reading, and the file is [truncated](Fault::Truncated).
pub struct TraceReader {
    source: Source,
    snapshot: Snapshot,
    start: BlockEnd,
    /// The start of a line whose end was not in the last block.
    carry: Vec<u8>,
    /// How many bytes of text lie before the carry.
    consumed: u64,
    /// Whether all of the text is in the carry or before it.
    ended: bool,
    /// Lines that were passed over behind the last block.
    passed: u64,
    overlong_lines: Vec<u64>,
    within_line: bool,
    /// Whether the text breaks off in a line that is no record.
    breaks_off: bool,
    /// Whether the text ends within a line.
    open_line: bool,
    /// Where a text file's first byte of text lies in it.
    base: u64,
    /// Whether the text may start with a byte order mark.
    may_be_marked: bool,
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
        let (mut file, snapshot) = open_regular(path)?;
        let gzip = is_gzip(&mut file, path)?;
        Ok(Self::new(Hashed::new(file, snapshot.size), gzip, snapshot, &Consumed::NOTHING, max_line))
    }

    /// Opens a piece of a trace, which starts where a line and, in a gzip file, a member does; `unit` is the
    /// time unit in force there. Text and lines are counted from the piece's start.
    ///
    /// # Errors
    ///
    /// What the system says; [`ResumeError::Changed`] where the file has not the `size` that it is to have.
    pub fn open_piece(path: &Path, piece: &Range<u64>, size: u64, unit: TimeUnit) -> Result<Self, ResumeError> {
        let (mut file, snapshot) = open_regular(path)?;
        if snapshot.size != size || piece.start > piece.end || piece.end > size {
            return Err(ResumeError::Changed);
        }
        let gzip = is_gzip(&mut file, path)?;
        let mut hashed = Hashed::piece(file, piece, size);
        hashed.seek(piece.start, piece.end)?;
        let from = Consumed { offset: piece.start, unit, ..Consumed::NOTHING };
        let mut reader = Self::new(hashed, gzip, snapshot, &from, MAX_LINE);
        reader.may_be_marked = piece.start == 0;
        Ok(reader)
    }

    /// Opens a trace that was read before, to go on with what it has grown by.
    ///
    /// # Errors
    ///
    /// [`ResumeError::Changed`] where what was read before is no longer what the file starts with.
    pub fn resume(path: &Path, head: &Head) -> Result<Self, ResumeError> {
        Self::resume_with(path, head, MAX_LINE)
    }

    fn resume_with(path: &Path, head: &Head, max_line: usize) -> Result<Self, ResumeError> {
        let Head { size, fingerprint, consumed } = *head;
        let (mut file, snapshot) = open_regular(path)?;
        if snapshot.size < size || consumed.offset > size {
            return Err(ResumeError::Changed);
        }
        let gzip = is_gzip(&mut file, path)?;
        let mut hashed = Hashed::new(file, size);
        io::copy(&mut hashed, &mut io::sink())?;
        if hashed.at != size || hashed.hash.digest() != fingerprint {
            return Err(ResumeError::Changed);
        }
        hashed.hash_to = snapshot.size;
        hashed.seek(consumed.offset, snapshot.size)?;
        let mut reader = Self::new(hashed, gzip, snapshot, &consumed, max_line);
        reader.pass_over(consumed.skip)?;
        if consumed.within_line {
            reader.end_line()?;
        }
        Ok(reader)
    }

    fn new(hashed: Hashed, gzip: bool, snapshot: Snapshot, from: &Consumed, max_line: usize) -> Self {
        let source = if gzip {
            let start = Boundary { offset: from.offset, text: from.text - from.skip };
            Source::Gzip(Box::new(GzipReader::new(hashed, start)))
        } else {
            Source::Text(hashed)
        };
        Self {
            source,
            snapshot,
            start: BlockEnd { line: from.line, unit: from.unit },
            carry: Vec::new(),
            consumed: from.text,
            ended: false,
            passed: 0,
            overlong_lines: Vec::new(),
            within_line: from.within_line,
            breaks_off: false,
            open_line: false,
            base: from.offset.saturating_sub(from.text),
            may_be_marked: true,
            max_line,
        }
    }

    /// Passes over text that was read before.
    fn pass_over(&mut self, mut bytes: u64) -> Result<(), ResumeError> {
        while bytes > 0 {
            if self.ended {
                return Err(ResumeError::Changed);
            }
            self.carry.clear();
            self.fill_carry()?;
            let passed = bytes.min(self.carry.len() as u64);
            self.carry.drain(..passed as usize);
            bytes -= passed;
        }
        Ok(())
    }

    /// Passes over the rest of a line whose record was read before. If that goes on, it was another.
    fn end_line(&mut self) -> Result<(), ResumeError> {
        let mut passed = 0;
        loop {
            let end = memchr::memchr(b'\n', &self.carry);
            if !is_blank(&self.carry[..end.unwrap_or(self.carry.len())]) {
                return Err(ResumeError::Changed);
            }
            if let Some(end) = end {
                self.carry.drain(..=end);
                self.consumed += passed + end as u64 + 1;
                self.start.line += 1;
                self.within_line = false;
                return Ok(());
            }
            passed += self.carry.len() as u64;
            self.carry.clear();
            if self.ended {
                // What is there of it holds nothing, so it can be read again.
                return Ok(());
            }
            self.fill_carry()?;
        }
    }

    fn fill_carry(&mut self) -> io::Result<()> {
        let mut carry = std::mem::take(&mut self.carry);
        let room = carry.len() + BLOCK.min(self.max_line + 1);
        self.ended = !self.fill(&mut carry, room)?;
        self.carry = carry;
        Ok(())
    }

    /// Where the first block starts.
    pub fn start(&self) -> BlockEnd {
        self.start
    }

    /// How many bytes of the file, compressed as it is, have been read.
    pub fn position(&self) -> u64 {
        match &self.source {
            Source::Text(hashed) => hashed.at,
            Source::Gzip(gzip) => gzip.get_ref().at,
        }
    }

    /// The next lines, in the memory of `block` (whose contents are overwritten); false at the end.
    /// `before` is where the block before ended, or where the reader [starts](TraceReader::start).
    ///
    /// # Errors
    ///
    /// A read that fails. What is wrong with the bytes is no error: [`TraceReader::finish`] tells.
    pub fn next_block(&mut self, before: BlockEnd, block: &mut Block) -> io::Result<bool> {
        self.passed = 0;
        let text = &mut block.text;
        if text.capacity() > 4 * BLOCK {
            // A long line was here; the next block is not to be as large.
            *text = Vec::new();
        }
        text.clear();
        text.append(&mut self.carry);
        let mut room = BLOCK;
        // Of a line that is passed over for its length: how many bytes of it were.
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
                        // It has no end yet, so it is not passed over yet.
                        self.overlong_lines.pop();
                        self.breaks_off = true;
                        return Ok(false);
                    }
                    continue;
                };
                text.drain(..=end);
                self.consumed += *skipped + end as u64 + 1;
                self.passed += 1;
                skipping = None;
                searched = 0;
            }
            match memchr::memrchr(b'\n', &text[searched..]) {
                Some(end) if !self.ended => break searched + end + 1,
                None if text.len() > self.max_line => {
                    // The text starts with the line, so nothing else is lost with it.
                    self.overlong_lines.push(before.line + self.passed);
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
        block.first_line = before.line + self.passed;
        block.unit = before.unit;
        self.passed = 0;
        Ok(true)
    }

    /// Takes a last line without a newline out of the text, unless it is a whole record.
    fn end_text(&mut self, text: &mut Vec<u8>) {
        let start = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
        let (mut holds, mut whole) = (false, false);
        Parser::new().parse(&text[start..], 1, TimeUnit::Us, |line| {
            holds = true;
            whole = matches!(line, Line::Record { .. });
        });
        if whole {
            self.within_line = true;
        } else {
            self.breaks_off = holds;
            text.truncate(start);
        }
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
    /// `end` is where the last block ended.
    ///
    /// # Errors
    ///
    /// A read that fails.
    pub fn finish(self, end: BlockEnd) -> io::Result<SourceSummary> {
        let line = end.line + self.passed;
        let breaks_off = self.breaks_off.then(|| Fault::within_line(line));
        let open_line = self.open_line.then_some(OpenEnd::Line);
        let (hashed, boundary, mut fault, open_end) = match self.source {
            Source::Text(hashed) => {
                let boundary = Boundary { offset: self.base + self.consumed, text: self.consumed };
                (hashed, boundary, breaks_off, open_line)
            }
            Source::Gzip(mut gzip) => {
                let (fault, open_end) = match gzip.end() {
                    GzipEnd::Whole => (breaks_off, open_line),
                    GzipEnd::Padded => (breaks_off, Some(OpenEnd::Padding)),
                    GzipEnd::Truncated(place) => {
                        (Some(Fault::Truncated(format!("the file ends {place}"))), Some(OpenEnd::Member))
                    }
                    GzipEnd::Damaged(reason) => (Some(Fault::Damaged(reason)), Some(OpenEnd::Damage)),
                };
                let boundary = gzip.boundary_before(self.consumed);
                (gzip.into_inner(), boundary, fault, open_end)
            }
        };
        let fingerprint = hashed.finish()?;
        if self.snapshot.size == 0 {
            fault = Some(Fault::Empty);
        }
        Ok(SourceSummary {
            snapshot: self.snapshot,
            fingerprint,
            consumed: Consumed {
                text: self.consumed,
                offset: boundary.offset,
                skip: self.consumed - boundary.text,
                line,
                unit: end.unit,
                within_line: self.within_line,
            },
            fault,
            overlong_lines: self.overlong_lines,
            open_end,
        })
    }
}

fn open_regular(path: &Path) -> io::Result<(File, Snapshot)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok((file, Snapshot::of(&metadata)))
}

/// Whether the file is gzip, by its first bytes; and by its name, where they could be those of gzip.
pub(crate) fn is_gzip(file: &mut File, path: &Path) -> io::Result<bool> {
    let mut first = Vec::with_capacity(MAGIC.len());
    Read::by_ref(file).take(MAGIC.len() as u64).read_to_end(&mut first)?;
    file.rewind()?;
    let named_gzip = path.extension().is_some_and(|extension| extension == "gz");
    Ok(first == MAGIC || (named_gzip && MAGIC.starts_with(&first)))
}

/// The hash of a file's first `size` bytes, as [`SourceSummary::fingerprint`] has it.
///
/// # Errors
///
/// What the system says.
pub fn fingerprint(path: &Path, size: u64) -> io::Result<u128> {
    Hashed::new(File::open(path)?, size).finish()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::line::payload;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn read(name: &str, bytes: &[u8], max_line: usize) -> (Vec<(u64, Vec<u8>)>, SourceSummary) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let reader = TraceReader::open_with(&path, max_line).expect("open");
        let (lines, summary) = read_on(reader);
        assert_eq!(summary.fingerprint, fingerprint(&path, bytes.len() as u64).expect("fingerprint"));
        (lines, summary)
    }

    fn read_on(mut reader: TraceReader) -> (Vec<(u64, Vec<u8>)>, SourceSummary) {
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

    /// Lines of many lengths, some longer than a block.
    fn text() -> Vec<u8> {
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
            assert_eq!(summary.consumed.text, text.len() as u64);
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
            ("{\"a\":1}\n  ", 1, None),
        ] {
            for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
                let (got, summary) = read("a.pfw", &bytes, MAX_LINE);
                assert_eq!(got.len(), lines, "{text}");
                assert_eq!(summary.fault, fault.map(|fault| Fault::Truncated(fault.to_owned())), "{text}");
            }
        }
    }

    /// Reads a file as it grows to each of some sizes: every line, and the last summary.
    fn read_growing(
        path: &Path,
        bytes: &[u8],
        sizes: &[usize],
        max_line: usize,
    ) -> (Vec<(u64, Vec<u8>)>, SourceSummary) {
        let mut all = Vec::new();
        let mut head: Option<Head> = None;
        let mut last = None;
        for &size in sizes {
            std::fs::write(path, &bytes[..size]).expect("written");
            let reader = match &head {
                None => TraceReader::open_with(path, max_line).expect("open"),
                Some(head) => TraceReader::resume_with(path, head, max_line).expect("resume"),
            };
            let (lines, summary) = read_on(reader);
            all.extend(lines);
            assert_eq!(summary.fingerprint, fingerprint(path, size as u64).expect("fingerprint"));
            head = Some(Head { size: size as u64, fingerprint: summary.fingerprint, consumed: summary.consumed });
            last = Some(summary);
        }
        (all, last.expect("some size"))
    }

    /// What the lines hold: the end of a line whose record was read before it is nothing.
    fn payloads(lines: Vec<(u64, Vec<u8>)>) -> Vec<(u64, Vec<u8>)> {
        let payloads = lines.into_iter().map(|(number, line)| (number, payload(&line).to_vec()));
        payloads.filter(|(_, payload)| !payload.is_empty()).collect()
    }

    #[test]
    fn a_file_that_grows_is_read_on_wherever_it_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = b"\xef\xbb\xbf[\n{\"a\":1},\n\n oops\n{\"b\":22} ,\r\n{\"c\":[3]}\nyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n{\"d\":4}\n]\n";
        let mut members = gzip(&text[..21]);
        members.extend(gzip(b""));
        members.extend(gzip(&text[21..]));
        members.extend([0; 3]);
        for (name, bytes) in [("a.pfw", text.to_vec()), ("b.pfw.gz", gzip(text)), ("c.pfw.gz", members)] {
            let path = folder.path().join(name);
            let max_line = 24;
            let (wanted, whole) = read_growing(&path, &bytes, &[bytes.len()], max_line);
            let check = |sizes: &[usize]| {
                let (lines, summary) = read_growing(&path, &bytes, sizes, max_line);
                assert_eq!(payloads(lines), payloads(wanted.clone()), "{name} {sizes:?}");
                assert_eq!(summary.consumed.text, whole.consumed.text, "{name} {sizes:?}");
                assert_eq!(summary.consumed.line, whole.consumed.line, "{name} {sizes:?}");
                assert_eq!(summary.fault, whole.fault);
            };
            for first in 0..bytes.len() {
                check(&[first, bytes.len()]);
                for second in (first..bytes.len()).step_by(5) {
                    check(&[first, second, bytes.len()]);
                }
            }
            check(&(0..=bytes.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_file_whose_head_changed_is_not_read_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.pfw");
        let resume_as = |before: &[u8], after: &[u8]| {
            std::fs::write(&path, before).expect("written");
            let (_, summary) = read_on(TraceReader::open(&path).expect("open"));
            let head = Head { size: before.len() as u64, fingerprint: summary.fingerprint, consumed: summary.consumed };
            std::fs::write(&path, after).expect("written");
            TraceReader::resume(&path, &head).map(read_on)
        };
        assert!(resume_as(b"{}\n", b"{}\n{}\n").is_ok());
        assert!(matches!(resume_as(b"{}\n", b"{ }\n{}\n"), Err(ResumeError::Changed)));
        assert!(matches!(resume_as(b"{}\n", b"{}"), Err(ResumeError::Changed)));
        // A record without the end of its line was one; and then the line went on.
        assert!(matches!(resume_as(b"{}", b"{}x\n"), Err(ResumeError::Changed)));
        assert!(resume_as(b"{}", b"{},\n{}").is_ok());
        assert!(resume_as(b"{}", b"{} \x0b,\n{}").is_ok());
    }

    #[test]
    fn pieces_read_as_the_file_does_wherever_members_and_lines_begin() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut text = text();
        text.truncate(text.len() - 5);
        let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
        let members: Vec<Vec<u8>> = lines.iter().map(|line| gzip(line)).collect();
        let ends = |parts: &[Vec<u8>]| -> Vec<u64> {
            let ends = parts.iter().scan(0, |at, part| {
                *at += part.len() as u64;
                Some(*at)
            });
            ends.collect()
        };
        let lines: Vec<Vec<u8>> = lines.into_iter().map(<[u8]>::to_vec).collect();
        for (name, parts) in [("a.pfw", lines), ("b.pfw.gz", members)] {
            let path = folder.path().join(name);
            let bytes = parts.concat();
            std::fs::write(&path, &bytes).expect("written");
            let size = bytes.len() as u64;
            let (whole_lines, whole) = read_on(TraceReader::open(&path).expect("open"));
            let mut cuts = ends(&parts);
            cuts.pop();
            for chosen in [&cuts[..], &cuts[..1], &cuts[3..5], &cuts[cuts.len() - 1..]] {
                let (mut from, mut all, mut lines_before) = (0, Vec::new(), 0);
                let (mut text, mut fingerprint) = (0, 0_u128);
                for to in chosen.iter().copied().chain([size]) {
                    let reader = TraceReader::open_piece(&path, &(from..to), size, TimeUnit::Us).expect("open");
                    let (lines, summary) = read_on(reader);
                    let last = to == size;
                    assert_eq!(summary.open_end, if last { whole.open_end } else { None }, "{name}");
                    // Its text names the line, which a piece counts from its own start.
                    assert_eq!(summary.fault.is_some(), last && whole.fault.is_some(), "{name}");
                    all.extend(lines.into_iter().map(|(line, text)| (line + lines_before, text)));
                    text += summary.consumed.text;
                    fingerprint = fingerprint.wrapping_add(summary.fingerprint);
                    lines_before += summary.consumed.line - 1;
                    if to == size {
                        let consumed = Consumed { text, line: lines_before + 1, ..summary.consumed };
                        assert_eq!(consumed, whole.consumed, "{name}");
                    }
                    from = to;
                }
                assert_eq!(fingerprint, whole.fingerprint, "{name}");
                assert!(all == whole_lines, "{name} {chosen:?}");
            }
        }
    }

    #[test]
    fn what_a_piece_ends_in_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let piece = |name: &str, bytes: &[u8], range: Range<u64>| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            TraceReader::open_piece(&path, &range, bytes.len() as u64, TimeUnit::Us).map(|reader| read_on(reader).1)
        };
        let end = |name: &str, bytes: &[u8], to: u64| piece(name, bytes, 0..to).expect("open").open_end;
        let text = b"{}\n{\"a\":1}\n";
        assert_eq!(end("a.pfw", text, 3), None);
        assert_eq!(end("a.pfw", text, 2), Some(OpenEnd::Line));
        assert_eq!(end("a.pfw", text, 5), Some(OpenEnd::Line));
        let (one, open) = (gzip(text), gzip(b"{}\n{}"));
        let to = one.len() as u64;
        assert_eq!(end("a.pfw.gz", &[one.clone(), one.clone()].concat(), to), None);
        assert_eq!(end("a.pfw.gz", &[one.clone(), one.clone()].concat(), to - 1), Some(OpenEnd::Member));
        assert_eq!(end("a.pfw.gz", &[one.clone(), one.clone()].concat(), to + 9), Some(OpenEnd::Member));
        assert_eq!(end("a.pfw.gz", &[one.clone(), vec![0; 9], one.clone()].concat(), to + 9), Some(OpenEnd::Padding));
        assert_eq!(
            end("a.pfw.gz", &[one.clone(), b"oops".to_vec(), one.clone()].concat(), to + 4),
            Some(OpenEnd::Damage)
        );
        assert_eq!(end("a.pfw.gz", &[open.clone(), one].concat(), open.len() as u64), Some(OpenEnd::Line));
        // A mark of the byte order stands only at the start of a file.
        let marked = b"{}\n\xef\xbb\xbf{}\n";
        assert_eq!(piece("a.pfw", marked, 3..9).expect("open").consumed.text, 6);
        assert!(matches!(piece("a.pfw", text, 3..99), Err(ResumeError::Changed)));
        assert!(matches!(piece("a.pfw", text, Range { start: 4, end: 3 }), Err(ResumeError::Changed)));
    }
}
