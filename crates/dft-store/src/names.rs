//! The names of hashes: there may be millions.

use std::path::Path;

use ahash::RandomState;
use dft_codec::NameKey;
use hashbrown::HashTable;
use rocksdb::{ColumnFamily, DB};

use crate::error::StoreError;
use crate::families;
use crate::scan::scan_options;

/// How many hashes of an index have more than one name; `path` is for errors to name.
pub(crate) fn count_ambiguous(db: &DB, family: &ColumnFamily, path: &Path) -> Result<u64, StoreError> {
    let mut cursor = db.raw_iterator_cf_opt(family, scan_options());
    let (mut last, mut names, mut ambiguous) = (None, 0, 0);
    cursor.seek_to_first();
    while let Some(key) = cursor.key() {
        let NameKey { kind, hash, .. } =
            NameKey::decode(key).map_err(|error| StoreError::entry(path, families::NAMES, key, error))?;
        let hash = Some((kind, hash));
        names = if last == hash { names + 1 } else { 1 };
        ambiguous += u64::from(names == 2);
        last = hash;
        cursor.next();
    }
    cursor.status().map_err(StoreError::rocks(path, "read the index"))?;
    Ok(ambiguous)
}

/// The names of hashes, in memory: per hash the one to show, and how many have several.
#[derive(Clone, Debug)]
pub struct NameTable {
    /// Hashes and names, one after another, by hash.
    text: String,
    places: Vec<Place>,
    /// Places, by the hash there.
    table: HashTable<usize>,
    hasher: RandomState,
    ambiguous: usize,
    /// How many names the last hash has.
    last: usize,
}

/// Where in the text a hash and its name start. The name ends where the next hash starts.
#[derive(Clone, Copy, Debug)]
struct Place {
    hash: usize,
    name: usize,
}

impl NameTable {
    pub(crate) fn new() -> Self {
        // Fixed seeds: speed must not change from run to run, and nothing depends on this order.
        let hasher = RandomState::with_seeds(0x6e61_6d65, 0x7320_6f66, 0x2068_6173, 0x6865_7321);
        Self { text: String::new(), places: Vec::new(), table: HashTable::new(), hasher, ambiguous: 0, last: 0 }
    }

    /// Adds a name. They come by hash, and those of one hash in byte order, so the first is the least.
    pub(crate) fn add(&mut self, hash: &str, name: &str) {
        if let Some(last) = self.places.len().checked_sub(1)
            && self.hash(last) == hash
        {
            self.last += 1;
            self.ambiguous += usize::from(self.last == 2);
            return;
        }
        self.last = 1;
        let start = self.text.len();
        self.text.push_str(hash);
        self.text.push_str(name);
        self.places.push(Place { hash: start, name: start + hash.len() });
        let Self { text, places, table, hasher, .. } = self;
        let hash_of = |&at: &usize| hasher.hash_one(&text[places[at].hash..places[at].name]);
        table.insert_unique(hash_of(&(places.len() - 1)), places.len() - 1, hash_of);
    }

    fn hash(&self, at: usize) -> &str {
        let Place { hash, name } = self.places[at];
        &self.text[hash..name]
    }

    fn name(&self, at: usize) -> &str {
        let end = self.places.get(at + 1).map_or(self.text.len(), |next| next.hash);
        &self.text[self.places[at].name..end]
    }

    /// The name of a hash: the least in byte order where it has several.
    pub fn get(&self, hash: &str) -> Option<&str> {
        let found = self.table.find(self.hasher.hash_one(hash), |&at| self.hash(at) == hash);
        found.map(|&at| self.name(at))
    }

    /// How many hashes have a name.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no hash has one.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many hashes have more than one.
    pub fn ambiguous(&self) -> usize {
        self.ambiguous
    }

    /// Hashes and names, by hash.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.len()).map(|at| (self.hash(at), self.name(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hash_has_its_least_name_and_others_have_none() {
        let mut table = NameTable::new();
        assert_eq!((table.get(""), table.is_empty()), (None, true));
        let names = [("", "of nothing"), ("a", ""), ("a", "x"), ("a", "y"), ("ab", "c"), ("b", "n"), ("b", "o")];
        for (hash, name) in names {
            table.add(hash, name);
        }
        let wanted = [("", "of nothing"), ("a", ""), ("ab", "c"), ("b", "n")];
        assert!(table.iter().eq(wanted));
        for (hash, name) in wanted {
            assert_eq!(table.get(hash), Some(name), "{hash:?}");
        }
        for hash in ["abc", "c", "of nothing", "x"] {
            assert_eq!(table.get(hash), None, "{hash:?}");
        }
        assert_eq!((table.len(), table.ambiguous()), (4, 2));
        for at in 0..3_000 {
            table.add(&format!("h{at:05}"), &format!("/{at}"));
        }
        for at in 0..3_000 {
            assert_eq!(table.get(&format!("h{at:05}")), Some(&*format!("/{at}")));
        }
    }
}
