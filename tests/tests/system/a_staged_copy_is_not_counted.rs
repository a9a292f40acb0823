//! Staged builds also count a trace once: copies in one part, in the parts of two workers, in pieces, and of traces that
//! are already in the index.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use dft_tests::{Ran, gzip, run, trace};

use crate::common::{Case, DFT};

impl Case {
    fn shared(&self) -> PathBuf {
        self.root().join("shared")
    }

    fn stage(&self, traces: &str, options: &[&str]) -> Ran {
        let (traces, shared, local) = (self.path(traces), self.shared(), self.root().join("local"));
        let paths = ["stage".as_ref(), traces.as_os_str(), "--staging".as_ref(), local.as_os_str()];
        let paths = paths.into_iter().chain(["--shared-staging".as_ref(), shared.as_os_str()]);
        run(DFT, paths.chain(options.iter().map(OsStr::new)))
    }

    fn ingest(&self) -> Ran {
        let (index, shared) = (self.index_path(), self.shared());
        run(DFT, ["ingest".as_ref(), index.as_os_str(), "--shared-staging".as_ref(), shared.as_os_str()])
    }

    fn bundles(&self) -> usize {
        fs::read_dir(self.shared()).expect("listed").count()
    }
}

#[test]
fn copies_in_one_part_are_named_when_they_are_staged_and_known_to_the_index() {
    let case = Case::new();
    let (a, b) = (trace(1, 1_000), trace(2, 500));
    case.write("a.pfw", &a);
    case.write("a.pfw.gz", gzip(a.as_bytes()));
    case.write("b.pfw", &b);
    let staged = case.stage("", &[]).exits(3);
    assert!(staged.err.contains("a.pfw.gz: a duplicate of") && staged.out.contains("staged 2 files"), "{}", staged.err);
    let again = case.stage("", &[]).exits(3);
    assert!(again.out.starts_with("nothing to do") && again.err == staged.err, "{}", again.err);
    let refused = case.stage("", &["--strict", "--interval", "2s"]).exits(1);
    assert!(refused.err.contains("duplicate of"), "{}", refused.err);
    let ingested = case.ingest().exits(3);
    assert!(ingested.err.contains("a.pfw.gz: a duplicate of"), "{}", ingested.err);
    assert!(case.exported() == case.exported_of(&[&a, &b]));
    assert_eq!(case.bundles(), 0);
    // A build knows the copy and reads nothing.
    let ran = case.index().exits(3);
    assert!(ran.out.starts_with("nothing to do: all 3 files"), "{}", ran.out);
    case.verify();
}

#[test]
fn copies_of_two_workers_are_found_by_the_ingest_and_the_first_by_path_counts() {
    let (a, b) = (trace(1, 1_000), trace(2, 500));
    for [first, second] in [["one", "two"], ["two", "one"]] {
        let case = Case::new();
        case.write("one/a.pfw", &a);
        case.write("one/b.pfw.gz", gzip(b.as_bytes()));
        case.write("two/a.pfw.gz", gzip(a.as_bytes()));
        case.write("two/b.pfw", &b);
        case.write("three/c.pfw", trace(3, 300));
        case.stage("three", &[]).exits(0);
        case.stage(first, &[]).exits(0);
        let hidden = case.root().join("hidden");
        // Like another machine that does not see the first one's bundle yet.
        fs::rename(case.shared(), &hidden).expect("moved");
        case.stage(second, &[]).exits(0);
        for bundle in fs::read_dir(&hidden).expect("listed") {
            let bundle = bundle.expect("listed");
            fs::rename(bundle.path(), case.shared().join(bundle.file_name())).expect("moved");
        }
        let ingested = case.ingest().exits(3);
        assert!(ingested.err.contains("two/a.pfw.gz: a duplicate of"), "{}", ingested.err);
        assert!(!ingested.err.contains("refused"), "{}", ingested.err);
        assert_eq!(case.names(), ["t/one/a.pfw", "t/one/b.pfw.gz", "t/three/c.pfw"]);
        assert!(case.exported() == case.exported_of(&[&a, &b, &trace(3, 300)]));
        assert_eq!(case.bundles(), 0);
        assert!(case.index().exits(3).out.starts_with("nothing to do: all 5 files"));
        case.verify();
    }
}

