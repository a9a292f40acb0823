//! Series by how records spell them.
//!
//! The records of a series mostly spell it alike, byte by byte. So before its parts are looked up one
//! by one, the whole spelling is compared with one that was seen before.

use dft_trace::Value;

/// How many spellings are remembered; a new one takes the place of one with the same hash.
const SLOTS: usize = 1 << 12;

/// A value in three words, which tell integers and texts of up to 16 bytes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ValueKey {
    /// Its length, and its kind in the lowest three bits.
    shape: u64,
    first: u64,
    last: u64,
}

impl ValueKey {
    #[inline(always)]
    fn of(value: &Value<'_>) -> Self {
        // The usual kinds first: a jump by kind would be foretold badly.
        if let Value::Text(text) = value {
            return Self::of_text(0, text);
        }
        if let Value::Integer(value) = value {
            return Self { shape: 1, first: *value as u64, last: 0 };
        }
        match value {
            Value::Number(text) => Self::of_text(2, text),
            Value::Bool(value) => Self { shape: 3, first: u64::from(*value), last: 0 },
            Value::Nested(_) => Self { shape: 4, first: 0, last: 0 },
            Value::Null | Value::Text(_) | Value::Integer(_) => Self { shape: 5, first: 0, last: 0 },
        }
    }

    #[inline(always)]
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
pub(crate) struct RawSeriesKey<'s, 'a> {
    pub(crate) kind: u8,
    pub(crate) usual: [&'s Value<'a>; 6],
    pub(crate) extra: &'s [Value<'a>],
}

impl<'s, 'a> RawSeriesKey<'s, 'a> {
    fn middles(&self) -> impl Iterator<Item = &'a [u8]> {
        self.usual.into_iter().chain(self.extra).map(middle)
    }

    /// The slot of the spelling.
    #[inline(always)]
    fn place(&self) -> usize {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |hash: u64, value: &Value<'_>| {
            let mark = ValueKey::of(value);
            let word = mark.first.rotate_left(23) ^ mark.last ^ mark.shape;
            (hash.rotate_left(19) ^ word).wrapping_mul(FACTOR)
        };
        // The category is left out, for it mostly goes with the name, and so are the process and the host:
        // in a trace there mostly is one of each, and a thread is of one.
        let [name, _, _, tid, _, file_hash] = self.usual;
        let hash = mix(mix(mix(self.kind.into(), name), tid), file_hash);
        let hash = self.extra.iter().fold(hash, mix);
        (hash >> 52) as usize % SLOTS
    }
}

struct Slot<T> {
    kind: u8,
    usual: [ValueKey; 6],
    rest: Option<Box<Rest>>,
    found: T,
}

/// What only some spellings have.
struct Rest {
    extra: Vec<ValueKey>,
    /// What of the texts the marks do not tell, one after another.
    middles: Vec<u8>,
}

impl Rest {
    #[cold]
    fn of(spelling: &RawSeriesKey<'_, '_>) -> Self {
        let extra = spelling.extra.iter().map(ValueKey::of).collect();
        Self { extra, middles: spelling.middles().flatten().copied().collect() }
    }

    fn heap(&self) -> usize {
        size_of::<Self>() + self.extra.capacity() * size_of::<ValueKey>() + self.middles.capacity()
    }

    /// Whether the spelling, whose usual marks are alike, has this rest.
    #[inline]
    fn is(&self, spelling: &RawSeriesKey<'_, '_>) -> bool {
        let marks = spelling.extra.iter().map(ValueKey::of);
        // Marks that are alike have lengths that are alike, and so are the middles' then.
        let mut rest = &self.middles[..];
        self.extra.iter().copied().eq(marks)
            && spelling.middles().all(|text| {
                let Some((mine, behind)) = rest.split_at_checked(text.len()) else { return false };
                rest = behind;
                same(mine, text)
            })
    }
}

/// What was found for spellings.
pub(crate) struct SeriesCache<T> {
    slots: Vec<Option<Slot<T>>>,
    /// Bytes that the slots hold outside of themselves.
    heap: usize,
}

impl<T: Copy> SeriesCache<T> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), heap: 0 }
    }

    /// What was found for this spelling, if it is remembered.
    #[inline(always)]
    pub(crate) fn get(&self, spelling: &RawSeriesKey<'_, '_>) -> Option<T> {
        let slot = self.slots.get(spelling.place())?.as_ref()?;
        slot.is(spelling).then_some(slot.found)
    }

    /// Remembers what was found for a spelling.
    pub(crate) fn insert(&mut self, spelling: &RawSeriesKey<'_, '_>, found: T) {
        self.slots.resize_with(SLOTS, || None);
        let rest = Some(Rest::of(spelling)).filter(|rest| !rest.extra.is_empty() || !rest.middles.is_empty());
        let heap = |slot: &Slot<T>| slot.rest.as_ref().map_or(0, |rest| rest.heap());
        let usual = spelling.usual.map(ValueKey::of);
        let new = Slot { kind: spelling.kind, usual, rest: rest.map(Box::new), found };
        let slot = &mut self.slots[spelling.place()];
        self.heap += heap(&new);
        self.heap -= slot.as_ref().map_or(0, heap);
        *slot = Some(new);
    }

    /// About how many bytes this takes.
    pub(crate) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Slot<T>>>() + self.heap
    }
}

impl<T> Slot<T> {
    #[inline(always)]
    fn is(&self, spelling: &RawSeriesKey<'_, '_>) -> bool {
        // One after another, each from where it is to where it is compared: an array of marks would be
        // written to memory and read back.
        let [name, cat, pid, tid, host_hash, file_hash] = spelling.usual;
        self.kind == spelling.kind
            && self.usual[0] == ValueKey::of(name)
            && self.usual[1] == ValueKey::of(cat)
            && self.usual[2] == ValueKey::of(pid)
            && self.usual[3] == ValueKey::of(tid)
            && self.usual[4] == ValueKey::of(host_hash)
            && self.usual[5] == ValueKey::of(file_hash)
            && match &self.rest {
                None => spelling.extra.is_empty(),
                Some(rest) => rest.is(spelling),
            }
    }
}

/// Whether two texts are equal; they are short, mostly, and then compared without a loop.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
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
        for kind in [0, 1] {
            for values in &values {
                let usual = [&values[0], &values[1], &null, &null, &null, &null];
                all.extend([&[][..], &values[1..]].map(|extra| RawSeriesKey { kind, usual, extra }));
            }
        }
        let mut spellings = SeriesCache::new();
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
