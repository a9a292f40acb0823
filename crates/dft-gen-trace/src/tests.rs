//! Whole traces are reproducible, can be parsed, and have the requested shape.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use std::fs;
use std::path::{Path, PathBuf};

use crate::GenTrace;
use crate::arguments::Cardinality;
use crate::dialect::{Generation, Unit};
use crate::shape::{Kind, Shape};

const GENERATIONS: [Generation; 4] = [Generation::G0, Generation::G1, Generation::G2, Generation::G3];

fn arguments(out: &Path) -> GenTrace {
    GenTrace {
        out: out.to_owned(),
        shape: Shape::Sample,
        generation: Some(Generation::G2),
        kind: Some(Kind::Events),
        records: Some(3000),
        files: Some(3),
        seed: 5,
        series: Some(60),
        cardinality: Some(Cardinality::High),
        records_per_row: None,
        new_files: false,
        unit: Unit::Us,
        period_ms: 1000,
        telemetry_counters: Some(9),
        telemetry_every_ms: Some(200),
        drifting: false,
        gzip: false,
        plain: false,
        level: 1,
        members: 1,
        oddities: false,
        list_oddities: false,
    }
}

fn collect(folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("readable").map(|e| e.expect("readable").path()) {
        if entry.is_dir() {
            collect(&entry, into);
        } else {
            into.insert(entry.clone(), fs::read(&entry).expect("readable"));
        }
    }
}

/// Reads every file below the output directory, by relative path.
fn written(change: impl FnOnce(&mut GenTrace)) -> BTreeMap<PathBuf, Vec<u8>> {
    let out = tempfile::tempdir().expect("a temporary directory");
    let mut gen_trace = arguments(out.path());
    change(&mut gen_trace);
    gen_trace.run().expect("a trace");
    let mut files = BTreeMap::new();
    collect(out.path(), &mut files);
    files.into_iter().map(|(path, bytes)| (path.strip_prefix(out.path()).expect("below").to_owned(), bytes)).collect()
}

fn text(bytes: &[u8]) -> String {
    let mut out = String::new();
    if bytes.starts_with(b"\x1f\x8b") {
        MultiGzDecoder::new(bytes).read_to_string(&mut out).expect("gzip of UTF-8");
    } else {
        out.push_str(std::str::from_utf8(bytes).expect("UTF-8"));
    }
    out
}

fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| !["", "[", "]"].contains(line))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    for oddities in [false, true] {
        let change = |g: &mut GenTrace| g.oddities = oddities;
        let first = written(change);
        assert_eq!(first, written(change));
        let other = written(|g| {
            change(g);
            g.seed = 6;
        });
        assert!(first.values().zip(other.values()).any(|(a, b)| a != b));
    }
}

#[test]
fn every_generation_and_kind_is_json_with_the_requested_number_of_records() {
    for generation in GENERATIONS {
        for kind in [Kind::Events, Kind::Aggregated, Kind::Telemetry, Kind::Mixed] {
            if generation < Generation::G2 && kind != Kind::Events {
                continue;
            }
            let files = written(|g| {
                g.generation = Some(generation);
                g.kind = Some(kind);
                g.records = Some(1000);
            });
            assert_eq!(files.len(), 3);
            let all: Vec<Value> = files.values().flat_map(|bytes| objects(&text(bytes))).collect();
            let metadata = |r: &Value| r["ph"] == "M" || r["ph"] == 4;
            assert_eq!(all.iter().filter(|r| !metadata(r)).count(), 1000, "{generation:?} {kind:?}");
            assert_eq!(all.iter().any(metadata), generation != Generation::G0);
            if generation == Generation::G0 {
                assert!(all.iter().all(|r| r["ts"].is_string() && r["args"]["hostname"].is_string()));
            }
            if generation == Generation::G1 {
                assert!(all.iter().all(|r| r["args"]["hhash"].is_u64()));
            }
        }
    }
}

#[test]
fn times_of_calls_never_decrease() {
    for bytes in written(|_| {}).values() {
        let times: Vec<u64> = objects(&text(bytes)).iter().filter_map(|r| r["ts"].as_u64()).collect();
        assert!(times.len() >= 1000);
        assert!(times.is_sorted());
    }
}

/// Counts distinct (series, second) pairs of complete calls, records, and distinct series.
fn shape(files: &BTreeMap<PathBuf, Vec<u8>>) -> (usize, usize, usize) {
    let (mut rows, mut series, mut records) = (HashSet::new(), HashSet::new(), 0);
    for record in files.values().flat_map(|bytes| objects(&text(bytes))).filter(|r| r["ph"] == "X") {
        let middle = record["ts"].as_u64().expect("ts") + record["dur"].as_u64().expect("dur") / 2;
        let who = ["name", "cat", "pid", "tid"].map(|key| record[key].to_string());
        let who = (who, record["args"]["hhash"].to_string(), record["args"]["fhash"].to_string());
        rows.insert((who.clone(), middle / 1_000_000));
        series.insert(who);
        records += 1;
    }
    (rows.len(), records, series.len())
}

