//! File ids: the hashes of files in nine bytes.

use std::fmt::Write;

use xxhash_rust::xxh3::xxh3_64;

use crate::bytes::DecodeError;

/// The hash of a file as keys have it: how the trace spells the hash, and 64 bits.
///
/// ```text
/// 0 │ 0       no file
/// 1 │ place   16 hexadecimal digits, in lower case
/// 2 │ place   a decimal number of up to 64 bits, without leading zeros and not of 16 digits
/// 3 │ place   any other text, whose XXH3 is the value
///
/// place       value × 0x9E3779B97F4A7C15 mod 2⁶⁴, big-endian
/// ```
///
/// Tracers write hashes as hexadecimal digits or as decimal numbers, so their text follows from the id. Any other text
/// is stored in the index under its id. The factor is odd, so the value follows from the place; it spreads the first
/// tracers' hashes, which are small numbers, over all places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    spelling: u8,
    place: u64,
}

/// The factor of places, 2⁶⁴ over the golden ratio, and its inverse modulo 2⁶⁴.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const INVERSE: u64 = 0xf1de_83e1_9937_733d;

const HEX: u8 = 1;
const DECIMAL: u8 = 2;
const OTHER: u8 = 3;

impl FileId {
    /// The length of an id, in bytes.
    pub const LENGTH: usize = 9;

    /// The id of no file.
    pub const NONE: Self = Self { spelling: 0, place: 0 };

    /// Returns the id of a file's hash, as the trace has it.
    #[inline]
    pub fn of(hash: &[u8]) -> Self {
        if let Some(value) = hex16(hash) {
            return Self::new(HEX, value);
        }
        if hash.is_empty() {
            return Self::NONE;
        }
        match decimal(hash) {
            Some(value) => Self::new(DECIMAL, value),
            None => Self::new(OTHER, xxh3_64(hash)),
        }
    }

    #[inline]
    fn new(spelling: u8, value: u64) -> Self {
        Self { spelling, place: value.wrapping_mul(FACTOR) }
    }

    #[inline]
    fn value(self) -> u64 {
        self.place.wrapping_mul(INVERSE)
    }

    /// Returns the id of a spelling and a place.
    ///
    /// # Errors
    ///
    /// If no hash has this id.
    #[inline]
    pub(crate) fn at(spelling: u8, place: u64) -> Result<Self, DecodeError> {
        let id = Self { spelling, place };
        let is_canonical = match spelling {
            0 => place == 0,
            HEX | OTHER => true,
            // Sixteen digits are taken as hexadecimal.
            DECIMAL => !(1_000_000_000_000_000..10_000_000_000_000_000).contains(&id.value()),
            _ => false,
        };
        if is_canonical { Ok(id) } else { Err(DecodeError::Invalid("no file has this id")) }
    }

    /// Returns how the trace spells the hash: the first byte of the id.
    #[inline]
    pub(crate) fn spelling(self) -> u8 {
        self.spelling
    }

    /// Returns the place of the id among all of its spelling.
    #[inline]
    pub(crate) fn place(self) -> u64 {
        self.place
    }

    /// Tells whether this is the id of no file.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Tells whether the text of the hash does not follow from the id.
    pub fn needs_text(self) -> bool {
        self.spelling == OTHER
    }

    /// Appends the text of the hash; nothing if it does not follow from the id.
    pub fn put_text(self, out: &mut String) {
        match self.spelling {
            HEX => {
                let [high, low] = [(self.value() >> 32) as u32, self.value() as u32].map(hex8);
                // Digits are ASCII.
                out.push_str(std::str::from_utf8([high, low].as_flattened()).unwrap_or_default());
            }
            DECIMAL => {
                // Writing to a string does not fail.
                let _ = write!(out, "{}", self.value());
            }
            _ => {}
        }
    }

    /// Returns the file's slice: one of 256 parts of all keys. The hashes of files spread evenly over slices.
    #[inline]
    pub fn slice(self) -> u8 {
        (self.place >> 56) as u8
    }

