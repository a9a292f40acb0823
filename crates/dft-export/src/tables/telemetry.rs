//! The tables of telemetry: the readings of counters.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, Float64Builder, Int64Builder};
use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::{DataType, Schema, SchemaRef};
use dft_codec::{TelemetryKey, TelemetryValue};

use super::{OpenPart, TablePart, TableParts};
use crate::batches::{Batches, Dictionaries};
use crate::columns::{StringColumn, column_names, dictionary_type, optional, required};
use crate::error::ExportError;
use crate::numbers::int64;
use crate::readings::{CounterScan, Reading, ReadingScan, fill_rank_key};
use crate::string_dictionary::StringDictionary;
use crate::table::{CounterIdentity, Table};
use crate::view::View;

/// The columns of integers that every row has.
const INTEGERS: [&str; 4] = ["time_bucket", "ts", "te", "count"];

/// One value for each string column.
#[derive(Clone, Default)]
struct CounterStrings<T> {
    host_hash: T,
    name: T,
    /// `None` if counters merge by host and name.
    scope: Option<ScopeStrings<T>>,
}

#[derive(Clone, Default)]
struct ScopeStrings<T> {
    category: T,
    /// One for each extra group key.
    extra: Vec<T>,
}

impl<T> CounterStrings<T> {
    fn try_map<U>(
        self,
        mut convert: impl FnMut(T) -> Result<U, ExportError>,
    ) -> Result<CounterStrings<U>, ExportError> {
        let (host_hash, name) = (convert(self.host_hash)?, convert(self.name)?);
        let scope = self.scope.map(|ScopeStrings { category, extra }| {
            let category = convert(category)?;
            Ok::<_, ExportError>(ScopeStrings {
                category,
                extra: extra.into_iter().map(convert).collect::<Result<_, _>>()?,
            })
        });
        Ok(CounterStrings { host_hash, name, scope: scope.transpose()? })
    }

    /// Passes each column to `visit`.
    fn each_column(&mut self, mut visit: impl FnMut(&mut T)) {
        visit(&mut self.host_hash);
        visit(&mut self.name);
        if let Some(scope) = &mut self.scope {
            visit(&mut scope.category);
            scope.extra.iter_mut().for_each(visit);
        }
    }

    /// Passes each column and its value in the key to `visit`.
    fn each(&mut self, key: &TelemetryKey, mut visit: impl FnMut(&mut T, Option<&str>)) {
        visit(&mut self.host_hash, Some(&key.host_hash));
        visit(&mut self.name, Some(&key.name));
        if let Some(scope) = &mut self.scope {
            visit(&mut scope.category, Some(key.category()));
            for (at, column) in scope.extra.iter_mut().enumerate() {
                visit(column, key.extra(at));
            }
        }
    }
}

/// What a first pass over telemetry finds: a table's columns depend on it.
struct FirstPass {
    /// The metrics, in byte order.
    metrics: BTreeSet<String>,
    strings: CounterStrings<StringDictionary>,
    /// Where the counters of each host and name start, and the end.
    starts: Vec<CounterStart>,
}

/// Where the counters of a host and name start.
struct CounterStart {
    /// How many rows come before.
    row: u64,
    /// The first bytes of their keys; empty at the end of all.
    key: Vec<u8>,
}

impl FirstPass {
    fn of(view: &View<'_>, dictionaries: Dictionaries, counters: CounterIdentity) -> Result<Self, ExportError> {
        let extra = vec![StringDictionary::default(); view.index().config().extra_group_keys.len()];
        let scope = ScopeStrings { extra, ..ScopeStrings::default() };
        let scope = (counters == CounterIdentity::Full).then_some(scope);
        let mut first = Self {
            metrics: BTreeSet::new(),
            strings: CounterStrings { scope, ..CounterStrings::default() },
            starts: Vec::new(),
        };
        let mut rows = CounterScan::of_all_shards(view)?;
        let mut counter: Option<TelemetryKey> = None;
        // The names of the last row, which mostly are those of the next one.
        let mut last: Vec<u8> = Vec::new();
        let mut number = 0;
        while let Some((key, value)) = rows.next()? {
            let bad = |error| view.index().bad_telemetry(key, error);
            let names = TelemetryValue::encoded_names(value).map_err(bad)?;
            if names != last {
                last.clear();
                last.extend_from_slice(names);
                let insert = |name: &str| {
                    if !first.metrics.contains(name) {
                        first.metrics.insert(name.to_owned());
                    }
                };
                TelemetryValue::each_name(names, insert).map_err(bad)?;
            }
            number += 1;
            if counter.as_ref().is_some_and(|last| last.is_same_counter(key)) {
                continue;
            }
            if counter.as_ref().is_none_or(|last| (&last.host_hash, &last.name) != (&key.host_hash, &key.name)) {
                let start = TelemetryKey::prefix(&key.host_hash, &key.name);
                first.starts.push(CounterStart { row: number - 1, key: start });
            }
            counter = Some(key.clone());
            if dictionaries == Dictionaries::Whole {
                let mut shown = key.clone();
                fill_rank_key(view, &mut shown);
                first.strings.each(&shown, |strings, string| {
                    if let Some(string) = string {
                        strings.number(string);
                    }
                });
            }
        }
        first.starts.push(CounterStart { row: number, key: Vec::new() });
        Ok(first)
    }
}

