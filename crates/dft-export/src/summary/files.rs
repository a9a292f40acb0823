//! The totals of files. A job may have millions.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap, HashSet};

use ahash::RandomState;
use dft_codec::FileId;
use hashbrown::HashTable;

use super::{Named, Totals};

/// The files of one part of an index. A file is in one part only, as it is in one slice.
pub(super) struct PartFiles {
    files: Vec<FileTotals>,
    /// The names of the files.
    text: String,
    /// The numbers of the files, by id.
    table: HashTable<(FileId, u32)>,
    hasher: RandomState,
}

struct FileTotals {
    /// A hash of the name.
    hash: u64,
    /// The end of the name in the text.
    end: usize,
    totals: Totals,
}

impl Default for PartFiles {
    fn default() -> Self {
        // All parts must give a name the same hash.
        let hasher = RandomState::with_seeds(0x6669_6c65, 0x5f6e_616d, 0x6573_5f6f, 0x665f_746f);
        Self { files: Vec::new(), text: String::new(), table: HashTable::new(), hasher }
    }
}

impl PartFiles {
    /// Returns the number of a file in the part. `name` is that of the file's first series; the others have it too.
    pub(super) fn number(&mut self, id: FileId, name: &str) -> usize {
        let Self { files, text, table, hasher } = self;
        if let Some(&(_, number)) = table.find(id.table_hash(), |(known, _)| *known == id) {
            return number as usize;
        }
        let number = files.len();
        table.insert_unique(id.table_hash(), (id, number as u32), |(id, _)| id.table_hash());
        text.push_str(name);
        files.push(FileTotals { hash: hasher.hash_one(name), end: text.len(), totals: Totals::default() });
        number
    }

    /// Returns the totals of a file.
    pub(super) fn totals(&mut self, number: usize) -> &mut Totals {
        &mut self.files[number].totals
    }

    fn iter(&self) -> impl Iterator<Item = (u64, &str, &Totals)> {
        let starts = [0].into_iter().chain(self.files.iter().map(|file| file.end));
        self.files.iter().zip(starts).map(|(file, start)| (file.hash, &self.text[start..file.end], &file.totals))
    }
}

/// The files of all parts.
#[derive(Default)]
pub(super) struct AllFiles(Vec<PartFiles>);

impl AllFiles {
    /// Adds the files of a part.
    pub(super) fn add(&mut self, mut part: PartFiles) {
        part.table = HashTable::new();
        self.0.push(part);
    }

    /// Returns the files of each part.
    pub(super) fn into_parts(self) -> impl Iterator<Item = PartFiles> {
        self.0.into_iter()
    }

    /// Returns how many files there are: distinct hashes.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|part| part.files.len()).sum()
    }

    /// Returns the `top` names with the most bytes moved, and then with the most time. Files of one name are added up.
    pub(super) fn into_top(self, top: usize) -> Vec<Named<String>> {
        // Few names have several hashes. Only those are looked up by name.
        let mut hashes: Vec<u64> = self.0.iter().flat_map(|part| &part.files).map(|file| file.hash).collect();
        hashes.sort_unstable();
        let repeated = hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        let repeated: HashSet<u64> = repeated.collect();
        drop(hashes);
        let mut best = Best { top, heap: BinaryHeap::new() };
        let mut united: HashMap<&str, Totals> = HashMap::new();
        for (hash, name, totals) in self.0.iter().flat_map(PartFiles::iter) {
            if !repeated.is_empty() && repeated.contains(&hash) {
                united.entry(name).or_default().merge(totals);
            } else {
                best.add(name, totals);
            }
        }
        united.iter().for_each(|(name, totals)| best.add(name, totals));
        let named = |Ranked { name, totals }: Ranked<'_>| Named { name: name.to_owned(), totals };
        best.heap.into_sorted_vec().into_iter().map(named).collect()
    }
}

/// A file, which is less than those that come after it in a list of the most used.
struct Ranked<'a> {
    name: &'a str,
    totals: Totals,
}

impl Ranked<'_> {
    fn order(&self) -> (Reverse<(Option<i128>, i128)>, &str) {
        (Reverse((self.totals.bytes, self.totals.time_us)), self.name)
    }
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked<'_> {}

/// The most used files so far.
struct Best<'a> {
    top: usize,
    /// The least of them on top.
    heap: BinaryHeap<Ranked<'a>>,
}

impl<'a> Best<'a> {
    fn add(&mut self, name: &'a str, totals: &Totals) {
        let is_full = self.heap.len() >= self.top;
        let file = || Ranked { name, totals: totals.clone() };
        match self.heap.peek() {
            Some(last) if is_full && (totals.bytes, totals.time_us) < (last.totals.bytes, last.totals.time_us) => {}
            Some(last) if is_full && file() < *last => {
                self.heap.pop();
                self.heap.push(file());
            }
            _ if is_full => {}
            _ => self.heap.push(file()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_are_added_up_and_the_most_used_come_first() {
        let mut all = AllFiles::default();
        for part in 0..4_i128 {
            let mut files = PartFiles::default();
            for file in 0..50_i128 {
                let id = FileId::of(format!("{:016x}", part * 50 + file).as_bytes());
                // "shared" has a hash in each part.
                let name = if file == 7 { "shared".to_owned() } else { format!("/f{part}-{file}") };
                let number = files.number(id, &name);
                let totals = files.totals(number);
                *totals = Totals { calls: 1, time_us: file % 3, bytes: (file != 9).then_some(file) };
                assert_eq!(files.number(id, &name), number);
            }
            all.add(files);
        }
        assert_eq!(all.count(), 200);
        let top = all.into_top(5);
        let shown: Vec<(&str, Option<i128>)> = top.iter().map(|file| (&*file.name, file.totals.bytes)).collect();
        let wanted = [("/f0-49", 49), ("/f1-49", 49), ("/f2-49", 49), ("/f3-49", 49), ("/f0-48", 48)];
        assert_eq!(shown, wanted.map(|(name, bytes)| (name, Some(bytes))));
    }

    #[test]
    fn a_name_in_several_parts_outranks_those_that_move_less() {
        let mut all = AllFiles::default();
        for part in 0..4_u64 {
            let mut files = PartFiles::default();
            for (file, name, bytes) in [(0, "a".to_owned(), 10), (1, format!("b{part}"), 30)] {
                let number = files.number(FileId::of(format!("{:016x}", part * 2 + file).as_bytes()), &name);
                files.totals(number).bytes = Some(bytes);
            }
            all.add(files);
        }
        let top = all.into_top(2);
        let shown: Vec<(&str, Option<i128>)> = top.iter().map(|file| (&*file.name, file.totals.bytes)).collect();
        assert_eq!(shown, [("a", Some(40)), ("b0", Some(30))]);
        assert!(AllFiles::default().into_top(3).is_empty());
    }
}
