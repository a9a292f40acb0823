//! Tables, as Arrow streams and as files.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use dft_export::{
    Batches, ExportOptions, Filter, Format, GroupColumn, Pattern, Shard, Summary, Table, TableOptions, View, export,
};
use dft_io::fork::Maker;
use dft_store::Index;

use crate::arguments::{Growing, dft_text, given, list, out};
use crate::boundary::boundary;
use crate::build::dft_on_text;
use crate::index::{Source, dft_index, source};
use crate::status::{DFT_TOO_LARGE, Failure, dft_status};

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
pub struct ArrowArrayStream {
    _private: [u8; 0],
}

/// A view of an index: a granularity, filters and the form of the result. Set `size` and zero the rest to see
/// everything. Globs know `*` and `?`, which also match `/`, `[ab]` and `{one,other}`. Texts are UTF-8.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_view {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The granularity, which is the length of a cell, in µs: a multiple of the index's interval; 0 for the interval.
    pub granularity_us: u64,
    /// The start of the time range, in µs from the origin of the trace. Only cells that overlap the range are shown.
    pub start_us: u64,
    /// The end of the time range, in µs from the origin of the trace, excluded.
    pub end_us: u64,
    /// 1 if `start_us` and `end_us` apply, 0 if not.
    pub has_time: u32,
    /// 1 if `pid` applies, 0 if not.
    pub has_pid: u32,
    /// Only the process with this id.
    pub pid: i64,
    /// Only categories that match this glob, in lower case; empty for all.
    pub category: dft_text,
    /// Only functions and counters that match this glob; empty for all.
    pub name: dft_text,
    /// Only hosts whose name or hash matches this glob; empty for all.
    pub host: dft_text,
    /// Only files whose name or hash matches this glob; empty for all.
    pub file: dft_text,
    /// Columns to group rows by, with dfanalyzer's names. NULL with length 0 does not group rows.
    pub group_by: *const dft_text,
    /// The number of columns in `group_by`.
    pub group_by_length: u64,
    /// Only processes with these ids, and `pid` if `has_pid` is set. NULL with length 0 for all.
    pub pids: *const i64,
    /// The number of process ids in `pids`.
    pub pids_length: u64,
    /// The shard of the table to show, for parallel readers: from 0 to `shards` - 1.
    pub shard: u32,
    /// The number of shards, at most 65,536; 0 or 1 for the whole table. Shards are disjoint, have the same columns,
    /// and together are the table. For calls, the shards in order are the table. A shard cannot be grouped.
    pub shards: u32,
    /// The maximum number of rows of a batch; 0 for a size that is fast to read.
    pub batch_rows: u64,
    /// Only calls that match this query, such as `cat == "posix" and not pid in [1, 2]`; empty for all.
    /// Its fields are family, cat, name, pid, tid, rank, host_hash, file_hash, host_name, file_name, proc_name, io_cat.
    pub query: dft_text,
    /// Only processes with these ranks, as the traces state them. NULL with length 0 for all.
    pub ranks: *const i64,
    /// The number of ranks in `ranks`.
    pub ranks_length: u64,
}

impl Default for dft_view {
    fn default() -> Self {
        let text = dft_text::default;
        Self {
            size: size_of::<Self>() as u64,
            granularity_us: 0,
            start_us: 0,
            end_us: 0,
            has_time: 0,
            has_pid: 0,
            pid: 0,
            category: text(),
            name: text(),
            host: text(),
            file: text(),
            group_by: std::ptr::null(),
            group_by_length: 0,
            pids: std::ptr::null(),
            pids_length: 0,
            shard: 0,
            shards: 0,
            batch_rows: 0,
            query: text(),
            ranks: std::ptr::null(),
            ranks_length: 0,
        }
    }
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers and pointers.
unsafe impl Growing for dft_view {}

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

/// The parts of a view that a caller passes.
pub(crate) struct Asked {
    granularity: Option<u64>,
    filter: Filter,
    group_by: Vec<GroupColumn>,
    batch_rows: Option<NonZeroUsize>,
}

impl Asked {
    pub(crate) fn view<'a>(self, index: &'a Index) -> Result<View<'a>, Failure> {
        let view = View::new(index, self.granularity, self.filter)?;
        Ok(match self.batch_rows {
            Some(rows) => view.in_batches_of(rows),
            None => view,
        })
    }
}

pub(crate) fn asked(view: *const dft_view) -> Result<Asked, Failure> {
    let given = if view.is_null() { dft_view::default() } else { given("view", view)? };
    let pattern = |text: dft_text, name| -> Result<Option<Pattern>, Failure> {
        match text.utf8(name)? {
            "" => Ok(None),
            text => Ok(Some(Pattern::new(text)?)),
        }
    };
    let mut pids = list("view.pids", given.pids, given.pids_length)?.to_vec();
    pids.extend((given.has_pid != 0).then_some(given.pid));
    pids.sort_unstable();
    let mut ranks = list("view.ranks", given.ranks, given.ranks_length)?.to_vec();
    ranks.sort_unstable();
    let shard = match (given.shard, given.shards) {
        (0, 0 | 1) => None,
        (shard, shards) => match Shard::new(shard, shards) {
            Some(shard) => Some(shard),
            None => {
                return Err(Failure::argument(format!(
                    "there is no shard {shard} of {shards}: shards are counted from 0"
                )));
            }
        },
    };
    let filter = Filter {
        time: (given.has_time != 0).then_some(given.start_us..given.end_us),
        category: pattern(given.category, "view.category")?,
        name: pattern(given.name, "view.name")?,
        pids,
        ranks,
        query: match given.query.utf8("view.query")? {
            "" => None,
            query => Some(query.parse()?),
        },
        shard,
        host: pattern(given.host, "view.host")?,
        file: pattern(given.file, "view.file")?,
    };
    let columns = list::<dft_text>("view.group_by", given.group_by, given.group_by_length)?;
    let columns: Result<Vec<GroupColumn>, Failure> =
        columns.iter().map(|column| Ok(column.utf8("view.group_by")?.parse()?)).collect();
    Ok(Asked {
        granularity: (given.granularity_us != 0).then_some(given.granularity_us),
        filter,
        group_by: columns?,
        batch_rows: NonZeroUsize::new(usize::try_from(given.batch_rows).unwrap_or(usize::MAX)),
    })
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
