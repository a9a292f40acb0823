//! `--path` overrides a path of the preset that `auto` chooses, in every command that has presets. Once, `dft analyze --as
//! dfanalyzer` and the page of `dft compare` ignored it, and `dft report` refused it.

use std::path::{Path, PathBuf};

use dft_tests::{run, write};
use serde_json::Value;

use crate::common::DFT;

/// Writes a trace that the preset `dlio` fits. Both processes read for 90 ms, but one of them reads most of the samples, so
/// that only the layer of samples is out of balance.
fn traces(folder: &Path, name: &str) -> PathBuf {
    let call = |pid: u64, name: &str, cat: &str, ts: u64, dur: u64, args: &str| {
        format!(
            "{{\"name\":\"{name}\",\"cat\":\"{cat}\",\"pid\":{pid},\"tid\":{pid},\"ts\":{ts},\"dur\":{dur},\"ph\":1,\"args\":{{\"hhash\":\"h\"{args}}}}}\n"
        )
    };
    let mut text = String::new();
    for (hash, file) in [("1111111111111111", "/mine/samples"), ("2222222222222222", "/other/file")] {
        text += &format!(
            "{{\"name\":\"FH\",\"cat\":\"dftracer\",\"pid\":7,\"tid\":7,\"ph\":4,\"args\":{{\"hhash\":\"h\",\"value\":\"{hash}\",\"name\":\"{file}\"}}}}\n"
        );
    }
    for (pid, samples_us) in [(7, 80_000), (8, 10_000)] {
        text += &call(pid, "ai_root", "ai", 0, 100_000, "");
        let files = [("1111111111111111", 0, samples_us), ("2222222222222222", samples_us, 90_000 - samples_us)];
        for (hash, ts, dur) in files {
            text += &call(pid, "read", "POSIX", ts, dur, &format!(",\"fhash\":\"{hash}\",\"ret\":100"));
        }
    }
    let path = folder.join(name);
    write(&path.join("x.pfw"), text);
    path
}

fn json(words: &[&str]) -> Value {
    serde_json::from_str(&run(DFT, words).exits(0).out).expect("JSON")
}

/// Returns the calls of the layer of samples.
fn samples(layers: &Value) -> u64 {
    let mut layers = layers.as_array().expect("layers").iter();
    layers.find(|layer| layer["name"] == "reader_posix").map_or(0, |layer| layer["calls"].as_u64().expect("a count"))
}

#[test]
fn every_command_finds_the_samples_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let shown = |path: PathBuf| path.display().to_string();
    let (a, b) = (shown(traces(folder.path(), "a")), shown(traces(folder.path(), "b")));
    for (path, calls) in [("reader=/mine", 2), ("reader=/absent", 0)] {
        let analysis = json(&["analyze", &a, "--path", path, "--json"]);
        assert_eq!(analysis["preset"]["name"], "dlio");
        assert_eq!(samples(&analysis["layers"]), calls, "{path}");

        let report = json(&["report", &a, "--path", path, "--json"]);
        assert_eq!(samples(&report["analysis"]["layers"]), calls, "{path}");

        let tool = json(&["analyze", &a, "--as", "dfanalyzer", "--path", path, "--json"]);
        let layers = tool["views"][0]["layers"].as_array().expect("layers");
        let reads = layers.iter().find(|layer| layer["name"] == "reader_posix").map(|layer| layer["count"].as_u64());
        assert_eq!(reads, Some(Some(calls)), "{path}");

        let page = folder.path().join("page.html");
        run(DFT, ["compare", &a, &b, "--path", path, "--report", &shown(page.clone())]).exits(0);
        let page = std::fs::read_to_string(page).expect("a page");
        assert_eq!(page.contains("the busiest process takes"), calls > 0, "{path}");
    }
}
