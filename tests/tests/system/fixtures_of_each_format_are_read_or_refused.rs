//! An index and a bundle as an earlier build wrote them, in `tests/data/formats/NUMBER`. Those of the current format are
//! read, and give the tables that the same traces give today. Those of an older one are refused with what to do.
//!
//! The fixtures are of `tests/data/tracer-3-events/rank0*` and `tests/data/tracer-3-telemetry`, copied to `/traces`.

use std::fs;
use std::path::Path;

use dft_codec::FORMAT_VERSION;
use dft_tests::{busy_times, contents, data, export, run};

use crate::common::DFT;

/// Copies a directory, since a reader may not write in the repository.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let path = entry.expect("listed").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("copied");
        }
    }
}

#[test]
fn the_current_one_gives_the_tables_of_its_traces() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    fs::create_dir_all(&traces).expect("made");
    for directory in ["tracer-3-events", "tracer-3-telemetry"] {
        for entry in fs::read_dir(data(directory)).expect("listed") {
            let path = entry.expect("listed").path();
            let name = path.file_name().expect("a name").to_owned();
            if !name.to_string_lossy().starts_with("rank1") {
                fs::copy(&path, traces.join(name)).expect("copied");
            }
        }
    }
    let fixture = data("formats").join(FORMAT_VERSION.to_string());
    assert!(fixture.is_dir(), "add a fixture of format {FORMAT_VERSION}: see CONTRIBUTING.md");
    copy(&fixture, &folder.path().join("fixture"));
    let (built, read) = (folder.path().join("built"), folder.path().join("fixture/index"));
    let ingested = folder.path().join("ingested");
    let text = |path: &Path| path.display().to_string();
    run(DFT, ["index".to_owned(), text(&traces), "--index".to_owned(), text(&built)]).exits(0);
    run(DFT, ["verify".to_owned(), text(&read)]).exits(0);
    let bundles = text(&folder.path().join("fixture/bundles"));
    run(DFT, ["ingest".to_owned(), text(&ingested), "--shared-staging".to_owned(), bundles]).exits(0);
    let tables = |index: &Path, name: &str| {
        let out = folder.path().join(name);
        export(DFT, index, &out);
        let mut all = contents(&out);
        all.insert("busy.csv".to_owned(), busy_times(DFT, index).into_bytes());
        all
    };
    let wanted = tables(&built, "tables-built");
    assert!(tables(&read, "tables-read") == wanted, "the tables of the index differ");
    assert!(tables(&ingested, "tables-ingested") == wanted, "the tables of the bundle differ");
}

#[test]
fn older_ones_are_refused_with_what_to_do() {
    for entry in fs::read_dir(data("formats")).expect("listed") {
        let path = entry.expect("listed").path();
        let number = path.file_name().expect("a name").to_string_lossy().into_owned();
        if number == FORMAT_VERSION.to_string() {
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        copy(&path, folder.path());
        let ran = run(DFT, ["info".to_owned(), folder.path().join("index").display().to_string()]).exits(1);
        assert!(ran.err.contains(&format!("format {number}")) && ran.err.contains("--rebuild"), "{}", ran.err);
    }
}
