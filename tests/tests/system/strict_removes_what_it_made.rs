//! A run that `--strict` refuses leaves nothing: no index, no staging directory, no parent directories of them, no lock.
//! Existing files are unchanged.

use std::fs;
use std::path::Path;

use dft_tests::{gzip, run, trace, tree, write};

use crate::common::DFT;

/// Writes a trace without faults and a trace with a fault.
fn traces(folder: &Path) -> Vec<String> {
    let good = trace(1, 2_000);
    let zipped = gzip(good.as_bytes());
    let faults: [(&str, Vec<u8>); 4] = [
        ("malformed.pfw", format!("{good}oops\n").into_bytes()),
        ("truncated.pfw.gz", zipped[..zipped.len() / 2].to_vec()),
        ("damaged.pfw.gz", [&zipped[..], b"\x1f\x8bxx"].concat()),
        ("empty.pfw", Vec::new()),
    ];
    let write_both = |(name, bytes): &(&str, Vec<u8>)| {
        let directory = folder.join(format!("{name}.traces"));
        write(&directory.join("good.pfw"), trace(2, 2_000));
        write(&directory.join(name), bytes);
        directory.display().to_string()
    };
    faults.iter().map(write_both).collect()
}

#[test]
fn no_index_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::create_dir(folder.path().join("made before")).expect("made");
    for directory in traces(folder.path()) {
        let before = tree(folder.path());
        for (index, memory) in [(None, "512M"), (Some("deep/new/index"), "64K"), (Some("made before"), "512M")] {
            let mut words = vec!["index", &directory, "--strict", "--memory", memory];
            let place = index.map(path);
            words.extend(place.iter().flat_map(|place| ["--index", place]));
            let ran = run(DFT, &words).exits(1);
            assert!(ran.err.contains("nothing was stored, as --strict asks"), "{}", ran.err);
            assert!(tree(folder.path()) == before, "{words:?} left something");
        }
    }
}

#[test]
fn an_existing_index_is_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("first.pfw"), trace(3, 500));
    run(DFT, ["index", &path("first.pfw"), "--index", &path("index")]).exits(0);
    for directory in traces(folder.path()) {
        let before = tree(folder.path());
        for more in [None, Some("--rebuild")] {
            let index = path("index");
            let words = ["index", &directory, "--strict", "--index", &index].into_iter().chain(more);
            run(DFT, words).exits(1);
            assert!(tree(folder.path()) == before, "{directory}: something changed");
        }
    }
}

#[test]
fn no_staging_directory_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::create_dir(folder.path().join("made before")).expect("made");
    for directory in traces(folder.path()) {
        let before = tree(folder.path());
        for (staging, shared) in [
            ("here/local", "there/shared"),
            ("there/local", "there/shared"),
            ("one", "one"),
            ("made before", "made before/in it"),
        ] {
            for pieces in [None, Some(["--piece-size", "64K"])] {
                let (staging, shared) = (path(staging), path(shared));
                let words = ["stage", &directory, "--strict", "--staging", &staging, "--shared-staging", &shared];
                let ran = run(DFT, words.into_iter().chain(pieces.into_iter().flatten())).exits(1);
                assert!(ran.err.contains("nothing was stored, as --strict asks"), "{}", ran.err);
                if pieces.is_none() {
                    assert!(tree(folder.path()) == before, "{directory} left something");
                } else {
                    // Only pieces that were finished before stay.
                    let left: Vec<_> =
                        tree(folder.path()).into_keys().filter(|left| !before.contains_key(left)).collect();
                    let whole = |left: &Path| {
                        left.components().any(|part| part.as_os_str().to_string_lossy().starts_with("bundle-"))
                    };
                    let around =
                        ["there", "there/shared", "one", "made before/in it"].map(|name| folder.path().join(name));
                    let bundles = left.iter().filter(|left| whole(left)).count();
                    assert!(left.iter().all(|left| whole(left) || (bundles > 0 && around.contains(left))), "{left:?}");
                    for made in ["there", "one", "made before/in it"] {
                        let _ = fs::remove_dir_all(folder.path().join(made));
                    }
                }
            }
        }
    }
}
