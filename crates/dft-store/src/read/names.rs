//! Hash tables: the names of hashes. An index may have millions.

use std::collections::HashMap;
use std::path::Path;

use ahash::RandomState;
use dft_codec::{DecodeError, NameGivers, NameKey, NamePageCursor, NamePageKey, ProcessId};
use hashbrown::HashTable;
use rocksdb::{ColumnFamily, DB};

use crate::column_families;
use crate::error::StoreError;

/// Returns how many hashes of an index have more than one name. Errors name `path`.
pub(crate) fn count_ambiguous(db: &DB, family: &ColumnFamily, path: &Path) -> Result<u64, StoreError> {
    let mut cursor = db.raw_iterator_cf_opt(family, column_families::scan_options());
    let (mut last, mut names, mut ambiguous) = (Vec::new(), 0, 0);
    cursor.seek_to_first();
    while let Some((key, value)) = cursor.item() {
        let damaged = |error| StoreError::entry(path, column_families::NAMES, key, error);
        if NamePageKey::is_page(key) {
            ambiguous += count_in_page(key, value).map_err(damaged)?;
        } else {
            let hash = NameKey::hash_part(key).map_err(damaged)?;
            if *hash == last[..] {
                names += 1;
            } else {
                last.clear();
                last.extend_from_slice(hash);
                names = 1;
            }
            ambiguous += u64::from(names == 2);
        }
        cursor.next();
    }
    cursor.status().map_err(StoreError::rocks(path, "read the index"))?;
    Ok(ambiguous)
}

/// Returns how many files of a page have more than one name.
fn count_in_page(key: &[u8], page: &[u8]) -> Result<u64, DecodeError> {
    let mut names = NamePageCursor::begin(NamePageKey::decode(key)?, page)?;
    let (mut ambiguous, mut is_first) = (0, true);
    while names.advance()? {
        ambiguous += u64::from(is_first && names.has_more());
        is_first = !names.has_more();
    }
    Ok(ambiguous)
}

/// The names of hashes, in memory: one to show for each hash, and the others of hashes that have several.
#[derive(Clone, Debug)]
pub struct NameTable {
    /// Hashes and names, concatenated, by hash.
    text: String,
    places: Vec<NameSpan>,
    /// Indexes into `places`, by hash.
    table: HashTable<usize>,
    hasher: RandomState,
    /// The names of each hash that has several, in byte order, with their givers.
    several: HashMap<String, Vec<(String, NameGivers)>>,
    /// The givers of the last name, needed only if its hash has another name.
    last: NameGivers,
}

/// Where in the text a hash and its name start. The name ends where the next hash starts.
#[derive(Clone, Copy, Debug)]
struct NameSpan {
    hash: usize,
    name: usize,
}

impl NameTable {
    pub(crate) fn new() -> Self {
        // Fixed seeds keep the speed the same from run to run. Nothing depends on the order.
        let hasher = RandomState::with_seeds(0x6e61_6d65, 0x7320_6f66, 0x2068_6173, 0x6865_7321);
        Self {
            text: String::new(),
            places: Vec::new(),
            table: HashTable::new(),
            hasher,
            several: HashMap::new(),
            last: NameGivers::default(),
        }
    }

    /// Adds a name with its givers. Names must come by hash, and those of one hash in byte order, so the first is the
    /// lowest.
    pub(crate) fn add(&mut self, hash: &str, name: &str, givers: &NameGivers) {
        if let Some(last) = self.places.len().checked_sub(1)
            && self.hash(last) == hash
        {
            if !self.several.contains_key(hash) {
                let first = (self.name(last).to_owned(), std::mem::take(&mut self.last));
                self.several.insert(hash.to_owned(), vec![first]);
            }
            if let Some(names) = self.several.get_mut(hash) {
                names.push((name.to_owned(), givers.clone()));
            }
            return;
        }
        self.last = givers.clone();
        let start = self.text.len();
        self.text.push_str(hash);
        self.text.push_str(name);
        self.places.push(NameSpan { hash: start, name: start + hash.len() });
        let Self { text, places, table, hasher, .. } = self;
        let hash_of = |&at: &usize| hasher.hash_one(&text[places[at].hash..places[at].name]);
        table.insert_unique(hash_of(&(places.len() - 1)), places.len() - 1, hash_of);
    }

