//! Two files with the same text are one trace: one is counted, and the other is reported as its duplicate, whatever
//! their names, directories and compression.

use std::fs;
use std::os::unix::fs::symlink;

use dft_tests::{gzip, trace};

use crate::common::Case;

fn pair(name: &str, of: &str) -> (String, String) {
    (format!("t/{name}"), format!("t/{of}"))
}

#[test]
fn copies_in_one_run_are_named_and_the_first_by_path_counts() {
    let (a, b) = (trace(1, 3_000), trace(2, 500));
    for threads in ["1", "2", "5"] {
        let case = Case::new();
        // Compressed, copied, in two members, a hard link, in a directory that sorts first.
        case.write("a.pfw", &a);
        case.write("a.pfw.gz", gzip(a.as_bytes()));
        case.write("backup/a.pfw", &a);
        case.write("z.pfw.gz", [gzip(&a.as_bytes()[..70_000]), gzip(&a.as_bytes()[70_000..])].concat());
        fs::hard_link(case.path("a.pfw"), case.path("linked.pfw")).expect("linked");
        case.write("b.pfw", &b);
        case.write("0/b.pfw", &b);
        let ran = case.index_with(&["--threads", threads]).exits(3);
        let root = case.root();
        let named = |name: &str, of: &str| {
            let of = root.join("t").join(of);
            let says = format!("{}: a duplicate of {}, which", root.join("t").join(name).display(), of.display());
            assert!(ran.err.contains(&says), "{says}\n{}", ran.err);
        };
        ["a.pfw.gz", "backup/a.pfw", "linked.pfw", "z.pfw.gz"].iter().for_each(|name| named(name, "a.pfw"));
        named("b.pfw", "0/b.pfw");
        assert!(ran.out.contains("indexed 2 files") && ran.out.contains("5 files, not counted"), "{}", ran.out);
        assert_eq!(case.names(), ["t/0/b.pfw", "t/a.pfw"]);
        assert!(case.exported() == case.exported_of(&[&a, &b]));
        case.verify();
        // Later runs know it and report it again.
        let again = case.index().exits(3);
        assert!(again.out.starts_with("nothing to do: all 7 files"), "{}", again.out);
        assert_eq!(again.err, ran.err);
    }
}

#[test]
fn a_copy_that_comes_later_is_a_duplicate_of_the_indexed_trace() {
    let case = Case::new();
    let text = trace(1, 1_000);
    case.write("b.pfw", &text);
    case.index().exits(0);
    let before = case.exported();
    case.write("a.pfw.gz", gzip(text.as_bytes()));
    case.write("c.pfw", trace(2, 10));
    case.index().exits(3);
    assert_eq!(case.names(), ["t/b.pfw", "t/c.pfw"]);
    assert_eq!(case.duplicates(), [pair("a.pfw.gz", "b.pfw")]);
    // When the counted file is gone, the copy becomes the trace.
    fs::remove_file(case.path("b.pfw")).expect("removed");
    fs::remove_file(case.path("c.pfw")).expect("removed");
    let ran = case.index().exits(0);
    assert!(ran.err.contains("c.pfw: the file is gone, but its trace is still counted"), "{}", ran.err);
    assert_eq!(case.names(), ["t/a.pfw.gz", "t/c.pfw"]);
    assert_eq!(case.duplicates(), []);
    assert!(case.exported() != before, "c.pfw is still counted");
    // A copy that changes to another trace is counted.
    case.write("d.pfw", &text);
    case.index().exits(3);
    case.write("d.pfw", trace(3, 400));
    case.index().exits(0);
    assert_eq!(case.names(), ["t/a.pfw.gz", "t/c.pfw", "t/d.pfw"]);
    case.write("c.pfw", trace(2, 10));
    assert!(case.exported() == case.exported_after_rebuild());
    case.verify();
}

