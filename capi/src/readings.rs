//! Cursors over telemetry.

use std::ffi::c_void;
use std::sync::Arc;

use dft_codec::{TelemetryKey, TelemetryValue};
use dft_store::{TelemetryQuery, TelemetryScan};
use self_cell::self_cell;

use crate::arguments::{TextList, check_place, dft_text, give, given, growing, out};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::handles::{self, Object};
use crate::index::{Source, dft_index, source};
use crate::rows::{scan, time};
use crate::stats::{DFT_METRIC_NAMED, dft_metric};
use crate::status::{Failure, dft_status};

/// A cursor over telemetry in key order: by host, counter and time. It allows one thread at a time. Created by
/// dft_readings_open(), freed by dft_readings_free().
#[derive(Debug)]
pub struct dft_readings {
    _private: [u8; 0],
}

self_cell! {
    /// A cursor over telemetry, with the index that it reads.
    struct OwnedTelemetry {
        owner: Arc<Source>,
        #[not_covariant]
        dependent: TelemetryScan,
    }
}

struct Readings {
    scan: OwnedTelemetry,
    key: Vec<u8>,
    /// The key of the current row, and the values of its group keys.
    counter: Option<(TelemetryKey, TextList)>,
    value: Vec<u8>,
    row: TelemetryValue,
}

impl Object for Readings {
    const KIND: u8 = 4;
    const NAME: &'static str = "dft_readings";
    const SHARED: bool = false;
}

/// Which telemetry a cursor returns. Set `size` and zero the rest for all telemetry.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_reading_query {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Only the host with this hash, in UTF-8; empty for all.
    pub host_hash: dft_text,
    /// Only the counter with this name, in UTF-8; empty for all.
    pub name: dft_text,
    /// Only buckets that start at or after this time, in µs.
    pub start_us: u64,
    /// Only buckets that start before this time, in µs.
    pub end_us: u64,
    /// 1 if `start_us` and `end_us` apply, 0 if not.
    pub has_time: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

growing!(dft_reading_query);

/// A row of telemetry: one counter in one bucket. Its texts are valid until the next step of the cursor or until it is
/// freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_reading {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The key of the row in the index.
    pub key: dft_text,
    /// The encoded value of the row in the index, for dft_value_decode().
    pub value: dft_text,
    /// The host hash.
    pub host_hash: dft_text,
    /// The name of the counter.
    pub name: dft_text,
    /// The start of the bucket, in µs.
    pub bucket_us: u64,
    /// The number of readings.
    pub readings: u64,
    /// The earliest `ts`, in µs.
    pub ts_us: i64,
    /// The latest `ts`, in µs.
    pub te_us: i64,
    /// The number of metrics; dft_readings_metric() returns each.
    pub metrics: u64,
    /// The category of the counter, in lower case.
    pub category: dft_text,
    /// The process that the counter concerns; 0 if it concerns the whole host.
    pub pid: i64,
    /// 1 if the counter concerns a process, 0 if it concerns the whole host.
    pub has_pid: u32,
    /// Reserved: 0.
    pub reserved: u32,
    /// The values of the group keys of the index, in the order of its configuration; empty texts for absent values.
    /// There are none if the counter has no value of any group key.
    pub group_values: *const dft_text,
    /// The number of texts in `group_values`.
    pub group_values_length: u64,
}

growing!(dft_reading);

/// Opens a cursor over telemetry. It starts before the first row, and seeks to the rows of the query instead of
/// filtering all rows.
///
/// `index`: the index; its handle may be freed before the cursor. `query`: which telemetry; its `size` must be set;
/// NULL for all. `readings`: receives the cursor, which dft_readings_free() frees; not NULL. Returns DFT_SYSTEM or
/// DFT_DAMAGED if the index cannot be read, and DFT_TOO_LARGE if 65,536 handles are open. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_readings_open(
    index: *const dft_index,
    query: *const dft_reading_query,
    readings: *mut *mut dft_readings,
) -> dft_status {
    boundary("dft_readings_open", || {
        let place = out("readings", readings)?;
        *place = handles::put(open(index, query)?)?;
        Ok(())
    })
}

