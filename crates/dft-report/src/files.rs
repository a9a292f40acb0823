//! Files that calls are about.

use std::collections::{BTreeMap, HashMap, HashSet};

use ahash::RandomState;
use dft_aggregate::IoCategory;
use dft_codec::RowCore;
use dft_export::Series;
use dft_export::file_parts::{extension, pattern};

use crate::data::{FileGroup, FileRow, Files};
use crate::error::ReportError;
use crate::file_tree::tree;
use crate::sums::Sums;
use crate::text::shortened;

/// The most files with the most bytes, with the most time and with the most calls that a page lists.
const TOP: usize = 200;

/// The most extensions and patterns.
const GROUPS: usize = 50;

/// The longest name of a file, in characters.
const LONGEST_NAME: usize = 240;

/// A file's sums.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    pub(crate) sums: Sums,
    read: i128,
    written: i128,
    /// The bytes of reads whose offsets are known, and the highest end of one.
    placed: i128,
    read_end: Option<i128>,
}

/// The sums of files, by name.
#[derive(Debug, Default)]
pub(crate) struct FileSums {
    numbers: HashMap<String, u32, RandomState>,
    files: Vec<File>,
    /// Pairs of a file and a process that calls functions on it.
    touched: HashSet<(u32, u32), RandomState>,
    unnamed: Sums,
}

impl FileSums {
    /// Returns the number of a series' file; `None` if it names none. A file whose hash does not resolve is known by
    /// it.
    pub(crate) fn number(&mut self, series: &Series) -> Option<usize> {
        let name = [&series.file_name, &series.identity.file_hash].into_iter().find(|name| !name.is_empty())?;
        Some(self.number_of_name(name))
    }

    fn number_of_name(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number as usize;
        }
        let number = self.files.len();
        self.numbers.insert(name.to_owned(), number as u32);
        self.files.push(File::default());
        number
    }

    /// Records that a process calls functions on a file.
    pub(crate) fn touch(&mut self, file: usize, process: u32) {
        self.touched.insert((file as u32, process));
    }

    /// Adds calls on a file, or on none.
    pub(crate) fn add(&mut self, file: Option<usize>, kind: IoCategory, sums: &Sums, core: &RowCore) {
        let Some(file) = file.and_then(|number| self.files.get_mut(number)) else {
            self.unnamed.add(sums);
            return;
        };
        file.sums.add(sums);
        match kind {
            IoCategory::Read => file.read += sums.bytes,
            IoCategory::Write => file.written += sums.bytes,
            _ => {}
        }
        // The read at the highest offset may be shorter, so this is at least what was read once.
        if kind == IoCategory::Read
            && core.offset.n() == core.size.n()
            && let (Some(offset), Some(size)) = (core.offset.max(), core.size.max())
        {
            file.placed += sums.bytes;
            file.read_end = file.read_end.max(Some(i128::from(offset) + i128::from(size)));
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        let mut names = vec![""; other.files.len()];
        other.numbers.iter().for_each(|(name, &number)| names[number as usize] = name);
        let mut moved = Vec::with_capacity(other.files.len());
        for (name, theirs) in names.into_iter().zip(&other.files) {
            let number = self.number_of_name(name);
            moved.push(number as u32);
            let mine = &mut self.files[number];
            mine.sums.add(&theirs.sums);
            mine.read += theirs.read;
            mine.written += theirs.written;
            mine.placed += theirs.placed;
            mine.read_end = mine.read_end.max(theirs.read_end);
        }
        self.touched.extend(other.touched.into_iter().map(|(file, process)| (moved[file as usize], process)));
        self.unnamed.add(&other.unnamed);
    }

    pub(crate) fn finish(self) -> Result<Files, ReportError> {
        let mut processes = vec![0_u32; self.files.len()];
        self.touched.iter().for_each(|(file, _)| processes[*file as usize] += 1);
        let mut files: Vec<(&str, &File, u32)> = self
            .numbers
            .iter()
            .map(|(name, &number)| (name.as_str(), &self.files[number as usize], processes[number as usize]))
            .collect();
        files.sort_unstable_by_key(|(name, ..)| *name);
        let orders: [fn(&Sums) -> i128; 3] = [|sums| sums.bytes, |sums| sums.time_us, |sums| sums.calls as i128];
        let mut shown: Vec<usize> = Vec::new();
        for order in orders {
            let mut by: Vec<usize> = (0..files.len()).collect();
            let key = |&file: &usize| (std::cmp::Reverse(order(&files[file].1.sums)), file);
            if by.len() > TOP {
                by.select_nth_unstable_by_key(TOP, key);
                by.truncate(TOP);
            }
            shown.extend(by);
        }
        shown.sort_unstable();
        shown.dedup();
        shown.sort_by_key(|&file| std::cmp::Reverse(files[file].1.sums.bytes));
        let top = shown.into_iter().map(|file| row(files[file])).collect::<Result<_, _>>()?;
        Ok(Files {
            count: files.len(),
            top,
            tree: tree(files.iter().map(|(name, file, _)| (*name, &file.sums)))?,
            extensions: groups(&files, |name| extension(name).to_owned())?,
            patterns: groups(&files, |name| pattern(name).into_owned())?,
            unnamed: self.unnamed.totals("calls without a file")?,
        })
    }
}

fn row((name, file, processes): (&str, &File, u32)) -> Result<FileRow, ReportError> {
    let narrow = |sum: i128| i64::try_from(sum).map_err(|_| ReportError::TooLarge { what: "bytes of a file" });
    Ok(FileRow {
        name: shortened(name, LONGEST_NAME),
        totals: file.sums.totals("calls on a file")?,
        read_bytes: narrow(file.read)?,
        written_bytes: narrow(file.written)?,
        processes,
        read_over: file.read_end.filter(|end| *end > 0).map(|end| file.placed as f64 / end as f64),
    })
}

/// Groups files by something about their names.
fn groups(files: &[(&str, &File, u32)], of: impl Fn(&str) -> String) -> Result<Vec<FileGroup>, ReportError> {
    let mut groups: BTreeMap<String, (u64, Sums)> = BTreeMap::new();
    for (name, file, _) in files {
        let (files, sums) = groups.entry(of(name)).or_default();
        *files += 1;
        sums.add(&file.sums);
    }
    let mut groups: Vec<(String, (u64, Sums))> = groups.into_iter().collect();
    groups.sort_by_key(|(_, (_, sums))| std::cmp::Reverse(sums.time_us));
    groups.truncate(GROUPS);
    let group = |(name, (files, sums)): (String, (u64, Sums))| {
        Ok(FileGroup { name: shortened(&name, LONGEST_NAME), files, totals: sums.totals("calls on files")? })
    };
    groups.into_iter().map(group).collect()
}
