//! Early tracers hash file names to 16 bits, which collide. The rows of a process have the names that it gave itself.

use std::collections::BTreeMap;

use dft_tests::{index_and_export, run, table, write};

use crate::common::DFT;

fn trace(pid: u32, file: Option<&str>) -> String {
    let call = format!(
        r#"{{"name":"read","cat":"POSIX","pid":{pid},"tid":1,"ts":5,"dur":1,"ph":"X","args":{{"hhash":77,"fhash":40321,"ret":1}}}}"#
    );
    let name = |file| {
        format!(
            r#"{{"name":"FH","cat":"dftracer","pid":{pid},"tid":1,"ph":"M","args":{{"hhash":77,"name":"{file}","value":40321}}}}"#
        )
    };
    file.map(|file| name(file) + "\n").unwrap_or_default() + &call + "\n"
}

fn names(folder: &std::path::Path, out: &std::path::Path) -> BTreeMap<String, String> {
    let rows = table(&out.join("events.parquet"));
    assert!(folder.exists());
    rows.into_iter().map(|row| (row["pid"].clone(), row["file_name"].clone())).collect()
}

#[test]
fn rows_have_the_names_that_their_process_gave_or_else_the_smallest() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    for (pid, file) in [(1, Some("/b")), (2, Some("/a")), (3, Some("/c")), (4, None)] {
        write(&traces.join(format!("{pid}.pfw")), trace(pid, file));
    }
    let out = index_and_export(DFT, &traces, folder.path(), &[]);
    let wanted = [("1", "/b"), ("2", "/a"), ("3", "/c"), ("4", "/a")];
    let wanted: BTreeMap<_, _> = wanted.map(|(pid, name)| (pid.to_owned(), name.to_owned())).into();
    assert_eq!(names(folder.path(), &out), wanted);
}

#[test]
fn names_are_the_same_for_any_number_of_builds() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    for (pid, file) in [(1, "/b"), (2, "/a"), (3, "/c")] {
        write(&folder.path().join(format!("traces/{pid}.pfw")), trace(pid, Some(file)));
        run(DFT, ["index", &path("traces"), "--index", &path("index")]).exits(0);
    }
    run(DFT, ["export", &path("index"), "--out", &path("out")]).exits(0);
    let wanted: BTreeMap<_, _> =
        [("1", "/b"), ("2", "/a"), ("3", "/c")].map(|(pid, name)| (pid.to_owned(), name.to_owned())).into();
    assert_eq!(names(folder.path(), &folder.path().join("out")), wanted);
    run(DFT, ["verify", &path("index")]).exits(0);
}
