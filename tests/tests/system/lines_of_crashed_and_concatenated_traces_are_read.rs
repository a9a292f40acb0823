//! Reads what crashes, `cat` and C++ leave in a trace: brackets and NULs around records, records joined to broken ones,
//! and words for numbers that are not finite.

use std::fs;
use std::path::Path;

use dft_tests::{Ran, export, gzip, run, table, write};

use crate::common::DFT;

fn call(ts: u64, args: &str) -> String {
    format!(
        "{{\"name\":\"work\",\"cat\":\"app\",\"pid\":1,\"tid\":1,\"ts\":{ts},\"dur\":5,\"ph\":\"X\",\"args\":{{{args}}}}}"
    )
}

fn index(traces: &Path, index: &Path, options: &[&str]) -> Ran {
    let arguments = ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()];
    run(DFT, arguments.into_iter().chain(options.iter().map(AsRef::as_ref)))
}

/// Returns the number of calls in an index.
fn calls(index: &Path, work: &Path) -> u64 {
    let out = work.join("tables");
    let _ = fs::remove_dir_all(&out);
    export(DFT, index, &out);
    table(&out.join("events.parquet")).iter().map(|row| row["count"].parse::<u64>().expect("a number")).sum()
}

#[test]
fn concatenated_traces_and_nuls_are_no_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = |ts: u64| format!("[{},\n{}\n]", call(ts, ""), call(ts + 1, ""));
    let nuls = "\0".repeat(300_000);
    let text =
        format!("{}{}\n][\n]\n {nuls}{}\n\u{feff}[\n{} , ]\r\n[]\n\0\0\n", one(10), one(20), one(30), call(40, ""));
    let (traces, made) = (folder.path().join("traces"), folder.path().join("index"));
    write(&traces.join("a.pfw"), &text);
    write(&traces.join("b.pfw.gz"), gzip(text.replace("\"pid\":1", "\"pid\":2").as_bytes()));
    let ran = index(&traces, &made, &["--strict"]).exits(0);
    assert_eq!(ran.err, "");
    assert_eq!(calls(&made, folder.path()), 2 * 7, "{}", ran.out);
}

#[test]
fn a_record_that_a_broken_line_ends_in_counts_and_the_broken_part_is_one_malformed_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = call(20, "\"path\":\"a{\\\"b\\\"}\",\"x\":1");
    let cut = &whole[..whole.len() / 2];
    let lines = [
        call(10, ""),
        format!("{cut}{}", call(30, "")),
        "{\"name\":\"x\",\"args\":{\"ret\":1}".to_owned(),
        call(40, ""),
    ];
    let text = lines.join("\n") + "\n";
    let (traces, made) = (folder.path().join("traces"), folder.path().join("index"));
    write(&traces.join("a.pfw"), &text);
    let ran = index(&traces, &made, &[]).exits(3);
    assert!(ran.err.contains("a.pfw: 2 malformed lines\n  line 2: not JSON"), "{}", ran.err);
    assert!(!ran.err.contains("column"), "one number of a line is enough: {}", ran.err);
    assert_eq!(calls(&made, folder.path()), 3);
    let strict = index(&traces, &folder.path().join("strict"), &["--strict"]).exits(1);
    assert!(strict.err.contains("line 2 is malformed"), "{}", strict.err);
}

#[test]
fn a_half_written_last_line_waits_also_where_it_seems_to_end_in_a_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, made) = (folder.path().join("traces"), folder.path().join("index"));
    // Where it is cut, the end of `args` looks like a record.
    let line = "{\"name\":\"work\",\"cat\":\"app\",\"ph\":1,\"ts\":30,\"args\":{\"name\":\"x\",\"ph\":1,\"ts\":7}}\n";
    let (head, tail) = line.split_at(line.len() - 2);
    let path = traces.join("a.pfw");
    write(&path, format!("{}\n{head}", call(10, "")));
    let ran = index(&traces, &made, &[]).exits(3);
    assert!(ran.err.contains("a.pfw: truncated: the file ends within line 2"), "{}", ran.err);
    assert_eq!(calls(&made, folder.path()), 1);
    write(&path, format!("{}\n{head}{tail}", call(10, "")));
    index(&traces, &made, &[]).exits(0);
    assert_eq!(calls(&made, folder.path()), 2);
    // Joined records are resumed as well, wherever the file ended.
    let glued = format!("{{\"name\":\"wo{}\n", call(50, ""));
    write(&path, format!("{}\n{line}{}", call(10, ""), &glued[..40]));
    index(&traces, &made, &[]).exits(3);
    write(&path, format!("{}\n{line}{glued}", call(10, "")));
    let ran = index(&traces, &made, &[]).exits(3);
    assert!(ran.err.contains("1 malformed line"), "{}", ran.err);
    assert_eq!(calls(&made, folder.path()), 3);
}

#[test]
fn a_line_that_seems_to_hold_records_everywhere_does_not_hang() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, made) = (folder.path().join("traces"), folder.path().join("index"));
    for (at, part) in ["{\"", "{\"a\":", "{\"ph\":1,\"name\":{\"", "\\\"{\"", "}"].iter().enumerate() {
        let text = format!("{}{}\n{}\n", part.repeat((32 << 20) / part.len()), "}", call(5, ""));
        write(&traces.join(format!("{at}.pfw")), text);
    }
    let ran = index(&traces, &made, &[]).exits(3);
    assert!(ran.out.contains("5 malformed"), "{}", ran.out);
    assert_eq!(calls(&made, folder.path()), 5);
}

#[test]
fn values_that_are_not_finite_are_counted_and_ignored_and_their_records_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, made) = (folder.path().join("traces"), folder.path().join("index"));
    let words = ["nan", "-nan", "inf", "-inf", "NaN", "-NaN", "Infinity", "-Infinity", "NAN", "INF"];
    let lines: Vec<String> =
        words.iter().cycle().take(200).map(|word| call(5, &format!("\"load\":{word},\"good\":2"))).collect();
    write(&traces.join("a.pfw"), lines.join("\n") + "\n");
    let ran = index(&traces, &made, &["--strict"]).exits(0);
    assert!(ran.out.contains("200 ignored: NaN or infinite"), "{}", ran.out);
    let out = folder.path().join("tables");
    export(DFT, &made, &out);
    let rows = table(&out.join("aggregation.parquet"));
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row["count"].as_str(), row["good_total"].as_str()), ("200", "400.0"));
    assert!(!row.get("load_mean").is_some_and(|mean| mean != "NaN" && !mean.is_empty()), "{row:?}");
}
