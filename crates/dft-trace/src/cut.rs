//! Finds places to cut a trace into pieces, without reading all of it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use crate::block::{Line, Parser};
use crate::gzip::{Boundary, GzipEnd, GzipReader, MAGIC};
use crate::line::payload;
use crate::source::{is_gzip, open_regular};
use dft_codec::Clock;
use dft_codec::ContentHash;

/// How many bytes are searched at once.
const WINDOW: usize = 256 << 10;

/// The first bytes of a gzip member, including its method, deflate.
const MEMBER: [u8; 3] = [MAGIC[0], MAGIC[1], 8];

/// How many bytes of text are inflated to check that a possible member starts with a record.
const PROBE_SIZES: [usize; 2] = [4 << 10, 256 << 10];

/// Finds places to cut a trace at: starts of lines in text, or of gzip members that start with a record.
///
/// The start of a member is a guess, because its first bytes may also occur in the data of a member.
/// [`SourceSummary::open_end`](crate::SourceSummary::open_end) tells whether a cut was right.
#[derive(Debug)]
pub struct Cutter {
    file: File,
    gzip: bool,
}

impl Cutter {
    /// Opens a trace.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn open(path: &Path) -> io::Result<Self> {
        let (mut file, _) = open_regular(path)?;
        let gzip = is_gzip(&mut file, path)?;
        Ok(Self { file, gzip })
    }

    /// Returns the first place to cut at within `places`, as a byte of the file; `None` if there is none. `places` must
    /// not include byte 0.
    ///
    /// # Errors
    ///
    /// If a read fails.
    pub fn find(&mut self, places: Range<u64>) -> io::Result<Option<u64>> {
        if self.gzip { self.find_member(places) } else { self.find_line(places) }
    }

    fn find_line(&mut self, places: Range<u64>) -> io::Result<Option<u64>> {
        let mut window = Vec::new();
        let mut at = places.start.saturating_sub(1);
        while at + 1 < places.end {
            self.read(at, places.end - 1, &mut window)?;
            if let Some(end) = memchr::memchr(b'\n', &window) {
                return Ok(Some(at + end as u64 + 1));
            }
            if window.is_empty() {
                break;
            }
            at += window.len() as u64;
        }
        Ok(None)
    }

    fn find_member(&mut self, places: Range<u64>) -> io::Result<Option<u64>> {
        let finder = memchr::memmem::Finder::new(&MEMBER);
        let mut window = Vec::new();
        let mut at = places.start;
        while at < places.end {
            // The first bytes of a member that starts at the last place lie after it.
            self.read(at, places.end + MEMBER.len() as u64 - 1, &mut window)?;
            for candidate in finder.find_iter(&window) {
                let place = at + candidate as u64;
                if self.starts_with_record(place)? {
                    return Ok(Some(place));
                }
            }
            if window.len() < MEMBER.len() {
                break;
            }
            at += (window.len() - MEMBER.len() + 1) as u64;
        }
        Ok(None)
    }

    /// Reads up to a window of bytes from `at` to before `end`.
    fn read(&mut self, at: u64, end: u64, window: &mut Vec<u8>) -> io::Result<()> {
        window.clear();
        self.file.seek(SeekFrom::Start(at))?;
        Read::by_ref(&mut self.file).take((WINDOW as u64).min(end - at)).read_to_end(window)?;
        Ok(())
    }

    /// Whether a gzip member seems to start at `place`, and its text with a record.
    fn starts_with_record(&mut self, place: u64) -> io::Result<bool> {
        self.file.seek(SeekFrom::Start(place))?;
        let mut gzip = GzipReader::new(&self.file, Boundary { offset: place, text: ContentHash::EMPTY });
        let mut text = Vec::new();
        for probe_size in PROBE_SIZES {
            text.reserve_exact(probe_size - text.len());
            let more = gzip.fill(&mut text)?;
            if !matches!(text.first(), Some(b'{' | b'[')) || matches!(gzip.end(), GzipEnd::Damaged(_)) {
                return Ok(false);
            }
            if let Some(is_record) = first_is_record(&text) {
                return Ok(is_record);
            }
            if !more {
                break;
            }
        }
        Ok(false)
    }
}

