//! Rows in groups that have some columns in common.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{ArrayRef, Float64Builder, Int64Builder, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use dft_codec::{RowParts, SeriesKind};
use dft_metrics::{U256, scaled, scaled_wide};

use crate::cells::{Cell, Series};
use crate::columns::{StringColumn, dictionary_type, int64, optional, required};
use crate::error::ExportError;
use crate::export::Batches;
use crate::tables::calls::{Numbers, seconds, table_name};
use crate::view::View;

/// A column that rows can be grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupColumn {
    /// Category.
    Cat,
    /// Function.
    FuncName,
    /// Process.
    Pid,
    /// Rank of the process; null where it is not known.
    Rank,
    /// Thread.
    Tid,
    /// File, by hash.
    FileHash,
    /// Host, by hash.
    HostHash,
    /// File, by name.
    FileName,
    /// Host, by name.
    HostName,
    /// Host, process and thread in one.
    ProcName,
    /// The kind of I/O.
    IoCat,
    /// Access pattern, which is always 0.
    AccPat,
    /// Cell of time.
    TimeRange,
}

impl GroupColumn {
    /// Every such column, in the order of the table.
    pub const ALL: [Self; 13] = [
        Self::Cat,
        Self::FuncName,
        Self::Pid,
        Self::Rank,
        Self::Tid,
        Self::FileHash,
        Self::HostHash,
        Self::FileName,
        Self::HostName,
        Self::ProcName,
        Self::IoCat,
        Self::AccPat,
        Self::TimeRange,
    ];

    /// The column's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cat => "cat",
            Self::FuncName => "func_name",
            Self::Pid => "pid",
            Self::Rank => "rank",
            Self::Tid => "tid",
            Self::FileHash => "file_hash",
            Self::HostHash => "host_hash",
            Self::FileName => "file_name",
            Self::HostName => "host_name",
            Self::ProcName => "proc_name",
            Self::IoCat => "io_cat",
            Self::AccPat => "acc_pat",
            Self::TimeRange => "time_range",
        }
    }

    fn is_text(self) -> bool {
        !matches!(self, Self::Pid | Self::Rank | Self::Tid | Self::IoCat | Self::AccPat | Self::TimeRange)
    }

    /// What a series has in the column; the cell of time is no matter of the series.
    fn of(self, series: &Series) -> GroupValue {
        let identity = &series.identity;
        let text = |text: &str| GroupValue::Text(text.to_owned());
        match self {
            Self::Cat => text(&identity.category),
            Self::FuncName => text(&identity.name),
            Self::Pid => GroupValue::Int(identity.pid),
            Self::Rank => series.rank.map_or(GroupValue::Unknown, GroupValue::Int),
            Self::Tid => GroupValue::Int(identity.tid),
            Self::FileHash => text(&identity.file_hash),
            Self::HostHash => text(&identity.host_hash),
            Self::FileName => text(&series.file_name),
            Self::HostName => text(&series.host_name),
            Self::ProcName => GroupValue::Text(series.process_name()),
            Self::IoCat => GroupValue::Int(series.io_category() as i64),
            Self::AccPat | Self::TimeRange => GroupValue::Int(0),
        }
    }
}

impl FromStr for GroupColumn {
    type Err = ExportError;

    fn from_str(name: &str) -> Result<Self, ExportError> {
        let found = Self::ALL.into_iter().find(|column| column.name() == name);
        found.ok_or_else(|| ExportError::NoGroupColumn(name.to_owned()))
    }
}

/// What a row has in a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum GroupValue {
    Unknown,
    Int(i64),
    Text(String),
}

/// The least and greatest of some values.
#[derive(Clone, Copy, Default)]
struct Extent<T>(Option<(T, T)>);

impl<T: Ord + Copy> Extent<T> {
    fn add(&mut self, low: Option<T>, high: Option<T>) {
        for value in low.into_iter().chain(high) {
            self.0 = Some(self.0.map_or((value, value), |(least, most)| (least.min(value), most.max(value))));
        }
    }

    fn min(&self) -> Option<T> {
        self.0.map(|(least, _)| least)
    }

    fn max(&self) -> Option<T> {
        self.0.map(|(_, most)| most)
    }
}

/// The sums of a group, exact.
#[derive(Default)]
struct GroupSums {
    count: u128,
    time: i128,
    size: Option<i128>,
    time_squares: U256,
    size_squares: U256,
    time_extent: Extent<i64>,
    size_extent: Extent<i64>,
    /// Of the rows' totals.
    row_time: Extent<i128>,
    /// Of the rows' totals.
    row_size: Extent<i128>,
    span: Extent<i64>,
}