#[test]
fn the_benchmark_trace_has_high_cardinality() {
    let files = written(|g| {
        g.series = Some(172);
        g.files = Some(4);
        g.records = Some(60_000);
    });
    let (rows, records, series) = shape(&files);
    assert_eq!(series, 172);
    assert!((39..=45).contains(&(records * 10 / rows)), "{records} records in {rows} rows");
    let bytes: usize = files.values().map(|bytes| text(bytes).len()).sum();
    assert!((205..=215).contains(&(bytes / records)), "{} bytes a record", bytes / records);
}

#[test]
fn low_cardinality_is_a_thousand_calls_per_row() {
    let files = written(|g| {
        g.series = Some(6);
        g.files = Some(2);
        g.records = Some(60_000);
        g.cardinality = Some(Cardinality::Low);
    });
    let (rows, records, _) = shape(&files);
    assert!((500..=1500).contains(&(records / rows)), "{records} records in {rows} rows");
}

#[test]
fn new_files_are_as_many_as_the_calls_on_files() {
    let files = written(|g| {
        g.new_files = true;
        g.series = Some(12_000);
        g.records = Some(900);
    });
    let records: Vec<Value> = files.values().flat_map(|bytes| objects(&text(bytes))).collect();
    let hashes: Vec<String> = records
        .iter()
        .filter(|r| r["ph"] == "X" && r["args"]["fhash"].is_string())
        .map(|r| format!("{} {}", r["pid"], r["args"]["fhash"]))
        .collect();
    assert!(hashes.len() > 850);
    assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), hashes.len());
}

#[test]
fn telemetry_has_the_metrics_of_released_tracers_and_a_host_for_each_file() {
    let files = written(|g| {
        *g = GenTrace {
            files: None,
            seed: 5,
            ..GenTrace::from_arguments(&["--shape", "telemetry"], &g.out).expect("arguments")
        };
        g.records = Some(8 * 70 * 10);
    });
    let mut hosts = HashSet::new();
    for bytes in files.values() {
        let readings: Vec<Value> = objects(&text(bytes)).into_iter().filter(|r| r["ph"] == 2).collect();
        assert_eq!(readings.len(), 700);
        let of = |name: &str| readings.iter().filter(|r| r["name"] == name).collect::<Vec<_>>();
        assert_eq!(of("memory")[0]["args"].as_object().expect("args").len(), 1 + 54);
        assert_eq!(of("cpu")[0]["args"].as_object().expect("args").len(), 1 + 10);
        // Values drift: each reading of a core is near the one before.
        let cores = of("cpu-64");
        assert_eq!(cores.len(), 10);
        for pair in cores.windows(2) {
            let value = |r: &Value| r["args"]["user_pct"].as_f64().expect("a number");
            assert!((value(pair[1]) - value(pair[0])).abs() <= 0.002 * value(pair[0]));
        }
        hosts.insert(readings[0]["args"]["hhash"].to_string());
    }
    assert_eq!((files.len(), hosts.len()), (8, 8));
}

#[test]
fn arguments_replace_the_values_of_a_shape() {
    let values =
        |arguments: &[&str]| GenTrace::from_arguments(arguments, Path::new("out")).expect("arguments").values();
    let shape = values(&["--shape", "file-per-call", "--records", "500"]);
    assert_eq!((shape.records, shape.files, shape.series, shape.new_files), (500, 1, 5000, true));
    let shape = values(&["--shape", "low-cardinality", "--files", "2"]);
    assert_eq!((shape.records, shape.files, shape.records_per_row), (1_900_000, 2, 1000));
    assert_eq!(values(&["--shape", "low-cardinality", "--cardinality", "high"]).records_per_row, 4);
    assert_eq!(values(&[]).records, 100_000);
}

#[test]
fn members_and_text_hold_the_same_trace() {
    let plain = written(|g| g.plain = true);
    let many = written(|g| g.members = 7);
    let one = written(|_| {});
    assert!(many.values().zip(one.values()).all(|(a, b)| a != b));
    let texts = |files: &BTreeMap<_, Vec<u8>>| files.values().map(|b| text(b)).collect::<Vec<_>>();
    assert_eq!(texts(&plain), texts(&many));
    assert_eq!(texts(&plain), texts(&one));
    assert!(plain.keys().all(|path| path.extension().is_some_and(|e| e == "pfw")));
}

#[test]
fn odd_traces_mix_text_and_gzip_in_nested_directories() {
    let files = written(|g| g.oddities = true);
    let ends = |end: &str| files.keys().filter(|p| p.to_string_lossy().ends_with(end)).count();
    assert!(ends(".pfw") > 2 && ends(".pfw.gz") > 2);
    assert!(files.keys().any(|p| p.components().count() > 2));
}

#[test]
fn a_directory_that_is_not_empty_is_refused() {
    let out = tempfile::tempdir().expect("a temporary directory");
    fs::write(out.path().join("x"), "").expect("writable");
    let error = arguments(out.path()).run().expect_err("refused");
    assert!(error.to_string().contains("not empty"), "{error}");
}

#[test]
fn kinds_and_units_that_a_generation_never_wrote_are_refused() {
    let out = tempfile::tempdir().expect("a temporary directory");
    let mut gen_trace = arguments(&out.path().join("t"));
    gen_trace.generation = Some(Generation::G1);
    gen_trace.kind = Some(Kind::Telemetry);
    assert!(gen_trace.run().is_err());
}
