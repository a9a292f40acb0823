//! The keys of rows and telemetry, for programs that read an index through RocksDB themselves.

use std::ffi::c_void;

use dft_codec::{CounterScope, RowKey, SeriesId, TelemetryKey};

use crate::arguments::{dft_buffer, dft_text, given, growing, list, out, write};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::status::{Failure, dft_status};

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
/// DFT_INVALID_ARGUMENT if the key is invalid: a counter of category `sys` concerns the host, every other one a
/// process. Returns DFT_TOO_LARGE if the bytes do not fit. Any thread.
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
