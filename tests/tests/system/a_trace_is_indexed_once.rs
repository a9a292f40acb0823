//! Running again on the same traces does nothing. New files are added; changed files are refused.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use dft_tests::{contents, export, gzip, index_and_export, run, trace, write};

use crate::common::DFT;

#[test]
fn known_files_are_not_read_and_new_ones_are_added_and_changed_ones_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    let (first, second) = (traces.join("first.pfw.gz"), traces.join("deep/second.pfw"));
    write(&first, gzip(trace(1, 3_000).as_bytes()));
    let index = || run(DFT, ["index".as_ref(), traces.as_os_str()]);
    assert!(index().exits(0).out.contains("indexed 1 file"));
    assert!(dft_tests::has_index(&traces.join(".dftagg")), "next to the traces by default");
    assert!(index().exits(0).out.starts_with("nothing to do"));

    write(&second, trace(2, 3_000));
    let added = index().exits(0).out;
    assert!(added.contains("indexed 1 file") && added.contains("1 file already in the index"), "{added}");

    // Another date alone is not a change: contents are compared.
    let file = File::options().append(true).open(&second).expect("opened");
    file.set_modified(SystemTime::now() - Duration::from_secs(1_000)).expect("dated");
    assert!(index().exits(0).out.starts_with("nothing to do"));

    // Traces and index move together.
    let moved = folder.path().join("moved");
    fs::rename(&traces, &moved).expect("moved");
    assert!(run(DFT, ["index".as_ref(), moved.as_os_str()]).exits(0).out.starts_with("nothing to do"));

    let changed = trace(2, 3_000).replace("read", "READ");
    write(&moved.join("deep/second.pfw"), &changed);
    let refused = run(DFT, ["index".as_ref(), moved.as_os_str()]).exits(1);
    assert!(refused.err.contains("second.pfw") && refused.err.contains("--rebuild"), "{}", refused.err);

    run(DFT, ["index".as_ref(), moved.as_os_str(), "--rebuild".as_ref()]).exits(0);
    let rebuilt = folder.path().join("rebuilt");
    export(DFT, &moved.join(".dftagg"), &rebuilt);
    let fresh = index_and_export(DFT, &moved, &folder.path().join("fresh"), &[]);
    assert!(contents(&rebuilt) == contents(&fresh));
}