/// The rows that a part of the table has at least.
const PART_ROWS: u64 = 8 << 10;

/// What all parts of the table have in common.
struct TelemetryShape {
    schema: SchemaRef,
    counters: CounterIdentity,
    strings: CounterStrings<StringColumn>,
    /// The positions of the metrics, which are in byte order.
    metrics: HashMap<String, usize, ahash::RandomState>,
}

/// Telemetry, with a column for each metric.
pub(crate) struct TelemetryTable<'v> {
    view: &'v View<'v>,
    shape: Arc<TelemetryShape>,
    readings: ReadingScan<'v>,
    strings: CounterStrings<StringColumn>,
}

impl TelemetryShape {
    /// Finds what the table's columns are, and where its parts may start.
    fn of(
        view: &View<'_>,
        dictionaries: Dictionaries,
        counters: CounterIdentity,
    ) -> Result<(Self, Vec<CounterStart>), ExportError> {
        let FirstPass { metrics, strings, starts } = FirstPass::of(view, dictionaries, counters)?;
        let schema = match counters {
            CounterIdentity::Full => schema(Some(&view.index().config().extra_group_keys), &metrics),
            CounterIdentity::HostAndName => schema(None, &metrics),
        };
        let column = |strings: StringDictionary| match dictionaries {
            Dictionaries::PerBatch => Ok(StringColumn::default()),
            Dictionaries::Whole => Ok(StringColumn::whole(Arc::new(strings.freeze()?))),
        };
        let strings = strings.try_map(column)?;
        Ok((Self { schema, counters, strings, metrics: metrics.into_iter().zip(0..).collect() }, starts))
    }

    fn table(&self) -> Table {
        match self.counters {
            CounterIdentity::Full => Table::System,
            CounterIdentity::HostAndName => Table::SystemByHost,
        }
    }
}

impl<'v> TelemetryTable<'v> {
    /// Creates the table. A first pass over the readings finds the metrics, because each has a column.
    pub(crate) fn new(
        view: &'v View<'v>,
        dictionaries: Dictionaries,
        counters: CounterIdentity,
    ) -> Result<Self, ExportError> {
        let (shape, _) = TelemetryShape::of(view, dictionaries, counters)?;
        Self::part(view, Arc::new(shape), None)
    }

    fn part(view: &'v View<'v>, shape: Arc<TelemetryShape>, keys: Option<Range<Vec<u8>>>) -> Result<Self, ExportError> {
        let (readings, strings) = (ReadingScan::new(view, shape.counters, keys)?, shape.strings.clone());
        Ok(Self { view, shape, readings, strings })
    }

    /// Returns the table as parts of consecutive counters.
    pub(super) fn parts(
        view: &'v View<'v>,
        dictionaries: Dictionaries,
        counters: CounterIdentity,
    ) -> Result<TableParts<'v>, ExportError> {
        let (shape, starts) = TelemetryShape::of(view, dictionaries, counters)?;
        let (schema, shape) = (shape.schema.clone(), Arc::new(shape));
        let mut ranges = Vec::new();
        let mut from = CounterStart { row: 0, key: Vec::new() };
        for start in starts {
            // The end of the table has no key.
            if start.row - from.row >= PART_ROWS && !start.key.is_empty() {
                ranges.push(from.key..start.key.clone());
                from = start;
            }
        }
        // The keys of hosts and names are texts, which do not have this byte.
        ranges.push(from.key..vec![0xff]);
        let part = |keys: Range<Vec<u8>>| -> TablePart<'v> {
            let shape = shape.clone();
            Box::new(move || {
                let batches = Box::new(TelemetryTable::part(view, shape, Some(keys))?);
                Ok(OpenPart { batches, prefetch: None })
            })
        };
        Ok(TableParts { schema, parts: ranges.into_iter().map(part).collect() })
    }
}

/// Returns the names of the metrics of all telemetry that passes the filter.
pub(crate) fn telemetry_metrics(view: &View<'_>) -> Result<BTreeSet<String>, ExportError> {
    Ok(FirstPass::of(view, Dictionaries::PerBatch, CounterIdentity::HostAndName)?.metrics)
}

