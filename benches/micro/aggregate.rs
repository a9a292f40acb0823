//! Aggregating records into a table, and merging tables: the work of a build in memory.
#![allow(missing_docs, clippy::expect_used)]

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dft_aggregate::{Aggregator, Config, Run, Section, merge_runs};
use dft_benches::{Trace, aggregate};
use dft_metrics::{FloatStats, IntStats, Sketch, SketchMapping};
use dft_trace::Parser;

const RECORDS: u64 = 20_000;

/// These times include parsing, since records borrow the text; the group `records` measures parsing alone.
fn update(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("update");
    group.throughput(Throughput::Elements(RECORDS));
    let hot = format!("--records {RECORDS} --series 10 --cardinality low");
    let usual = format!("--records {RECORDS}");
    let cold = format!("--records {RECORDS} --new-files --series {}", RECORDS * 10);
    for (name, arguments) in [("hot series", hot), ("usual series", usual), ("cold series", cold)] {
        let trace = Trace::generate(&arguments);
        let mut parser = Parser::new();
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || Aggregator::new(&Config::default()),
                |aggregator| aggregate(&mut parser, &trace.text, aggregator),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn runs(criterion: &mut Criterion) {
    let runs: Vec<Run> = (0..4)
        .map(|seed| Trace::generate(&format!("--records {RECORDS} --seed {seed}")).aggregated().into_run())
        .collect();
    let bytes: u64 = runs.iter().map(|run| run.section_bytes(Section::Rows)).sum();
    let mut group = criterion.benchmark_group("runs");
    group.bench_function("table to run", |bencher| {
        let trace = Trace::generate(&format!("--records {RECORDS}"));
        bencher.iter_batched(|| trace.aggregated(), Aggregator::into_run, BatchSize::LargeInput);
    });
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("merge of 4 runs", |bencher| {
        bencher.iter(|| {
            let mut sink = |key: &[u8], value: &[u8]| -> Result<(), Infallible> {
                black_box((key, value));
                Ok(())
            };
            merge_runs(&runs, Section::Rows, None, &mut sink).expect("sound runs");
        });
    });
    group.finish();
}

fn merges(criterion: &mut Criterion) {
    const SAMPLES: i64 = 1000;
    let mut group = criterion.benchmark_group("merges");
    group.bench_function("integer statistics", |bencher| {
        let mut one = IntStats::default();
        (0..SAMPLES).for_each(|value| one.sample(value * 977));
        let mut into = one.clone();
        bencher.iter(|| into.merge(black_box(&one)));
    });
    group.bench_function("float statistics", |bencher| {
        let mut one = FloatStats::default();
        (0..SAMPLES).for_each(|value| one.sample(value as f64 / 7.0));
        let mut into = one.clone();
        bencher.iter(|| into.merge(black_box(&one)));
    });
    group.bench_function("sketches", |bencher| {
        let mapping = SketchMapping::new(0.01).expect("an accuracy");
        let mut one = Sketch::default();
        (1..=SAMPLES).for_each(|value| one.add(&mapping, value as f64));
        let mut into = one.clone();
        bencher.iter(|| into.merge(black_box(&one)));
    });
    group.finish();
}

criterion_group!(benches, update, runs, merges);
criterion_main!(benches);