#[test]
fn a_bundle_with_a_copy_and_another_trace_is_refused_with_what_to_do() {
    let case = Case::new();
    let a = trace(1, 1_000);
    case.write("a.pfw", &a);
    case.index().exits(0);
    case.write("two/a.pfw", &a);
    case.write("two/b.pfw", trace(2, 500));
    case.write("three/a.pfw", &a);
    case.stage("two", &[]).exits(0);
    let ingested = case.ingest().exits(3);
    assert!(ingested.err.contains("two/a.pfw has the same text as"), "{}", ingested.err);
    assert!(ingested.err.contains("run `dft index` for the missing traces"), "{}", ingested.err);
    assert!(case.exported() == case.exported_of(&[&a]));
    case.index().exits(3);
    assert!(case.exported() == case.exported_of(&[&a, &trace(2, 500)]));
}

#[test]
fn a_copy_that_is_staged_in_pieces_is_a_duplicate() {
    let case = Case::new();
    let a = trace(1, 20_000);
    case.write("a/a.pfw", &a);
    case.index().exits(0);
    // Text, and gzip with members that start at lines.
    case.write("b/b.pfw", &a);
    let lines: Vec<&str> = a.split_inclusive('\n').collect();
    let members: Vec<Vec<u8>> = lines.chunks(500).map(|lines| gzip(lines.concat().as_bytes())).collect();
    case.write("c/c.pfw.gz", members.concat());
    for traces in ["b", "c"] {
        let staged = case.stage(traces, &["--piece-size", "60K"]).exits(0);
        assert!(staged.out.contains("pieces"), "{}", staged.out);
    }
    let ingested = case.ingest().exits(3);
    for name in ["b/b.pfw", "c/c.pfw.gz"] {
        assert!(ingested.err.contains(&format!("{name}: a duplicate of")), "{}", ingested.err);
    }
    assert_eq!(case.bundles(), 0);
    assert!(case.exported() == case.exported_of(&[&a]));
    // A trace that was staged in pieces has duplicates, too.
    let case = Case::new();
    case.write("c/c.pfw.gz", members.concat());
    case.stage("c", &["--piece-size", "60K"]).exits(0);
    case.ingest().exits(0);
    case.write("b/b.pfw", &a);
    let ran = case.index().exits(3);
    assert!(ran.err.contains("b/b.pfw: a duplicate of"), "{}", ran.err);
    fs::remove_file(case.path("c/c.pfw.gz")).expect("removed");
    case.index().exits(0);
    // The trace is resumed when it grows.
    let more = trace(4, 40);
    case.write("b/b.pfw", a.clone() + &more);
    case.index().exits(0);
    assert!(case.exported() == case.exported_after_rebuild());
    case.verify();
}

#[test]
fn copies_are_found_whatever_the_time_unit_is() {
    let a = trace(1, 20_000);
    let unit = ["--time-unit", "ns"];
    let case = Case::new();
    case.write("a/a.pfw", &a);
    case.write("a/b.pfw.gz", gzip(a.as_bytes()));
    case.write("c/c.pfw", &a);
    let staged = case.stage("a", &unit).exits(3);
    assert!(staged.err.contains("a/b.pfw.gz: a duplicate of"), "{}", staged.err);
    let pieces = case.stage("c", &["--time-unit", "ns", "--piece-size", "60K"]).exits(0);
    assert!(pieces.out.contains("pieces"), "{}", pieces.out);
    let ingested = case.ingest().exits(3);
    assert!(ingested.err.contains("c/c.pfw: a duplicate of"), "{}", ingested.err);
    assert_eq!(case.names(), ["t/a/a.pfw"]);
    // Also of a trace that was staged in pieces.
    let case = Case::new();
    case.write("c/c.pfw", &a);
    case.stage("c", &["--time-unit", "ns", "--piece-size", "60K"]).exits(0);
    case.ingest().exits(0);
    case.write("d/d.pfw", &a);
    case.index_with(&unit).exits(3);
    assert_eq!(case.names(), ["t/c/c.pfw"]);
    assert_eq!(case.duplicates(), [("t/d/d.pfw".to_owned(), "t/c/c.pfw".to_owned())]);
    case.verify();
}
