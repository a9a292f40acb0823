//! The table of all series kinds, with full statistics of every metric.

use std::collections::HashMap;
use std::iter::repeat_n;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int64Builder, PrimitiveBuilder};
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, ArrowPrimitiveType, RecordBatch, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use dft_codec::{Custom, RowParts, SeriesKind};
use dft_metrics::{IntStats, Sketch, SketchMapping};
use dft_store::RowQuery;

use crate::batches::{Batches, Dictionaries};
use crate::cells::{Cell, CellScan};
use crate::columns::{StringColumn, column_names, dictionary_type, optional, required};
use crate::error::ExportError;
use crate::numbers::{describe, int64};
use crate::series::Series;
use crate::string_dictionary::StringDictionary;
use crate::table::Table;
use crate::view::View;

/// The quantiles of sketches, and the suffixes of their columns.
const QUANTILES: [(f64, &str); 6] =
    [(0.25, "p25"), (0.5, "p50"), (0.75, "p75"), (0.9, "p90"), (0.95, "p95"), (0.99, "p99")];

/// The string columns before those of the extra group keys.
const STRINGS: [&str; 7] = ["family", "cat", "func_name", "file_hash", "host_hash", "file_name", "host_name"];

/// The columns of integers that every row has.
const INTEGERS: [&str; 4] = ["pid", "tid", "time_bucket", "count"];

/// The metrics that any row may have: durations in µs, sizes in bytes, offsets in bytes.
const METRICS: [&str; 3] = ["dur", "size", "offset"];

/// Returns the columns of a metric, given the type of its values.
fn metric_fields(name: &str, values: DataType, sketches: bool) -> Vec<Field> {
    let mut fields = vec![
        optional(format!("{name}_n"), DataType::Int64),
        optional(format!("{name}_total"), values.clone()),
        optional(format!("{name}_min"), values.clone()),
        optional(format!("{name}_max"), values),
        optional(format!("{name}_mean"), DataType::Float64),
        optional(format!("{name}_std"), DataType::Float64),
    ];
    if sketches {
        fields.extend(QUANTILES.map(|(_, suffix)| optional(format!("{name}_{suffix}"), DataType::Float64)));
    }
    fields
}

/// Returns the values of the columns [`STRINGS`].
fn strings(series: &Series) -> [&str; STRINGS.len()] {
    let identity = &series.identity;
    [
        identity.kind.name(),
        &identity.category,
        &identity.name,
        &identity.file_hash,
        &identity.host_hash,
        &series.file_name,
        &series.host_name,
    ]
}

/// Returns the values of all string columns, including those of the extra group keys.
fn all_strings(series: &Series) -> impl Iterator<Item = &str> {
    strings(series).into_iter().chain(series.identity.extra.iter().map(String::as_str))
}

/// Builds the columns of a metric whose values are of type `T`.
struct MetricColumns<T: ArrowPrimitiveType> {
    n: Int64Builder,
    total: PrimitiveBuilder<T>,
    min: PrimitiveBuilder<T>,
    max: PrimitiveBuilder<T>,
    mean: Float64Builder,
    std: Float64Builder,
    quantiles: [Float64Builder; QUANTILES.len()],
}

impl<T: ArrowPrimitiveType> MetricColumns<T> {
    fn with_capacity(rows: usize) -> Self {
        let float = || Float64Builder::with_capacity(rows);
        let value = || PrimitiveBuilder::with_capacity(rows);
        Self {
            n: Int64Builder::with_capacity(rows),
            total: value(),
            min: value(),
            max: value(),
            mean: float(),
            std: float(),
            quantiles: std::array::from_fn(|_| float()),
        }
    }

    /// Adds the quantiles of a row, if the index keeps sketches. `extent` is the exact minimum and maximum.
    fn push_quantiles(&mut self, sketch: Option<&Sketch>, mapping: Option<&SketchMapping>, extent: Option<(f64, f64)>) {
        let Some(mapping) = mapping else { return };
        for (column, (q, _)) in self.quantiles.iter_mut().zip(QUANTILES) {
            column.append_option(sketch.and_then(|sketch| sketch.quantile(mapping, q, extent)));
        }
    }

    /// Appends the finished columns, in the order of [`metric_fields`].
    fn finish_into(mut self, columns: &mut Vec<ArrayRef>, sketches: bool) {
        columns.push(Arc::new(self.n.finish()));
        for mut values in [self.total, self.min, self.max] {
            columns.push(Arc::new(values.finish()));
        }
        columns.extend([self.mean, self.std].map(|mut column| Arc::new(column.finish()) as ArrayRef));
        if sketches {
            columns.extend(self.quantiles.map(|mut column| Arc::new(column.finish()) as ArrayRef));
        }
    }
}

