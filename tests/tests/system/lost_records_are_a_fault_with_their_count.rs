//! A process states at its end how many records it wrote; those that are not in its traces are lost. If the number does
//! not tell that reliably, there is no fault.

use std::ffi::OsStr;
use std::path::Path;

use dft_tests::{Ran, data, run, write};

use crate::common::DFT;

fn call(pid: u32, name: &str, args: &str) -> String {
    format!(
        "{{\"name\":\"{name}\",\"cat\":\"{}\",\"pid\":{pid},\"tid\":{pid},\"ts\":1700000000000000,\"dur\":5,\"ph\":1,\"args\":{{\"hhash\":\"h\"{args}}}}}\n",
        if ["start", "end"].contains(&name) { "dftracer" } else { "POSIX" }
    )
}

fn start(pid: u32) -> String {
    call(pid, "start", r#","version":20003"#)
}

fn reads(pid: u32, number: usize) -> String {
    call(pid, "read", "").repeat(number)
}

/// Returns the `end` record of a process that states that it wrote `num_events` records before it.
fn end(pid: u32, num_events: u64) -> String {
    call(pid, "end", &format!(r#","num_events":{num_events}"#))
}

fn index(traces: &Path, index: &Path, options: &[&str]) -> Ran {
    let paths = ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()];
    run(DFT, paths.into_iter().chain(options.iter().map(OsStr::new)))
}

/// Indexes one trace.
fn of(trace: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("x.pfw"), trace);
    index(&folder.path().join("x.pfw"), &folder.path().join("index"), &[])
}

#[test]
fn the_fault_states_how_many_records_are_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trace, dftagg) = (folder.path().join("x.pfw"), folder.path().join("index"));
    write(&trace, start(7) + &reads(7, 10) + &reads(8, 5) + &end(7, 13));
    let says = "x.pfw: lost: 2 of the 14 records that process 7 of host h wrote according to its `end` record are not in the \
                traces";
    let strict = index(&trace, &dftagg, &["--strict"]).exits(1);
    assert!(strict.err.contains(says) && strict.err.contains("nothing was stored, as --strict asks"), "{}", strict.err);
    let ran = index(&trace, &dftagg, &[]).exits(3);
    assert!(ran.err.contains(says), "{}", ran.err);
    // It stays a fault, which the index remembers.
    assert!(index(&trace, &dftagg, &[]).exits(3).err.contains(says));
    let info = |options: &[&str]| {
        run(DFT, ["info".as_ref(), dftagg.as_os_str()].into_iter().chain(options.iter().map(AsRef::as_ref)))
            .exits(0)
            .out
    };
    assert!(info(&[]).contains("lost: 2 of the 14 records that process 7"), "{}", info(&[]));
    assert!(info(&["--json"]).contains("\"lost_records\": 2"), "{}", info(&["--json"]));
    assert!(run(DFT, ["summary".as_ref(), dftagg.as_os_str()]).exits(0).out.contains("\n2 lost records\n"));
}

