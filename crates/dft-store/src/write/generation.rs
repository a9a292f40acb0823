//! The next generation: built next to the current one, then committed in its place.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dft_aggregate::Config;
use dft_codec::{Bounds, FORMAT_VERSION, FileEntry};
use dft_io::WorkDirectory;
use dft_io::fork::Maker;
use rocksdb::{
    Cache, ColumnFamily, DB, DBPath, FlushOptions, IngestExternalFileOptions, WaitForCompactOptions, WriteBatch,
    WriteOptions,
};

use crate::column_families::{self, MergeFaults};
use crate::current::{self, Current};
use crate::error::StoreError;
use crate::layout;
use crate::pools::{self, DatabaseUse};
use crate::read::names;
use crate::seal::{Linked, Seal};
use crate::write::batch::NameChanges;
use crate::write::clone::{clone_generation, copy_small_files};
use crate::write::file_system::FileSystem;
use crate::write::sorter::SstFiles;

/// What a publishing writes in addition to the entries.
pub(crate) struct GenerationDescription<'a> {
    pub(crate) files: &'a [(Vec<u8>, FileEntry)],
    pub(crate) changes: &'a NameChanges,
    /// The bounds of the whole index.
    pub(crate) bounds: Option<Bounds>,
    pub(crate) config: &'a Config,
    /// The ids of the ingested bundles.
    pub(crate) bundles: &'a [String],
}

/// How many overlapping sets of files an index may have before they are merged; each set makes reads slower.
const OVERLAPPING: u64 = 8;

/// The input of the next generation.
pub(crate) struct Publisher {
    pub(crate) index: PathBuf,
    /// The directory to build in, on the index's file system; it must not exist yet.
    pub(crate) directory: PathBuf,
    /// The highest number in the index.
    pub(crate) base: Option<u64>,
    /// The number and the seal of the current generation, if its entries are kept.
    pub(crate) current: Option<(u64, Seal)>,
}

/// A generation being built. Dropping it removes its files, unless it is [committed](NextGeneration::commit).
pub(crate) struct NextGeneration {
    // Closed before its directory is removed.
    db: DB,
    in_use: DatabaseUse,
    place: GenerationDirectory,
}

/// The directory of a generation being built. Dropping it removes the directory.
pub(crate) struct GenerationDirectory {
    index: PathBuf,
    directory: PathBuf,
    base: Option<u64>,
    number: u64,
    linked: Linked,
    file_system: FileSystem,
    /// Where RocksDB keeps its lock and its small files until the generation is complete, if the index's file system
    /// has no locks. SST files are written to the directory itself in any case.
    elsewhere: Option<WorkDirectory>,
    maker: Maker,
}

impl GenerationDirectory {
    /// Returns the directory that RocksDB opens.
    fn database(&self) -> &Path {
        self.elsewhere.as_ref().map_or(&self.directory, WorkDirectory::path)
    }
}

/// The prefix of work directories on another file system.
const ELSEWHERE: &str = "dft-build-";

/// Creates a work directory on another file system.
fn elsewhere() -> Result<WorkDirectory, StoreError> {
    let temporary = env::temp_dir();
    let make = || -> io::Result<WorkDirectory> {
        dft_io::sweep_work_directories(&temporary, ELSEWHERE)?;
        WorkDirectory::create(&temporary, ELSEWHERE)
    };
    make().map_err(StoreError::io(&temporary))
}

impl Drop for GenerationDirectory {
    fn drop(&mut self) {
        if self.maker.is_parent() {
            return;
        }
        // Frees disk space; what remains is removed with the work directory. A committed generation has another name
        // by now.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Publisher {
    /// Creates a generation with the contents of the current one.
    pub(crate) fn begin(self) -> Result<NextGeneration, StoreError> {
        let Self { index, directory, base, current } = self;
        let number = current::next_number(&index, base)?;
        let failpoint = |name| dft_io::failpoint(name).map_err(StoreError::io(&directory));
        failpoint("publish:before the generation is made")?;
        fs::create_dir(&directory).map_err(StoreError::io(&directory))?;
        let file_system = FileSystem::of(&directory).map_err(StoreError::io(&directory))?;
        let elsewhere = if file_system.locks { None } else { Some(elsewhere()?) };
        let linked = Linked::default();
        let maker = Maker::this_process();
        let mut place = GenerationDirectory { index, directory, base, number, linked, file_system, elsewhere, maker };
        if let Some((number, seal)) = current {
            let from = layout::generation(&place.index, number);
            let names = clone_generation(&from, &seal, &place.directory, place.database())?;
            place.linked = Linked { of: Some(seal), names };
            dft_io::failpoint("publish:the old generation is linked").map_err(StoreError::io(&place.directory))?;
        }
        let directory = &place.directory;
        let in_use = pools::begin_use()?;
        let faults = MergeFaults::default();
        let cache = Cache::new_lru_cache(8 << 20);
        let mut options = column_families::database_options();
        options.set_max_open_files(column_families::OPEN_FILES);
        // RocksDB records all families of one flush at once.
        options.set_atomic_flush(true);
        if place.elsewhere.is_some() {
            let path = DBPath::new(directory, u64::MAX).map_err(StoreError::rocks(directory, "open the index"))?;
            options.set_db_paths(&[path]);
        }
        let db = DB::open_cf_descriptors(&options, place.database(), column_families::descriptors(&faults, &cache))
            .map_err(StoreError::rocks(directory, "open the index"))?;
        Ok(NextGeneration { db, in_use, place })
    }
}

impl NextGeneration {
    /// Ingests SST files, which are used up. The files of a family do not overlap within a call. Those of several calls
    /// may overlap; then their entries merge.
    pub(crate) fn ingest(&self, sorted: &SstFiles) -> Result<(), StoreError> {
        let directory = &*self.place.directory;
        for files in sorted.files.chunk_by(|a, b| a.0 == b.0) {
            dft_io::failpoint("publish:before a family is ingested").map_err(StoreError::io(directory))?;
            let mut options = IngestExternalFileOptions::default();
            options.set_move_files(self.place.file_system.links);
            let paths = files.iter().map(|(_, path)| path).collect();
            self.db
                .ingest_external_file_cf_opts(self.family(files[0].0)?, &options, paths)
                .map_err(StoreError::rocks(directory, "ingest SST files"))?;
        }
        Ok(())
    }

