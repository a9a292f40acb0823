//! An index can be on a file system that is mounted read-only and has no locks, and many processes can read it at once,
//! as the nodes of a cluster do: each gets the answer that a lone reader gets, and no file of the index changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::SystemTime;

use dft_tests::{compile_shim, contents, dft, gzip, run, trace, write};

use crate::common::DFT;

/// How many processes read at once.
const READERS: usize = 12;

/// Calls that change a file, which such a file system refuses, and locks, which it does not have. Making a directory is not
/// one of them: that it exists is said first.
fn rules() -> String {
    let refused = ["write", "rename", "link", "unlink", "truncate", "allocate", "copy", "mode"];
    let refused = refused.map(|class| format!("{class}:1+:{}", libc::EROFS)).join(",");
    format!("{refused},lock:1+:{}", libc::ENOLCK)
}

/// Returns the contents and the times of all files of an index.
fn state(index: &Path) -> BTreeMap<PathBuf, (SystemTime, Option<Vec<u8>>)> {
    let time = |path: &Path| fs::metadata(path).expect("read").modified().expect("a time");
    dft_tests::tree(index).into_iter().map(|(path, bytes)| (path.clone(), (time(&path), bytes))).collect()
}

/// Reads the index in every way, and returns all answers.
fn read(command: impl Fn(&[&str]) -> Command, index: &str, out: &Path) -> Vec<Vec<u8>> {
    let out_text = out.display().to_string();
    let commands: [&[&str]; 5] = [
        &["info", index, "--json"],
        &["summary", index],
        &["verify", index],
        &["analyze", index, "--by", "function", "--csv"],
        &["export", index, "--out", &out_text],
    ];
    let mut answers = Vec::new();
    for words in commands {
        let output = command(words).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        // What an export prints names its directory.
        answers.push(if words[0] == "export" { Vec::new() } else { output.stdout });
    }
    answers.extend(contents(out).into_values());
    answers
}

#[test]
fn twelve_processes_at_once_read_what_one_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = fs::canonicalize(folder.path()).expect("canonical");
    let shim = compile_shim("../crates/dft-faults/shim/interpose.c", &root);
    for pid in 0..4 {
        write(&root.join(format!("traces/{pid}.pfw.gz")), gzip(trace(pid, 2_000).as_bytes()));
    }
    let (traces, index) = (root.join("traces"), root.join("index"));
    run(DFT, ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()]).exits(0);
    let name = index.display().to_string();
    let wanted = read(|words| dft(DFT, words), &name, &root.join("alone"));
    assert!(wanted.len() > 8 && wanted[1].len() > 1_000);
    let before = state(&index);
    let read_only = |reader: usize| {
        let counts = root.join(format!("counts-{reader}"));
        let (index, name, shim, out) = (&index, &name, &shim, root.join(format!("out-{reader}")));
        let command = |words: &[&str]| {
            let mut command = dft(DFT, words);
            command.env("LD_PRELOAD", shim).env("DFT_FAULTS_ROOT", index);
            command.env("DFT_FAULTS_PAGE", &counts).env("DFT_FAULTS_RULES", rules());
            command
        };
        read(command, name, &out)
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let read_only = &read_only;
                scope.spawn(move || read_only(reader))
            })
            .collect();
        for reader in readers {
            assert!(reader.join().expect("it reads") == wanted, "a reader got another answer");
        }
    });
    assert!(state(&index) == before, "a reader changed the index");
}
