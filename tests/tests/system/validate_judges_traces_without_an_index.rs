//! `dft validate`: counts, faults with their lines, exit codes, and nothing written.

use std::fs;
use std::path::Path;

use dft_tests::{run, trace, write};

use crate::common::DFT;

fn entries(directory: &Path) -> usize {
    fs::read_dir(directory).expect("listed").count()
}

#[test]
fn sound_traces_exit_0_and_leave_no_index() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("x.pfw"), trace(1, 1_000));
    let found = run(DFT, ["validate".as_ref(), folder.path().as_os_str()]).exits(0);
    assert!(found.out.contains("read 1 file") && found.out.contains("960 events"), "{}", found.out);
    assert_eq!(entries(folder.path()), 1);
}

#[test]
fn faults_exit_3_with_their_files_and_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    write(&path("a.pfw"), trace(1, 10));
    write(
        &path("b.pfw"),
        trace(2, 10).trim_end_matches("]\n").to_owned() + "\noops\n{\"name\":\"x\",\"ph\":\"?\",\"ts\":1}\n",
    );
    write(&path("c.pfw"), "");
    write(&path("copy.pfw"), trace(1, 10));
    let validate = |more: &[&str]| {
        let directory = folder.path().to_str().expect("UTF-8");
        run(DFT, ["validate", directory].iter().chain(more)).exits(3)
    };
    let found = validate(&[]);
    for message in
        ["b.pfw: 1 malformed line", "line 34: not a JSON object", "of unknown phase", "c.pfw: empty", "copy.pfw"]
    {
        assert!(found.err.contains(message), "{message}\n{}", found.err);
    }
    let json = validate(&["--json", "--threads", "1"]).out;
    for field in
        ["\"has_faults\": true", "\"malformed\": 1", "\"first_malformed\": [", "\"kind\": \"empty\"", "\"of\":"]
    {
        assert!(json.contains(field), "{field}\n{json}");
    }
    assert_eq!(entries(folder.path()), 4);
}

#[test]
fn what_holds_no_record_exits_1() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text, message) in [("x.pfw", "oops\n", "no record in"), ("y.txt", "a text\n", "not a DFTracer trace")] {
        let path = folder.path().join(name);
        write(&path, text);
        let failed = run(DFT, ["validate".as_ref(), path.as_os_str()]).exits(1);
        assert!(failed.err.contains(message), "{}", failed.err);
    }
    run(DFT, ["validate".as_ref(), folder.path().join("nothing").as_os_str()]).exits(1);
}
