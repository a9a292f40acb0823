//! Traces that are renamed or moved, and traces of an index that is moved, are recognized and not counted again.

use std::fs;

use dft_tests::{gzip, run, trace};

use crate::common::{Case, DFT};

#[test]
fn traces_and_directories_may_be_renamed_and_grow_meanwhile() {
    let case = Case::new();
    let (a, b) = (trace(1, 500), trace(2, 800));
    case.write("run/a.pfw", &a);
    case.write("run/deep/b.pfw.gz", gzip(b.as_bytes()));
    case.write("run/c.pfw", trace(3, 200));
    case.index().exits(0);
    let before = case.exported();
    fs::rename(case.path("run"), case.path("renamed")).expect("renamed");
    fs::rename(case.path("renamed/a.pfw"), case.path("renamed/z.pfw")).expect("renamed");
    let ran = case.index().exits(0);
    assert!(ran.out.starts_with("nothing to do") && !ran.err.contains("gone"), "{}", ran.err);
    assert_eq!(case.names(), ["t/renamed/c.pfw", "t/renamed/deep/b.pfw.gz", "t/renamed/z.pfw"]);
    assert!(case.exported() == before);
    // One trace is moved and has grown; another trace has its old name.
    fs::rename(case.path("renamed"), case.path("last")).expect("renamed");
    let more = trace(4, 60);
    case.write("last/deep/b.pfw.gz", [gzip(b.as_bytes()), gzip(more.as_bytes())].concat());
    case.write("renamed/z.pfw", trace(5, 70));
    case.index().exits(0);
    assert!(case.exported() == case.exported_after_rebuild());
    assert_eq!(case.names(), ["t/last/c.pfw", "t/last/deep/b.pfw.gz", "t/last/z.pfw", "t/renamed/z.pfw"]);
    case.verify();
}

#[test]
fn an_index_that_is_moved_next_to_its_traces_knows_them() {
    let case = Case::new();
    case.write("a.pfw", trace(1, 500));
    case.write("b.pfw.gz", gzip(trace(2, 500).as_bytes()));
    let elsewhere = case.root().join("far/away/index");
    let traces = case.root().join("t");
    let index = |index: &std::path::Path| {
        run(DFT, ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()])
    };
    index(&elsewhere).exits(0);
    let default = traces.join(".dftagg");
    fs::rename(&elsewhere, &default).expect("moved");
    let ran = index(&default).exits(0);
    assert!(ran.out.starts_with("nothing to do"), "{}", ran.out);
    // Move everything.
    let moved = case.root().join("moved");
    fs::rename(&traces, &moved).expect("moved");
    let ran = run(DFT, ["index".as_ref(), moved.as_os_str()]).exits(0);
    assert!(ran.out.starts_with("nothing to do"), "{}", ran.out);
}

#[test]
fn a_trace_that_is_gone_is_reported() {
    let case = Case::new();
    case.write("a.pfw", trace(1, 500));
    case.write("b.pfw", trace(2, 500));
    case.index().exits(0);
    fs::remove_file(case.path("a.pfw")).expect("removed");
    let says = "a.pfw: the file is gone, but its trace is still counted";
    let ran = case.index().exits(0);
    assert!(ran.err.contains(says), "{}", ran.err);
    let index = case.index_path();
    let info = run(DFT, ["info".as_ref(), index.as_os_str()]).exits(0);
    assert!(info.out.contains("gone       1 trace file, still counted"), "{}", info.out);
    let summary = run(DFT, ["summary".as_ref(), index.as_os_str()]).exits(0);
    assert!(summary.err.contains(says), "{}", summary.err);
    let json = run(DFT, ["summary".as_ref(), index.as_os_str(), "--json".as_ref()]).exits(0);
    assert!(json.out.contains("\"gone\": [\n") && json.out.contains("t/a.pfw\""), "{}", json.out);
}

#[test]
fn traces_whose_index_has_other_traces_are_refused() {
    let case = Case::new();
    case.write("a.pfw", trace(1, 500));
    case.write("b.pfw", trace(2, 500));
    let traces = case.root().join("t");
    run(DFT, ["index".as_ref(), traces.as_os_str()]).exits(0);
    let (one, out) = (case.path("a.pfw"), case.root().join("tables"));
    for command in [
        vec!["summary".as_ref(), one.as_os_str()],
        vec!["info".as_ref(), one.as_os_str()],
        vec!["export".as_ref(), one.as_os_str(), "--out".as_ref(), out.as_os_str()],
    ] {
        let refused = run(DFT, command).exits(1);
        assert!(refused.err.contains("also has other traces") && refused.err.contains("b.pfw"), "{}", refused.err);
    }
    assert!(!out.exists());
    run(DFT, ["summary".as_ref(), traces.as_os_str()]).exits(0);
    // A trace that is gone does not count as another trace.
    fs::remove_file(case.path("b.pfw")).expect("removed");
    let ran = run(DFT, ["summary".as_ref(), one.as_os_str()]).exits(0);
    assert!(ran.err.contains("b.pfw: the file is gone, but its trace is still counted"), "{}", ran.err);
}
