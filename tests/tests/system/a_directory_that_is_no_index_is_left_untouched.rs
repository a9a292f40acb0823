//! A marker makes a directory an index. Every command that writes an index refuses any other directory that is not
//! empty, and changes nothing in it, whatever its names. A user's files in an index stay, too.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use dft_tests::{Ran, has_index, run, trace, tree, write};

use crate::common::DFT;

/// Writes the user's files under names that an index has or had.
fn plant(directory: &Path) {
    for (name, bytes) in [
        ("build-release/program", "mine"),
        ("build-12345/notes", "mine"),
        ("build-0123456789abcdef/notes", "mine"),
        ("gen-000001/notes", "mine"),
        ("gen-old/notes", "mine"),
        ("CURRENT.new", "mine"),
    ] {
        write(&directory.join(name), bytes);
    }
}

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        let case = Self { folder: tempfile::tempdir().expect("a folder") };
        write(&case.path("t/a.pfw"), trace(1, 200));
        write(&case.path("broken/a.pfw"), "no record\n");
        case.run("stage t --staging local --shared-staging shared").exits(0);
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, words: &str) -> Ran {
        let is_path = |word: &str| self.path(word.split('/').next().unwrap_or(word)).exists();
        let paths = ["t", "broken", "local", "shared", "target", "link"];
        let place = |word: &str| if is_path(word) || paths.contains(&word) { self.path(word) } else { word.into() };
        run(DFT, words.split(' ').map(place))
    }
}

const WRITE: [&str; 5] = [
    "index t --index target",
    "index t --index target --rebuild",
    "index broken --index target",
    "ingest target --shared-staging shared",
    "ingest target --shared-staging shared --keep",
];

#[test]
fn a_directory_with_names_of_an_index_is_refused() {
    let case = Case::new();
    plant(&case.path("target"));
    symlink(case.path("target"), case.path("link")).expect("linked");
    let before = tree(case.folder.path());
    for words in WRITE {
        for words in [words.to_owned(), words.replace("target", "link")] {
            let ran = case.run(&words).exits(1);
            assert!(ran.err.contains("so it is not an index, and is left unchanged"), "{words}: {}", ran.err);
            assert!(tree(case.folder.path()) == before, "{words} changed something");
        }
    }
}

#[test]
fn the_directory_of_the_traces_is_refused() {
    let case = Case::new();
    plant(&case.path("t"));
    let before = tree(case.folder.path());
    let ran = run(DFT, ["index".into(), case.path("t"), "--index".into(), case.path("t")]).exits(1);
    assert!(ran.err.contains("so it is not an index"), "{}", ran.err);
    assert!(tree(case.folder.path()) == before);
}

#[test]
fn a_database_of_another_tool_is_refused() {
    for rebuild in ["", " --rebuild"] {
        let case = Case::new();
        for (name, bytes) in
            [("CURRENT", "MANIFEST-000005\n"), ("MANIFEST-000005", "x"), ("LOCK", ""), ("IDENTITY", "x")]
        {
            write(&case.path("target").join(name), bytes);
        }
        let before = tree(case.folder.path());
        let ran = case.run(&format!("index t --index target{rebuild}")).exits(1);
        assert!(ran.err.contains("so it is not an index") && !ran.err.contains("--rebuild"), "{}", ran.err);
        assert!(tree(case.folder.path()) == before);
    }
}

#[test]
fn the_users_files_in_an_index_stay() {
    let case = Case::new();
    case.run("index t --index target").exits(0);
    for name in ["build-release/program", "build-0123456789abcdef/notes", "gen-old/notes", "gen-0/notes", "notes"] {
        write(&case.path("target").join(name), "mine");
    }
    let outside = case.path("outside");
    write(&outside.join("OWNER"), "dft work directory 1\n- - 1 1\n");
    symlink(&outside, case.path("target/build-0000000000000001")).expect("linked");
    let mine = |case: &Case| {
        let mut all = tree(case.folder.path());
        all.retain(|path, _| path.to_string_lossy().contains("notes") || path.to_string_lossy().contains("build-"));
        all.extend(tree(&case.path("outside")));
        all
    };
    let before = mine(&case);
    write(&case.path("t/b.pfw"), trace(2, 200));
    for words in WRITE {
        case.run(words);
        assert!(mine(&case) == before, "{words}");
    }
    assert!(has_index(&case.path("target")));
    assert!(fs::symlink_metadata(case.path("target/build-0000000000000001")).expect("there").is_symlink());
}

#[test]
fn links_in_an_index_are_refused_and_not_followed() {
    for (link, says) in [
        ("LOCK", "it is a symbolic link, not a regular file"),
        ("DFT_INDEX", "it is a symbolic link, not a regular file"),
        ("gen-000002", "it is a symbolic link, not a generation"),
    ] {
        let case = Case::new();
        case.run("index t --index target").exits(0);
        write(&case.path("elsewhere/file"), "mine");
        let (path, target) = (case.path("target").join(link), case.path("elsewhere"));
        let _ = fs::remove_file(&path);
        let target = if link.starts_with("gen-") { target } else { target.join("file") };
        symlink(&target, &path).expect("linked");
        write(&case.path("t/b.pfw"), trace(2, 200));
        let before = tree(case.folder.path());
        for words in WRITE {
            let ran = case.run(words).exits(1);
            assert!(ran.err.contains(says) && ran.err.contains(link), "{link}, {words}: {}", ran.err);
            assert!(tree(case.folder.path()) == before, "{link}, {words}");
        }
    }
}
