//! What is remembered of a file's bytes, to tell whether they are still the same.

use std::ops::Range;

use xxhash_rust::xxh3::Xxh3;

/// Bytes of a file that are hashed together.
const CHUNK: u64 = 1 << 20;

/// A hash of a file's bytes, 128 bits: the sum, modulo 2¹²⁸, of the XXH3 of each of its chunks of 1 MiB,
/// with the chunk's number for a seed. So readers of several parts of a file come to that of the whole
/// by adding, each without a look at the others' bytes.
#[derive(Clone)]
pub(crate) struct Fingerprint {
    /// That of the chunks before the open one.
    sum: u128,
    chunk: Box<Xxh3>,
    /// How far the file is hashed.
    at: u64,
}

impl Fingerprint {
    /// Of no byte yet, from the first chunk on that starts at a place or behind it.
    pub(crate) fn from(place: u64) -> Self {
        let at = place.next_multiple_of(CHUNK);
        Self { sum: 0, chunk: Box::new(Xxh3::with_seed(at / CHUNK)), at }
    }

    /// How far the file is hashed.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Adds the file's next bytes.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let open = (CHUNK - self.at % CHUNK).min(bytes.len() as u64);
            let (now, rest) = bytes.split_at(open as usize);
            self.chunk.update(now);
            self.at += open;
            bytes = rest;
            if self.at.is_multiple_of(CHUNK) {
                self.sum = self.sum.wrapping_add(self.chunk.digest128());
                *self.chunk = Xxh3::with_seed(self.at / CHUNK);
            }
        }
    }

    pub(crate) fn digest(&self) -> u128 {
        if self.at.is_multiple_of(CHUNK) { self.sum } else { self.sum.wrapping_add(self.chunk.digest128()) }
    }
}

/// Where the last chunk ends that starts in a piece of a file of `size` bytes.
pub(crate) fn end_of_chunks(piece: &Range<u64>, size: u64) -> u64 {
    piece.end.checked_next_multiple_of(CHUNK).unwrap_or(size).min(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_pieces_is_the_file_wherever_it_is_cut() {
        let bytes: Vec<u8> = (0..5 * CHUNK / 2 + 7).map(|at| (at * at % 251) as u8).collect();
        let size = bytes.len() as u64;
        let of = |range: Range<u64>, step: usize| {
            let mut hash = Fingerprint::from(range.start);
            let end = end_of_chunks(&range, size).max(hash.at().min(size));
            for part in bytes[hash.at().min(size) as usize..end as usize].chunks(step) {
                hash.update(part);
            }
            hash.digest()
        };
        let whole = of(0..size, usize::MAX);
        assert_eq!(whole, of(0..size, 4099));
        for cuts in [vec![1], vec![CHUNK], vec![CHUNK - 1, CHUNK + 1], vec![5, 6, 7, 2 * CHUNK + 9], vec![size - 1]] {
            let mut from = 0;
            let mut sum = 0_u128;
            for to in cuts.iter().copied().chain([size]) {
                sum = sum.wrapping_add(of(from..to, 65_537));
                from = to;
            }
            assert_eq!(sum, whole, "{cuts:?}");
        }
        // Neither another byte nor the same chunks in another order are the same file.
        let mut other = bytes.clone();
        other[CHUNK as usize] ^= 1;
        let mut swapped = bytes.clone();
        swapped[..2 * CHUNK as usize].rotate_left(CHUNK as usize);
        for other in [other, swapped] {
            let mut hash = Fingerprint::from(0);
            hash.update(&other);
            assert_ne!(hash.digest(), whole);
        }
    }
}
