//! `dft watch`: traces that appear and grow are counted once, and Ctrl-C ends with the summary.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use dft_tests::{run, write};

use crate::common::DFT;

fn record(ts: u64) -> String {
    format!(r#"{{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":{ts},"dur":5,"ph":"X","args":{{"ret":100}}}}"#) + "\n"
}

/// Reads lines of the program until one has some words.
fn wait_for(lines: &mut impl BufRead, words: &str) {
    let mut all = String::new();
    while !all.lines().next_back().is_some_and(|line| line.contains(words)) {
        assert!(lines.read_line(&mut all).expect("read") > 0, "no line with {words}:\n{all}");
    }
}

fn interrupt(child: &Child) {
    // SAFETY: this sends a signal to a child that was not waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) }, 0);
}

#[test]
fn traces_that_appear_and_grow_are_counted_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    let index = folder.path().join("index");
    let mut watch = Command::new(DFT);
    watch.arg("watch").arg(&traces).arg("--index").arg(&index).args(["--every", "20ms"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut lines = BufReader::new(watch.stdout.take().expect("a pipe"));
    wait_for(&mut lines, "waiting for a trace");
    fs::create_dir(&traces).expect("made");
    let trace = traces.join("x.pfw");
    write(&trace, record(1) + &record(2));
    wait_for(&mut lines, "1 trace file, 2 records");
    let mut file = fs::OpenOptions::new().append(true).open(&trace).expect("opened");
    file.write_all(record(2_000_000).as_bytes()).expect("written");
    wait_for(&mut lines, "3 records, span 2 s; posix: 3 calls, 300 B; since the last look");
    interrupt(&watch);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("read");
    assert_eq!(watch.wait().expect("waited").code(), Some(0), "{rest}");
    assert!(rest.contains("1 trace file, 3 records\n") && rest.contains("top functions, by time"), "{rest}");
    // The index is that of the trace.
    let again = run(DFT, ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()]).exits(0);
    assert!(again.out.contains("nothing to do"), "{}", again.out);
}

#[test]
fn watch_ends_when_traces_stop_growing() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("x.pfw");
    write(&trace, record(1));
    let ran = run(
        DFT,
        ["watch".as_ref(), trace.as_os_str(), "--every".as_ref(), "10ms".as_ref(), "--idle".as_ref(), "1ms".as_ref()],
    );
    let out = ran.exits(0).out;
    assert!(out.contains("1 trace file, 1 records") && out.contains("posix read"), "{out}");
    // Without any trace there is no index.
    let nothing = folder.path().join("nothing");
    let ran = run(
        DFT,
        ["watch".as_ref(), nothing.as_os_str(), "--every".as_ref(), "10ms".as_ref(), "--idle".as_ref(), "1ms".as_ref()],
    );
    assert!(ran.exits(0).err.contains("no trace was found"));
    assert!(!nothing.exists());
}

#[test]
fn waiting_for_a_trace_is_said_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("none");
    let ran = run(
        DFT,
        [
            "watch".as_ref(),
            traces.as_os_str(),
            "--every".as_ref(),
            "20ms".as_ref(),
            "--idle".as_ref(),
            "300ms".as_ref(),
        ],
    )
    .exits(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("waiting for a trace\n", "no trace was found\n"));
}
