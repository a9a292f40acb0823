//! Cursors over rows and telemetry.

use std::ops::Range;
use std::sync::Arc;

use dft_codec::{RowParts, RowValue, SeriesId, SeriesIdentity, TelemetryKey, TelemetryValue};
use dft_store::{RowQuery, RowScan, TelemetryQuery, TelemetryScan};
use self_cell::self_cell;

use crate::arguments::{Growing, check_place, dft_text, give, given, out};
use crate::boundary::boundary;
use crate::handles::{self, Object};
use crate::index::{Source, dft_index, kind, source};
use crate::status::{DFT_DAMAGED, Failure, dft_status};
use crate::values::{dft_metric, dft_row_value};

/// Walks rows in key order: by series, then by time. For one thread at a time. Made by dft_rows_open(),
/// freed by dft_rows_free().
pub struct dft_rows {
    _private: [u8; 0],
}

/// Walks telemetry in key order: by host, counter and time. For one thread at a time. Made by
/// dft_readings_open(), freed by dft_readings_free().
pub struct dft_readings {
    _private: [u8; 0],
}

self_cell! {
    /// A walk over rows, with the index that it reads.
    struct OwnedRows {
        owner: Arc<Source>,
        #[not_covariant]
        dependent: RowScan,
    }
}

self_cell! {
    /// A walk over telemetry, with the index that it reads.
    struct OwnedTelemetry {
        owner: Arc<Source>,
        #[not_covariant]
        dependent: TelemetryScan,
    }
}

struct Rows {
    scan: OwnedRows,
    /// The row at hand: what the caller sees until the next step.
    key: [u8; 24],
    value: Vec<u8>,
    row: RowValue,
    series: Option<(SeriesId, SeriesIdentity)>,
}

impl Object for Rows {
    const KIND: u8 = 3;
    const NAME: &'static str = "dft_rows";
    const SHARED: bool = false;
}

struct Readings {
    scan: OwnedTelemetry,
    key: Vec<u8>,
    /// The key of the row at hand.
    counter: Option<TelemetryKey>,
    value: Vec<u8>,
    row: TelemetryValue,
}

impl Object for Readings {
    const KIND: u8 = 4;
    const NAME: &'static str = "dft_readings";
    const SHARED: bool = false;
}

/// Which rows to walk. Set `size` and zero the rest for all calls.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_row_query {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// One of DFT_SERIES_…
    pub kind: u32,
    /// Only one shard of the rows, counted from 0, …
    pub shard: u32,
    /// … of so many; 0 or 1 for all. Shards are disjoint, and together are all.
    pub shards: u32,
    /// 1 if `start_us` and `end_us` apply, 0 if not.
    pub has_time: u32,
    /// Buckets from this one on, in µs.
    pub start_us: u64,
    /// Buckets before this one, in µs.
    pub end_us: u64,
}

