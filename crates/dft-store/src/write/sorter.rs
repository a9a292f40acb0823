//! Runs to sorted files, one set for each column family.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;

use dft_aggregate::{PARTITIONS, Run, Section, merge_runs};
use dft_codec::{ChunkWriter, RowKey};
use rocksdb::{DBCompressionType, Options};

use crate::column_families::{self, MergeFaults};
use crate::error::StoreError;
use crate::hashed::FileHashes;
use crate::threads::join;
use crate::write::sst::SstSet;

/// Rows of fewer bytes than this are written by one thread to one file.
const SMALL: u64 = 4 << 20;

/// Tables of fewer bytes than this are not compressed, where they are all that the index holds: that takes
/// longer than to write and read them, and nobody misses the room.
const PLAIN: u64 = 64 << 20;

/// What a publishing or a staging has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows, each an addition to one of the index or new.
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

/// Sorted files and the family that each set of them is of, in the order in which they are ingested.
#[derive(Debug, Default)]
pub(crate) struct SortedFiles {
    pub(crate) files: Vec<(&'static str, PathBuf)>,
    /// What they are.
    pub(crate) hashed: FileHashes,
    pub(crate) written: Written,
}

impl SortedFiles {
    /// Adds the files of a family.
    fn add(&mut self, family: &'static str, set: SstSet<'_>) {
        self.files.extend(set.files.into_iter().map(|file| (family, file)));
        self.hashed.extend(set.hashed);
    }

    /// Adds those of other families.
    pub(crate) fn extend(&mut self, others: Self) {
        self.files.extend(others.files);
        self.hashed.extend(others.hashed);
        self.written += others.written;
    }
}

/// Writes runs to sorted files.
pub(crate) struct Sorter<'a> {
    runs: &'a [Run],
    /// The directory of the files.
    folder: &'a Path,
    /// Whether entries add to others of their key, rather than being the only ones.
    merge: bool,
    /// Whether they are not compressed.
    plain: bool,
    /// That of the index, in µs.
    interval: u64,
    threads: usize,
}

impl<'a> Sorter<'a> {
    /// For files in a directory, which is made if it is not there. With `merge`, entries add to others of their
    /// key, rather than being the only ones. `interval` is that of the index, in µs.
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
    pub(crate) fn write(&self) -> Result<SortedFiles, StoreError> {
        thread::scope(|scope| {
            let rows = scope.spawn(|| self.rows());
            let others = self.others(|_, _| Ok(()));
            let mut sorted = join(rows)?;
            sorted.extend(others?);
            Ok(sorted)
        })
    }

    /// Writes the rows, in parallel over ranges of their keys.
    pub(crate) fn rows(&self) -> Result<SortedFiles, StoreError> {
        let options = self.options(column_families::ROWS);
        let write = |at: usize, range: &Range<usize>| -> Result<(SstSet<'_>, u64), StoreError> {
            let mut set = SstSet::new(&options, self.folder, &format!("{}-{at:02}", column_families::ROWS), self.merge);
            let mut chunk = ChunkWriter::new(self.interval);
            let mut rows = 0;
            let mut put = |chunk: &mut ChunkWriter| -> Result<(), StoreError> {
                let Some((key, bytes)) = chunk.chunk() else { return Ok(()) };
                set.put(&key.encode(), bytes)?;
                chunk.clear();
                Ok(())
            };
            merge_runs(self.runs, Section::Rows, Some(range), |key, row| {
                let bad = |error| StoreError::entry(self.folder, column_families::ROWS, key, error);
                let key = RowKey::decode(key).map_err(bad)?;
                if !chunk.takes(&key) {
                    put(&mut chunk)?;
                }
                rows += 1;
                chunk.put(&key, row).map_err(bad)
            })?;
            put(&mut chunk)?;
            set.end()?;
            Ok((set, rows))
        };
        let mut sorted = SortedFiles::default();
        thread::scope(|scope| {
            let ranges = self.split_rows();
            let workers: Vec<_> =
                ranges.into_iter().enumerate().map(|(at, range)| scope.spawn(move || write(at, &range))).collect();
            for set in workers.into_iter().map(join) {
                let (set, rows) = set?;
                sorted.written.rows += rows;
                sorted.add(column_families::ROWS, set);
            }
            Ok(sorted)
        })
    }

    /// Writes all that is not rows; `see_series` sees each series' id and identity.
    pub(crate) fn others(
        &self,
        mut see_series: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<SortedFiles, StoreError> {
        let mut sorted = SortedFiles::default();
        for (section, family) in [
            (Section::Telemetry, column_families::TELEMETRY),
            (Section::Series, column_families::SERIES),
            (Section::Names, column_families::NAMES),
        ] {
            dft_io::failpoint("sort:before a family is written").map_err(StoreError::io(self.folder))?;
            let options = self.options(family);
            let mut set = SstSet::new(&options, self.folder, family, self.merge);
            merge_runs(self.runs, section, None, |key, value| {
                if section == Section::Series {
                    see_series(key, value)?;
                }
                set.put(key, value)
            })?;
            set.end()?;
            match section {
                Section::Telemetry => sorted.written.telemetry = set.written,
                Section::Series => sorted.written.series = set.written,
                Section::Names | Section::Rows => {}
            }
            sorted.add(family, set);
        }
        Ok(sorted)
    }

    /// How the files of a family are written.
    fn options(&self, family: &'static str) -> Options {
        let mut options = column_families::options(family, &MergeFaults::default(), None);
        if self.plain {
            options.set_compression_type(DBCompressionType::None);
        }
        options
    }

    /// Ranges of partitions, about equal in bytes, one for each thread that is worth it.
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
