//! `--rebuild` replaces an index in any state, and nothing else: it refuses a directory of another tool and leaves it
//! unchanged.

use std::fs;
use std::path::Path;

use dft_tests::{exported, run, trace, tree, write};

use crate::common::DFT;

#[test]
fn another_tools_directory_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("a.pfw"), trace(1, 200));
    // A RocksDB database of another tool, which also has a CURRENT and a LOCK, and a user's directory.
    for (name, bytes) in [("CURRENT", "MANIFEST-000005\n"), ("LOCK", ""), ("MANIFEST-000005", "x"), ("000012.sst", "x")]
    {
        write(&folder.path().join("rocks").join(name), bytes);
    }
    write(&folder.path().join("home/notes.txt"), "mine");
    for (directory, found) in [("rocks", ""), ("home", "notes.txt")] {
        let before = tree(folder.path());
        let ran = run(DFT, ["index", &path("a.pfw"), "--index", &path(directory), "--rebuild"]).exits(1);
        assert!(
            ran.err.contains("so it is not an index, and is left unchanged") && ran.err.contains(found),
            "{}",
            ran.err
        );
        assert!(tree(folder.path()) == before, "{directory} has changed");
    }
}

#[test]
fn an_index_in_any_state_and_an_empty_directory_are_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("a.pfw"), trace(1, 200));
    let index = path("index");
    let build = |more: &[&'static str]| {
        run(DFT, ["index", &path("a.pfw"), "--index", &index].iter().copied().chain(more.iter().copied()))
    };
    build(&[]).exits(0);
    let tables = || exported(DFT, Path::new(&index), folder.path()).expect("an index");
    let wanted = tables();
    let seal = || {
        let generations = fs::read_dir(&index).expect("listed").map(|entry| entry.expect("listed").path());
        let generation = generations.filter(|path| path.is_dir()).max().expect("a generation");
        generation.join("SEAL")
    };
    let damage: [&dyn Fn(); 8] = [
        &|| {},
        &|| fs::write(seal(), "oops").expect("written"),
        &|| fs::remove_file(seal()).expect("removed"),
        &|| fs::write(folder.path().join("index/DFT_INDEX"), "oops").expect("written"),
        &|| fs::write(folder.path().join("index/DFT_INDEX"), "").expect("written"),
        // An index of a version without markers.
        &|| {
            fs::remove_file(folder.path().join("index/DFT_INDEX")).expect("removed");
            let line = format!("gen-000001 {:032x}\n", 1);
            fs::write(folder.path().join("index/CURRENT"), line).expect("written");
        },
        &|| write(&folder.path().join("index/notes.txt"), "of somebody who has an index"),
        &|| {
            fs::remove_dir_all(&index).expect("removed");
            fs::create_dir(&index).expect("made");
        },
    ];
    for damage in damage {
        damage();
        build(&["--rebuild"]).exits(0);
        assert!(tables() == wanted);
    }
}
