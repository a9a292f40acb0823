//! The entry of a piece of a trace file, and the file's entry once all pieces are there.

use std::fmt;
use std::ops::Range;

use crate::clock::Clock;
use crate::content_hash::ContentHash;
use crate::fault::{FileFault, OpenEnd, Truncation};
use crate::time_fault::TimeFault;

use crate::bytes::{DecodeError, Reader, put_varint};
use crate::file_entry::{FileEntry, decode_clock, encode_clock};

/// The entry of a piece of a trace file.
///
/// ```text
/// varint from │ varint to │ clock │ end: 0 of a line and member, 1 within a line, 2 a member, 3 padding, 4 damage
///             │ varint n, n bytes entry
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceEntry {
    /// The bytes of the file.
    pub range: Range<u64>,
    /// The clock that was assumed at the start of the piece.
    pub clock: Clock,
    /// The reason why the bytes after the piece cannot be read on their own, if any.
    pub open_end: Option<OpenEnd>,
    /// The size and modification time are the file's. All else is the piece's: the hashes are those of its bytes and
    /// its text, and text and lines are counted from its start.
    pub entry: FileEntry,
}

/// The reason why pieces do not form a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unchained {
    /// The byte of the file at which the pieces do not fit together.
    pub byte: u64,
    /// The reason, for people.
    pub why: &'static str,
}

impl fmt::Display for Unchained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it cannot be cut at byte {}: {}", self.byte, self.why)
    }
}

/// The kinds of open ends, in the order of their numbers, from 1.
const ENDS: [OpenEnd; 4] = [OpenEnd::Line, OpenEnd::Member, OpenEnd::Padding, OpenEnd::Damage];

impl PieceEntry {
    /// Returns the hash of the piece's bytes.
    fn bytes(&self) -> ContentHash {
        ContentHash::from_checksums(self.range.end - self.range.start, self.entry.fingerprint)
    }

    /// Tells whether the piece ends at the end of its file.
    pub fn is_last(&self) -> bool {
        self.range.end == self.entry.size
    }

