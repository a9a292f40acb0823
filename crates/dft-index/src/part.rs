//! Parts of the traces, which all machines compute alike without communicating.

use std::path::PathBuf;
use std::str::FromStr;

use dft_trace::Unreadable;

use crate::pieces::{Piece, PieceSize, cut_files};

/// The default size, in bytes, of the pieces that large traces are cut into.
pub const PIECE: u64 = 1 << 30;

/// One of several parts of the traces, such as the part of one rank. Its text is `I/N`, such as `0/8`, with I from 0 to
/// N − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    number: u32,
    parts: u32,
    piece_size: Option<u64>,
}

impl Part {
    /// All traces.
    pub const WHOLE: Self = Self { number: 0, parts: 1, piece_size: None };

    /// Returns part `number` of `parts`, counted from 0; `None` if there is no such part.
    pub fn new(number: u32, parts: u32) -> Option<Self> {
        (number < parts).then_some(Self { number, parts, piece_size: None })
    }

    /// Sets the size of the pieces that large traces are cut into, in bytes. The default is 1 GiB; a single part cuts
    /// no traces by default. The size must be the same on every machine.
    #[must_use]
    pub fn of_pieces(self, bytes: u64) -> Self {
        Self { piece_size: Some(bytes), ..self }
    }

    /// Whether this part reports paths that are no files to read, and so in no part.
    pub(crate) fn is_first(self) -> bool {
        self.number == 0
    }

    /// Returns the pieces of the files that are in this part, by path and place, and the files that cannot be examined.
    ///
    /// Each piece, from the largest on, goes to the part that has the fewest bytes so far. A file that cannot be
    /// examined has no bytes. If another machine can examine it, that machine divides the traces differently, and some
    /// pieces may be in no part.
    pub(crate) fn of(self, files: Vec<PathBuf>) -> (Vec<Piece>, Vec<Unreadable>) {
        if self.parts == 1 && self.piece_size.is_none() {
            // Reading a file reports what is wrong with it.
            return (files.into_iter().map(Piece::whole).collect(), Vec::new());
        }
        let (pieces, failed) = cut_files(files, PieceSize::Bytes(self.piece_size.unwrap_or(PIECE)));
        (self.share(pieces), failed)
    }

    fn share(self, mut pieces: Vec<Piece>) -> Vec<Piece> {
        let size = |piece: &Piece| piece.end - piece.start;
        pieces.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| a.cmp(b)));
        // Parts past the number of pieces get nothing, so no memory is spent on them.
        let parts = u32::try_from(pieces.len()).map_or(self.parts, |pieces| self.parts.min(pieces));
        // Ordered by bytes, then by number.
        let mut parts: std::collections::BTreeSet<_> = (0..parts).map(|part| (0_u64, part)).collect();
        let mut mine = Vec::new();
        for piece in pieces {
            let Some((bytes, part)) = parts.pop_first() else { break };
            // An empty file counts as one byte, so that empty files are spread as well.
            parts.insert((bytes.saturating_add(size(&piece).max(1)), part));
            if part == self.number {
                mine.push(piece);
            }
        }
        mine.sort();
        mine
    }
}

/// A text that does not name a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a part: use I/N, such as 0/8, with I from 0 to N - 1")]
#[non_exhaustive]
pub struct PartError {
    /// The text.
    pub text: String,
}

impl FromStr for Part {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let part = || {
            let (number, parts) = text.split_once('/')?;
            Self::new(number.parse().ok()?, parts.parse().ok()?)
        };
        part().ok_or_else(|| PartError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_in_exactly_one_part_and_parts_have_about_equal_sizes() {
        let piece = |at: u64| {
            let size = at * at % 97 * 10;
            Piece { path: format!("{:03}.pfw", at / 2).into(), start: at % 2, end: at % 2 + size, file_size: 2_000 }
        };
        let pieces: Vec<Piece> = (0..100).map(piece).collect();
        let total: u64 = pieces.iter().map(|piece| piece.end - piece.start).sum();
        let mut shuffled = pieces.clone();
        shuffled.reverse();
        for parts in [1, 2, 3, 8, 99, 200] {
            let mut all = Vec::new();
            for number in 0..parts {
                let part = Part::new(number, parts).expect("a part");
                let mine = part.share(pieces.clone());
                assert_eq!(mine, part.share(shuffled.clone()), "whatever order they are listed in");
                let bytes: u64 = mine.iter().map(|piece| piece.end - piece.start).sum();
                assert!(bytes <= total / u64::from(parts) + 960, "part {number} of {parts} has {bytes} of {total}");
                all.extend(mine);
            }
            all.sort();
            assert_eq!(all, pieces);
        }
    }

    #[test]
    fn the_largest_number_of_parts_takes_no_memory() {
        let piece = |at: u64| Piece { path: format!("{at}.pfw").into(), start: 0, end: at, file_size: at };
        let pieces: Vec<Piece> = (0..3).map(piece).collect();
        let of = |number| Part::new(number, u32::MAX).expect("a part").share(pieces.clone());
        // The largest piece goes to the first part. A set of all parts would take 64 GB.
        let all = [of(0), of(1), of(2), of(3), of(u32::MAX - 1)];
        assert_eq!(all, [vec![piece(2)], vec![piece(1)], vec![piece(0)], vec![], vec![]]);
    }

    #[test]
    fn parts_are_counted_from_zero() {
        assert_eq!("0/8".parse(), Ok(Part::new(0, 8).expect("a part")));
        for text in ["8/8", "1", "-1/2", "0/0", "a/b", "1/2/3"] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
    }
}
