//! Sorts runs into SST files, one set for each column family.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;

use dft_aggregate::{PARTITIONS, Run, Section, merge_runs};
use dft_codec::RowKey;
use dft_io::account::{self, Chain, Stage};
use rocksdb::{DBCompressionType, Options};

use crate::column_families::{self, MergeFaults};
use crate::error::StoreError;
use crate::hashed::FileHashes;
use crate::threads::join;
use crate::write::name_entries::NameEntries;
use crate::write::row_entries::RowEntries;
use crate::write::sst::SstSet;

/// Below this size, in bytes, one thread writes all rows to one file.
const SMALL: u64 = 4 << 20;

/// Tables below this size, in bytes, are not compressed if the index holds nothing else: compression takes longer than
/// writing and reading them, and the space does not matter.
const PLAIN: u64 = 64 << 20;

/// The number of entries that a publishing or a staging wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows: new ones, and additions to rows of the index.
    pub rows: u64,
    /// Telemetry rows.
    pub telemetry: u64,
    /// Series.
    pub series: u64,
}

impl std::ops::AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.telemetry += other.telemetry;
        self.series += other.series;
    }
}

/// SST files and their families, in the order of ingestion.
#[derive(Debug, Default)]
pub(crate) struct SstFiles {
    pub(crate) files: Vec<(&'static str, PathBuf)>,
    /// The hashes of the files.
    pub(crate) hashed: FileHashes,
    pub(crate) written: Written,
}

impl SstFiles {
    /// Adds the files of a family.
    fn add(&mut self, family: &'static str, set: SstSet<'_>) {
        self.files.extend(set.files.into_iter().map(|file| (family, file)));
        self.hashed.extend(set.hashed);
    }

    /// Adds the files of other families.
    pub(crate) fn extend(&mut self, others: Self) {
        self.files.extend(others.files);
        self.hashed.extend(others.hashed);
        self.written += others.written;
    }
}

/// Writes runs to SST files.
pub(crate) struct Sorter<'a> {
    runs: &'a [Run],
    /// The directory of the files.
    folder: &'a Path,
    /// Whether entries add to others of their key instead of being the only ones.
    merge: bool,
    /// Whether the files are not compressed.
    plain: bool,
    /// The interval of the index, in µs.
    interval: u64,
    threads: usize,
}

impl<'a> Sorter<'a> {
    /// Creates a sorter that writes to `folder`, which is created if needed. With `merge`, entries add to others of
    /// their key instead of being the only ones. `interval` is that of the index, in µs.
    pub(crate) fn new(
        runs: &'a [Run],
        folder: &'a Path,
        merge: bool,
        interval: u64,
        threads: usize,
    ) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        let bytes = |run: &Run| Section::ALL.iter().map(|&section| run.section_bytes(section)).sum::<u64>();
        let plain = !merge && runs.iter().map(bytes).sum::<u64>() < PLAIN;
        Ok(Self { runs, folder, merge, plain, interval, threads })
    }

    /// Writes everything.
    pub(crate) fn write(&self) -> Result<SstFiles, StoreError> {
        thread::scope(|scope| {
            let rows = scope.spawn(|| self.rows());
            let others = self.others(|_, _| Ok(()));
            let mut sorted = join(rows)?;
            sorted.extend(others?);
            Ok(sorted)
        })
    }

    /// Writes the rows, in parallel over ranges of their keys.
    pub(crate) fn rows(&self) -> Result<SstFiles, StoreError> {
        let options = self.options(column_families::ROWS);
        let write = |part: usize, range: &Range<usize>| -> Result<([SstSet<'_>; 2], Written), StoreError> {
            let mut entries = RowEntries::new(&options, self.folder, part, self.merge, self.interval);
            let (mut rows, mut series) = (0, 0);
            merge_runs(self.runs, Section::Rows, Some(range), |key, row| {
                let bad = |error| StoreError::entry(self.folder, column_families::ROWS, key, error);
                let is_first = entries.put(RowKey::decode(key).map_err(bad)?, row)?;
                rows += 1;
                series += u64::from(is_first);
                Ok(())
            })?;
            Ok((entries.end()?, Written { rows, series, ..Written::default() }))
        };
        let mut sorted = SstFiles::default();
        thread::scope(|scope| {
            let ranges = self.split_rows();
            let workers: Vec<_> = ranges
                .into_iter()
                .enumerate()
                .map(|(at, range)| scope.spawn(move || account::work(Stage::Merge, Chain::new(), || write(at, &range))))
                .collect();
            for sets in workers.into_iter().map(join) {
                let (sets, written) = sets?;
                sorted.written += written;
                sets.into_iter().for_each(|set| sorted.add(column_families::ROWS, set));
            }
            Ok(sorted)
        })
    }

    /// Writes everything but the rows. `see_scope` receives the id and the value of each scope.
    pub(crate) fn others(
        &self,
        mut see_scope: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<SstFiles, StoreError> {
        account::work(Stage::Merge, Chain::new(), || self.write_others(&mut see_scope))
    }

    fn write_others(
        &self,
        see_scope: &mut impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<SstFiles, StoreError> {
        let mut sorted = SstFiles::default();
        for (section, family) in [
            (Section::Telemetry, column_families::TELEMETRY),
            (Section::Series, column_families::SERIES),
            (Section::Names, column_families::NAMES),
        ] {
            dft_io::failpoint("sort:before a family is written").map_err(StoreError::io(self.folder))?;
            let options = self.options(family);
            let mut set = SstSet::new(&options, self.folder, family, self.merge);
            if section == Section::Names {
                let mut names = NameEntries::new(self.folder, &mut set);
                merge_runs(self.runs, section, None, |key, givers| names.put(key, givers))?;
                names.end()?;
            } else {
                merge_runs(self.runs, section, None, |key, value| {
                    if section == Section::Series {
                        see_scope(key, value)?;
                    }
                    set.put(key, value)
                })?;
            }
            set.end()?;
            // Series are counted with their rows.
            if section == Section::Telemetry {
                sorted.written.telemetry = set.written;
            }
            sorted.add(family, set);
        }
        Ok(sorted)
    }

    /// Returns the options for the files of a family.
    fn options(&self, family: &'static str) -> Options {
        let mut options = column_families::options(family, &MergeFaults::default(), None);
        if self.plain {
            options.set_compression_type(DBCompressionType::None);
        }
        options
    }

    /// Returns ranges of partitions, about equal in bytes, one for each thread that is worth starting.
    fn split_rows(&self) -> Vec<Range<usize>> {
        let bytes = |range: &Range<usize>| self.runs.iter().map(|run| run.partition_bytes(range)).sum::<u64>();
        let total = bytes(&(0..PARTITIONS));
        let parts = if total < SMALL { 1 } else { self.threads.clamp(1, PARTITIONS) as u64 };
        let mut ranges = Vec::new();
        let mut start = 0;
        for end in 1..=PARTITIONS {
            let enough = bytes(&(0..end)) >= total * (ranges.len() as u64 + 1) / parts;
            if end == PARTITIONS || (enough && (ranges.len() as u64) < parts - 1) {
                ranges.push(start..end);
                start = end;
            }
        }
        ranges
    }
}
