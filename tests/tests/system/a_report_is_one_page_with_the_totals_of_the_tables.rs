//! `dft report`: one file, whose data are the numbers of `dft query`.

use std::fs;
use std::os::unix::fs::symlink;

use dft_tests::{run, write};
use serde_json::{Value, json};

use crate::common::DFT;

/// Two reads of 4096 and 1,048,576 bytes in the first second, one write of 100 bytes in the third, and a span of the
/// application around them.
const TRACE: &str = r#"
{"name":"FH","ph":"M","args":{"name":"/d/a.bin","value":"f1"}}
{"name":"read","cat":"POSIX","pid":7,"tid":8,"ts":1000,"dur":300,"ph":"X","args":{"fhash":"f1","ret":4096,"offset":0}}
{"name":"read","cat":"POSIX","pid":7,"tid":9,"ts":2000,"dur":700,"ph":"X","args":{"fhash":"f1","ret":1048576,"offset":4096}}
{"name":"write","cat":"POSIX","pid":9,"tid":9,"ts":2500000,"dur":50,"ph":"X","args":{"ret":100}}
{"name":"step","cat":"app","pid":7,"tid":8,"ts":0,"dur":3000000,"ph":"X"}
"#;

fn report(options: &[&str]) -> (tempfile::TempDir, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("x.pfw");
    write(&trace, TRACE);
    let trace = trace.to_str().expect("UTF-8").to_owned();
    let ran = run(DFT, ["report", trace.as_str(), "--json"].into_iter().chain(options.iter().copied()));
    let data = serde_json::from_str(&ran.exits(0).out).expect("JSON");
    (folder, data)
}

#[test]
fn layers_are_kept_apart_and_times_are_in_bins() {
    let (_folder, data) = report(&[]);
    let job = &data["job"];
    assert_eq!((&job["calls"], &job["processes"], &job["threads"]), (&4.into(), &2.into(), &3.into()));
    assert_eq!((&job["first_us"], &job["last_us"]), (&0.into(), &3_000_000.into()));
    assert_eq!(data["io_layer"], "posix");
    let layers = data["layers"].as_array().expect("layers");
    let totals = |layer: &Value| (layer["category"].clone(), layer["totals"]["time_us"].clone());
    let totals: Vec<_> = layers.iter().map(totals).collect();
    assert_eq!(totals, [("app".into(), 3_000_000.into()), ("posix".into(), 1050.into())]);
    let read = &data["timeline"]["series"][0];
    assert_eq!((&read["kind"], &read["bytes"]), (&"read".into(), &json!([1_052_672, 0, 0])));
    let write = &data["timeline"]["series"][1];
    assert_eq!((&write["kind"], &write["calls"]), (&"write".into(), &json!([0, 0, 1])));
    let files = &data["files"];
    assert_eq!((&files["count"], &files["unnamed"]["calls"]), (&1.into(), &1.into()));
    assert_eq!(files["top"][0]["name"], "/d/a.bin");
    // 4,096 and 1,048,576 bytes, of a file that was read up to their sum.
    assert_eq!(files["top"][0]["read_over"], 1.0);
    let sizes = &layers[1]["kinds"][0]["sizes"];
    assert_eq!(sizes["bins"], json!([[12, 1], [20, 1]]));
    assert_eq!(sizes["below"], json!([[4096, 0, 0], [1_048_576, 1, 1]]));
}

#[test]
fn filters_narrow_a_report() {
    let (_folder, data) = report(&["--cat", "posix", "--time", "1s.."]);
    assert_eq!(data["filter"], "time from 1 s to the end; category posix");
    assert_eq!(data["job"]["calls"], 1);
    assert_eq!(data["timeline"]["start_us"], 1_000_000);
}

#[test]
fn a_page_replaces_a_link_and_not_the_file_behind_it() {
    let (folder, _) = report(&[]);
    let (mine, page) = (folder.path().join("mine.txt"), folder.path().join("report.html"));
    write(&mine, "mine");
    symlink(&mine, &page).expect("linked");
    let trace = folder.path().join("x.pfw");
    run(DFT, ["report".as_ref(), trace.as_os_str(), "--out".as_ref(), page.as_os_str()]).exits(0);
    assert_eq!(fs::read_to_string(&mine).expect("read"), "mine");
    let html = fs::read_to_string(&page).expect("read");
    assert!(html.starts_with("<!doctype html>") && html.contains("default-src 'none'"));
    assert!(html.len() < 3_000_000);
}
