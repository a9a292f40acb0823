//! Tables, as Arrow streams and as files.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use dft_export::{Batches, ExportOptions, Format, Summary, Table, TableOptions, View, export};
use dft_io::fork::Maker;

use crate::arguments::{dft_text, list, out};
use crate::boundary::boundary;
use crate::build::dft_on_text;
use crate::index::{Source, dft_index, source};
use crate::status::{DFT_TOO_LARGE, Failure, dft_status};
use crate::view::{asked, dft_view};

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

/// A table that only the process that opened it can read. A child process does not have the threads that read it nor
/// their locks, so reading fails there and the table is never dropped.
struct TableReader {
    reading: ManuallyDrop<Reading>,
    maker: Maker,
}

impl Drop for TableReader {
    fn drop(&mut self) {
        if !self.maker.is_parent() {
            // SAFETY: it is dropped only here, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.reading) };
        }
    }
}

/// A table and what it is read from. Fields are dropped in order: each comes before what it borrows from.
struct Reading {
    batches: Box<dyn Batches + Send>,
    /// Whether reading failed. The stream has no more batches then.
    failed: bool,
    _view: Arc<View<'static>>,
    _source: Arc<Source>,
}

impl TableReader {
    fn new(source: Arc<Source>, table: Table, view: *const dft_view) -> Result<Self, Failure> {
        let mut asked = asked(view)?;
        let columns = std::mem::take(&mut asked.group_by);
        // SAFETY: the index is on the heap, and the reader drops the view before it.
        let index: &'static Source = unsafe { &*Arc::as_ptr(&source) };
        let view = Arc::new(asked.view(index)?);
        // SAFETY: the view is on the heap, and the reader drops the batches before it.
        let shown: &'static View<'static> = unsafe { &*Arc::as_ptr(&view) };
        let options = TableOptions { group_by: columns, ..TableOptions::default() };
        let batches = shown.table(table, options)?;
        let reading = ManuallyDrop::new(Reading { batches, failed: false, _view: view, _source: source });
        Ok(Self { reading, maker: Maker::this_process() })
    }
}

impl Iterator for TableReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reading.failed {
            return None;
        }
        if self.maker.is_parent() {
            self.reading.failed = true;
            let what = "this table was opened before fork(); open the index again in this process";
            return Some(Err(ArrowError::ComputeError(what.to_owned())));
        }
        // The reader of the stream is not Rust code, so a panic must not reach it.
        let next = catch_unwind(AssertUnwindSafe(|| self.reading.batches.next_batch()));
        let failure = match next {
            Ok(Ok(next)) => return next.map(Ok),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a bug in the library: it panicked".to_owned(),
        };
        self.reading.failed = true;
        // A C string ends at a zero, and names in a trace may contain zeros.
        Some(Err(ArrowError::ComputeError(failure.replace('\0', "\u{fffd}"))))
    }
}

impl RecordBatchReader for TableReader {
    fn schema(&self) -> SchemaRef {
        self.reading.batches.schema()
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
    boundary("dft_table_stream", || {
        let place = out("stream", stream.cast::<FFI_ArrowArrayStream>())?;
        let reader = TableReader::new(source(index)?, self::table(table)?, view)?;
        // SAFETY: `out` checks the place, and the caller must ensure that it is writable. It holds no stream that needs
        // a release, so it is overwritten without being dropped.
        unsafe { std::ptr::write(place, FFI_ArrowArrayStream::new(Box::new(reader))) };
        Ok(())
    })
}

/// Receives the name of a column, valid during the callback. A result other than 0 ends the iteration.
pub type dft_visit_column = Option<unsafe extern "C" fn(context: *mut c_void, name: dft_text) -> i32>;

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
        let visit = visit.ok_or_else(|| Failure::argument("visit is NULL"))?;
        let reader = TableReader::new(source(index)?, self::table(table)?, view)?;
        for field in reader.schema().fields() {
            // SAFETY: the caller must ensure that the function has this type. The text stays valid during the call.
            if unsafe { visit(context, dft_text::of(field.name())) } != 0 {
                break;
            }
        }
        Ok(())
    })
}

/// Writes tables to a directory, one file for each, named after the table. Either all tables are written or none.
/// Tables of earlier exports that show another state of the index, or other rows of it, are removed.
///
/// `directory`: the directory, which is created if it does not exist; not empty. `tables`: values of DFT_TABLE_…,
/// `tables_length` of them; none for all tables except `aggregation`. `view`: which rows; its `size` must be set; NULL
/// for all. `format`: one of DFT_FORMAT_…. `threads`: the number of tables written at once, limited to 1,024; 0 for the
/// number of cores.
///
/// Returns DFT_INVALID_ARGUMENT if an argument is invalid, or if the directory has a table that no export is known to
/// have written and that would stay next to the new ones; then nothing is written. Returns DFT_TOO_LARGE, with the row
/// in the last error, if a number does not fit in its column, DFT_DAMAGED if the index or the directory's list of
/// exports is damaged, and DFT_SYSTEM for errors of the system. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_export(
    index: *const dft_index,
    directory: dft_text,
    tables: *const u32,
    tables_length: u64,
    view: *const dft_view,
    format: u32,
    threads: u32,
) -> dft_status {
    boundary("dft_export", || {
        let source = source(index)?;
        let mut asked = asked(view)?;
        let group_by = std::mem::take(&mut asked.group_by);
        let tables: Result<Vec<Table>, Failure> =
            list("tables", tables, tables_length)?.iter().map(|&number| self::table(number)).collect();
        let format = match format {
            DFT_FORMAT_PARQUET => Format::Parquet,
            DFT_FORMAT_ARROW => Format::Arrow,
            DFT_FORMAT_CSV => Format::Csv,
            other => return Err(Failure::argument(format!("{other} is not a format, one of DFT_FORMAT_…"))),
        };
        let options = ExportOptions { tables: tables?, group_by, format, threads: crate::build::threads(threads) };
        let view = asked.view(&source)?;
        export(&view, directory.path("directory")?, &options)?;
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
    on_text: dft_on_text,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_summary", || {
        let on_text = on_text.ok_or_else(|| Failure::argument("on_text is NULL"))?;
        let source = source(index)?;
        let view = asked(view)?.view(&source)?;
        let summary = Summary::of(&view, usize::try_from(top).unwrap_or(usize::MAX))?;
        summary.check_int64()?;
        let text = serde_json::to_string(&summary)
            .map_err(|error| Failure::new(DFT_TOO_LARGE, format!("the summary cannot be written as JSON: {error}")))?;
        // SAFETY: the caller must ensure that the function has this type. The text stays valid during the call.
        unsafe { on_text(context, dft_text::default(), dft_text::of(&text)) };
        Ok(())
    })
}