impl Default for dft_row_query {
    fn default() -> Self {
        let size = size_of::<Self>() as u64;
        Self { size, kind: 0, shard: 0, shards: 0, has_time: 0, start_us: 0, end_us: 0 }
    }
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers.
unsafe impl Growing for dft_row_query {}

/// A row: who, when, and how much. What it points to is valid until the next step of its cursor.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_row {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The row's key, 24 bytes: its series' id and its bucket.
    pub key: dft_text,
    /// The row's value: dft_row_value_decode() reads it, dft_row_values_merge() merges it.
    pub value: dft_text,
    /// The start of its bucket, in µs.
    pub bucket_us: u64,
    /// Category, in lower case.
    pub category: dft_text,
    /// Function.
    pub name: dft_text,
    /// The host's hash.
    pub host_hash: dft_text,
    /// The file's hash; empty where rows are not kept apart by file.
    pub file_hash: dft_text,
    /// The process.
    pub pid: i64,
    /// The thread.
    pub tid: i64,
    /// How much.
    pub decoded: dft_row_value,
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers and pointers.
unsafe impl Growing for dft_row {}

/// Begins a walk over rows.
///
/// `query`: NULL for all calls. `rows`: where the cursor is put, to be freed by dft_rows_free(). The index
/// may be freed before it.
#[unsafe(no_mangle)]
pub extern "C" fn dft_rows_open(
    index: *const dft_index,
    query: *const dft_row_query,
    rows: *mut *mut dft_rows,
) -> dft_status {
    boundary("dft_rows_open", || {
        let place = out("rows", rows)?;
        let asked = if query.is_null() { dft_row_query::default() } else { given("query", query)? };
        let source = source(index)?;
        let kind = kind(asked.kind)?;
        let mut wanted = RowQuery { time: time(asked.has_time, asked.start_us, asked.end_us), ..RowQuery::kind(kind) };
        if asked.shards > 1 {
            let mut shards = source.shards(kind, asked.shards as usize);
            if asked.shard as usize >= shards.len() {
                let (shard, all) = (asked.shard, shards.len());
                return Err(Failure::argument(format!("there is no shard {shard} of {all}")));
            }
            wanted.series = shards.swap_remove(asked.shard as usize);
        }
        let scan = OwnedRows::try_new(source, |source| source.rows(wanted))?;
        let rows = Rows { scan, key: [0; 24], value: Vec::new(), row: RowValue::empty(), series: None };
        *place = handles::put(rows)?;
        Ok(())
    })
}

fn time(has_time: u32, from: u64, to: u64) -> Option<Range<u64>> {
    (has_time != 0).then_some(from..to)
}

impl Rows {
    fn step(&mut self) -> Result<Option<dft_row>, Failure> {
        let value = &mut self.value;
        let Some(key) = self.scan.with_dependent_mut(|_, rows| {
            let next = rows.next()?;
            Ok::<_, Failure>(next.map(|(key, bytes)| {
                value.clear();
                value.extend_from_slice(bytes);
                key
            }))
        })?
        else {
            return Ok(None);
        };
        self.key = key.encode();
        let index = self.scan.borrow_owner();
        self.row.read(&self.value, key.bucket, RowParts::Core).map_err(|error| index.bad_row(&key, error))?;
        if self.series.as_ref().is_none_or(|(id, _)| *id != key.series) {
            let end = SeriesId((u128::from_be_bytes(key.series.0).saturating_add(1)).to_be_bytes());
            let found = index.series(key.series..end)?.next().transpose()?;
            self.series = Some(found.ok_or_else(|| index.unknown_series(key.series))?);
        }
        let Some((_, identity)) = &self.series else {
            return Err(Failure::new(DFT_DAMAGED, "a row without a series"));
        };
        Ok(Some(dft_row {
            size: 0,
            key: dft_text::of_bytes(&self.key),
            value: dft_text::of_bytes(&self.value),
            bucket_us: key.bucket,
            category: dft_text::of(&identity.category),
            name: dft_text::of(&identity.name),
            host_hash: dft_text::of(&identity.host_hash),
            file_hash: dft_text::of(&identity.file_hash),
            pid: identity.pid,
            tid: identity.tid,
            decoded: dft_row_value::of(&self.row),
        }))
    }
}

/// Steps to the next row. `has_row` is set to 1 and `row` filled, or `has_row` to 0 at the end.
#[unsafe(no_mangle)]
pub extern "C" fn dft_rows_next(rows: *mut dft_rows, row: *mut dft_row, has_row: *mut u32) -> dft_status {
    boundary("dft_rows_next", || {
        let has_row = out("has_row", has_row)?;
        check_place("row", out("row", row)?)?;
        handles::with_mut(rows, |rows: &mut Rows| {
            let next = rows.step()?;
            *has_row = next.is_some().into();
            next.map_or(Ok(()), |next| give("row", row, &next))
        })
    })
}

/// Frees a cursor. NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn dft_rows_free(rows: *mut dft_rows) -> dft_status {
    boundary("dft_rows_free", || handles::free::<Rows, _>(rows))
}

/// Which telemetry to walk. Set `size` and zero the rest for all of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_reading_query {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Only this host, by its hash; empty for all.
    pub host_hash: dft_text,
    /// Only this counter; empty for all.
    pub name: dft_text,
    /// Buckets from this one on, in µs.
    pub start_us: u64,
    /// Buckets before this one, in µs.
    pub end_us: u64,
    /// 1 if `start_us` and `end_us` apply, 0 if not.
    pub has_time: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers and pointers.
unsafe impl Growing for dft_reading_query {}

/// What a counter of a host read in a bucket. What it points to is valid until the next step of its cursor.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_reading {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The row's key in the index.
    pub key: dft_text,
    /// The row's value in the index.
    pub value: dft_text,
    /// The host's hash.
    pub host_hash: dft_text,
    /// The counter.
    pub name: dft_text,
    /// The start of its bucket, in µs.
    pub bucket_us: u64,
    /// Readings.
    pub readings: u64,
    /// The least `ts`, in µs.
    pub ts_us: i64,
    /// The greatest `ts`, in µs.
    pub te_us: i64,
    /// How many metrics it has: dft_readings_metric() gives each.
    pub metrics: u64,
    /// The counter's category, in lower case.
    pub category: dft_text,
    /// The process that the counter is about; 0 where it is about the host as a whole.
    pub pid: i64,
    /// 1 where it is about a process, 0 where it is about the host as a whole.
    pub has_pid: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers and pointers.
