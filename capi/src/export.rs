//! Tables, as Arrow streams and as files.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use dft_export::{Batches, ExportOptions, Format, Summary, Table, TableOptions, View, export};
use dft_io::fork::Maker;
use self_cell::self_cell;

use crate::arguments::{dft_text, given, growing, list, out};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::index::{Source, dft_index, source};
use crate::notes::{dft_note, dft_on_note};
use crate::status::{DFT_TOO_LARGE, Failure, dft_status};
use crate::view::{Asked, asked, dft_view};

/// Table `events`: calls, in dfanalyzer's columns.
pub const DFT_TABLE_EVENTS: u32 = 0;
/// Table `profiles`: aggregated calls, in the same columns.
pub const DFT_TABLE_PROFILES: u32 = 1;
/// Table `system`: telemetry, with columns for each metric.
pub const DFT_TABLE_SYSTEM: u32 = 2;
/// Table `preaggregated_system`: host statistics, in dfanalyzer's columns.
pub const DFT_TABLE_PREAGGREGATED_SYSTEM: u32 = 3;
/// Table `aggregation`: every row with full statistics.
pub const DFT_TABLE_AGGREGATION: u32 = 4;
/// Table `processes`: rank, command, start and end of each process.
pub const DFT_TABLE_PROCESSES: u32 = 5;
/// Table `system` by host, name and cell alone: merges the readings of counters that differ only in category, process
/// or group keys.
pub const DFT_TABLE_SYSTEM_BY_HOST: u32 = 6;

/// Format: Apache Parquet.
pub const DFT_FORMAT_PARQUET: u32 = 0;
/// Format: Arrow IPC file.
pub const DFT_FORMAT_ARROW: u32 = 1;
/// Format: CSV.
pub const DFT_FORMAT_CSV: u32 = 2;

/// The stream of the Arrow C stream interface, as Arrow's header defines it.
#[derive(Debug)]
pub struct ArrowArrayStream {
    _private: [u8; 0],
}

fn table(number: u32) -> Result<Table, Failure> {
    match number {
        DFT_TABLE_EVENTS => Ok(Table::Events),
        DFT_TABLE_PROFILES => Ok(Table::Profiles),
        DFT_TABLE_SYSTEM => Ok(Table::System),
        DFT_TABLE_PREAGGREGATED_SYSTEM => Ok(Table::PreaggregatedSystem),
        DFT_TABLE_AGGREGATION => Ok(Table::Aggregation),
        DFT_TABLE_PROCESSES => Ok(Table::Processes),
        DFT_TABLE_SYSTEM_BY_HOST => Ok(Table::SystemByHost),
        other => Err(Failure::argument(format!("{other} is not a table, one of DFT_TABLE_…"))),
    }
}

self_cell! {
    /// A view, with the index that it shows.
    struct Shown {
        owner: Arc<Source>,
        #[covariant]
        dependent: View,
    }
}

pub(crate) type BoxedBatches<'a> = Box<dyn Batches + Send + 'a>;

self_cell! {
    /// The batches of a table, with the view that they are read through.
    struct Reading {
        owner: Shown,
        #[not_covariant]
        dependent: BoxedBatches,
    }
}

/// A table that only the process that opened it can read. A child process does not have the threads that read it nor
/// their locks, so reading fails there and the table is never dropped.
pub(crate) struct TableReader {
    /// Always there, except while it is dropped.
    reading: Option<Reading>,
    schema: SchemaRef,
    /// Whether reading failed. The stream has no more batches then.
    failed: bool,
    maker: Maker,
}

impl Drop for TableReader {
    fn drop(&mut self) {
        if self.maker.is_parent() {
            std::mem::forget(self.reading.take());
        }
    }
}

impl TableReader {
    fn new(source: Arc<Source>, table: Table, view: *const dft_view) -> Result<Self, Failure> {
        let mut asked = asked(view)?;
        let options = TableOptions { group_by: std::mem::take(&mut asked.group_by), ..TableOptions::default() };
        Self::of(source, asked, |view| Ok(view.table(table, options)?))
    }

