//! Directories that may not be written, traces that may not be read or are gone, and a second writer are one clear
//! message each.
#![allow(clippy::print_stderr, reason = "a test reports what it cannot test on a machine")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use dft_aggregate::Config;
use dft_store::IndexWriter;
use dft_tests::{Ran, contents, dft, export, run, trace, write};

use crate::common::DFT;

/// Runs programs as an unprivileged user.
struct Somebody {
    folder: tempfile::TempDir,
    program: PathBuf,
    /// Whether the programs run as another user, because this one is root.
    other: bool,
}

impl Somebody {
    /// Returns `None` if no unprivileged user is available.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        // Copy the program to where another user may run it.
        let program = folder.path().join("dft");
        fs::copy(DFT, &program).expect("copied");
        let id = Command::new("id").arg("-u").output().expect("an id");
        let other = id.stdout.starts_with(b"0\n");
        allow(folder.path(), 0o777);
        let somebody = Self { folder, program, other };
        somebody.command(&["--version"]).output().is_ok_and(|output| output.status.success()).then_some(somebody)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = self.program.display().to_string();
        if !self.other {
            return dft(&program, arguments);
        }
        let mut command = dft("setpriv", ["--reuid", "65534", "--regid", "65534", "--clear-groups", &program]);
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("the program runs");
        Ran {
            code: output.status.code().expect("it was not killed"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("allowed");
}

#[test]
fn directories_that_may_not_be_written_are_one_error() {
    let Some(somebody) = Somebody::new() else {
        eprintln!("there is no other user here to be");
        return;
    };
    write(&somebody.path("traces/a.pfw"), trace(1, 500));
    let traces = somebody.text("traces");
    allow(&somebody.path("traces"), 0o555);
    let refused = |ran: Ran, place: &str| {
        let ran = ran.exits(1);
        assert!(ran.err.contains("Permission denied") && ran.err.contains("choose another place"), "{}", ran.err);
        assert!(ran.err.contains(place), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    };
    // The index cannot be next to the traces.
    refused(somebody.run(&["index", &traces]), ".dftagg");
    let index = somebody.text("index");
    somebody.run(&["index", &traces, "--index", &index]).exits(0);
    export(DFT, index.as_ref(), &somebody.path("before"));
    write(&somebody.path("more/b.pfw"), trace(2, 500));
    // The index may be read, but not written.
    let generation = fs::read_dir(&index).expect("listed").map(|entry| entry.expect("listed").path());
    let generation = generation.into_iter().find(|path| path.is_dir()).expect("a generation");
    allow(Path::new(&index), 0o555);
    allow(&generation, 0o555);
    refused(somebody.run(&["index", &somebody.text("more"), "--index", &index]), &index);
    somebody.run(&["summary", &index]).exits(0);
    somebody.run(&["verify", &index]).exits(0);
    fs::create_dir(somebody.path("closed")).expect("made");
    allow(&somebody.path("closed"), 0o555);
    refused(somebody.run(&["export", &index, "--out", &somebody.text("closed")]), "closed");
    let stage = |local: &str, shared: &str| {
        somebody.run(&[
            "stage",
            &traces,
            "--staging",
            &somebody.text(local),
            "--shared-staging",
            &somebody.text(shared),
        ])
    };
    refused(stage("closed", "shared"), "closed");
    refused(stage("local", "closed"), "closed");
    export(DFT, index.as_ref(), &somebody.path("after"));
    assert!(contents(&somebody.path("before")) == contents(&somebody.path("after")));
    allow(Path::new(&index), 0o755);
    allow(&generation, 0o755);
    somebody.run(&["index", &somebody.text("more"), "--index", &index]).exits(0);
}

#[test]
fn traces_that_may_not_be_read_are_reported() {
    let Some(somebody) = Somebody::new() else {
        eprintln!("there is no other user here to be");
        return;
    };
    for (name, pid) in [("a.pfw", 1), ("b.pfw", 2), ("closed/c.pfw", 3)] {
        write(&somebody.path("traces").join(name), trace(pid, 500));
    }
    allow(&somebody.path("traces/b.pfw"), 0o000);
    allow(&somebody.path("traces/closed"), 0o000);
    let (traces, index) = (somebody.text("traces"), somebody.text("index"));
    let ran = somebody.run(&["index", &traces, "--index", &index]).exits(3);
    for name in ["b.pfw", "closed"] {
        assert!(ran.err.contains(&format!("/{name}: cannot be read, left out: Permission denied")), "{}", ran.err);
    }
    assert!(ran.out.contains("indexed 1 file"), "{}", ran.out);
    allow(&somebody.path("traces/b.pfw"), 0o644);
    allow(&somebody.path("traces/closed"), 0o755);
    assert!(somebody.run(&["index", &traces, "--index", &index]).exits(0).out.contains("indexed 2 files"));
}

#[test]
fn a_trace_that_is_gone_is_reported_and_the_others_are_indexed() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("traces/a.pfw"), trace(1, 500));
    // It is listed, but is gone when it is opened.
    std::os::unix::fs::symlink("nowhere", folder.path().join("traces/b.pfw")).expect("linked");
    let ran = run(DFT, ["index", &text("traces"), "--index", &text("index")]).exits(3);
    assert!(ran.err.contains("b.pfw: cannot be read, left out: No such file"), "{}", ran.err);
    write(&folder.path().join("traces/nowhere"), trace(2, 500));
    let ran = run(DFT, ["index", &text("traces"), "--index", &text("index")]).exits(0);
    assert!(ran.out.contains("indexed 1 file") && ran.out.contains("1 file already in the index"), "{}", ran.out);
}

#[test]
fn a_second_writer_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("a.pfw"), trace(1, 500));
    let (index, shared) = (folder.path().join("index"), text("shared"));
    let first = IndexWriter::open(&index, &Config::default(), false).expect("opened");
    let build = ["index", &text("a.pfw"), "--index", &text("index")];
    let stage = ["stage", &text("a.pfw"), "--staging", &text("local"), "--shared-staging", &shared];
    let ingest = ["ingest", &text("index"), "--shared-staging", &shared];
    assert!(run(DFT, build).exits(1).err.contains("another process is writing this index"));
    run(DFT, stage).exits(0);
    assert!(run(DFT, ingest).exits(1).err.contains("another process is writing this index"));
    drop(first);
    run(DFT, ingest).exits(0);
    assert!(run(DFT, build).exits(0).out.starts_with("nothing to do"));
}
