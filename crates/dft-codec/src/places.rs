//! Sorted lists of the places of file ids, as pages store them.
//!
//! ```text
//! places    varint n │ width w, 0 to 8 │ n × (place − the place before), w bytes, little-endian
//! ```
//!
//! The first place follows the lowest one that the page can have. All differences have the same width, because the
//! places of random hashes are about equally far apart; so reading one takes no branch.

use crate::bytes::{DecodeError, Reader, put_varint};

const PAST: DecodeError = DecodeError::Invalid("a file's place exceeds 64 bits");

/// Appends a list. `places` must ascend from `lowest`.
pub(crate) fn put_places(out: &mut Vec<u8>, lowest: u64, places: &[u64]) {
    let differences = || places.iter().scan(lowest, |last, &place| Some(place - std::mem::replace(last, place)));
    let widest = differences().max().unwrap_or(0);
    let width = (u64::BITS - widest.leading_zeros()).div_ceil(8) as usize;
    put_varint(out, places.len() as u128);
    out.push(width as u8);
    for difference in differences() {
        out.extend_from_slice(&difference.to_le_bytes()[..width]);
    }
}

/// An iterator over the places of a list.
#[derive(Clone, Debug)]
pub(crate) struct Places<'a> {
    /// The differences that are left, and whatever follows them.
    bytes: &'a [u8],
    width: usize,
    /// How many are left.
    left: usize,
    last: u64,
}

impl<'a> Places<'a> {
    /// Takes a list from the front of `reader`.
    pub(crate) fn take(reader: &mut Reader<'a>, lowest: u64) -> Result<Self, DecodeError> {
        let left = usize::try_from(reader.varint_u64()?).map_err(|_| DecodeError::Truncated)?;
        let width = usize::from(reader.u8()?);
        // Without a width, all places are the lowest one, and each has a row or a name.
        if width > 8 || (width == 0 && left > reader.left()) {
            return Err(DecodeError::Invalid("a list of files has no such width"));
        }
        let bytes = reader.rest();
        reader.bytes(left.checked_mul(width).ok_or(DecodeError::Truncated)?)?;
        Ok(Self { bytes, width, left, last: lowest })
    }

    /// Returns how many places are left.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Returns the next place.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<u64>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        let difference = match self.bytes.first_chunk() {
            Some(word) if self.width > 0 => u64::from_le_bytes(*word) & (u64::MAX >> (64 - 8 * self.width)),
            _ => {
                let mut word = [0; 8];
                word[..self.width].copy_from_slice(&self.bytes[..self.width]);
                u64::from_le_bytes(word)
            }
        };
        self.bytes = &self.bytes[self.width..];
        self.left -= 1;
        self.last = self.last.checked_add(difference).ok_or(PAST)?;
        Ok(Some(self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_any_width_round_trip() {
        let lists: [(u64, &[u64]); 6] = [
            (0, &[]),
            (0, &[0]),
            (7, &[7, 7, 7]),
            (1 << 56, &[(1 << 56) + 255, (1 << 56) + 256, (1 << 56) + 511]),
            (0, &[1 << 40, u64::MAX]),
            (0, &[u64::MAX]),
        ];
        for (lowest, list) in lists {
            let mut bytes = Vec::new();
            put_places(&mut bytes, lowest, list);
            let encoded = bytes.len();
            bytes.extend_from_slice(b"rest");
            let mut reader = Reader::new(&bytes);
            let mut places = Places::take(&mut reader, lowest).expect("a list");
            assert_eq!((reader.left(), places.left()), (4, list.len()));
            let mut read = Vec::new();
            while let Some(place) = places.next().expect("a place") {
                read.push(place);
            }
            assert_eq!(read, list);
            for length in 0..encoded {
                let cut = Places::take(&mut Reader::new(&bytes[..length]), lowest);
                assert!(cut.is_err() || (list == [7, 7, 7] || list == [0]), "{length} of {list:?}");
            }
        }
    }

    #[test]
    fn a_list_beyond_the_last_place_is_rejected() {
        let mut bytes = Vec::new();
        put_places(&mut bytes, 0, &[2]);
        let mut places = Places::take(&mut Reader::new(&bytes), u64::MAX - 1).expect("a list");
        assert_eq!(places.next(), Err(PAST));
        assert!(Places::take(&mut Reader::new(&[1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 0).is_err());
        // A list that claims to be longer than its bytes.
        assert!(Places::take(&mut Reader::new(&[200, 200, 3, 0, 1, 1]), 0).is_err());
    }
}
