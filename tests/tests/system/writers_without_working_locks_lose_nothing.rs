//! Several writers work concurrently on one index whose lock does not exclude them, as on file systems that grant every
//! lock. The trace of a writer that succeeds is in the index, once. A writer that is too late reports that the index
//! changed, and has nothing in it. The index is whole at all times.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dft_tests::{dft, exported, has_index, run, trace, write};

use crate::common::DFT;

/// The number of rounds in which the writers start together, and of writers.
const ROUNDS: u64 = 12;
const WRITERS: u64 = 4;

fn traces_in(index: &Path) -> BTreeSet<String> {
    let info = run(DFT, ["info".as_ref(), index.as_os_str(), "--json".as_ref()]).exits(0).out;
    let texts = info.split('"').filter(|text| text.ends_with(".pfw"));
    texts.map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn concurrent_builds_and_ingests_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: String| folder.path().join(name);
    let text = |name: String| path(name).display().to_string();
    let index = path("index".to_owned());
    let mut wanted = BTreeSet::new();
    let mut done = 0;
    for round in 0..ROUNDS {
        let mut commands = Vec::new();
        for writer in 0..WRITERS {
            let (name, from) = (format!("{round}-{writer}.pfw"), format!("traces-{round}-{writer}"));
            write(&path(format!("{from}/{name}")), trace(round * WRITERS + writer, 300));
            let arguments = if writer % 2 == 0 {
                vec!["index".to_owned(), text(from), "--index".to_owned(), text("index".to_owned())]
            } else {
                let shared = format!("shared-{round}-{writer}");
                let stage = ["stage", &text(from), "--staging", &text("local".to_owned()), "--shared-staging"];
                run(DFT, stage.iter().copied().chain([text(shared.clone()).as_str()])).exits(0);
                ["ingest", &text("index".to_owned()), "--shared-staging", &text(shared)].map(str::to_owned).to_vec()
            };
            commands.push((name, arguments));
        }
        // The lock file of the first writer is removed again and again.
        let stop = AtomicBool::new(false);
        let results: Vec<_> = thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = fs::remove_file(index.join("LOCK"));
                    thread::yield_now();
                }
            });
            let running: Vec<_> = commands
                .iter()
                .map(|(_, arguments)| scope.spawn(move || dft(DFT, arguments).output().expect("it runs")))
                .collect();
            let results = running.into_iter().map(|writer| writer.join().expect("it ran")).collect();
            stop.store(true, Ordering::Relaxed);
            results
        });
        for ((name, arguments), output) in commands.iter().zip(&results) {
            let message = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0) => {
                    done += 1;
                    wanted.insert(name.clone());
                }
                // It came after another writer had committed, or met its lock.
                Some(1) if message.contains("another writer") || message.contains("another process") => {}
                code => panic!("{arguments:?} ends with {code:?}: {message}"),
            }
        }
        run(DFT, ["verify".as_ref(), index.as_os_str()]).exits(0);
        assert_eq!(traces_in(&index), wanted, "round {round}");
        // The other writers lose no work that is not in their traces and bundles.
        for (name, arguments) in commands {
            run(DFT, &arguments).exits(0);
            wanted.insert(name);
        }
    }
    assert!(done >= ROUNDS, "one writer of each round succeeds");
    let left = fs::read_dir(&index).expect("listed").count();
    assert_eq!(left, 3, "the marker, LOCK and one generation");
    let all: Vec<_> = (0..ROUNDS).flat_map(|r| (0..WRITERS).map(move |w| format!("traces-{r}-{w}"))).collect();
    let reference = text("reference".to_owned());
    let arguments =
        [vec!["index".to_owned()], all.into_iter().map(text).collect(), vec!["--index".to_owned(), reference]];
    run(DFT, arguments.concat()).exits(0);
    assert!(has_index(&index));
    let tables = |name: &str| exported(DFT, &path(name.to_owned()), folder.path()).expect("an index");
    assert!(tables("index") == tables("reference"), "the tables are those of one undisturbed build");
}
