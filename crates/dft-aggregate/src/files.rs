//! The files of a table: their ids as small numbers, and their names.

use std::borrow::Cow;
use std::collections::HashSet;

use ahash::RandomState;
use dft_codec::{FileId, NameGivers, NameKey, ProcessId};
use hashbrown::HashTable;

use crate::intern::{Interner, Symbol};

/// The number of a file in [`Files`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileNumber(pub(crate) u32);

impl FileNumber {
    /// No file.
    pub(crate) const NONE: Self = Self(0);
}

/// A file and the first name that was given to it.
struct File {
    id: FileId,
    /// Where the name is in the text.
    start: usize,
    /// The length of the name; `NO_NAME` if the file has none.
    length: u32,
    /// The number of the process that gave the name.
    giver: u32,
}

const NO_NAME: u32 = u32::MAX;

/// A further name of a file, or a further process that gave a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct MoreName {
    file: u32,
    name: Symbol,
    giver: u32,
}

/// The files of a table. A file mostly has one name, which one process gave, just before its first use.
pub(crate) struct Files {
    files: Vec<File>,
    /// The numbers by id.
    table: HashTable<u32>,
    /// The number that was found last: a tracer names a file just before it uses it.
    last: u32,
    /// The first name of each file.
    text: String,
    more: HashSet<MoreName, RandomState>,
    /// The hashes that do not follow from their ids.
    hashes: HashSet<Symbol, RandomState>,
    /// Processes that gave names. The first stands for an unknown process.
    givers: Vec<Option<ProcessId>>,
}

impl Files {
    pub(crate) fn new() -> Self {
        let hasher = |salt| RandomState::with_seeds(salt, 0x6669_6c65, 0x735f_6f66, 0x5f61_7461);
        Self {
            files: vec![File { id: FileId::NONE, start: 0, length: NO_NAME, giver: 0 }],
            table: HashTable::new(),
            last: 0,
            text: String::new(),
            more: HashSet::with_hasher(hasher(1)),
            hashes: HashSet::with_hasher(hasher(2)),
            givers: vec![None],
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
            self.hashes.insert(symbol);
        }
        if id.is_none() {
            return FileNumber::NONE;
        }
        let Self { files, table, last, .. } = self;
        if files[*last as usize].id == id {
            return FileNumber(*last);
        }
        *last = match table.find(id.table_hash(), |&number| files[number as usize].id == id) {
            Some(&number) => number,
            None => {
                let number = files.len() as u32;
                files.push(File { id, start: 0, length: NO_NAME, giver: 0 });
                table.insert_unique(id.table_hash(), number, |&number| files[number as usize].id.table_hash());
                number
            }
        };
        FileNumber(*last)
    }

    /// Adds a name of a file that a process gave, if it is known. Bytes that are not UTF-8 are decoded lossily.
    pub(crate) fn add_name(&mut self, hash: &[u8], name: &[u8], giver: Option<ProcessId>, interner: &mut Interner) {
        let number = self.number(hash, interner);
        let giver = self.giver(giver);
        let name: Cow<'_, str> = String::from_utf8_lossy(name);
        let file = &mut self.files[number.0 as usize];
        if file.length == NO_NAME {
            (file.start, file.length, file.giver) = (self.text.len(), name.len() as u32, giver);
            self.text.push_str(&name);
            return;
        }
        if self.text[file.start..file.start + file.length as usize] == *name && file.giver == giver {
            return;
        }
        let name = interner.intern(name.as_bytes());
        self.more.insert(MoreName { file: number.0, name, giver });
    }

    fn giver(&mut self, giver: Option<ProcessId>) -> u32 {
        // A trace mostly has one process, which was added last.
        let known = self.givers.iter().rposition(|known| *known == giver);
        known.unwrap_or_else(|| {
            self.givers.push(giver);
            self.givers.len() - 1
        }) as u32
    }

    #[inline]
    pub(crate) fn get(&self, number: FileNumber) -> FileId {
        self.files[number.0 as usize].id
    }

    /// Returns the hashes that do not follow from their ids.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = Symbol> {
        self.hashes.iter().copied()
    }

    /// Tells whether there is no file.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.len() == 1 && self.files[0].length == NO_NAME
    }

    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.files.capacity() * size_of::<File>()
            + self.table.capacity() * (size_of::<u32>() + 1)
            + self.text.capacity()
            + self.more.capacity() * (size_of::<MoreName>() + 1)
            + self.hashes.capacity() * (size_of::<Symbol>() + 1)
            + self.givers.capacity() * size_of::<Option<ProcessId>>()
            // Temporary memory for sorting.
            + (self.files.len() + self.more.len()) * size_of::<(u128, u32)>()
    }

    /// Passes the key and the value of each name to `put`, in order of the keys.
    pub(crate) fn each_name<E>(
        &self,
        interner: &Interner,
        mut put: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut texts: Vec<(FileId, Symbol)> =
            self.hashes.iter().map(|&hash| (FileId::of(interner.get(hash).as_bytes()), hash)).collect();
        texts.sort_unstable_by_key(|(id, _)| *id);
        let hash_of = |id: FileId| match texts.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => interner.get(texts[at].1),
            Err(_) => "",
        };
        let mut more: Vec<MoreName> = self.more.iter().copied().collect();
        more.sort_unstable_by(|a, b| {
            (a.file, interner.get(a.name), a.giver).cmp(&(b.file, interner.get(b.name), b.giver))
        });
        let mut order: Vec<(u128, u32)> = self
            .files
            .iter()
            .zip(0..)
            .filter(|(file, _)| file.length != NO_NAME)
            .map(|(file, number)| (order(file.id), number))
            .collect();
        order.sort_unstable();
        let mut givers = NameGivers::default();
        let (mut key, mut value) = (Vec::new(), Vec::new());
        let mut names: Vec<(&str, u32)> = Vec::new();
        for (_, number) in order {
            let file = &self.files[number as usize];
            names.clear();
            names.push((&self.text[file.start..file.start + file.length as usize], file.giver));
            if !more.is_empty() {
                let start = more.partition_point(|more| more.file < number);
                let of_file = more[start..].iter().take_while(|more| more.file == number);
                names.extend(of_file.map(|more| (interner.get(more.name), more.giver)));
                names.sort_unstable();
            }
            let hash = if file.id.needs_text() { hash_of(file.id) } else { "" };
            for same_name in names.chunk_by(|a, b| a.0 == b.0) {
                key.clear();
                NameKey::put_file_prefix(file.id, hash, &mut key);
                key.extend_from_slice(same_name[0].0.as_bytes());
                givers.clear();
                givers.extend(same_name.iter().filter_map(|&(_, giver)| self.givers[giver as usize]));
                value.clear();
                givers.encode_into(&mut value);
                put(&key, &value)?;
            }
        }
        Ok(())
    }
}

/// Returns a number that sorts as the slice and the id.
pub(crate) fn order(id: FileId) -> u128 {
    let mut bytes = [0; 16];
    bytes[0] = id.slice();
    bytes[1..1 + FileId::LENGTH].copy_from_slice(&id.encode());
    u128::from_be_bytes(bytes)
}
