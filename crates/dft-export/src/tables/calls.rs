//! The tables of calls, in the columns that dfanalyzer reads.

use std::iter::repeat_n;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};
use dft_codec::{RowCore, SeriesId, SeriesKind};
use dft_metrics::scaled;

use crate::batches::{Batches, Dictionaries};
use crate::cells::{Cell, CellScan};
use crate::columns::{OptionalColumn, StringColumn, dictionary_type, optional, required};
use crate::error::ExportError;
use crate::in_order::in_order;
use crate::numbers::{RowNumbers, describe, int64, seconds};
use crate::series::Series;
use crate::string_dictionary::{StringDictionary, WholeDictionary};
use crate::table::Table;
use crate::view::View;

/// The most rows that a batch reserves memory for: callers may ask for longer batches than the table has rows.
const RESERVED_ROWS: usize = 1 << 16;

pub(super) fn schema() -> SchemaRef {
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

/// One value for each string column.
#[derive(Clone, Copy, Default)]
struct Strings<T> {
    cat: T,
    func_name: T,
    file_hash: T,
    host_hash: T,
    file_name: T,
    host_name: T,
    proc_name: T,
}

impl<T> Strings<T> {
    /// Combines the values with others, column by column.
    fn zip<U, V>(&mut self, others: Strings<U>, mut combine: impl FnMut(&mut T, U) -> V) -> Strings<V> {
        Strings {
            cat: combine(&mut self.cat, others.cat),
            func_name: combine(&mut self.func_name, others.func_name),
            file_hash: combine(&mut self.file_hash, others.file_hash),
            host_hash: combine(&mut self.host_hash, others.host_hash),
            file_name: combine(&mut self.file_name, others.file_name),
            host_name: combine(&mut self.host_name, others.host_name),
            proc_name: combine(&mut self.proc_name, others.proc_name),
        }
    }
}

impl<'s> Strings<&'s str> {
    fn of(series: &'s Series, process_name: &'s str) -> Self {
        let identity = &series.identity;
        Self {
            cat: &identity.category,
            func_name: &identity.name,
            file_hash: &identity.file_hash,
            host_hash: &identity.host_hash,
            file_name: &series.file_name,
            host_name: &series.host_name,
            proc_name: process_name,
        }
    }
}

/// The rows of a series kind in dfanalyzer's columns.
pub(crate) struct CallTable<'v> {
    view: &'v View<'v>,
    kind: SeriesKind,
    schema: SchemaRef,
    cells: CellScan<'v>,
    columns: SeriesColumns,
}

impl<'v> CallTable<'v> {
    /// Creates a table of these cells of the series kind.
    pub(crate) fn new(view: &'v View<'v>, kind: SeriesKind, cells: CellScan<'v>, strings: &WholeStrings) -> Self {
        let strings = match &strings.0 {
            None => Strings::default(),
            Some(whole) => whole.columns(),
        };
        Self { view, kind, schema: schema(), cells, columns: SeriesColumns { strings, ..SeriesColumns::default() } }
    }
}

/// The strings that all batches share, if they do.
pub(crate) struct WholeStrings(Option<Strings<Arc<WholeDictionary>>>);

impl WholeStrings {
    /// Collects the strings of all series that pass the filter, on up to `threads` threads. Each thread takes ranges of
    /// series.
    pub(crate) fn of(
        view: &View<'_>,
        dictionaries: Dictionaries,
        ranges: Vec<Range<SeriesId>>,
        threads: usize,
    ) -> Result<Self, ExportError> {
        match dictionaries {
            Dictionaries::PerBatch => Ok(Self(None)),
            Dictionaries::Whole => Ok(Self(Some(collect_strings(view, ranges, threads)?.freeze()?))),
        }
    }
}

/// Collects the strings in the order of the rows. The threads collect those of the ranges, and this one joins them.
fn collect_strings(
    view: &View<'_>,
    ranges: Vec<Range<SeriesId>>,
    threads: usize,
) -> Result<Strings<StringDictionary>, ExportError> {
    let collect = |range| -> Result<Strings<StringDictionary>, ExportError> {
        let mut strings: Strings<StringDictionary> = Strings::default();
        view.each_series(range, |series, same_scope| {
            if !same_scope {
                strings.zip(Strings::of(series, &series.process_name()), |strings, string| strings.number(string));
            }
            strings.file_hash.number(&series.identity.file_hash);
            strings.file_name.number(&series.file_name);
        })?;
        Ok(strings)
    };
    let mut all: Strings<StringDictionary> = Strings::default();
    in_order(ranges, threads, collect, |strings| {
        all.zip(strings, |all, strings| all.extend(&strings));
        Ok(())
    })?;
    Ok(all)
}

impl Strings<StringDictionary> {
    fn freeze(self) -> Result<Strings<Arc<WholeDictionary>>, ExportError> {
        let freeze = |strings: StringDictionary| strings.freeze().map(Arc::new);
        Ok(Strings {
            cat: freeze(self.cat)?,
            func_name: freeze(self.func_name)?,
            file_hash: freeze(self.file_hash)?,
            host_hash: freeze(self.host_hash)?,
            file_name: freeze(self.file_name)?,
            host_name: freeze(self.host_name)?,
            proc_name: freeze(self.proc_name)?,
        })
    }
}

