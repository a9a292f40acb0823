//! Rows grouped by columns that they have in common.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use arrow_array::builder::{Float64Builder, Int64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use dft_codec::{RowParts, SeriesKind};
use dft_metrics::{U256, scaled, scaled_wide};

use crate::batches::Batches;
use crate::cells::Cell;
use crate::columns::{StringColumn, dictionary_type, optional, required};
use crate::error::ExportError;
use crate::group_column::GroupColumn;
use crate::numbers::{RowNumbers, int64, seconds};
use crate::series::Series;
use crate::table::Table;
use crate::view::View;

/// The value of a row in a column to group by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum GroupValue {
    Unknown,
    Int(i64),
    Text(String),
}

impl GroupValue {
    /// Returns the value of a series in a column. The cell of time does not depend on the series and is set later.
    fn of(column: GroupColumn, series: &Series) -> Self {
        let identity = &series.identity;
        let text = |text: &str| Self::Text(text.to_owned());
        match column {
            GroupColumn::Cat => text(&identity.category),
            GroupColumn::FuncName => text(&identity.name),
            GroupColumn::Pid => Self::Int(identity.pid),
            GroupColumn::Rank => series.rank.map_or(Self::Unknown, Self::Int),
            GroupColumn::Tid => Self::Int(identity.tid),
            GroupColumn::FileHash => text(&identity.file_hash),
            GroupColumn::HostHash => text(&identity.host_hash),
            GroupColumn::FileName => text(&series.file_name),
            GroupColumn::HostName => text(&series.host_name),
            GroupColumn::ProcName => Self::Text(series.process_name()),
            GroupColumn::IoCat => Self::Int(series.io_category() as i64),
            GroupColumn::AccPat | GroupColumn::TimeRange => Self::Int(0),
        }
    }
}

/// The minimum and maximum of values.
#[derive(Clone, Copy, Default)]
struct Extent<T>(Option<(T, T)>);

impl<T: Ord + Copy> Extent<T> {
    fn add(&mut self, low: Option<T>, high: Option<T>) {
        for value in low.into_iter().chain(high) {
            self.0 = Some(self.0.map_or((value, value), |(min, max)| (min.min(value), max.max(value))));
        }
    }

    fn min(&self) -> Option<T> {
        self.0.map(|(min, _)| min)
    }

    fn max(&self) -> Option<T> {
        self.0.map(|(_, max)| max)
    }
}

/// The exact sums of a group.
#[derive(Default)]
struct GroupSums {
    count: u128,
    time: i128,
    size: Option<i128>,
    time_squares: U256,
    size_squares: U256,
    /// Of the calls' durations.
    time_extent: Extent<i64>,
    /// Of the calls' sizes.
    size_extent: Extent<i64>,
    /// Of the rows' sums of durations.
    row_time: Extent<i128>,
    /// Of the rows' sums of sizes.
    row_size: Extent<i128>,
    span: Extent<i64>,
}

impl GroupSums {
    fn add(&mut self, row: &RowNumbers, cell: &Cell<'_>) {
        let core = &cell.row.core;
        self.count += row.count;
        self.time += row.time;
        self.time_squares.add(U256::square_of_wide(row.time));
        self.row_time.add(Some(row.time), None);
        if let Some(size) = row.size {
            *self.size.get_or_insert(0) += size;
            self.size_squares.add(U256::square_of_wide(size));
            self.row_size.add(Some(size), None);
        }
        self.time_extent.add(core.duration.min(), core.duration.max());
        self.size_extent.add(core.size.min(), core.size.max());
        self.span.add(Some(row.time_start), Some(row.time_end));
    }
}

/// Rows in groups, sorted by the columns that they are grouped by.
pub(crate) struct GroupedTable {
    table: &'static str,
    by: Vec<GroupColumn>,
    schema: SchemaRef,
    batch_rows: usize,
    groups: std::vec::IntoIter<(Vec<GroupValue>, GroupSums)>,
}

