//! FIFOs, sockets, directories that may not be entered, paths that are too long, and other containers look like traces
//! but cannot be read: they are reported, nothing blocks on them, and all other traces are read.
#![allow(clippy::print_stderr, reason = "a test reports what it cannot test on a machine")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use dft_tests::{Ran, dft, gzip, run, write};

use crate::common::DFT;

const CALL: &str =
    "{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":5,\"dur\":1,\"ph\":\"X\",\"args\":{}}\n";

/// Runs a program that must not block. Kills it after a minute.
fn run_bounded(command: &mut Command) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let start = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().expect("killed");
            panic!("it waits");
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("a child");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: output.status.code().expect("not killed"), out: text(output.stdout), err: text(output.stderr) }
}

fn index(trace: &Path, index: &Path, more: &[&str]) -> Ran {
    let arguments = ["index".as_ref(), trace.as_os_str(), "--index".as_ref(), index.as_os_str()];
    run_bounded(dft(DFT, arguments).args(more))
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("it runs").success());
}

#[test]
fn a_fifo_or_socket_with_the_name_of_a_trace_is_reported_and_does_not_block() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, made) = (folder.path().join("traces"), folder.path().join("index"));
    write(&traces.join("good.pfw"), CALL);
    make_fifo(&traces.join("fifo.pfw"));
    make_fifo(&traces.join("fifo.pfw.gz"));
    make_fifo(&traces.join("other"));
    let _socket = UnixListener::bind(traces.join("socket.pfw")).expect("bound");
    let ran = index(&traces, &made, &[]).exits(3);
    for (name, what) in [("fifo.pfw", "a FIFO"), ("fifo.pfw.gz", "a FIFO"), ("socket.pfw", "a socket")] {
        let message = format!("/{name}: cannot be read, left out: it is {what}, not a regular file");
        assert!(ran.err.contains(&message), "{message}\n{}", ran.err);
    }
    assert!(ran.out.contains("1 events") && !ran.err.contains("other"), "{}\n{}", ran.out, ran.err);
    let strict = index(&traces, &folder.path().join("strict"), &["--strict"]).exits(1);
    assert!(strict.err.contains("not a regular file"), "{}", strict.err);
    // By path, by glob and through a link.
    std::os::unix::fs::symlink(traces.join("fifo.pfw"), folder.path().join("link.pfw")).expect("linked");
    for path in [traces.join("fifo.pfw"), traces.join("fifo*"), folder.path().join("link.pfw")] {
        let ran = index(&path, &folder.path().join("none"), &[]).exits(1);
        assert!(ran.err.contains("no trace that can be read in") && ran.err.contains("a FIFO"), "{}", ran.err);
    }
    assert!(!folder.path().join("none").exists(), "there is no empty index");
    // The first worker reports them, too, since they are in no part.
    for (part, code) in [("0/2", 3), ("1/2", 0)] {
        let to = folder.path().join("staging");
        let options = ["--staging".as_ref(), to.as_os_str(), "--shared-staging".as_ref(), to.as_os_str()];
        let mut command = dft(DFT, ["stage".as_ref(), traces.as_os_str(), "--part".as_ref(), part.as_ref()]);
        let ran = run_bounded(command.args(options)).exits(code);
        assert_eq!(ran.err.contains("fifo.pfw.gz: cannot be read"), code == 3, "{}", ran.err);
    }
}

#[test]
fn a_trace_that_becomes_a_fifo_is_reported_and_does_not_block() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, made) = (folder.path().join("traces"), folder.path().join("index"));
    write(&traces.join("a.pfw"), CALL);
    write(&traces.join("b.pfw"), CALL.replace("\"pid\":1", "\"pid\":2"));
    index(&traces, &made, &[]).exits(0);
    fs::remove_file(traces.join("b.pfw")).expect("removed");
    make_fifo(&traces.join("b.pfw"));
    let ran = index(&traces, &made, &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("b.pfw: cannot be read, left out: it is a FIFO"), "{}", ran.err);
}

#[test]
fn any_name_works_by_directory_by_path_and_by_glob() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    let names: [&[u8]; 5] = [b"caf\xe9.pfw", b".hidden.pfw", b"x[1].pfw", b"a\nb.pfw", b"*.pfw"];
    for (at, name) in names.iter().enumerate() {
        write(&traces.join(OsStr::from_bytes(name)), CALL.replace("\"pid\":1", &format!("\"pid\":{at}")));
    }
    let made = |at: usize| folder.path().join(format!("index-{at}"));
    let ran = index(&traces, &made(0), &[]).exits(0);
    assert!(ran.out.contains("5 events"), "{}", ran.out);
    let ran = index(&traces.join("*"), &made(1), &[]).exits(0);
    assert!(ran.out.contains("5 events"), "a path that is there is no glob, and this one is none: {}", ran.out);
    let ran = index(&traces.join(OsStr::from_bytes(b"caf\xe9*")), &made(2), &[]).exits(0);
    assert!(ran.out.contains("1 events"), "{}", ran.out);
    for (at, name) in names.iter().enumerate() {
        let ran = index(&traces.join(OsStr::from_bytes(name)), &made(10 + at), &[]).exits(0);
        assert!(ran.out.contains("1 events"), "{name:?}: {}", ran.out);
    }
    // A second run of the same index knows all of them.
    let ran = index(&traces, &made(1), &[]).exits(0);
    assert!(ran.out.contains("all 5 files"), "{}", ran.out);
    run(DFT, ["info".as_ref(), made(1).as_os_str(), "--json".as_ref()]).exits(0);
    run(DFT, ["verify".as_ref(), made(1).as_os_str()]).exits(0);
}

