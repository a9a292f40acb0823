//! Aggregated calls as the released tracer writes them: some sums cover fewer calls than are counted, some values are
//! those of one call, and error numbers are not sizes.

use dft_tests::{Row, cells, run, table, write};

use crate::common::DFT;

fn record(name: &str, args: &str) -> String {
    format!(r#"{{"name":"{name}","cat":"POSIX","pid":1,"tid":1,"ts":1000000,"ph":3,"args":{{"hhash":"h",{args}}}}}"#)
}

/// Returns the rows of `profiles` and of `aggregation`, and the output of `dft index`.
fn indexed(lines: &[String]) -> (Vec<Row>, Vec<Row>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    write(&folder.path().join("traces/x.pfw"), lines.join("\n") + "\n");
    let output = run(DFT, ["index", &path("traces"), "--index", &path("index")]).exits(0).out;
    let tables = ["--table", "profiles", "--table", "aggregation"];
    run(DFT, [&["export", &path("index"), "--out", &path("out")][..], &tables].concat()).exits(0);
    let rows = |name: &str| table(&folder.path().join("out").join(name));
    (rows("profiles.parquet"), rows("aggregation.parquet"), output)
}

#[test]
fn a_sum_that_is_inconsistent_with_its_count_has_no_mean() {
    // 9 calls, but the sum covers the 3 that had the field.
    let lines =
        [record("read", r#""dft_cnt":2,"dur_sum":90,"dur_min":10,"dur_max":40,"ret_sum":8,"ret_min":4,"ret_max":4"#)];
    let (_, rows, output) = indexed(&lines);
    let columns = ["dur_n", "dur_total", "dur_min", "dur_max", "dur_mean", "dur_std"];
    assert_eq!(cells(&rows[0], &columns), ["2", "90", "10", "40", "null", "null"]);
    // The sizes of the same record are consistent.
    assert_eq!(cells(&rows[0], &["size_n", "size_total", "size_mean"]), ["2", "8", "4.0"]);
    assert!(output.contains("1 inconsistent") && output.contains("line 1"), "{output}");
}

#[test]
fn a_plain_value_in_a_record_of_several_calls_is_one_sample() {
    let lines = [record("read", r#""dft_cnt":5,"dur_sum":50,"dur_min":10,"dur_max":10,"ret":4096"#)];
    let (profiles, rows, _) = indexed(&lines);
    assert_eq!(cells(&rows[0], &["count", "size_n", "size_total", "size_mean"]), ["5", "1", "4096", "4096.0"]);
    assert_eq!(cells(&profiles[0], &["count", "size", "size_min", "size_max"]), ["5", "4096", "4096", "4096"]);
}

#[test]
fn error_numbers_are_not_sizes() {
    let lines = [
        record("read", r#""dft_cnt":4,"ret_sum":8191,"ret_min":-1,"ret_max":4096"#),
        record("write", r#""dft_cnt":2,"ret_sum":-2,"ret_min":-1,"ret_max":-1"#),
        record("pread", r#""dft_cnt":1,"ret":-1"#),
    ];
    let (profiles, _, output) = indexed(&lines);
    let of = |name: &str| profiles.iter().find(|row| row["func_name"] == name).expect("a row");
    // The minimum is an error number; of the successful calls only the maximum size is known.
    assert_eq!(cells(of("read"), &["size", "size_min", "size_max"]), ["8191", "4096", "4096"]);
    assert_eq!(cells(of("write"), &["count", "size", "size_min", "size_max"]), ["2", "null", "null", "null"]);
    assert_eq!(cells(of("pread"), &["count", "size", "size_min"]), ["1", "null", "null"]);
    assert!(output.contains("3 failed"), "{output}");
}
