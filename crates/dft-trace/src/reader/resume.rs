//! Reads a trace from another place than its start: from where reading ended before, or a piece of it.

use std::io;
use std::ops::Range;
use std::path::Path;

use crate::line::{may_follow, payload};
use crate::reader::{BLOCK, MAX_LINE, TraceReader};
use crate::source::{HashingFile, is_gzip, open_regular};
use dft_codec::{Consumed, Head};

use crate::summary::{ResumeError, Snapshot};
use dft_codec::Clock;

impl TraceReader {
    /// Opens a piece of a trace, which must start where a line and, in a gzip file, a member starts. `clock` is the
    /// clock there. Text and lines are counted from the start of the piece.
    ///
    /// # Errors
    ///
    /// The system's error; [`ResumeError::Changed`] if the size of the file is not `size`.
    pub fn open_piece(path: &Path, piece: &Range<u64>, size: u64, clock: Clock) -> Result<Self, ResumeError> {
        let (mut file, snapshot) = open_regular(path)?;
        if snapshot.size != size || piece.start > piece.end || piece.end > size {
            return Err(ResumeError::Changed);
        }
        let gzip = is_gzip(&mut file, path)?;
        let hashed = HashingFile::piece(file, piece)?;
        let from = Consumed { offset: piece.start, clock, ..Consumed::NOTHING };
        let mut reader = Self::new(hashed, gzip, snapshot, &from, MAX_LINE);
        reader.may_be_marked = piece.start == 0;
        Ok(reader)
    }