    /// Returns the reason why no piece can follow this one, if any.
    fn refusal(&self) -> Option<&'static str> {
        if self.is_last() {
            return None;
        }
        // The text may start with a byte order mark, which would not be recognized in a later piece.
        let empty = (self.range.start == 0 && self.entry.consumed.text == 0).then_some("no text precedes it");
        self.open_end.map_or(empty, |end| {
            Some(match end {
                OpenEnd::Line => "that byte is within a line",
                OpenEnd::Member => "that byte is within a gzip member",
                OpenEnd::Padding => "only zero bytes precede it",
                OpenEnd::Damage => "the file is damaged before it",
            })
        })
    }

    /// Checks that another piece can follow this one, or that it is the last.
    ///
    /// # Errors
    ///
    /// [`Unchained`] with the byte at which no piece can start.
    pub fn check(&self) -> Result<(), Unchained> {
        self.refusal().map_or(Ok(()), |why| Err(Unchained { byte: self.range.end, why }))
    }

    /// Checks that `next` continues the file where this piece ends.
    ///
    /// # Errors
    ///
    /// [`Unchained`].
    pub fn chains(&self, next: &Self) -> Result<(), Unchained> {
        self.check()?;
        let byte = self.range.end;
        if next.range.start != byte {
            return Err(Unchained { byte, why: "the next piece starts elsewhere" });
        }
        let (actual, assumed) = (self.entry.consumed.clock, next.clock);
        if assumed.unit != actual.unit {
            return Err(Unchained { byte, why: "the time unit there differs from that at the start of the file" });
        }
        if assumed != actual {
            return Err(Unchained { byte, why: "the tracer's start record comes after the first block of the file" });
        }
        if (next.entry.size, next.entry.modified_ns) != (self.entry.size, self.entry.modified_ns) {
            return Err(Unchained { byte, why: "the file has changed" });
        }
        Ok(())
    }

    /// Returns the entry of a file from all its pieces, in order. It equals the entry of the file read as a whole.
    ///
    /// # Errors
    ///
    /// [`Unchained`] if a piece is missing or does not fit the one before it.
    pub fn join(pieces: &[&Self]) -> Result<FileEntry, Unchained> {
        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else {
            return Err(Unchained { byte: 0, why: "there are no pieces" });
        };
        if first.range.start != 0 {
            return Err(Unchained { byte: 0, why: "the first piece is missing" });
        }
        if !last.is_last() {
            return Err(Unchained { byte: last.range.end, why: "the next piece is missing" });
        }
        first.check()?;
        pieces.windows(2).try_for_each(|pair| pair[0].chains(pair[1]))?;
        let mut whole = first.entry.clone();
        for piece in &pieces[1..] {
            let before = whole.consumed;
            let FileEntry { consumed, counts, fault, time_fault, processes, identity, .. } = &piece.entry;
            whole.processes.merge(processes.clone());
            let bytes = ContentHash::from_checksums(piece.range.start, whole.fingerprint);
            whole.fingerprint = bytes.then(piece.bytes()).checksums();
            whole.consumed = *consumed;
            if identity.gzip {
                // The piece before ends at the end of its text.
                let text_before = ContentHash { length: consumed.text - consumed.skip, ..consumed.before };
                whole.consumed.before = ContentHash { length: 0, ..whole.identity.text.then(text_before) };
            }
            whole.identity.text = whole.identity.text.then(identity.text);
            whole.identity.cut_short = identity.cut_short;
            whole.identity.sample.merge(&identity.sample);
            whole.consumed.text = before.text.saturating_add(consumed.text);
            whole.consumed.line = (before.line - 1).saturating_add(consumed.line);
            whole.counts.add(counts);
            whole.fault = fault.clone();
            whole.time_fault = whole.time_fault.into_iter().chain(*time_fault).reduce(TimeFault::first);
            // The truncated line has another number in the file than in the piece.
            if let Some(FileFault::Truncated(Truncation::WithinLine(line))) = &mut whole.fault {
                *line = (before.line - 1).saturating_add(*line);
            }
        }
        Ok(whole)
    }

    /// Encodes the entry.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.range.start.into());
        put_varint(&mut out, self.range.end.into());
        out.push(encode_clock(self.clock));
        let end = self.open_end.and_then(|end| ENDS.iter().position(|&other| other == end));
        out.push(end.map_or(0, |at| at as u8 + 1));
        let entry = self.entry.encode();
        put_varint(&mut out, entry.len() as u128);
        out.extend_from_slice(&entry);
        out
    }

    /// Decodes an entry.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`PieceEntry::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let range = reader.varint_u64()?..reader.varint_u64()?;
        let clock = decode_clock(reader.u8()?)?;
        let open_end = match usize::from(reader.u8()?).checked_sub(1) {
            None => None,
            Some(at) => Some(*ENDS.get(at).ok_or(DecodeError::Invalid("unknown kind of end"))?),
        };
        let length = reader.count_of(1)?;
        let entry = FileEntry::decode(reader.bytes(length)?)?;
        reader.finish()?;
        if range.start >= range.end || range.end > entry.size {
            return Err(DecodeError::Invalid("the piece is empty or outside its file"));
        }
        Ok(Self { range, clock, open_end, entry })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Consumed, TimeUnit};

    use super::*;
    use crate::{FileCounts, Identity, ProcessFacts, ProcessKey, Processes};

    /// One process with this number of records.
    fn process(records: u64) -> Processes {
        let facts = ProcessFacts { records, complete: records, calls: records.into(), ..ProcessFacts::default() };
        [(ProcessKey { pid: 5, ..ProcessKey::default() }, facts)].into_iter().collect()
    }

    fn bytes() -> Vec<u8> {
        (0..30).collect()
    }

    fn piece(range: Range<u64>) -> PieceEntry {
        let consumed = Consumed { text: 40, offset: range.end, line: 5, ..Consumed::NOTHING };
        let counts = FileCounts { events: 4, ..FileCounts::default() };
        let entry = FileEntry {
            size: 30,
            modified_ns: 7,
            fingerprint: ContentHash::of(&bytes()[range.start as usize..range.end as usize]).checksums(),
            consumed,
            counts,
            fault: None,
            time_fault: None,
            processes: process(4),
            identity: Identity { text: ContentHash::of(&[b'x'; 40]), ..Identity::default() },
        };
        PieceEntry { range, clock: Clock::default(), open_end: None, entry }
    }

    #[test]
    fn pieces_that_chain_form_the_file() {
        let mut last = piece(20..30);
        last.entry.fault = Some(FileFault::Truncated(Truncation::WithinLine(5)));
        last.entry.consumed = Consumed { offset: 25, skip: 3, ..last.entry.consumed };
        last.open_end = Some(OpenEnd::Line);
        let whole = PieceEntry::join(&[&piece(0..10), &piece(10..20), &last]).expect("a chain");
        let consumed = Consumed { text: 120, offset: 25, skip: 3, line: 13, ..Consumed::NOTHING };
        let counts = FileCounts { events: 12, ..FileCounts::default() };
        let fault = Some(FileFault::Truncated(Truncation::WithinLine(13)));
        let processes = process(12);
        let fingerprint = ContentHash::of(&bytes()).checksums();
        let identity = Identity { text: ContentHash::of(&[b'x'; 120]), ..Identity::default() };
        assert_eq!(whole, FileEntry { consumed, counts, fault, fingerprint, processes, identity, ..last.entry });
    }

    #[test]
    fn a_stated_unit_takes_precedence_among_the_time_faults_of_pieces() {
        let late = TimeFault::TooLate { unit: TimeUnit::Us, ts: i64::MAX };
        let stated = TimeFault::OtherUnit { unit: TimeUnit::Us, declared: TimeUnit::Ns };
        for (faults, wanted) in [
            ([None, None, None], None),
            ([None, Some(late), None], Some(late)),
            ([Some(late), None, Some(stated)], Some(stated)),
        ] {
            let mut pieces = [piece(0..10), piece(10..20), piece(20..30)];
            pieces.iter_mut().zip(faults).for_each(|(piece, fault)| piece.entry.time_fault = fault);
            let whole = PieceEntry::join(&pieces.iter().collect::<Vec<_>>()).expect("a chain");
            assert_eq!(whole.time_fault, wanted);
        }
    }

    #[test]
    fn pieces_that_do_not_chain_form_no_file() {
        let unchained =
            |pieces: &[PieceEntry]| PieceEntry::join(&pieces.iter().collect::<Vec<_>>()).expect_err("no chain").byte;
        let pieces = [piece(0..10), piece(10..20), piece(20..30)];
        let changed = |at: usize, change: fn(&mut PieceEntry)| {
            let mut pieces = pieces.clone();
            change(&mut pieces[at]);
            unchained(&pieces)
        };
        assert_eq!(unchained(&[]), 0);
        assert_eq!(unchained(&pieces[1..]), 0);
        assert_eq!(unchained(&pieces[..2]), 20);
        assert_eq!(unchained(&[pieces[0].clone(), pieces[2].clone()]), 10);
        assert_eq!(changed(1, |piece| piece.open_end = Some(OpenEnd::Line)), 20);
        assert_eq!(changed(1, |piece| piece.open_end = Some(OpenEnd::Damage)), 20);
        assert_eq!(changed(0, |piece| piece.entry.consumed.text = 0), 10);
        assert_eq!(changed(1, |piece| piece.clock.unit = TimeUnit::Ns), 10);
        assert_eq!(changed(1, |piece| piece.entry.consumed.clock.unit = TimeUnit::Ns), 20);
        assert_eq!(changed(2, |piece| piece.entry.modified_ns += 1), 20);
        assert_eq!(changed(2, |piece| piece.entry.size += 1), 30);
    }

    #[test]
    fn an_entry_decodes_and_other_bytes_do_not() {
        for open_end in [None].into_iter().chain(ENDS.map(Some)) {
            let entry = PieceEntry { open_end, clock: TimeUnit::Sec.into(), ..piece(5..10) };
            let bytes = entry.encode();
            assert_eq!(PieceEntry::decode(&bytes), Ok(entry));
            for cut in 0..bytes.len() {
                assert!(PieceEntry::decode(&bytes[..cut]).is_err());
            }
            assert!(PieceEntry::decode(&[&bytes[..], b"x"].concat()).is_err());
        }
        for range in [10..10, Range { start: 10, end: 9 }, 0..31] {
            assert!(PieceEntry::decode(&PieceEntry { range, ..piece(5..10) }.encode()).is_err());
        }
        for at in [2, 3] {
            let mut bytes = piece(5..10).encode();
            bytes[at] = 9;
            assert!(PieceEntry::decode(&bytes).is_err());
        }
    }
}
