//! Series by how records spell them.
//!
//! The records of a series mostly spell it alike, byte by byte. So before its parts are looked up one
//! by one, the whole spelling is compared with one that was seen before.

use dft_trace::Value;
use smallvec::SmallVec;

/// How many spellings are remembered; a new one takes the place of one with the same hash.
const SLOTS: usize = 1 << 12;

/// A value in three words, which tell integers and texts of up to 16 bytes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    /// Its length, and its kind in the lowest three bits.
    shape: u64,
    first: u64,
    last: u64,
}

impl Mark {
    #[inline]
    fn of(value: &Value<'_>) -> Self {
        let plain = |kind, first| Self { shape: kind, first, last: 0 };
        match value {
            Value::Null => plain(0, 0),
            Value::Bool(value) => plain(1, u64::from(*value)),
            Value::Integer(value) => plain(2, *value as u64),
            Value::Number(text) => Self::of_text(3, text),
            Value::Text(text) => Self::of_text(4, text),
            Value::Nested => plain(5, 0),
        }
    }

    #[inline]
    fn of_text(kind: u64, text: &[u8]) -> Self {
        let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
                (Some(first), Some(last)) => (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()),
                _ => (text.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0),
            },
        };
        Self { shape: (text.len() as u64) << 3 | kind, first, last }
    }

    /// Zero if the marks are equal.
    #[inline]
    fn differs(&self, other: &Self) -> u64 {
        (self.shape ^ other.shape) | (self.first ^ other.first) | (self.last ^ other.last)
    }
}

/// What of a text its mark does not tell.
#[inline]
fn middle<'a>(value: &Value<'a>) -> &'a [u8] {
    match value {
        Value::Text(text) | Value::Number(text) if text.len() > 16 => &text[8..text.len() - 8],
        _ => b"",
    }
}

/// The values that a record spells its series with: six that all have, and the extra ones.
#[derive(Clone, Copy)]
pub(crate) struct Spelling<'s, 'a> {
    pub(crate) family: u8,
    pub(crate) usual: [&'s Value<'a>; 6],
    pub(crate) extra: &'s [Value<'a>],
}

impl<'s, 'a> Spelling<'s, 'a> {
    #[inline]
    fn middles(&self) -> impl Iterator<Item = &'a [u8]> {
        self.usual.into_iter().chain(self.extra).map(middle)
    }

    /// The slot of the spelling.
    #[inline]
    fn place(&self) -> usize {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |hash: u64, value: &Value<'_>| {
            let mark = Mark::of(value);
            let word = mark.first.rotate_left(23) ^ mark.last ^ mark.shape;
            (hash.rotate_left(19) ^ word).wrapping_mul(FACTOR)
        };
        let mut hash = u64::from(self.family);
        for value in self.usual {
            hash = mix(hash, value);
        }
        for value in self.extra {
            hash = mix(hash, value);
        }
        (hash >> 52) as usize % SLOTS
    }
}

struct Slot<T> {
    family: u8,
    usual: [Mark; 6],
    extra: SmallVec<[Mark; 2]>,
    /// What of the texts the marks do not tell, one after another.
    middles: Box<[u8]>,
    found: T,
}

/// What was found for spellings.
pub(crate) struct Spellings<T> {
    slots: Vec<Option<Slot<T>>>,
    /// Bytes that the slots hold outside of themselves.
    heap: usize,
}

