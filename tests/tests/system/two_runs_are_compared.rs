//! `dft compare` shows what changed between runs, and ends with exit code 4 if a condition holds.

use std::path::{Path, PathBuf};

use dft_tests::{Ran, run, write};

use crate::common::DFT;

fn call(pid: u64, name: &str, ts: u64, dur: u64, hash: &str) -> String {
    format!(
        "{{\"name\":\"{name}\",\"cat\":\"POSIX\",\"pid\":{pid},\"tid\":{pid},\"ts\":{ts},\"dur\":{dur},\"ph\":1,\"args\":{{\"hhash\":\"h\",\"fhash\":\"{hash}\",\"ret\":100}}}}\n"
    )
}

fn meta(kind: &str, value: &str, name: &str) -> String {
    format!(
        "{{\"name\":\"{kind}\",\"cat\":\"dftracer\",\"pid\":1,\"tid\":1,\"ph\":4,\"args\":{{\"hhash\":\"h\",\"value\":\"{value}\",\"name\":\"{name}\"}}}}\n"
    )
}

fn rank(pid: u64, rank: u64) -> String {
    format!(
        "{{\"name\":\"PR\",\"cat\":\"dftracer\",\"pid\":{pid},\"tid\":{pid},\"ph\":4,\"args\":{{\"hhash\":\"h\",\"name\":\"rank\",\"value\":\"{rank}\"}}}}\n"
    )
}

/// Writes a run of two ranks. Process numbers and hashes differ from run to run; names and ranks do not.
fn run_of(folder: &Path, name: &str, pid: u64, hash: &str, dur: u64, more: &str) -> PathBuf {
    let mut text = meta("FH", hash, "/p/data.bin") + &meta("HH", "h", "node1");
    for process in [pid, pid + 1] {
        text += &rank(process, process - pid);
        for at in 0..50 {
            // Some spread, so that there is a deviation.
            text += &call(process, "read", 1_000 * at, dur + at % 7, hash);
        }
    }
    let path = folder.join(name);
    write(&path.join("x.pfw"), text + more);
    path
}

fn compare(runs: &[&Path], options: &[&str]) -> Ran {
    let words = ["compare".as_ref()].into_iter().chain(runs.iter().map(|run| run.as_os_str()));
    run(DFT, words.chain(options.iter().map(AsRef::as_ref)))
}

#[test]
fn changes_are_told_from_noise_and_conditions_end_with_code_4() {
    let folder = tempfile::tempdir().expect("a folder");
    let a = run_of(folder.path(), "a", 100, "1111111111111111", 300, "");
    let same = run_of(folder.path(), "same", 200, "2222222222222222", 300, "");
    let slow = run_of(folder.path(), "slow", 300, "3333333333333333", 450, &call(300, "fsync", 60_000, 500, ""));

    // Two runs with other hashes and process numbers are equal by file and by rank.
    for by in ["file", "process", "rank", "host", "function"] {
        let ran = compare(&[&a, &same], &["--by", by, "--json"]).exits(0);
        let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        let rows = json["rows"].as_array().expect("rows");
        assert!(!rows.is_empty(), "{by}");
        for row in rows {
            assert!(row["runs"].as_array().is_some_and(|runs| runs.iter().all(|run| !run.is_null())), "{by}: {row}");
            assert_eq!(row["changes"][0]["time_us"], 0, "{by}: {row}");
        }
    }
    let ran = compare(&[&a, &slow], &["--by", "function"]).exits(0);
    let line =
        |name: &str| ran.out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{}", ran.out));
    assert!(line("posix read").contains("1.50x") && line("posix read").contains("yes (p < 0.0001"), "{}", ran.out);
    assert!(line("posix fsync").contains("only in B"), "{}", ran.out);
    let text = compare(&[&a, &same], &["--by", "function"]).exits(0).out;
    assert!(text.contains("no (p = 1.0000"), "{text}");

    // Conditions.
    let ran = compare(&[&a, &slow], &["--fail-if", "time > 1.2x where cat = posix"]).exits(4);
    assert!(ran.out.contains("time > 1.2x where cat = posix: holds"), "{}", ran.out);
    compare(&[&a, &slow], &["--fail-if", "time > 1.6x where cat = posix"]).exits(0);
    compare(&[&a, &same], &["--fail-if", "job > 1.01x", "--fail-if", "calls > 1x"]).exits(0);
    compare(&[&a, &same, &slow], &["--fail-if", "bandwidth < 0.9x"]).exits(4);
    let wrong = compare(&[&a, &slow], &["--fail-if", "speed > 1x"]).exits(2);
    assert!(wrong.err.contains("speed") && wrong.err.contains("bandwidth"), "{}", wrong.err);
    compare(&[&a], &[]).exits(2);
}

