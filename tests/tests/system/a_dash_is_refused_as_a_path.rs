//! `-`, which other programs take for standard input or output, is wrong usage for every path, and no directory of that
//! name is made.

use std::fs;

use dft_tests::{dft, run, trace, write};

use crate::common::DFT;

#[test]
fn every_path_of_every_command_refuses_a_dash() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("a.pfw"), trace(1, 50));
    let text = |name: &str| folder.path().join(name).display().to_string();
    run(DFT, ["index", &text("a.pfw"), "--index", &text("index")]).exits(0);
    let here = folder.path().join("here");
    fs::create_dir(&here).expect("made");
    for (words, place) in [
        ("export ../index --out -", "'-' for '--out <DIR>'"),
        ("export - --out tables", "'-' for '<INDEX>'"),
        ("index ../a.pfw --index -", "'-' for '--index <DIR>'"),
        ("index -", "'-' for '<TRACE>...'"),
        ("summary -", "'-' for '<INDEX>'"),
        ("info -", "'-' for '<INDEX>'"),
        ("verify -", "'-' for '<INDEX>'"),
        ("ingest - --shared-staging shared", "'-' for '<INDEX>'"),
        ("ingest index --shared-staging -", "'-' for '--shared-staging <DIR>'"),
        ("stage ../a.pfw --staging - --shared-staging shared", "'-' for '--staging <DIR>'"),
        ("stage ../a.pfw --staging local --shared-staging -", "'-' for '--shared-staging <DIR>'"),
    ] {
        let output = dft(DFT, words.split(' ')).current_dir(&here).output().expect("the program runs");
        let says = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}: {says}");
        assert!(says.contains(place) && says.contains("./-"), "{words}: {says}");
        assert_eq!(fs::read_dir(&here).expect("listed").count(), 0, "{words} wrote something");
    }
    // `./-` is a directory of that name.
    let output = dft(DFT, ["export", "../index", "--out", "./-"]).current_dir(&here).output().expect("it runs");
    assert!(output.status.success() && here.join("-/events.parquet").exists());
}
