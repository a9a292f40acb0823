//! Tables: as Arrow streams, and as files.

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

/// Calls, in dfanalyzer's columns.
pub const DFT_TABLE_EVENTS: u32 = 0;
/// Calls that a tracer aggregated, in the same columns.
pub const DFT_TABLE_PROFILES: u32 = 1;
/// Telemetry: a column for each metric.
pub const DFT_TABLE_SYSTEM: u32 = 2;
/// System statistics that a tracer aggregated, in dfanalyzer's columns.
pub const DFT_TABLE_PREAGGREGATED_SYSTEM: u32 = 3;
/// Every row with full statistics.
pub const DFT_TABLE_AGGREGATION: u32 = 4;
/// Processes: rank, command, start and end.
pub const DFT_TABLE_PROCESSES: u32 = 5;
/// Telemetry by host, name and cell alone: readings of counters that differ only by category, process or group
/// keys merge.
pub const DFT_TABLE_SYSTEM_BY_HOST: u32 = 6;

/// Apache Parquet.
pub const DFT_FORMAT_PARQUET: u32 = 0;
/// Arrow IPC, the file format.
pub const DFT_FORMAT_ARROW: u32 = 1;
/// CSV.
pub const DFT_FORMAT_CSV: u32 = 2;

/// The stream of the Arrow C stream interface, as Arrow's own header defines it.
pub struct ArrowArrayStream {
    _private: [u8; 0],
}

/// What of an index a table shows. Set `size` and zero the rest for all of it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_view {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The length of a cell of time, in µs, a multiple of the index's interval; 0 for that.
    pub granularity_us: u64,
    /// Cells that overlap with the time from here on, in µs from the origin of the trace, …
    pub start_us: u64,
    /// … to here, this excluded.
    pub end_us: u64,
    /// 1 if `start_us` and `end_us` apply, 0 if not.
    pub has_time: u32,
    /// 1 where `pid` counts.
    pub has_pid: u32,
    /// Only this process.
    pub pid: i64,
    /// Only categories that match this glob; empty for all.
    pub category: dft_text,
    /// Only functions and counters that match this glob; empty for all.
    pub name: dft_text,
    /// Only hosts whose name or hash matches this glob; empty for all.
    pub host: dft_text,
    /// Only files whose name or hash matches this glob; empty for all.
    pub file: dft_text,
    /// Columns to group rows by, as dfanalyzer names them; none for rows that are not grouped.
    pub group_by: *const dft_text,
    /// How many columns rows are grouped by.
    pub group_by_length: u64,
    /// Only these processes; none for all. With `has_pid`, that one too.
    pub pids: *const i64,
    /// How many processes there are.
    pub pids_length: u64,
    /// Only one of the shards that parallel readers divide the table into, counted from 0, …
    pub shard: u32,
    /// … of so many, at most 65,536; 0 or 1 for all of it. Shards are disjoint, have the same columns, and
    /// together are the table: of calls, in their order. A shard cannot be grouped.
    pub shards: u32,
    /// The most rows of a batch; 0 for as many as is quick.
    pub batch_rows: u64,
    /// Only calls that this query asks for, such as `cat == "posix" and not pid in [1, 2]`; empty for all.
    /// Its fields are family, cat, name, pid, tid, rank, host_hash, file_hash, host_name, file_name, proc_name, io_cat.
    pub query: dft_text,
    /// Only processes of these ranks, as traces say them; none for all.
    pub ranks: *const i64,
    /// How many ranks there are.
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
        other => Err(Failure::argument(format!("{other} is no table"))),
    }
}

/// What a caller asks for.
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
            None => return Err(Failure::argument(format!("there is no shard {shard} of {shards}"))),
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

/// A table that is read by the process that asked for it. A child of that has neither the threads that read it nor
/// their locks, so there it fails, and is never dropped.
struct TableReader {
    reading: ManuallyDrop<Reading>,
    maker: Maker,
}

impl Drop for TableReader {
    fn drop(&mut self) {
        if !self.maker.is_parent() {
            // SAFETY: it is dropped once, here, and not used after.
            unsafe { ManuallyDrop::drop(&mut self.reading) };
        }
    }
}