    /// Writes the reader to the caller's stream.
    pub(crate) fn export(self, stream: *mut ArrowArrayStream) -> Result<(), Failure> {
        let place = out("stream", stream.cast::<FFI_ArrowArrayStream>())?;
        // SAFETY: `out` checks the place, and the caller must ensure that it is writable. It holds no stream that needs a
        // release, so it is overwritten without being dropped.
        unsafe { std::ptr::write(place, FFI_ArrowArrayStream::new(Box::new(self))) };
        Ok(())
    }

    /// Reads what `open` returns of a view.
    pub(crate) fn of(
        source: Arc<Source>,
        asked: Asked,
        open: impl for<'v> FnOnce(&'v View<'v>) -> Result<BoxedBatches<'v>, Failure>,
    ) -> Result<Self, Failure> {
        let shown = Shown::try_new(source, |source| asked.view(source))?;
        let reading = Reading::try_new(shown, |shown| open(shown.borrow_dependent()))?;
        let schema = reading.with_dependent(|_, batches| batches.schema());
        Ok(Self { reading: Some(reading), schema, failed: false, maker: Maker::this_process() })
    }
}

impl Iterator for TableReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.maker.is_parent() {
            self.failed = true;
            let what = "this table was opened before fork(); open the index again in this process";
            return Some(Err(ArrowError::ComputeError(what.to_owned())));
        }
        // The reader of the stream is not Rust code, so a panic must not reach it.
        let reading = self.reading.as_mut()?;
        let next = catch_unwind(AssertUnwindSafe(|| reading.with_dependent_mut(|_, batches| batches.next_batch())));
        let failure = match next {
            Ok(Ok(next)) => return next.map(Ok),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a bug in the library: it panicked".to_owned(),
        };
        self.failed = true;
        // A C string ends at a zero, and names in a trace may contain zeros.
        Some(Err(ArrowError::ComputeError(failure.replace('\0', "\u{fffd}"))))
    }
}

impl RecordBatchReader for TableReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

/// Opens a table as a stream of the Arrow C stream interface, which any Arrow library reads without a copy. Memory does
/// not grow with the table.
///
/// `index`: the index; its handle may be freed before the stream. `table`: one of DFT_TABLE_…. `view`: which rows; its
/// `size` must be set; NULL for all. `stream`: an ArrowArrayStream, which is overwritten, so it must not be a stream
/// that needs a release; not NULL. The caller releases it with its `release`.
///
/// Returns DFT_INVALID_ARGUMENT if the table, or anything in the view, is invalid, and DFT_DAMAGED or DFT_SYSTEM if the
/// index cannot be read. Errors while reading are errors of the stream. Any number of threads; each stream allows one
/// thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_table_stream(
    index: *const dft_index,
    table: u32,
    view: *const dft_view,
    stream: *mut ArrowArrayStream,
) -> dft_status {
    boundary("dft_table_stream", || TableReader::new(source(index)?, self::table(table)?, view)?.export(stream))
}

/// A column of a table. Its text is valid during the callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_column {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// The name.
    pub name: dft_text,
}

/// Receives a column, valid during the callback. A result other than 0 ends the iteration.
pub type dft_visit_column = Option<unsafe extern "C" fn(context: *mut c_void, column: *const dft_column) -> i32>;

/// Iterates over the columns of a table, in order. Telemetry and the table `aggregation` have columns for every metric
/// that was observed.
///
/// `table`: one of DFT_TABLE_…. `view`: its `size` must be set; NULL for everything. `visit`: receives each name on the
/// caller's thread; not NULL. `context`: passed to it; may be NULL. Statuses and thread rule: see dft_table_stream().
#[unsafe(no_mangle)]
pub extern "C" fn dft_table_columns(
    index: *const dft_index,
    table: u32,
    view: *const dft_view,
    visit: dft_visit_column,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_table_columns", || {
        let visit = Callback::required("visit", visit, context)?;
        let reader = TableReader::new(source(index)?, self::table(table)?, view)?;
        for field in reader.schema().fields() {
            let column = dft_column { size: size_of::<dft_column>() as u64, name: dft_text::of(field.name()) };
            if !visit.pass(&column) {
                break;
            }
        }
        Ok(())
    })
}