impl GroupSums {
    fn add(&mut self, row: &Numbers, cell: &Cell<'_>) {
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

/// Rows in groups, sorted by the columns that they have in common.
pub(crate) struct Groups {
    table: &'static str,
    by: Vec<GroupColumn>,
    schema: SchemaRef,
    batch_rows: usize,
    groups: std::vec::IntoIter<(Vec<GroupValue>, GroupSums)>,
}

impl Groups {
    pub(crate) fn new(view: &View<'_>, kind: SeriesKind, by: &[GroupColumn]) -> Result<Self, ExportError> {
        if by.contains(&GroupColumn::Rank) {
            view.need_ranks()?;
        }
        let repeated = by.iter().enumerate().any(|(at, column)| by[..at].contains(column));
        if by.is_empty() || repeated {
            return Err(ExportError::GroupColumns);
        }
        if view.filter().shard.is_some() {
            return Err(ExportError::GroupedShare);
        }
        let mut groups: Vec<(Vec<GroupValue>, GroupSums)> = collect(view, kind, by)?.into_iter().collect();
        groups.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let schema = schema(by);
        let batch_rows = view.batch_rows(schema.fields().len());
        Ok(Self { table: table_name(kind), by: by.to_vec(), schema, batch_rows, groups: groups.into_iter() })
    }
}

fn schema(by: &[GroupColumn]) -> SchemaRef {
    let mut fields: Vec<_> = by
        .iter()
        .map(|column| {
            let data_type = if column.is_text() { dictionary_type() } else { DataType::Int64 };
            if *column == GroupColumn::Rank {
                optional(column.name(), data_type)
            } else {
                required(column.name(), data_type)
            }
        })
        .collect();
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

fn collect(
    view: &View<'_>,
    kind: SeriesKind,
    by: &[GroupColumn],
) -> Result<HashMap<Vec<GroupValue>, GroupSums, RandomState>, ExportError> {
    // What of the key is a matter of the series is numbered once per series.
    let mut of_series: HashMap<Vec<GroupValue>, usize, RandomState> = HashMap::default();
    let mut sums: HashMap<(usize, i64), GroupSums, RandomState> = HashMap::default();
    let range = by.iter().position(|column| *column == GroupColumn::TimeRange);
    let mut cells = view.cells(kind, RowParts::Core)?;
    let (mut known, mut number) = (0, 0);
    while cells.advance()? {
        let Some(cell) = cells.cell() else { break };
        if known != cell.serial {
            known = cell.serial;
            let parts: Vec<GroupValue> = by.iter().map(|column| column.of(cell.series)).collect();
            let next = of_series.len();
            number = *of_series.entry(parts).or_insert(next);
        }
        let row = Numbers::of(view, kind, &cell)?;
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

impl Batches for Groups {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let table = self.table;
        let mut strings: Vec<StringColumn> = self.by.iter().map(|_| StringColumn::default()).collect();
        let mut numbers: Vec<Int64Builder> = self.by.iter().map(|_| Int64Builder::new()).collect();
        let mut ints: [Int64Builder; 8] = Default::default();
        let mut floats: [Float64Builder; 7] = Default::default();
        let mut rows = 0;
        for (key, sums) in self.groups.by_ref().take(self.batch_rows) {
            for (at, part) in key.iter().enumerate() {
                match part {
                    GroupValue::Unknown => numbers[at].append_null(),
                    GroupValue::Int(value) => numbers[at].append_value(*value),
                    GroupValue::Text(text) => {
                        let number = strings[at].number(text);
                        strings[at].push(number);
                    }
                }
            }
            let describe = || format!("of group {key:?}");
            let fit =
                |value: Option<i128>, column| value.map(|value| int64(value, table, column, describe)).transpose();
            let GroupSums { count, time, size, time_squares, size_squares, .. } = &sums;
            let int_values = [
                Some(int64(*count, table, "count", describe)?),
                fit(*size, "size")?,
                sums.size_extent.min(),
                sums.size_extent.max(),
                fit(sums.row_size.min(), "size_call_min")?,
                fit(sums.row_size.max(), "size_call_max")?,
                sums.span.min(),
                sums.span.max(),
            ];
            for (column, value) in ints.iter_mut().zip(int_values) {
                column.append_option(value);
            }
            let float_values = [
                Some(scaled(*time, 6)),
                Some(scaled_wide(time_squares, 12)),
                size.map(|_| scaled_wide(size_squares, 0)),
                sums.time_extent.min().map(seconds),
                sums.time_extent.max().map(seconds),
                sums.row_time.min().map(|time| scaled(time, 6)),
                sums.row_time.max().map(|time| scaled(time, 6)),
            ];
            for (column, value) in floats.iter_mut().zip(float_values) {
                column.append_option(value);
            }
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (at, column) in self.by.iter().enumerate() {
            columns.push(if column.is_text() { strings[at].finish()? } else { Arc::new(numbers[at].finish()) });
        }
        let [count, size, size_min, size_max, call_min, call_max, start, end] =
            ints.map(|mut column| Arc::new(column.finish()) as ArrayRef);
        let [time, time_sq, size_sq, time_min, time_max, time_call_min, time_call_max] =
            floats.map(|mut column| Arc::new(column.finish()) as ArrayRef);
        columns.extend([
            count,
            time,
            size,
            time_sq,
            size_sq,
            time_min,
            time_max,
            size_min,
            size_max,
            time_call_min,
            time_call_max,
            call_min,
            call_max,
            start,
            end,
        ]);
        Ok(Some(RecordBatch::try_new(self.schema.clone(), columns)?))
    }
}
