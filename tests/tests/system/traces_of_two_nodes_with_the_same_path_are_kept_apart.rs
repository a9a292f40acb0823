//! Traces on node-local disks have the same path on every node: `--source` keeps them apart.

use dft_tests::{gzip, run, trace};

use crate::common::{Case, DFT};

#[test]
fn a_source_keeps_traces_of_one_path_apart() {
    let case = Case::new();
    let (one, two) = (trace(1, 500), trace(2, 700));
    case.write("a.pfw", &one);
    case.index_with(&["--source", "node1"]).exits(0);
    // The path now has the disk of another node.
    case.write("a.pfw", &two);
    let refused = case.index_with(&["--source", "node1"]).exits(1);
    assert!(refused.err.contains("--rebuild"), "{}", refused.err);
    case.index_with(&["--source", "node2"]).exits(0);
    assert_eq!(case.names(), ["node1:t/a.pfw", "node2:t/a.pfw"]);
    assert!(case.exported() == case.exported_of(&[&one, &two]));
    // Each trace grows on its node.
    let more = two.clone() + &trace(3, 50);
    case.write("a.pfw", &more);
    case.index_with(&["--source", "node2"]).exits(0);
    assert!(case.exported() == case.exported_of(&[&one, &more]));
    assert!(case.index_with(&["--source", "node2"]).exits(0).out.starts_with("nothing to do"));
    // The same text is one trace, whatever its source.
    case.write("a.pfw", &one);
    let ran = case.index_with(&["--source", "node3"]).exits(3);
    assert!(ran.err.contains("node3:") && ran.err.contains("a duplicate of node1:"), "{}", ran.err);
    assert!(case.exported() == case.exported_of(&[&one, &more]));
    case.verify();
    for source in ["", "a\tb"] {
        case.index_with(&["--source", source]).exits(2);
    }
}

#[test]
fn staged_traces_of_several_nodes_keep_their_source() {
    let case = Case::new();
    let (shared, local, traces) = (case.root().join("shared"), case.root().join("local"), case.root().join("t"));
    let stage = |source: &str| {
        let paths = ["stage".as_ref(), traces.as_os_str(), "--staging".as_ref(), local.as_os_str()];
        let more = ["--shared-staging".as_ref(), shared.as_os_str(), "--source".as_ref(), source.as_ref()];
        run(DFT, paths.into_iter().chain(more)).exits(0)
    };
    let (one, two) = (trace(1, 500), trace(2, 700));
    case.write("a.pfw", &one);
    stage("node1");
    case.write("a.pfw", gzip(two.as_bytes()));
    stage("node2");
    assert!(stage("node2").out.starts_with("nothing to do"));
    let index = case.index_path();
    run(DFT, ["ingest".as_ref(), index.as_os_str(), "--shared-staging".as_ref(), shared.as_os_str()]).exits(0);
    assert_eq!(case.names(), ["node1:t/a.pfw", "node2:t/a.pfw"]);
    assert!(case.exported() == case.exported_of(&[&one, &two]));
    // The build on that node knows its trace.
    assert!(case.index_with(&["--source", "node2"]).exits(0).out.starts_with("nothing to do"));
    case.verify();
}
