//! The traces in this repository have the totals that an independent program computed.

use std::path::PathBuf;

use dft_tests::{Row, data, index_and_export, table};

use crate::common::DFT;

struct Totals {
    rows: usize,
    count: u64,
    time_us: i64,
    bytes: i64,
}

fn totals(rows: &[Row]) -> (usize, u64, i64, i64) {
    let all = |column: &str| -> Vec<f64> {
        rows.iter().filter_map(|row| row.get(column)).map(|value| value.parse().expect("a number")).collect()
    };
    let sum = |column: &str| all(column).iter().sum::<f64>();
    // Each row's time is a whole number of µs.
    let time_us = all("time").iter().map(|seconds| (seconds * 1e6).round() as i64).sum();
    (rows.len(), sum("count") as u64, time_us, sum("size") as i64)
}

fn check(name: &str, table_name: &str, wanted: &Totals) {
    let folder = tempfile::tempdir().expect("a folder");
    let tables: PathBuf = index_and_export(DFT, &data(name), folder.path(), &[]);
    let Totals { rows, count, time_us, bytes } = *wanted;
    assert_eq!(totals(&table(&tables.join(table_name))), (rows, count, time_us, bytes), "{name}");
}

#[test]
fn events() {
    let wanted = Totals { rows: 542, count: 7_548, time_us: 4_523_800, bytes: 7_066_416 };
    check("tracer-2-events", "events.parquet", &wanted);
    let wanted = Totals { rows: 410, count: 7_550, time_us: 1_950_363, bytes: 7_085_320 };
    check("tracer-3-events", "events.parquet", &wanted);
}

#[test]
fn events_in_nanoseconds() {
    let wanted = Totals { rows: 287, count: 3_775, time_us: 2_039_787, bytes: 3_542_660 };
    check("tracer-3-nanoseconds", "events.parquet", &wanted);
}

#[test]
fn aggregated_records() {
    let wanted = Totals { rows: 68, count: 14_514, time_us: 4_540_984, bytes: 14_170_628 };
    check("tracer-3-aggregated", "profiles.parquet", &wanted);
}

#[test]
fn telemetry() {
    for (name, rows, readings) in [("tracer-2-telemetry", 45, 180), ("tracer-3-telemetry", 63, 279)] {
        check(name, "system.parquet", &Totals { rows, count: readings, time_us: 0, bytes: 0 });
    }
}
