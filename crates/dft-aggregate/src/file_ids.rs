//! The files of a table: the ids of their hashes as small numbers.

use std::collections::HashSet;

use ahash::RandomState;
use dft_codec::FileId;
use hashbrown::HashTable;

use crate::intern::{Interner, Symbol};

/// The number of a file in [`FileIds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileNumber(pub(crate) u32);

impl FileNumber {
    /// No file.
    pub(crate) const NONE: Self = Self(0);
}

/// Ids of files as small numbers, and the texts of hashes that do not follow from their ids.
pub(crate) struct FileIds {
    ids: Vec<FileId>,
    /// The numbers by id.
    table: HashTable<(FileId, u32)>,
    /// The hashes that do not follow from their ids.
    texts: HashSet<Symbol, RandomState>,
}

impl FileIds {
    pub(crate) fn new() -> Self {
        Self {
            ids: vec![FileId::NONE],
            table: HashTable::new(),
            texts: HashSet::with_hasher(RandomState::with_seeds(5, 6, 7, 8)),
        }
    }

    /// Returns the number of a file by its hash, as the trace has it.
    #[inline]
    pub(crate) fn number(&mut self, hash: &[u8], interner: &mut Interner) -> FileNumber {
        let mut id = FileId::of(hash);
        if id.needs_text() {
            // A hash that is not UTF-8 is the hash of its lossy decoding.
            let symbol = interner.intern(hash);
            id = FileId::of(interner.get(symbol).as_bytes());
            self.texts.insert(symbol);
        }
        if id.is_none() {
            return FileNumber::NONE;
        }
        let Self { ids, table, .. } = self;
        if let Some(&(_, number)) = table.find(mix(id), |(known, _)| *known == id) {
            return FileNumber(number);
        }
        let number = ids.len() as u32;
        ids.push(id);
        table.insert_unique(mix(id), (id, number), |(id, _)| mix(*id));
        FileNumber(number)
    }

    #[inline]
    pub(crate) fn get(&self, number: FileNumber) -> FileId {
        self.ids[number.0 as usize]
    }

    /// Returns the hashes that do not follow from their ids.
    pub(crate) fn texts(&self) -> impl Iterator<Item = Symbol> {
        self.texts.iter().copied()
    }

    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.ids.capacity() * size_of::<FileId>()
            + self.table.capacity() * (size_of::<(FileId, u32)>() + 1)
            + self.texts.capacity() * (size_of::<Symbol>() + 1)
    }
}

/// Returns a hash of an id. The ids of most files are hashes, which only need their bits spread.
#[inline]
fn mix(id: FileId) -> u64 {
    let bytes = id.encode();
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[1..]);
    let product = (u64::from_be_bytes(value) ^ u64::from(bytes[0])).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ (product >> 32)
}