    /// Returns a hash of the id for tables in memory.
    #[inline]
    pub fn table_hash(self) -> u64 {
        // The ids of a slice have the highest bits in common.
        let spread = self.place ^ u64::from(self.spelling);
        spread ^ spread.rotate_left(24)
    }

    /// Encodes the id.
    #[inline]
    pub fn encode(self) -> [u8; Self::LENGTH] {
        let mut bytes = [self.spelling; Self::LENGTH];
        bytes[1..].copy_from_slice(&self.place.to_be_bytes());
        bytes
    }

    /// Decodes an id.
    ///
    /// # Errors
    ///
    /// If no hash has this id.
    #[inline]
    pub fn decode(bytes: [u8; Self::LENGTH]) -> Result<Self, DecodeError> {
        let [spelling, place @ ..] = bytes;
        Self::at(spelling, u64::from_be_bytes(place))
    }
}

/// Returns the hexadecimal digits of a number, in lower case.
#[inline]
fn hex8(value: u32) -> [u8; 8] {
    // Move the digits to bytes of their own: groups of 16, then 8, then 4 bits.
    let digits = u64::from(value);
    let digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff;
    let digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff;
    let digits = (digits | digits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (digits + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

/// Returns the value of 16 hexadecimal digits in lower case.
#[inline]
fn hex16(text: &[u8]) -> Option<u64> {
    let text: &[u8; 16] = text.try_into().ok()?;
    let mut value = 0;
    let mut is_hex = true;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        let letter = byte.wrapping_sub(b'a');
        is_hex &= digit < 10 || letter < 6;
        value = value << 4 | u64::from(if digit < 10 { digit } else { letter.wrapping_add(10) & 15 });
    }
    is_hex.then_some(value)
}

/// Returns the value of a decimal number without leading zeros.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.len() > 20 || (text.len() > 1 && text[0] == b'0') {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { value.checked_mul(10)?.checked_add(digit.into()) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_tracers_follow_from_their_ids_and_others_do_not() {
        for hash in ["", "0", "7", "65535", "9509357668201227806", "18446744073709551615", "6882804a826580cd"] {
            let id = FileId::of(hash.as_bytes());
            let mut text = String::new();
            id.put_text(&mut text);
            assert_eq!((text.as_str(), id.needs_text()), (hash, false));
            assert_eq!(FileId::decode(id.encode()), Ok(id));
        }
        // Sixteen digits are hexadecimal digits, too.
        assert_eq!(FileId::of(b"1234567890123456").encode()[0], HEX);
        for hash in ["00", "18446744073709551616", "6882804A826580CD", "6882804a826580c", "/p/file", "-1", "٣"] {
            let id = FileId::of(hash.as_bytes());
            assert!(id.needs_text(), "{hash}");
            assert_eq!(FileId::decode(id.encode()), Ok(id));
        }
        let sixteen_digits = FileId::new(DECIMAL, 1_234_567_890_123_456).encode();
        for bytes in [[0, 0, 0, 0, 0, 0, 0, 0, 1], [4, 0, 0, 0, 0, 0, 0, 0, 1], sixteen_digits] {
            assert!(FileId::decode(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn an_id_sorts_as_its_bytes_and_starts_with_its_slice() {
        let mut ids: Vec<FileId> = (0..1_000_u32).map(|hash| FileId::of(hash.to_string().as_bytes())).collect();
        ids.extend((0..1_000_u64).map(|hash| FileId::of(format!("{:016x}", hash << 40).as_bytes())));
        ids.sort_unstable();
        assert!(ids.is_sorted_by_key(|id| id.encode()));
        assert!(ids.iter().all(|id| id.encode()[1] == id.slice()));
    }

    #[test]
    fn small_hashes_spread_over_slices_too() {
        let mut slices = [0_u32; 256];
        (0..65_536_u32).for_each(|hash| slices[usize::from(FileId::of(hash.to_string().as_bytes()).slice())] += 1);
        assert!(slices.iter().all(|&files| (200..320).contains(&files)), "{slices:?}");
    }
}
