//! The next generation: made beside the one in force, then put in its place.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use dft_aggregate::{Config, Run};
use dft_codec::{Bounds, FORMAT_VERSION, FileEntry};
use rocksdb::{Cache, DB, FlushOptions, IngestExternalFileOptions, WaitForCompactOptions, WriteBatch, WriteOptions};

use crate::current::{self, Current};
use crate::error::StoreError;
use crate::families::{self, MergeFaults};
use crate::index::Index;
use crate::seal::{Linked, Seal};
use crate::sorted::SortedFiles;

/// What a build adds to an index: rows, and the files that they came from.
pub struct Batch {
    /// Sorted tables.
    pub runs: Vec<Run>,
    /// The trace files, by what they are called in the index, as they are now.
    pub files: Vec<(Vec<u8>, FileEntry)>,
    /// The least and greatest bucket in the tables.
    pub bounds: Option<Bounds>,
}

/// What a publishing puts in beside the entries.
pub(crate) struct Description<'a> {
    pub(crate) files: &'a [(Vec<u8>, FileEntry)],
    pub(crate) bounds: Option<Bounds>,
    pub(crate) config: &'a Config,
    /// The ids of the bundles that are taken in.
    pub(crate) bundles: &'a [String],
}

/// Sets of files that overlap before they are merged into one: many make every read slower.
const OVERLAPPING: u64 = 8;

pub(crate) struct Publisher<'a> {
    pub(crate) path: &'a Path,
    pub(crate) current: Option<&'a Index>,
}

