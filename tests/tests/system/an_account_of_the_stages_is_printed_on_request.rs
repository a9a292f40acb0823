//! With `DFT_ACCOUNT`, the last line on stderr is an account of the work of each stage, and the results are the same.
//! `dft export` gives the same tables with any number of threads.

use std::collections::BTreeMap;
use std::path::Path;

use dft_tests::{contents, dft, trace, write};

use crate::common::DFT;

/// Runs the program, and returns the last line of its stderr.
fn last_line(arguments: &[&str], account: bool) -> String {
    let mut command = dft(DFT, arguments);
    let output = command.envs(account.then_some(("DFT_ACCOUNT", "1"))).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
}

fn tables(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    contents(directory).into_iter().filter(|(name, _)| !name.starts_with('.')).collect()
}

#[test]
fn an_account_names_the_stages_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |name: &str| folder.path().join(name).display().to_string();
    write(text("a.pfw").as_ref(), trace(1, 2000));
    let stages = |line: &str, names: &[&str]| {
        assert!(line.starts_with("{\"stages\":[") && line.ends_with("]}"), "{line}");
        for name in names {
            assert!(line.contains(&format!("{{\"name\":\"{name}\",\"cpu_s\":")), "no {name}: {line}");
        }
    };
    for account in [false, true] {
        let index = text(&format!("index-{account}"));
        let line = last_line(&["index", &text("a.pfw"), "--index", &index], account);
        match account {
            true => stages(&line, &["inflate", "aggregate", "sort", "merge", "publish"]),
            false => assert!(!line.contains("stages"), "{line}"),
        }
        for (format, names) in [
            ("parquet", ["prepare", "batch", "encode", "write"].as_slice()),
            ("arrow", &["prepare", "batch", "write"]),
            ("csv", &["prepare", "batch", "write"]),
        ] {
            for threads in ["1", "7"] {
                let out = text(&format!("{format}-{threads}-{account}"));
                let line =
                    last_line(&["export", &index, "--out", &out, "--format", format, "--threads", threads], account);
                if account {
                    stages(&line, names);
                }
                let first = tables(text(&format!("{format}-1-false")).as_ref());
                assert!(tables(out.as_ref()) == first, "{format}, {threads} threads");
            }
        }
    }
}
