//! Nothing is written for a wrong path or for traces without a single record. A wrong file among traces is reported and
//! ignored.

use std::path::Path;

use dft_tests::{exported, gzip, run, trace, tree, write};

use crate::common::DFT;

/// Returns files that are not traces and do not have names of traces.
fn others() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("x.csv", b"a,b\n1,2\n".to_vec()),
        ("other.json", b"{\"a\":1}\n{\"ts\":5,\"ph\":\"Z\"}\n".to_vec()),
        ("README", Vec::new()),
        ("x.csv.gz", gzip(b"a,b\n1,2\n")),
        ("binary", (0..=255).cycle().take(100_000).collect()),
    ]
}

#[test]
fn a_wrong_path_is_an_error_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, bytes) in others() {
        write(&folder.path().join("docs").join(name), bytes);
    }
    let check = |before: &dyn Fn() -> _| {
        for (name, _) in others() {
            let file = path(&format!("docs/{name}"));
            for words in [
                vec!["summary", &file],
                vec!["info", &file, "--json"],
                vec!["export", &file, "--out", &path("tables/deep")],
                vec!["index", &file],
                vec!["index", &file, "--index", &path("deep/new/index")],
                vec!["index", &file, "--rebuild"],
            ] {
                let ran = run(DFT, &words).exits(1);
                let says = format!("dft: {file}: not a DFTracer trace nor an index; nothing was written\n");
                assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", says.as_str()), "{words:?}");
                assert!(tree(folder.path()) == before(), "{words:?} left something");
            }
            // It is not staged either, and that is reported.
            let staging = ["--staging", &path("local"), "--shared-staging", &path("shared")];
            let ran = run(DFT, ["stage", &file].into_iter().chain(staging)).exits(3);
            assert!(
                ran.err.contains(&format!("{file}: cannot be read, left out: it is not a DFTracer trace")),
                "{}",
                ran.err
            );
            assert!(tree(&folder.path().join("shared")).is_empty());
            let ran = run(DFT, ["stage", &file, "--strict"].into_iter().chain(staging)).exits(1);
            assert!(ran.err.contains("it is not a DFTracer trace"), "{}", ran.err);
            for made in ["local", "shared"] {
                std::fs::remove_dir(folder.path().join(made)).expect("nothing is in it");
            }
        }
    };
    let alone = tree(folder.path());
    check(&|| alone.clone());
    // It adds nothing to an existing index next to it.
    write(&folder.path().join("docs/a.pfw"), trace(1, 100));
    run(DFT, ["index", &path("docs/a.pfw")]).exits(0);
    let with_index = tree(folder.path());
    assert!(with_index.contains_key(&folder.path().join("docs/.dftagg/DFT_INDEX")));
    check(&|| with_index.clone());
}

#[test]
fn the_name_of_a_trace_does_not_matter() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, bytes) in [
        ("trace.log", trace(1, 300).into_bytes()),
        ("packed", gzip(trace(1, 300).as_bytes())),
        // A few malformed lines at the start.
        ("broken", format!("oops\n\n{}", trace(1, 300)).into_bytes()),
    ] {
        write(folder.path().join(name).as_ref(), bytes);
        let ran = run(DFT, ["index", &path(name), "--index", &path(&format!("{name}.index"))]);
        assert_eq!(ran.code, if name == "broken" { 3 } else { 0 }, "{}", ran.err);
        assert!(ran.out.contains("indexed 1 file") && ran.out.contains("321 records"), "{}", ran.out);
    }
}

