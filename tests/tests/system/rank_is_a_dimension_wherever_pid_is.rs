//! Rank, as traces state it of their processes, works for grouping, filtering and queries, and as a group key of an
//! index whose records do not state it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use dft_tests::{Row, run, table, write};

use crate::common::DFT;

fn meta(host: &str, pid: u32, rank: &str) -> String {
    format!(
        "{{\"name\":\"PR\",\"cat\":\"dftracer\",\"pid\":{pid},\"tid\":{pid},\"ph\":4,\"args\":{{\"hhash\":\"{host}\",\"name\":\"rank\",\"value\":\"{rank}\"}}}}\n"
    )
}

fn reads(host: &str, pid: u32, number: usize, args: &str) -> String {
    format!(
        "{{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":{pid},\"tid\":{pid},\"ts\":1700000000000000,\"dur\":5,\"ph\":1,\"args\":{{\"hhash\":\"{host}\",\"ret\":10{args}}}}}\n"
    )
    .repeat(number)
}

/// Writes traces of two processes 7, on two hosts, with ranks 0 and 10, a process with rank 2 in two traces, and a
/// process without a rank.
fn traces(folder: &Path) -> PathBuf {
    let traces = folder.join("t");
    // The rank is stated after the calls, before them, or in another trace.
    write(&traces.join("0.pfw"), reads("a", 7, 3, "") + &meta("a", 7, "0"));
    write(&traces.join("1.pfw"), meta("b", 7, "10") + &reads("b", 7, 5, ""));
    write(&traces.join("2a.pfw"), reads("a", 8, 2, ""));
    write(&traces.join("2b.pfw"), meta("a", 8, "2") + &reads("a", 8, 2, ""));
    write(&traces.join("none.pfw"), reads("a", 9, 1, ""));
    traces
}

fn index(traces: &Path, index: &Path, options: &[&str]) {
    let paths = ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()];
    run(DFT, paths.into_iter().chain(options.iter().map(OsStr::new))).exits(0);
}

fn shown(index: &Path, of: &str, options: &[&str]) -> Vec<Row> {
    let out = index.with_extension("out");
    let paths = ["export".as_ref(), index.as_os_str(), "--out".as_ref(), out.as_os_str()];
    run(DFT, paths.into_iter().chain(["--table", of].map(OsStr::new)).chain(options.iter().map(OsStr::new))).exits(0);
    table(&out.join(format!("{of}.parquet")))
}

/// Returns ranks and counts.
fn by_rank(rows: &[Row]) -> Vec<(&str, &str)> {
    rows.iter().map(|row| (row.get("rank").map_or("null", String::as_str), row["count"].as_str())).collect()
}

#[test]
fn rows_are_grouped_by_rank_over_all_traces_of_a_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let dftagg = folder.path().join("index");
    index(&traces(folder.path()), &dftagg, &[]);
    let rows = shown(&dftagg, "events", &["--group-by", "rank"]);
    assert_eq!(by_rank(&rows), [("null", "1"), ("0", "3"), ("2", "4"), ("10", "5")], "as numbers, the unknown first");
    let rows = shown(&dftagg, "events", &["--group-by", "func_name,rank,host_hash", "--rank", "10"]);
    assert_eq!((by_rank(&rows), rows[0]["host_hash"].as_str()), (vec![("10", "5")], "b"));
}

