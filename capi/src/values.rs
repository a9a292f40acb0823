//! Keys, values and statistics, for programs that read an index through RocksDB themselves.

use std::ffi::c_void;

use dft_codec::{CounterScope, RowKey, RowParts, RowValue, SeriesId, TelemetryKey, TelemetryValue};
use dft_metrics::{FloatStats, IntStats};

use crate::arguments::{dft_buffer, dft_text, give, given, growing, list, out, write};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::status::{Failure, dft_status};

/// Exact statistics of integers. This struct does not grow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_int_stats {
    /// The number of samples in the sum; UINT64_MAX if there are more.
    pub samples: u64,
    /// The low 64 bits of the sum, in two's complement.
    pub sum_low: u64,
    /// The high 64 bits of the sum. If the sum fits in 64 bits: 0, or -1 for a negative sum.
    pub sum_high: i64,
    /// The lowest value; undefined if `has_extent` is 0.
    pub min: i64,
    /// The highest value; undefined if `has_extent` is 0.
    pub max: i64,
    /// The mean, correctly rounded; NaN without samples.
    pub mean: f64,
    /// The sample standard deviation, correctly rounded; NaN with fewer than two samples, or if the tracer summed up
    /// samples without their squares.
    pub std: f64,
    /// 1 if `min` and `max` are known, 0 if not.
    pub has_extent: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

impl dft_int_stats {
    pub(crate) fn of(stats: &IntStats) -> Self {
        let sum = stats.sum();
        Self {
            samples: u64::try_from(stats.n()).unwrap_or(u64::MAX),
            sum_low: sum as u64,
            sum_high: (sum >> 64) as i64,
            min: stats.min().unwrap_or_default(),
            max: stats.max().unwrap_or_default(),
            mean: stats.mean().unwrap_or(f64::NAN),
            std: stats.std().unwrap_or(f64::NAN),
            has_extent: stats.min().is_some().into(),
            reserved: 0,
        }
    }
}

/// The value of a row, without custom metrics. This struct does not grow, because other structs contain it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_row_value {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The number of calls; UINT64_MAX if there are more.
    pub count: u64,
    /// The earliest `ts`, in µs.
    pub ts_us: i64,
    /// The latest end of a call, in µs; of other series kinds, the latest `ts`.
    pub te_us: i64,
    /// Statistics of the durations, in µs.
    pub duration: dft_int_stats,
    /// Statistics of the sizes transferred, in bytes.
    pub bytes: dft_int_stats,
    /// Statistics of the file offsets, in bytes.
    pub offset: dft_int_stats,
}

growing!(dft_row_value);

impl dft_row_value {
    pub(crate) fn of(row: &RowValue) -> Self {
        let core = &row.core;
        Self {
            size: size_of::<Self>() as u64,
            count: u64::try_from(core.count).unwrap_or(u64::MAX),
            ts_us: core.ts,
            te_us: core.te,
            duration: dft_int_stats::of(&core.duration),
            bytes: dft_int_stats::of(&core.size),
            offset: dft_int_stats::of(&core.offset),
        }
    }
}

/// Statistics of one metric of a counter.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_metric {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The name, valid until the next step of the cursor.
    pub name: dft_text,
    /// The number of samples, without those that are NaN or infinite.
    pub samples: u64,
    /// The number of samples that are NaN or infinite.
    pub not_finite: u64,
    /// The mean; NaN without samples.
    pub mean: f64,
    /// The sample standard deviation; NaN with fewer than two samples.
    pub std: f64,
    /// The lowest sample; NaN without samples.
    pub min: f64,
    /// The highest sample; NaN without samples.
    pub max: f64,
}

growing!(dft_metric);

impl dft_metric {
    pub(crate) fn of(name: &str, stats: &FloatStats) -> Self {
        let parts = stats.parts();
        let (min, max) = parts.extent.unwrap_or((f64::NAN, f64::NAN));
        Self {
            size: 0,
            name: dft_text::of(name),
            samples: u64::try_from(parts.n).unwrap_or(u64::MAX),
            not_finite: parts.nonfinite,
            mean: stats.mean().unwrap_or(f64::NAN),
            std: stats.std().unwrap_or(f64::NAN),
            min,
            max,
        }
    }
}

