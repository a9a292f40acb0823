//! Encoding and decoding keys and values.
#![allow(missing_docs, clippy::expect_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dft_aggregate::{Section, merge_runs};
use dft_benches::Trace;
use dft_codec::{ChunkCursor, ChunkWriter, RowKey, RowParts, RowValue, TelemetryKey, TelemetryValue};

/// Returns the keys and values of a section of an aggregated trace.
fn entries(arguments: &str, section: Section) -> Vec<(Vec<u8>, Vec<u8>)> {
    let run = Trace::generate(arguments).aggregated().into_run();
    let mut entries = Vec::new();
    let mut put = |key: &[u8], value: &[u8]| -> Result<(), std::convert::Infallible> {
        entries.push((key.to_vec(), value.to_vec()));
        Ok(())
    };
    merge_runs(&[run], section, None, &mut put).expect("a sound run");
    entries
}

fn discard<T>(made: T) {
    black_box(made);
}

fn rows(criterion: &mut Criterion) {
    let bytes = entries("--records 20000", Section::Rows);
    let keys: Vec<RowKey> = bytes.iter().map(|(key, _)| RowKey::decode(key).expect("a key")).collect();
    let values: Vec<RowValue> =
        bytes.iter().zip(&keys).map(|((_, value), key)| RowValue::decode(value, key.bucket).expect("a row")).collect();
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(bytes.len() as u64));
    group.bench_function("encode keys", |bencher| {
        bencher.iter(|| keys.iter().for_each(|key| discard(key.encode())));
    });
    group.bench_function("decode keys", |bencher| {
        bencher.iter(|| bytes.iter().for_each(|(key, _)| discard(RowKey::decode(key))));
    });
    group.bench_function("encode values", |bencher| {
        bencher.iter(|| {
            for (key, value) in keys.iter().zip(&values) {
                black_box(value.encode(key.bucket));
            }
        });
    });
    for (name, parts) in [("decode values", RowParts::All), ("decode values without customs", RowParts::Core)] {
        group.bench_function(name, |bencher| {
            let mut row = RowValue::empty();
            bencher.iter(|| {
                for (key, (_, value)) in keys.iter().zip(&bytes) {
                    row.read(value, key.bucket, parts).expect("a row");
                    black_box(&row);
                }
            });
        });
    }
    group.bench_function("merge values", |bencher| {
        let mut into = values.clone();
        bencher.iter(|| {
            for (into, value) in into.iter_mut().zip(&values) {
                into.merge(black_box(value.clone()));
            }
        });
    });
    group.bench_function("put in chunks", |bencher| {
        bencher.iter(|| each_chunk(&keys, &bytes, |chunk| discard(chunk)));
    });
    let mut chunks = Vec::new();
    each_chunk(&keys, &bytes, |(key, chunk)| chunks.push((key, chunk.to_vec())));
    group.bench_function("walk chunks", |bencher| {
        bencher.iter(|| {
            for (key, chunk) in &chunks {
                let mut cursor = ChunkCursor::begin(*key, chunk).expect("a chunk");
                while let Some((key, place)) = cursor.advance(chunk).expect("a row") {
                    black_box((key, &chunk[place]));
                }
            }
        });
    });
    group.finish();
}

/// Groups rows into chunks.
fn each_chunk(keys: &[RowKey], rows: &[(Vec<u8>, Vec<u8>)], mut visit: impl FnMut((RowKey, &[u8]))) {
    let mut writer = ChunkWriter::new(1_000_000);
    for (key, (_, row)) in keys.iter().zip(rows) {
        if !writer.takes(key) {
            visit(writer.chunk().expect("rows"));
            writer.clear();
        }
        writer.put(key, row).expect("a row");
    }
    visit(writer.chunk().expect("rows"));
}

fn telemetry(criterion: &mut Criterion) {
    let arguments = "--records 20000 --kind telemetry --generation 3";
    let bytes = entries(arguments, Section::Telemetry);
    let keys: Vec<TelemetryKey> = bytes.iter().map(|(key, _)| TelemetryKey::decode(key).expect("a key")).collect();
    let values: Vec<TelemetryValue> = bytes
        .iter()
        .zip(&keys)
        .map(|((_, value), key)| TelemetryValue::decode(value, key.bucket).expect("a row"))
        .collect();
    let mut group = criterion.benchmark_group("telemetry rows");
    group.throughput(Throughput::Elements(bytes.len() as u64));
    group.bench_function("encode keys", |bencher| {
        bencher.iter(|| keys.iter().for_each(|key| discard(key.encode())));
    });
    group.bench_function("decode keys", |bencher| {
        bencher.iter(|| bytes.iter().for_each(|(key, _)| discard(TelemetryKey::decode(key))));
    });
    group.bench_function("encode values", |bencher| {
        bencher.iter(|| {
            for (key, value) in keys.iter().zip(&values) {
                black_box(value.encode(key.bucket));
            }
        });
    });
    group.bench_function("decode values", |bencher| {
        bencher.iter(|| {
            for (key, (_, value)) in keys.iter().zip(&bytes) {
                black_box(TelemetryValue::decode(value, key.bucket).expect("a row"));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, rows, telemetry);
criterion_main!(benches);
