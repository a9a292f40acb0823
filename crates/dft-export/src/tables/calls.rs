//! The tables of calls, in the columns that dfanalyzer reads.

use std::collections::HashSet;
use std::iter::repeat_n;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, SchemaRef};
use dft_codec::{RowCore, SeriesKind};
use dft_metrics::scaled;

use crate::cells::{Cell, CellScan, Series};
use crate::columns::{OptionalColumn, StringColumn, dictionary_type, int64, optional, required};
use crate::error::ExportError;
use crate::export::Batches;
use crate::view::{Dictionaries, View};

/// The table that has the rows of a family.
pub(crate) fn table_name(kind: SeriesKind) -> &'static str {
    match kind {
        SeriesKind::Call => "events",
        SeriesKind::AggregatedCall => "profiles",
        SeriesKind::HostStatistic => "preaggregated_system",
    }
}

fn schema() -> SchemaRef {
    let text = |name| required(name, dictionary_type());
    let int = |name| required(name, DataType::Int64);
    let int_or_null = |name| optional(name, DataType::Int64);
    let float_or_null = |name| optional(name, DataType::Float64);
    Arc::new(Schema::new(vec![
        text("cat"),
        text("func_name"),
        int("pid"),
        int("tid"),
        text("file_hash"),
        text("host_hash"),
        text("file_name"),
        text("host_name"),
        text("proc_name"),
        int("io_cat"),
        int("acc_pat"),
        int("count"),
        required("time", DataType::Float64),
        int_or_null("size"),
        float_or_null("time_min"),
        float_or_null("time_max"),
        int_or_null("size_min"),
        int_or_null("size_max"),
        int_or_null("offset_min"),
        int_or_null("offset_max"),
        int("time_range"),
        int("time_start"),
        int("time_end"),
    ]))
}

/// What a row has in the columns of numbers that both this table and groups of its rows are made of.
pub(crate) struct Numbers {
    pub(crate) count: u128,
    /// Total of the durations, in µs.
    pub(crate) time: i128,
    /// Total of the bytes moved; `None` where no call moved any or said so.
    pub(crate) size: Option<i128>,
    /// The cell's number from the origin.
    pub(crate) time_range: i64,
    /// µs from the origin.
    pub(crate) time_start: i64,
    /// µs from the origin.
    pub(crate) time_end: i64,
}

impl Numbers {
    #[inline(always)]
    pub(crate) fn of(view: &View<'_>, kind: SeriesKind, cell: &Cell<'_>) -> Result<Self, ExportError> {
        let RowCore { count, ts, te, duration, size, .. } = &cell.row.core;
        let origin = view.origin();
        let past_origin = cell.start.checked_sub(origin).ok_or_else(|| view.index().outside_bounds(cell.start))?;
        let fit = |value, column| int64(value, table_name(kind), column, || describe(cell));
        let start = fit(i128::from(past_origin), "time_start")?;
        let (time_start, time_end) = match kind {
            SeriesKind::Call => {
                let past_origin = |time: i64, column| fit(i128::from(time) - i128::from(origin), column);
                (past_origin(*ts, "time_start")?, past_origin(*te, "time_end")?)
            }
            SeriesKind::AggregatedCall | SeriesKind::HostStatistic => {
                (start, fit(i128::from(past_origin) + i128::from(view.granularity()), "time_end")?)
            }
        };
        Ok(Self {
            count: *count,
            time: duration.sum(),
            size: (size.n() > 0).then(|| size.sum()),
            // Less than the start of the cell, which fits.
            time_range: (past_origin / view.granularity()) as i64,
            time_start,
            time_end,
        })
    }
}

/// What an error says of a row.
pub(crate) fn describe(cell: &Cell<'_>) -> String {
    let identity = &cell.series.identity;
    format!("{} {} of process {}, cell {} µs", identity.category, identity.name, identity.pid, cell.start)
}

/// µs as seconds.
pub(crate) fn seconds(us: i64) -> f64 {
    scaled(us.into(), 6)
}

/// The strings of a row: cat, function, file hash, host hash, file name, host name, process.
fn strings(series: &Series) -> [&str; 6] {
    let identity = &series.identity;
    [&identity.category, &identity.name, &identity.file_hash, &identity.host_hash, &series.file_name, &series.host_name]
        .map(String::as_str)
}

/// The rows of a family in dfanalyzer's columns.
pub(crate) struct Calls<'v> {
    view: &'v View<'v>,
    kind: SeriesKind,
    schema: SchemaRef,
    cells: CellScan<'v>,
    strings: [StringColumn; 7],
}

impl<'v> Calls<'v> {
    /// The cells of some of the family's series.
    pub(crate) fn new(
        view: &'v View<'v>,
        kind: SeriesKind,
        cells: CellScan<'v>,
        dictionaries: Dictionaries,
    ) -> Result<Self, ExportError> {
        let strings = match dictionaries {
            Dictionaries::PerBatch => Default::default(),
            Dictionaries::Whole => whole_strings(view, kind)?,
        };
        Ok(Self { view, kind, schema: schema(), cells, strings })
    }
}

