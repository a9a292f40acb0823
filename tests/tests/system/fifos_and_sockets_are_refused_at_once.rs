//! A FIFO or a socket in place of any file of an index, a bundle, a staging directory or an export is an error that
//! names its kind. Nothing blocks on it.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use dft_tests::{Ran, contents, make_fifo, run_bounded, trace, tree, write};

use crate::common::DFT;

/// A directory with a trace in an index and a trace in a bundle.
struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    fn new() -> Self {
        let made = Self { folder: tempfile::tempdir().expect("a folder") };
        write(&made.path("a.pfw"), trace(1, 300));
        write(&made.path("b.pfw"), trace(2, 300));
        made.run("index a.pfw --index index").exits(0);
        made.stage().exits(0);
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `dft`. All words except for options and the command are paths.
    fn run(&self, words: &str) -> Ran {
        let mut arguments = Vec::new();
        for (at, word) in words.split(' ').enumerate() {
            let is_path = at > 0 && !word.starts_with("--");
            arguments.push(if is_path { self.path(word).display().to_string() } else { word.to_owned() });
        }
        run_bounded(DFT, arguments)
    }

    fn stage(&self) -> Ran {
        self.run("stage b.pfw --staging local --shared-staging shared")
    }

    /// Returns the regular files below a directory, as paths relative to the test's directory.
    fn files(&self, directory: &str) -> Vec<String> {
        let files = tree(&self.path(directory)).into_iter().filter_map(|(path, bytes)| bytes.map(|_| path));
        files.map(|path| path.strip_prefix(self.folder.path()).expect("beneath").display().to_string()).collect()
    }
}

fn make_socket(path: &Path) -> UnixListener {
    let _ = fs::remove_file(path);
    UnixListener::bind(path).expect("bound")
}

/// Checks that a command is refused with the kind and path of the file.
fn refused(ran: Ran, what: &str, file: &str) {
    let ran = ran.exits(1);
    let says = format!("it is {what}, not a regular file");
    assert!(ran.err.contains(&says) && ran.err.contains(file), "{file}: {}", ran.err);
}

const READ: [&str; 4] = ["info index", "summary index", "export index --out tables", "verify index"];
const WRITE: [&str; 2] = ["index b.pfw --index index", "ingest index --shared-staging shared"];

#[test]
fn a_fifo_in_place_of_any_file_of_an_index_is_refused() {
    let files = Made::new().files("index");
    assert!(files.len() > 8 && files.contains(&"index/LOCK".to_owned()), "{files:?}");
    for file in files {
        let made = Made::new();
        make_fifo(&made.path(&file));
        // RocksDB's log and lock are not sealed and are never opened again.
        let (of_rocks, lock) = (file.contains("/LOG") || file.contains("gen-000001/LOCK"), file == "index/LOCK");
        for words in READ {
            let ran = made.run(words);
            if of_rocks || lock { drop(ran.exits(0)) } else { refused(ran, "a FIFO", &file) }
        }
        for words in WRITE {
            let ran = made.run(words);
            if of_rocks { drop(ran.exits(0)) } else { refused(ran, "a FIFO", &file) }
        }
        if file == "index/gen-000001/SEAL" {
            made.run("index a.pfw --index index --rebuild").exits(0);
            made.run("verify index").exits(0);
        }
    }
}

#[test]
fn a_fifo_next_to_the_files_of_an_index_is_refused() {
    for file in ["index/gen-000001/999999.sst", "index/gen-000001/notes", "index/gen-000001/000099.log"] {
        let made = Made::new();
        make_fifo(&made.path(file));
        for words in READ.into_iter().chain(WRITE) {
            let ran = made.run(words);
            assert!(ran.code == 0 || ran.err.contains(file), "{file}, {words}: {}", ran.err);
        }
    }
}

#[test]
fn sockets_in_place_of_files_are_refused() {
    for file in ["index/DFT_INDEX", "index/gen-000001/SEAL", "index/LOCK"] {
        let made = Made::new();
        let _socket = make_socket(&made.path(file));
        if file != "index/LOCK" {
            READ.into_iter().for_each(|words| refused(made.run(words), "a socket", file));
        }
        WRITE.into_iter().for_each(|words| refused(made.run(words), "a socket", file));
    }
}

#[test]
fn a_fifo_in_place_of_any_file_of_a_bundle_is_refused() {
    // The name of a bundle depends on the paths of its traces.
    let files = Made::new().files("shared").len();
    assert!(files >= 3, "{files:?}");
    for at in 0..files {
        let made = Made::new();
        let file = made.files("shared").swap_remove(at);
        make_fifo(&made.path(&file));
        let ran = made.run(WRITE[1]).exits(3);
        assert!(ran.err.contains("refused: ") && ran.err.contains("it is a FIFO, not a regular file"), "{}", ran.err);
        assert!(ran.err.contains(&file), "{}", ran.err);
        made.stage();
    }
    let made = Made::new();
    make_fifo(&made.path("shared/bundle-00"));
    assert!(made.run(WRITE[1]).exits(3).err.contains("shared/bundle-00"));
}

#[test]
fn a_fifo_in_a_staging_directory_is_refused() {
    let made = Made::new();
    make_fifo(&made.path("local/.stage-0123456789abcdef/LOCK"));
    make_fifo(&made.path("local/.stage-fifo"));
    fs::remove_dir_all(made.path("shared")).expect("removed");
    assert!(made.stage().exits(0).out.contains("bundle-"));
}

#[test]
fn a_fifo_in_a_directory_of_tables_is_refused() {
    let made = Made::new();
    made.run("export index --out wanted").exits(0);
    let tables = made.path("tables");
    make_fifo(&tables.join(".events.parquet.1.tmp"));
    let _socket = make_socket(&tables.join(".system.parquet.1.tmp"));
    made.run("export index --out tables").exits(0);
    for name in [".events.parquet.1.tmp", ".system.parquet.1.tmp"] {
        fs::remove_file(tables.join(name)).expect("it was left alone");
    }
    assert!(contents(&tables) == contents(&made.path("wanted")));
    for name in ["events.parquet", ".dft-tables"] {
        make_fifo(&tables.join(name));
        refused(made.run("export index --out tables"), "a FIFO", name);
        fs::remove_file(tables.join(name)).expect("it was left alone");
    }
}
