//! Series by how records spell them.
//!
//! The records of a series mostly spell it alike, byte by byte. So before its parts are looked up one
//! by one, the whole spelling is compared with one that was seen before.

use dft_trace::Value;
use smallvec::SmallVec;

/// How many spellings are remembered; a new one takes the place of one with the same hash.
const SLOTS: usize = 1 << 12;

/// The values that a record spells its series with.
pub(crate) type Spelling<'a> = SmallVec<[Value<'a>; 8]>;

struct Slot<T> {
    /// The kind and the length of each value.
    shape: SmallVec<[(u8, u32); 8]>,
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
    pub(crate) fn get(&self, family: u8, spelling: &[Value<'_>]) -> Option<T> {
        let slot = self.slots.get(place(family, spelling))?.as_ref()?;
        slot.is(family, spelling).then_some(slot.found)
    }

    /// Remembers what was found for a spelling.
    pub(crate) fn insert(&mut self, family: u8, spelling: &[Value<'_>], found: T) {
        self.slots.resize_with(SLOTS, || None);
        let mut shape = SmallVec::new();
        let mut all = Vec::new();
        shape.push((family, 0));
        for value in spelling {
            let (kind, text) = parts(value);
            // What is longer than this is seldom, and not remembered.
            let Ok(length) = u32::try_from(text.len()) else { return };
            shape.push((kind, length));
            all.extend_from_slice(text);
        }
        let slot = &mut self.slots[place(family, spelling)];
        self.heap += all.len();
        self.heap -= slot.as_ref().map_or(0, |slot| slot.text.len());
        *slot = Some(Slot { shape, text: all.into(), found });
    }

    /// About how many bytes this takes.
    pub(crate) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Slot<T>>>() + self.heap
    }
}

impl<T> Slot<T> {
    #[inline]
    fn is(&self, family: u8, spelling: &[Value<'_>]) -> bool {
        if self.shape.len() != spelling.len() + 1 || self.shape[0].0 != family {
            return false;
        }
        let mut rest = &self.text[..];
        for (value, &(kind, length)) in spelling.iter().zip(&self.shape[1..]) {
            let (its_kind, text) = parts(value);
            let Some((mine, behind)) = rest.split_at_checked(length as usize) else { return false };
            if kind != its_kind || mine != text {
                return false;
            }
            rest = behind;
        }
        true
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
fn place(family: u8, spelling: &[Value<'_>]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = u64::from(family);
    for value in spelling {
        let (_, text) = parts(value);
        let word = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(first), Some(last)) => u64::from_le_bytes(*first).rotate_left(23) ^ u64::from_le_bytes(*last),
            _ => text.iter().fold(text.len() as u64, |word, &byte| word << 8 | u64::from(byte)),
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
        let mut all: Vec<Spelling<'_>> = Vec::new();
        for a in texts {
            for b in texts {
                all.push([Value::Text(a), Value::Text(b)].into_iter().collect());
                all.push([Value::Text(a), Value::Number(b)].into_iter().collect());
            }
            all.push([Value::Text(a), Value::Null].into_iter().collect());
            all.push([Value::Text(a)].into_iter().collect());
        }
        let mut spellings = Spellings::new();
        for family in [0, 1] {
            for (at, spelling) in all.iter().enumerate() {
                assert_eq!(spellings.get(family, spelling), None);
                spellings.insert(family, spelling, (family, at));
                assert_eq!(spellings.get(family, spelling), Some((family, at)));
                for (other, spelling) in all.iter().enumerate() {
                    if let Some((of, found)) = spellings.get(family, spelling) {
                        assert_eq!((of, found), (family, other));
                    }
                }
            }
        }
    }
}