unsafe impl Growing for dft_reading {}

/// Begins a walk over telemetry. What is asked for is sought, not filtered.
///
/// `query`: NULL for all of it. `readings`: where the cursor is put, to be freed by dft_readings_free().
#[unsafe(no_mangle)]
pub extern "C" fn dft_readings_open(
    index: *const dft_index,
    query: *const dft_reading_query,
    readings: *mut *mut dft_readings,
) -> dft_status {
    boundary("dft_readings_open", || {
        let place = out("readings", readings)?;
        let asked = if query.is_null() { dft_reading_query::default() } else { given("query", query)? };
        let text = |text: dft_text, name| -> Result<Option<String>, Failure> {
            Ok(Some(text.utf8(name)?).filter(|text| !text.is_empty()).map(str::to_owned))
        };
        let query = TelemetryQuery {
            host_hash: text(asked.host_hash, "query.hhash")?,
            name: text(asked.name, "query.name")?,
            time: time(asked.has_time, asked.start_us, asked.end_us),
        };
        let source = source(index)?;
        let scan = OwnedTelemetry::try_new(source, |source| source.telemetry(query))?;
        *place = handles::put(Readings {
            scan,
            key: Vec::new(),
            counter: None,
            value: Vec::new(),
            row: TelemetryValue::empty(),
        })?;
        Ok(())
    })
}

impl Readings {
    fn step(&mut self) -> Result<Option<dft_reading>, Failure> {
        let value = &mut self.value;
        let Some(key) = self.scan.with_dependent_mut(|_, readings| {
            let next = readings.next()?;
            Ok::<_, Failure>(next.map(|(key, bytes)| {
                value.clear();
                value.extend_from_slice(bytes);
                key
            }))
        })?
        else {
            return Ok(None);
        };
        let index = self.scan.borrow_owner();
        self.row = TelemetryValue::decode(&self.value, key.bucket).map_err(|error| index.bad_telemetry(&key, error))?;
        self.key = key.encode();
        let key = &*self.counter.insert(key);
        Ok(Some(dft_reading {
            size: 0,
            key: dft_text::of_bytes(&self.key),
            value: dft_text::of_bytes(&self.value),
            host_hash: dft_text::of(&key.host_hash),
            name: dft_text::of(&key.name),
            bucket_us: key.bucket,
            readings: self.row.core.readings,
            ts_us: self.row.core.ts,
            te_us: self.row.core.te,
            metrics: self.row.metrics.len() as u64,
            category: dft_text::of(key.category()),
            pid: key.pid().unwrap_or(0),
            has_pid: key.pid().is_some().into(),
            reserved: 0,
        }))
    }
}

/// Steps to the next row of telemetry: see dft_rows_next().
#[unsafe(no_mangle)]
pub extern "C" fn dft_readings_next(
    readings: *mut dft_readings,
    reading: *mut dft_reading,
    has_row: *mut u32,
) -> dft_status {
    boundary("dft_readings_next", || {
        let has_row = out("has_row", has_row)?;
        check_place("reading", out("reading", reading)?)?;
        handles::with_mut(readings, |readings: &mut Readings| {
            let next = readings.step()?;
            *has_row = next.is_some().into();
            next.map_or(Ok(()), |next| give("reading", reading, &next))
        })
    })
}

/// Gives one metric of the row at hand, by its number from 0, in byte order of their names.
#[unsafe(no_mangle)]
pub extern "C" fn dft_readings_metric(readings: *mut dft_readings, number: u64, metric: *mut dft_metric) -> dft_status {
    boundary("dft_readings_metric", || {
        handles::with_mut(readings, |readings: &mut Readings| {
            let metrics = &readings.row.metrics;
            let found = usize::try_from(number).ok().and_then(|number| metrics.get(number));
            let (name, stats) = found.ok_or_else(|| {
                Failure::argument(format!("there is no metric {number}; the row has {}", metrics.len()))
            })?;
            give("metric", metric, &dft_metric::of(name, stats))
        })
    })
}

/// Frees a cursor. NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn dft_readings_free(readings: *mut dft_readings) -> dft_status {
    boundary("dft_readings_free", || handles::free::<Readings, _>(readings))
}
