//! The names of a table, in the order in which traces give them, each once for each process.

use std::borrow::Cow;

use ahash::RandomState;
use dft_codec::{FileId, FileNameKey, NameGivers, NameKey, NameKind, ProcessId};
use hashbrown::HashTable;

use crate::intern::{Interner, Symbol};

/// The hash that a name is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamedHash {
    /// A file's hash; the text is empty if it follows from the id.
    File(FileId, Symbol),
    Other(Symbol),
}

impl NamedHash {
    fn text(self) -> Symbol {
        match self {
            Self::File(_, text) | Self::Other(text) => text,
        }
    }

    /// Returns the slice and the id of a file as a number, which sorts as keys do.
    fn order(self) -> u128 {
        let Self::File(id, _) = self else { return 0 };
        let mut bytes = [0; 16];
        bytes[0] = id.slice();
        bytes[1..1 + FileId::LENGTH].copy_from_slice(&id.encode());
        u128::from_be_bytes(bytes)
    }
}

struct Entry {
    kind: NameKind,
    hash: NamedHash,
    /// The process that gave the name, if it is known.
    giver: Option<ProcessId>,
    /// Where the name is in the text.
    start: usize,
    length: usize,
}

/// The names of a table.
pub(crate) struct NameLog {
    hasher: RandomState,
    text: String,
    entries: Vec<Entry>,
    /// The positions of entries, with half of their hashes: entries and texts are looked at only if the halves are equal.
    table: HashTable<(u32, u32)>,
}

impl NameLog {
    pub(crate) fn new() -> Self {
        // Fixed seeds, so that the speed does not change from run to run. Nothing depends on this table's order.
        let hasher = RandomState::with_seeds(0x6e61_6d65, 0x735f_6c6f, 0x675f_6f66, 0x5f74_6162);
        Self { hasher, text: String::new(), entries: Vec::new(), table: HashTable::new() }
    }

    /// Adds a name of a hash. Bytes that are not UTF-8 are decoded lossily.
    pub(crate) fn add(
        &mut self,
        kind: NameKind,
        hash: &[u8],
        name: &[u8],
        giver: Option<ProcessId>,
        interner: &mut Interner,
    ) {
        let hash = match (kind, FileId::of(hash)) {
            (NameKind::File, id) if !id.needs_text() => NamedHash::File(id, Symbol::EMPTY),
            (NameKind::File, _) => {
                let symbol = interner.intern(hash);
                NamedHash::File(FileId::of(interner.get(symbol).as_bytes()), symbol)
            }
            _ => NamedHash::Other(interner.intern(hash)),
        };
        let name: Cow<'_, str> = String::from_utf8_lossy(name);
        let half = match hash {
            NamedHash::File(id, _) => self.hasher.hash_one((id, &*name)),
            NamedHash::Other(symbol) => self.hasher.hash_one((symbol, &*name)),
        } as u32;
        let spread = |half: u32| u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let Self { text, entries, table, .. } = self;
        let is_same = |&(known, at): &(u32, u32)| {
            known == half && {
                let entry = &entries[at as usize];
                (entry.hash, entry.kind, entry.giver) == (hash, kind, giver)
                    && text[entry.start..entry.start + entry.length] == *name
            }
        };
        if table.find(spread(half), is_same).is_some() {
            return;
        }
        let entry = Entry { kind, hash, giver, start: text.len(), length: name.len() };
        text.push_str(&name);
        table.insert_unique(spread(half), (half, entries.len() as u32), |&(half, _)| spread(half));
        entries.push(entry);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.text.capacity()
            + self.entries.capacity() * size_of::<Entry>()
            + self.table.capacity() * 9
            // Temporary memory for sorting.
            + self.entries.len() * size_of::<(u128, u32)>()
    }

    /// Passes the key and the value of each name of a kind to `put`, in order of the keys.
    pub(crate) fn each_sorted<E>(
        &self,
        kind: NameKind,
        interner: &Interner,
        mut put: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let name_of = |entry: &Entry| &self.text[entry.start..entry.start + entry.length];
        let entries = self.entries.iter().zip(0_u32..).filter(|(entry, _)| entry.kind == kind);
        // Most names are told apart by numbers, without a look at the texts.
        let mut order: Vec<(u128, u32)> = entries.map(|(entry, at)| (entry.hash.order(), at)).collect();
        order.sort_unstable_by(|&(a_order, a), &(b_order, b)| {
            a_order.cmp(&b_order).then_with(|| {
                let (a, b) = (&self.entries[a as usize], &self.entries[b as usize]);
                let hashes = interner.get(a.hash.text()).cmp(interner.get(b.hash.text()));
                hashes.then_with(|| (name_of(a), a.giver).cmp(&(name_of(b), b.giver)))
            })
        });
        let mut givers = NameGivers::default();
        let (mut key, mut value) = (Vec::new(), Vec::new());
        let is_same_name = |a: &(u128, u32), b: &(u128, u32)| {
            let (first, second) = (&self.entries[a.1 as usize], &self.entries[b.1 as usize]);
            a.0 == b.0 && first.hash == second.hash && name_of(first) == name_of(second)
        };
        for same in order.chunk_by(is_same_name) {
            let entry = &self.entries[same[0].1 as usize];
            givers.clear();
            givers.extend(same.iter().filter_map(|&(_, at)| self.entries[at as usize].giver));
            key.clear();
            match entry.hash {
                NamedHash::File(id, text) => NameKey::put_file_prefix(id, interner.get(text), &mut key),
                NamedHash::Other(hash) => key.extend_from_slice(&NameKey::prefix(kind, interner.get(hash))),
            }
            key.extend_from_slice(name_of(entry).as_bytes());
            debug_assert!(kind != NameKind::File || FileNameKey::decode(&key).is_ok());
            value.clear();
            givers.encode_into(&mut value);
            put(&key, &value)?;
        }
        Ok(())
    }
}