impl MetricColumns<Int64Type> {
    /// Adds the statistics of a row.
    fn push(&mut self, stats: &IntStats, name: &str, describe: impl Fn() -> String) -> Result<(), ExportError> {
        let n = number(stats.n(), name, "n", &describe)?;
        let total = number(stats.sum(), name, "total", &describe)?;
        self.n.append_option((!stats.is_empty()).then_some(n));
        self.total.append_option((stats.n() > 0).then_some(total));
        self.min.append_option(stats.min());
        self.max.append_option(stats.max());
        self.mean.append_option(stats.mean());
        self.std.append_option(stats.std());
        Ok(())
    }
}

impl MetricColumns<Float64Type> {
    /// Adds nulls for rows without the metric, up to `row`.
    fn fill_to(&mut self, row: usize, sketches: bool) {
        let missing = row - arrow_array::builder::ArrayBuilder::len(&self.n);
        if missing == 0 {
            return;
        }
        self.n.append_nulls(missing);
        for column in [&mut self.total, &mut self.min, &mut self.max, &mut self.mean, &mut self.std] {
            column.append_nulls(missing);
        }
        if sketches {
            self.quantiles.iter_mut().for_each(|column| column.append_nulls(missing));
        }
    }

    /// Adds the statistics of a row; returns their minimum and maximum.
    fn push(
        &mut self,
        custom: &Custom,
        name: &str,
        describe: impl Fn() -> String,
    ) -> Result<Option<(f64, f64)>, ExportError> {
        let stats = custom.combined();
        self.n.append_value(number(stats.n(), name, "n", &describe)?);
        self.total.append_option((stats.n() > 0).then(|| stats.total()));
        self.min.append_option(stats.min());
        self.max.append_option(stats.max());
        self.mean.append_option(stats.mean());
        self.std.append_option(stats.std());
        Ok(stats.extent())
    }
}

/// Converts a number of a metric's column to its 64 bits.
fn number<T: Copy + ToString>(
    value: T,
    metric: &str,
    suffix: &str,
    row: impl FnOnce() -> String,
) -> Result<i64, ExportError>
where
    i64: TryFrom<T>,
{
    match i64::try_from(value) {
        Ok(number) => Ok(number),
        Err(_) => int64(value, Table::Aggregation.name(), &format!("{metric}_{suffix}"), row),
    }
}

/// The rows of all series kinds with full statistics.
pub(crate) struct StatisticsTable<'v> {
    view: &'v View<'v>,
    schema: SchemaRef,
    kinds: std::array::IntoIter<SeriesKind, { SeriesKind::ALL.len() }>,
    cells: Option<CellScan<'v>>,
    strings: Vec<StringColumn>,
    /// The positions of the custom metrics, which are in byte order of their names.
    customs: HashMap<String, usize, ahash::RandomState>,
    sketches: Option<SketchMapping>,
}

impl<'v> StatisticsTable<'v> {
    /// Creates the table. A first pass over the rows finds the custom metrics, because each has columns.
    pub(crate) fn new(view: &'v View<'v>, dictionaries: Dictionaries) -> Result<Self, ExportError> {
        let config = view.index().config();
        let sketches = config.sketch_accuracy.and_then(SketchMapping::new);
        let customs = view.observed_custom_metrics()?;
        let extra = &config.extra_group_keys;
        let strings = match dictionaries {
            Dictionaries::PerBatch => (0..STRINGS.len() + extra.len()).map(|_| StringColumn::default()).collect(),
            Dictionaries::Whole => whole_strings(view, extra.len())?,
        };
        Ok(Self {
            view,
            schema: schema(extra, &customs, sketches.is_some()),
            kinds: SeriesKind::ALL.into_iter(),
            cells: None,
            strings,
            customs: customs.into_iter().zip(0..).collect(),
            sketches,
        })
    }

    fn advance(&mut self) -> Result<bool, ExportError> {
        loop {
            if let Some(cells) = &mut self.cells
                && cells.advance()?
            {
                return Ok(true);
            }
            match self.kinds.next() {
                Some(kind) => self.cells = Some(self.view.cells(kind, RowParts::Statistics)?),
                None => return Ok(false),
            }
        }
    }
}

fn schema(extra: &[String], customs: &[String], sketches: bool) -> SchemaRef {
    let mut names: Vec<String> = STRINGS.into_iter().chain(INTEGERS).map(String::from).collect();
    let extra = column_names(&names, extra.iter().cloned());
    names.extend(extra.iter().cloned());
    let mut fields: Vec<Field> = STRINGS.map(|name| required(name, dictionary_type())).to_vec();
    fields.extend(extra.into_iter().map(|name| required(name, dictionary_type())));
    fields.extend(INTEGERS.map(|name| required(name, DataType::Int64)));
    for metric in METRICS {
        fields.extend(metric_fields(metric, DataType::Int64, sketches));
    }
    names.extend(fields.iter().map(|field| field.name().clone()));
    let customs: Vec<Field> =
        customs.iter().flat_map(|custom| metric_fields(custom, DataType::Float64, sketches)).collect();
    let columns = column_names(&names, customs.iter().map(|field| field.name().clone()));
    fields.extend(customs.into_iter().zip(columns).map(|(field, name)| field.with_name(name)));
    Arc::new(Schema::new(fields))
}

