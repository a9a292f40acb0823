//! The next generation: made beside the one in force, then put in its place.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;

use dft_aggregate::{Config, PARTITIONS, Run, Section, merge_runs};
use dft_codec::{Bounds, FORMAT_VERSION, FileEntry, SeriesIdentity};
use rocksdb::{Cache, DB, FlushOptions, IngestExternalFileOptions, WaitForCompactOptions, WriteBatch, WriteOptions};

use crate::current;
use crate::error::StoreError;
use crate::families::{self, MergeFaults};
use crate::index::Index;
use crate::sst::SstSet;

/// What one publishing adds: rows, and the files that they came from.
pub struct Batch {
    /// Sorted tables.
    pub runs: Vec<Run>,
    /// Paths and entries of the trace files.
    pub files: Vec<(Vec<u8>, FileEntry)>,
    /// The least and greatest bucket in the tables.
    pub bounds: Option<Bounds>,
}

/// What a publishing has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublishStats {
    /// Rows, each an addition to one of the index or new.
    pub rows: u64,
    /// Telemetry rows.
    pub telemetry: u64,
    /// Series.
    pub series: u64,
}

/// Files of a level that overlap before they are merged into one: many make every read slower.
const OVERLAPPING: u64 = 8;

/// Rows of fewer bytes than this are written by one thread to one file.
const SMALL: u64 = 4 << 20;

pub(crate) struct Publisher<'a> {
    pub(crate) path: &'a Path,
    pub(crate) scratch: &'a Path,
    pub(crate) current: Option<&'a Index>,
    pub(crate) config: &'a Config,
    pub(crate) threads: usize,
}

impl Publisher<'_> {
    pub(crate) fn publish(&self, batch: &Batch) -> Result<(u64, PublishStats), StoreError> {
        let number = self.next_generation()?;
        let directory = current::generation(self.path, number);
        fs::create_dir_all(&directory).map_err(StoreError::io(&directory))?;
        if let Some(current) = self.current {
            clone_generation(&current::generation(self.path, current.generation()), &directory)?;
        }
        let stats = self.fill(&directory, batch)?;
        current::sync_directory(&directory)?;
        current::replace(self.path, number)?;
        Ok((number, stats))
    }

    fn next_generation(&self) -> Result<u64, StoreError> {
        // Also after a rebuild, where nothing is taken over: a name is never used twice.
        Ok(current::read(self.path)?.map_or(1, |number| number + 1))
    }

    fn fill(&self, directory: &Path, batch: &Batch) -> Result<PublishStats, StoreError> {
        let faults = MergeFaults::default();
        let cache = Cache::new_lru_cache(8 << 20);
        let db =
            DB::open_cf_descriptors(&families::database_options(), directory, families::descriptors(&faults, &cache))
                .map_err(StoreError::rocks(directory, "open the index"))?;
        let stats = self.ingest(&db, batch, &faults)?;
        self.describe(&db, batch)?;
        for family in [families::ROWS, families::TELEMETRY, families::SERIES, families::NAMES] {
            let handle = handle(&db, directory, family)?;
            let overlapping = db
                .property_int_value_cf(handle, "rocksdb.num-files-at-level0")
                .map_err(StoreError::rocks(directory, "read the index"))?;
            if overlapping.unwrap_or(0) > OVERLAPPING {
                db.compact_range_cf(handle, None::<&[u8]>, None::<&[u8]>);
                let wait = WaitForCompactOptions::default();
                db.wait_for_compact(&wait).map_err(StoreError::rocks(directory, "compact the index"))?;
            }
        }
        Ok(stats)
    }

    fn ingest(&self, db: &DB, batch: &Batch, faults: &MergeFaults) -> Result<PublishStats, StoreError> {
        let options = families::ALL.map(|family| (family, families::options(family, faults, None)));
        let options = |family: &str| &options.iter().find(|(name, _)| *name == family).unwrap_or(&options[0]).1;
        let mut stats = PublishStats::default();
        let merge = self.current.is_some();

        let rows = self.write_rows(batch, options(families::ROWS), merge)?;
        stats.rows = rows.1;
        self.take_in(db, families::ROWS, rows.0)?;
        for (section, family, merge) in [
            (Section::Telemetry, families::TELEMETRY, merge),
            (Section::Series, families::SERIES, false),
            (Section::Names, families::NAMES, false),
        ] {
            let mut set = SstSet::new(options(family), self.scratch, family, merge);
            let known = if section == Section::Series { self.current } else { None };
            merge_runs(&batch.runs, section, None, |key, value| {
                if let Some(known) = known {
                    refuse_clash(known, key, value)?;
                }
                set.put(key, value)
            })?;
            set.end()?;
            match section {
                Section::Telemetry => stats.telemetry = set.written,
                Section::Series => stats.series = set.written,
                _ => {}
            }
            self.take_in(db, family, set.files)?;
        }
        Ok(stats)
    }

    /// Writes the rows, in parallel over ranges of their keys, to sorted files.
    fn write_rows(
        &self,
        batch: &Batch,
        options: &rocksdb::Options,
        merge: bool,
    ) -> Result<(Vec<PathBuf>, u64), StoreError> {
        let ranges = self.split_rows(batch);
        let write = |at: usize, range: &Range<usize>| -> Result<(Vec<PathBuf>, u64), StoreError> {
            let mut set = SstSet::new(options, self.scratch, &format!("rows-{at:02}"), merge);
            merge_runs(&batch.runs, Section::Rows, Some(range), |key, value| set.put(key, value))?;
            set.end()?;
            Ok((set.files, set.written))
        };
        let mut files = Vec::new();
        let mut written = 0;
        thread::scope(|scope| {
            let workers: Vec<_> =
                ranges.iter().enumerate().map(|(at, range)| scope.spawn(move || write(at, range))).collect();
            for worker in workers {
                let (some, number) = match worker.join() {
                    Ok(result) => result?,
                    Err(panic) => std::panic::resume_unwind(panic),
                };
                files.extend(some);
                written += number;
            }
            Ok((files, written))
        })
    }

    /// Ranges of partitions, about equal in bytes, one for each thread that is worth it.
    fn split_rows(&self, batch: &Batch) -> Vec<Range<usize>> {
        let bytes = |range: &Range<usize>| batch.runs.iter().map(|run| run.partition_bytes(range)).sum::<u64>();
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

    fn take_in(&self, db: &DB, family: &'static str, files: Vec<PathBuf>) -> Result<(), StoreError> {
        if files.is_empty() {
            return Ok(());
        }
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        db.ingest_external_file_cf_opts(handle(db, self.path, family)?, &options, files)
            .map_err(StoreError::rocks(self.path, "ingest sorted files"))
    }

    /// Writes which files are in, the bounds, the configuration and the format.
    fn describe(&self, db: &DB, batch: &Batch) -> Result<(), StoreError> {
        let mut writes = WriteBatch::default();
        let files = handle(db, self.path, families::FILES)?;
        for (path, entry) in &batch.files {
            writes.put_cf(files, path, entry.encode());
        }
        let meta = handle(db, self.path, families::META)?;
        let known = self.current.and_then(Index::bounds);
        if let Some(bounds) = batch.bounds.into_iter().chain(known).reduce(Bounds::union) {
            writes.put_cf(meta, "bounds", bounds.encode());
        }
        writes.put_cf(meta, "config", self.config.encode());
        writes.put_cf(meta, "format", FORMAT_VERSION.to_string());
        // No log: nothing counts before the generation is put in force, and then all is flushed.
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        db.write_opt(writes, &options).map_err(StoreError::rocks(self.path, "write the index"))?;
        let mut flush = FlushOptions::default();
        flush.set_wait(true);
        db.flush_cfs_opt(&[files, meta], &flush).map_err(StoreError::rocks(self.path, "flush the index"))
    }
}