    fn hash(&self, at: usize) -> &str {
        let NameSpan { hash, name } = self.places[at];
        &self.text[hash..name]
    }

    fn name(&self, at: usize) -> &str {
        let end = self.places.get(at + 1).map_or(self.text.len(), |next| next.hash);
        &self.text[self.places[at].name..end]
    }

    /// Returns the name that a process of a host means by a hash. If the hash has several names, this is the one that
    /// the process gave itself, else the lowest in byte order.
    pub fn of_process(&self, hash: &str, host_hash: &str, pid: i64) -> Option<&str> {
        if self.several.is_empty() {
            return self.get(hash);
        }
        let Some(names) = self.several.get(hash) else { return self.get(hash) };
        // A record that gives a name may lack the host.
        let processes = [ProcessId::of(host_hash, pid), ProcessId::of("", pid)];
        let own = names.iter().find(|(_, givers)| processes.iter().any(|process| givers.contains(*process)));
        own.or(names.first()).map(|(name, _)| name.as_str())
    }

    /// Returns the name of a hash, regardless of the process: the lowest in byte order if it has several.
    pub fn get(&self, hash: &str) -> Option<&str> {
        let found = self.table.find(self.hasher.hash_one(hash), |&at| self.hash(at) == hash);
        found.map(|&at| self.name(at))
    }

    /// Returns how many hashes have a name.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns whether no hash has a name.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns how many hashes have more than one name.
    pub fn ambiguous(&self) -> usize {
        self.several.len()
    }

    /// Returns hashes and names, by hash.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.len()).map(|at| (self.hash(at), self.name(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_its_lowest_name_and_an_unknown_hash_has_none() {
        let mut table = NameTable::new();
        assert_eq!((table.get(""), table.is_empty()), (None, true));
        let names = [("", "of nothing"), ("a", ""), ("a", "x"), ("a", "y"), ("ab", "c"), ("b", "n"), ("b", "o")];
        let nobody = NameGivers::default();
        for (hash, name) in names {
            table.add(hash, name, &nobody);
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
            table.add(&format!("h{at:05}"), &format!("/{at}"), &nobody);
        }
        for at in 0..3_000 {
            assert_eq!(table.get(&format!("h{at:05}")), Some(&*format!("/{at}")));
        }
    }

    #[test]
    fn a_hash_with_several_names_has_the_one_that_its_process_gave() {
        let givers = |processes: &[(&str, i64)]| {
            let mut givers = NameGivers::default();
            givers.extend(processes.iter().map(|(host_hash, pid)| ProcessId::of(host_hash, *pid)));
            givers
        };
        let mut table = NameTable::new();
        table.add("7", "/a", &givers(&[("node1", 1)]));
        table.add("7", "/b", &givers(&[("node1", 2), ("node2", 1)]));
        table.add("7", "/c", &givers(&[("", 9), ("node1", 2)]));
        table.add("8", "/d", &givers(&[("node1", 1)]));
        let of = |hash, host_hash, pid| table.of_process(hash, host_hash, pid);
        assert_eq!(of("7", "node1", 1), Some("/a"));
        assert_eq!(of("7", "node2", 1), Some("/b"));
        // This process gave two names.
        assert_eq!(of("7", "node1", 2), Some("/b"));
        assert_eq!(of("7", "node3", 9), Some("/c"));
        // This process gave none.
        assert_eq!(of("7", "node3", 3), Some("/a"));
        assert_eq!((of("8", "node5", 5), of("9", "node1", 1)), (Some("/d"), None));
        assert_eq!(table.ambiguous(), 1);
    }
}