#[test]
fn a_wrong_file_among_traces_is_reported_and_ignored() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("a.pfw"), trace(1, 300));
    run(DFT, ["index", &path("a.pfw"), "--index", &path("alone")]).exits(0);
    for (name, bytes) in others() {
        write(&folder.path().join(name), bytes);
    }
    let given: Vec<String> = others().iter().map(|(name, _)| path(name)).chain([path("a.pfw")]).collect();
    let (index, alone) = (path("index"), path("alone"));
    let all = |more: &[&'static str]| {
        let words = ["index", "--index", &index].into_iter().chain(more.iter().copied());
        run(DFT, words.chain(given.iter().map(String::as_str)))
    };
    assert!(all(&["--strict"]).exits(1).err.contains("it is not a DFTracer trace"));
    assert!(!folder.path().join("index").exists());
    for words in ["indexed 1 file", "nothing to do"] {
        let ran = all(&[]).exits(3);
        assert!(ran.out.contains(words), "{}", ran.out);
        for (name, _) in others() {
            let says = format!("{}: cannot be read, left out: it is not a DFTracer trace", path(name));
            assert!(ran.err.contains(&says), "{}", ran.err);
        }
    }
    let tables = |index: &str| exported(DFT, Path::new(index), folder.path()).expect("an index");
    assert!(tables(&index) == tables(&alone));
}

#[test]
fn traces_without_a_record_make_no_index_and_change_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let zipped = gzip(trace(1, 300).as_bytes());
    let faults: [(&str, Vec<u8>, &str); 6] = [
        ("empty.pfw", Vec::new(), " (the file is empty)"),
        ("empty.pfw.gz", Vec::new(), " (the file is empty)"),
        ("malformed.pfw", b"oops\n".to_vec(), " (line 1 is malformed: "),
        ("brackets.pfw", b"[\n]\n".to_vec(), "brackets.pfw;"),
        ("begun.pfw", b"[\n{\"name\":\"re".to_vec(), " (truncated: the file ends within line 2)"),
        ("begun.pfw.gz", zipped[..12].to_vec(), " (truncated: "),
    ];
    for (name, bytes, fault) in &faults {
        write(&folder.path().join(name).join(name), bytes);
        write(&folder.path().join("all").join(name), bytes);
        let directory = path(name);
        let before = tree(folder.path());
        for words in [
            vec!["index", &directory],
            vec!["index", &directory, "--index", &path("deep/new/index")],
            vec!["summary", &directory],
            vec!["export", &directory, "--out", &path("tables")],
        ] {
            let ran = run(DFT, &words).exits(1);
            let says = format!("dft: no record in {directory}/{name}");
            assert!(ran.err.contains(&says) && ran.err.contains(fault), "{words:?}: {}", ran.err);
            assert!(ran.err.contains("; nothing was written"), "{}", ran.err);
            assert!(tree(folder.path()) == before, "{words:?} left something");
        }
    }
    let ran = run(DFT, ["index", &path("all")]).exits(1);
    assert!(ran.err.contains("begun.pfw (") && ran.err.contains("brackets.pfw and 3 more"), "{}", ran.err);

    // An existing index records them, and is otherwise unchanged.
    let index = path("index");
    write(&folder.path().join("a.pfw"), trace(1, 300));
    run(DFT, ["index", &path("a.pfw"), "--index", &index]).exits(0);
    let tables = || exported(DFT, Path::new(&index), folder.path()).expect("an index");
    let before = tables();
    run(DFT, ["index", &path("all"), "--index", &index]).exits(3);
    assert!(tables() == before);
    let whole = tree(Path::new(&index));
    run(DFT, ["index", &path("all"), "--index", &index, "--rebuild"]).exits(1);
    assert!(tree(Path::new(&index)) == whole, "the index is not replaced by an empty one");

    // The same holds for bundles.
    let staging = ["--staging", &path("local"), "--shared-staging", &path("shared")];
    run(DFT, ["stage", &path("all")].into_iter().chain(staging)).exits(3);
    let bundles = tree(&folder.path().join("shared"));
    let ran = run(DFT, ["ingest", &path("deep/index"), "--shared-staging", &path("shared")]).exits(1);
    assert!(ran.err.contains("no trace in the bundles here has a record"), "{}", ran.err);
    assert!(!folder.path().join("deep").exists() && tree(&folder.path().join("shared")) == bundles);
    run(DFT, ["ingest", &index, "--shared-staging", &path("shared")]).exits(0);
}
