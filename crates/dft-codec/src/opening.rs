//! Hashes of the first bytes of a text, to rule out quickly that texts are equal.

use xxhash_rust::xxh3::xxh3_64;

/// The lengths that an opening can have, in bytes. A text has the longest one that it reaches.
const LENGTHS: [usize; 4] = [8, 64, 512, 4096];

/// A hash of the first bytes of a text. If a text starts with another, the opening of the other is one of its
/// [openings](Opening::all).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Opening {
    /// 0 for no bytes, or 1 to 4 for 8, 64, 512, 4096 bytes.
    size: u8,
    hash: u64,
}

impl Opening {
    /// The most bytes of a text that an opening covers.
    pub const BYTES: usize = LENGTHS[LENGTHS.len() - 1];

    /// The opening of no bytes, which rules nothing out.
    pub const NONE: Self = Self { size: 0, hash: 0 };

    /// Returns all openings of a text, the shortest first. The first [`Self::BYTES`] of the text suffice.
    pub fn all(text: &[u8]) -> impl Iterator<Item = Self> {
        let of = |(at, &length): (usize, &usize)| Some(Self { size: at as u8 + 1, hash: xxh3_64(text.get(..length)?) });
        LENGTHS.iter().enumerate().map_while(of)
    }

    /// Returns the longest opening of a text.
    pub fn of(text: &[u8]) -> Self {
        Self::all(text).last().unwrap_or(Self::NONE)
    }

    /// Whether this is [`Self::NONE`].
    pub fn is_none(self) -> bool {
        self.size == 0
    }

    /// Returns the opening as two numbers: the length from 0 to 4, and the hash.
    pub(crate) fn numbers(self) -> (u8, u64) {
        (self.size, self.hash)
    }

    /// Creates an opening from its [numbers](Opening::numbers); `None` if they are invalid.
    pub(crate) fn from_numbers(size: u8, hash: u64) -> Option<Self> {
        let known = usize::from(size) <= LENGTHS.len() && (size > 0 || hash == 0);
        known.then_some(Self { size, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opening_of_a_prefix_is_among_the_openings_of_the_text() {
        let text: Vec<u8> = (0..5_000_u32).map(|at| (at * at % 251) as u8).collect();
        for length in [0, 7, 8, 63, 64, 600, 4_095, 4_096, 5_000] {
            let opening = Opening::of(&text[..length]);
            assert_eq!(opening.is_none(), length < 8);
            assert!(opening.is_none() || Opening::all(&text).any(|other| other == opening), "{length}");
            let (size, hash) = opening.numbers();
            assert_eq!(Opening::from_numbers(size, hash), Some(opening));
        }
        assert_ne!(Opening::of(&text[1..]), Opening::of(&text));
        assert_eq!(Opening::from_numbers(5, 1), None);
        assert_eq!(Opening::from_numbers(0, 1), None);
    }
}
