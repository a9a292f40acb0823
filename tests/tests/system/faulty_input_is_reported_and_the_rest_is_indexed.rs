//! In a directory with every kind of fault, valid records are indexed, each fault is reported, and memory stays within
//! its bounds.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use dft_tests::{gzip, run, table, trace, write};

use crate::common::DFT;

/// Counts the calls in a trace made by [`trace`]: all but counters and aggregated calls.
fn calls(text: &str) -> u64 {
    text.lines().filter(|line| line.contains(r#""ph":"X""#)).count() as u64
}

fn write_all(folder: &Path) -> u64 {
    let good = trace(1, 20_000);
    let mut calls_in = calls(&good);
    write(&folder.join("good.pfw.gz"), gzip(good.as_bytes()));

    // Two members, the second one cut in half.
    let (first, second) = (trace(2, 5_000), gzip(trace(3, 5_000).as_bytes()));
    write(&folder.join("truncated.pfw.gz"), [gzip(first.as_bytes()), second[..second.len() / 2].to_vec()].concat());
    calls_in += calls(&first);

    let before = trace(4, 5_000);
    write(
        &folder.join("damaged.pfw.gz"),
        [gzip(before.as_bytes()), b"\x1f\x8b\x08\x00 not gzip at all".to_vec()].concat(),
    );
    calls_in += calls(&before);

    write(&folder.join("empty.pfw"), "");
    write(&folder.join("empty.pfw.gz"), "");
    let garbage: Vec<u8> = (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    write(&folder.join("garbage.pfw"), garbage);

    // A record of 100 MB, then a valid one, and a line longer than the maximum.
    let mut long = br#"{"name":"long","cat":"app","ts":5,"ph":"X","args":{"text":""#.to_vec();
    long.resize(100 << 20, b'x');
    long.extend_from_slice(b"\"}}\n{\"name\":\"short\",\"cat\":\"app\",\"ts\":5,\"ph\":\"X\"}\n");
    write(&folder.join("long.pfw.gz"), gzip(&long));
    calls_in += 2;
    let mut overlong = vec![b'y'; 200 << 20];
    overlong.extend_from_slice(b"\n{\"name\":\"short\",\"cat\":\"app\",\"ts\":6,\"ph\":\"X\"}\n");
    write(&folder.join("overlong.pfw.gz"), gzip(&overlong));
    calls_in += 1;

    symlink("nowhere", folder.join("unreadable.pfw")).expect("linked");
    calls_in
}

/// Runs `dft`. Returns its exit code, its output and its peak memory, in bytes.
fn run_measured(arguments: &[&Path]) -> (i32, String, String, u64) {
    let mut child = Command::new(DFT)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("a child").is_none() {
        // The system keeps the peak, so the last sample counts, whenever it was taken.
        if let Ok(status) = fs::read_to_string(&status)
            && let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))
        {
            most = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024;
        }
        thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().expect("a child");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("not killed"), text(output.stdout), text(output.stderr), most)
}

#[test]
fn every_fault_is_reported_and_valid_records_are_indexed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, index) = (folder.path().join("traces"), folder.path().join("index"));
    let calls = write_all(&traces);
    let arguments =
        ["index".as_ref(), traces.as_path(), "--index".as_ref(), &index, "--memory".as_ref(), "64M".as_ref()];
    let (code, out, err, memory) = run_measured(&arguments);
    assert_eq!(code, 3, "{out}\n{err}");
    for (file, fault) in [
        ("truncated.pfw.gz", "truncated:"),
        ("damaged.pfw.gz", "damaged:"),
        ("empty.pfw", "empty:"),
        ("empty.pfw.gz", "empty:"),
        ("garbage.pfw", "malformed line"),
        ("overlong.pfw.gz", "1 malformed line"),
        ("unreadable.pfw", "cannot be read"),
    ] {
        let named = err.lines().any(|line| {
            line.contains(&format!("/{file}: {fault}"))
                || (line.contains(&format!("/{file}: ")) && line.contains(fault))
        });
        assert!(named, "{file}: {fault}\n{err}");
    }
    assert!(!err.contains("/good.pfw.gz") && !err.contains("/long.pfw.gz"), "{err}");
    assert!(err.contains("line 1: it is longer than 128 MiB"), "{err}");
    assert!(memory > 0 && memory < (64 << 20) + (200 << 20), "{} MiB", memory >> 20);

    let tables = folder.path().join("tables");
    run(DFT, ["export".as_ref(), index.as_os_str(), "--out".as_ref(), tables.as_os_str()]).exits(0);
    let count: u64 =
        table(&tables.join("events.parquet")).iter().map(|row| row["count"].parse::<u64>().expect("a number")).sum();
    // Some calls of the truncated member are indexed, too.
    assert!(count > calls && count < calls + 5_000, "{count} of {calls}");

    // Running it again reads nothing, and reports the known faults.
    let (code, out, err, _) = run_measured(&arguments);
    assert_eq!(code, 3);
    assert!(out.starts_with("nothing to do"), "{out}");
    assert!(err.contains("truncated.pfw.gz: truncated"), "{err}");
}
