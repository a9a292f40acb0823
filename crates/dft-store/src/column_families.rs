//! The column families: how they are stored, and how their values merge.

use std::sync::{Arc, Mutex};

use dft_codec::{
    DecodeError, NameGivers, NamePageKey, RowChunk, RowKey, RowPageKey, TelemetryKey, TelemetryValue, merge_name_pages,
    merge_row_pages,
};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, InfoLogger, LogLevel, MergeOperands, Options,
    ReadOptions,
};

pub(crate) const ROWS: &str = "aggregation";
pub(crate) const TELEMETRY: &str = "system_metrics";
pub(crate) const SERIES: &str = "series";
pub(crate) const NAMES: &str = "names";
pub(crate) const FILES: &str = "files";
pub(crate) const META: &str = "meta";

/// Returns the key in [`META`] of an ingested bundle.
pub(crate) fn bundle_key(id: &str) -> String {
    format!("bundle:{id}")
}

/// The prefix of the keys in [`META`] of duplicates; the file's name follows.
pub(crate) const DUPLICATE: &[u8] = b"duplicate:";

/// Returns the key in [`META`] of a duplicate.
pub(crate) fn duplicate_key(name: &[u8]) -> Vec<u8> {
    [DUPLICATE, name].concat()
}

/// The families whose entries come from SST files.
pub(crate) const STAGED: [&str; 4] = [ROWS, TELEMETRY, SERIES, NAMES];

/// All families of an index. RocksDB's own default family stays empty.
pub(crate) const ALL: [&str; 6] = [ROWS, TELEMETRY, SERIES, NAMES, FILES, META];

/// Why a merge operator refused a value, for the read that failed; RocksDB's own message lacks the key.
#[derive(Clone, Default)]
pub(crate) struct MergeFaults(Arc<Mutex<Option<MergeFault>>>);

