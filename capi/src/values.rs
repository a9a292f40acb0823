//! Keys, values and statistics, for programs that read an index through RocksDB themselves.

use std::ffi::c_char;

use dft_codec::{RowKey, RowParts, RowValue, TelemetryKey, TelemetryValue};
use dft_metrics::{FloatStats, IntStats};

use crate::arguments::{Growing, dft_text, give, list, out};
use crate::boundary::boundary;
use crate::index::write;
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
#[derive(Clone, Copy, Debug, Default)]
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

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers.
unsafe impl Growing for dft_row_value {}

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
#[derive(Clone, Copy, Debug, Default)]
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

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers and pointers.
unsafe impl Growing for dft_metric {}

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
        let mut length = 0;
        write(&key.series.0, series.cast(), key.series.0.len() as u64, &raw mut length)?;
        *out("bucket_us", bucket_us)? = key.bucket;
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
/// `values`: the values, `values_length` of them; at least one. `bucket_us`: the bucket in their key, in µs. `buffer`:
/// receives the merged value; may be NULL if `capacity` is 0. `capacity`: the size of `buffer` in bytes. `length`:
/// receives the length of the merged value in bytes; not NULL.
///
/// Returns DFT_INVALID_ARGUMENT if there are no values, DFT_DAMAGED if one is not a row value, and DFT_TOO_LARGE if the
/// merged value does not fit; `length` is set then as well. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_row_values_merge(
    values: *const dft_text,
    values_length: u64,
    bucket_us: u64,
    buffer: *mut c_char,
    capacity: u64,
    length: *mut u64,
) -> dft_status {
    boundary("dft_row_values_merge", || {
        let mut merged: Option<RowValue> = None;
        for value in list("values", values, values_length)? {
            let value = RowValue::decode(value.bytes("values")?, bucket_us)?;
            match &mut merged {
                Some(merged) => merged.merge(value),
                None => merged = Some(value),
            }
        }
        let merged = merged.ok_or_else(|| Failure::argument("there are no values to merge"))?;
        write(&merged.encode(bucket_us), buffer, capacity, length)
    })
}

/// Merges the values of one telemetry key to one value. Arguments and statuses: see dft_row_values_merge().
#[unsafe(no_mangle)]
pub extern "C" fn dft_telemetry_values_merge(
    values: *const dft_text,
    values_length: u64,
    bucket_us: u64,
    buffer: *mut c_char,
    capacity: u64,
    length: *mut u64,
) -> dft_status {
    boundary("dft_telemetry_values_merge", || {
        let mut merged = TelemetryValue::empty();
        let values = list::<dft_text>("values", values, values_length)?;
        if values.is_empty() {
            return Err(Failure::argument("there are no values to merge"));
        }
        for value in values {
            merged.merge(TelemetryValue::decode(value.bytes("values")?, bucket_us)?);
        }
        write(&merged.encode(bucket_us), buffer, capacity, length)
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

/// Decodes a telemetry key.
///
/// `key`: the bytes of the key. `host_hash`, `host_hash_capacity`, `host_hash_length`: a buffer for the host hash, as
/// for dft_index_name(). `name`, `name_capacity`, `name_length`: a buffer for the name of the counter. `bucket_us`:
/// receives the start of the bucket, in µs; not NULL.
///
/// Returns DFT_DAMAGED if the bytes are not a telemetry key, and DFT_TOO_LARGE if a text does not fit. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_telemetry_key_decode(
    key: dft_text,
    host_hash: *mut c_char,
    host_hash_capacity: u64,
    host_hash_length: *mut u64,
    name: *mut c_char,
    name_capacity: u64,
    name_length: *mut u64,
    bucket_us: *mut u64,
) -> dft_status {
    boundary("dft_telemetry_key_decode", || {
        let key = TelemetryKey::decode(key.bytes("key")?)?;
        *out("bucket_us", bucket_us)? = key.bucket;
        write(key.host_hash.as_bytes(), host_hash, host_hash_capacity, host_hash_length)?;
        write(key.name.as_bytes(), name, name_capacity, name_length)
    })
}

/// Encodes the telemetry key of a counter of a whole host (category `sys`, no group keys).
///
/// `host_hash`: the host hash, in UTF-8. `name`: the name of the counter, in UTF-8. `bucket_us`: the start of the
/// bucket, in µs. `buffer`, `capacity`, `length`: see dft_row_values_merge(). Returns DFT_TOO_LARGE if the key does not
/// fit. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_telemetry_key_encode(
    host_hash: dft_text,
    name: dft_text,
    bucket_us: u64,
    buffer: *mut c_char,
    capacity: u64,
    length: *mut u64,
) -> dft_status {
    boundary("dft_telemetry_key_encode", || {
        let (host_hash, name) = (host_hash.utf8("host_hash")?.to_owned(), name.utf8("name")?.to_owned());
        write(&TelemetryKey { host_hash, name, scope: None, bucket: bucket_us }.encode(), buffer, capacity, length)
    })
}