fn handle<'a>(db: &'a DB, path: &Path, family: &'static str) -> Result<&'a rocksdb::ColumnFamily, StoreError> {
    db.cf_handle(family)
        .ok_or_else(|| StoreError::Damaged { path: path.to_owned(), what: format!("it has no {family}") })
}

/// Two identities under one id are an error, not a merge.
fn refuse_clash(known: &Index, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let stored = known
        .db
        .get_pinned_cf(known.family(families::SERIES)?, key)
        .map_err(StoreError::rocks(known.path(), "read a series"))?;
    match stored {
        Some(stored) if *stored != *value => {
            let decode = |bytes: &[u8]| {
                SeriesIdentity::decode(bytes).map(Box::new).map_err(|error| known.entry(families::SERIES, key, error))
            };
            Err(StoreError::SeriesClash { first: decode(&stored)?, second: decode(value)? })
        }
        _ => Ok(()),
    }
}

/// A copy of a generation that nobody writes. SST files are never changed in place, so a second name
/// for each is enough; where the file system has none, it is copied.
fn clone_generation(from: &Path, to: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(from).map_err(StoreError::io(from))? {
        let entry = entry.map_err(StoreError::io(from))?;
        let name = entry.file_name();
        let (source, target) = (entry.path(), to.join(&name));
        if name == "LOCK" || name.to_string_lossy().starts_with("LOG") {
            continue;
        }
        let linked =
            source.extension().is_some_and(|extension| extension == "sst") && fs::hard_link(&source, &target).is_ok();
        if !linked {
            fs::copy(&source, &target).map_err(StoreError::io(&source))?;
        }
    }
    Ok(())
}
