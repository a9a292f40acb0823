//! The numbers of dfanalyzer on real traces, unrounded, and its tables cell by cell.
//!
//! The golden numbers of all trace sets are next to the repository, and this test uses them where they are. One of them is
//! in `tests/data`, so that something is always compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dft_aggregate::Config;
use dft_analyze::Preset;
use dft_analyze::dfanalyzer::{DfanalyzerOptions, DfanalyzerView, ViewNumbers, dfanalyzer};
use dft_index::{BuildOptions, Progress, build};
use dft_store::Index;
use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a number with a golden one, to 1e-9.
fn check(found: &Value, golden: &Value, what: &str) {
    match (found.as_f64(), golden.as_f64()) {
        (None, None) => assert!(found.is_null() && golden.is_null(), "{what}: {found} {golden}"),
        (Some(found), Some(golden)) => {
            let scale = golden.abs().max(f64::MIN_POSITIVE);
            // The tool subtracts doubles where nothing is left, and keeps what rounding leaves.
            let is_rounding = what.ends_with("self_time_s") && (found - golden).abs() <= 1e-12;
            assert!((found - golden).abs() <= 1e-9 * scale || is_rounding, "{what}: {found} is not {golden}");
        }
        _ => panic!("{what}: {found} is not {golden}"),
    }
}

fn check_view(view: &ViewNumbers, golden: &Value, what: &str) -> usize {
    let mut compared = 0;
    let found = serde_json::to_value(view).expect("JSON");
    for layer in found["layers"].as_array().expect("layers") {
        let name = layer["name"].as_str().expect("a name");
        let golden = &golden["layers"][name];
        assert!(golden.is_object(), "{what} {name}");
        for (field, value) in layer.as_object().expect("fields").iter().filter(|(field, _)| *field != "name") {
            check(value, &golden[field], &format!("{what} {name} {field}"));
            compared += 1;
        }
    }
    let rows = golden["rows"].as_array().expect("rows");
    // The tool has no row where no layer has calls.
    let found: Vec<&Value> =
        found["rows"].as_array().expect("rows").iter().filter(|row| row["layers"] != Value::Array(vec![])).collect();
    assert_eq!(found.len(), rows.len(), "{what}");
    for row in rows {
        let key = row["key"].as_str().map_or_else(|| row["key"].to_string(), str::to_owned);
        let found = found.iter().find(|found| found["key"] == Value::String(key.clone()));
        let found = found.unwrap_or_else(|| panic!("{what}: no row {key}"));
        for (name, golden) in row["layers"].as_object().expect("layers") {
            let layer = found["layers"].as_array().expect("layers").iter().find(|layer| layer["name"] == *name);
            let layer = layer.unwrap_or_else(|| panic!("{what} {key}: no {name}"));
            for (field, golden) in golden.as_object().expect("fields") {
                check(&layer[field], golden, &format!("{what} {key} {name} {field}"));
                compared += 1;
            }
        }
    }
    compared
}

/// Returns the cells of the tables of the tool's text.
fn cells(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| line.starts_with(['│', '┃']));
    lines
        .map(|line| {
            let line = line.trim_matches(['│', '┃']);
            line.split(['│', '┃']).map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

fn check_golden(path: &Path, traces: &Path) -> usize {
    let golden: Value = serde_json::from_slice(&std::fs::read(path).expect("read")).expect("JSON");
    let folder = tempfile::tempdir().expect("a folder");
    let index = folder.path().join("index");
    let config = Config::default();
    build(&[traces.to_owned()], &index, &config, &BuildOptions::default(), &Progress::default()).expect("built");
    let index = Index::open(&index).expect("an index");
    let preset = golden["preset"].as_str().expect("a preset");
    let options = DfanalyzerOptions {
        preset: Preset::built_in(preset, &BTreeMap::new()).expect("a preset").into(),
        views: vec![DfanalyzerView::TimeRange],
        ..DfanalyzerOptions::default()
    };
    let report = dfanalyzer(&index, &options).expect("a report");
    let what = path.file_name().expect("a name").to_string_lossy();
    let raw = serde_json::to_value(&report.raw_stats).expect("JSON");
    for (field, value) in raw.as_object().expect("fields") {
        check(value, &golden["raw_stats"][field], &format!("{what} {field}"));
    }
    let layers = serde_json::to_value(&report.layers).expect("JSON");
    for (layer, golden) in layers.as_array().expect("layers").iter().zip(golden["layers"].as_array().expect("layers")) {
        for (field, value) in layer.as_object().expect("fields") {
            assert_eq!(value, &golden[field], "{what} {field}");
        }
    }
    assert_eq!(layers.as_array().map(Vec::len), golden["layers"].as_array().map(Vec::len), "{what}");
    let mut compared = 0;
    for (view, name) in report.views.iter().zip(["time_range", "proc_name"]) {
        compared += check_view(view, &golden["views"][name], &format!("{what} {name}"));
    }
    let found: Vec<Vec<String>> = report.tables().into_iter().flat_map(|table| table.rows).collect();
    let text = golden["console_text"].as_str().expect("a text");
    assert_eq!(found, cells(text), "{what}");
    for table in report.tables() {
        assert!(text.contains(&table.title), "{what}: {}", table.title);
    }
    compared
}

#[test]
fn the_golden_numbers_of_dfanalyzer_are_reproduced() {
    let root = repository();
    let own = root.join("tests/data");
    assert!(
        check_golden(&own.join("dfanalyzer/tracer-3-aggregated-posix.json"), &own.join("tracer-3-aggregated")) > 20
    );
    let shared = root.join("../shared");
    let Ok(entries) = std::fs::read_dir(shared.join("analysis/golden")) else { return };
    let mut compared = 0;
    for path in entries.map(|entry| entry.expect("listed").path()) {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let golden: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
        let traces = shared.join("traces").join(golden["trace"].as_str().expect("a trace"));
        if traces.is_dir() {
            compared += check_golden(&path, &traces);
        }
    }
    assert!(compared > 1_000, "{compared} numbers");
}
