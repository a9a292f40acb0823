//! Readers need no lock: while builds commit one generation after another, every export shows one of these states, whole,
//! and every verification succeeds.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dft_tests::{contents, run, trace, write};

use crate::common::DFT;

const STATES: u64 = 12;

#[test]
fn every_export_is_a_committed_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let text = |path: PathBuf| path.display().to_string();
    for file in 0..STATES {
        write(&path("traces").join(format!("{file}.pfw")), trace(file, 400));
    }
    let build = |file: u64, index: &str| {
        let trace = text(path("traces").join(format!("{file}.pfw")));
        run(DFT, ["index", &trace, "--index", &text(path(index))]).exits(0);
    };
    let tables = |index: &str, out: PathBuf| {
        run(DFT, ["export", &text(path(index)), "--out", &text(out.clone())]).exits(0);
        contents(&out)
    };
    // Each state, without concurrent readers.
    let mut states = Vec::new();
    for file in 0..STATES {
        build(file, "alone");
        states.push(tables("alone", path("state")));
    }
    build(0, "index");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|reader| {
                let (done, states, tables) = (&done, &states, &tables);
                let out = path(&format!("read-{reader}"));
                scope.spawn(move || {
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) {
                        let read = tables("index", out.clone());
                        let state = states.iter().position(|state| *state == read).expect("a whole state");
                        assert!(state >= last, "a committed state stays committed");
                        last = state;
                    }
                })
            })
            .collect();
        let verifier = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                run(DFT, ["verify", &text(path("index"))]).exits(0);
            }
        });
        for file in 1..STATES {
            build(file, "index");
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().expect("a reader");
        }
        verifier.join().expect("a verifier");
    });
    assert!(tables("index", path("last")) == states[states.len() - 1]);
}
