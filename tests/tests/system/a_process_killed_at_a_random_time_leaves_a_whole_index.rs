//! After SIGKILL at hundreds of random times, readers see a whole index, and running the command again gives the tables
//! of an undisturbed run, to the byte.
//!
//! The checks hold whenever the kill comes, even if it comes too late.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use dft_tests::{dft, exported, gzip, run, trace, write};

use crate::common::DFT;

/// The number of kills.
const ROUNDS: u64 = 200;

/// Returns a number below `below`, the same in every run of the test.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % below
}

/// Runs a command and kills it after a while, unless it has ended.
fn run_and_kill(arguments: &[String], after: Duration) {
    let mut child = dft(DFT, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs");
    thread::sleep(after);
    child.kill().expect("killed, or ended");
    child.wait().expect("a child");
}

fn write_traces(traces: &Path, round: u64) {
    for file in 0..3 {
        let text = trace(round * 10 + file, 1_000);
        write(&traces.join(format!("{round}-{file}.pfw.gz")), gzip(text.as_bytes()));
    }
}

#[test]
fn hundreds_of_kills_leave_a_whole_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).display().to_string();
    let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (index, traces, shared) = (text("index"), text("traces"), text("shared"));
    // The budget is small enough for tables to spill.
    let build = command(&["index", &traces, "--index", &index, "--memory", "64K"]);
    let stage = command(&["stage", &traces, "--staging", &text("local"), "--shared-staging", &shared]);
    let ingest = command(&["ingest", &index, "--shared-staging", &shared]);
    let mut seed = 7;
    let mut round = 0;
    // Time an undisturbed run, so that most kills come within a run.
    let mut takes = Duration::from_millis(50);
    while round < ROUNDS {
        let _ = fs::remove_dir_all(path("traces"));
        let _ = fs::remove_dir_all(path("index"));
        let undisturbed = {
            let reference = path("reference");
            let _ = fs::remove_dir_all(&reference);
            write_traces(&path("traces"), round);
            run(DFT, ["index".as_ref(), path("traces").as_os_str(), "--index".as_ref(), reference.as_os_str()])
                .exits(0);
            exported(DFT, &reference, folder.path()).expect("an index")
        };
        // The same traces twenty times: some runs build, some stage and ingest.
        for turn in 0..20 {
            round += 1;
            let _ = fs::remove_dir_all(path("index"));
            let commands = if turn % 2 == 0 { vec![&build] } else { vec![&stage, &ingest] };
            for arguments in commands {
                for _ in 0..2 {
                    let after = Duration::from_nanos(random(&mut seed, takes.as_nanos() as u64));
                    run_and_kill(arguments, after);
                    if let Some(now) = exported(DFT, &path("index"), folder.path()) {
                        assert!(now == undisturbed, "round {round}: a reader sees a partial index");
                    }
                }
                let start = Instant::now();
                run(DFT, arguments).exits(0);
                takes = start.elapsed();
            }
            run(DFT, ["verify", &index]).exits(0);
            let now = exported(DFT, &path("index"), folder.path()).expect("an index");
            assert!(now == undisturbed, "round {round}: the tables are not those of an undisturbed run");
        }
    }
}