/// Returns the schema. `extra` are the extra group keys, or `None` if counters merge by host and name.
fn schema(extra: Option<&[String]>, metrics: &BTreeSet<String>) -> SchemaRef {
    let mut fields = vec![required("host_hash", dictionary_type()), required("name", dictionary_type())];
    if let Some(extra) = extra {
        fields.extend([required("cat", dictionary_type()), optional("pid", DataType::Int64)]);
        let fixed = fields.iter().map(|field| field.name().clone());
        let fixed: Vec<String> = fixed.chain(INTEGERS.map(String::from)).collect();
        let names = column_names(&fixed, extra.iter().cloned());
        fields.extend(names.into_iter().map(|name| optional(name, dictionary_type())));
    }
    fields.extend(INTEGERS.map(|name| required(name, DataType::Int64)));
    let fixed: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    let columns = column_names(&fixed, metrics.iter().cloned());
    fields.extend(columns.into_iter().map(|name| optional(name, DataType::Float64)));
    Arc::new(Schema::new(fields))
}

/// Builds the columns of a batch, except the strings.
#[derive(Default)]
struct ReadingColumns {
    pid: Int64Builder,
    time_bucket: Int64Builder,
    ts: Int64Builder,
    te: Int64Builder,
    count: Int64Builder,
    /// The means of the metrics, only of those that the batch contains: a table may have very many.
    means: Vec<Option<Float64Builder>>,
    /// The metrics of the last row, and their positions.
    last: Vec<(String, usize)>,
}

impl ReadingColumns {
    /// Adds a cell as row number `row`.
    fn push(
        &mut self,
        key: &TelemetryKey,
        value: &TelemetryValue,
        row: usize,
        table: &'static str,
        positions: &HashMap<String, usize, ahash::RandomState>,
    ) -> Result<(), ExportError> {
        let describe = || format!("{} of host {}, cell {} µs", key.name, key.host_hash, key.bucket);
        self.pid.append_option(key.pid());
        self.time_bucket.append_value(int64(key.bucket, table, "time_bucket", describe)?);
        self.ts.append_value(value.core.ts);
        self.te.append_value(value.core.te);
        self.count.append_value(int64(value.core.readings, table, "count", describe)?);
        for (at, (metric, stats)) in value.metrics.iter().enumerate() {
            // Neighbouring rows mostly have the same metrics.
            let position = match self.last.get(at) {
                Some((last, position)) if last == metric => *position,
                _ => {
                    let Some(&position) = positions.get(metric) else { continue };
                    self.last.truncate(at);
                    self.last.push((metric.clone(), position));
                    position
                }
            };
            let Some(column) = self.means.get_mut(position) else { continue };
            let column = column.get_or_insert_with(|| Float64Builder::with_capacity(0));
            fill_to(column, row);
            column.append_option(stats.mean());
        }
        Ok(())
    }
}

/// Adds nulls for rows without the metric, up to `row`.
fn fill_to(column: &mut Float64Builder, row: usize) {
    if column.len() < row {
        column.append_nulls(row - column.len());
    }
}

impl Batches for TelemetryTable<'_> {
    fn schema(&self) -> SchemaRef {
        self.shape.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let max_rows = self.view.batch_rows(self.shape.schema.fields().len());
        let mut batch = ReadingColumns::default();
        batch.means.resize_with(self.shape.metrics.len(), || None);
        let mut rows = 0;
        let mut last = None;
        while rows < max_rows
            && let Some(Reading { key, value, counter }) = self.readings.next()?
        {
            if last == Some(counter) {
                self.strings.each_column(StringColumn::push_again);
            } else {
                last = Some(counter);
                self.strings.each(key, |column, string| match string {
                    Some(string) => column.push_string(string),
                    None => column.push_null(),
                });
            }
            batch.push(key, value, rows, self.shape.table().name(), &self.shape.metrics)?;
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let ReadingColumns { mut pid, time_bucket, ts, te, count, means, .. } = batch;
        let mut columns = Vec::with_capacity(self.shape.schema.fields().len());
        columns.extend([self.strings.host_hash.finish()?, self.strings.name.finish()?]);
        if let Some(scope) = &mut self.strings.scope {
            columns.extend([scope.category.finish()?, Arc::new(pid.finish())]);
            for column in &mut scope.extra {
                columns.push(column.finish()?);
            }
        }
        columns.extend([time_bucket, ts, te, count].map(|mut column| Arc::new(column.finish()) as ArrayRef));
        let nulls = new_null_array(&DataType::Float64, rows);
        columns.extend(means.into_iter().map(|column| match column {
            Some(mut column) => {
                fill_to(&mut column, rows);
                Arc::new(column.finish()) as ArrayRef
            }
            None => nulls.clone(),
        }));
        Ok(Some(RecordBatch::try_new(self.shape.schema.clone(), columns)?))
    }
}
