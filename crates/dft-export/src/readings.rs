//! Telemetry merged to cells.

use std::collections::{BTreeMap, btree_map};
use std::ops::Range;

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
    pub fn each_reading(&'a self, mut visit: impl FnMut(&TelemetryKey, &TelemetryValue)) -> Result<(), ExportError> {
        let mut readings = ReadingScan::new(self, CounterIdentity::Full, None)?;
        while let Some(Reading { key, value, .. }) = readings.next()? {
            visit(key, value);
        }
        Ok(())
    }
}

/// Scans the rows of telemetry whose counters pass the filter.
pub(crate) struct CounterScan<'v> {
    view: &'v View<'v>,
    scan: TelemetryScan<'v>,
    /// Whether the scan skips counters that are not in the filter's shard.
    only_shard: bool,
    /// The key of the current row.
    key: Option<TelemetryKey>,
    /// The number of the current row's counter, counted from 1.
    counter: u64,
    /// Whether the counter passes.
    passes: bool,
}

impl<'v> CounterScan<'v> {
    fn new(view: &'v View<'v>, only_shard: bool, keys: Option<Range<Vec<u8>>>) -> Result<Self, ExportError> {
        let query = TelemetryQuery { time: view.buckets(), keys, ..TelemetryQuery::default() };
        let scan = view.index().telemetry(query)?;
        Ok(Self { view, scan, only_shard, key: None, counter: 0, passes: false })
    }

    /// Scans the rows of all shards. All shards of a table must have the columns that it finds.
    pub(crate) fn of_all_shards(view: &'v View<'v>) -> Result<Self, ExportError> {
        Self::new(view, false, None)
    }

    /// Returns the key and the bytes of the next row that passes the filter.
    pub(crate) fn next(&mut self) -> Result<Option<(&TelemetryKey, &[u8])>, ExportError> {
        loop {
            let Some((key, _)) = self.scan.next()? else { return Ok(None) };
            match &mut self.key {
                Some(known) if known.is_same_counter(key) => known.bucket = key.bucket,
                _ => {
                    let (filter, names) = (self.view.filter(), self.view.names());
                    self.passes = (!self.only_shard || filter.has_counter(&key.name, &key.host_hash))
                        && filter.passes_counter(key, names.host(&key.host_hash, key.pid()), rank_of(self.view, key));
                    self.key = Some(key.clone());
                    self.counter += 1;
                }
            }
            if self.passes {
                // The borrow checker does not accept a return from within the loop.
                break;
            }
        }
        Ok(self.key.as_ref().zip(self.scan.value()))
    }
}

/// A cell of telemetry.
pub(crate) struct Reading<'r> {
    /// The key; its bucket is the start of the cell.
    pub(crate) key: &'r TelemetryKey,
    pub(crate) value: &'r TelemetryValue,
    /// A number that differs from that of the last cell if the counter does.
    pub(crate) counter: u64,
}

/// Scans the cells of telemetry that pass the filter.
pub(crate) struct ReadingScan<'v> {
    view: &'v View<'v>,
    rows: CounterScan<'v>,
    counters: CounterIdentity,
    /// The row that was read last.
    row: TelemetryValue,
    /// Whether the cell of that row was not returned yet.
    is_pending: bool,
    /// The current cell.
    cell: TelemetryValue,
    key: Option<TelemetryKey>,
    /// The number of the cell's counter.
    counter: u64,
    /// The cells of the current counter, if counters merge by host and name.
    merged: Option<(TelemetryKey, btree_map::IntoIter<u64, TelemetryValue>)>,
}

impl<'v> ReadingScan<'v> {
    /// Scans the cells of a range of keys, or all. A range must not divide the counters of a host and name.
    pub(crate) fn new(
        view: &'v View<'v>,
        counters: CounterIdentity,
        keys: Option<Range<Vec<u8>>>,
    ) -> Result<Self, ExportError> {
        Ok(Self {
            view,
            rows: CounterScan::new(view, true, keys)?,
            counters,
            row: TelemetryValue::empty(),
            is_pending: false,
            cell: TelemetryValue::empty(),
            key: None,
            counter: 0,
            merged: None,
        })
    }

    /// Reads the next row, unless one is pending. Returns false at the end.
    fn read_row(&mut self) -> Result<bool, ExportError> {
        if std::mem::take(&mut self.is_pending) {
            return Ok(true);
        }
        let index = self.view.index();
        let Some((key, value)) = self.rows.next()? else { return Ok(false) };
        self.row.read(value, key.bucket).map_err(|error| index.bad_telemetry(key, error))?;
        Ok(true)
    }

    /// Returns the next cell.
    pub(crate) fn next(&mut self) -> Result<Option<Reading<'_>>, ExportError> {
        let found = match self.counters {
            CounterIdentity::Full => self.find_full()?,
            CounterIdentity::HostAndName => self.find_by_host()?,
        };
        let Some(key) = self.key.as_ref().filter(|_| found) else { return Ok(None) };
        Ok(Some(Reading { key, value: &self.cell, counter: self.counter }))
    }

    fn find_full(&mut self) -> Result<bool, ExportError> {
        if !self.read_row()? {
            return Ok(false);
        }
        let view = self.view;
        std::mem::swap(&mut self.row, &mut self.cell);
        let Some(row) = &self.rows.key else { return Ok(false) };
        let start = view.cell(row.bucket);
        if self.counter != self.rows.counter {
            self.counter = self.rows.counter;
            let mut key = row.clone();
            fill_rank_key(view, &mut key);
            self.key = Some(key);
        }
        if let Some(key) = &mut self.key {
            key.bucket = start;
        }
        if view.granularity() > view.index().config().interval_us {
            while self.read_row()? {
                let is_same_cell = self.rows.counter == self.counter
                    && self.rows.key.as_ref().is_some_and(|row| view.cell(row.bucket) == start);
                if !is_same_cell {
                    self.is_pending = true;
                    break;
                }
                self.cell.merge(std::mem::replace(&mut self.row, TelemetryValue::empty()));
            }
        }
        Ok(true)
    }

    fn find_by_host(&mut self) -> Result<bool, ExportError> {
        let view = self.view;
        loop {
            if let Some((key, cells)) = &mut self.merged
                && let Some((bucket, value)) = cells.next()
            {
                match &mut self.key {
                    Some(known) if known.is_same_counter(key) => known.bucket = bucket,
                    _ => self.key = Some(TelemetryKey { bucket, ..key.clone() }),
                }
                self.cell = value;
                return Ok(true);
            }
            if !self.read_row()? {
                return Ok(false);
            }
            let Some(first) = self.rows.key.clone() else { return Ok(false) };
            // Counters with the same host and name are adjacent, each with its rows in order of time.
            let mut cells: BTreeMap<u64, TelemetryValue> = BTreeMap::new();
            let mut start = view.cell(first.bucket);
            loop {
                let row = std::mem::replace(&mut self.row, TelemetryValue::empty());
                match cells.entry(start) {
                    btree_map::Entry::Vacant(entry) => {
                        entry.insert(row);
                    }
                    btree_map::Entry::Occupied(mut entry) => entry.get_mut().merge(row),
                }
                if !self.read_row()? {
                    break;
                }
                let Some(next) = &self.rows.key else { break };
                if (&next.host_hash, &next.name) != (&first.host_hash, &first.name) {
                    self.is_pending = true;
                    break;
                }
                start = view.cell(next.bucket);
            }
            self.counter += 1;
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
