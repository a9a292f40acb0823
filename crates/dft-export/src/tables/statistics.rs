//! The table of everything: every family, with full statistics of every metric.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, Int64Builder, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use dft_codec::{Custom, RowParts, SeriesKind};
use dft_metrics::{Combined, FloatStats, IntStats, Sketch, SketchMapping};

use crate::cells::{CellScan, Series, each_series};
use crate::columns::{StringColumn, column_names, dictionary_type, int64, optional, required};
use crate::error::ExportError;
use crate::export::Batches;
use crate::view::{Dictionaries, View};

const TABLE: &str = "aggregation";

/// The quantiles that sketches give columns for, and how those are called.
const QUANTILES: [(f64, &str); 6] =
    [(0.25, "p25"), (0.5, "p50"), (0.75, "p75"), (0.9, "p90"), (0.95, "p95"), (0.99, "p99")];

/// The columns of strings before those of the extra group keys.
const STRINGS: [&str; 7] = ["family", "cat", "func_name", "file_hash", "host_hash", "file_name", "host_name"];

/// The metrics that every row may have: durations in µs, sizes in bytes, offsets in bytes.
const METRICS: [&str; 3] = ["dur", "size", "offset"];

/// The columns of a metric, with the type of its values.
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

fn strings(series: &Series) -> [&str; 7] {
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

/// The columns of a metric in the making.
struct MetricColumns {
    /// Rows that they have, where rows are left out that do not have the metric.
    rows: usize,
    ints: [Int64Builder; 4],
    floats: [Float64Builder; 5],
    quantiles: [Float64Builder; QUANTILES.len()],
}

impl MetricColumns {
    /// Columns with room for so many rows. Of many metrics each has few, so there they start without any.
    fn with_capacity(rows: usize) -> Self {
        Self {
            rows: 0,
            ints: std::array::from_fn(|_| Int64Builder::with_capacity(rows)),
            floats: std::array::from_fn(|_| Float64Builder::with_capacity(rows)),
            quantiles: std::array::from_fn(|_| Float64Builder::with_capacity(rows)),
        }
    }

    /// Adds the rows up to `row` that were left out, for they do not have the custom metric.
    fn fill_to(&mut self, row: usize, sketches: bool) {
        let missing = row - self.rows;
        if missing == 0 {
            return;
        }
        self.ints[0].append_nulls(missing);
        self.floats.iter_mut().for_each(|column| column.append_nulls(missing));
        if sketches {
            self.quantiles.iter_mut().for_each(|column| column.append_nulls(missing));
        }
        self.rows = row;
    }

    /// `extent` is the exact minimum and maximum of the metric.
    fn quantiles(&mut self, sketch: Option<&Sketch>, mapping: Option<&SketchMapping>, extent: Option<(f64, f64)>) {
        let Some(mapping) = mapping else { return };
        for (column, (q, _)) in self.quantiles.iter_mut().zip(QUANTILES) {
            column.append_option(sketch.and_then(|sketch| sketch.quantile(mapping, q, extent)));
        }
    }
}

/// Every row with full statistics.
pub(crate) struct Statistics<'v> {
    view: &'v View<'v>,
    schema: SchemaRef,
    families: std::vec::IntoIter<SeriesKind>,
    cells: Option<CellScan<'v>>,
    strings: Vec<StringColumn>,
    /// The places of the custom metrics, which are in byte order of their names.
    customs: HashMap<String, usize, ahash::RandomState>,
    sketches: Option<SketchMapping>,
}