/// A table, and what it is read from, each before what it borrows from.
struct Reading {
    batches: Box<dyn Batches + Send>,
    /// Whether it has failed: then there is nothing behind.
    failed: bool,
    _view: Arc<View<'static>>,
    _source: Arc<Source>,
}

impl TableReader {
    fn new(source: Arc<Source>, table: Table, view: *const dft_view) -> Result<Self, Failure> {
        let mut asked = asked(view)?;
        let columns = std::mem::take(&mut asked.group_by);
        // SAFETY: the index lies on the heap, and the reader drops its view before it.
        let index: &'static Source = unsafe { &*Arc::as_ptr(&source) };
        let view = Arc::new(asked.view(index)?);
        // SAFETY: the view lies on the heap, and the reader drops its batches before it.
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
            let what = "this table was asked for before fork(); open the index again in this process";
            return Some(Err(ArrowError::ComputeError(what.to_owned())));
        }
        // Whoever reads the stream is no Rust, and a panic must not reach it.
        let next = catch_unwind(AssertUnwindSafe(|| self.reading.batches.next_batch()));
        let failure = match next {
            Ok(Ok(next)) => return next.map(Ok),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a defect of the library: it panicked".to_owned(),
        };
        self.reading.failed = true;
        // A text of C ends at a zero, which a trace's names may hold.
        Some(Err(ArrowError::ComputeError(failure.replace('\0', "\u{fffd}"))))
    }
}

impl RecordBatchReader for TableReader {
    fn schema(&self) -> SchemaRef {
        self.reading.batches.schema()
    }
}

/// Gives a table as a stream by the Arrow C stream interface, which any Arrow library reads without a copy.
///
/// `table`: one of DFT_TABLE_…. `view`: NULL for all of it. `stream`: an ArrowArrayStream, whose bytes are
/// overwritten; the caller releases it by its own `release`, on any one thread at a time. The index may be
/// freed before it. Memory does not grow with the table.
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
        // SAFETY: the place is good, by the check and the caller's word; what is there is no stream yet,
        // so it is overwritten without being dropped.
        unsafe { std::ptr::write(place, FFI_ArrowArrayStream::new(Box::new(reader))) };
        Ok(())
    })
}

/// Sees a column's name, valid during the call; not 0 ends the walk.
pub type dft_visit_column = Option<unsafe extern "C" fn(context: *mut c_void, name: dft_text) -> i32>;

/// Shows the columns of a table to `visit`, in their order: of telemetry and of the aggregation, those of
/// every metric that was observed. `view`: NULL for all of it; `context` is handed on.
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

/// Writes tables to files of a directory, which is made if it is not there: one file each, named after the
/// table; all are there whole or not at all. Tables that earlier exports wrote there and that show something
/// else, another state of the index or other rows of it, are removed; a table that no export is known to have
/// written, and that would stay beside the new ones, gives DFT_INVALID_ARGUMENT before anything is written.
///
/// `tables`: DFT_TABLE_…, or none for all but the aggregation. `view`: NULL for all of it. `format`: one of
/// DFT_FORMAT_…. `threads`: tables written at once; 0 for as many as the machine has cores.
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
            other => return Err(Failure::argument(format!("{other} is no format"))),
        };
        let options = ExportOptions { tables: tables?, group_by, format, threads: crate::build::threads(threads) };
        let view = asked.view(&source)?;
        export(&view, directory.path("directory")?, &options)?;
        Ok(())
    })
}

/// Says what is in an index on one screen, as a JSON object: spans and totals (times in µs, sizes in
/// bytes), the `top` functions and files, every metric of telemetry.
///
/// `view`: NULL for all of it. `on_text`: is given the text, once, with an empty path; `context` is handed
/// on to it. DFT_TOO_LARGE, with the row, where no int64 holds a number.
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
            .map_err(|error| Failure::new(DFT_TOO_LARGE, format!("the summary is no JSON: {error}")))?;
        // SAFETY: the caller must ensure that the function has this type. The text stays valid during the call.
        unsafe { on_text(context, dft_text::default(), dft_text::of(&text)) };
        Ok(())
    })
}
