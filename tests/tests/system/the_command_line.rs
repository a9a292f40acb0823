//! The command line: help, exit codes, messages, the summary.

use dft_tests::{data, run, trace, write};

use crate::common::DFT;

#[test]
fn every_command_has_help_with_an_example() {
    for command in
        ["index", "export", "query", "summary", "report", "watch", "info", "validate", "verify", "stage", "ingest"]
    {
        let help = run(DFT, [command, "--help"]).exits(0).out;
        assert!(help.contains("Example") && help.contains(&format!("dft {command} ")), "{help}");
    }
}

#[test]
fn wrong_usage_exits_2_and_states_what_is_wrong() {
    let traces = data("tracer-2-telemetry");
    let folder = tempfile::tempdir().expect("a folder");
    let index = folder.path().join("index");
    run(DFT, ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()]).exits(0);
    let index = index.to_str().expect("UTF-8");
    for (arguments, message) in [
        (vec![], "Usage"),
        (vec!["index"], "TRACE"),
        (vec!["index", "x", "--interval", "5"], "is not a time"),
        (vec!["index", "x", "--interval", "0s"], "interval"),
        (vec!["index", "x", "--memory", "lots"], "is not a size"),
        (vec!["index", "x", "--percentiles", "2"], "accuracy"),
        (vec!["export", index], "--out"),
        (vec!["export", index, "--out", "o", "--format", "xls"], "parquet, arrow, csv"),
        (vec!["export", index, "--out", "o", "--table", "evnts"], "the tables are"),
        (vec!["export", index, "--out", "o", "--granularity", "1500ms"], "not a multiple"),
        (vec!["export", index, "--out", "o", "--group-by", "cat,color"], "the columns are"),
        (vec!["export", index, "--out", "o", "--group-by", "cat", "--table", "system"], "cannot be grouped"),
        (vec!["export", index, "--out", "o", "--time", "5s"], "not a range of times"),
        (vec!["export", index, "--out", "o", "--name", "[x"], "not a glob"),
        (vec!["export", index, "--out", "o", "--query", "cat == "], "expected"),
    ] {
        let ran = run(DFT, &arguments).exits(2);
        assert!(ran.err.contains(message), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn failures_exit_1_with_advice() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("x.pfw"), trace(1, 100));
    write(&folder.path().join("empty/readme"), "");
    for (arguments, message) in [
        (vec!["index".to_owned(), path("nothing")], "no such trace file or directory"),
        (vec!["index".to_owned(), path("*.nothing")], "no matching glob"),
        (vec!["index".to_owned(), path("empty")], "no trace files"),
        (vec!["summary".to_owned(), path("nothing")], "nothing"),
    ] {
        let ran = run(DFT, &arguments).exits(1);
        assert!(ran.err.contains(message), "{arguments:?}: {}", ran.err);
    }
    run(DFT, ["index".to_owned(), path("x.pfw")]).exits(0);
    let ran = run(DFT, ["verify".to_owned(), path("")]).exits(1);
    assert!(ran.err.contains("the index of these traces is") && ran.err.contains(".dftagg"), "{}", ran.err);
    let ran = run(DFT, ["index".to_owned(), path("x.pfw"), "--interval".to_owned(), "2s".to_owned()]).exits(1);
    assert!(
        ran.err.contains("1000000 µs") && ran.err.contains("2000000 µs") && ran.err.contains("--rebuild"),
        "{}",
        ran.err
    );
}

#[test]
fn traces_given_for_an_index_are_indexed_first_and_their_faults_are_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    write(&traces.join("x.pfw"), trace(1, 2_000));
    let out = folder.path().join("tables");
    let export = ["export".as_ref(), traces.as_os_str(), "--out".as_ref(), out.as_os_str()];
    let first = run(DFT, export).exits(0);
    assert!(first.err.contains("indexed 1 file") && first.out.contains("events.parquet"), "{}", first.err);
    let second = run(DFT, export).exits(0);
    assert!(!second.err.contains("indexed"), "{}", second.err);
    write(&traces.join("y.pfw"), "oops\n");
    let third = run(DFT, ["summary".as_ref(), traces.as_os_str()]).exits(3);
    assert!(third.err.contains("y.pfw: 1 malformed line") && third.err.contains("line 1: "), "{}", third.err);
    assert!(third.out.contains("top functions"), "{}", third.out);
}

#[test]
fn the_summary_fits_a_screen_and_its_json_has_the_totals() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = folder.path().join("index");
    let traces = data("");
    run(DFT, ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()]).exits(0);
    let summary = run(DFT, ["summary".as_ref(), index.as_os_str()]).exits(0).out;
    assert!(!summary.contains('\x1b'), "only a terminal has styles: {summary}");
    assert!(summary.lines().count() <= 50, "{summary}");
    assert!(summary.lines().all(|line| line.chars().count() <= 130), "{summary}");
    for word in ["read", "write", "metadata", "top functions", "top files", "telemetry", "cpu user_pct", "MiB/s"] {
        assert!(summary.contains(word), "{word}\n{summary}");
    }
    let json = run(DFT, ["summary".as_ref(), index.as_os_str(), "--json".as_ref()]).exits(0).out;
    for field in ["\"time_us\":", "\"bytes\":", "\"top_functions\":", "\"telemetry\":", "\"malformed\": 0"] {
        assert!(json.contains(field), "{field}");
    }
    let info = run(DFT, ["info".as_ref(), index.as_os_str()]).exits(0).out;
    for word in ["format     9", "interval 1000000 µs", "buckets ", " event, ", "rank0-"] {
        assert!(info.contains(word), "{word}\n{info}");
    }
    run(DFT, ["info".as_ref(), index.as_os_str(), "--json".as_ref()]).exits(0);
}