/// The strings of all series that pass.
fn whole_strings(view: &View<'_>, kind: SeriesKind) -> Result<[StringColumn; 7], ExportError> {
    let mut sets: [HashSet<String>; 7] = Default::default();
    crate::cells::each_series(view, kind, |series| {
        for (set, string) in sets.iter_mut().zip(strings(series)) {
            if !set.contains(string) {
                set.insert(string.to_owned());
            }
        }
        sets[6].insert(series.process_name());
    })?;
    Ok(sets.map(|set| StringColumn::whole(set.into_iter().collect())))
}

/// Rows of one series, one behind the other, and what all of them have.
#[derive(Default)]
struct SeriesRun {
    /// That of the series.
    serial: u64,
    rows: usize,
    /// The numbers of its strings.
    strings: [i32; 7],
    /// Process, thread, I/O category and access pattern.
    integers: [i64; 4],
}

impl SeriesRun {
    /// A run of the cell's series that has no rows yet.
    fn of(cell: &Cell<'_>, columns: &mut [StringColumn; 7]) -> Self {
        let series = cell.series;
        let process = series.process_name();
        let mut numbers = [0; 7];
        let strings = strings(series).into_iter().chain([&*process]);
        for ((number, column), string) in numbers.iter_mut().zip(columns).zip(strings) {
            *number = column.number(string);
        }
        let identity = &series.identity;
        let integers = [identity.pid, identity.tid, series.io_category() as i64, 0];
        Self { serial: cell.serial, rows: 0, strings: numbers, integers }
    }

    fn put(&self, strings: &mut [StringColumn; 7], integers: &mut [Vec<i64>; 4]) {
        for (column, number) in strings.iter_mut().zip(self.strings) {
            column.push_rows(number, self.rows);
        }
        for (column, value) in integers.iter_mut().zip(self.integers) {
            column.extend(repeat_n(value, self.rows));
        }
    }
}

impl Batches for Calls<'_> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let table = table_name(self.kind);
        let most = self.view.batch_rows(self.schema.fields().len());
        // What is asked for may be more than there is.
        let room = most.min(1 << 16);
        let mut of_series: [Vec<i64>; 4] = std::array::from_fn(|_| Vec::with_capacity(room));
        // Each by its name: a loop over them for each row would take longer than what it does.
        let [mut counts, mut ranges, mut starts, mut ends] = std::array::from_fn(|_| Vec::with_capacity(room));
        let int_or_null = |_| OptionalColumn::<Int64Type>::with_capacity(room);
        let [mut sizes, mut size_min, mut size_max, mut offset_min, mut offset_max] = std::array::from_fn(int_or_null);
        let mut times = Vec::with_capacity(room);
        let float_or_null = |_| OptionalColumn::<Float64Type>::with_capacity(room);
        let [mut time_min, mut time_max] = std::array::from_fn(float_or_null);
        // What all rows of the series at hand have is put in their columns at once.
        let mut run = SeriesRun::default();
        let mut rows = 0;
        while rows < most && self.cells.advance()? {
            let Some(cell) = self.cells.cell() else { break };
            if run.serial != cell.serial {
                run.put(&mut self.strings, &mut of_series);
                run = SeriesRun::of(&cell, &mut self.strings);
            }
            run.rows += 1;
            let row = Numbers::of(self.view, self.kind, &cell)?;
            let RowCore { duration, size, offset, .. } = &cell.row.core;
            counts.push(int64(row.count, table, "count", || describe(&cell))?);
            times.push(scaled(row.time, 6));
            sizes.push(row.size.map(|size| int64(size, table, "size", || describe(&cell))).transpose()?);
            time_min.push(duration.min().map(seconds));
            time_max.push(duration.max().map(seconds));
            size_min.push(size.min());
            size_max.push(size.max());
            offset_min.push(offset.min());
            offset_max.push(offset.max());
            ranges.push(row.time_range);
            starts.push(row.time_start);
            ends.push(row.time_end);
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        run.put(&mut self.strings, &mut of_series);
        let integers = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
        let [pid, tid, io_cat, acc_pat] = of_series.map(integers);
        let [cat, func_name, file_hash, host_hash, file_name, host_name, proc_name] = &mut self.strings;
        let columns = vec![
            cat.finish()?,
            func_name.finish()?,
            pid,
            tid,
            file_hash.finish()?,
            host_hash.finish()?,
            file_name.finish()?,
            host_name.finish()?,
            proc_name.finish()?,
            io_cat,
            acc_pat,
            integers(counts),
            Arc::new(Float64Array::from(times)),
            sizes.finish(),
            time_min.finish(),
            time_max.finish(),
            size_min.finish(),
            size_max.finish(),
            offset_min.finish(),
            offset_max.finish(),
            integers(ranges),
            integers(starts),
            integers(ends),
        ];
        Ok(Some(RecordBatch::try_new(self.schema.clone(), columns)?))
    }
}