/// Creates string columns whose batches share the strings of all series that pass the filter.
fn whole_strings(view: &View<'_>, extra: usize) -> Result<Vec<StringColumn>, ExportError> {
    let mut distinct = vec![StringDictionary::default(); STRINGS.len() + extra];
    for kind in SeriesKind::ALL {
        view.each_series(RowQuery::kind(kind).series, |series, _| {
            for (column, string) in distinct.iter_mut().zip(all_strings(series)) {
                column.number(string);
            }
        })?;
    }
    distinct.into_iter().map(|strings| Ok(StringColumn::whole(Arc::new(strings.freeze()?)))).collect()
}

/// Builds the columns of a batch, except the strings.
struct BatchColumns {
    pid: Int64Builder,
    tid: Int64Builder,
    time_bucket: Int64Builder,
    count: Int64Builder,
    /// The columns of [`METRICS`].
    metrics: [MetricColumns<Int64Type>; METRICS.len()],
    /// The columns of the custom metrics, only of those that the batch contains: a table may have very many.
    customs: Vec<Option<Box<MetricColumns<Float64Type>>>>,
}

impl BatchColumns {
    fn new(rows: usize, customs: usize) -> Self {
        let int = Int64Builder::new;
        Self {
            pid: int(),
            tid: int(),
            time_bucket: int(),
            count: int(),
            metrics: std::array::from_fn(|_| MetricColumns::with_capacity(rows)),
            customs: std::iter::repeat_with(|| None).take(customs).collect(),
        }
    }

    /// Adds a cell as row number `row`.
    fn push(
        &mut self,
        cell: &Cell<'_>,
        row: usize,
        positions: &HashMap<String, usize, ahash::RandomState>,
        mapping: Option<&SketchMapping>,
    ) -> Result<(), ExportError> {
        let table = Table::Aggregation.name();
        let describe = || describe(cell);
        let identity = &cell.series.identity;
        let core = &cell.row.core;
        self.pid.append_value(identity.pid);
        self.tid.append_value(identity.tid);
        self.time_bucket.append_value(int64(cell.start, table, "time_bucket", describe)?);
        self.count.append_value(int64(core.count, table, "count", describe)?);
        let all = [&core.duration, &core.size, &core.offset];
        for (at, (columns, stats)) in self.metrics.iter_mut().zip(all).enumerate() {
            columns.push(stats, METRICS[at], describe)?;
            let sketch = core.sketches.as_ref().map(|sketches| &sketches[at]).filter(|sketch| !sketch.is_empty());
            columns.push_quantiles(sketch, mapping, stats.extent());
        }
        for (name, custom) in &cell.row.customs {
            let Some(columns) = positions.get(name).and_then(|&at| self.customs.get_mut(at)) else { continue };
            let columns = columns.get_or_insert_with(|| Box::new(MetricColumns::with_capacity(0)));
            columns.fill_to(row, mapping.is_some());
            let extent = columns.push(custom, name, describe)?;
            columns.push_quantiles(custom.sketch.as_deref(), mapping, extent);
        }
        Ok(())
    }

    /// Appends the finished columns of `rows` rows.
    fn finish_into(self, columns: &mut Vec<ArrayRef>, rows: usize, sketches: bool) {
        let ints = [self.pid, self.tid, self.time_bucket, self.count];
        columns.extend(ints.map(|mut column| Arc::new(column.finish()) as ArrayRef));
        for metric in self.metrics {
            metric.finish_into(columns, sketches);
        }
        let [null_ints, null_floats] =
            [DataType::Int64, DataType::Float64].map(|data_type| new_null_array(&data_type, rows));
        let floats = 5 + if sketches { QUANTILES.len() } else { 0 };
        for custom in self.customs {
            match custom {
                Some(mut metric) => {
                    metric.fill_to(rows, sketches);
                    metric.finish_into(columns, sketches);
                }
                None => {
                    columns.push(null_ints.clone());
                    columns.extend(repeat_n(&null_floats, floats).cloned());
                }
            }
        }
    }
}

impl Batches for StatisticsTable<'_> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let max_rows = self.view.batch_rows(self.schema.fields().len());
        let mut batch = BatchColumns::new(max_rows.min(1024), self.customs.len());
        let mut rows = 0;
        while rows < max_rows && self.advance()? {
            let Some(cell) = self.cells.as_ref().and_then(CellScan::cell) else { break };
            for (column, string) in self.strings.iter_mut().zip(all_strings(cell.series)) {
                column.push_string(string);
            }
            batch.push(&cell, rows, &self.customs, self.sketches.as_ref())?;
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for column in &mut self.strings {
            columns.push(column.finish()?);
        }
        batch.finish_into(&mut columns, rows, self.sketches.is_some());
        Ok(Some(RecordBatch::try_new(self.schema.clone(), columns)?))
    }
}