impl Publisher<'_> {
    /// Makes a generation with sets of sorted files, which are used up, and prepares to put it in force.
    /// Files of one set do not overlap; those of several may, and then their entries merge.
    pub(crate) fn prepare(&self, sets: &[SortedFiles], description: &Description<'_>) -> Result<Current, StoreError> {
        // A name is never used twice, not even after a rebuild.
        let number = current::highest(self.path)? + 1;
        let directory = current::generation(self.path, number);
        let point = |name| dft_io::point(name).map_err(StoreError::io(&directory));
        point("publish:before the generation is made")?;
        let made = || -> Result<Current, StoreError> {
            fs::create_dir_all(&directory).map_err(StoreError::io(&directory))?;
            let mut linked = Linked::default();
            if let Some(current) = self.current {
                linked.of = Some(current.seal());
                linked.names = clone_generation(&current::generation(self.path, current.generation()), &directory)?;
                point("publish:the old generation is linked")?;
            }
            self.fill(&directory, sets, description)?;
            point("publish:before the generation is sealed")?;
            let seal = Seal::make(&directory, number, &linked)?;
            // The generation's own name is durable before CURRENT says it.
            dft_io::sync_directory(self.path).map_err(StoreError::io(self.path))?;
            let current = Current { number, seal };
            current::prepare(self.path, current)?;
            Ok(current)
        };
        let made = made();
        if made.is_err() {
            // It takes the room that is wanted; what stays, the next writer removes.
            let _ = fs::remove_dir_all(&directory);
        }
        made
    }

    /// Opens the new generation, brings everything in and closes it.
    fn fill(&self, directory: &Path, sets: &[SortedFiles], description: &Description<'_>) -> Result<(), StoreError> {
        let faults = MergeFaults::default();
        let cache = Cache::new_lru_cache(8 << 20);
        let mut options = families::database_options();
        options.set_max_open_files(families::OPEN_FILES);
        let db = DB::open_cf_descriptors(&options, directory, families::descriptors(&faults, &cache))
            .map_err(StoreError::rocks(directory, "open the index"))?;
        for set in sets {
            for files in set.files.chunk_by(|a, b| a.0 == b.0) {
                dft_io::point("publish:before a family is ingested").map_err(StoreError::io(directory))?;
                let mut options = IngestExternalFileOptions::default();
                options.set_move_files(true);
                let paths = files.iter().map(|(_, path)| path).collect();
                db.ingest_external_file_cf_opts(handle(&db, directory, files[0].0)?, &options, paths)
                    .map_err(StoreError::rocks(directory, "ingest sorted files"))?;
            }
        }
        dft_io::point("publish:before the description is written").map_err(StoreError::io(directory))?;
        self.describe(&db, directory, description)?;
        for family in families::ALL {
            let handle = handle(&db, directory, family)?;
            // The files of one set do not overlap with each other.
            let of_a_set = |set: &SortedFiles| set.files.iter().filter(|(of, _)| *of == family).count() as u64;
            let width = sets.iter().map(of_a_set).max().unwrap_or(0).max(1);
            let overlapping = db
                .property_int_value_cf(handle, "rocksdb.num-files-at-level0")
                .map_err(StoreError::rocks(directory, "read the index"))?;
            if overlapping.unwrap_or(0) > OVERLAPPING * width {
                dft_io::point("publish:before a family is compacted").map_err(StoreError::io(directory))?;
                db.compact_range_cf(handle, None::<&[u8]>, None::<&[u8]>);
                let wait = WaitForCompactOptions::default();
                db.wait_for_compact(&wait).map_err(StoreError::rocks(directory, "compact the index"))?;
            }
        }
        Ok(())
    }

    /// Writes which files are in, the bounds, the configuration and the format.
    fn describe(&self, db: &DB, directory: &Path, description: &Description<'_>) -> Result<(), StoreError> {
        let mut writes = WriteBatch::default();
        let files = handle(db, directory, families::FILES)?;
        for (path, entry) in description.files {
            writes.put_cf(files, path, entry.encode());
        }
        let meta = handle(db, directory, families::META)?;
        for id in description.bundles {
            writes.put_cf(meta, families::bundle_key(id), b"");
        }
        let known = self.current.and_then(Index::bounds);
        if let Some(bounds) = description.bounds.into_iter().chain(known).reduce(Bounds::union) {
            writes.put_cf(meta, "bounds", bounds.encode());
        }
        writes.put_cf(meta, "config", description.config.encode());
        writes.put_cf(meta, "format", FORMAT_VERSION.to_string());
        // No log: nothing counts before the generation is put in force, and then all is flushed.
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        db.write_opt(writes, &options).map_err(StoreError::rocks(directory, "write the index"))?;
        dft_io::point("publish:before the description is flushed").map_err(StoreError::io(directory))?;
        let mut flush = FlushOptions::default();
        flush.set_wait(true);
        db.flush_cfs_opt(&[files, meta], &flush).map_err(StoreError::rocks(directory, "flush the index"))
    }
}

fn handle<'a>(db: &'a DB, path: &Path, family: &'static str) -> Result<&'a rocksdb::ColumnFamily, StoreError> {
    db.cf_handle(family)
        .ok_or_else(|| StoreError::Damaged { path: path.to_owned(), what: format!("it has no {family}") })
}

/// A copy of a generation that nobody writes. SST files are never changed in place, so a second name
/// for each is enough; where the file system has none, it is copied. Returns those that have one.
fn clone_generation(from: &Path, to: &Path) -> Result<HashSet<String>, StoreError> {
    let mut names = HashSet::new();
    for entry in fs::read_dir(from).map_err(StoreError::io(from))? {
        let entry = entry.map_err(StoreError::io(from))?;
        let name = entry.file_name();
        let (source, target) = (entry.path(), to.join(&name));
        if name == "LOCK" || name == "SEAL" || name.to_string_lossy().starts_with("LOG") {
            continue;
        }
        let linked =
            source.extension().is_some_and(|extension| extension == "sst") && fs::hard_link(&source, &target).is_ok();
        if linked {
            names.extend(name.into_string());
        } else {
            dft_io::point("publish:before a file is copied").map_err(StoreError::io(&target))?;
            fs::copy(&source, &target).map_err(StoreError::io(&target))?;
        }
    }
    Ok(names)
}
