//! The tables by name, and the export of some to files.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use dft_codec::SeriesKind;

use crate::cells::Prefetch;
use crate::error::ExportError;
use crate::files::directory::{Directory, file_name};
use crate::files::temporary::Temporary;
use crate::files::{Format, write};
use crate::tables::grouped::GroupColumn;
use crate::view::View;

/// Threads that an export starts beside those that it is to have: readers and encoders of a table.
const THREADS: usize = 8;

/// The most rows of a batch.
const BATCH_ROWS: usize = 8 << 10;

/// The rows of a batch of so many columns: a batch of many columns is not to be large.
pub(crate) fn batch_rows(columns: usize) -> usize {
    const CELLS: usize = 1 << 20;
    (CELLS / columns.max(1)).clamp(8, BATCH_ROWS)
}

/// A table as a stream of record batches.
pub trait Batches {
    /// The schema of every batch.
    fn schema(&self) -> SchemaRef;

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read, or a number is past what its column holds.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError>;
}

/// A part of a table, and what another thread does beside it.
pub(crate) struct TablePart<'v> {
    pub(crate) batches: Box<dyn Batches + Send + 'v>,
    pub(crate) beside: Option<Prefetch<'v>>,
}

impl<'v> TablePart<'v> {
    pub(crate) fn new(batches: impl Batches + Send + 'v) -> Self {
        Self { batches: Box::new(batches), beside: None }
    }
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Calls.
    Events,
    /// Calls that a tracer aggregated.
    Profiles,
    /// Telemetry.
    System,
    /// System statistics that a tracer aggregated.
    PreaggregatedSystem,
    /// Processes.
    Processes,
    /// Every row with full statistics.
    Aggregation,
    /// Telemetry by host, name and cell alone, as dfanalyzer and the C++ library's users know it: readings of
    /// counters that differ only by category, process or group keys merge.
    SystemByHost,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 7] = [
        Self::Events,
        Self::Profiles,
        Self::System,
        Self::PreaggregatedSystem,
        Self::Processes,
        Self::Aggregation,
        Self::SystemByHost,
    ];

    /// The table's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Profiles => "profiles",
            Self::System => "system",
            Self::PreaggregatedSystem => "preaggregated_system",
            Self::Processes => "processes",
            Self::Aggregation => "aggregation",
            Self::SystemByHost => "system_by_host",
        }
    }

    /// The family that the table has the rows of, if it has dfanalyzer's columns.
    fn kind(self) -> Option<SeriesKind> {
        match self {
            Self::Events => Some(SeriesKind::Call),
            Self::Profiles => Some(SeriesKind::AggregatedCall),
            Self::PreaggregatedSystem => Some(SeriesKind::HostStatistic),
            Self::System | Self::SystemByHost | Self::Processes | Self::Aggregation => None,
        }
    }
}

impl FromStr for Table {
    type Err = ExportError;

    fn from_str(name: &str) -> Result<Self, ExportError> {
        Self::ALL.into_iter().find(|table| table.name() == name).ok_or_else(|| ExportError::NoTable(name.to_owned()))
    }
}

/// What is exported, and how.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The tables; where there are none, `events`, `profiles`, `system`, and `preaggregated_system`
    /// and `processes` if they have rows.
    pub tables: Vec<Table>,
    /// The columns to group rows of dfanalyzer's columns by; they are not grouped where there are
    /// none.
    pub group_by: Vec<GroupColumn>,
    /// The format.
    pub format: Format,
    /// Tables that are written at once, and parts of one that are read at once.
    pub threads: usize,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The table.
    pub table: Table,
    /// The file.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// What an export did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The tables that were written.
    pub tables: Vec<Exported>,
    /// Files of earlier exports that were removed, for they show something else.
    pub removed: Vec<PathBuf>,
}

/// Writes tables to the directory `out`, which is made if it is not there: one file each, named
/// after it. All are there whole or not at all. Tables of earlier exports that show something else, another
/// state of the index or other rows of it, are removed.
///
/// # Errors
///
/// [`ExportError`]; what was there before stays, unless it fails when all tables are written.
pub fn export(view: &View<'_>, out: &Path, options: &ExportOptions) -> Result<Export, ExportError> {
    let grouping = !options.group_by.is_empty();
    let mut tables = options.tables.clone();
    if tables.is_empty() {
        tables = vec![Table::Events, Table::Profiles, Table::System];
        if view.has_rows(SeriesKind::HostStatistic)? {
            tables.push(Table::PreaggregatedSystem);
        }
        if view.has_processes()? {
            tables.push(Table::Processes);
        }
    } else {
        tables.sort_unstable();
        tables.dedup();
        if grouping && let Some(table) = tables.iter().find(|table| table.kind().is_none()) {
            return Err(ExportError::NotGrouped(table.name()));
        }
    }
    dft_io::require_threads(options.threads + THREADS).map_err(ExportError::Threads)?;
    let names = tables.iter().map(|&table| file_name(table, options.format)).collect();
    let directory = Directory::open(out, view.shows()?, names)?;
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some(&table) = tables.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = export_one(view, table, out, options);
            let failed = result.is_err();
            if let Ok(mut results) = results.lock() {
                results.push((table, result));
            }
            if failed {
                next.store(tables.len(), Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..options.threads.min(tables.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(table, _)| *table);
    let (mut written, mut files) = (Vec::new(), Vec::new());
    for (_, result) in results {
        let (exported, file) = result?;
        files.push((file_name(exported.table, options.format), file));
        written.push(exported);
    }
    Ok(Export { tables: written, removed: directory.publish(files)? })
}

/// Writes a table to a file that has not its name yet.
fn export_one(
    view: &View<'_>,
    table: Table,
    out: &Path,
    options: &ExportOptions,
) -> Result<(Exported, Temporary), ExportError> {
    let path = out.join(file_name(table, options.format));
    let dictionaries = options.format.dictionaries();
    let parts = match table.kind() {
        Some(kind) if !options.group_by.is_empty() => vec![TablePart::new(view.grouped(kind, &options.group_by)?)],
        Some(kind) => view.calls_in_parts(kind, dictionaries)?,
        None if table == Table::Processes => vec![TablePart::new(view.processes()?)],
        None if table == Table::System => vec![TablePart::new(view.telemetry(dictionaries)?)],
        None if table == Table::SystemByHost => vec![TablePart::new(view.telemetry_by_host(dictionaries)?)],
        None => vec![TablePart::new(view.statistics(dictionaries)?)],
    };
    let (file, rows) = write(parts, options.threads, view, options.format, &path)?;
    let bytes = file.size()?;
    Ok((Exported { table, path, rows, bytes }, file))
}
