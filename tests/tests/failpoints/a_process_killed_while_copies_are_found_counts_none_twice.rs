//! If the process dies at any failpoint of a build, a stage or an ingest that finds copies, nothing is counted twice, and
//! running the command again completes it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;

use dft_tests::{dft, gzip, trace};

use crate::common::{Case, DFT};

const POINTS: [&str; 9] = [
    "build:before a trace is opened",
    "publish:before the generation is made",
    "publish:before the description is written",
    "publish:before the description is flushed",
    "publish:before the generation is sealed",
    "publish:before the generation is committed",
    "publish:the generation is committed",
    "stage:before the bundle has its name",
    "ingest:before a bundle is removed",
];

#[test]
fn copies_are_known_or_unknown_but_never_counted() {
    let reached = RefCell::new(BTreeSet::new());
    for staged in [false, true] {
        for point in POINTS {
            for time in 1..=2 {
                let case = Case::new();
                let (a, b) = (trace(1, 600), trace(2, 400));
                let text = |name: &str| case.root().join(name).display().to_string();
                let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
                let (traces, index, shared) = (text("t"), text("index"), text("shared"));
                let commands = if staged {
                    let stage = ["stage", &traces, "--staging", &text("local"), "--shared-staging", &shared];
                    vec![command(&stage), command(&["ingest", &index, "--shared-staging", &shared])]
                } else {
                    vec![command(&["index", &traces, "--index", &index, "--threads", "2"])]
                };
                let run_all = || {
                    for arguments in &commands {
                        let mut dying = dft(DFT, arguments);
                        let died =
                            dying.env("DFT_FAILPOINTS", format!("{point}#{time}=abort")).output().expect("it runs");
                        if died.status.code().is_none() {
                            reached.borrow_mut().insert(point);
                        }
                        let ran = dft(DFT, arguments).env_remove("DFT_FAILPOINTS").output().expect("it runs");
                        let message = String::from_utf8_lossy(&ran.stderr);
                        assert!(matches!(ran.status.code(), Some(0 | 3)), "{point}: {message}");
                    }
                };
                case.write("a.pfw", &a);
                case.write("copy/a.pfw.gz", gzip(a.as_bytes()));
                if !staged {
                    run_all();
                }
                case.write("b.pfw", &b);
                case.write("copy/b.pfw", &b);
                run_all();
                assert_eq!(case.names(), ["t/a.pfw", "t/b.pfw"], "{point}");
                assert_eq!(case.duplicates().len(), 2, "{point}");
                if !staged {
                    // The counted file is removed, and the copy becomes the trace.
                    fs::remove_file(case.path("a.pfw")).expect("removed");
                    run_all();
                    assert_eq!(case.names(), ["t/b.pfw", "t/copy/a.pfw.gz"], "{point}");
                }
                assert!(case.exported() == case.exported_of(&[&a, &b]), "{point}");
                case.verify();
            }
        }
    }
    // A misspelt failpoint would test nothing.
    assert_eq!(*reached.borrow(), BTreeSet::from(POINTS));
}
