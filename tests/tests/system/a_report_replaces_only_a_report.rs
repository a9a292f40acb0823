//! `dft report --out` and `dft compare --report` replace an older page, and refuse the name of anything else, which they
//! leave as it is.

use std::fs;

use dft_tests::{run, trace, tree, write};

use crate::common::DFT;

#[test]
fn what_is_not_a_report_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("a.pfw"), trace(1, 50));
    run(DFT, ["index", &path("a.pfw"), "--index", &path("run.dftagg")]).exits(0);
    write(&folder.path().join("notes.html"), "<!doctype html>\n<title>mine</title>\n");
    fs::create_dir(folder.path().join("folder.html")).expect("created");
    let before = tree(folder.path());
    for name in ["notes.html", "a.pfw", "folder.html", "run.dftagg"] {
        let page = path(name);
        let report = run(DFT, ["report", &path("run.dftagg"), "--out", &page]).exits(1);
        let compared = run(DFT, ["compare", &path("run.dftagg"), &path("run.dftagg"), "--report", &page]).exits(1);
        for error in [report.err, compared.err] {
            assert!(error.contains(name) && error.contains("is not a report, so it is not replaced"), "{error}");
        }
        assert!(tree(folder.path()) == before, "{name} has changed");
    }
}

#[test]
fn an_older_report_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("a/a.pfw"), trace(1, 50));
    write(&folder.path().join("b/b.pfw"), trace(2, 70));
    // An empty file, such as `mktemp` makes, holds nothing to lose.
    write(&folder.path().join("page.html"), "");
    let page = || fs::read(folder.path().join("page.html")).expect("a page");
    run(DFT, ["report", &path("a"), "--out", &path("page.html")]).exits(0);
    let first = page();
    run(DFT, ["report", &path("b"), "--out", &path("page.html")]).exits(0);
    let second = page();
    assert!(first != second && second.starts_with(b"<!doctype html>"));
    run(DFT, ["compare", &path("a"), &path("b"), "--report", &path("page.html")]).exits(0);
    assert!(page() != second);
}
