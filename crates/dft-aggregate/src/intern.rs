//! The interner of a table: strings as small integers.

use std::borrow::Cow;
use std::collections::HashMap;

use ahash::RandomState;
use hashbrown::HashTable;

/// The number of a string in an [`Interner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// The empty string, in every interner.
    pub(crate) const EMPTY: Self = Self(0);

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A map from strings to symbols and back. Bytes that are not UTF-8 have the symbol of their lossy decoding.
pub(crate) struct Interner {
    hasher: RandomState,
    text: String,
    ends: Vec<usize>,
    table: HashTable<Symbol>,
    /// The symbols of bytes that are not UTF-8.
    lossy: HashMap<Vec<u8>, Symbol>,
}

impl Interner {
    pub(crate) fn new() -> Self {
        let mut interner = Self {
            // Fixed seeds, so that a table's speed does not change from run to run. Nothing depends on this table's order.
            hasher: RandomState::with_seeds(0x6466_7472, 0x6163_6572, 0x696e_7465, 0x726e_6572),
            text: String::new(),
            ends: Vec::new(),
            table: HashTable::new(),
            lossy: HashMap::new(),
        };
        interner.intern(b"");
        interner
    }

    #[inline]
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> Symbol {
        let hash = self.hasher.hash_one(bytes);
        let same = |symbol: &Symbol| slice(&self.text, &self.ends, *symbol).as_bytes() == bytes;
        match self.table.find(hash, same) {
            Some(symbol) => *symbol,
            None => self.add(bytes, hash),
        }
    }

    #[cold]
    fn add(&mut self, bytes: &[u8], hash: u64) -> Symbol {
        match String::from_utf8_lossy(bytes) {
            Cow::Borrowed(text) => {
                let symbol = Symbol(self.ends.len() as u32);
                self.text.push_str(text);
                self.ends.push(self.text.len());
                let Self { hasher, text, ends, table, .. } = self;
                table.insert_unique(hash, symbol, |&symbol| hasher.hash_one(slice(text, ends, symbol).as_bytes()));
                symbol
            }
            Cow::Owned(decoded) => {
                if let Some(&symbol) = self.lossy.get(bytes) {
                    return symbol;
                }
                let symbol = self.intern(decoded.as_bytes());
                self.lossy.insert(bytes.to_vec(), symbol);
                symbol
            }
        }
    }

    #[inline]
    pub(crate) fn get(&self, symbol: Symbol) -> &str {
        slice(&self.text, &self.ends, symbol)
    }

    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 8 + self.table.capacity() * 6 + self.lossy.len() * 200
    }
}

#[inline]
fn slice<'a>(text: &'a str, ends: &[usize], symbol: Symbol) -> &'a str {
    let index = symbol.index();
    let start = if index == 0 { 0 } else { ends[index - 1] };
    &text[start..ends[index]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_decode_to_equal_text_have_one_symbol() {
        let mut interner = Interner::new();
        assert_eq!(interner.intern(b""), Symbol::EMPTY);
        let a = interner.intern(b"abc");
        let bad = interner.intern(b"a\xff");
        assert_eq!(interner.intern(b"abc"), a);
        assert_eq!(interner.intern(b"a\xff"), bad);
        assert_eq!(interner.intern(b"a\xfe"), bad);
        assert_eq!(interner.intern("a\u{fffd}".as_bytes()), bad);
        assert_eq!(interner.get(bad), "a\u{fffd}");
        for i in 0..10_000 {
            interner.intern(format!("{i}").as_bytes());
        }
        assert_eq!(interner.get(a), "abc");
    }
}