impl<'v> Statistics<'v> {
    /// The columns of custom metrics are data: a first pass finds them.
    pub(crate) fn new(view: &'v View<'v>, dictionaries: Dictionaries) -> Result<Self, ExportError> {
        let config = view.index().config();
        let sketches = config.sketch_accuracy.and_then(SketchMapping::new);
        let customs = custom_names(view)?;
        let extra = &config.extra_group_keys;
        let strings = match dictionaries {
            Dictionaries::PerBatch => (0..STRINGS.len() + extra.len()).map(|_| StringColumn::default()).collect(),
            Dictionaries::Whole => whole_strings(view, extra.len())?,
        };
        let mut names: Vec<String> = STRINGS.map(String::from).to_vec();
        names.extend(["pid", "tid", "time_bucket", "count"].map(String::from));
        let extra = column_names(&names, extra.iter().cloned());
        names.extend(extra.iter().cloned());
        let mut fields: Vec<Field> = STRINGS.map(|name| required(name, dictionary_type())).to_vec();
        fields.extend(extra.into_iter().map(|name| required(name, dictionary_type())));
        fields.extend(["pid", "tid", "time_bucket", "count"].map(|name| required(name, DataType::Int64)));
        for metric in METRICS {
            fields.extend(metric_fields(metric, DataType::Int64, sketches.is_some()));
        }
        names.extend(fields.iter().map(|field| field.name().clone()));
        let these: Vec<Field> =
            customs.iter().flat_map(|custom| metric_fields(custom, DataType::Float64, sketches.is_some())).collect();
        let columns = column_names(&names, these.iter().map(|field| field.name().clone()));
        fields.extend(these.into_iter().zip(columns).map(|(field, name)| field.with_name(name)));
        Ok(Self {
            view,
            schema: Arc::new(Schema::new(fields)),
            families: SeriesKind::ALL.to_vec().into_iter(),
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
            match self.families.next() {
                Some(kind) => self.cells = Some(self.view.cells(kind, RowParts::All)?),
                None => return Ok(false),
            }
        }
    }
}

fn custom_names(view: &View<'_>) -> Result<Vec<String>, ExportError> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for kind in SeriesKind::ALL {
        let mut cells = view.cells_of_all_shares(kind, RowParts::All)?;
        while cells.advance()? {
            let Some(cell) = cells.cell() else { break };
            for (name, _) in &cell.row.customs {
                if !names.contains(name) {
                    names.insert(name.clone());
                }
            }
        }
    }
    Ok(names.into_iter().collect())
}

fn whole_strings(view: &View<'_>, extra: usize) -> Result<Vec<StringColumn>, ExportError> {
    let mut sets: Vec<HashSet<String>> = vec![HashSet::new(); STRINGS.len() + extra];
    for kind in SeriesKind::ALL {
        each_series(view, kind, |series| {
            let extra = series.identity.extra.iter().map(String::as_str);
            for (set, string) in sets.iter_mut().zip(strings(series).into_iter().chain(extra)) {
                if !set.contains(string) {
                    set.insert(string.to_owned());
                }
            }
        })?;
    }
    Ok(sets.into_iter().map(|set| StringColumn::whole(set.into_iter().collect())).collect())
}