/// Decodes the key of a row.
///
/// `key`: the 32 bytes of the key. `series`: receives the series id, 24 bytes; not NULL. `bucket_us`: receives the
/// start of the bucket, in µs; not NULL. Returns DFT_DAMAGED if the bytes are not a row key. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_row_key_decode(key: dft_text, series: *mut u8, bucket_us: *mut u64) -> dft_status {
    boundary("dft_row_key_decode", || {
        let key = RowKey::decode(key.bytes("key")?)?;
        *out("bucket_us", bucket_us)? = key.bucket;
        *out("series", series.cast::<[u8; SeriesId::LENGTH]>())? = key.series.0;
        Ok(())
    })
}

/// Decodes the value of a row.
///
/// `value`: the bytes of the value. `bucket_us`: the bucket in the row's key, in µs. `decoded`: receives the value; its
/// `size` must be set; not NULL. Returns DFT_DAMAGED if the bytes are not a row value. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_row_value_decode(value: dft_text, bucket_us: u64, decoded: *mut dft_row_value) -> dft_status {
    boundary("dft_row_value_decode", || {
        let mut row = RowValue::empty();
        row.read(value.bytes("value")?, bucket_us, RowParts::All)?;
        give("decoded", decoded, &dft_row_value::of(&row))
    })
}

/// Merges the values of one row key to one value, as the merge operator of the index does.
///
/// `values`: the values, `values_length` of them; at least one. `bucket_us`: the bucket in their key, in µs. `merged`:
/// receives the merged value; not NULL.
///
/// Returns DFT_INVALID_ARGUMENT if there are no values, DFT_DAMAGED if one is not a row value, and DFT_TOO_LARGE if the
/// merged value does not fit. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_row_values_merge(
    values: *const dft_text,
    values_length: u64,
    bucket_us: u64,
    merged: *mut dft_buffer,
) -> dft_status {
    boundary("dft_row_values_merge", || {
        let mut all: Option<RowValue> = None;
        for value in list("values", values, values_length)? {
            let value = RowValue::decode(value.bytes("values")?, bucket_us)?;
            match &mut all {
                Some(all) => all.merge(value),
                None => all = Some(value),
            }
        }
        let all = all.ok_or_else(|| Failure::argument("there are no values to merge"))?;
        write("merged", &all.encode(bucket_us), merged)
    })
}

/// Merges the values of one telemetry key to one value. Arguments and statuses: see dft_row_values_merge().
#[unsafe(no_mangle)]
pub extern "C" fn dft_telemetry_values_merge(
    values: *const dft_text,
    values_length: u64,
    bucket_us: u64,
    merged: *mut dft_buffer,
) -> dft_status {
    boundary("dft_telemetry_values_merge", || {
        let mut all = TelemetryValue::empty();
        let values = list::<dft_text>("values", values, values_length)?;
        if values.is_empty() {
            return Err(Failure::argument("there are no values to merge"));
        }
        for value in values {
            all.merge(TelemetryValue::decode(value.bytes("values")?, bucket_us)?);
        }
        write("merged", &all.encode(bucket_us), merged)
    })
}

/// Computes exact statistics of integer samples, in the same way as an index.
///
/// `samples`: the samples, `samples_length` of them; may be NULL if there are none. `stats`: receives the statistics;
/// not NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_int_stats_of(samples: *const i64, samples_length: u64, stats: *mut dft_int_stats) -> dft_status {
    boundary("dft_int_stats_of", || {
        let mut sampled = IntStats::default();
        list("samples", samples, samples_length)?.iter().for_each(|&sample| sampled.sample(sample));
        *out("stats", stats)? = dft_int_stats::of(&sampled);
        Ok(())
    })
}