    /// Writes the indexed files, the bounds, the configuration and the format.
    pub(crate) fn describe(&self, description: &GenerationDescription<'_>) -> Result<(), StoreError> {
        let directory = &*self.place.directory;
        let failpoint = |name| dft_io::failpoint(name).map_err(StoreError::io(directory));
        failpoint("publish:before the description is written")?;
        let mut writes = WriteBatch::default();
        let files = self.family(column_families::FILES)?;
        let NameChanges { removed, duplicates, no_duplicates } = description.changes;
        for name in removed {
            writes.delete_cf(files, name);
        }
        for (path, entry) in description.files {
            writes.put_cf(files, path, entry.encode());
        }
        let meta = self.family(column_families::META)?;
        for name in no_duplicates {
            writes.delete_cf(meta, column_families::duplicate_key(name));
        }
        for (name, entry) in duplicates {
            writes.put_cf(meta, column_families::duplicate_key(name), entry.encode());
        }
        for id in description.bundles {
            writes.put_cf(meta, column_families::bundle_key(id), b"");
        }
        if let Some(bounds) = description.bounds {
            writes.put_cf(meta, "bounds", bounds.encode());
        }
        writes.put_cf(meta, "config", description.config.encode());
        writes.put_cf(meta, "format", FORMAT_VERSION.to_string());
        // No log is needed: nothing counts before the commit, and everything is flushed by then.
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.db.write_opt(writes, &options).map_err(StoreError::rocks(directory, "write the index"))?;
        failpoint("publish:before the description is flushed")?;
        let mut flush = FlushOptions::default();
        flush.set_wait(true);
        self.db.flush_cfs_opt(&[files, meta], &flush).map_err(StoreError::rocks(directory, "flush the index"))
    }

    /// Returns how many hashes have more than one name, once all names are ingested.
    pub(crate) fn count_ambiguous(&self) -> Result<u64, StoreError> {
        names::count_ambiguous(&self.db, self.family(column_families::NAMES)?, &self.place.directory)
    }

    /// Returns the entries without committing them, and the directory, which must live as long as they do.
    pub(crate) fn into_entries(self) -> (DB, (DatabaseUse, GenerationDirectory)) {
        (self.db, (self.in_use, self.place))
    }

    /// Closes, seals and commits the generation once it is complete. `sets` are the files that were ingested.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] if another writer published meanwhile; then this generation is dropped.
    pub(crate) fn commit(self, sets: &[SstFiles]) -> Result<Current, StoreError> {
        self.compact(sets)?;
        let Self { db, in_use, place } = self;
        drop(db);
        drop(in_use);
        if let Some(elsewhere) = &place.elsewhere {
            copy_small_files(elsewhere.path(), &place.directory)?;
        }
        let GenerationDirectory { index, directory, base, number, linked, .. } = &place;
        let failpoint = |name| dft_io::failpoint(name).map_err(StoreError::io(directory));
        failpoint("publish:before the generation is sealed")?;
        let hashed: Vec<_> = sets.iter().map(|set| &set.hashed).collect();
        let seal = Seal::make(directory, *number, linked, &hashed)?;
        let next = Current { number: *number, seal };
        failpoint("publish:before the generation is committed")?;
        current::commit(index, directory, *base, next)?;
        Ok(next)
    }

    /// Merges overlapping sets of files into one if there are many.
    fn compact(&self, sets: &[SstFiles]) -> Result<(), StoreError> {
        let (db, directory) = (&self.db, &*self.place.directory);
        for family in column_families::ALL {
            let handle = self.family(family)?;
            // The files of one set do not overlap.
            let of_a_set = |set: &SstFiles| set.files.iter().filter(|(of, _)| *of == family).count() as u64;
            let width = sets.iter().map(of_a_set).max().unwrap_or(0).max(1);
            let overlapping = db
                .property_int_value_cf(handle, "rocksdb.num-files-at-level0")
                .map_err(StoreError::rocks(directory, "read the index"))?;
            if overlapping.unwrap_or(0) > OVERLAPPING * width {
                dft_io::failpoint("publish:before a family is compacted").map_err(StoreError::io(directory))?;
                db.compact_range_cf(handle, None::<&[u8]>, None::<&[u8]>);
                let wait = WaitForCompactOptions::default();
                db.wait_for_compact(&wait).map_err(StoreError::rocks(directory, "compact the index"))?;
            }
        }
        Ok(())
    }

    fn family(&self, family: &'static str) -> Result<&ColumnFamily, StoreError> {
        let missing =
            || StoreError::Damaged { path: self.place.directory.clone(), what: format!("it has no {family}") };
        self.db.cf_handle(family).ok_or_else(missing)
    }
}
