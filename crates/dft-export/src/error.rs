//! Errors of tables and exports.

use std::io;
use std::path::{Path, PathBuf};

use arrow_schema::ArrowError;
use dft_io::Show;
use dft_store::StoreError;
use parquet::errors::ParquetError;

/// Why a table cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The process may not start the threads of an export.
    #[error("{0}")]
    Threads(io::Error),
    /// The index cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The granularity is not a multiple of the index's interval.
    #[error(
        "a granularity of {granularity} µs is not a multiple of the index's interval of {interval} µs; choose a \
         multiple, or build an index with a shorter interval"
    )]
    Granularity {
        /// The requested granularity, in µs.
        granularity: u64,
        /// The interval of the index, in µs.
        interval: u64,
    },
    /// The unit of `time_range` does not divide the granularity.
    #[error(
        "a time_range in units of {unit} µs cannot count cells of {granularity} µs; choose a unit that divides the \
         granularity"
    )]
    RangeUnit {
        /// The requested unit, in µs.
        unit: u64,
        /// The granularity, in µs.
        granularity: u64,
    },
    /// The text is not a glob.
    #[error("{}: not a glob: {}", .pattern.shown(), .reason.shown())]
    Pattern {
        /// The text.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text is not a query.
    #[error("{}: not a query: at byte {at}, {}", .query.shown(), .reason.shown())]
    Query {
        /// The text.
        query: String,
        /// The position of the fault, in bytes from 0.
        at: usize,
        /// What is wrong there.
        reason: String,
    },
    /// There is no table of this name.
    #[error(
        "there is no table {0:?}; the tables are events, profiles, system, preaggregated_system, processes, aggregation"
    )]
    NoTable(String),
    /// There is no format of this name.
    #[error("there is no format {0:?}; the formats are parquet, arrow, csv")]
    NoFormat(String),
    /// There is no column of this name to group by.
    #[error(
        "cannot group by {0:?}; the columns are cat, func_name, pid, rank, tid, file_hash, host_hash, file_name, host_name, \
         proc_name, io_cat, acc_pat, time_range"
    )]
    NoGroupColumn(String),
    /// A column to group by is named twice.
    #[error("name at least one column to group by, and each column once")]
    GroupColumns,
    /// One shard of a table cannot be grouped: a group may have rows in several shards.
    #[error("one shard of a table cannot be grouped; group the whole table, or the rows of all shards together")]
    GroupedShard,
    /// There is nothing of this name to group by, and the index has no such group key.
    #[error(
        "cannot group by {name:?}: the index has no such group key{}; rows can be grouped by cat, func_name, pid, rank, \
         tid, file_hash, host_hash, file_name, file_dir, file_ext, file_pattern, host_name, proc_name, io_cat, family, \
         time_range, time_bucket, size_bin and group keys (build the index with --group-key {name})",
        keys(.group_keys)
    )]
    NoGroupBy {
        /// The name.
        name: String,
        /// The group keys of the index.
        group_keys: Vec<String>,
    },
    /// There is no statistic of this name.
    #[error(
        "there is no statistic {name:?}{why}; the statistics are count, time_start, time_end, file_nunique, \
         host_nunique, process_nunique, thread_nunique, and METRIC_n, METRIC_total, METRIC_mean, METRIC_std, METRIC_min, \
         METRIC_max, METRIC_median, METRIC_p99 (any percentile) and METRIC_hist, where METRIC is dur, size, offset or a \
         custom metric"
    )]
    NoStatistic {
        /// The name.
        name: String,
        /// Why there is none, if there is more to say.
        why: &'static str,
    },
    /// A statistic needs sketches, which the index does not keep.
    #[error("{0} needs sketches, which this index does not keep: build it with --percentiles")]
    NoSketches(String),
    /// No row has the custom metric of a statistic.
    #[error("{statistic}: no row has a metric {name:?}; {}", metrics(.known))]
    NoMetric {
        /// The statistic.
        statistic: String,
        /// The metric.
        name: String,
        /// Some of the custom metrics that rows have.
        known: Vec<String>,
    },
    /// The sizes of a row's calls are in several bins, and the row does not know how many are in each.
    #[error(
        "cannot group by size_bin: the calls of one row differ in size (table {table}, {}), and a row does not know \
         which of its calls had which size. Build an index with a shorter interval or with more group keys, or ask for \
         size_hist, which needs sketches (--percentiles)",
        .row.shown()
    )]
    SeveralSizeBins {
        /// The table.
        table: &'static str,
        /// A description of the row.
        row: String,
    },
    /// Two columns of groups would have the same name.
    #[error("the column {0:?} is named twice")]
    ColumnTwice(String),
    /// There is no column of this name to sort groups by.
    #[error("cannot sort by {0:?}: sort by what rows are grouped by, or by a statistic that is asked for")]
    NoSortColumn(String),
    /// The table does not have the columns to group by.
    #[error("the table {0} cannot be grouped; only events, profiles and preaggregated_system can")]
    NotGrouped(&'static str),
    /// A number does not fit its column.
    #[error("table {table}, row {}: {} is {value}, past the 64 bits of its column", .row.shown(), .column.shown())]
    TooLarge {
        /// The table.
        table: &'static str,
        /// A description of the row.
        row: String,
        /// The column.
        column: String,
        /// The number.
        value: String,
    },
    /// Tables that no export is known to have written would stay next to the new ones.
    #[error(
        "{}: not known to be written by an export to this directory; it is not removed, but it would stay next to the \
         new tables. Remove it, or choose another directory",
        list(.0)
    )]
    NotExported(Vec<PathBuf>),
    /// The file that lists the tables of a directory is damaged or of another version.
    #[error(
        "{}: not a list of exported tables that this program reads; remove it and the tables next to it, or choose \
         another directory",
        .0.shown()
    )]
    List(PathBuf),
    /// A record batch cannot be built.
    #[error("a record batch cannot be built: {0}")]
    Arrow(#[from] ArrowError),
    /// A Parquet file cannot be written.
    #[error("{}: cannot be written: {source}", .path.shown())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The error of the Parquet writer.
        source: ParquetError,
    },
    /// An Arrow or CSV file cannot be written.
    #[error("{}: cannot be written: {source}", .path.shown())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the writer.
        source: ArrowError,
    },
    /// The system reports an error.
    #[error("{}: {source}{}", .path.shown(), dft_io::advice(.source))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

fn keys(keys: &[String]) -> String {
    if keys.is_empty() { String::new() } else { format!("; it has {}", keys.join(", ").shown()) }
}

fn metrics(known: &[String]) -> String {
    match known {
        [] => "rows have no custom metrics".to_owned(),
        known => format!("among those of rows are dur, size, offset, {}", known.join(", ").shown()),
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.shown().to_string()).collect::<Vec<_>>().join(", ")
}

impl ExportError {
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