#[test]
fn a_directory_that_may_not_be_entered_is_reported_and_the_rest_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("dft");
    fs::copy(DFT, &program).expect("copied");
    let (traces, made) = (folder.path().join("traces"), folder.path().join("out"));
    write(&traces.join("good.pfw"), CALL);
    write(&traces.join("closed/a.pfw"), CALL);
    write(&traces.join("blind/b.pfw"), CALL);
    fs::create_dir(&made).expect("made");
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("allowed");
    allow(folder.path(), 0o755);
    allow(&made, 0o777);
    allow(&traces.join("closed"), 0o000);
    // It may be listed, but its files may not be inspected.
    allow(&traces.join("blind"), 0o744);
    // An unprivileged user.
    let is_root = Command::new("id").arg("-u").output().expect("an id").stdout.starts_with(b"0\n");
    let somebody: &[&str] =
        if is_root { &["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] } else { &["env"] };
    let command = || dft(somebody[0], somebody[1..].iter().map(OsStr::new).chain([program.as_os_str()]));
    if !command().arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("nobody else can be");
        return;
    }
    for (input, index) in [(traces.clone(), "directory"), (traces.join("*"), "glob")] {
        let index = made.join(index);
        let ran = run_bounded(command().arg("index").arg(&input).arg("--index").arg(&index)).exits(3);
        assert!(ran.out.contains("1 events"), "{}", ran.out);
        for name in ["closed", "blind/b.pfw"] {
            let message = format!("/{name}: cannot be read, left out: Permission denied");
            assert!(ran.err.contains(&message), "{message}\n{}", ran.err);
        }
    }
    allow(&traces.join("closed"), 0o755);
}

#[test]
fn a_path_that_is_too_long_is_reported_and_the_rest_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, made) = (folder.path().join("traces"), folder.path().join("index"));
    write(&traces.join("good.pfw"), CALL);
    let script =
        "d=$(printf 'd%.0s' $(seq 200)); for i in $(seq 25); do mkdir $d && cd -P $d || exit 1; done; echo > x.pfw";
    let status = Command::new("sh").arg("-c").arg(script).current_dir(&traces).status().expect("it runs");
    assert!(status.success());
    let ran = index(&traces, &made, &[]).exits(3);
    assert!(ran.out.contains("1 events"), "{}", ran.out);
    assert!(ran.err.contains("cannot be read, left out: File name too long"), "{}", &ran.err[..ran.err.len().min(300)]);
}

#[test]
fn a_trace_in_another_container_is_reported_with_advice() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, made) = (folder.path().join("traces"), folder.path().join("index"));
    write(&traces.join("a.pfw"), CALL);
    write(&traces.join("b.pfw.zst"), b"\x28\xb5\x2f\xfd not looked at");
    write(&traces.join("c.pfw.0.gz"), gzip(CALL.replace("\"pid\":1", "\"pid\":2").as_bytes()));
    write(&traces.join("d.pfw.tar.gz"), gzip(b"not looked at"));
    write(&traces.join("e.pfw.gz.zindex"), "not a trace");
    let ran = index(&traces, &made, &[]).exits(3);
    let [b, c, d] = ran.err.lines().collect::<Vec<_>>()[..] else { panic!("{}", ran.err) };
    assert!(b.ends_with("b.pfw.zst: not read: compressed by zstd: decompress it (zstd -d)"), "{b}");
    assert!(c.contains("c.pfw.0.gz: not read: its name does not end in .pfw or .pfw.gz"), "{c}");
    assert!(d.contains("d.pfw.tar.gz: not read: an archive"), "{d}");
    assert!(ran.out.contains("3 not read"), "{}", ran.out);
    let strict = index(&traces, &folder.path().join("strict"), &["--strict"]).exits(1);
    assert!(strict.err.contains("b.pfw.zst: it is not read: compressed by zstd"), "{}", strict.err);
    // A trace with another name is read if its path is given; one that cannot be read is not.
    let ran = index(&traces.join("c.pfw.0.gz"), &made, &[]).exits(0);
    assert!(ran.out.contains("1 events"), "{}", ran.out);
    let ran = index(&traces.join("b.pfw.zst"), &made, &[]).exits(1);
    assert!(ran.err.contains("no trace that can be read") && ran.err.contains("zstd -d"), "{}", ran.err);
}

#[test]
fn a_file_whose_bytes_are_not_a_trace_is_reported_once_and_not_line_by_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    write(&traces.join("good.pfw"), CALL);
    let utf_16: Vec<u8> = CALL.repeat(50).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut tar = vec![b'a'; 600];
    tar[257..262].copy_from_slice(b"ustar");
    for (name, bytes, says) in [
        ("zstd.pfw.gz", b"\x28\xb5\x2f\xfdwhat".repeat(9), "it is compressed by zstd"),
        ("tar.pfw", tar, "it is a tar archive"),
        ("utf16.pfw", utf_16, "it is UTF-16 text, but traces are UTF-8"),
        ("cr.pfw", CALL.replace('\n', "\r").repeat(50).into_bytes(), "its lines end with CR"),
    ] {
        write(&traces.join(name), bytes);
        let ran = index(&traces, &folder.path().join(format!("index-{name}")), &[]).exits(3);
        assert!(ran.err.contains(&format!("/{name}: cannot be read, left out: {says}")), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(ran.out.contains("1 events") && ran.out.contains("0 malformed"), "{}", ran.out);
        fs::remove_file(traces.join(name)).expect("removed");
    }
}
