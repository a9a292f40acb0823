//! The exported functions of the C ABI, including their checks, as a tracer and an analyzer in another language call
//! them.
#![allow(missing_docs, clippy::expect_used)]

use std::hint::black_box;
use std::path::Path;
use std::ptr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dft_aggregate::Config;
use dft_benches::{Trace, batch};
use dft_store::IndexWriter;
use dft_utils::aggregator::{dft_aggregator, dft_aggregator_add, dft_aggregator_free, dft_aggregator_new};
use dft_utils::arguments::dft_text;
use dft_utils::index::{dft_index, dft_index_free, dft_index_open};
use dft_utils::record::{
    DFT_ARG_INTEGER, DFT_HAS_DURATION, DFT_HAS_OFFSET, DFT_HAS_RET, DFT_PHASE_COMPLETE, dft_arg, dft_record,
};
use dft_utils::rows::{dft_row, dft_rows, dft_rows_free, dft_rows_next, dft_rows_open};
use dft_utils::status::{DFT_OK, dft_status};

/// Few enough to stay in the cache: the benches measure calls, not access to the caller's records.
const RECORDS: i64 = 2_000;

fn text(text: &str) -> dft_text {
    dft_text { data: text.as_ptr().cast(), length: text.len() as u64 }
}

fn good(status: dft_status) {
    assert_eq!(status, DFT_OK);
}

/// A handle that is freed when dropped.
struct Live(*mut dft_aggregator);

impl Live {
    fn new() -> Self {
        let mut handle = ptr::null_mut();
        good(dft_aggregator_new(ptr::null(), 0, dft_text::default(), &mut handle));
        Self(handle)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        dft_aggregator_free(self.0);
    }
}

/// Returns 20 ms of calls of one thread to six functions and twenty files.
fn records<'a>(files: &'a [String], args: &'a [dft_arg]) -> Vec<dft_record> {
    const NAMES: [&str; 6] = ["read", "write", "pread64", "open64", "close", "lseek"];
    let record = |at: i64| dft_record {
        phase: DFT_PHASE_COMPLETE,
        name: text(NAMES[at as usize % NAMES.len()]),
        category: text("POSIX"),
        host_hash: text("6882804a826580cd"),
        file_hash: text(&files[at as usize / 16 % files.len()]),
        pid: 4711,
        tid: 4711,
        ts_us: 1_700_000_000_000_000 + at * 10,
        dur_us: at % 100,
        ret: 4096,
        offset: at * 4096,
        present: DFT_HAS_DURATION | DFT_HAS_RET | DFT_HAS_OFFSET,
        args: args.as_ptr(),
        args_length: args.len() as u64,
        ..dft_record::default()
    };
    (0..RECORDS).map(record).collect()
}

fn add(criterion: &mut Criterion) {
    let files: Vec<String> = (0..20).map(|file| format!("9b4f0e8c2d1a7{:03}", 100 + file)).collect();
    let one_more = [dft_arg {
        name: text("level"),
        text: dft_text::default(),
        integer: 3,
        real: 0.0,
        kind: DFT_ARG_INTEGER,
        reserved: 0,
    }];
    let mut group = criterion.benchmark_group("C ABI");
    group.throughput(Throughput::Elements(RECORDS as u64));
    for (name, args) in [("add a record", &[] as &[dft_arg]), ("add a record with one more arg", &one_more)] {
        let records = records(&files, args);
        group.bench_function(name, |bencher| {
            // One aggregator for all iterations: its rows exist after the first one, as in a running program.
            let live = Live::new();
            bencher.iter(|| records.iter().for_each(|record| good(dft_aggregator_add(live.0, record))));
        });
    }
    group.finish();
}

/// Scans every row of an index and decodes its statistics. Returns the number of rows.
fn walk(index: *const dft_index) -> u64 {
    let mut rows: *mut dft_rows = ptr::null_mut();
    good(dft_rows_open(index, ptr::null(), &mut rows));
    let mut row = dft_row { size: size_of::<dft_row>() as u64, ..dft_row::default() };
    let (mut more, mut seen) = (0, 0);
    loop {
        good(dft_rows_next(rows, &mut row, &mut more));
        if more == 0 {
            break;
        }
        black_box(&row);
        seen += 1;
    }
    good(dft_rows_free(rows));
    seen
}

fn scan(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("index");
    let mut writer = IndexWriter::open(&path, &Config::default(), false).expect("an index");
    let written = writer.publish(&batch(Trace::generate("--records 100000").aggregated()), 1).expect("published");
    drop(writer);
    let mut index = ptr::null_mut();
    good(dft_index_open(text(Path::to_str(&path).expect("a path of text")), &mut index));
    assert_eq!(walk(index), written.rows);
    let mut group = criterion.benchmark_group("C ABI");
    group.throughput(Throughput::Elements(written.rows));
    group.bench_function("scan a row", |bencher| bencher.iter(|| walk(index)));
    group.finish();
    good(dft_index_free(index));
}

criterion_group!(benches, add, scan);
criterion_main!(benches);
