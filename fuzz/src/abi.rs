//! Arguments of the C ABI, whose memory is as the header asks for: every call returns, with a status, and what a stream
//! gives is what Arrow takes.
#![no_main]

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::LazyLock;

use arbitrary::{Arbitrary, Unstructured};
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use dft_utils::aggregator::*;
use dft_utils::arguments::{dft_buffer, dft_text};
use dft_utils::config::*;
use dft_utils::export::*;
use dft_utils::index::*;
use dft_utils::keys::*;
use dft_utils::notes::dft_note;
use dft_utils::readings::*;
use dft_utils::record::*;
use dft_utils::rows::*;
use dft_utils::stats::*;
use dft_utils::status::{DFT_OK, dft_status};
use dft_utils::values::*;
use dft_utils::view::dft_view;
use libfuzzer_sys::fuzz_target;

/// One call, with what it is given.
#[derive(Arbitrary, Debug)]
enum Call<'a> {
    Add {
        phase: u32,
        present: u32,
        texts: [&'a [u8]; 4],
        numbers: [i64; 6],
        args: Vec<(&'a [u8], &'a [u8], i64, f64, u32)>,
    },
    Lines(&'a [u8]),
    Stream {
        table: u32,
        view: View<'a>,
    },
    Columns {
        table: u32,
        view: View<'a>,
    },
    Summary {
        view: View<'a>,
        top: u64,
    },
    Rows {
        kind: u32,
        shard: u32,
        shards: u32,
        time: Option<(u64, u64)>,
    },
    Readings {
        host: &'a [u8],
        name: &'a [u8],
        time: Option<(u64, u64)>,
        metric: u64,
    },
    Name {
        kind: u32,
        hash: &'a [u8],
        capacity: u8,
    },
    Merge {
        rows: bool,
        values: Vec<&'a [u8]>,
        bucket: u64,
        capacity: u8,
    },
    Key {
        telemetry: bool,
        key: &'a [u8],
    },
    Statistics {
        integers: Vec<i64>,
        reals: Vec<f64>,
    },
    New {
        config: Configured<'a>,
        memory: u64,
    },
}

#[derive(Arbitrary, Debug)]
struct View<'a> {
    /// As much of the struct as an older caller knows of.
    size: Option<u16>,
    granularity: u64,
    time: Option<(u64, u64)>,
    pid: Option<i64>,
    texts: [&'a [u8]; 4],
    group_by: Vec<&'a [u8]>,
    pids: Vec<i64>,
    ranks: Vec<i64>,
    shard: u32,
    shards: u32,
    batch_rows: u64,
    query: &'a [u8],
}

#[derive(Arbitrary, Debug)]
struct Configured<'a> {
    interval: u64,
    keys: Vec<&'a [u8]>,
    metrics: Vec<&'a [u8]>,
    kinds: [u32; 4],
    percentiles: f64,
}

fn text(bytes: &[u8]) -> dft_text {
    dft_text { data: bytes.as_ptr().cast(), length: bytes.len() as u64 }
}

fn texts(of: &[&[u8]]) -> Vec<dft_text> {
    of.iter().map(|bytes| text(bytes)).collect()
}

/// A call returned, with a status that there is.
fn returned(status: dft_status) -> bool {
    assert!((0..100).contains(&i64::from(status)), "{status}");
    status == DFT_OK
}

/// The value of a struct that starts with its size.
fn sized<T: Default>() -> T {
    T::default()
}

fn buffer(place: &mut [c_char; 255], capacity: u8) -> dft_buffer {
    dft_buffer { data: place.as_mut_ptr(), capacity: u64::from(capacity), length: 0 }
}

extern "C" fn seen_text(_: *mut c_void, note: *const dft_note) -> i32 {
    // SAFETY: it is valid during the call.
    let text = unsafe { (*note).text };
    // SAFETY: as above.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.length as usize) };
    assert!(std::str::from_utf8(bytes).is_ok());
    0
}

extern "C" fn seen_column(_: *mut c_void, _: *const dft_column) -> i32 {
    0
}

