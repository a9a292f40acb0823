//! The table of telemetry: what counters read.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, Int64Builder, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use dft_codec::{TelemetryKey, TelemetryValue};
use dft_store::{TelemetryQuery, TelemetryScan};

use crate::columns::{StringColumn, column_names, dictionary_type, int64, optional, required};
use crate::error::ExportError;
use crate::tables::Batches;
use crate::view::{Dictionaries, View};

const TABLE: &str = "system";

/// Walks cells of telemetry that pass the filter.
pub(crate) struct ReadingScan<'v> {
    view: &'v View<'v>,
    scan: TelemetryScan<'v>,
    /// Whether only the share that is asked for is walked.
    shared: bool,
    pending: Option<(TelemetryKey, TelemetryValue)>,
}

impl<'v> ReadingScan<'v> {
    pub(crate) fn new(view: &'v View<'v>) -> Result<Self, ExportError> {
        let query = TelemetryQuery { time: view.buckets(), ..TelemetryQuery::default() };
        Ok(Self { view, scan: view.index().telemetry(query)?, shared: true, pending: None })
    }

    /// All shares, for what must not differ between them.
    fn of_all_shares(view: &'v View<'v>) -> Result<Self, ExportError> {
        Ok(Self { shared: false, ..Self::new(view)? })
    }

    fn next_row(&mut self) -> Result<Option<(TelemetryKey, TelemetryValue)>, ExportError> {
        let view = self.view;
        while let Some((key, value)) = self.scan.next()? {
            if (!self.shared || view.filter().shares_counter(&key.name, &key.hhash))
                && view.filter().passes_counter(&key.name, view.host_name(&key.hhash), &key.hhash)
            {
                let value = TelemetryValue::decode(value, key.bucket)
                    .map_err(|error| view.index().bad_telemetry(&key, error))?;
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    /// The next cell: the key's bucket is its start.
    pub(crate) fn next(&mut self) -> Result<Option<(TelemetryKey, TelemetryValue)>, ExportError> {
        let first = match self.pending.take() {
            Some(row) => Some(row),
            None => self.next_row()?,
        };
        let Some((mut key, mut value)) = first else { return Ok(None) };
        key.bucket = self.view.cell(key.bucket);
        while let Some((next, more)) = self.next_row()? {
            if (&next.hhash, &next.name, self.view.cell(next.bucket)) != (&key.hhash, &key.name, key.bucket) {
                self.pending = Some((next, more));
                break;
            }
            value.merge(more);
        }
        Ok(Some((key, value)))
    }
}

/// Telemetry, a column for each metric.
pub(crate) struct Telemetry<'v> {
    schema: SchemaRef,
    readings: ReadingScan<'v>,
    strings: [StringColumn; 2],
    /// In byte order.
    metrics: Vec<String>,
}

impl<'v> Telemetry<'v> {
    /// The columns are data: a first pass finds them.
    pub(crate) fn new(view: &'v View<'v>, dictionaries: Dictionaries) -> Result<Self, ExportError> {
        let mut metrics = BTreeSet::new();
        let mut sets: [HashSet<String>; 2] = Default::default();
        let mut first = ReadingScan::of_all_shares(view)?;
        while let Some((key, value)) = first.next_row()? {
            for (name, _) in value.metrics {
                if !metrics.contains(&name) {
                    metrics.insert(name);
                }
            }
            if dictionaries == Dictionaries::Whole {
                sets[0].insert(key.hhash);
                sets[1].insert(key.name);
            }
        }
        let strings = match dictionaries {
            Dictionaries::PerBatch => Default::default(),
            Dictionaries::Whole => sets.map(|set| StringColumn::whole(set.into_iter().collect())),
        };
        let metrics: Vec<String> = metrics.into_iter().collect();
        let mut fields = vec![required("host_hash", dictionary_type()), required("name", dictionary_type())];
        fields.extend(["time_bucket", "ts", "te", "count"].map(|name| required(name, DataType::Int64)));
        let fixed: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let columns = column_names(&fixed, metrics.iter().cloned());
        fields.extend(columns.into_iter().map(|name| optional(name, DataType::Float64)));
        Ok(Self { schema: Arc::new(Schema::new(fields)), readings: ReadingScan::new(view)?, strings, metrics })
    }
}

impl Batches for Telemetry<'_> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let most = self.readings.view.batch_rows(self.schema.fields().len());
        let mut ints: [Int64Builder; 4] = Default::default();
        let mut means: Vec<Float64Builder> = self.metrics.iter().map(|_| Float64Builder::new()).collect();
        let mut rows = 0;
        while rows < most
            && let Some((key, value)) = self.readings.next()?
        {
            for (column, string) in self.strings.iter_mut().zip([&key.hhash, &key.name]) {
                let number = column.number(string);
                column.push(number);
            }
            let row = || format!("{} of host {}, cell {} µs", key.name, key.hhash, key.bucket);
            let values = [
                int64(key.bucket, TABLE, "time_bucket", row)?,
                value.core.ts,
                value.core.te,
                int64(value.core.readings, TABLE, "count", row)?,
            ];
            for (column, value) in ints.iter_mut().zip(values) {
                column.append_value(value);
            }
            // Both are in byte order.
            let mut have = value.metrics.iter().peekable();
            for (metric, column) in self.metrics.iter().zip(&mut means) {
                let stats = have.next_if(|(name, _)| name == metric);
                column.append_option(stats.and_then(|(_, stats)| stats.mean()));
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
        columns.extend(means.into_iter().map(|mut column| Arc::new(column.finish()) as ArrayRef));
        Ok(Some(RecordBatch::try_new(self.schema.clone(), columns)?))
    }
}