impl Strings<Arc<WholeDictionary>> {
    /// Returns columns that share the strings.
    fn columns(&self) -> Strings<StringColumn> {
        let column = |strings: &Arc<WholeDictionary>| StringColumn::whole(strings.clone());
        Strings {
            cat: column(&self.cat),
            func_name: column(&self.func_name),
            file_hash: column(&self.file_hash),
            host_hash: column(&self.host_hash),
            file_name: column(&self.file_name),
            host_name: column(&self.host_name),
            proc_name: column(&self.proc_name),
        }
    }
}

/// The columns whose values depend only on the series.
#[derive(Default)]
struct SeriesColumns {
    strings: Strings<StringColumn>,
    pid: Vec<i64>,
    tid: Vec<i64>,
    io_cat: Vec<i64>,
}

impl SeriesColumns {
    fn reserve(&mut self, rows: usize) {
        for column in [&mut self.pid, &mut self.tid, &mut self.io_cat] {
            column.reserve(rows);
        }
    }

    /// Adds the rows of a run at once.
    fn push(&mut self, run: &SeriesRun) {
        self.strings.zip(run.strings, |column, number| column.push_rows(number, run.rows));
        self.pid.extend(repeat_n(run.pid, run.rows));
        self.tid.extend(repeat_n(run.tid, run.rows));
        self.io_cat.extend(repeat_n(run.io_cat, run.rows));
    }
}

/// Adjacent rows of one series, and the values that they share.
#[derive(Default)]
struct SeriesRun {
    /// The serial number of the series, and of its scope.
    serial: u64,
    scope_serial: u64,
    rows: usize,
    /// The numbers of the strings.
    strings: Strings<i32>,
    pid: i64,
    tid: i64,
    io_cat: i64,
}

impl SeriesRun {
    /// Starts a run of the cell's series, without rows.
    fn of(cell: &Cell<'_>, columns: &mut SeriesColumns) -> Self {
        let series = cell.series;
        let process_name = series.process_name();
        let strings = columns.strings.zip(Strings::of(series, &process_name), |column, string| column.number(string));
        let identity = &series.identity;
        let io_cat = series.io_category() as i64;
        let (serial, scope_serial) = (cell.serial, cell.scope_serial);
        Self { serial, scope_serial, rows: 0, strings, pid: identity.pid, tid: identity.tid, io_cat }
    }

    /// Switches to the cell's series, without rows. In a run of series with one scope, only the file changes.
    fn switch(&mut self, cell: &Cell<'_>, columns: &mut SeriesColumns) {
        if self.scope_serial != cell.scope_serial {
            *self = Self::of(cell, columns);
            return;
        }
        let Series { identity, file_name, .. } = cell.series;
        self.serial = cell.serial;
        self.rows = 0;
        self.strings.file_hash = columns.strings.file_hash.number(&identity.file_hash);
        self.strings.file_name = columns.strings.file_name.number(file_name);
    }
}

impl Batches for CallTable<'_> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let table = Table::of_kind(self.kind).name();
        let max_rows = self.view.batch_rows(self.schema.fields().len());
        let room = max_rows.min(RESERVED_ROWS);
        self.columns.reserve(room);
        // Separate variables: a loop over an array of columns for each row would take longer than its work.
        let [mut counts, mut ranges, mut starts, mut ends] = std::array::from_fn(|_| Vec::with_capacity(room));
        let int_or_null = |_| OptionalColumn::<Int64Type>::with_capacity(room);
        let [mut sizes, mut size_min, mut size_max, mut offset_min, mut offset_max] = std::array::from_fn(int_or_null);
        let mut times = Vec::with_capacity(room);
        let float_or_null = |_| OptionalColumn::<Float64Type>::with_capacity(room);
        let [mut time_min, mut time_max] = std::array::from_fn(float_or_null);
        // Values that all rows of a series share are added once per run.
        let mut run = SeriesRun::default();
        let mut rows = 0;
        while rows < max_rows && self.cells.advance()? {
            let Some(cell) = self.cells.cell() else { break };
            if run.serial != cell.serial {
                self.columns.push(&run);
                run.switch(&cell, &mut self.columns);
            }
            run.rows += 1;
            let row = RowNumbers::of(self.view, self.kind, &cell)?;
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
        self.columns.push(&run);
        let integers = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
        let SeriesColumns { strings, pid, tid, io_cat } = &mut self.columns;
        let columns = vec![
            strings.cat.finish()?,
            strings.func_name.finish()?,
            integers(std::mem::take(pid)),
            integers(std::mem::take(tid)),
            strings.file_hash.finish()?,
            strings.host_hash.finish()?,
            strings.file_name.finish()?,
            strings.host_name.finish()?,
            strings.proc_name.finish()?,
            integers(std::mem::take(io_cat)),
            // The access pattern is always 0.
            integers(vec![0; rows]),
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
