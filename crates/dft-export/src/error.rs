//! Why a table cannot be made.

use std::io;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use dft_io::Show;
use dft_store::StoreError;
use parquet::errors::ParquetError;

/// Why a table cannot be made or written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The process may not start the threads of an export.
    #[error("{0}")]
    Threads(std::io::Error),
    /// The index cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The granularity is no multiple of the index's interval.
    #[error(
        "a granularity of {granularity} µs is no multiple of the index's interval of {interval} µs; give one that is, \
         or make an index at a finer interval"
    )]
    Granularity {
        /// The granularity asked for, in µs.
        granularity: u64,
        /// The interval of the index, in µs.
        interval: u64,
    },
    /// The text is no glob.
    #[error("{}: not a glob: {}", .pattern.shown(), .reason.shown())]
    Pattern {
        /// The text.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text is no query.
    #[error("{}: not a query: at byte {at}, {}", .query.shown(), .reason.shown())]
    Query {
        /// The text.
        query: String,
        /// Where in it, in bytes from 0.
        at: usize,
        /// What is wrong there.
        reason: String,
    },
    /// There is no such table.
    #[error(
        "there is no table {0:?}; the tables are events, profiles, system, preaggregated_system, \
             processes, aggregation"
    )]
    NoTable(String),
    /// There is no such column to group by.
    #[error(
        "cannot group by {0:?}; the columns are cat, func_name, pid, rank, tid, file_hash, host_hash, file_name, host_name, \
         proc_name, io_cat, acc_pat, time_range"
    )]
    NoGroupColumn(String),
    /// A column to group by is named twice, or there is none.
    #[error("give the columns to group by, each once")]
    GroupColumns,
    /// A share of a table is to be grouped: groups of shares are no shares of groups.
    #[error("a share of a table cannot be grouped: group the whole table, or the rows of all shares together")]
    GroupedShare,
    /// A table has no columns to group by.
    #[error("the table {0} cannot be grouped; events, profiles and preaggregated_system can")]
    NotGrouped(&'static str),
    /// A number is past what its column holds.
    #[error("table {table}, row {}: {} is {value}, past the 64 bits of its column", .row.shown(), .column.shown())]
    TooLarge {
        /// The table.
        table: &'static str,
        /// What the row is of.
        row: String,
        /// The column.
        column: String,
        /// The number.
        value: String,
    },
    /// Tables that no export is known to have written would stay beside the new ones.
    #[error(
        "{}: not known to be of an export to this directory, so it is not removed, but it would stay beside the new \
         tables; remove it, or choose another directory",
        list(.0)
    )]
    NotExported(Vec<PathBuf>),
    /// What lists the tables of a directory is no list.
    #[error(
        "{}: not a list of exported tables that this program reads; remove it and the tables beside it, or choose \
         another directory",
        .0.shown()
    )]
    List(PathBuf),
    /// A batch cannot be put together.
    #[error("a record batch cannot be made: {0}")]
    Arrow(#[from] ArrowError),
    /// A Parquet file cannot be written.
    #[error("{}: cannot be written: {source}", .path.shown())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParquetError,
    },
    /// An Arrow or CSV file cannot be written.
    #[error("{}: cannot be written: {source}", .path.shown())]
    Write {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ArrowError,
    },
    /// What the system says.
    #[error("{}: {source}{}", .path.shown(), dft_io::advice(.source))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.shown().to_string()).collect::<Vec<_>>().join(", ")
}

impl ExportError {
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