/// Whether the first non-empty line is a record; `None` if the text does not contain its end.
fn first_is_record(text: &[u8]) -> Option<bool> {
    let mut rest = text;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let line = &rest[..end];
        if !payload(line).is_empty() {
            let mut is_record = true;
            Parser::new().parse(line, 1, Clock::default(), |line| is_record &= matches!(line, Line::Record { .. }));
            return Some(is_record);
        }
        rest = &rest[end + 1..];
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn member(text: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(text).expect("in memory");
        encoder.finish().expect("in memory")
    }

    /// Returns every cut that is found in a file, in order.
    fn cuts(name: &str, bytes: &[u8]) -> Vec<u64> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let mut cutter = Cutter::open(&path).expect("opened");
        let mut cuts = Vec::new();
        let mut from = 1;
        while let Some(cut) = cutter.find(from..bytes.len() as u64).expect("read") {
            cuts.push(cut);
            from = cut + 1;
        }
        cuts
    }

    #[test]
    fn cuts_are_found_at_every_line_and_every_member() {
        let line = |length: usize| format!("{{\"name\":\"{}\"}}\n", "x".repeat(length)).into_bytes();
        let lines: Vec<Vec<u8>> = [5, WINDOW - 9, 3, 2 * WINDOW, 0].map(line).into();
        // A line that is longer than the largest probe is not recognised.
        let short = |gap: usize| [5, WINDOW - gap, 3].map(line);
        let text = lines.concat();
        let starts = |parts: &[Vec<u8>]| -> Vec<u64> {
            let ends = parts.iter().scan(0, |at, part| {
                *at += part.len() as u64;
                Some(*at)
            });
            ends.take(parts.len() - 1).collect()
        };
        assert_eq!(cuts("a.pfw", &text), starts(&lines));
        // Stored members are as long as their text, so that they lie across windows.
        for (level, gap) in [(1, 64)].into_iter().chain((60..110).step_by(3).map(|gap| (0, gap))) {
            let members: Vec<Vec<u8>> = short(gap).iter().map(|line| member(line, level)).collect();
            assert_eq!(cuts("a.pfw.gz", &members.concat()), starts(&members), "level {level}, {gap}");
        }
    }

    #[test]
    fn a_member_that_does_not_start_with_a_record_is_not_a_cut() {
        let record = b"{\"name\":\"x\"}\n";
        for text in [&b"\"x\"},\n{\"name\":\"x\"}\n"[..], b"", b"[\n]\n", b"{\"name\":", b"{}} \n", b"oops\n"] {
            let bytes = [member(record, 1), member(text, 1), b"\x1f\x8b\x08\0\0\0\0\0\0\0oops".to_vec()].concat();
            assert_eq!(cuts("a.pfw.gz", &bytes), [0; 0], "{text:?}");
        }
        assert_eq!(cuts("a.pfw.gz", &[member(record, 1), member(b"[\n{}\n", 1)].concat()).len(), 1);
    }

    #[test]
    fn cuts_are_only_found_within_the_given_places() {
        let folder = tempfile::tempdir().expect("a folder");
        let find = |name: &str, bytes: &[u8], places: Range<u64>| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            Cutter::open(&path).expect("opened").find(places).expect("read")
        };
        let text = b"{\"a\":1}\n{\"b\":2}\n";
        assert_eq!(find("a.pfw", text, 1..8), None);
        assert_eq!(find("a.pfw", text, 1..9), Some(8));
        assert_eq!(find("a.pfw", text, 8..9), Some(8));
        assert_eq!(find("a.pfw", text, 9..16), None);
        let one = member(text, 1);
        let size = one.len() as u64;
        let two = [one.clone(), one].concat();
        assert_eq!(find("a.pfw.gz", &two, 1..size), None);
        assert_eq!(find("a.pfw.gz", &two, 1..size + 1), Some(size));
        assert_eq!(find("a.pfw.gz", &two, size..size + 1), Some(size));
        assert_eq!(find("a.pfw.gz", &two, size + 1..2 * size), None);
    }
}
