//! The hash that identifies texts and files.

use crc_fast::{CrcAlgorithm, Digest};

/// The length and two checksums of some bytes: CRC-32/ISO-HDLC (that of gzip) and CRC-64/NVME.
///
/// The hash of a concatenation follows from the hashes of its parts ([`ContentHash::then`]), wherever the cut is.
/// So a text has one hash, whether it is read at once, in pieces, or as it grows, and however its file is
/// compressed. Texts with the same hash count as equal: of pairs of different texts of one length, one in 2⁹⁶
/// has the same hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash {
    /// The number of bytes.
    pub length: u64,
    /// Their CRC-32/ISO-HDLC.
    pub crc32: u32,
    /// Their CRC-64/NVME.
    pub crc64: u64,
}

impl ContentHash {
    /// The hash of no bytes.
    pub const EMPTY: Self = Self { length: 0, crc32: 0, crc64: 0 };

    /// Hashes some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = ContentHasher::default();
        hasher.update(bytes);
        hasher.digest()
    }

    /// Returns the hash of these bytes followed by others.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        match (self.length, next.length) {
            (0, _) => next,
            (_, 0) => self,
            (length, more) => Self {
                length: length.wrapping_add(more),
                crc32: (CRC32.past(u64::from(self.crc32), more) ^ u64::from(next.crc32)) as u32,
                crc64: CRC64.past(self.crc64, more) ^ next.crc64,
            },
        }
    }

    /// Returns both checksums in one number.
    pub fn checksums(self) -> u128 {
        u128::from(self.crc32) << 64 | u128::from(self.crc64)
    }

    /// Creates a hash from its length and its [checksums](ContentHash::checksums).
    pub fn from_checksums(length: u64, checksums: u128) -> Self {
        Self { length, crc32: (checksums >> 64) as u32, crc64: checksums as u64 }
    }
}

/// Hashes bytes incrementally.
#[derive(Clone)]
pub struct ContentHasher {
    length: u64,
    crc32: Digest,
    crc64: Digest,
}

impl Default for ContentHasher {
    fn default() -> Self {
        let (crc32, crc64) = (Digest::new(CrcAlgorithm::Crc32IsoHdlc), Digest::new(CrcAlgorithm::Crc64Nvme));
        Self { length: 0, crc32, crc64 }
    }
}

impl std::fmt::Debug for ContentHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentHasher").field("digest", &self.digest()).finish()
    }
}

impl ContentHasher {
    /// Returns the number of bytes hashed so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        // Both checksums read the same 32 KiB while they are in the cache.
        for bytes in bytes.chunks(32 << 10) {
            self.crc32.update(bytes);
            self.crc64.update(bytes);
        }
        self.length += bytes.len() as u64;
    }

    /// The hash of what was added so far.
    pub fn digest(&self) -> ContentHash {
        ContentHash { length: self.length, crc32: self.crc32.finalize() as u32, crc64: self.crc64.finalize() }
    }

    /// Starts over with no bytes.
    pub fn reset(&mut self) {
        self.crc32.reset();
        self.crc64.reset();
        self.length = 0;
    }
}

const CRC32: Field = Field::new(32, 0xedb8_8320);
const CRC64: Field = Field::new(64, 0x9a6c_9329_ac4b_c9b5);

/// Arithmetic on the remainders of a checksum: polynomials over GF(2), modulo that of the checksum.
/// Bits are reflected, so the highest bit is the polynomial 1.
struct Field {
    one: u64,
    polynomial: u64,
    /// x to the power of 8 × 2ⁿ, by n: the factor that 2ⁿ following bytes multiply a checksum by.
    powers: [u64; 64],
}

impl Field {
    const fn new(bits: u32, polynomial: u64) -> Self {
        let mut field = Self { one: 1 << (bits - 1), polynomial, powers: [0; 64] };
        field.powers[0] = field.one >> 8;
        let mut at = 1;
        while at < 64 {
            field.powers[at] = field.product(field.powers[at - 1], field.powers[at - 1]);
            at += 1;
        }
        field
    }

    const fn product(&self, a: u64, mut b: u64) -> u64 {
        let (mut bit, mut product) = (self.one, 0);
        while bit > 0 {
            if a & bit != 0 {
                product ^= b;
            }
            b = if b & 1 == 0 { b >> 1 } else { b >> 1 ^ self.polynomial };
            bit >>= 1;
        }
        product
    }

    /// Returns what a checksum contributes to that of the whole, when `length` bytes follow.
    fn past(&self, checksum: u64, mut length: u64) -> u64 {
        let mut product = checksum;
        while length > 0 {
            product = self.product(self.powers[length.trailing_zeros() as usize], product);
            length &= length - 1;
        }
        product
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksums_are_the_standard_ones() {
        // The check values in the catalogue of parametrised CRC algorithms.
        let hash = ContentHash::of(b"123456789");
        assert_eq!(hash, ContentHash { length: 9, crc32: 0xcbf4_3926, crc64: 0xae8b_1486_0a79_9888 });
        assert_eq!(ContentHash::of(b""), ContentHash::EMPTY);
        assert_eq!(ContentHash::from_checksums(9, hash.checksums()), hash);
    }

    #[test]
    fn other_or_reordered_bytes_have_another_hash() {
        let bytes: Vec<u8> = (0..70_000_u64).map(|at| (at * at % 251) as u8).collect();
        let mut other = bytes.clone();
        other[65_000] ^= 1;
        let mut swapped = bytes.clone();
        swapped.rotate_left(4_096);
        for other in [other, swapped] {
            let (hash, one) = (ContentHash::of(&other), ContentHash::of(&bytes));
            assert!(hash.crc32 != one.crc32 && hash.crc64 != one.crc64);
        }
    }

    proptest! {
        #[test]
        fn the_hashes_of_parts_give_the_hash_of_the_whole(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6), long in 0_usize..200_000,
        ) {
            let mut parts = parts;
            parts.push(vec![7; long]);
            parts.push(vec![b'x', 9]);
            let whole = ContentHash::of(&parts.concat());
            let hashes: Vec<ContentHash> = parts.iter().map(|part| ContentHash::of(part)).collect();
            prop_assert_eq!(hashes.iter().fold(ContentHash::EMPTY, |all, next| all.then(*next)), whole);
            prop_assert_eq!(hashes.iter().rev().fold(ContentHash::EMPTY, |all, before| before.then(all)), whole);
            let mut hasher = ContentHasher::default();
            parts.iter().for_each(|part| hasher.update(part));
            prop_assert_eq!(hasher.digest(), whole);
        }
    }
}
