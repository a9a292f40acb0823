//! The first bytes of a text, hashed: a sieve for texts that may be the same.

use xxhash_rust::xxh3::xxh3_64;

/// How many bytes an opening may have. Texts of other lengths have the longest of these that they reach.
const LENGTHS: [usize; 4] = [8, 64, 512, 4096];

/// A hash of the first bytes of a text. A text that another one starts with has one of the other's
/// [openings](Opening::all).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Opening {
    /// Of how many bytes: 0, or 8, 64, 512, 4096, by number from 1.
    size: u8,
    hash: u64,
}

impl Opening {
    /// The most bytes of a text that an opening looks at.
    pub const BYTES: usize = LENGTHS[LENGTHS.len() - 1];

    /// That of no byte, which tells nothing.
    pub const NONE: Self = Self { size: 0, hash: 0 };

    /// All openings of a text, by its first bytes: the shortest first.
    pub fn all(text: &[u8]) -> impl Iterator<Item = Self> {
        let of = |(at, &length): (usize, &usize)| Some(Self { size: at as u8 + 1, hash: xxh3_64(text.get(..length)?) });
        LENGTHS.iter().enumerate().map_while(of)
    }

    /// The longest opening of a text.
    pub fn of(text: &[u8]) -> Self {
        Self::all(text).last().unwrap_or(Self::NONE)
    }

    /// Whether it tells nothing.
    pub fn is_none(self) -> bool {
        self.size == 0
    }

    /// The opening as two numbers: how long, from 0 to 4, and the hash.
    pub fn numbers(self) -> (u8, u64) {
        (self.size, self.hash)
    }

    /// An opening from its [numbers](Opening::numbers); `None` where there is no such one.
    pub fn from_numbers(size: u8, hash: u64) -> Option<Self> {
        let known = usize::from(size) <= LENGTHS.len() && (size > 0 || hash == 0);
        known.then_some(Self { size, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_opening_of_what_it_starts_with() {
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
