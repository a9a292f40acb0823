//! From bytes to records: inflating, splitting lines, and parsing with each parser of the project and with libraries
//! that extract the same.
#![allow(missing_docs, clippy::expect_used)]

mod extraction;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dft_benches::{Trace, inflate};
use dft_trace::library::{self, Arena};
use dft_trace::{Clock, Line, Parser, Record, payload, scan};
use extraction::Extracted;

const RECORDS: &str = "--records 20000";

fn reading(criterion: &mut Criterion) {
    let trace = Trace::generate(RECORDS);
    let mut group = criterion.benchmark_group("reading");
    group.throughput(Throughput::Bytes(trace.text.len() as u64));
    group.bench_function("inflate", |bencher| {
        bencher.iter(|| {
            inflate(&trace.path, |block| {
                black_box(block);
            });
        });
    });
    group.bench_function("lines", |bencher| {
        bencher.iter(|| {
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', &trace.text) {
                black_box(payload(&trace.text[start..end]));
                start = end + 1;
            }
        });
    });
    group.finish();
}

fn records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("records");
    for generation in 0..4 {
        let trace = Trace::generate(&format!("{RECORDS} --generation {generation}"));
        let lines = trace.lines();
        group.throughput(Throughput::Bytes(trace.text.len() as u64));
        group.bench_function(BenchmarkId::new("layouts", generation), |bencher| {
            let mut parser = Parser::new();
            bencher.iter(|| {
                parser.parse(&trace.text, 1, Clock::default(), |line| match line {
                    Line::Record { record, .. } => {
                        black_box(record);
                    }
                    Line::Malformed { line, .. } => panic!("line {line}"),
                })
            });
        });
        group.bench_function(BenchmarkId::new("scan", generation), |bencher| {
            bencher.iter(|| {
                let mut record = Record::default();
                for line in &lines {
                    scan::scan(line, &mut record).expect("a usual line");
                    black_box(&record);
                }
            });
        });
        group.bench_function(BenchmarkId::new("library", generation), |bencher| {
            bencher.iter(|| {
                let arena = Arena::default();
                let mut record = Record::default();
                for line in &lines {
                    library::parse(line, &arena, &mut record).expect("an object");
                    black_box(&record);
                }
            });
        });
        group.bench_function(BenchmarkId::new("serde_json", generation), |bencher| {
            bencher.iter(|| {
                for line in &lines {
                    black_box(serde_json::from_slice::<Extracted>(line).expect("an object"));
                }
            });
        });
        group.bench_function(BenchmarkId::new("sonic-rs", generation), |bencher| {
            bencher.iter(|| {
                for line in &lines {
                    black_box(sonic_rs::from_slice::<Extracted>(line).expect("an object"));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, reading, records);
criterion_main!(benches);
