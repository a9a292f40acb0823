//! A sum of file descriptors is meaningless: identifiers and labels are not custom metrics unless requested.

use dft_tests::{run, table, write};

use crate::common::DFT;

const CALL: &str = r#"{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":5,"dur":1,"ph":"X","args":{"fd":3,"flags":2,"mode":1,"level":1,"p_idx":4,"whence":0,"epoch":1,"step":9,"type":1,"version":2,"ppid":5,"cmd_hash":17868160079272185648,"count":4096,"retries":2}}"#;

/// Returns the custom metrics in the `aggregation` table.
fn metrics(choice: Option<&str>) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    write(&folder.path().join("x.pfw"), format!("{CALL}\n"));
    let options: Vec<&str> = choice.map(|choice| vec!["--custom-metrics", choice]).unwrap_or_default();
    run(DFT, [&["index", &path("x.pfw"), "--index", &path("index")][..], &options].concat()).exits(0);
    run(DFT, ["export", &path("index"), "--out", &path("out"), "--table", "aggregation"]).exits(0);
    let rows = table(&folder.path().join("out/aggregation.parquet"));
    let names = rows[0].keys().filter_map(|column| column.strip_suffix("_total").map(str::to_owned));
    names.filter(|name| !["dur", "size", "offset"].contains(&&**name)).collect()
}

#[test]
fn quantities_are_kept_by_default() {
    assert_eq!(metrics(None), ["count", "retries"]);
}

#[test]
fn all_keeps_identifiers_and_labels_too() {
    let all = "cmd_hash count epoch fd flags level mode p_idx ppid retries step type version whence";
    assert_eq!(metrics(Some("all")), all.split(' ').collect::<Vec<_>>());
}

#[test]
fn a_list_keeps_only_the_metrics_that_it_names() {
    assert_eq!(metrics(Some("fd,retries")), ["fd", "retries"]);
    assert_eq!(metrics(Some("off")), [""; 0]);
}
