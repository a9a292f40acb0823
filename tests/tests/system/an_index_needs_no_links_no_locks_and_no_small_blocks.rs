//! On a file system as some clusters have it, without hard links, without locks and with blocks of 1 MiB, every command
//! that writes an index works, says that there are no locks, and gives the same tables, to the byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dft_tests::{compile_shim, dft, exported, gzip, trace, write};

use crate::common::DFT;

/// What the shim does to calls on files of the file system: no hard links, no locks, large blocks.
fn rules() -> String {
    format!("link:1+:{},lock:1+:{},stat:1+:blocks", libc::EPERM, libc::ENOLCK)
}

/// A directory on a file system, and what it counted.
struct Place {
    folder: PathBuf,
    /// The shim, if the file system is not the one of this machine.
    shim: Option<PathBuf>,
    calls: BTreeMap<String, u64>,
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join("root").join(name)
    }

    /// Runs `dft`. Words with a slash before them are paths in the directory. Returns its messages.
    fn run(&mut self, words: &[&str]) -> String {
        let (counts, temporary) = (self.folder.join("counts"), self.folder.join("tmp"));
        fs::create_dir_all(&temporary).expect("made");
        let word = |word: &&str| word.strip_prefix('/').map_or_else(|| PathBuf::from(word), |name| self.path(name));
        let mut command: Command = dft(DFT, words.iter().map(word));
        command.env("TMPDIR", temporary);
        if let Some(shim) = &self.shim {
            let _ = fs::remove_file(&counts);
            command.env("LD_PRELOAD", shim).env("DFT_FAULTS_ROOT", self.folder.join("root"));
            command.env("DFT_FAULTS_PAGE", &counts).env("DFT_FAULTS_RULES", rules());
        }
        let output = command.output().expect("it runs");
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{words:?}: {messages}");
        if self.shim.is_some() {
            for (class, calls) in calls(&counts) {
                *self.calls.entry(class).or_default() += calls;
            }
        }
        messages
    }

    /// Makes an index in every way, and returns its tables and the messages of the commands that wrote it.
    fn build(&mut self) -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
        write(&self.path("traces/a.pfw.gz"), gzip(trace(1, 3_000).as_bytes()));
        write(&self.path("traces/b.pfw"), trace(2, 2_000));
        let index = ["index", "/traces", "--index", "/index", "--memory", "64K"];
        let mut messages = vec![self.run(&index)];
        write(&self.path("traces/b.pfw"), trace(2, 2_000) + &trace(3, 1_000));
        write(&self.path("traces/c.pfw.gz"), gzip(trace(4, 2_000).as_bytes()));
        messages.push(self.run(&index));
        for pid in 10..14 {
            write(&self.path(&format!("staged/{pid}.pfw.gz")), gzip(trace(pid, 1_000).as_bytes()));
        }
        for part in ["0/2", "1/2"] {
            let stage = ["stage", "/staged", "--staging", "/local", "--shared-staging", "/shared", "--part", part];
            self.run(&stage);
        }
        messages.push(self.run(&["ingest", "/index", "--shared-staging", "/shared"]));
        self.run(&["verify", "/index"]);
        self.run(&["export", "/index", "--out", "/tables"]);
        let mut tables = exported(DFT, &self.path("index"), &self.folder).expect("an index");
        for entry in fs::read_dir(self.path("tables")).expect("listed") {
            let path = entry.expect("listed").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            tables.insert(format!("there/{name}"), fs::read(path).expect("read"));
        }
        (tables, messages)
    }
}

/// Reads how often each class of calls was made: slots of a name and a number.
fn calls(counts: &Path) -> BTreeMap<String, u64> {
    const NAME: usize = 24;
    let bytes = fs::read(counts).expect("the shim has counted");
    let slots = bytes.chunks_exact(NAME + 8).filter(|slot| slot[0].is_ascii_lowercase());
    slots
        .map(|slot| {
            let name = slot[..NAME].split(|&byte| byte == 0).next().unwrap_or_default();
            let number = u64::from_ne_bytes(slot[NAME..].try_into().expect("eight bytes"));
            (String::from_utf8_lossy(name).into_owned(), number)
        })
        .collect()
}

#[test]
fn builds_growth_staging_and_ingests_give_the_same_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = fs::canonicalize(folder.path()).expect("canonical");
    let shim = compile_shim("../crates/dft-faults/shim/interpose.c", &root);
    let place = |name: &str, shim| Place { folder: root.join(name), shim, calls: BTreeMap::new() };
    let (mut usual, mut cluster) = (place("usual", None), place("cluster", Some(shim)));
    let (wanted, silent) = usual.build();
    let (found, warned) = cluster.build();
    assert!(wanted.len() > 8, "{:?}", wanted.keys());
    let differ: Vec<_> = wanted.keys().filter(|name| found.get(*name) != wanted.get(*name)).collect();
    assert!(found == wanted, "{differ:?} differ");
    for class in ["link", "lock", "stat"] {
        assert!(cluster.calls[class] > 0, "the shim saw no {class}: {:?}", cluster.calls);
    }
    for (messages, wanted) in [(silent, false), (warned, true)] {
        for message in messages {
            assert_eq!(message.contains("the file system provides no lock"), wanted, "{message}");
        }
    }
    // Nothing is left of what was copied or tried.
    let names = |place: &Place| {
        let mut names: Vec<_> = fs::read_dir(place.path("index"))
            .expect("listed")
            .map(|entry| entry.expect("listed").file_name())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&usual), names(&cluster));
    assert_eq!(fs::read_dir(cluster.folder.join("tmp")).expect("listed").count(), 0);
}