extern "C" fn seen_metric(_: *mut c_void, metric: *const dft_metric) -> i32 {
    // SAFETY: it is valid during the call.
    let name = unsafe { (*metric).name };
    // SAFETY: as above.
    assert!(std::str::from_utf8(unsafe { std::slice::from_raw_parts(name.data.cast(), name.length as usize) }).is_ok());
    0
}

extern "C" fn seen_key(_: *mut c_void, key: *const dft_reading_key) -> i32 {
    let mut place = [0 as c_char; 255];
    let mut again = buffer(&mut place, 255);
    returned(dft_reading_key_encode(key, &raw mut again));
    0
}

/// An index that all runs read.
struct Shared(*mut dft_index);

// SAFETY: the handle may be used by any thread.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

const LINES: &[u8] = br#"{"name":"HH","cat":"dftracer","ph":"M","pid":1,"tid":1,"args":{"name":"node1","value":"h1"}}
{"name":"FH","cat":"dftracer","ph":"M","pid":1,"tid":1,"args":{"name":"/data/a","value":"f1","hhash":"h1"}}
{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":5,"dur":2,"ph":"X","args":{"hhash":"h1","fhash":"f1","ret":4096,"offset":0}}
{"name":"read","cat":"POSIX","pid":2,"tid":2,"ts":1000005,"dur":7,"ph":"X","args":{"hhash":"h1","fhash":"f1","ret":-1}}
{"name":"step","cat":"app","pid":2,"tid":2,"ts":2000005,"dur":70,"ph":"X","args":{"hhash":"h1","loss":0.5}}
{"name":"cpu","cat":"sys","pid":1,"tid":1,"ts":1000000,"ph":"C","args":{"hhash":"h1","user":12.5,"idle":80}}
"#;

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let (mut aggregator, mut index) = (std::ptr::null_mut(), std::ptr::null_mut());
    assert!(returned(dft_aggregator_new(std::ptr::null(), 0, text(b""), &raw mut aggregator)));
    let mut added: dft_lines_added = sized();
    added.size = size_of::<dft_lines_added>() as u64;
    assert!(returned(dft_aggregator_add_lines(aggregator, text(LINES), &raw mut added)));
    assert_eq!((added.records, added.malformed), (6, 0));
    assert!(returned(dft_aggregator_into_index(aggregator, 1, &raw mut index)));
    Shared(index)
});

impl View<'_> {
    /// Calls with the view in C's form.
    fn with(&self, call: impl FnOnce(*const dft_view)) {
        let group_by = texts(&self.group_by);
        let (start_us, end_us) = self.time.unwrap_or_default();
        let view = dft_view {
            size: self.size.map_or(size_of::<dft_view>() as u64, u64::from),
            granularity_us: self.granularity,
            start_us,
            end_us,
            has_time: self.time.is_some().into(),
            has_pid: self.pid.is_some().into(),
            pid: self.pid.unwrap_or_default(),
            category: text(self.texts[0]),
            name: text(self.texts[1]),
            host: text(self.texts[2]),
            file: text(self.texts[3]),
            group_by: group_by.as_ptr(),
            group_by_length: group_by.len() as u64,
            pids: self.pids.as_ptr(),
            pids_length: self.pids.len() as u64,
            shard: self.shard,
            shards: self.shards,
            batch_rows: self.batch_rows,
            query: text(self.query),
            ranks: self.ranks.as_ptr(),
            ranks_length: self.ranks.len() as u64,
            // Of a number that the corpus has, so that it keeps its meaning.
            range_unit_us: u64::from(self.shard),
        };
        if view.size <= size_of::<dft_view>() as u64 {
            call(&view);
        }
    }
}