impl GroupedTable {
    pub(crate) fn new(view: &View<'_>, kind: SeriesKind, by: Vec<GroupColumn>) -> Result<Self, ExportError> {
        if by.contains(&GroupColumn::Rank) {
            view.names().load_ranks(view.index())?;
        }
        let repeated = by.iter().enumerate().any(|(at, column)| by[..at].contains(column));
        if by.is_empty() || repeated {
            return Err(ExportError::GroupColumns);
        }
        if view.filter().shard.is_some() {
            return Err(ExportError::GroupedShard);
        }
        let mut groups: Vec<(Vec<GroupValue>, GroupSums)> = collect(view, kind, &by)?.into_iter().collect();
        groups.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let schema = schema(&by);
        let batch_rows = view.batch_rows(schema.fields().len());
        let table = Table::of_kind(kind).name();
        Ok(Self { table, by, schema, batch_rows, groups: groups.into_iter() })
    }
}

fn schema(by: &[GroupColumn]) -> SchemaRef {
    let key = |column: &GroupColumn| -> Field {
        let data_type = if column.is_text() { dictionary_type() } else { DataType::Int64 };
        match column {
            GroupColumn::Rank => optional(column.name(), data_type),
            _ => required(column.name(), data_type),
        }
    };
    let mut fields: Vec<Field> = by.iter().map(key).collect();
    fields.extend([
        required("count", DataType::Int64),
        required("time", DataType::Float64),
        optional("size", DataType::Int64),
        required("time_sq", DataType::Float64),
        optional("size_sq", DataType::Float64),
        optional("time_min", DataType::Float64),
        optional("time_max", DataType::Float64),
        optional("size_min", DataType::Int64),
        optional("size_max", DataType::Int64),
        required("time_call_min", DataType::Float64),
        required("time_call_max", DataType::Float64),
        optional("size_call_min", DataType::Int64),
        optional("size_call_max", DataType::Int64),
        required("time_start", DataType::Int64),
        required("time_end", DataType::Int64),
    ]);
    Arc::new(Schema::new(fields))
}

/// Sums up the groups of the rows that pass the filter.
fn collect(
    view: &View<'_>,
    kind: SeriesKind,
    by: &[GroupColumn],
) -> Result<HashMap<Vec<GroupValue>, GroupSums, RandomState>, ExportError> {
    // The part of the key that depends on the series is looked up once per series.
    let mut of_series: HashMap<Vec<GroupValue>, usize, RandomState> = HashMap::default();
    let mut sums: HashMap<(usize, i64), GroupSums, RandomState> = HashMap::default();
    let range = by.iter().position(|column| *column == GroupColumn::TimeRange);
    let mut cells = view.cells(kind, RowParts::Core)?;
    let (mut known, mut number) = (0, 0);
    while cells.advance()? {
        let Some(cell) = cells.cell() else { break };
        if known != cell.serial {
            known = cell.serial;
            let parts: Vec<GroupValue> = by.iter().map(|&column| GroupValue::of(column, cell.series)).collect();
            let next = of_series.len();
            number = *of_series.entry(parts).or_insert(next);
        }
        let row = RowNumbers::of(view, kind, &cell)?;
        let time_range = if range.is_some() { row.time_range } else { 0 };
        sums.entry((number, time_range)).or_default().add(&row, &cell);
    }
    let mut parts: Vec<(Vec<GroupValue>, usize)> = of_series.into_iter().collect();
    parts.sort_unstable_by_key(|(_, number)| *number);
    let keyed = sums.into_iter().map(|((number, time_range), sums)| {
        let mut key = parts[number].0.clone();
        if let Some(at) = range {
            key[at] = GroupValue::Int(time_range);
        }
        (key, sums)
    });
    Ok(keyed.collect())
}

/// Builds a column that rows are grouped by.
enum KeyColumn {
    Text(StringColumn),
    Int(Int64Builder),
}

impl KeyColumn {
    fn new(column: GroupColumn) -> Self {
        if column.is_text() { Self::Text(StringColumn::default()) } else { Self::Int(Int64Builder::new()) }
    }

