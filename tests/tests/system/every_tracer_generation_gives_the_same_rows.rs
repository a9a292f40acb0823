//! The same call as each tracer generation writes it gives the same row.

use dft_tests::{OneTrace, Row, cells};

use crate::common::DFT;

fn events(lines: &[&str]) -> Vec<Row> {
    OneTrace::indexed(DFT, lines, &[]).rows("events")
}

const COLUMNS: [&str; 10] =
    ["cat", "func_name", "pid", "tid", "host_name", "file_name", "proc_name", "time", "size", "offset_min"];

#[test]
fn text_numbers_of_generation_0_are_numbers() {
    let rows = events(&[
        r#"{"id":"0","name":"read","cat":"POSIX","pid":"7","tid":"8","ts":"1000000","dur":"250000","ph":"X","args":{"hostname":"node1","fname":"/a","ret":"4096","offset":"0"}}"#,
    ]);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        cells(&rows[0], &COLUMNS),
        ["posix", "read", "7", "8", "node1", "/a", "app#node1#7#8", "0.25", "4096", "0"]
    );
    assert_eq!(cells(&rows[0], &["file_hash", "host_hash"]), ["/a", "node1"], "a name is its own hash");
}

#[test]
fn integer_hashes_resolve_to_names() {
    let rows = events(&[
        r#"{"name":"HH","cat":"dftracer","ph":"M","args":{"name":"node1","value":9509357668201227806}}"#,
        r#"{"name":"FH","cat":"dftracer","ph":"M","args":{"name":"/a","value":40321}}"#,
        r#"{"name":"read","cat":"POSIX","pid":7,"tid":8,"ts":1000000,"dur":250000,"ph":"X","args":{"hhash":9509357668201227806,"fhash":40321,"ret":4096,"offset":0}}"#,
    ]);
    assert_eq!(
        cells(&rows[0], &COLUMNS),
        ["posix", "read", "7", "8", "node1", "/a", "app#node1#7#8", "0.25", "4096", "0"]
    );
    assert_eq!(cells(&rows[0], &["file_hash", "host_hash"]), ["40321", "9509357668201227806"], "as the trace has them");
}