/// What to export, and how. Set `size` and `directory`; zeros elsewhere are the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_export_request {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The directory, which is created if it does not exist; not empty.
    pub directory: dft_text,
    /// The tables: values of DFT_TABLE_…. NULL with length 0 for all tables except `aggregation`.
    pub tables: *const u32,
    /// The number of tables.
    pub tables_length: u64,
    /// Which rows; its `size` must be set; NULL for all.
    pub view: *const dft_view,
    /// One of DFT_FORMAT_…
    pub format: u32,
    /// The number of tables written at once, limited to 1,024; 0 for the number of cores.
    pub threads: u32,
}

growing!(dft_export_request);

/// Writes tables to a directory, one file for each, named after the table. Either all tables are written or none.
/// Tables of earlier exports that show another state of the index, or other rows of it, are removed.
///
/// `request`: what to export; its `size` must be set; not NULL.
///
/// Returns DFT_INVALID_ARGUMENT if an argument is invalid, or if the directory has a table that no export is known to
/// have written and that would stay next to the new ones; then nothing is written. Returns DFT_TOO_LARGE, with the row
/// in the last error, if a number does not fit in its column, DFT_DAMAGED if the index or the directory's list of
/// exports is damaged, and DFT_SYSTEM for errors of the system. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_export(index: *const dft_index, request: *const dft_export_request) -> dft_status {
    boundary("dft_export", || {
        let request = given("request", request)?;
        let source = source(index)?;
        let mut asked = asked(request.view)?;
        let group_by = std::mem::take(&mut asked.group_by);
        let tables: Result<Vec<Table>, Failure> = list("request.tables", request.tables, request.tables_length)?
            .iter()
            .map(|&number| table(number))
            .collect();
        let format = match request.format {
            DFT_FORMAT_PARQUET => Format::Parquet,
            DFT_FORMAT_ARROW => Format::Arrow,
            DFT_FORMAT_CSV => Format::Csv,
            other => return Err(Failure::argument(format!("{other} is not a format, one of DFT_FORMAT_…"))),
        };
        let options =
            ExportOptions { tables: tables?, group_by, format, threads: crate::build::threads(request.threads) };
        let view = asked.view(&source)?;
        export(&view, request.directory.path("request.directory")?, &options)?;
        Ok(())
    })
}

/// Summarizes an index as a JSON object: time spans and totals (times in µs, sizes in bytes), the top functions and
/// files, and every metric of telemetry.
///
/// `view`: which rows; its `size` must be set; NULL for all. `top`: the number of functions and files to list.
/// `on_text`: receives the text once, with an empty path, on the caller's thread; not NULL. `context`: passed to it;
/// may be NULL.
///
/// Returns DFT_INVALID_ARGUMENT if anything in the view is invalid, DFT_TOO_LARGE, with the row in the last error, if a
/// number does not fit in an int64, and DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_summary(
    index: *const dft_index,
    view: *const dft_view,
    top: u64,
    on_text: dft_on_note,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_summary", || {
        let on_text = Callback::required("on_text", on_text, context)?;
        let source = source(index)?;
        let view = asked(view)?.view(&source)?;
        let summary = Summary::of(&view, usize::try_from(top).unwrap_or(usize::MAX))?;
        summary.check_int64()?;
        let text = serde_json::to_string(&summary)
            .map_err(|error| Failure::new(DFT_TOO_LARGE, format!("the summary cannot be written as JSON: {error}")))?;
        on_text.pass(&dft_note::new(&[], &text));
        Ok(())
    })
}
