//! Varints, texts and the reader that all decoders use.

/// The reason why bytes do not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the value does.
    #[error("the bytes end before the value does")]
    Truncated,
    /// An integer is not in its shortest form, or is wider than its field.
    #[error("an integer is not in its shortest form or too wide")]
    Overlong,
    /// Bytes follow the value.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// The value has a version that this program does not know.
    #[error(
        "format version {found}, but this program reads version {known}: rebuild the index, or use the program that wrote it"
    )]
    Version {
        /// The version found.
        found: u8,
        /// The version that this program reads.
        known: u8,
    },
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// The parts do not form a value.
    #[error("{0}")]
    Invalid(&'static str),
}

/// Appends an unsigned integer as a varint (1 to 19 bytes).
#[inline]
pub fn put_varint(out: &mut Vec<u8>, value: u128) {
    match u64::try_from(value) {
        Ok(value @ ..0x80) => out.push(value as u8),
        Ok(value @ ..SHORT) => put_short_varint(out, value),
        _ => put_any_varint(out, value),
    }
}

/// Integers below this have varints of at most eight bytes.
const SHORT: u64 = 1 << 56;

/// Has no branch on the length, which is hard to predict.
#[inline]
fn put_short_varint(out: &mut Vec<u8>, value: u64) {
    // Move groups of 28, then 14, then 7 bits to the places of their bytes.
    let spread = (value & 0x0fff_ffff) | (value & 0x00ff_ffff_f000_0000) << 4;
    let spread = (spread & 0x0000_3fff_0000_3fff) | (spread & 0x0fff_c000_0fff_c000) << 2;
    let spread = (spread & 0x007f_007f_007f_007f) | (spread & 0x3f80_3f80_3f80_3f80) << 1;
    let length = (70 - (value | 1).leading_zeros() as usize) / 7;
    let more = CONTINUED & !(u64::MAX << (8 * (length - 1)));
    let end = out.len() + length;
    out.extend_from_slice(&(spread | more).to_le_bytes());
    out.truncate(end);
}

#[inline(never)]
fn put_any_varint(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The continuation bits of eight bytes of a varint.
const CONTINUED: u64 = 0x8080_8080_8080_8080;

/// Appends a signed integer as a zigzag varint.
#[inline]
pub fn put_zigzag(out: &mut Vec<u8>, value: i128) {
    put_varint(out, ((value << 1) ^ (value >> 127)) as u128);
}

/// Appends a text: its length, then its bytes.
#[inline]
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u128);
    out.extend_from_slice(text.as_bytes());
}