#[test]
fn letters_and_integers_are_the_same_phases() {
    let call = |phase: &str| {
        format!(
            r#"{{"name":"read","cat":"POSIX","pid":7,"tid":8,"ts":1000000,"dur":250000,"ph":{phase},"args":{{"hhash":"h","ret":4096}}}}"#
        )
    };
    let (letter, integer) = (call(r#""X""#), call("1"));
    let rows = events(&[&letter, &integer]);
    assert_eq!(cells(&rows[0], &["count", "size"]), ["2", "8192"]);
}

#[test]
fn times_given_in_ns_ms_or_sec_become_us() {
    let line = |ts: u64, dur: u64| {
        format!(r#"{{"name":"read","cat":"POSIX","pid":7,"tid":8,"ts":{ts},"dur":{dur},"ph":1,"args":{{}}}}"#)
    };
    let unit = |unit: &str| format!(r#"{{"name":"CM","ph":4,"args":{{"name":"time_metric","value":"{unit}"}}}}"#);
    let texts = [
        unit("NS"),
        line(3_000_000_999, 1_999),
        unit("MS"),
        line(3_000, 5),
        unit("SEC"),
        line(3, 1),
        unit("US"),
        line(3_000_000, 7),
    ];
    let rows = events(&texts.each_ref().map(String::as_str));
    // 1 + 5,000 + 1,000,000 + 7 µs; the middle of the call of one second is in the same bucket.
    assert_eq!(rows.len(), 1);
    assert_eq!(cells(&rows[0], &["count", "time", "time_start", "time_end"]), ["4", "1.005008", "0", "1000000"]);
}

#[test]
fn aggregated_records_of_generation_3_keep_their_sums() {
    let line = r#"{"name":"read","cat":"POSIX","type":5,"pid":7,"tid":8,"ts":1000000,"ph":3,"args":{"hhash":"h","fhash":"f","dft_cnt":10,"dur_sum":500,"dur_min":20,"dur_max":90,"ret_sum":40960,"ret_min":0,"ret_max":8192,"offset_min":-5,"offset_max":7}}"#;
    let tables = OneTrace::indexed(DFT, &[line], &[]);
    let rows = tables.rows("profiles");
    let columns = ["count", "time", "time_min", "time_max", "size", "size_min", "size_max", "offset_min", "offset_max"];
    assert_eq!(cells(&rows[0], &columns), ["10", "0.0005", "0.00002", "0.00009", "40960", "0", "8192", "-5", "7"]);
    let rows = tables.rows("aggregation");
    assert_eq!(cells(&rows[0], &["dur_n", "dur_mean", "dur_std"]), ["10", "50.0", "null"], "its squares are unknown");
}

#[test]
fn a_counter_with_extrema_only_changes_neither_mean_nor_count() {
    let lines = [
        r#"{"name":"read","cat":"POSIX","ts":1,"ph":3,"args":{"dft_cnt":4,"dur_sum":40,"ret_sum":400}}"#,
        r#"{"name":"read","cat":"POSIX","ts":2,"ph":3,"args":{"dft_cnt":1000,"dur_min":1,"dur_max":99,"ret_min":3}}"#,
    ];
    let tables = OneTrace::indexed(DFT, &lines, &[]);
    let rows = tables.rows("aggregation");
    let columns =
        ["dur_n", "dur_total", "dur_mean", "dur_min", "dur_max", "size_n", "size_total", "size_min", "size_max"];
    assert_eq!(cells(&rows[0], &columns), ["4", "40", "10.0", "1", "99", "4", "400", "3", "3"]);
    assert_eq!(cells(&rows[0], &["count"]), ["1004"], "the calls themselves are counted");
}

#[test]
fn telemetry_of_any_category_keeps_its_values() {
    let lines: Vec<String> = ["sys", "io", "net", "GPU"]
        .iter()
        .flat_map(|cat| {
            [("\"C\"", 1.5), ("2", 2.5)].map(|(phase, value)| {
                format!(r#"{{"name":"{cat}_counter","cat":"{cat}","ts":5,"ph":{phase},"args":{{"hhash":"h","value":{value}}}}}"#)
            })
        })
        .collect();
    let tables = OneTrace::indexed(DFT, &lines, &[]);
    let rows = tables.rows("system");
    let seen: Vec<Vec<&str>> = rows.iter().map(|row| cells(row, &["name", "count", "value"])).collect();
    assert_eq!(
        seen,
        [
            ["GPU_counter", "2", "2.0"],
            ["io_counter", "2", "2.0"],
            ["net_counter", "2", "2.0"],
            ["sys_counter", "2", "2.0"],
        ]
    );
    assert!(!tables.has("preaggregated_system"));
}

#[test]
fn system_statistics_have_a_separate_table() {
    let lines = [
        r#"{"name":"cpu","cat":"SYS","pid":1,"tid":2,"ts":1000000,"ph":"C","args":{"hhash":"h","dft_cnt":3,"user_pct_sum":6}}"#,
        r#"{"name":"cpu","cat":"sys","pid":1,"tid":2,"ts":1500000,"ph":3,"args":{"hhash":"h","dft_cnt":2,"dur_sum":9}}"#,
    ];
    let tables = OneTrace::indexed(DFT, &lines, &[]);
    let rows = tables.rows("preaggregated_system");
    assert_eq!(rows.len(), 1);
    assert_eq!(
        cells(&rows[0], &["cat", "func_name", "count", "time", "time_start", "time_end"]),
        ["sys", "cpu", "5", "9e-6", "0", "1000000"]
    );
    let rows = tables.rows("aggregation");
    assert_eq!(cells(&rows[0], &["family", "user_pct_n", "user_pct_mean"]), ["system", "3", "2.0"]);
}
