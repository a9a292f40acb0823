//! Varints, texts and the reader that every decoder is made of.

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end before the value does.
    #[error("the bytes end too early")]
    Truncated,
    /// An integer is not in its shortest form, or wider than its field.
    #[error("an integer is over-long")]
    Overlong,
    /// Bytes follow the value.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// The value has a version that this program does not know.
    #[error(
        "format version {found}, but this program reads {known}: rebuild the index, or use the program that wrote it"
    )]
    Version {
        /// The version found.
        found: u8,
        /// The version known.
        known: u8,
    },
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// The parts do not make a value.
    #[error("{0}")]
    Invalid(&'static str),
}

/// Appends an unsigned integer as a varint (1 to 19 bytes).
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u128) {
    // Nearly all integers fit 64 bits, where shifting is cheap.
    while value > u128::from(u64::MAX) {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    let mut value = value as u64;
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed integer as a zigzag varint.
#[inline]
pub fn put_zigzag(out: &mut Vec<u8>, value: i128) {
    put_varint(out, ((value << 1) ^ (value >> 127)) as u128);
}

/// Appends a text: its length and its bytes.
#[inline]
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u128);
    out.extend_from_slice(text.as_bytes());
}

/// Reads a value's bytes from the front.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of all of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Checks that nothing is left.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing(self.rest.len())) }
    }

    /// Checks the version byte.
    #[inline]
    pub fn version(&mut self, known: u8) -> Result<(), DecodeError> {
        let found = self.u8()?;
        if found == known { Ok(()) } else { Err(DecodeError::Version { found, known }) }
    }

    /// The next byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        let (&first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    /// The next `length` bytes.
    #[inline]
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A varint of at most 64 bits.
    #[inline]
    pub fn varint_u64(&mut self) -> Result<u64, DecodeError> {
        let first = self.u8()?;
        if first < 0x80 {
            return Ok(first.into());
        }
        let mut value = u64::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 || shift > 63 {
                return Err(DecodeError::Overlong);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return if byte == 0 { Err(DecodeError::Overlong) } else { Ok(value) };
            }
            shift += 7;
        }
    }

    /// A varint of at most 128 bits.
    #[inline]
    pub fn varint(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0_u128;
        let mut shift = 0;
        loop {
            let byte = self.u8()?;
            let bits = u128::from(byte & 0x7f);
            if shift == 126 && bits > 3 || shift > 126 {
                return Err(DecodeError::Overlong);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return if byte == 0 && shift > 0 { Err(DecodeError::Overlong) } else { Ok(value) };
            }
            shift += 7;
        }
    }

    /// A zigzag varint of at most 128 bits.
    #[inline]
    pub fn zigzag(&mut self) -> Result<i128, DecodeError> {
        let value = self.varint()?;
        Ok((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    /// A zigzag varint of at most 64 bits.
    #[inline]
    pub fn zigzag_i64(&mut self) -> Result<i64, DecodeError> {
        let value = self.varint_u64()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A text.
    #[inline]
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let length = usize::try_from(self.varint_u64()?).map_err(|_| DecodeError::Truncated)?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| DecodeError::NotUtf8)
    }

    /// A count of things of which each takes at least `least` bytes: no more than can follow.
    #[inline]
    pub fn count_of(&mut self, least: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.varint_u64()?).map_err(|_| DecodeError::Truncated)?;
        match count.checked_mul(least) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            _ => Err(DecodeError::Truncated),
        }
    }
}
