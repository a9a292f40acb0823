//! The values of rows and telemetry: decoded, taken apart, put together, merged and encoded.

use std::ffi::c_void;

use dft_codec::{Custom, MetricStats, RowMetric, RowParts, RowValue, TelemetryValue};

use crate::arguments::{dft_buffer, dft_text, give, growing, out, write};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::handles::{self, Object};
use crate::rows::dft_row_value;
use crate::stats::{
    DFT_METRIC_DURATION, DFT_METRIC_NAMED, DFT_METRIC_OFFSET, DFT_METRIC_SIZE, Stats, accuracy, dft_metric, dft_stats,
    no_accuracy, with_stats,
};
use crate::status::{DFT_CONFIG, DFT_DAMAGED, Failure, dft_status};

/// Value: that of a row.
pub const DFT_VALUE_ROW: u32 = 0;
/// Value: that of a row of telemetry.
pub const DFT_VALUE_TELEMETRY: u32 = 1;

/// The value of a row or of a row of telemetry, with all of its metrics. It allows one thread at a time. Created by
/// dft_value_new(), dft_value_decode() and dft_value_copy(), freed by dft_value_free().
#[derive(Debug)]
pub struct dft_value {
    _private: [u8; 0],
}

#[derive(Clone)]
enum Parts {
    Row(Box<RowValue>),
    Telemetry(TelemetryValue),
}

#[derive(Clone)]
struct Value {
    parts: Parts,
    /// The accuracy of the sketches.
    accuracy: Option<f64>,
}

impl Object for Value {
    const KIND: u8 = 6;
    const NAME: &'static str = "dft_value";
    const SHARED: bool = false;
}

/// What a value has, except its metrics.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_value_info {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The number of calls, or of readings; UINT64_MAX if there are more.
    pub count: u64,
    /// The earliest `ts`, in µs; INT64_MAX if there is none.
    pub ts_us: i64,
    /// The latest end of a call, in µs; of aggregated calls, host statistics and telemetry, the latest `ts`. INT64_MIN
    /// if there is none.
    pub te_us: i64,
    /// The number of metrics for which something was recorded.
    pub metrics: u64,
    /// One of DFT_VALUE_…
    pub kind: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

growing!(dft_value_info);

/// Receives a metric, valid during the callback. A result other than 0 ends the iteration.
pub type dft_visit_metric = Option<unsafe extern "C" fn(context: *mut c_void, metric: *const dft_metric) -> i32>;

/// Returns the number of a metric and its name in tables.
fn named(metric: RowMetric<'_>) -> Result<(u32, &str), Failure> {
    Ok(match metric {
        RowMetric::Duration => (DFT_METRIC_DURATION, "dur"),
        RowMetric::Size => (DFT_METRIC_SIZE, "size"),
        RowMetric::Offset => (DFT_METRIC_OFFSET, "offset"),
        RowMetric::Custom(name) => (DFT_METRIC_NAMED, name),
        other => return Err(Failure::new(DFT_DAMAGED, format!("no DFT_METRIC_… stands for {other:?}"))),
    })
}

fn row_metric(metric: u32, name: &str) -> Result<RowMetric<'_>, Failure> {
    match metric {
        DFT_METRIC_DURATION => Ok(RowMetric::Duration),
        DFT_METRIC_SIZE => Ok(RowMetric::Size),
        DFT_METRIC_OFFSET => Ok(RowMetric::Offset),
        DFT_METRIC_NAMED => Ok(RowMetric::Custom(name)),
        other => Err(Failure::argument(format!("{other} is not a metric, one of DFT_METRIC_…"))),
    }
}