    /// Opens a trace that was read before and has grown, to read the rest.
    ///
    /// # Errors
    ///
    /// The system's error; [`ResumeError::Changed`] if the file no longer starts with what was read before.
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
        let mut hashed = HashingFile::new(file, size);
        if !hashed.is(size, fingerprint)? {
            return Err(ResumeError::Changed);
        }
        hashed.grow(consumed.offset, snapshot.size)?;
        Self::new(hashed, gzip, snapshot, &consumed, max_line).skip_to_end_of(&consumed)
    }

    /// Opens another file whose text starts with the text that was read of a trace, to read the rest.
    /// The file has `size` bytes, and the caller must ensure that its text starts so.
    ///
    /// # Errors
    ///
    /// The system's error; [`ResumeError::Changed`] if the file is shorter now.
    pub fn take_over(path: &Path, size: u64, consumed: &Consumed) -> Result<Self, ResumeError> {
        let (mut file, snapshot) = open_regular(path)?;
        if snapshot.size < size {
            return Err(ResumeError::Changed);
        }
        let snapshot = Snapshot { size, ..snapshot };
        let gzip = is_gzip(&mut file, path)?;
        let consumed = consumed.within_another(gzip);
        let mut hashed = HashingFile::new(file, size);
        if !gzip {
            hashed.read_all()?;
            hashed.seek(consumed.offset, size)?;
        }
        Self::new(hashed, gzip, snapshot, &consumed, MAX_LINE).skip_to_end_of(&consumed)
    }

    /// Skips to where reading ended before.
    fn skip_to_end_of(mut self, consumed: &Consumed) -> Result<Self, ResumeError> {
        self.skip_text(consumed.skip)?;
        if consumed.within_line {
            self.end_line()?;
        }
        Ok(self)
    }

    /// Skips text that was read before.
    fn skip_text(&mut self, mut bytes: u64) -> Result<(), ResumeError> {
        while bytes > 0 {
            if self.ended {
                return Err(ResumeError::Changed);
            }
            self.carry.clear();
            self.fill_carry()?;
            let skipped = bytes.min(self.carry.len() as u64);
            self.carry.drain(..skipped as usize);
            bytes -= skipped;
        }
        Ok(())
    }

    /// Skips the rest of a line whose record was read before. If the record continues, the file has changed.
    fn end_line(&mut self) -> Result<(), ResumeError> {
        const RECORD: &[u8] = b"{}";
        let mut line = RECORD.to_vec();
        loop {
            let end = memchr::memchr(b'\n', &self.carry);
            let rest = &self.carry[..end.unwrap_or(self.carry.len())];
            if line.len() + rest.len() > self.max_line.max(BLOCK) || !rest.iter().all(|&byte| may_follow(byte)) {
                return Err(ResumeError::Changed);
            }
            line.extend_from_slice(rest);
            if let Some(end) = end {
                if payload(&line) != RECORD {
                    return Err(ResumeError::Changed);
                }
                self.carry.drain(..=end);
                self.consumed += (line.len() - RECORD.len()) as u64 + 1;
                self.start.line += 1;
                self.within_line = false;
                return Ok(());
            }
            self.carry.clear();
            if self.ended {
                // The rest so far contains no record, so it can be read again.
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::payload;
    use crate::reader::tests::{gzip, read_on, text};
    use crate::source::fingerprint;
    use dft_codec::ContentHash;
    use dft_codec::OpenEnd;

    use crate::summary::SourceSummary;
    use crate::text_hashes::TextHashes;

    /// Reads a file as it grows to each of some sizes. Returns every line, and the last summary.
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
                None => TraceReader::open_with(path, Clock::default(), max_line).expect("open"),
                Some(head) => TraceReader::resume_with(path, head, max_line).expect("resume"),
            };
            let (lines, summary) = read_on(reader);
            all.extend(lines);
            assert_eq!(summary.fingerprint, fingerprint(path, size as u64).expect("fingerprint"));
            let whole = TextHashes::of(path, |_| Vec::new(), |_| true).expect("read").expect("not stopped");
            assert_eq!(summary.text, whole.text);
            head = Some(Head { size: size as u64, fingerprint: summary.fingerprint, consumed: summary.consumed });
            last = Some(summary);
        }
        (all, last.expect("some size"))
    }

    /// Returns the payloads that are not empty. The end of a line whose record was read before has none.
    fn payloads(lines: Vec<(u64, Vec<u8>)>) -> Vec<(u64, Vec<u8>)> {
        let payloads = lines.into_iter().map(|(number, line)| (number, payload(&line).to_vec()));
        payloads.filter(|(_, payload)| !payload.is_empty()).collect()
    }

    #[test]
    fn a_growing_file_is_resumed_wherever_it_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = b"\xef\xbb\xbf[\n{\"a\":1},]\n][\0\n\0\0{\"a\":1},\n\n oops\n{\"b\":22} ,\r\n{\"c\":[3]}\nyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n{\"d\":4}\n]\n";
        let mut members = gzip(&text[..34]);
        members.extend(gzip(b""));
        members.extend(gzip(&text[34..]));
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
                for second in (first..bytes.len()).step_by(9) {
                    check(&[first, second, bytes.len()]);
                }
            }
            check(&(0..=bytes.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_file_whose_head_changed_is_not_resumed() {
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
        // A record at the end of the file without a newline counts; then its line must not continue.
        assert!(matches!(resume_as(b"{}", b"{}x\n"), Err(ResumeError::Changed)));
        assert!(resume_as(b"{}", b"{},\n{}").is_ok());
        assert!(resume_as(b"{}", b"{} \x0b,\n{}").is_ok());
        assert!(resume_as(b"{}", b"{},]\r\n{}").is_ok());
        assert!(resume_as(b"{}", b"{}\0\0\n{}").is_ok());
        assert!(matches!(resume_as(b"{}", b"{}\0]\n{}"), Err(ResumeError::Changed)));
    }

    #[test]
    fn pieces_give_the_same_lines_and_hashes_as_the_whole_file() {
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
                let (mut text, mut bytes) = (ContentHash::EMPTY, ContentHash::EMPTY);
                for to in chosen.iter().copied().chain([size]) {
                    let reader = TraceReader::open_piece(&path, &(from..to), size, Clock::default()).expect("open");
                    let (lines, summary) = read_on(reader);
                    let last = to == size;
                    assert_eq!(summary.open_end, if last { whole.open_end } else { None }, "{name}");
                    // Its message names the line, which a piece counts from its own start.
                    assert_eq!(summary.fault.is_some(), last && whole.fault.is_some(), "{name}");
                    all.extend(lines.into_iter().map(|(line, text)| (line + lines_before, text)));
                    let consumed = summary.consumed;
                    let text_before = ContentHash { length: consumed.text - consumed.skip, ..consumed.before };
                    let before = if summary.gzip { text.then(text_before) } else { ContentHash::EMPTY };
                    text = text.then(summary.text);
                    bytes = bytes.then(ContentHash::from_checksums(to - from, summary.fingerprint));
                    lines_before += summary.consumed.line - 1;
                    if to == size {
                        let before = ContentHash { length: 0, ..before };
                        let read = whole.consumed.text;
                        let consumed = Consumed { text: read, line: lines_before + 1, before, ..summary.consumed };
                        assert_eq!(consumed, whole.consumed, "{name}");
                    }
                    from = to;
                }
                assert_eq!(bytes.checksums(), whole.fingerprint, "{name}");
                assert_eq!(text, whole.text, "{name}");
                assert!(all == whole_lines, "{name} {chosen:?}");
            }
        }
    }

    #[test]
    fn the_summary_of_a_piece_has_how_it_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let piece = |name: &str, bytes: &[u8], range: Range<u64>| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            TraceReader::open_piece(&path, &range, bytes.len() as u64, Clock::default()).map(|reader| read_on(reader).1)
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
        // A byte order mark is only skipped at the start of a file.
        let marked = b"{}\n\xef\xbb\xbf{}\n";
        assert_eq!(piece("a.pfw", marked, 3..9).expect("open").consumed.text, 6);
        assert!(matches!(piece("a.pfw", text, 3..99), Err(ResumeError::Changed)));
        assert!(matches!(piece("a.pfw", text, Range { start: 4, end: 3 }), Err(ResumeError::Changed)));
    }
}
