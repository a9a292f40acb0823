//! What scenarios share: the program, and a directory of traces with its index.
#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dft_store::{Index, TraceNames};
use dft_tests::{Ran, contents, export, run, write};
use tempfile::TempDir;

pub(crate) const DFT: &str = env!("CARGO_BIN_EXE_dft-under-test");

/// A directory with traces in `t` and their index in `index`.
pub(crate) struct Case {
    pub(crate) folder: TempDir,
}

impl Case {
    pub(crate) fn new() -> Self {
        let case = Self { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(case.root().join("t")).expect("made");
        case
    }

    pub(crate) fn root(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).expect("canonical")
    }

    /// Returns the path of a trace.
    pub(crate) fn path(&self, trace: &str) -> PathBuf {
        self.root().join("t").join(trace)
    }

    pub(crate) fn write(&self, trace: &str, bytes: impl AsRef<[u8]>) {
        write(&self.path(trace), bytes);
    }

    pub(crate) fn index_path(&self) -> PathBuf {
        self.root().join("index")
    }

    /// Indexes the traces.
    pub(crate) fn index(&self) -> Ran {
        self.index_with(&[])
    }

    pub(crate) fn index_with(&self, options: &[&str]) -> Ran {
        let (traces, index) = (self.root().join("t"), self.index_path());
        let paths = ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()];
        run(DFT, paths.into_iter().chain(options.iter().map(|option| option.as_ref())))
    }

    pub(crate) fn opened(&self) -> Index {
        Index::open(&self.index_path()).expect("an index")
    }

    /// Returns the names of the traces that are counted.
    pub(crate) fn names(&self) -> Vec<String> {
        self.opened().files().expect("read").iter().map(|(name, _)| TraceNames::shown(name)).collect()
    }

    /// Returns the names of duplicates, each with the name of the trace that it duplicates.
    pub(crate) fn duplicates(&self) -> Vec<(String, String)> {
        let duplicates = self.opened().duplicates().expect("read");
        duplicates.iter().map(|(name, entry)| (TraceNames::shown(name), TraceNames::shown(&entry.of))).collect()
    }

    /// Returns the number of records of the traces that are counted.
    pub(crate) fn records(&self) -> u64 {
        self.opened().files().expect("read").iter().map(|(_, entry)| entry.counts.records()).sum()
    }

    /// Exports every table of the index.
    pub(crate) fn exported(&self) -> BTreeMap<String, Vec<u8>> {
        exported(&self.index_path(), &self.root())
    }

    /// Exports every table of a new index of the same traces.
    pub(crate) fn exported_after_rebuild(&self) -> BTreeMap<String, Vec<u8>> {
        let index = self.root().join("rebuilt");
        let _ = fs::remove_dir_all(&index);
        let traces = self.root().join("t");
        run(DFT, ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()]);
        exported(&index, &self.root())
    }

    /// Indexes each text as a trace, and exports every table.
    pub(crate) fn exported_of(&self, texts: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let (index, traces) = (self.root().join("wanted"), self.root().join("wanted-traces"));
        let _ = (fs::remove_dir_all(&index), fs::remove_dir_all(&traces));
        texts.iter().enumerate().for_each(|(at, text)| write(&traces.join(format!("{at}.pfw")), text));
        run(DFT, ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()]).exits(0);
        exported(&index, &self.root())
    }

    pub(crate) fn verify(&self) {
        run(DFT, ["verify".as_ref(), self.index_path().as_os_str()]).exits(0);
    }
}

fn exported(index: &Path, work: &Path) -> BTreeMap<String, Vec<u8>> {
    let out = work.join("exported");
    let _ = fs::remove_dir_all(&out);
    export(DFT, index, &out);
    contents(&out)
}

/// Fails if a file in a directory of tests is not a module of its `main.rs`, since then it is not compiled.
pub(crate) fn check_modules(directory: &str, main: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(directory);
    for entry in fs::read_dir(directory).expect("the tests") {
        let path = entry.expect("a test").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        assert!(name == "main" || main.contains(&format!("mod {name};")), "{}: not in main.rs", path.display());
    }
}
