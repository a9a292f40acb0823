//! Telemetry merged to cells.

use std::collections::{BTreeMap, btree_map};

use dft_codec::{TelemetryKey, TelemetryValue};
use dft_store::{TelemetryQuery, TelemetryScan};

use crate::error::ExportError;
use crate::table::CounterIdentity;
use crate::view::View;

impl<'a> View<'a> {
    /// Passes every cell of telemetry that passes the filter to `visit`. The key's bucket is the start of the cell.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub(crate) fn each_reading(
        &'a self,
        mut visit: impl FnMut(TelemetryKey, TelemetryValue),
    ) -> Result<(), ExportError> {
        let mut readings = ReadingScan::new(self, CounterIdentity::Full)?;
        while let Some((key, value)) = readings.next()? {
            visit(key, value);
        }
        Ok(())
    }
}

/// Scans the cells of telemetry that pass the filter.
pub(crate) struct ReadingScan<'v> {
    view: &'v View<'v>,
    scan: TelemetryScan<'v>,
    counters: CounterIdentity,
    /// Whether the scan skips counters that are not in the filter's shard.
    only_shard: bool,
    /// The row that was read, if its cell was not returned yet.
    pending: Option<(TelemetryKey, TelemetryValue)>,
    /// The cells of the current counter, if counters merge by host and name.
    merged: Option<(TelemetryKey, btree_map::IntoIter<u64, TelemetryValue>)>,
}

impl<'v> ReadingScan<'v> {
    pub(crate) fn new(view: &'v View<'v>, counters: CounterIdentity) -> Result<Self, ExportError> {
        let query = TelemetryQuery { time: view.buckets(), ..TelemetryQuery::default() };
        Ok(Self { view, scan: view.index().telemetry(query)?, counters, only_shard: true, pending: None, merged: None })
    }

    /// Scans the rows of all shards. All shards of a table must have the columns that it finds.
    pub(crate) fn of_all_shards(view: &'v View<'v>) -> Result<Self, ExportError> {
        Ok(Self { only_shard: false, ..Self::new(view, CounterIdentity::Full)? })
    }

    /// Reads the next row that passes the filter.
    pub(crate) fn next_row(&mut self) -> Result<Option<(TelemetryKey, TelemetryValue)>, ExportError> {
        let view = self.view;
        while let Some((key, value)) = self.scan.next()? {
            if (!self.only_shard || view.filter().has_counter(&key.name, &key.host_hash))
                && view.filter().passes_counter(&key, view.names().host(&key.host_hash, key.pid()), rank_of(view, &key))
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

    /// Returns the next cell. The key's bucket is its start.
    pub(crate) fn next(&mut self) -> Result<Option<(TelemetryKey, TelemetryValue)>, ExportError> {
        match self.counters {
            CounterIdentity::Full => self.next_full(),
            CounterIdentity::HostAndName => self.next_by_host(),
        }
    }

    fn next_full(&mut self) -> Result<Option<(TelemetryKey, TelemetryValue)>, ExportError> {
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
            // Counters with the same host and name are adjacent, each with its rows in order of time.
            let mut cells = BTreeMap::from([(self.view.cell(first.bucket), value)]);
            while let Some((next, more)) = self.next_row()? {
                if (&next.host_hash, &next.name) != (&first.host_hash, &first.name) {
                    self.pending = Some((next, more));
                    break;
                }
                match cells.entry(self.view.cell(next.bucket)) {
                    btree_map::Entry::Vacant(entry) => {
                        entry.insert(more);
                    }
                    btree_map::Entry::Occupied(mut entry) => entry.get_mut().merge(more),
                }
            }
            self.merged = Some((TelemetryKey { scope: None, ..first }, cells.into_iter()));
        }
    }
}

/// Returns the rank of the process that a counter is about.
fn rank_of(view: &View<'_>, key: &TelemetryKey) -> Option<i64> {
    view.names().rank(&key.host_hash, key.pid()?)
}

/// Sets the group key `rank` to the rank of the process if the counter's records do not state it.
pub(crate) fn fill_rank_key(view: &View<'_>, key: &mut TelemetryKey) {
    let rank = rank_of(view, key);
    if let Some(scope) = &mut key.scope {
        view.names().fill_rank_key(&mut scope.extra, rank);
    }
}