/// The family, the key, and what is wrong with its value.
type MergeFault = (&'static str, Vec<u8>, DecodeError);

impl MergeFaults {
    fn set(&self, family: &'static str, key: &[u8], error: DecodeError) {
        if let Ok(mut slot) = self.0.lock() {
            *slot = Some((family, key.to_vec(), error));
        }
    }

    pub(crate) fn take(&self) -> Option<MergeFault> {
        self.0.lock().ok()?.take()
    }
}

/// Merges the values of a key: two or more. A value that does not decode fails the merge; it is never skipped.
type Merge = fn(key: &[u8], values: &[&[u8]]) -> Result<Vec<u8>, DecodeError>;

fn merge_rows(key: &[u8], values: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    if RowPageKey::is_page(key) {
        return merge_row_pages(RowPageKey::decode(key)?, values);
    }
    let key = RowKey::decode(key)?;
    reduce(values, |chunk| RowChunk::decode(key, chunk), RowChunk::merge)?.encode()
}

fn merge_telemetry(key: &[u8], values: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    let TelemetryKey { bucket, .. } = TelemetryKey::decode(key)?;
    let merge = |all: &mut TelemetryValue, row| {
        all.merge(row);
        Ok(())
    };
    Ok(reduce(values, |row| TelemetryValue::decode(row, bucket), merge)?.encode(bucket))
}

/// A scope is the same in every file.
fn merge_series(_: &[u8], values: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    match values {
        [first, others @ ..] if others.iter().all(|other| other == first) => Ok(first.to_vec()),
        _ => Err(DecodeError::Invalid("two series have the same id")),
    }
}

fn merge_names(key: &[u8], values: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    if NamePageKey::is_page(key) {
        return merge_name_pages(NamePageKey::decode(key)?, values);
    }
    let merge = |all: &mut NameGivers, givers| {
        all.merge(&givers);
        Ok(())
    };
    Ok(reduce(values, NameGivers::decode, merge)?.encode())
}

fn reduce<T>(
    values: &[&[u8]],
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    merge: impl Fn(&mut T, T) -> Result<(), DecodeError>,
) -> Result<T, DecodeError> {
    let [first, others @ ..] = values else { return Err(DecodeError::Truncated) };
    let mut all = decode(first)?;
    for other in others {
        merge(&mut all, decode(other)?)?;
    }
    Ok(all)
}

fn set_merge(options: &mut Options, name: &'static str, family: &'static str, merge: Merge, faults: &MergeFaults) {
    // A single value is returned as it is, and the reader decodes it.
    let merged = move |key: &[u8], values: &[&[u8]]| match values {
        [only] => Ok(only.to_vec()),
        _ => merge(key, values),
    };
    let faults = faults.clone();
    let full = move |key: &[u8], existing: Option<&[u8]>, operands: &MergeOperands| {
        let values: Vec<&[u8]> = existing.into_iter().chain(operands).collect();
        match merged(key, &values) {
            Ok(value) => Some(value),
            Err(error) => {
                faults.set(family, key, error);
                None
            }
        }
    };
    // If an operand does not decode, nothing is combined, and the full merge reports the fault.
    let partial = move |key: &[u8], _: Option<&[u8]>, operands: &MergeOperands| {
        merged(key, &operands.iter().collect::<Vec<_>>()).ok()
    };
    options.set_merge_operator(name, full, partial);
}

/// The size at which an SST file ends, in bytes. Readers keep all of them open, and a process may often open no more
/// than a thousand files.
pub(crate) const SST_SIZE: u64 = 256 << 20;

/// The SST files that a writer keeps open. It reopens those that it needs again.
pub(crate) const OPEN_FILES: i32 = 256;

/// The size of data blocks before compression, in bytes. Reads take long ranges of rows, or a few rows of each series
/// by time, which cost a whole block.
const BLOCK: usize = 16 << 10;

/// Returns the options of a family, the same for the database and for the SST files that it ingests.
pub(crate) fn options(family: &'static str, faults: &MergeFaults, cache: Option<&Cache>) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_size(BLOCK);
    table.set_format_version(6);
    match cache {
        Some(cache) => table.set_block_cache(cache),
        None => table.disable_cache(),
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    // What pages of names do not repeat is mostly digits, and reading them is most of the cost of short commands.
    let compression = if family == NAMES { DBCompressionType::None } else { DBCompressionType::Zstd };
    options.set_compression_type(compression);
    options.set_compression_options(-14, 1, 0, 0);
    options.set_write_buffer_size(4 << 20);
    options.set_target_file_size_base(SST_SIZE);
    // A writer compacts before it publishes, if that pays; RocksDB never compacts by itself.
    options.set_disable_auto_compactions(true);
    match family {
        ROWS => set_merge(&mut options, "dft.rows", ROWS, merge_rows, faults),
        TELEMETRY => set_merge(&mut options, "dft.telemetry", TELEMETRY, merge_telemetry, faults),
        SERIES => set_merge(&mut options, "dft.series", SERIES, merge_series, faults),
        NAMES => set_merge(&mut options, "dft.names", NAMES, merge_names, faults),
        _ => {}
    }
    options
}

pub(crate) fn descriptors(faults: &MergeFaults, cache: &Cache) -> Vec<ColumnFamilyDescriptor> {
    ALL.iter().map(|&family| ColumnFamilyDescriptor::new(family, options(family, faults, Some(cache)))).collect()
}

pub(crate) fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // Open files stay readable after a writer unlinks them.
    options.set_max_open_files(-1);
    // Without a log of RocksDB, readers write nothing.
    options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _| ()));
    options.set_stats_dump_period_sec(0);
    // A family has few files, and RocksDB would start this many threads for each family.
    options.set_max_file_opening_threads(1);
    // RocksDB would read the statistics only to decide when to compact, which it never does.
    options.set_skip_stats_update_on_db_open(true);
    options.set_paranoid_checks(true);
    options
}

/// Returns the options for reads of short ranges: RocksDB reads ahead as far as it has read.
pub(crate) fn range_options() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.fill_cache(false);
    options.set_verify_checksums(true);
    options
}

/// Returns the options for reads of long ranges.
pub(crate) fn scan_options() -> ReadOptions {
    let mut options = range_options();
    options.set_readahead_size(2 << 20);
    options
}