impl<T: Copy> Spellings<T> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), heap: 0 }
    }

    /// What was found for this spelling, if it is remembered.
    #[inline]
    pub(crate) fn get(&self, spelling: &Spelling<'_, '_>) -> Option<T> {
        let slot = self.slots.get(spelling.place())?.as_ref()?;
        slot.is(spelling).then_some(slot.found)
    }

    /// Remembers what was found for a spelling.
    pub(crate) fn insert(&mut self, spelling: &Spelling<'_, '_>, found: T) {
        self.slots.resize_with(SLOTS, || None);
        let middles: Box<[u8]> = spelling.middles().flatten().copied().collect();
        let slot = &mut self.slots[spelling.place()];
        self.heap += middles.len();
        self.heap -= slot.as_ref().map_or(0, |slot| slot.middles.len());
        *slot = Some(Slot {
            family: spelling.family,
            usual: spelling.usual.map(Mark::of),
            extra: spelling.extra.iter().map(Mark::of).collect(),
            middles,
            found,
        });
    }

    /// About how many bytes this takes.
    pub(crate) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Slot<T>>>() + self.heap
    }
}

impl<T> Slot<T> {
    #[inline]
    fn is(&self, spelling: &Spelling<'_, '_>) -> bool {
        let mut differing = u64::from(self.family ^ spelling.family);
        for (mark, value) in self.usual.iter().zip(spelling.usual) {
            differing |= mark.differs(&Mark::of(value));
        }
        if differing != 0 || self.extra.len() != spelling.extra.len() {
            return false;
        }
        if self.extra.iter().zip(spelling.extra).any(|(mark, value)| *mark != Mark::of(value)) {
            return false;
        }
        // The lengths are alike, so the middles are of the same lengths.
        let mut rest = &self.middles[..];
        rest.is_empty()
            || spelling.middles().all(|text| {
                let Some((mine, behind)) = rest.split_at_checked(text.len()) else { return false };
                rest = behind;
                same(mine, text)
            })
    }
}

/// Whether two texts are equal; they are short, mostly, and then compared without a loop.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match (a.first_chunk::<8>(), a.last_chunk::<8>(), b.first_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(first), Some(last), Some(other_first), Some(other_last)) if a.len() <= 16 => {
            first == other_first && last == other_last
        }
        (Some(_), ..) => a == b,
        _ => match (a.first_chunk::<4>(), a.last_chunk::<4>(), b.first_chunk::<4>(), b.last_chunk::<4>()) {
            (Some(first), Some(last), Some(other_first), Some(other_last)) => {
                first == other_first && last == other_last
            }
            _ => a.iter().zip(b).all(|(a, b)| a == b),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_spelling_is_found() {
        let texts: [&[u8]; 8] =
            [b"", b"a", b"\0a", b"ab", b"abcd", b"abcdabcd", b"abcdefgh-x-abcdefgh", b"abcdefgh-y-abcdefgh"];
        let null = Value::Null;
        let mut values: Vec<[Value<'_>; 2]> = Vec::new();
        for a in texts {
            for b in texts {
                values.push([Value::Text(a), Value::Text(b)]);
                values.push([Value::Text(a), Value::Number(b)]);
            }
            values.push([Value::Text(a), Value::Integer(a.len() as i64)]);
            values.push([Value::Bool(a.is_empty()), Value::Text(a)]);
            values.push([Value::Text(a), Value::Null]);
        }
        let mut all = Vec::new();
        for family in [0, 1] {
            for values in &values {
                let usual = [&values[0], &values[1], &null, &null, &null, &null];
                all.extend([&[][..], &values[1..]].map(|extra| Spelling { family, usual, extra }));
            }
        }
        let mut spellings = Spellings::new();
        for (at, spelling) in all.iter().enumerate() {
            assert_eq!(spellings.get(spelling), None);
            spellings.insert(spelling, at);
            assert_eq!(spellings.get(spelling), Some(at));
            for (other, spelling) in all.iter().enumerate() {
                assert!(spellings.get(spelling).is_none_or(|found| found == other));
            }
        }
    }

    #[test]
    fn equality_is_that_of_slices() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..40 {
            let copy = text.clone();
            assert!(same(&text[..length], &copy[..length]));
            for at in 0..length {
                let mut other = text[..length].to_vec();
                other[at] ^= 1;
                assert!(!same(&text[..length], &other), "{length} {at}");
            }
            assert!(!same(&text[..length], &text[..length + 1]));
        }
    }
}
