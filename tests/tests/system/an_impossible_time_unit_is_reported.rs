//! If a trace's times are in another unit than they are read in, a fault with advice is reported. `--time-unit` sets the
//! unit for whole files, pieces and appended records; a `CM` record takes precedence.

use std::ffi::OsStr;
use std::path::Path;

use dft_tests::{Ran, export, run, table, write};

use crate::common::DFT;

const NS: u64 = 1_795_452_209_467_004_000;

const CM: &str = r#"{"name":"CM","ph":4,"args":{"name":"time_metric","value":"NS"}}"#;

fn call(ts: u64) -> String {
    format!(
        "{{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":{ts},\"dur\":5000,\"ph\":1,\"args\":{{\"hhash\":\"h\"}}}}\n"
    )
}

fn end(ts: u64, unit: &str) -> String {
    format!(
        "{{\"name\":\"end\",\"cat\":\"dftracer\",\"pid\":1,\"tid\":1,\"ts\":{ts},\"dur\":0,\"ph\":1,\"args\":{{\"hhash\":\"h\",\
         \"used\":{{}},\"cfg\":{{\"io\":1,\"time_metric\":\"{unit}\"}}}}}}\n"
    )
}

fn index(traces: &Path, index: &Path, more: &[&str]) -> Ran {
    let arguments = ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()];
    run(DFT, arguments.into_iter().chain(more.iter().map(OsStr::new)))
}

/// Returns the bucket, calls and total duration of each row.
fn rows(index: &Path, work: &Path) -> Vec<[String; 3]> {
    let out = work.join("tables");
    let _ = std::fs::remove_dir_all(&out);
    export(DFT, index, &out);
    let rows = table(&out.join("aggregation.parquet"));
    rows.into_iter().map(|row| ["time_bucket", "count", "dur_total"].map(|column| row[column].clone())).collect()
}

#[test]
fn nanoseconds_without_a_cm_record_are_a_fault_with_advice() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, made) = (folder.path().join("traces"), folder.path().join("index"));
    let calls: String = (0..100).map(|at| call(NS + at)).collect();
    write(&traces.join("a.pfw"), &calls);
    write(&traces.join("b.pfw"), call(5));
    let ran = index(&traces, &made, &[]).exits(3);
    let message = format!(
        "a.pfw: ts {NS} µs is in the year 58865; in ns it is in 2026: use --time-unit ns (a CM record in the trace \
         overrides it)\n"
    );
    assert!(ran.err.ends_with(&message) && ran.err.lines().count() == 1, "{}", ran.err);
    assert!(ran.out.contains("101 events"), "it is no malformed line: {}", ran.out);
    // The index remembers it, and --strict refuses it.
    assert!(index(&traces, &made, &[]).exits(3).err.ends_with(&message));
    let info = run(DFT, ["info".as_ref(), made.as_os_str(), "--json".as_ref()]).exits(0);
    assert!(info.out.contains("\"time_fault\": \"ts 1795452209467004000"), "{}", info.out);
    let strict = index(&traces, &folder.path().join("strict"), &["--strict"]).exits(1);
    assert!(strict.err.contains("a.pfw: ts 1795452209467004000 µs is in the year 58865"), "{}", strict.err);
    // The advice works, in a separate index.
    let other = index(&traces, &made, &["--time-unit", "ns"]).exits(1);
    assert!(other.err.contains("time unit ns"), "{}", other.err);
    let given = folder.path().join("given");
    index(&traces.join("a.pfw"), &given, &["--time-unit", "ns"]).exits(0);
    assert_eq!(rows(&given, folder.path()), [["1795452209000000", "100", "500"]]);
    let info = run(DFT, ["info".as_ref(), given.as_os_str()]).exits(0);
    assert!(info.out.contains("time unit ns"), "{}", info.out);
}

#[test]
fn an_end_record_may_contradict_the_unit_and_a_cm_record_wins() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = |name: &str, text: String| {
        let path = folder.path().join(name);
        write(&path, text);
        path
    };
    let made = |name: &str| folder.path().join(format!("{name}.index"));
    let late = trace("late.pfw", call(NS) + &end(NS, "NS"));
    let ran = index(&late, &made("late"), &[]).exits(3);
    let message =
        "late.pfw: its end record states that its times are in ns, but they were read as µs: use --time-unit ns";
    assert!(ran.err.contains(message) && ran.err.lines().count() == 1, "{}", ran.err);
    let small = trace("small.pfw", call(5_000_000) + &end(6_000_000, "NS"));
    assert!(index(&small, &made("small"), &[]).exits(3).err.contains("its end record states"));
    index(&small, &made("small-ns"), &["--time-unit", "ns", "--strict"]).exits(0);
    let right = trace("right.pfw", format!("{CM}\n{}{}", call(NS), end(NS, "NS")));
    for unit in ["ns", "us", "ms", "s"] {
        index(&right, &made(unit), &["--time-unit", unit, "--strict"]).exits(0);
        assert_eq!(rows(&made(unit), folder.path()), [["1795452209000000", "1", "5"], ["1795452209000000", "1", "0"]]);
    }
    let wrong = index(&right, &made("wrong"), &["--time-unit", "fortnight"]).exits(2);
    assert!(wrong.err.contains("use ns, us, ms or s"), "{}", wrong.err);
}

#[test]
fn the_option_holds_for_pieces_and_for_appended_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, whole) = (folder.path().join("traces"), folder.path().join("whole"));
    let path = traces.join("a.pfw");
    let text: String = (0..2_000).map(|at| call(NS + at * 1_000_000)).collect();
    write(&path, &text);
    let unit = ["--time-unit", "ns"];
    index(&traces, &whole, &unit).exits(0);
    let wanted = rows(&whole, folder.path());
    assert_eq!(wanted.len(), 3);

    let (staging, staged) = (folder.path().join("staging"), folder.path().join("staged"));
    for part in ["0/3", "1/3", "2/3"] {
        let size = (text.len() / 7).to_string();
        let options = ["--part", part, "--piece-size", &size, "--staging"].map(OsStr::new);
        let shared = [staging.as_os_str(), "--shared-staging".as_ref(), staging.as_os_str()];
        let stage = ["stage".as_ref(), traces.as_os_str()].into_iter().chain(options).chain(shared);
        run(DFT, stage.chain(unit.map(OsStr::new))).exits(0);
    }
    run(DFT, ["ingest".as_ref(), staged.as_os_str(), "--shared-staging".as_ref(), staging.as_os_str()]).exits(0);
    assert_eq!(rows(&staged, folder.path()), wanted);

    let grown = folder.path().join("grown");
    for size in [call(NS).len() + 10, text.len() / 2, text.len()] {
        write(&path, &text[..size]);
        let ran = index(&traces, &grown, &unit);
        // A trace without records makes no index.
        let code = if size > 10 { [0, 3] } else { [1, 1] };
        assert!(code.contains(&ran.code), "{}", ran.err);
    }
    assert_eq!(rows(&grown, folder.path()), wanted);
    // A CM record holds for all records after it, including those that are read later.
    write(&path, text.clone() + &CM.replace("NS", "US") + "\n");
    index(&traces, &grown, &unit).exits(0);
    write(&path, text.clone() + &CM.replace("NS", "US") + "\n" + &call(NS / 1_000));
    index(&traces, &grown, &unit).exits(0);
    let rows = rows(&grown, folder.path());
    let calls: u64 = rows.iter().map(|row| row[1].parse::<u64>().expect("a number")).sum();
    assert_eq!((rows.len(), calls), (3, 2_001));
}