fn run(aggregator: *mut dft_aggregator, index: *const dft_index, call: &Call<'_>) {
    match call {
        Call::Add { phase, present, texts, numbers, args } => {
            let args: Vec<dft_arg> = args
                .iter()
                .map(|(name, value, integer, real, kind)| dft_arg {
                    name: text(name),
                    text: text(value),
                    integer: *integer,
                    real: *real,
                    kind: *kind,
                    reserved: 0,
                })
                .collect();
            let record = dft_record {
                phase: *phase,
                present: *present,
                name: text(texts[0]),
                category: text(texts[1]),
                host_hash: text(texts[2]),
                file_hash: text(texts[3]),
                pid: numbers[0],
                tid: numbers[1],
                ts_us: numbers[2],
                dur_us: numbers[3],
                ret: numbers[4],
                offset: numbers[5],
                args: args.as_ptr(),
                args_length: args.len() as u64,
                ..dft_record::default()
            };
            returned(dft_aggregator_add(aggregator, &record));
        }
        Call::Lines(lines) => {
            returned(dft_aggregator_add_lines(aggregator, text(lines), std::ptr::null_mut()));
        }
        Call::Stream { table, view } => view.with(|view| {
            let mut stream = MaybeUninit::<FFI_ArrowArrayStream>::uninit();
            if returned(dft_table_stream(index, *table, view, stream.as_mut_ptr().cast::<ArrowArrayStream>())) {
                // SAFETY: the function succeeded, so a stream is there, which the reader releases.
                let stream = unsafe { stream.assume_init() };
                for batch in RecordBatchStreamReader::try_new(stream).expect("a schema") {
                    batch.expect("a sound index is read");
                }
            }
        }),
        Call::Columns { table, view } => view.with(|view| {
            returned(dft_table_columns(index, *table, view, Some(seen_column), std::ptr::null_mut()));
        }),
        Call::Summary { view, top } => view.with(|view| {
            returned(dft_summary(index, view, *top, Some(seen_text), std::ptr::null_mut()));
        }),
        Call::Rows { kind, shard, shards, time } => {
            let (start_us, end_us) = time.unwrap_or_default();
            let query = dft_row_query {
                kind: *kind,
                shard: *shard,
                shards: *shards,
                has_time: time.is_some().into(),
                start_us,
                end_us,
                ..dft_row_query::default()
            };
            let mut rows = std::ptr::null_mut();
            if returned(dft_rows_open(index, &query, &raw mut rows)) {
                let (mut row, mut has_row) = (sized::<dft_row>(), 1);
                row.size = size_of::<dft_row>() as u64;
                row.decoded.size = size_of::<dft_row_value>() as u64;
                while returned(dft_rows_next(rows, &raw mut row, &raw mut has_row)) && has_row != 0 {}
                returned(dft_rows_free(rows));
            }
        }
        Call::Readings { host, name, time, metric } => {
            let (start_us, end_us) = time.unwrap_or_default();
            let query = dft_reading_query {
                host_hash: text(host),
                name: text(name),
                start_us,
                end_us,
                has_time: time.is_some().into(),
                ..dft_reading_query::default()
            };
            let mut readings = std::ptr::null_mut();
            if returned(dft_readings_open(index, &query, &raw mut readings)) {
                let (mut reading, mut has_row, mut seen) = (sized::<dft_reading>(), 1, sized::<dft_metric>());
                reading.size = size_of::<dft_reading>() as u64;
                seen.size = size_of::<dft_metric>() as u64;
                while returned(dft_readings_next(readings, &raw mut reading, &raw mut has_row)) && has_row != 0 {
                    returned(dft_readings_metric(readings, *metric, &raw mut seen));
                }
                returned(dft_readings_free(readings));
            }
        }
        Call::Name { kind, hash, capacity } => {
            let mut place = [0 as c_char; 255];
            let mut buffer = buffer(&mut place, *capacity);
            returned(dft_index_name(index, *kind, text(hash), &raw mut buffer));
        }
        Call::Merge { rows, values, bucket, capacity } => {
            let (kind, mut place) = (if *rows { DFT_VALUE_ROW } else { DFT_VALUE_TELEMETRY }, [0 as c_char; 255]);
            let mut merged: *mut dft_value = std::ptr::null_mut();
            for value in values {
                let mut other = std::ptr::null_mut();
                if !returned(dft_value_decode(kind, text(value), *bucket, 0.01, &raw mut other)) {
                    continue;
                }
                if merged.is_null() {
                    merged = other;
                    continue;
                }
                assert!(returned(dft_value_merge(merged, other)));
                assert!(returned(dft_value_free(other)));
            }
            if !merged.is_null() {
                let mut buffer = buffer(&mut place, *capacity);
                returned(dft_value_encode(merged, *bucket, &raw mut buffer));
                assert!(returned(dft_value_metrics(merged, Some(seen_metric), std::ptr::null_mut())));
                let mut stats = std::ptr::null_mut();
                assert!(returned(dft_value_stats(merged, DFT_METRIC_NAMED, text(b"loss"), &raw mut stats)));
                returned(dft_stats_free(stats));
                assert!(returned(dft_value_free(merged)));
            }
        }
        Call::Key { telemetry: false, key } => {
            let (mut series, mut bucket) = ([0u8; 24], 0);
            returned(dft_row_key_decode(text(key), series.as_mut_ptr(), &raw mut bucket));
        }
        Call::Key { telemetry: true, key } => {
            returned(dft_reading_key_decode(text(key), Some(seen_key), std::ptr::null_mut()));
        }
        Call::Statistics { integers, reals } => {
            let (mut stats, mut metric, mut quantile) = (std::ptr::null_mut(), sized::<dft_metric>(), 0.0);
            assert!(returned(dft_stats_new(0.01, &raw mut stats)));
            assert!(returned(dft_stats_add_integers(stats, integers.as_ptr(), integers.len() as u64)));
            assert!(returned(dft_stats_add_reals(stats, reals.as_ptr(), reals.len() as u64)));
            assert!(returned(dft_stats_describe(stats, &raw mut metric)));
            assert_eq!(metric.integers.samples, integers.len() as u64);
            assert_eq!(metric.samples + metric.not_finite, (integers.len() + reals.len()) as u64);
            assert!(returned(dft_stats_quantile(stats, 0.5, &raw mut quantile)));
            assert_eq!(quantile.is_nan(), metric.samples == 0);
            let (mut place, mut again) = ([0 as c_char; 255], std::ptr::null_mut());
            let mut buffer = buffer(&mut place, 255);
            if returned(dft_stats_encode(stats, &raw mut buffer)) {
                let bytes = dft_text { data: place.as_ptr(), length: buffer.length };
                assert!(returned(dft_stats_decode(bytes, &raw mut again)));
                assert!(returned(dft_stats_merge(again, stats)));
                assert!(returned(dft_stats_free(again)));
            }
            assert!(returned(dft_stats_free(stats)));
        }
        Call::New { config, memory } => {
            let (keys, metrics) = (texts(&config.keys), texts(&config.metrics));
            let config = dft_config {
                interval_us: config.interval,
                group_keys: keys.as_ptr(),
                group_keys_length: keys.len() as u64,
                custom_metric_names: metrics.as_ptr(),
                custom_metric_names_length: metrics.len() as u64,
                custom_metrics: config.kinds[0],
                group_by_file: config.kinds[1],
                sketch_accuracy: config.percentiles,
                counter_period: config.kinds[2],
                time_unit: config.kinds[3],
                ..dft_config::default()
            };
            let mut made = std::ptr::null_mut();
            if returned(dft_aggregator_new(&config, *memory, text(b""), &raw mut made)) {
                returned(dft_aggregator_add_lines(made, text(LINES), std::ptr::null_mut()));
                returned(dft_aggregator_free(made));
            }
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let index = SHARED.0;
    let mut aggregator = std::ptr::null_mut();
    assert!(returned(dft_aggregator_new(std::ptr::null(), 0, text(b""), &raw mut aggregator)));
    let mut input = Unstructured::new(input);
    while !input.is_empty() {
        let Ok(call) = Call::arbitrary(&mut input) else { break };
        run(aggregator, index, &call);
    }
    assert!(returned(dft_aggregator_free(aggregator)));
    assert!(!returned(dft_aggregator_free(aggregator)), "a freed handle is none");
});