#[test]
fn no_other_trace_has_lost_any() {
    // All records that were written, and more.
    of(&(start(7) + &reads(7, 10) + &end(7, 11))).exits(0);
    of(&(start(7) + &reads(7, 20) + &end(7, 11))).exits(0);
    // The process still runs, or was killed.
    of(&(start(7) + &reads(7, 10))).exits(0);
    // Another process has the same pid and still runs.
    of(&(start(7) + &reads(7, 10) + &end(7, 11) + &start(7))).exits(0);
    // The process ran twice.
    of(&(start(7) + &reads(7, 10) + &end(7, 11) + &start(7) + &reads(7, 1) + &end(7, 2))).exits(0);
    // Up to 2.0.2, ids are counted: also those of metadata, of calls that never end, and of the parent before a fork.
    let end_of_1 = call(7, "end", r#","p_idx":90,"level":2,"num_events":100"#);
    of(&(start(7) + &reads(7, 10) + &end_of_1)).exits(0);
    // Calls that are written as aggregated calls.
    let aggregated = "{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":7,\"tid\":7,\"ts\":1700000000000000,\"ph\":3,\"args\":{\"hhash\":\"h\",\"dft_cnt\":9}}\n";
    of(&(start(7) + &end(7, 100) + aggregated)).exits(0);
    // Aggregated calls may come after the `end`, and be written later.
    let cfg = r#","cfg":{"posix":1,"aggregation_enable":1},"num_events":100"#;
    of(&(start(7) + &call(7, "end", cfg))).exits(0);
    of(&(start(7) + &call(7, "end", &cfg.replace(":1}", ":0}")))).exits(3);
    // Values that are not numbers.
    of(&(start(7) + &call(7, "end", r#","num_events":-1"#))).exits(0);
    of(&(start(7) + &call(7, "end", ""))).exits(0);
}

#[test]
fn traces_of_real_tracers_have_lost_no_records() {
    let folder = tempfile::tempdir().expect("a folder");
    index(&data(""), &folder.path().join("index"), &[]).exits(0);
}

#[test]
fn ends_without_a_single_start_are_no_fault_but_a_lost_start_is_one() {
    // A forked child writes to its parent's trace, with the same pid.
    of(&(start(7) + &reads(7, 3) + &end(7, 8) + &end(7, 9))).exits(0);
    // The first records of the trace are lost, including its `start`.
    let ran = of(&(reads(7, 3) + &end(7, 8))).exits(3);
    assert!(ran.err.contains("lost: 5 of the 9 records that process 7 of host h wrote"), "{}", ran.err);
}

#[test]
fn each_host_has_its_own_processes() {
    let other = |text: String| text.replace("\"h\"", "\"g\"");
    let ran = of(&(start(7) + &reads(7, 3) + &end(7, 4) + &other(start(7) + &reads(7, 2) + &end(7, 4)))).exits(3);
    assert!(ran.err.contains("lost: 1 of the 5 records that process 7 of host g wrote"), "{}", ran.err);
    assert!(!ran.err.contains("host h"), "{}", ran.err);
}

#[test]
fn a_process_in_several_traces_is_counted_over_all_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, dftagg) = (folder.path().join("t"), folder.path().join("index"));
    write(&traces.join("a.pfw"), start(7) + &reads(7, 10));
    write(&traces.join("c.pfw"), reads(7, 10) + &end(7, 31));
    let ran = index(&traces, &dftagg, &[]).exits(3);
    assert!(ran.err.contains("c.pfw: lost: 10 of the 32 records"), "the one with the `end` record: {}", ran.err);
    // The other records are in another trace, which comes later.
    write(&traces.join("b.pfw"), reads(7, 10));
    index(&traces, &dftagg, &["--strict"]).exits(0);
}

#[test]
fn a_trace_that_grows_is_counted_when_it_has_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trace, dftagg) = (folder.path().join("x.pfw"), folder.path().join("index"));
    // Many blocks for several threads.
    let text = start(7) + &reads(7, 20_000);
    for length in [0.3, 0.7, 1.0] {
        let end = text[..(text.len() as f64 * length) as usize].rfind('\n').map_or(0, |at| at + 1);
        write(&trace, &text[..end]);
        index(&trace, &dftagg, &["--threads", "4"]).exits(0);
    }
    write(&trace, text.clone() + &end(7, 20_001));
    index(&trace, &dftagg, &["--strict"]).exits(0);
    let whole = folder.path().join("whole");
    index(&trace, &whole, &["--threads", "4", "--strict"]).exits(0);
    write(&trace, text + &end(7, 20_101));
    let ran = index(&trace, &folder.path().join("lost"), &["--threads", "4"]).exits(3);
    assert!(ran.err.contains("lost: 100 of the 20102 records"), "{}", ran.err);
}

#[test]
fn staging_reports_losses_of_one_trace_and_the_ingest_reports_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let work = folder.path();
    let stage = |trace: &Path, piece_size: &str| {
        let staging = work.join("staging");
        run(
            DFT,
            [
                "stage".as_ref(),
                trace.as_os_str(),
                "--staging".as_ref(),
                staging.as_os_str(),
                "--shared-staging".as_ref(),
                staging.as_os_str(),
                "--piece-size".as_ref(),
                piece_size.as_ref(),
            ],
        )
    };
    let whole = work.join("whole.pfw");
    write(&whole, start(7) + &reads(7, 3) + &end(7, 9));
    assert!(stage(&whole, "1G").exits(3).err.contains("whole.pfw: lost: 5 of the 10 records"));
    // Only an ingest sees all pieces of a trace, and all traces of a process.
    let pieces = work.join("pieces.pfw");
    write(&pieces, start(8) + &reads(8, 20_000) + &end(8, 20_002));
    stage(&pieces, "1M").exits(0);
    let (first, second) = (work.join("first.pfw"), work.join("second.pfw"));
    write(&first, start(9) + &reads(9, 9));
    write(&second, reads(9, 9) + &end(9, 19));
    stage(&first, "1G").exits(0);
    stage(&second, "1G").exits(0);
    let index = work.join("index");
    let ran =
        run(DFT, ["ingest".as_ref(), index.as_os_str(), "--shared-staging".as_ref(), work.join("staging").as_os_str()])
            .exits(3);
    assert!(ran.err.contains("pieces.pfw: lost: 1 of the 20003 records that process 8"), "{}", ran.err);
    assert!(ran.err.contains("whole.pfw: lost: 5 of the 10 records that process 7"), "{}", ran.err);
    assert!(!ran.err.contains("second.pfw: lost"), "{}", ran.err);
}
