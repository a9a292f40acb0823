//! `fread` and `fwrite` return a number of items; their bytes are that number times the arg `size`.

use dft_tests::{OneTrace, Row, cells};

use crate::common::DFT;

fn row(table: &str, lines: &[&str]) -> Row {
    OneTrace::indexed(DFT, lines, &[]).rows(table).pop().expect("a row")
}

fn sizes(row: &Row) -> Vec<&str> {
    cells(row, &["size", "size_min", "size_max"])
}

#[test]
fn calls_move_items_times_their_size() {
    let call = |name: &str, args: &str| {
        format!(r#"{{"name":"{name}","cat":"STDIO","pid":1,"tid":1,"ts":5,"dur":1,"ph":"X","args":{{{args}}}}}"#)
    };
    let (one, other) = (call("fread", r#""ret":100,"size":4096"#), call("fread", r#""ret":2,"size":1"#));
    assert_eq!(sizes(&row("events", &[&one, &other])), ["409602", "2", "409600"]);
    // Without a size, items count as bytes. For `read`, the arg is the requested size.
    assert_eq!(sizes(&row("events", &[&call("fwrite", r#""ret":7"#)])), ["7", "7", "7"]);
    assert_eq!(sizes(&row("events", &[&call("read", r#""ret":7,"size":512"#)])), ["7", "7", "7"]);
}

#[test]
fn aggregated_items_are_bytes_where_they_have_one_size() {
    let record = |args: &str| {
        format!(r#"{{"name":"fread","cat":"STDIO","pid":1,"tid":1,"ts":5,"ph":3,"args":{{"dft_cnt":3,{args}}}}}"#)
    };
    let known = record(r#""ret_sum":30,"ret_min":5,"ret_max":15,"size_sum":24,"size_min":8,"size_max":8"#);
    assert_eq!(sizes(&row("profiles", &[&known])), ["240", "40", "120"]);
    let varies = record(r#""ret_sum":30,"ret_min":5,"ret_max":15,"size_sum":24,"size_min":4,"size_max":12"#);
    assert_eq!(sizes(&row("profiles", &[&varies])), ["null", "null", "null"]);
}
