//! The table of telemetry: what counters read.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, btree_map};
use std::sync::Arc;

use arrow::array::{ArrayBuilder, ArrayRef, Float64Builder, Int64Builder, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use dft_codec::{TelemetryKey, TelemetryValue};
use dft_store::{TelemetryQuery, TelemetryScan};

use crate::columns::{StringColumn, column_names, dictionary_type, int64, optional, required};
use crate::error::ExportError;
use crate::export::{Batches, Table};
use crate::view::{Dictionaries, View};

/// Which counters are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counters {
    /// All of them.
    Apart,
    /// Those of different hosts or names.
    ByHost,
}

/// Walks cells of telemetry that pass the filter.
pub(crate) struct ReadingScan<'v> {
    view: &'v View<'v>,
    scan: TelemetryScan<'v>,
    counters: Counters,
    /// Whether only the share that is asked for is walked.
    shared: bool,
    pending: Option<(TelemetryKey, TelemetryValue)>,
    /// The cells of the host's counter at hand, where counters are not all told apart.
    merged: Option<(TelemetryKey, btree_map::IntoIter<u64, TelemetryValue>)>,
}

impl<'v> ReadingScan<'v> {
    pub(crate) fn new(view: &'v View<'v>, counters: Counters) -> Result<Self, ExportError> {
        let query = TelemetryQuery { time: view.buckets(), ..TelemetryQuery::default() };
        Ok(Self { view, scan: view.index().telemetry(query)?, counters, shared: true, pending: None, merged: None })
    }

    /// All shares, for what must not differ between them.
    fn of_all_shares(view: &'v View<'v>) -> Result<Self, ExportError> {
        Ok(Self { shared: false, ..Self::new(view, Counters::Apart)? })
    }

