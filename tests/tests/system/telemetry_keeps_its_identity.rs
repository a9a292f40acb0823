//! Counters of the same name that differ by category, process or group key have separate rows.

use std::path::Path;

use dft_tests::{Row, cells, run, table, write};

use crate::common::DFT;

fn reading(cat: &str, pid: u32, args: &str) -> String {
    format!(r#"{{"name":"power","cat":"{cat}","pid":{pid},"tid":1,"ts":1000000,"ph":2,"args":{{"hhash":"h",{args}}}}}"#)
}

fn exported(folder: &Path, lines: &[String], options: &[&str], name: &str) -> Vec<Row> {
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    write(&folder.join("traces/x.pfw"), lines.join("\n") + "\n");
    run(DFT, [&["index", &path("traces"), "--index", &path("index"), "--rebuild"][..], options].concat()).exits(0);
    run(DFT, ["export", &path("index"), "--out", &path("out"), "--table", name]).exits(0);
    table(&folder.join("out").join(format!("{name}.parquet")))
}

#[test]
fn categories_and_processes_are_told_apart_and_the_host_as_a_whole_has_no_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = [
        reading("sys", 1, r#""watts":10"#),
        reading("SYS", 2, r#""watts":30"#),
        reading("cpu", 1, r#""watts":100"#),
        reading("gpu", 1, r#""watts":300"#),
        reading("gpu", 2, r#""watts":500"#),
    ];
    let rows = exported(folder.path(), &lines, &[], "system");
    let rows: Vec<_> = rows.iter().map(|row| cells(row, &["name", "cat", "pid", "count", "watts"])).collect();
    let wanted = [
        ["power", "sys", "null", "2", "20.0"],
        ["power", "cpu", "1", "1", "100.0"],
        ["power", "gpu", "1", "1", "300.0"],
        ["power", "gpu", "2", "1", "500.0"],
    ];
    assert_eq!(rows, wanted);
    // One row per host, name and cell, as in dfanalyzer.
    let rows = exported(folder.path(), &lines, &[], "system_by_host");
    assert_eq!(rows.len(), 1);
    assert_eq!(cells(&rows[0], &["cat", "pid", "count", "watts"]), ["null", "null", "5", "188.0"]);
}

#[test]
fn group_keys_tell_four_devices_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines: Vec<String> =
        (0..4).map(|gpu| reading("gpu", 7, &format!(r#""gpu":"{gpu}","watts":{}"#, 100 * (gpu + 1)))).collect();
    let rows = exported(folder.path(), &lines, &["--group-key", "gpu"], "system");
    let rows: Vec<_> = rows.iter().map(|row| cells(row, &["gpu", "watts"])).collect();
    assert_eq!(rows, [["0", "100.0"], ["1", "200.0"], ["2", "300.0"], ["3", "400.0"]]);
}
