//! Exporting rows to record batches, groups and Parquet.
#![allow(missing_docs, clippy::expect_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dft_aggregate::Config;
use dft_benches::{Trace, batch};
use dft_export::{Batches, ExportOptions, Filter, Format, GroupColumn, Table, TableOptions, View, export};
use dft_store::{Index, IndexWriter};

fn drain(mut batches: impl Batches) {
    while let Some(batch) = batches.next_batch().expect("a batch") {
        black_box(batch);
    }
}

fn by_function() -> TableOptions {
    TableOptions { group_by: vec![GroupColumn::FuncName], ..TableOptions::default() }
}

fn tables(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("index");
    let mut writer = IndexWriter::open(&path, &Config::default(), false).expect("an index");
    let written = writer.publish(&batch(Trace::generate("--records 100000").aggregated()), 1).expect("published");
    drop(writer);
    let index = Index::open(&path).expect("an index");
    let view = View::new(&index, None, Filter::default()).expect("a view");
    let coarse = View::new(&index, Some(10_000_000), Filter::default()).expect("a view");
    let mut group = criterion.benchmark_group("tables");
    group.throughput(Throughput::Elements(written.rows));
    group.bench_function("arrow", |bencher| {
        bencher.iter(|| drain(view.table(Table::Events, TableOptions::default()).expect("a table")));
    });
    group.bench_function("arrow, at 10 s", |bencher| {
        bencher.iter(|| drain(coarse.table(Table::Events, TableOptions::default()).expect("a table")));
    });
    group.bench_function("arrow, full statistics", |bencher| {
        bencher.iter(|| drain(view.table(Table::Aggregation, TableOptions::default()).expect("a table")));
    });
    group.bench_function("group by function", |bencher| {
        bencher.iter(|| drain(view.table(Table::Events, by_function()).expect("a table")));
    });
    for (name, format) in [("parquet", Format::Parquet), ("arrow IPC", Format::Arrow), ("csv", Format::Csv)] {
        let options = ExportOptions { tables: vec![Table::Events], group_by: Vec::new(), format, threads: 1 };
        group.bench_function(name, |bencher| {
            bencher.iter(|| export(&view, &directory.path().join("tables"), &options).expect("a table"));
        });
    }
    group.finish();
}

criterion_group!(benches, tables);
criterion_main!(benches);
