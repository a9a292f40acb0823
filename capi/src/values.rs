//! Keys, values and statistics, for whoever holds a RocksDB handle of its own.

use std::ffi::c_char;

use dft_codec::{RowKey, RowParts, RowValue, TelemetryKey, TelemetryValue};
use dft_metrics::{FloatStats, IntStats};

use crate::arguments::{Growing, dft_text, give, list, out};
use crate::boundary::boundary;
use crate::index::write;
use crate::status::{Failure, dft_status};

/// Statistics of integers, exact. It does not grow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_int_stats {
    /// Samples that are in the sum; UINT64_MAX where there are more than that.
    pub samples: u64,
    /// The sum's low 64 bits, in two's complement.
    pub sum_low: u64,
    /// The sum's high 64 bits; 0, or -1 of a negative sum, where the sum fits 64 bits.
    pub sum_high: i64,
    /// The least value seen; of no meaning unless `has_extent`.
    pub min: i64,
    /// The greatest value seen; of no meaning unless `has_extent`.
    pub max: i64,
    /// The mean, correctly rounded; NaN without samples.
    pub mean: f64,
    /// The sample standard deviation, correctly rounded; NaN of fewer than two samples, and where the
    /// tracer summed samples up without their squares.
    pub std: f64,
    /// 1 where a value was seen.
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

/// What a row's value says, custom metrics aside. It does not grow, for it is part of others.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_row_value {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Calls; UINT64_MAX where there are more than that.
    pub count: u64,
    /// The least `ts`, in µs.
    pub ts_us: i64,
    /// The greatest end of a call; of other families the greatest `ts`; in µs.
    pub te_us: i64,
    /// Durations, in µs.
    pub duration: dft_int_stats,
    /// Bytes transferred.
    pub bytes: dft_int_stats,
    /// File offsets, in bytes.
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

/// What a metric of a counter read.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_metric {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Its name, valid until the next step of its cursor.
    pub name: dft_text,
    /// Samples; those that were NaN or infinite are left out.
    pub samples: u64,
    /// Samples that were left out.
    pub not_finite: u64,
    /// Their mean; NaN without samples.
    pub mean: f64,
    /// Their sample standard deviation; NaN of fewer than two.
    pub std: f64,
    /// The least; NaN without samples.
    pub min: f64,
    /// The greatest; NaN without samples.
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

/// Reads a row's key: 16 bytes of a series' id to `series`, and the bucket, in µs, to `bucket_us`.
/// DFT_DAMAGED where the bytes are no such key.
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

/// Reads a row's value, whose key has this bucket. DFT_DAMAGED where the bytes are no such value.
#[unsafe(no_mangle)]
pub extern "C" fn dft_row_value_decode(value: dft_text, bucket_us: u64, decoded: *mut dft_row_value) -> dft_status {
    boundary("dft_row_value_decode", || {
        let mut row = RowValue::empty();
        row.read(value.bytes("value")?, bucket_us, RowParts::All)?;
        give("decoded", decoded, &dft_row_value::of(&row))
    })
}

/// Merges values of one row's key, as the index's merge operator does: all of them to one, written to
/// `buffer` if it fits in `capacity` bytes, else DFT_TOO_LARGE; `length` is set to its length either way.
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
        let merged = merged.ok_or_else(|| Failure::argument("there is no value to merge"))?;
        write(&merged.encode(bucket_us), buffer, capacity, length)
    })
}

/// Merges values of one telemetry key: see dft_row_values_merge().
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
            return Err(Failure::argument("there is no value to merge"));
        }
        for value in values {
            merged.merge(TelemetryValue::decode(value.bytes("values")?, bucket_us)?);
        }
        write(&merged.encode(bucket_us), buffer, capacity, length)
    })
}

/// Computes the statistics of integer samples, exactly: those of an index are the same.
#[unsafe(no_mangle)]
pub extern "C" fn dft_int_stats_of(samples: *const i64, samples_length: u64, stats: *mut dft_int_stats) -> dft_status {
    boundary("dft_int_stats_of", || {
        let mut sampled = IntStats::default();
        list("samples", samples, samples_length)?.iter().for_each(|&sample| sampled.sample(sample));
        *out("stats", stats)? = dft_int_stats::of(&sampled);
        Ok(())
    })
}

/// Computes the statistics of samples with fractions, correctly rounded; NaN and infinities are counted and
/// left out. The name of `metric` is empty.
#[unsafe(no_mangle)]
pub extern "C" fn dft_real_stats_of(samples: *const f64, samples_length: u64, metric: *mut dft_metric) -> dft_status {
    boundary("dft_real_stats_of", || {
        let mut sampled = FloatStats::default();
        list("samples", samples, samples_length)?.iter().for_each(|&sample| sampled.sample(sample));
        give("metric", metric, &dft_metric::of("", &sampled))
    })
}

/// Reads a telemetry key: the host's hash and the counter's name to buffers, as dft_index_name() does, and
/// the bucket, in µs. DFT_DAMAGED where the bytes are no such key.
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

/// Writes the key of a counter of a host as a whole (category `sys`, no group keys) at a bucket to `buffer`, as
/// telemetry is kept under: see dft_row_values_merge() for the buffer.
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
        let (host_hash, name) = (host_hash.utf8("hhash")?.to_owned(), name.utf8("name")?.to_owned());
        write(&TelemetryKey { host_hash, name, scope: None, bucket: bucket_us }.encode(), buffer, capacity, length)
    })
}