impl Value {
    /// Passes each metric with its number and name.
    fn each(&self, mut visit: impl FnMut(u32, &str, &Custom) -> bool) -> Result<(), Failure> {
        match &self.parts {
            Parts::Row(row) => {
                for metric in row.metrics() {
                    let (number, name) = named(metric)?;
                    if row.metric(metric).is_some_and(|custom| !visit(number, name, &custom)) {
                        break;
                    }
                }
            }
            Parts::Telemetry(value) => {
                for (name, _) in &value.metrics {
                    if value.metric(name).is_some_and(|custom| !visit(DFT_METRIC_NAMED, name, &custom)) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn metric(&self, metric: u32, name: &str) -> Result<Option<Custom>, Failure> {
        match (&self.parts, row_metric(metric, name)?) {
            (Parts::Row(row), metric) => Ok(row.metric(metric)),
            (Parts::Telemetry(value), RowMetric::Custom(name)) => Ok(value.metric(name)),
            (Parts::Telemetry(_), _) => Err(Failure::argument("telemetry has only metrics by name: DFT_METRIC_NAMED")),
        }
    }

    fn set(&mut self, metric: u32, name: &str, stats: Custom) -> Result<(), Failure> {
        let (is_set, allowed) = match (&mut self.parts, row_metric(metric, name)?) {
            (Parts::Row(row), metric) => (row.set_metric(metric, stats), "durations, sizes and offsets are integers"),
            (Parts::Telemetry(value), RowMetric::Custom(name)) => {
                (value.set_metric(name, stats), "telemetry has doubles, and no sketches")
            }
            _ => (false, "telemetry has only metrics by name: DFT_METRIC_NAMED"),
        };
        if is_set { Ok(()) } else { Err(Failure::argument(allowed)) }
    }
}

fn with_value<R>(value: *const dft_value, run: impl FnOnce(&mut Value) -> Result<R, Failure>) -> Result<R, Failure> {
    handles::with_mut(value.cast_mut(), run)
}

fn put(parts: Parts, given: f64, place: &mut *mut dft_value) -> Result<(), Failure> {
    // Checks the accuracy.
    let empty = MetricStats::new(accuracy(given)).ok_or_else(|| no_accuracy(given))?;
    *place = handles::put(Value { parts, accuracy: empty.accuracy() })?;
    Ok(())
}

/// Creates a value without calls, readings or metrics.
///
/// `kind`: one of DFT_VALUE_…. `sketch_accuracy`: the accuracy of its sketches, as in dft_config; 0 for none. `value`:
/// receives the handle, which dft_value_free() frees; not NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_new(kind: u32, sketch_accuracy: f64, value: *mut *mut dft_value) -> dft_status {
    boundary("dft_value_new", || {
        let place = out("value", value)?;
        let parts = match kind {
            DFT_VALUE_ROW => Parts::Row(Box::new(RowValue::empty())),
            DFT_VALUE_TELEMETRY => Parts::Telemetry(TelemetryValue::empty()),
            other => return Err(no_kind(other)),
        };
        put(parts, sketch_accuracy, place)
    })
}

fn no_kind(kind: u32) -> Failure {
    Failure::argument(format!("{kind} is not a kind of value, one of DFT_VALUE_…"))
}

/// Decodes a value.
///
/// `kind`: one of DFT_VALUE_…. `bytes`: the value of a row or of a reading in the index. `bucket_us`: the bucket in its
/// key, in µs. `sketch_accuracy`: that of the index's configuration; 0 to read no sketches. `value`: receives the
/// handle, which dft_value_free() frees; not NULL. Returns DFT_DAMAGED if the bytes are not such a value. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_decode(
    kind: u32,
    bytes: dft_text,
    bucket_us: u64,
    sketch_accuracy: f64,
    value: *mut *mut dft_value,
) -> dft_status {
    boundary("dft_value_decode", || {
        let place = out("value", value)?;
        let bytes = bytes.bytes("bytes")?;
        let parts = match kind {
            DFT_VALUE_ROW => {
                let mut row = Box::new(RowValue::empty());
                row.read(bytes, bucket_us, RowParts::All)?;
                Parts::Row(row)
            }
            DFT_VALUE_TELEMETRY => Parts::Telemetry(TelemetryValue::decode(bytes, bucket_us)?),
            other => return Err(no_kind(other)),
        };
        put(parts, sketch_accuracy, place)
    })
}

/// Encodes a value as the index does.
///
/// `bucket_us`: the bucket of its key, in µs. `encoded`: receives the bytes; not NULL. Returns DFT_INVALID_ARGUMENT if
/// the value has no time span yet, and DFT_TOO_LARGE if the bytes do not fit. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_encode(value: *const dft_value, bucket_us: u64, encoded: *mut dft_buffer) -> dft_status {
    boundary("dft_value_encode", || {
        let bytes = with_value(value, |value| {
            let (ts, te, bytes) = match &value.parts {
                Parts::Row(row) => (row.core.ts, row.core.te, row.encode(bucket_us)),
                Parts::Telemetry(value) => (value.core.ts, value.core.te, value.encode(bucket_us)),
            };
            if ts > te {
                return Err(Failure::argument("the value has no time span: set it with dft_value_set_span()"));
            }
            Ok(bytes)
        })?;
        write("encoded", &bytes, encoded)
    })
}

/// Adds `from` to `into`, as the merge operator of the index does. `from` stays as it is.
///
/// `into`, `from`: two different values of one kind; the same value gives DFT_BUSY. Returns DFT_INVALID_ARGUMENT if
/// they are of different kinds, and DFT_CONFIG if the accuracies of their sketches differ. One thread at a time for
/// each.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_merge(into: *mut dft_value, from: *const dft_value) -> dft_status {
    boundary("dft_value_merge", || {
        with_value(into, |into| {
            let from = with_value(from, |from| Ok(from.clone()))?;
            if into.accuracy != from.accuracy {
                return Err(Failure::new(DFT_CONFIG, "the sketches of the values have different accuracies"));
            }
            match (&mut into.parts, from.parts) {
                (Parts::Row(into), Parts::Row(from)) => into.merge(*from),
                (Parts::Telemetry(into), Parts::Telemetry(from)) => into.merge(from),
                _ => return Err(Failure::argument("a row and a row of telemetry cannot be merged")),
            }
            Ok(())
        })
    })
}

