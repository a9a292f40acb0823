//! An index, opened for reading.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dft_aggregate::Config;
use dft_codec::{
    Bounds, ChunkCursor, DecodeError, FORMAT_VERSION, RowKey, RowPageKey, SeriesId, SeriesKind, TelemetryKey,
};
use rocksdb::{Cache, ColumnFamily, DB, ReadOptions};

use crate::column_families::{self, MergeFaults};
use crate::current::{self, Current};
use crate::error::StoreError;
use crate::layout;
use crate::pools;
use crate::seal::{IndexSize, Seal};

/// The size of the block cache of an open index, in bytes.
const CACHE: usize = 32 << 20;

/// An index opened read-only: a snapshot that no writer changes. Several threads may read it at once.
pub struct Index {
    pub(crate) db: DB,
    pub(crate) faults: MergeFaults,
    path: PathBuf,
    generation: u64,
    seal: Seal,
    config: Config,
    bounds: Option<Bounds>,
    /// The last series that has a chunk.
    last_chunk: OnceLock<Option<SeriesId>>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, generation, config, bounds, .. } = self;
        f.debug_struct("Index")
            .field("path", path)
            .field("generation", generation)
            .field("config", config)
            .field("bounds", bounds)
            .finish_non_exhaustive()
    }
}

impl Index {
    /// Opens the index in a directory.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoIndex`] if there is none; other errors if it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let current = || current::read(path)?.ok_or_else(|| StoreError::NoIndex(path.to_owned()));
        let mut generation = current()?;
        loop {
            match Self::open_generation(path, generation) {
                Ok(index) => return Ok(index),
                Err(error) => {
                    // A writer may have replaced and removed the generation since its name was read; then the new one
                    // exists.
                    let now = current()?;
                    if now == generation {
                        return Err(error);
                    }
                    generation = now;
                }
            }
        }
    }

    /// Returns whether a directory has an index.
    ///
    /// # Errors
    ///
    /// If that cannot be determined.
    pub fn exists(path: &Path) -> Result<bool, StoreError> {
        Ok(current::read(path)?.is_some())
    }

    pub(crate) fn open_generation(path: &Path, current: Current) -> Result<Self, StoreError> {
        let in_use = pools::begin_use()?;
        let faults = MergeFaults::default();
        let cache = Cache::new_lru_cache(CACHE);
        let directory = layout::generation(path, current.number);
        let seal = Seal::read(&directory, current.number)?;
        seal.check(&directory)?;
        let mut options = column_families::database_options();
        options.create_if_missing(false);
        options.create_missing_column_families(false);
        let descriptors = column_families::descriptors(&faults, &cache);
        let db = DB::open_cf_descriptors_read_only(&options, &directory, descriptors, false).map_err(|error| {
            let error = StoreError::rocks(path, "open the index")(error);
            let is_damage = matches!(error, StoreError::Damaged { .. });
            // RocksDB does not always name the damaged file.
            is_damage.then(|| seal.check_all(&directory).into_iter().next()).flatten().unwrap_or(error)
        })?;
        // A reader has no work for RocksDB's threads.
        drop(in_use);
        let mut index = Self {
            db,
            faults,
            path: path.to_owned(),
            generation: current.number,
            seal,
            config: Config::default(),
            bounds: None,
            last_chunk: OnceLock::new(),
        };
        let format = index.meta("format")?.ok_or_else(|| index.damaged("it has no format"))?;
        let found = String::from_utf8_lossy(&format).into_owned();
        if found != FORMAT_VERSION.to_string() {
            return Err(StoreError::Format { path: path.to_owned(), found, known: FORMAT_VERSION });
        }
        let config = index.meta("config")?.ok_or_else(|| index.damaged("it has no configuration"))?;
        index.config = Config::decode(&config).map_err(|error| index.entry(column_families::META, b"config", error))?;
        if let Some(bounds) = index.meta("bounds")? {
            let bounds =
                Bounds::decode(&bounds).map_err(|error| index.entry(column_families::META, b"bounds", error))?;
            index.bounds = Some(bounds);
        }
        Ok(index)
    }

    /// Returns the contents of a bundle, in a database that holds nothing else, as an index.
    pub(crate) fn of_bundle(db: DB, path: &Path, config: Config, bounds: Option<Bounds>) -> Self {
        let (path, faults, seal) = (path.to_owned(), MergeFaults::default(), Seal::default());
        Self { db, faults, path, generation: 0, seal, config, bounds, last_chunk: OnceLock::new() }
    }

    /// Returns the directory of the index.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of the open generation.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the seal of the open generation.
    pub(crate) fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Returns the configuration of the index.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the lowest and highest bucket over rows and telemetry; `None` if there is neither.
    pub fn bounds(&self) -> Option<Bounds> {
        self.bounds
    }

    /// Returns the size of the index on disk.
    pub fn size(&self) -> IndexSize {
        self.seal.size()
    }

    /// Splits the rows of a series kind into at most `parts` ranges of series ids for parallel readers. Each row is in
    /// exactly one range, and the ranges are in the order of the rows.
    pub fn shards(&self, kind: SeriesKind, parts: usize) -> Vec<Range<SeriesId>> {
        let parts = parts.clamp(1, 1 << 16) as u128;
        let at = |part: u128| {
            // After its kind, an id is a hash, so ranges of equal size hold about equally many series.
            let SeriesId(mut id) = SeriesId::first_of(kind as u8 + u8::from(part == parts));
            id[1..15].copy_from_slice(&((part << 112) / parts).to_be_bytes()[2..]);
            SeriesId(id)
        };
        (0..parts).map(|part| at(part)..at(part + 1)).collect()
    }

    /// Returns a cursor over the rows of an entry.
    pub(crate) fn chunk(&self, key: RowKey, rows: &[u8]) -> Result<ChunkCursor, DecodeError> {
        let cursor = ChunkCursor::begin(key, rows)?;
        if cursor.interval() != self.config.interval_us {
            return Err(DecodeError::Invalid("rows of another interval than the configuration's"));
        }
        Ok(cursor)
    }

    /// Returns the last series that has a chunk of rows. All others have pages only, and seeking a chunk after the last
    /// one would read a page.
    pub(crate) fn last_chunk(&self) -> Result<Option<SeriesId>, StoreError> {
        if let Some(last) = self.last_chunk.get() {
            return Ok(*last);
        }
        let rows = self.family(column_families::ROWS)?;
        let mut cursor = self.db.raw_iterator_cf_opt(rows, column_families::range_options());
        let [first_page, _] = RowPageKey::range_of(SeriesKind::Call);
        cursor.seek_for_prev(first_page);
        let key = cursor.key().map(RowKey::decode).transpose();
        cursor.status().map_err(|error| self.read_error(error))?;
        // A key that does not decode is reported when it is reached.
        let last = key.map_or(Some(SeriesId::LAST), |key| key.map(|key| key.series));
        Ok(*self.last_chunk.get_or_init(|| last))
    }

    /// Returns the error for a row's value that does not decode.
    pub fn bad_row(&self, key: &RowKey, error: DecodeError) -> StoreError {
        self.entry(column_families::ROWS, &key.encode(), error)
    }

    /// Returns the error for a telemetry row's value that does not decode.
    pub fn bad_telemetry(&self, key: &TelemetryKey, error: DecodeError) -> StoreError {
        self.entry(column_families::TELEMETRY, &key.encode(), error)
    }

    /// Returns the error for a bucket before the index's time bounds.
    pub fn outside_bounds(&self, bucket: u64) -> StoreError {
        self.damaged(&format!("it has a row at {bucket} µs, which is before its time bounds"))
    }

    /// Returns the error for a row whose series has no identity.
    pub fn unknown_series(&self, series: SeriesId) -> StoreError {
        let id: String = series.0.iter().map(|byte| format!("{byte:02x}")).collect();
        self.damaged(&format!("it has rows of series {id}, but no identity of that series"))
    }

    pub(crate) fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.db
            .get_cf(self.family(column_families::META)?, key)
            .map_err(StoreError::rocks(&self.path, "read the index's description"))
    }

    pub(crate) fn family(&self, name: &'static str) -> Result<&ColumnFamily, StoreError> {
        self.db.cf_handle(name).ok_or_else(|| self.damaged(&format!("it has no {name}")))
    }

    pub(crate) fn damaged(&self, what: &str) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what: what.to_owned() }
    }

    pub(crate) fn entry(&self, family: &'static str, key: &[u8], source: DecodeError) -> StoreError {
        StoreError::entry(&self.path, family, key, source)
    }

    /// Walks a family from the key `from` until `visit` returns false.
    pub(crate) fn each(
        &self,
        family: &'static str,
        from: &[u8],
        visit: impl FnMut(&[u8], &[u8]) -> Result<bool, DecodeError>,
    ) -> Result<(), StoreError> {
        self.each_with(column_families::scan_options(), family, from, visit)
    }

    /// Does the same for a few entries.
    pub(crate) fn each_near(
        &self,
        family: &'static str,
        from: &[u8],
        visit: impl FnMut(&[u8], &[u8]) -> Result<bool, DecodeError>,
    ) -> Result<(), StoreError> {
        self.each_with(column_families::range_options(), family, from, visit)
    }

    fn each_with(
        &self,
        options: ReadOptions,
        family: &'static str,
        from: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<bool, DecodeError>,
    ) -> Result<(), StoreError> {
        let mut cursor = self.db.raw_iterator_cf_opt(self.family(family)?, options);
        cursor.seek(from);
        while let (Some(key), Some(value)) = (cursor.key(), cursor.value()) {
            if !visit(key, value).map_err(|error| self.entry(family, key, error))? {
                return Ok(());
            }
            cursor.next();
        }
        cursor.status().map_err(|error| self.read_error(error))
    }

    /// Returns the error of a failed read. If a merge operator refused a value, the error names its key.
    pub(crate) fn read_error(&self, error: rocksdb::Error) -> StoreError {
        match self.faults.take() {
            Some((family, key, source)) => self.entry(family, &key, source),
            None => StoreError::rocks(&self.path, "read the index")(error),
        }
    }
}
