//! Publishing runs to an index, and scanning its rows.
#![allow(missing_docs, clippy::expect_used)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dft_aggregate::{Aggregator, Config};
use dft_benches::{Trace, batch};
use dft_codec::{RowKey, SeriesKind};
use dft_store::{Index, IndexWriter, RowQuery};

/// The store writes SST files only while it publishes, so the first of these times include opening, sealing and
/// syncing; `nothing` measures these alone.
fn publish(criterion: &mut Criterion) {
    let trace = Trace::generate("--records 100000");
    let mut group = criterion.benchmark_group("publish");
    group.sample_size(10);
    for (name, full) in [("rows", true), ("nothing", false)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    let directory = tempfile::tempdir().expect("a temporary directory");
                    let index = IndexWriter::open(&directory.path().join("index"), &Config::default(), false);
                    let batch = batch(if full { trace.aggregated() } else { Aggregator::new(&Config::default()) });
                    (directory, index.expect("an index"), batch)
                },
                |(directory, mut index, batch)| {
                    index.publish(&batch, 1).expect("published");
                    (directory, index)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn scan(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("index");
    let mut writer = IndexWriter::open(&path, &Config::default(), false).expect("an index");
    let written = writer.publish(&batch(Trace::generate("--records 100000").aggregated()), 1).expect("published");
    drop(writer);
    let index = Index::open(&path).expect("an index");
    let mut group = criterion.benchmark_group("scan");
    group.bench_function("open", |bencher| bencher.iter(|| Index::open(&path).expect("an index")));
    let bounds = index.bounds().expect("bounds");
    let middle = bounds.min + (bounds.max - bounds.min) / 2;
    for (name, time) in [("one second", Some(middle..middle + 1_000_000)), ("all rows", None)] {
        let query = RowQuery { time, ..RowQuery::kind(SeriesKind::Call) };
        if query.time.is_none() {
            group.throughput(Throughput::Elements(written.rows));
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut rows = index.rows(query.clone()).expect("a scan");
                while let Some(row) = rows.next().expect("a row") {
                    black_box::<(RowKey, &[u8])>(row);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, publish, scan);
criterion_main!(benches);