    fn next_row(&mut self) -> Result<Option<(TelemetryKey, TelemetryValue)>, ExportError> {
        let view = self.view;
        while let Some((key, value)) = self.scan.next()? {
            if (!self.shared || view.filter().shares_counter(&key.name, &key.host_hash))
                && view.filter().passes_counter(&key, view.host_name(&key.host_hash, key.pid()), rank_of(view, &key))
            {
                let value = TelemetryValue::decode(value, key.bucket)
                    .map_err(|error| view.index().bad_telemetry(&key, error))?;
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    fn pending_or_next(&mut self) -> Result<Option<(TelemetryKey, TelemetryValue)>, ExportError> {
        match self.pending.take() {
            Some(row) => Ok(Some(row)),
            None => self.next_row(),
        }
    }

    /// The next cell: the key's bucket is its start.
    pub(crate) fn next(&mut self) -> Result<Option<(TelemetryKey, TelemetryValue)>, ExportError> {
        match self.counters {
            Counters::Apart => self.next_apart(),
            Counters::ByHost => self.next_by_host(),
        }
    }

    fn next_apart(&mut self) -> Result<Option<(TelemetryKey, TelemetryValue)>, ExportError> {
        let Some((mut key, mut value)) = self.pending_or_next()? else { return Ok(None) };
        key.bucket = self.view.cell(key.bucket);
        while let Some((next, more)) = self.next_row()? {
            if !next.is_same_counter(&key) || self.view.cell(next.bucket) != key.bucket {
                self.pending = Some((next, more));
                break;
            }
            value.merge(more);
        }
        fill_rank_key(self.view, &mut key);
        Ok(Some((key, value)))
    }

    fn next_by_host(&mut self) -> Result<Option<(TelemetryKey, TelemetryValue)>, ExportError> {
        loop {
            if let Some((key, cells)) = &mut self.merged
                && let Some((bucket, value)) = cells.next()
            {
                return Ok(Some((TelemetryKey { bucket, ..key.clone() }, value)));
            }
            let Some((first, value)) = self.pending_or_next()? else { return Ok(None) };
            // Counters of one host and name come one after another, each from the start of time.
            let mut cells = BTreeMap::from([(self.view.cell(first.bucket), value)]);
            while let Some((next, more)) = self.next_row()? {
                if (&next.host_hash, &next.name) != (&first.host_hash, &first.name) {
                    self.pending = Some((next, more));
                    break;
                }
                match cells.entry(self.view.cell(next.bucket)) {
                    btree_map::Entry::Vacant(place) => {
                        place.insert(more);
                    }
                    btree_map::Entry::Occupied(mut place) => place.get_mut().merge(more),
                }
            }
            self.merged = Some((TelemetryKey { scope: None, ..first }, cells.into_iter()));
        }
    }
}

/// Telemetry, a column for each metric.
pub(crate) struct Telemetry<'v> {
    schema: SchemaRef,
    readings: ReadingScan<'v>,
    table: Table,
    /// Host and name; where counters are told apart, category, too.
    strings: Vec<StringColumn>,
    /// The places of the metrics, which are in byte order.
    metrics: HashMap<String, usize, ahash::RandomState>,
}

impl<'v> Telemetry<'v> {
    /// The columns are data: a first pass finds them.
    pub(crate) fn new(view: &'v View<'v>, dictionaries: Dictionaries, counters: Counters) -> Result<Self, ExportError> {
        let mut metrics = BTreeSet::new();
        let table = match counters {
            Counters::Apart => Table::System,
            Counters::ByHost => Table::SystemByHost,
        };
        let apart = counters == Counters::Apart;
        let extras: &[String] = if apart { &view.index().config().extra_group_keys } else { &[] };
        let mut sets = vec![HashSet::new(); if apart { 3 } else { 2 } + extras.len()];
        let mut first = ReadingScan::of_all_shares(view)?;
        while let Some((mut key, value)) = first.next_row()? {
            fill_rank_key(view, &mut key);
            for (name, _) in value.metrics {
                if !metrics.contains(&name) {
                    metrics.insert(name);
                }
            }
            if dictionaries == Dictionaries::Whole {
                for (at, set) in sets.iter_mut().enumerate() {
                    if let Some(text) = text_of(&key, at)
                        && !set.contains(text)
                    {
                        set.insert(text.to_owned());
                    }
                }
            }
        }
        let strings = sets.into_iter().map(|set| match dictionaries {
            Dictionaries::PerBatch => StringColumn::default(),
            Dictionaries::Whole => StringColumn::whole(set.into_iter().collect()),
        });
        let metrics: Vec<String> = metrics.into_iter().collect();
        let mut fields = vec![required("host_hash", dictionary_type()), required("name", dictionary_type())];
        if apart {
            fields.extend([required("cat", dictionary_type()), optional("pid", DataType::Int64)]);
            let taken: Vec<String> =
                ["host_hash", "name", "cat", "pid", "time_bucket", "ts", "te", "count"].map(String::from).to_vec();
            let names = column_names(&taken, extras.iter().cloned());
            fields.extend(names.into_iter().map(|name| optional(name, dictionary_type())));
        }
        fields.extend(["time_bucket", "ts", "te", "count"].map(|name| required(name, DataType::Int64)));
        let fixed: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let columns = column_names(&fixed, metrics.iter().cloned());
        fields.extend(columns.into_iter().map(|name| optional(name, DataType::Float64)));
        Ok(Self {
            schema: Arc::new(Schema::new(fields)),
            readings: ReadingScan::new(view, counters)?,
            table,
            strings: strings.collect(),
            metrics: metrics.into_iter().zip(0..).collect(),
        })
    }
}

/// The rank of the process that a counter is about.
fn rank_of(view: &View<'_>, key: &TelemetryKey) -> Option<i64> {
    view.rank_of(&key.host_hash, key.pid()?)
}

/// Gives the group key `rank` the rank of the process, where the counter's records do not say it.
fn fill_rank_key(view: &View<'_>, key: &mut TelemetryKey) {
    let rank = rank_of(view, key);
    if let Some(scope) = &mut key.scope {
        view.fill_rank_key(&mut scope.extra, rank);
    }
}

/// What a counter has in a string column: host, name, category, then the extra group keys.
fn text_of(key: &TelemetryKey, column: usize) -> Option<&str> {
    match column {
        0 => Some(&key.host_hash),
        1 => Some(&key.name),
        2 => Some(key.category()),
        extra => key.extra(extra - 3),
    }
}

/// Adds the rows up to `row` that were left out, for they do not have the metric.
fn fill_to(column: &mut Float64Builder, row: usize) {
    if column.len() < row {
        column.append_nulls(row - column.len());
    }
}

impl Batches for Telemetry<'_> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let most = self.readings.view.batch_rows(self.schema.fields().len());
        let table = self.table.name();
        let mut ints: [Int64Builder; 4] = Default::default();
        let mut pids = Int64Builder::new();
        // Those of metrics that no row of the batch has are not made: a table may have very many.
        let mut means: Vec<Option<Float64Builder>> = Vec::new();
        means.resize_with(self.metrics.len(), || None);
        let mut rows = 0;
        while rows < most
            && let Some((key, value)) = self.readings.next()?
        {
            for (at, column) in self.strings.iter_mut().enumerate() {
                match text_of(&key, at) {
                    Some(text) => {
                        let number = column.number(text);
                        column.push(number);
                    }
                    None => column.push_null(),
                }
            }
            pids.append_option(key.pid());
            let row = || format!("{} of host {}, cell {} µs", key.name, key.host_hash, key.bucket);
            let values = [
                int64(key.bucket, table, "time_bucket", row)?,
                value.core.ts,
                value.core.te,
                int64(value.core.readings, table, "count", row)?,
            ];
            for (column, value) in ints.iter_mut().zip(values) {
                column.append_value(value);
            }
            for (metric, stats) in &value.metrics {
                let Some(column) = self.metrics.get(metric).and_then(|&at| means.get_mut(at)) else { continue };
                let column = column.get_or_insert_with(|| Float64Builder::with_capacity(0));
                fill_to(column, rows);
                column.append_option(stats.mean());
            }
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for (at, column) in self.strings.iter_mut().enumerate() {
            columns.push(column.finish()?);
            if at == 2 {
                columns.push(Arc::new(pids.finish()));
            }
        }
        columns.extend(ints.map(|mut column| Arc::new(column.finish()) as ArrayRef));
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
