//! A cache of series by the raw values of records.
//!
//! Records of one series mostly have the same values, byte by byte. So before the values are looked up one by one, they
//! are compared as a whole with those of an earlier record.

use dft_trace::Value;

/// The number of slots. A new key replaces the key in its slot.
const SLOTS: usize = 1 << 12;

/// A value in three words, which identify integers and texts of up to 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ValueKey {
    /// The value's length, and its kind in the lowest three bits.
    shape: u64,
    first: u64,
    last: u64,
}

impl ValueKey {
    #[inline(always)]
    fn of(value: &Value<'_>) -> Self {
        // The usual kinds first, because a jump table would be predicted badly.
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

/// Returns the bytes of a text that its [`ValueKey`] does not have.
#[inline]
fn middle<'a>(value: &Value<'a>) -> &'a [u8] {
    match value {
        Value::Text(text) | Value::Number(text) if text.len() > 16 => &text[8..text.len() - 8],
        _ => b"",
    }
}

/// The raw values of a record that identify its series: six that all records have, and the extra group keys.
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

    /// Returns the number of the key's slot.
    #[inline(always)]
    fn place(&self) -> usize {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |hash: u64, value: &Value<'_>| {
            let key = ValueKey::of(value);
            let word = key.first.rotate_left(23) ^ key.last ^ key.shape;
            (hash.rotate_left(19) ^ word).wrapping_mul(FACTOR)
        };
        // The category is left out because it mostly follows from the name. The process and the host are left out
        // because a trace mostly has one of each, and a thread belongs to one process.
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
    series: T,
}

/// The parts that only some keys have.
struct Rest {
    extra: Vec<ValueKey>,
    /// The concatenated bytes of texts that the value keys do not have.
    middles: Vec<u8>,
}

impl Rest {
    #[cold]
    fn of(key: &RawSeriesKey<'_, '_>) -> Self {
        let extra = key.extra.iter().map(ValueKey::of).collect();
        Self { extra, middles: key.middles().flatten().copied().collect() }
    }

    fn heap(&self) -> usize {
        size_of::<Self>() + self.extra.capacity() * size_of::<ValueKey>() + self.middles.capacity()
    }

    /// Tells whether a key, whose usual value keys are equal, has this rest.
    #[inline]
    fn is(&self, key: &RawSeriesKey<'_, '_>) -> bool {
        let extra = key.extra.iter().map(ValueKey::of);
        // Equal value keys have equal lengths, so the middles have equal lengths, too.
        let mut rest = &self.middles[..];
        self.extra.iter().copied().eq(extra)
            && key.middles().all(|text| {
                let Some((mine, after)) = rest.split_at_checked(text.len()) else { return false };
                rest = after;
                same(mine, text)
            })
    }
}

/// A cache of series by raw key.
pub(crate) struct SeriesCache<T> {
    slots: Vec<Option<Slot<T>>>,
    /// The heap bytes of all slots.
    heap: usize,
}

impl<T: Copy> SeriesCache<T> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), heap: 0 }
    }

    /// Returns the series of a key, if it is cached.
    #[inline(always)]
    pub(crate) fn get(&self, key: &RawSeriesKey<'_, '_>) -> Option<T> {
        let slot = self.slots.get(key.place())?.as_ref()?;
        slot.is(key).then_some(slot.series)
    }

    /// Caches the series of a key.
    pub(crate) fn insert(&mut self, key: &RawSeriesKey<'_, '_>, series: T) {
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        let rest = Some(Rest::of(key)).filter(|rest| !rest.extra.is_empty() || !rest.middles.is_empty());
        let heap = |slot: &Slot<T>| slot.rest.as_ref().map_or(0, |rest| rest.heap());
        let usual = key.usual.map(ValueKey::of);
        let new = Slot { kind: key.kind, usual, rest: rest.map(Box::new), series };
        let slot = &mut self.slots[key.place()];
        self.heap += heap(&new);
        self.heap -= slot.as_ref().map_or(0, heap);
        *slot = Some(new);
    }

    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Slot<T>>>() + self.heap
    }
}

impl<T> Slot<T> {
    #[inline(always)]
    fn is(&self, key: &RawSeriesKey<'_, '_>) -> bool {
        // One after another: an array of value keys would be written to memory and read back.
        let [name, cat, pid, tid, host_hash, file_hash] = key.usual;
        self.kind == key.kind
            && self.usual[0] == ValueKey::of(name)
            && self.usual[1] == ValueKey::of(cat)
            && self.usual[2] == ValueKey::of(pid)
            && self.usual[3] == ValueKey::of(tid)
            && self.usual[4] == ValueKey::of(host_hash)
            && self.usual[5] == ValueKey::of(file_hash)
            && match &self.rest {
                None => key.extra.is_empty(),
                Some(rest) => rest.is(key),
            }
    }
}

/// Tells whether two texts are equal. Most are short and compared without a loop.
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
    fn only_a_key_of_equal_values_is_found() {
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
        let mut cache = SeriesCache::new();
        for (at, key) in all.iter().enumerate() {
            assert_eq!(cache.get(key), None);
            cache.insert(key, at);
            assert_eq!(cache.get(key), Some(at));
            for (other, key) in all.iter().enumerate() {
                assert!(cache.get(key).is_none_or(|found| found == other));
            }
        }
    }

    #[test]
    fn texts_are_equal_if_their_slices_are() {
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
