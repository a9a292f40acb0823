//! `fread` and `fwrite` return a number of items; their bytes are that number times the arg `size`.

use dft_tests::{Row, index_and_export, table, write};

const DFT: &str = env!("CARGO_BIN_EXE_dft-under-test");

fn row(file: &str, lines: &[&str]) -> Row {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("traces/x.pfw"), lines.join("\n") + "\n");
    let tables = index_and_export(DFT, &folder.path().join("traces"), folder.path(), &[]);
    table(&tables.join(file)).pop().expect("a row")
}

fn sizes(row: &Row) -> [&str; 3] {
    ["size", "size_min", "size_max"].map(|column| row.get(column).map_or("null", String::as_str))
}

#[test]
fn calls_move_items_times_their_size() {
    let call = |name: &str, args: &str| {
        format!(r#"{{"name":"{name}","cat":"STDIO","pid":1,"tid":1,"ts":5,"dur":1,"ph":"X","args":{{{args}}}}}"#)
    };
    let (one, other) = (call("fread", r#""ret":100,"size":4096"#), call("fread", r#""ret":2,"size":1"#));
    assert_eq!(sizes(&row("events.parquet", &[&one, &other])), ["409602", "2", "409600"]);
    // Without a size, items count as bytes. For `read`, the arg is the requested size.
    assert_eq!(sizes(&row("events.parquet", &[&call("fwrite", r#""ret":7"#)])), ["7", "7", "7"]);
    assert_eq!(sizes(&row("events.parquet", &[&call("read", r#""ret":7,"size":512"#)])), ["7", "7", "7"]);
}

#[test]
fn aggregated_items_are_bytes_where_they_have_one_size() {
    let record = |args: &str| {
        format!(r#"{{"name":"fread","cat":"STDIO","pid":1,"tid":1,"ts":5,"ph":3,"args":{{"dft_cnt":3,{args}}}}}"#)
    };
    let known = record(r#""ret_sum":30,"ret_min":5,"ret_max":15,"size_sum":24,"size_min":8,"size_max":8"#);
    assert_eq!(sizes(&row("profiles.parquet", &[&known])), ["240", "40", "120"]);
    let varies = record(r#""ret_sum":30,"ret_min":5,"ret_max":15,"size_sum":24,"size_min":4,"size_max":12"#);
    assert_eq!(sizes(&row("profiles.parquet", &[&varies])), ["null", "null", "null"]);
}
