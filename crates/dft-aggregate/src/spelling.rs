//! Series by how records spell them.
//!
//! The records of a series mostly spell it alike, byte by byte. So before its parts are looked up one
//! by one, the whole spelling is compared with one that was seen before.

use dft_trace::Value;
use smallvec::SmallVec;

/// How many spellings are remembered; a new one takes the place of one with the same hash.
const SLOTS: usize = 1 << 12;

/// The values that a record spells its series with: six that all have, and the extra ones.
#[derive(Clone, Copy)]
pub(crate) struct Spelling<'s, 'a> {
    pub(crate) family: u8,
    pub(crate) usual: [&'s Value<'a>; 6],
    pub(crate) extra: &'s [Value<'a>],
}

impl<'s, 'a> Spelling<'s, 'a> {
    #[inline]
    fn values(&self) -> impl Iterator<Item = &'s Value<'a>> {
        self.usual.into_iter().chain(self.extra)
    }
}

struct Slot<T> {
    family: u8,
    /// The kind and the length of each value.
    shape: SmallVec<[(u8, u32); 6]>,
    /// The texts of the values, one after another.
    text: Box<[u8]>,
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
        let slot = self.slots.get(place(spelling))?.as_ref()?;
        slot.is(spelling).then_some(slot.found)
    }

    /// Remembers what was found for a spelling.
    pub(crate) fn insert(&mut self, spelling: &Spelling<'_, '_>, found: T) {
        self.slots.resize_with(SLOTS, || None);
        let mut shape = SmallVec::new();
        let mut all = Vec::new();
        for value in spelling.values() {
            let (kind, text) = parts(value);
            // What is longer than this is seldom, and not remembered.
            let Ok(length) = u32::try_from(text.len()) else { return };
            shape.push((kind, length));
            all.extend_from_slice(text);
        }
        let slot = &mut self.slots[place(spelling)];
        self.heap += all.len();
        self.heap -= slot.as_ref().map_or(0, |slot| slot.text.len());
        *slot = Some(Slot { family: spelling.family, shape, text: all.into(), found });
    }

    /// About how many bytes this takes.
    pub(crate) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Slot<T>>>() + self.heap
    }
}

impl<T> Slot<T> {
    #[inline]
    fn is(&self, spelling: &Spelling<'_, '_>) -> bool {
        if self.family != spelling.family || self.shape.len() != spelling.usual.len() + spelling.extra.len() {
            return false;
        }
        let mut rest = &self.text[..];
        for (value, &(kind, length)) in spelling.values().zip(&self.shape) {
            let (its_kind, text) = parts(value);
            let Some((mine, behind)) = rest.split_at_checked(length as usize) else { return false };
            if kind != its_kind || !same(mine, text) {
                return false;
            }
            rest = behind;
        }
        true
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

#[inline]
fn parts<'a>(value: &Value<'a>) -> (u8, &'a [u8]) {
    match value {
        Value::Null => (0, b""),
        Value::Bool(false) => (1, b""),
        Value::Bool(true) => (2, b""),
        Value::Number(text) => (3, text),
        Value::Text(text) => (4, text),
        Value::Nested => (5, b""),
    }
}

/// The slot of a spelling, by the ends of its texts: those are what differs.
#[inline]
fn place(spelling: &Spelling<'_, '_>) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = u64::from(spelling.family);
    for value in spelling.values() {
        let (_, text) = parts(value);
        let word = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(first), Some(last)) => u64::from_le_bytes(*first).rotate_left(23) ^ u64::from_le_bytes(*last),
            _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
                (Some(first), Some(last)) => {
                    u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
                }
                _ => text.iter().fold(text.len() as u64, |word, &byte| word << 8 | u64::from(byte)),
            },
        };
        hash = (hash.rotate_left(19) ^ word).wrapping_mul(FACTOR);
    }
    (hash >> 52) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_spelling_is_found() {
        let texts: [&[u8]; 6] = [b"", b"a", b"b", b"ab", b"abcdefgh-x-abcdefgh", b"abcdefgh-y-abcdefgh"];
        let null = Value::Null;
        let mut values: Vec<[Value<'_>; 2]> = Vec::new();
        for a in texts {
            for b in texts {
                values.push([Value::Text(a), Value::Text(b)]);
                values.push([Value::Text(a), Value::Number(b)]);
            }
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