#[test]
fn strict_refuses_a_copy_and_stores_nothing() {
    let case = Case::new();
    case.write("a.pfw", trace(1, 100));
    case.write("b.pfw", trace(1, 100));
    let refused = case.index_with(&["--strict"]).exits(1);
    assert!(refused.err.contains("b.pfw") && refused.err.contains("duplicate of"), "{}", refused.err);
    assert!(!dft_tests::has_index(&case.index_path()));
}

#[test]
fn a_directory_under_another_path_has_the_same_traces() {
    let case = Case::new();
    case.write("run/a.pfw", trace(1, 300));
    case.write("run/b.pfw.gz", gzip(trace(2, 300).as_bytes()));
    symlink(case.path("run"), case.path("again")).expect("linked");
    case.index().exits(0);
    assert_eq!(case.names(), ["t/run/a.pfw", "t/run/b.pfw.gz"]);
    // The same files, as if they were mounted a second time.
    fs::remove_file(case.path("again")).expect("removed");
    for name in ["a.pfw", "b.pfw.gz"] {
        fs::create_dir_all(case.path("again")).expect("made");
        fs::hard_link(case.path("run").join(name), case.path("again").join(name)).expect("linked");
    }
    let before = case.exported();
    case.index().exits(3);
    assert!(case.exported() == before);
}

#[test]
fn traces_that_only_start_alike_are_two_traces() {
    let case = Case::new();
    // The first megabyte is the same, and the rest has the same length.
    let start = trace(1, 8_000);
    let (a, b) = (start.clone() + &trace(2, 50), start.clone() + &trace(3, 50).replace("read", "READ"));
    case.write("a.pfw", &a);
    case.write("b.pfw.gz", gzip(b.as_bytes()));
    let ran = case.index().exits(0);
    assert!(ran.err.contains("both are counted") && ran.err.contains("process 1"), "{}", ran.err);
    assert_eq!(case.records(), 2 * (8_021 + 71));
    assert!(case.exported() == case.exported_of(&[&a, &b]));
    // Empty files are not copies of each other.
    for name in ["x.pfw", "y.pfw"] {
        case.write(name, "[\n]\n");
    }
    case.index().exits(0);
}

#[test]
fn a_trace_that_grows_to_be_another_one_is_refused() {
    let case = Case::new();
    let text = trace(1, 1_000);
    case.write("a.pfw", &text);
    let half = text[..text.len() / 2].rfind('\n').expect("a line") + 1;
    case.write("b.pfw", &text[..half]);
    let ran = case.index().exits(0);
    assert!(ran.err.contains("both are counted"), "{}", ran.err);
    let before = case.exported();
    case.write("b.pfw", &text);
    let refused = case.index().exits(1);
    assert!(
        refused.err.contains("b.pfw now has the same text as") && refused.err.contains("--rebuild"),
        "{}",
        refused.err
    );
    assert!(case.exported() == before);
    case.index_with(&["--rebuild"]).exits(3);
    assert!(case.exported() == case.exported_of(&[&text]));
}

#[test]
fn copies_are_found_whatever_the_time_unit_is() {
    let (text, other) = (trace(1, 1_000), trace(2, 500));
    for unit in ["ns", "ms", "us"] {
        let unit = ["--time-unit", unit];
        let case = Case::new();
        case.write("a.pfw", &text);
        case.write("b.pfw", &text);
        case.write("c.pfw.gz", gzip(text.as_bytes()));
        case.index_with(&unit).exits(3);
        assert_eq!(case.names(), ["t/a.pfw"], "{unit:?}");
        assert_eq!(case.duplicates(), [pair("b.pfw", "a.pfw"), pair("c.pfw.gz", "a.pfw")]);
        // Also in a later run.
        case.write("d.pfw.gz", gzip(other.as_bytes()));
        case.index_with(&unit).exits(3);
        case.write("e.pfw", &other);
        case.write("f.pfw.gz", gzip(text.as_bytes()));
        case.index_with(&unit).exits(3);
        assert_eq!(case.names(), ["t/a.pfw", "t/d.pfw.gz"], "{unit:?}");
        assert_eq!(case.records(), 1_021 + 521);
        case.verify();
    }
}