/// Copies a value. `copy`: receives the handle, which dft_value_free() frees; not NULL. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_copy(value: *const dft_value, copy: *mut *mut dft_value) -> dft_status {
    boundary("dft_value_copy", || {
        let place = out("copy", copy)?;
        *place = handles::put(with_value(value, |value| Ok(value.clone()))?)?;
        Ok(())
    })
}

/// Reads the count and the time span of a value, and how many metrics it has.
///
/// `info`: receives them; its `size` must be set; not NULL. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_describe(value: *const dft_value, info: *mut dft_value_info) -> dft_status {
    boundary("dft_value_describe", || {
        with_value(value, |value| {
            let mut metrics = 0;
            value.each(|_, _, _| {
                metrics += 1;
                true
            })?;
            let (kind, count, ts_us, te_us) = match &value.parts {
                Parts::Row(row) => {
                    let core = &row.core;
                    (DFT_VALUE_ROW, u64::try_from(core.count).unwrap_or(u64::MAX), core.ts, core.te)
                }
                Parts::Telemetry(TelemetryValue { core, .. }) => (DFT_VALUE_TELEMETRY, core.readings, core.ts, core.te),
            };
            give("info", info, &dft_value_info { size: 0, count, ts_us, te_us, metrics, kind, reserved: 0 })
        })
    })
}

/// Sets the count and the time span of a value.
///
/// `count`: the number of calls, or of readings. `ts_us`, `te_us`: as in dft_value_info. Returns DFT_INVALID_ARGUMENT
/// if `te_us` is before `ts_us`. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_set_span(value: *mut dft_value, count: u64, ts_us: i64, te_us: i64) -> dft_status {
    boundary("dft_value_set_span", || {
        if te_us < ts_us {
            return Err(Failure::argument(format!("te_us is {te_us}, before ts_us, which is {ts_us}")));
        }
        with_value(value, |value| {
            match &mut value.parts {
                Parts::Row(row) => (row.core.count, row.core.ts, row.core.te) = (count.into(), ts_us, te_us),
                Parts::Telemetry(value) => {
                    (value.core.readings, value.core.ts, value.core.te) = (count, ts_us, te_us);
                }
            }
            Ok(())
        })
    })
}