/// Busy time was once compared with the sum of durations, where one run did not tell its busy times.
#[test]
fn runs_are_compared_by_the_same_quantity() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b] = ["a", "b"].map(|name| run_of(folder.path(), name, 100, "1111111111111111", 300, ""));
    let index = folder.path().join("sums");
    run(DFT, ["index".as_ref(), a.as_os_str(), "--index".as_ref(), index.as_os_str(), "--no-occupancy".as_ref()])
        .exits(0);
    for runs in [[index.as_path(), &b], [&b, &index]] {
        let ran = compare(&runs, &["--json"]).exits(0);
        let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        let rows = json["rows"].as_array().expect("rows");
        assert!(!rows.is_empty());
        for row in rows {
            assert_eq!(
                (&row["changes"][0]["time_us"], &row["changes"][0]["time_ratio"]),
                (&0.into(), &1.0.into()),
                "{row}"
            );
            assert!(row["runs"][0]["busy_us"].is_null() && row["runs"][1]["busy_us"].is_null(), "{row}");
        }
        let text = compare(&runs, &[]).exits(0).out;
        assert!(text.contains("time is the sum of durations in some rows, such as "), "{text}");
    }
    let text = compare(&[&a, &b], &[]).exits(0).out;
    assert!(!text.contains("sum of durations"), "{text}");
}

/// Cells of less than a second once shared a name, and all but one were left out.
#[test]
fn every_cell_of_time_is_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b] = ["a", "b"].map(|name| {
        let traces = run_of(folder.path(), name, 100, "1111111111111111", 300, "");
        let index = folder.path().join(format!("{name}.index"));
        let words = [traces.as_os_str(), "--index".as_ref(), index.as_os_str(), "--interval".as_ref(), "10ms".as_ref()];
        run(DFT, ["index".as_ref()].into_iter().chain(words)).exits(0);
        index
    });
    for (granularity, wanted) in
        [(None, &["0 s", "0.01 s", "0.02 s", "0.03 s", "0.04 s"][..]), (Some("20ms"), &["0 s", "0.02 s", "0.04 s"])]
    {
        let options =
            ["--by", "time", "--json"].into_iter().chain(granularity.map(|_| "--granularity")).chain(granularity);
        let ran = compare(&[&a, &b], &options.collect::<Vec<_>>()).exits(0);
        let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        let rows = json["rows"].as_array().expect("rows");
        let mut names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().expect("a name").trim()).collect();
        names.sort_unstable();
        assert_eq!(names, wanted);
        let calls = |run: usize| rows.iter().map(|row| row["runs"][run]["calls"].as_u64().expect("calls")).sum::<u64>();
        assert_eq!((calls(0), calls(1)), (100, 100));
    }
    compare(&[&a, &b], &["--granularity", "20ms"]).exits(2);
}

#[test]
fn a_condition_about_no_call_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b] = ["a", "b"].map(|name| run_of(folder.path(), name, 100, "1111111111111111", 300, ""));
    let text = compare(&[&a, &b], &["--fail-if", "time > 1.2x where cat = nosuch"]).exits(0).out;
    assert!(text.contains("does not hold (0, 0; no run has such calls)"), "{text}");
    let text = compare(&[&a, &b], &["--fail-if", "calls > 1.2x where cat = posix"]).exits(0).out;
    assert!(text.contains("does not hold (100, 100)"), "{text}");
}