#[inline]
fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// A reader that consumes bytes from the front. Its methods fail with a [`DecodeError`] if the bytes end too early or
/// are not what is read; the position is then unspecified.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Returns a reader of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the bytes that are left.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns the number of bytes left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Checks that no bytes are left.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing(self.rest.len())) }
    }

    /// Reads a version byte and checks it.
    #[inline]
    pub fn version(&mut self, known: u8) -> Result<(), DecodeError> {
        let found = self.u8()?;
        if found == known { Ok(()) } else { Err(DecodeError::Version { found, known }) }
    }

    /// Reads the next byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        let (&first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    /// Reads the next `length` bytes.
    #[inline]
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads the next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// Reads a varint of at most 64 bits.
    #[inline]
    pub fn varint_u64(&mut self) -> Result<u64, DecodeError> {
        match self.short_varint() {
            Some(value) => Ok(value),
            None => Ok(self.any_varint(u64::BITS)? as u64),
        }
    }

    /// Reads a varint of at most 128 bits.
    #[inline]
    pub fn varint(&mut self) -> Result<u128, DecodeError> {
        match self.short_varint() {
            Some(value) => Ok(value.into()),
            None => self.any_varint(u128::BITS),
        }
    }

    /// Reads a varint of at most eight bytes. Returns `None` and reads nothing if it is longer, is not in its
    /// shortest form, or has more than one byte and fewer than eight bytes are left.
    #[inline]
    pub(crate) fn short_varint(&mut self) -> Option<u64> {
        let &first = self.rest.first()?;
        if first < 0x80 {
            self.rest = &self.rest[1..];
            return Some(first.into());
        }
        let word = u64::from_le_bytes(*self.rest.first_chunk()?);
        let ends = !word & CONTINUED;
        if ends == 0 {
            return None;
        }
        // The cleared continuation bit of the last byte, and all bits below it.
        let used = word & (ends ^ (ends - 1));
        let length = (ends.trailing_zeros() / 8 + 1) as usize;
        if used >> (8 * (length - 1)) == 0 {
            return None;
        }
        self.rest = &self.rest[length..];
        let groups = used & !CONTINUED;
        let groups = (groups & 0x007f_007f_007f_007f) | (groups & 0x7f00_7f00_7f00_7f00) >> 1;
        let groups = (groups & 0x0000_3fff_0000_3fff) | (groups & 0x3fff_0000_3fff_0000) >> 2;
        Some((groups & 0x0fff_ffff) | (groups & 0x0fff_ffff_0000_0000) >> 4)
    }

    /// Reads a varint of at most `width` bits.
    #[inline(never)]
    fn any_varint(&mut self, width: u32) -> Result<u128, DecodeError> {
        let mut value = 0_u128;
        let mut shift = 0;
        loop {
            let byte = self.u8()?;
            let bits = u128::from(byte & 0x7f);
            if shift >= width || bits > u128::MAX >> (128 - (width - shift)) {
                return Err(DecodeError::Overlong);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return if byte == 0 && shift > 0 { Err(DecodeError::Overlong) } else { Ok(value) };
            }
            shift += 7;
        }
    }

    /// Reads a zigzag varint of at most 128 bits.
    #[inline]
    pub fn zigzag(&mut self) -> Result<i128, DecodeError> {
        let value = self.varint()?;
        Ok((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    /// Reads a zigzag varint of at most 64 bits.
    #[inline]
    pub fn zigzag_i64(&mut self) -> Result<i64, DecodeError> {
        self.varint_u64().map(unzigzag)
    }

    /// Reads a zigzag varint as [`Reader::short_varint`] does.
    #[inline]
    pub(crate) fn short_zigzag(&mut self) -> Option<i64> {
        self.short_varint().map(unzigzag)
    }

    /// Reads a text.
    #[inline]
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let length = usize::try_from(self.varint_u64()?).map_err(|_| DecodeError::Truncated)?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| DecodeError::NotUtf8)
    }

    /// Skips a text if it is this one, and returns whether it is.
    #[inline]
    pub(crate) fn skip_text(&mut self, text: &str) -> bool {
        let mut rest = Reader { rest: self.rest };
        let is_it = rest.varint_u64() == Ok(text.len() as u64) && rest.bytes(text.len()) == Ok(text.as_bytes());
        if is_it {
            *self = rest;
        }
        is_it
    }

    /// Reads the count of items that take at least `min` bytes each. Fails if fewer bytes are left than they take.
    #[inline]
    pub fn count_of(&mut self, min: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.varint_u64()?).map_err(|_| DecodeError::Truncated)?;
        match count.checked_mul(min) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            _ => Err(DecodeError::Truncated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The format as the crate's docs define it.
    fn plain_varint(mut value: u128) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    }

    #[test]
    fn integers_of_every_length_are_written_and_read_in_the_documented_format() {
        for bits in 0..128 {
            let power = 1_u128 << bits;
            for value in
                [power - 1, power, power + 1, power | (power / 3), power | (power / 5), u128::MAX >> (127 - bits)]
            {
                let mut out = b"before".to_vec();
                put_varint(&mut out, value);
                assert_eq!(out, [b"before", &plain_varint(value)[..]].concat(), "{value}");
                for after in [&[][..], &[0; 8], &[0xff; 8]] {
                    let bytes = [&out[6..], after].concat();
                    let mut reader = Reader::new(&bytes);
                    assert_eq!((reader.varint(), reader.left()), (Ok(value), after.len()), "{value}");
                    let mut reader = Reader::new(&bytes);
                    let narrow = u64::try_from(value).map_err(|_| DecodeError::Overlong);
                    assert_eq!(reader.varint_u64(), narrow, "{value}");
                }
                for cut in 0..out.len() - 6 {
                    assert_eq!(Reader::new(&out[6..6 + cut]).varint(), Err(DecodeError::Truncated), "{value}");
                }
            }
        }
    }

    #[test]
    fn redundant_zero_bytes_are_rejected_at_every_length() {
        for length in 1..18 {
            for after in [&[][..], &[0; 8], &[0xff; 8]] {
                let bytes = [&vec![0x81; length][..], &[0], after].concat();
                assert_eq!(Reader::new(&bytes).varint(), Err(DecodeError::Overlong), "{length}");
                assert_eq!(Reader::new(&bytes).varint_u64(), Err(DecodeError::Overlong), "{length}");
            }
        }
    }
}
