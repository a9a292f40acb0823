//! Inflates consecutive gzip members (RFC 1952) into the caller's buffer.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

use dft_codec::{ContentHash, ContentHasher};

/// The first two bytes of a gzip member.
pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How many compressed bytes are read at once.
const INPUT: usize = 128 << 10;

/// How a gzip stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GzipEnd {
    /// Every member is whole.
    Whole,
    /// Every member is whole, and only zeros follow.
    Padded,
    /// The file ends inside a member.
    Truncated(&'static str),
    /// The bytes of a member are corrupt.
    Damaged(String),
}

enum State {
    Header,
    Body,
    Ended(GzipEnd),
}

/// The state for inflating a file. A thread keeps it for its next file: for many small files, allocating and clearing
/// it would take as long as reading them.
struct Inflater {
    inflate: Decompress,
    /// Compressed bytes; those from `at` to `end` are not inflated yet.
    input: Vec<u8>,
    at: usize,
    end: usize,
}

thread_local! {
    static SPARE: Cell<Option<Inflater>> = const { Cell::new(None) };
}

impl Inflater {
    /// Returns the one that the thread kept, or a new one.
    fn take() -> Self {
        // While a thread ends, its spare may be destroyed already.
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        let new = || Self { inflate: Decompress::new(false), input: vec![0; INPUT], at: 0, end: 0 };
        spare.map_or_else(new, |spare| Self { at: 0, end: 0, ..spare })
    }

    /// Keeps it for the thread's next file.
    fn keep(self) {
        let _ = SPARE.try_with(|spare| spare.set(Some(self)));
    }
}

/// Inflates the members of a gzip file. Corrupt members are a result ([`GzipEnd`]), not an error: the bytes before
/// them count.
pub(crate) struct GzipReader<R> {
    inner: R,
    inflater: Inflater,
    state: State,
    /// The hash of the text of the current member so far.
    member: ContentHasher,
    /// The place in the file up to which `inner` was read.
    read_to: u64,
    /// The hash of the text before the current member.
    before: ContentHash,
    /// The starts of members that may have to be read again.
    boundaries: VecDeque<Boundary>,
}

/// The start of a member, or the end of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boundary {
    /// Its place in the file, in bytes.
    pub(crate) offset: u64,
    /// The hash of the text before it.
    pub(crate) text: ContentHash,
}

impl<R: Read> GzipReader<R> {
    /// Creates a reader of the members from `start` on, the current position of `inner`.
    pub(crate) fn new(inner: R, start: Boundary) -> Self {
        Self {
            inner,
            inflater: Inflater::take(),
            state: State::Header,
            member: ContentHasher::default(),
            read_to: start.offset,
            before: start.text,
            boundaries: VecDeque::new(),
        }
    }

    /// Returns the boundary from which to read what follows the first `text` inflated bytes. Forgets earlier ones.
    pub(crate) fn boundary_before(&mut self, text: u64) -> Boundary {
        while self.boundaries.get(1).is_some_and(|next| next.text.length <= text) {
            self.boundaries.pop_front();
        }
        self.boundaries.front().copied().unwrap_or(Boundary { offset: self.offset(), text: self.text() })
    }

    /// Returns the hash of all text so far, including the part before the start.
    pub(crate) fn text(&self) -> ContentHash {
        self.before.then(self.member.digest())
    }

    /// Returns the place in the file of the next byte.
    fn offset(&self) -> u64 {
        self.read_to - (self.inflater.end - self.inflater.at) as u64
    }

    pub(crate) fn get_ref(&self) -> &R {
        &self.inner
    }

    /// Returns how the stream ended; `Whole` if it has not.
    pub(crate) fn end(&self) -> GzipEnd {
        match &self.state {
            State::Ended(end) => end.clone(),
            _ => GzipEnd::Whole,
        }
    }

    pub(crate) fn into_inner(self) -> R {
        self.inflater.keep();
        self.inner
    }

