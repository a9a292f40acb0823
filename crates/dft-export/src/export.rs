//! The export of tables to the files of a directory.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dft_codec::SeriesKind;
use dft_io::account::{self, Chain, Stage};

use crate::error::ExportError;
use crate::files::directory::{ExportDirectory, file_name};
use crate::files::format::Format;
use crate::files::temporary::TemporaryFile;
use crate::files::write;
use crate::group_column::GroupColumn;
use crate::table::{Table, TableOptions};
use crate::view::View;

/// Threads that an export starts in addition to those of its options: readers and encoders of a table.
const EXTRA_THREADS: usize = 8;

/// What to export, and how.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The tables. If there are none: `events`, `profiles` and `system`, and `preaggregated_system` and `processes` if
    /// they have rows.
    pub tables: Vec<Table>,
    /// The columns to group rows of dfanalyzer's columns by; rows are not grouped if there are none.
    pub group_by: Vec<GroupColumn>,
    /// The format.
    pub format: Format,
    /// The number of tables that are written concurrently, and of parts of a table that are read concurrently.
    pub threads: usize,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The table.
    pub table: Table,
    /// The file.
    pub path: PathBuf,
    /// The number of rows.
    pub rows: u64,
    /// The size of the file, in bytes.
    pub bytes: u64,
}

/// What an export did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The tables that were written.
    pub tables: Vec<Exported>,
    /// Files of earlier exports that were removed because they show other contents.
    pub removed: Vec<PathBuf>,
}

/// Writes tables to the directory `out`, one file each, named after the table. Creates the directory if it does not
/// exist.
///
/// Either all tables are written or none. Tables of earlier exports that show another state of the index, or other rows
/// of it, are removed.
///
/// # Errors
///
/// [`ExportError`]. Earlier files stay, unless the export fails after all tables are written.
pub fn export(view: &View<'_>, out: &Path, options: &ExportOptions) -> Result<Export, ExportError> {
    let tables = tables(view, options)?;
    dft_io::require_threads(options.threads + EXTRA_THREADS).map_err(ExportError::Threads)?;
    let names = tables.iter().map(|&table| file_name(table, options.format)).collect();
    let directory = ExportDirectory::open(out, view.content_hash()?, names)?;
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

/// Returns the tables to export, in order.
fn tables(view: &View<'_>, options: &ExportOptions) -> Result<Vec<Table>, ExportError> {
    let mut tables = options.tables.clone();
    if tables.is_empty() {
        tables = vec![Table::Events, Table::Profiles, Table::System];
        if view.has_rows(SeriesKind::HostStatistic)? {
            tables.push(Table::PreaggregatedSystem);
        }
        if view.has_processes()? {
            tables.push(Table::Processes);
        }
        return Ok(tables);
    }
    tables.sort_unstable();
    tables.dedup();
    if !options.group_by.is_empty() {
        for table in &tables {
            table.require_groups()?;
        }
    }
    Ok(tables)
}

/// Writes a table to a file that does not have its final name yet.
fn export_one(
    view: &View<'_>,
    table: Table,
    out: &Path,
    options: &ExportOptions,
) -> Result<(Exported, TemporaryFile), ExportError> {
    let ExportOptions { group_by, format, threads, .. } = options;
    let path = out.join(file_name(table, *format));
    // A default export with groups also writes tables that cannot be grouped.
    let group_by = if table.require_groups().is_ok() { group_by.clone() } else { Vec::new() };
    let table_options = TableOptions { group_by, dictionaries: format.dictionaries() };
    let parts = account::work(Stage::Prepare, Chain::new(), || view.table_parts(table, table_options, *threads))?;
    let (file, rows) = write(parts, *threads, view, *format, &path)?;
    let bytes = file.size()?;
    Ok((Exported { table, path, rows, bytes }, file))
}