impl Batches for Statistics<'_> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let most = self.view.batch_rows(self.schema.fields().len());
        let mut ints: [Int64Builder; 4] = Default::default();
        let mut metrics: [MetricColumns; METRICS.len()] =
            std::array::from_fn(|_| MetricColumns::with_capacity(most.min(1024)));
        // Those of metrics that no row of the batch has are not made: a table may have very many.
        let mut customs: Vec<Option<Box<MetricColumns>>> = Vec::new();
        customs.resize_with(self.customs.len(), || None);
        let mut rows = 0;
        while rows < most && self.advance()? {
            let Some(cell) = self.cells.as_ref().and_then(CellScan::cell) else { break };
            let series = cell.series;
            let identity = &series.identity;
            let extra = identity.extra.iter().map(String::as_str);
            for (column, string) in self.strings.iter_mut().zip(strings(series).into_iter().chain(extra)) {
                let number = column.number(string);
                column.push(number);
            }
            let describe = || {
                format!("{} {} of process {}, cell {} µs", identity.category, identity.name, identity.pid, cell.start)
            };
            let core = &cell.row.core;
            let values = [
                identity.pid,
                identity.tid,
                int64(cell.start, TABLE, "time_bucket", describe)?,
                int64(core.count, TABLE, "count", describe)?,
            ];
            for (column, value) in ints.iter_mut().zip(values) {
                column.append_value(value);
            }
            let all = [&core.duration, &core.size, &core.offset];
            for (at, (columns, stats)) in metrics.iter_mut().zip(all).enumerate() {
                append_int(columns, stats, METRICS[at], describe)?;
                let sketch = core.sketches.as_ref().map(|sketches| &sketches[at]).filter(|sketch| !sketch.is_empty());
                columns.quantiles(sketch, self.sketches.as_ref(), stats.extent());
            }
            for (name, custom) in &cell.row.customs {
                let Some(columns) = self.customs.get(name).and_then(|&at| customs.get_mut(at)) else { continue };
                let columns = columns.get_or_insert_with(|| Box::new(MetricColumns::with_capacity(0)));
                columns.fill_to(rows, self.sketches.is_some());
                let extent = append_custom(columns, custom, name, describe)?;
                columns.quantiles(custom.sketch.as_deref(), self.sketches.as_ref(), extent);
                columns.rows += 1;
            }
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for column in &mut self.strings {
            columns.push(column.finish()?);
        }
        columns.extend(ints.map(|mut column| Arc::new(column.finish()) as ArrayRef));
        let nulls = [DataType::Int64, DataType::Float64].map(|values| new_null_array(&values, rows));
        let metrics = metrics.into_iter().map(|columns| Some(Box::new(columns)));
        for (at, metric) in metrics.chain(customs).enumerate() {
            let Some(mut metric) = metric else {
                let [n, values] = &nulls;
                columns.push(n.clone());
                let others = if self.sketches.is_some() { 5 + QUANTILES.len() } else { 5 };
                columns.extend(std::iter::repeat_n(values, others).cloned());
                continue;
            };
            if at >= METRICS.len() {
                metric.fill_to(rows, self.sketches.is_some());
            }
            let MetricColumns { ints: [mut n, mut total, mut min, mut max], floats, quantiles, .. } = *metric;
            let [mut float_total, mut float_min, mut float_max, mut mean, mut std] = floats;
            columns.push(Arc::new(n.finish()));
            if at < METRICS.len() {
                columns.extend([&mut total, &mut min, &mut max].map(|column| Arc::new(column.finish()) as ArrayRef));
            } else {
                let floats = [&mut float_total, &mut float_min, &mut float_max];
                columns.extend(floats.map(|column| Arc::new(column.finish()) as ArrayRef));
            }
            columns.extend([&mut mean, &mut std].map(|column| Arc::new(column.finish()) as ArrayRef));
            if self.sketches.is_some() {
                columns.extend(quantiles.map(|mut column| Arc::new(column.finish()) as ArrayRef));
            }
        }
        Ok(Some(RecordBatch::try_new(self.schema.clone(), columns)?))
    }
}

fn append_int(
    columns: &mut MetricColumns,
    stats: &IntStats,
    name: &str,
    describe: impl Fn() -> String,
) -> Result<(), ExportError> {
    let there = !stats.is_empty();
    let summed = stats.n() > 0;
    let n = int64(stats.n(), TABLE, &format_name(name, "n"), &describe)?;
    let total = int64(stats.sum(), TABLE, &format_name(name, "total"), &describe)?;
    let [n_column, total_column, min, max] = &mut columns.ints;
    n_column.append_option(there.then_some(n));
    total_column.append_option(summed.then_some(total));
    min.append_option(stats.min());
    max.append_option(stats.max());
    let [.., mean, std] = &mut columns.floats;
    mean.append_option(stats.mean());
    std.append_option(stats.std());
    Ok(())
}

/// Appends what is known of a custom metric; its minimum and maximum.
fn append_custom(
    columns: &mut MetricColumns,
    custom: &Custom,
    name: &str,
    describe: impl Fn() -> String,
) -> Result<Option<(f64, f64)>, ExportError> {
    let none = FloatStats::default();
    let stats = Combined::new(&custom.ints, custom.floats.as_deref().unwrap_or(&none));
    columns.ints[0].append_value(int64(stats.n(), TABLE, &format_name(name, "n"), &describe)?);
    let [total, min, max, mean, std] = &mut columns.floats;
    total.append_option((stats.n() > 0).then(|| stats.total()));
    min.append_option(stats.min());
    max.append_option(stats.max());
    mean.append_option(stats.mean());
    std.append_option(stats.std());
    Ok(stats.extent())
}

fn format_name(metric: &str, column: &str) -> String {
    format!("{metric}_{column}")
}