/// Computes correctly rounded statistics of floating-point samples. NaN and infinities are counted and left out.
///
/// `samples`: the samples, `samples_length` of them; may be NULL if there are none. `metric`: receives the statistics,
/// with an empty name; its `size` must be set; not NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_real_stats_of(samples: *const f64, samples_length: u64, metric: *mut dft_metric) -> dft_status {
    boundary("dft_real_stats_of", || {
        let mut sampled = FloatStats::default();
        list("samples", samples, samples_length)?.iter().for_each(|&sample| sampled.sample(sample));
        give("metric", metric, &dft_metric::of("", &sampled))
    })
}

/// The key of a row of telemetry: one counter in one bucket.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_reading_key {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The host hash, in UTF-8.
    pub host_hash: dft_text,
    /// The name of the counter, in UTF-8.
    pub name: dft_text,
    /// The category, in lower case and UTF-8; empty for `sys`, which concerns the whole host.
    pub category: dft_text,
    /// The values of the group keys of the index, in UTF-8 and in their order; empty texts for absent values. NULL with
    /// length 0 if there are none.
    pub group_values: *const dft_text,
    /// The number of texts in `group_values`, at most 1,000.
    pub group_values_length: u64,
    /// The start of the bucket, in µs; less than 2^63.
    pub bucket_us: u64,
    /// The process that the counter concerns; 0 if it concerns the whole host.
    pub pid: i64,
    /// 1 if the counter concerns a process, 0 if it concerns the whole host.
    pub has_pid: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

growing!(dft_reading_key);

/// Receives a key, valid during the callback. Its result is ignored: return 0.
pub type dft_on_reading_key = Option<unsafe extern "C" fn(context: *mut c_void, key: *const dft_reading_key) -> i32>;

/// Decodes the key of a row of telemetry.
///
/// `key`: the bytes of the key. `on_key`: receives the key once, on the caller's thread; not NULL. `context`: passed to
/// it; may be NULL. Returns DFT_DAMAGED if the bytes are not such a key. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_reading_key_decode(
    key: dft_text,
    on_key: dft_on_reading_key,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_reading_key_decode", || {
        let on_key = Callback::required("on_key", on_key, context)?;
        let key = TelemetryKey::decode(key.bytes("key")?)?;
        let values: Vec<dft_text> =
            key.scope.iter().flat_map(|scope| &scope.extra).map(|value| dft_text::of(value)).collect();
        on_key.pass(&dft_reading_key {
            size: size_of::<dft_reading_key>() as u64,
            host_hash: dft_text::of(&key.host_hash),
            name: dft_text::of(&key.name),
            category: dft_text::of(key.category()),
            group_values: values.as_ptr(),
            group_values_length: values.len() as u64,
            bucket_us: key.bucket,
            pid: key.pid().unwrap_or(0),
            has_pid: key.pid().is_some().into(),
            reserved: 0,
        });
        Ok(())
    })
}

/// Encodes the key of a row of telemetry.
///
/// `key`: the key; its `size` must be set; not NULL. `encoded`: receives the bytes; not NULL. Returns
/// DFT_INVALID_ARGUMENT if the key is invalid: a counter of category `sys` concerns the host, every other one a process.
/// Returns DFT_TOO_LARGE if the bytes do not fit. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_reading_key_encode(key: *const dft_reading_key, encoded: *mut dft_buffer) -> dft_status {
    boundary("dft_reading_key_encode", || {
        let key = given("key", key)?;
        let text = |text: dft_text, name| text.utf8(name).map(str::to_owned);
        let values = list("key.group_values", key.group_values, key.group_values_length)?;
        let extra = values.iter().map(|&value| text(value, "key.group_values")).collect::<Result<_, _>>()?;
        let (host_hash, name) = (text(key.host_hash, "key.host_hash")?, text(key.name, "key.name")?);
        let category = text(key.category, "key.category")?;
        let scope = CounterScope { category, pid: (key.has_pid != 0).then_some(key.pid), extra };
        let key = TelemetryKey::new(host_hash, name, scope, key.bucket_us)
            .map_err(|error| Failure::argument(format!("key: {error}")))?;
        write("encoded", &key.encode(), encoded)
    })
}