#[test]
fn calls_are_filtered_by_the_rank_of_their_process_on_its_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let dftagg = folder.path().join("index");
    index(&traces(folder.path()), &dftagg, &[]);
    let counts = |options: &[&str]| {
        let mut counts: Vec<(String, String)> = shown(&dftagg, "events", options)
            .into_iter()
            .map(|row| (format!("{} {}", row["host_hash"], row["pid"]), row["count"].clone()))
            .collect();
        counts.sort();
        counts
    };
    let are = |got: &[(String, String)], wanted: &[(&str, &str)]| {
        assert!(got.iter().map(|(of, count)| (of.as_str(), count.as_str())).eq(wanted.iter().copied()), "{got:?}");
    };
    are(&counts(&["--rank", "0"]), &[("a 7", "3")]);
    are(&counts(&["--rank", "10", "--rank", "2"]), &[("a 8", "4"), ("b 7", "5")]);
    are(&counts(&["--rank", "2", "--pid", "7"]), &[]);
    are(&counts(&["--rank", "99"]), &[]);
    // No comparison holds for a process without a rank.
    are(&counts(&["--query", "rank >= 2"]), &[("a 8", "4"), ("b 7", "5")]);
    are(&counts(&["--query", "rank in [0, 2] and pid == 7"]), &[("a 7", "3")]);
    are(&counts(&["--query", "rank < 2"]), &[("a 7", "3")]);
    are(&counts(&["--query", "rank != 2"]), &[("a 7", "3"), ("a 9", "1"), ("b 7", "5")]);
    are(&counts(&["--query", "not rank in [0, 2, 10]"]), &[("a 9", "1")]);
    let aggregation = shown(&dftagg, "aggregation", &["--rank", "10"]);
    assert_eq!(aggregation.len(), 1);
}

#[test]
fn counters_of_a_process_are_filtered_by_its_rank_and_have_it_as_a_group_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let dftagg = folder.path().join("index");
    let counter = |name: &str, cat: &str, pid: u32| {
        format!(
            "{{\"name\":\"{name}\",\"cat\":\"{cat}\",\"pid\":{pid},\"tid\":0,\"ts\":1700000000000000,\"ph\":2,\"args\":{{\"hhash\":\"a\",\"v\":1}}}}\n"
        )
    };
    let traces = traces(folder.path());
    write(
        &traces.join("counters.pfw"),
        counter("PAPI", "papi", 7)
            + &counter("PAPI", "papi", 8)
            + &counter("PAPI", "papi", 9)
            + &counter("cpu", "sys", 0),
    );
    index(&traces, &dftagg, &["--group-key", "rank"]);
    let shown = |options: &[&str]| -> Vec<(String, String, String)> {
        let rows = shown(&dftagg, "system", options);
        let value = |row: &Row, column: &str| row.get(column).cloned().unwrap_or_else(|| "null".to_owned());
        rows.iter().map(|row| (value(row, "name"), value(row, "pid"), value(row, "rank"))).collect()
    };
    let is = |got: Vec<(String, String, String)>, wanted: &[(&str, &str, &str)]| {
        assert!(got.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).eq(wanted.iter().copied()), "{got:?}");
    };
    is(shown(&[]), &[("PAPI", "7", "0"), ("PAPI", "8", "2"), ("PAPI", "9", "null"), ("cpu", "null", "null")]);
    is(shown(&["--rank", "2"]), &[("PAPI", "8", "2"), ("cpu", "null", "null")]);
    // Arrow IPC needs all strings of a table first.
    let out = folder.path().join("arrow");
    let paths = ["export".as_ref(), dftagg.as_os_str(), "--out".as_ref(), out.as_os_str()];
    run(DFT, paths.into_iter().chain(["--format", "arrow"].map(OsStr::new))).exits(0);
}

#[test]
fn the_group_key_rank_is_that_of_the_process_if_records_do_not_state_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let dftagg = folder.path().join("index");
    let traces = traces(folder.path());
    write(
        &traces.join("of-process.pfw"),
        meta("a", 11, "6") + &reads("a", 11, 1, "") + &reads("a", 11, 2, r#","rank":"77""#),
    );
    index(&traces, &dftagg, &["--group-key", "rank"]);
    let rows = shown(&dftagg, "aggregation", &[]);
    let mut of: Vec<(String, String, String)> = rows
        .iter()
        .map(|row| {
            let rank = row.get("rank").filter(|rank| !rank.is_empty());
            let rank = rank.map_or("none", String::as_str);
            (format!("{} {}", row["host_hash"], row["pid"]), rank.to_owned(), row["count"].clone())
        })
        .collect();
    of.sort();
    let wanted = [
        ("a 11", "6", "1"),
        ("a 11", "77", "2"),
        ("a 7", "0", "3"),
        ("a 8", "2", "4"),
        ("a 9", "none", "1"),
        ("b 7", "10", "5"),
    ];
    assert!(of.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).eq(wanted), "{of:?}");
}