/// Reads the parts of a row's value that every row has.
///
/// `decoded`: receives them; its `size` must be set; not NULL. Returns DFT_INVALID_ARGUMENT for a value of telemetry.
/// One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_row(value: *const dft_value, decoded: *mut dft_row_value) -> dft_status {
    boundary("dft_value_row", || {
        with_value(value, |value| match &value.parts {
            Parts::Row(row) => give("decoded", decoded, &dft_row_value::of(row)),
            Parts::Telemetry(_) => Err(Failure::argument("this is a value of telemetry, not of a row")),
        })
    })
}

/// Iterates over the metrics for which something was recorded: durations, sizes and offsets, then named metrics in byte
/// order.
///
/// `visit`: receives each metric on the caller's thread; not NULL. `context`: passed to it; may be NULL. One thread at
/// a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_metrics(
    value: *const dft_value,
    visit: dft_visit_metric,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_value_metrics", || {
        let visit = Callback::required("visit", visit, context)?;
        // A copy, so that the callback may use the value.
        let value = with_value(value, |value| Ok(value.clone()))?;
        value.each(|metric, name, custom| visit.pass(&dft_metric::of(metric, name, custom)))
    })
}

/// Returns the statistics of a metric as a value of their own.
///
/// `metric`: one of DFT_METRIC_…. `name`: the name for DFT_METRIC_NAMED, in UTF-8; else ignored. `stats`: receives the
/// handle, which dft_stats_free() frees; NULL if nothing was recorded; not NULL. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_stats(
    value: *const dft_value,
    metric: u32,
    name: dft_text,
    stats: *mut *mut dft_stats,
) -> dft_status {
    boundary("dft_value_stats", || {
        let place = out("stats", stats)?;
        let name = if metric == DFT_METRIC_NAMED { name.utf8("name")? } else { "" };
        let found = with_value(value, |value| Ok((value.metric(metric, name)?, value.accuracy)))?;
        *place = match found {
            (None, _) => std::ptr::null_mut(),
            (Some(custom), accuracy) => {
                let stats = MetricStats::of(custom, accuracy).ok_or_else(|| no_accuracy(accuracy.unwrap_or(0.0)))?;
                handles::put(Stats(stats))?
            }
        };
        Ok(())
    })
}

/// Sets the statistics of a metric, in place of what was recorded before.
///
/// `metric`, `name`: as for dft_value_stats(). `stats`: the statistics, which stay as they are. Returns DFT_CONFIG if
/// the accuracy of their sketch is not that of the value, and DFT_INVALID_ARGUMENT if the metric cannot have such
/// samples: durations, sizes and offsets are integers, and telemetry has doubles and no sketches. One thread at a time
/// for each.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_set_stats(
    value: *mut dft_value,
    metric: u32,
    name: dft_text,
    stats: *const dft_stats,
) -> dft_status {
    boundary("dft_value_set_stats", || {
        let name = if metric == DFT_METRIC_NAMED { name.utf8("name")? } else { "" };
        let stats = with_stats(stats, |stats| Ok(stats.clone()))?;
        with_value(value, |value| {
            if value.accuracy != stats.accuracy() {
                return Err(Failure::new(DFT_CONFIG, "the sketch has another accuracy than those of the value"));
            }
            value.set(metric, name, stats.custom)
        })
    })
}

/// Frees a value. NULL does nothing. Returns DFT_BUSY if it is in use, and DFT_INVALID_HANDLE if it was freed before.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_value_free(value: *mut dft_value) -> dft_status {
    boundary("dft_value_free", || handles::free::<Value, _>(value))
}