fn open(index: *const dft_index, query: *const dft_reading_query) -> Result<Readings, Failure> {
    let asked = if query.is_null() { dft_reading_query::default() } else { given("query", query)? };
    let text = |text: dft_text, name| -> Result<Option<String>, Failure> {
        Ok(Some(text.utf8(name)?).filter(|text| !text.is_empty()).map(str::to_owned))
    };
    let query = TelemetryQuery {
        host_hash: text(asked.host_hash, "query.host_hash")?,
        name: text(asked.name, "query.name")?,
        time: time(asked.has_time, asked.start_us, asked.end_us),
        keys: None,
    };
    let scan = OwnedTelemetry::try_new(source(index)?, |source| source.telemetry(query))?;
    Ok(Readings { scan, key: Vec::new(), counter: None, value: Vec::new(), row: TelemetryValue::empty() })
}

/// Receives a row of telemetry, valid during the callback. A result other than 0 ends the scan.
pub type dft_visit_reading = Option<unsafe extern "C" fn(context: *mut c_void, reading: *const dft_reading) -> i32>;

/// Scans telemetry in key order: the same as a cursor, as one call.
///
/// `query`: as for dft_readings_open(). `visit`: receives each row on the caller's thread; not NULL. `context`: passed
/// to it; may be NULL. `visited`: receives the number of rows that were visited, including the one that ended the scan;
/// may be NULL. Statuses: as for dft_readings_open() and dft_readings_next(). Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_readings_scan(
    index: *const dft_index,
    query: *const dft_reading_query,
    visit: dft_visit_reading,
    context: *mut c_void,
    visited: *mut u64,
) -> dft_status {
    boundary("dft_readings_scan", || {
        let visit = Callback::required("visit", visit, context)?;
        let mut readings = open(index, query)?;
        let number = scan(&visit, || readings.step())?;
        if visited.is_null() {
            return Ok(());
        }
        *out("visited", visited)? = number;
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
                key.clone()
            }))
        })?
        else {
            return Ok(None);
        };
        let index = self.scan.borrow_owner();
        self.row = TelemetryValue::decode(&self.value, key.bucket).map_err(|error| index.bad_telemetry(&key, error))?;
        self.key = key.encode();
        let values = key.scope.as_ref().map_or_else(Vec::new, |scope| scope.extra.clone());
        let (key, group_values) = &*self.counter.insert((key, TextList::of(values)));
        Ok(Some(dft_reading {
            size: size_of::<dft_reading>() as u64,
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
            group_values: group_values.as_ptr(),
            group_values_length: group_values.length(),
        }))
    }
}

/// Steps to the next row of telemetry. Arguments, statuses and thread rule: see dft_rows_next().
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

/// Returns one metric of the current row.
///
/// `number`: from 0 to `dft_reading.metrics` - 1, in byte order of the names. `metric`: receives the metric; its `size`
/// must be set; not NULL. Its name is valid until the next step of the cursor. Returns DFT_INVALID_ARGUMENT if there is
/// no such metric. One thread at a time for each cursor.
#[unsafe(no_mangle)]
pub extern "C" fn dft_readings_metric(readings: *mut dft_readings, number: u64, metric: *mut dft_metric) -> dft_status {
    boundary("dft_readings_metric", || {
        handles::with_mut(readings, |readings: &mut Readings| {
            let metrics = &readings.row.metrics;
            let found = usize::try_from(number).ok().and_then(|number| metrics.get(number));
            let (name, _) = found.ok_or_else(|| {
                Failure::argument(format!("there is no metric {number}: the row has {}, counted from 0", metrics.len()))
            })?;
            let stats = readings.row.metric(name).unwrap_or_default();
            give("metric", metric, &dft_metric::of(DFT_METRIC_NAMED, name, &stats))
        })
    })
}

/// Frees a cursor. NULL does nothing. Returns DFT_BUSY if it is in use, and DFT_INVALID_HANDLE if it was freed before.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_readings_free(readings: *mut dft_readings) -> dft_status {
    boundary("dft_readings_free", || handles::free::<Readings, _>(readings))
}