    /// Fills the spare capacity of `out` with inflated bytes. Returns false at the end of the stream.
    pub(crate) fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        while out.len() < out.capacity() {
            match &self.state {
                State::Ended(_) => return Ok(false),
                State::Header => self.header()?,
                State::Body => self.body(out)?,
            }
        }
        Ok(true)
    }

    fn refill(&mut self) -> io::Result<bool> {
        let Inflater { input, at, end, .. } = &mut self.inflater;
        if at == end {
            (*at, *end) = (0, 0);
            *end = loop {
                match self.inner.read(input) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            self.read_to += *end as u64;
        }
        Ok(at < end)
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        if !self.refill()? {
            return Ok(None);
        }
        let byte = self.inflater.input[self.inflater.at];
        self.inflater.at += 1;
        Ok(Some(byte))
    }

    fn header(&mut self) -> io::Result<()> {
        self.before = self.text();
        self.member.reset();
        self.boundaries.push_back(Boundary { offset: self.offset(), text: self.before });
        self.state = match self.read_header()? {
            None => {
                self.inflater.inflate.reset(false);
                State::Body
            }
            Some(end) => State::Ended(end),
        };
        Ok(())
    }

    /// Reads the header of a member. Returns how the file ends if there is none.
    fn read_header(&mut self) -> io::Result<Option<GzipEnd>> {
        const CUT: GzipEnd = GzipEnd::Truncated("in a member's header");
        macro_rules! next {
            () => {
                match self.byte()? {
                    Some(byte) => byte,
                    None => return Ok(Some(CUT)),
                }
            };
        }
        let follows_another = self.offset() > 0;
        let first = match self.byte()? {
            Some(byte) => byte,
            None if follows_another => return Ok(Some(GzipEnd::Whole)),
            None => return Ok(Some(CUT)),
        };
        if first == 0 && follows_another {
            // Padding to the end of a block, as tapes and some file systems leave it.
            while let Some(byte) = self.byte()? {
                if byte != 0 {
                    return Ok(Some(GzipEnd::Damaged("the last gzip member is followed by other bytes".into())));
                }
            }
            return Ok(Some(GzipEnd::Padded));
        }
        if first != MAGIC[0] || next!() != MAGIC[1] {
            return Ok(Some(GzipEnd::Damaged("the last gzip member is followed by other bytes".into())));
        }
        let method = next!();
        let flags = next!();
        if method != 8 || flags & 0xe0 != 0 {
            return Ok(Some(GzipEnd::Damaged("a gzip header has an unknown method".into())));
        }
        for _ in 0..6 {
            next!();
        }
        if flags & 0x04 != 0 {
            let length = u16::from_le_bytes([next!(), next!()]);
            for _ in 0..length {
                next!();
            }
        }
        for text in [0x08, 0x10] {
            if flags & text != 0 {
                while next!() != 0 {}
            }
        }
        if flags & 0x02 != 0 {
            next!();
            next!();
        }
        Ok(None)
    }

    fn body(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        // Even without more input, the inflater may hold bytes that had no room in the output before.
        let more = self.refill()?;
        let Inflater { inflate, input, at, end } = &mut self.inflater;
        let before_in = inflate.total_in();
        let before_out = out.len();
        let status = inflate.decompress_vec(&input[*at..*end], out, FlushDecompress::None);
        *at += (inflate.total_in() - before_in) as usize;
        self.member.update(&out[before_out..]);
        match status {
            Ok(Status::StreamEnd) => self.trailer()?,
            Ok(Status::Ok | Status::BufError) if !more && out.len() == before_out => {
                self.state = State::Ended(GzipEnd::Truncated("in a member's data"));
            }
            Ok(Status::Ok | Status::BufError) => {}
            Err(error) => self.state = State::Ended(GzipEnd::Damaged(format!("its deflate data is corrupt ({error})"))),
        }
        Ok(())
    }

    fn trailer(&mut self) -> io::Result<()> {
        let mut trailer = [0; 8];
        for slot in &mut trailer {
            match self.byte()? {
                Some(byte) => *slot = byte,
                None => {
                    self.state = State::Ended(GzipEnd::Truncated("in a member's checksum"));
                    return Ok(());
                }
            }
        }
        let [a, b, c, d, e, f, g, h] = trailer;
        let crc = u32::from_le_bytes([a, b, c, d]);
        let length = u32::from_le_bytes([e, f, g, h]);
        // RFC 1952: the length is stored modulo 2^32.
        let whole = crc == self.member.digest().crc32 && length == self.inflater.inflate.total_out() as u32;
        self.state = if whole {
            State::Header
        } else {
            let start = self.boundaries.back().map_or(0, |member| member.offset);
            State::Ended(GzipEnd::Damaged(format!(
                "the checksum of the gzip member at byte {start} does not match its data"
            )))
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::tests::gzip;

    #[test]
    fn a_truncated_member_gives_the_same_text_for_every_buffer_size() {
        let text = "{\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n".repeat(4);
        let whole = gzip(text.as_bytes());
        for cut in 0..whole.len() {
            let inflated = |room: usize| {
                let mut reader = GzipReader::new(&whole[..cut], Boundary { offset: 0, text: ContentHash::EMPTY });
                let mut text = Vec::new();
                loop {
                    text.reserve_exact(room);
                    if !reader.fill(&mut text).expect("in memory") {
                        return text;
                    }
                }
            };
            let wanted = inflated(1 << 20);
            for room in [1, 2, 3, 7, 16, 31] {
                assert!(inflated(room) == wanted, "{cut} bytes, {room} at a time");
            }
        }
    }
}