    fn push(&mut self, value: &GroupValue) {
        match (self, value) {
            (Self::Text(column), GroupValue::Text(text)) => column.push_string(text),
            (Self::Text(column), _) => column.push_null(),
            (Self::Int(column), GroupValue::Int(value)) => column.append_value(*value),
            (Self::Int(column), _) => column.append_null(),
        }
    }

    fn finish(self) -> Result<ArrayRef, ExportError> {
        match self {
            Self::Text(mut column) => column.finish(),
            Self::Int(mut column) => Ok(Arc::new(column.finish())),
        }
    }
}

/// Builds the columns of the sums.
#[derive(Default)]
struct SumColumns {
    count: Int64Builder,
    time: Float64Builder,
    size: Int64Builder,
    time_sq: Float64Builder,
    size_sq: Float64Builder,
    time_min: Float64Builder,
    time_max: Float64Builder,
    size_min: Int64Builder,
    size_max: Int64Builder,
    time_call_min: Float64Builder,
    time_call_max: Float64Builder,
    size_call_min: Int64Builder,
    size_call_max: Int64Builder,
    time_start: Int64Builder,
    time_end: Int64Builder,
}

impl SumColumns {
    fn push(
        &mut self,
        sums: &GroupSums,
        table: &'static str,
        describe: impl Fn() -> String,
    ) -> Result<(), ExportError> {
        let fit = |value: Option<i128>, column| value.map(|value| int64(value, table, column, &describe)).transpose();
        self.count.append_value(int64(sums.count, table, "count", &describe)?);
        self.time.append_value(scaled(sums.time, 6));
        self.size.append_option(fit(sums.size, "size")?);
        self.time_sq.append_value(scaled_wide(&sums.time_squares, 12));
        self.size_sq.append_option(sums.size.map(|_| scaled_wide(&sums.size_squares, 0)));
        self.time_min.append_option(sums.time_extent.min().map(seconds));
        self.time_max.append_option(sums.time_extent.max().map(seconds));
        self.size_min.append_option(sums.size_extent.min());
        self.size_max.append_option(sums.size_extent.max());
        self.time_call_min.append_option(sums.row_time.min().map(|time| scaled(time, 6)));
        self.time_call_max.append_option(sums.row_time.max().map(|time| scaled(time, 6)));
        self.size_call_min.append_option(fit(sums.row_size.min(), "size_call_min")?);
        self.size_call_max.append_option(fit(sums.row_size.max(), "size_call_max")?);
        self.time_start.append_option(sums.span.min());
        self.time_end.append_option(sums.span.max());
        Ok(())
    }

    fn finish(mut self) -> [ArrayRef; 15] {
        [
            Arc::new(self.count.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.size.finish()),
            Arc::new(self.time_sq.finish()),
            Arc::new(self.size_sq.finish()),
            Arc::new(self.time_min.finish()),
            Arc::new(self.time_max.finish()),
            Arc::new(self.size_min.finish()),
            Arc::new(self.size_max.finish()),
            Arc::new(self.time_call_min.finish()),
            Arc::new(self.time_call_max.finish()),
            Arc::new(self.size_call_min.finish()),
            Arc::new(self.size_call_max.finish()),
            Arc::new(self.time_start.finish()),
            Arc::new(self.time_end.finish()),
        ]
    }
}

impl Batches for GroupedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let mut keys: Vec<KeyColumn> = self.by.iter().map(|&column| KeyColumn::new(column)).collect();
        let mut columns = SumColumns::default();
        let mut rows = 0;
        for (key, sums) in self.groups.by_ref().take(self.batch_rows) {
            for (column, value) in keys.iter_mut().zip(&key) {
                column.push(value);
            }
            columns.push(&sums, self.table, || format!("of group {key:?}"))?;
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let mut arrays: Vec<ArrayRef> = keys.into_iter().map(KeyColumn::finish).collect::<Result<_, _>>()?;
        arrays.extend(columns.finish());
        Ok(Some(RecordBatch::try_new(self.schema.clone(), arrays)?))
    }
}
