//! The tables of telemetry: the readings of counters.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayBuilder, ArrayRef, Float64Builder, Int64Builder, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use dft_codec::{TelemetryKey, TelemetryValue};

use crate::batches::{Batches, Dictionaries};
use crate::columns::{StringColumn, column_names, dictionary_type, optional, required};
use crate::error::ExportError;
use crate::numbers::int64;
use crate::readings::{CounterScan, ReadingScan, fill_rank_key};
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
}

impl FirstPass {
    fn of(view: &View<'_>, dictionaries: Dictionaries, counters: CounterIdentity) -> Result<Self, ExportError> {
        let extra = vec![StringDictionary::default(); view.index().config().extra_group_keys.len()];
        let scope = ScopeStrings { extra, ..ScopeStrings::default() };
        let scope = (counters == CounterIdentity::Full).then_some(scope);
        let mut first =
            Self { metrics: BTreeSet::new(), strings: CounterStrings { scope, ..CounterStrings::default() } };
        let mut rows = CounterScan::of_all_shards(view)?;
        let mut counter: Option<TelemetryKey> = None;
        // The names of the last row, which mostly are those of the next one.
        let mut last: Vec<String> = Vec::new();
        while let Some((key, value)) = rows.next()? {
            let mut at = 0;
            let each_name = TelemetryValue::each_name(value, |name| {
                if last.get(at).is_none_or(|last| last != name) {
                    last.truncate(at);
                    last.push(name.to_owned());
                    if !first.metrics.contains(name) {
                        first.metrics.insert(name.to_owned());
                    }
                }
                at += 1;
            });
            each_name.map_err(|error| view.index().bad_telemetry(key, error))?;
            if dictionaries == Dictionaries::Whole && !counter.as_ref().is_some_and(|last| last.is_same_counter(key)) {
                let mut shown = key.clone();
                counter = Some(key.clone());
                fill_rank_key(view, &mut shown);
                first.strings.each(&shown, |strings, string| {
                    if let Some(string) = string {
                        strings.number(string);
                    }
                });
            }
        }
        Ok(first)
    }
}

/// Telemetry, with a column for each metric.
pub(crate) struct TelemetryTable<'v> {
    view: &'v View<'v>,
    schema: SchemaRef,
    readings: ReadingScan<'v>,
    table: Table,
    strings: CounterStrings<StringColumn>,
    /// The positions of the metrics, which are in byte order.
    metrics: HashMap<String, usize, ahash::RandomState>,
}

impl<'v> TelemetryTable<'v> {
    /// Creates the table. A first pass over the readings finds the metrics, because each has a column.
    pub(crate) fn new(
        view: &'v View<'v>,
        dictionaries: Dictionaries,
        counters: CounterIdentity,
    ) -> Result<Self, ExportError> {
        let FirstPass { metrics, strings } = FirstPass::of(view, dictionaries, counters)?;
        let (table, schema) = match counters {
            CounterIdentity::Full => (Table::System, schema(Some(&view.index().config().extra_group_keys), &metrics)),
            CounterIdentity::HostAndName => (Table::SystemByHost, schema(None, &metrics)),
        };
        let column = |strings: StringDictionary| match dictionaries {
            Dictionaries::PerBatch => Ok(StringColumn::default()),
            Dictionaries::Whole => Ok(StringColumn::whole(Arc::new(strings.freeze()?))),
        };
        Ok(Self {
            view,
            schema,
            readings: ReadingScan::new(view, counters)?,
            table,
            strings: strings.try_map(column)?,
            metrics: metrics.into_iter().zip(0..).collect(),
        })
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
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let max_rows = self.view.batch_rows(self.schema.fields().len());
        let mut batch = ReadingColumns::default();
        batch.means.resize_with(self.metrics.len(), || None);
        let mut rows = 0;
        while rows < max_rows
            && let Some((key, value)) = self.readings.next()?
        {
            self.strings.each(key, |column, string| match string {
                Some(string) => column.push_string(string),
                None => column.push_null(),
            });
            batch.push(key, value, rows, self.table.name(), &self.metrics)?;
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let ReadingColumns { mut pid, time_bucket, ts, te, count, means, .. } = batch;
        let mut columns = Vec::with_capacity(self.schema.fields().len());
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
        Ok(Some(RecordBatch::try_new(self.schema.clone(), columns)?))
    }
}
