//! Exports are the same, to the byte, for any number of threads, order of files, gzip members and memory budget.

use std::path::{Path, PathBuf};

use dft_tests::{busy_times, contents, export, gzip, run, trace, write};

use crate::common::DFT;

fn exported(traces: &[PathBuf], work: &Path, options: &[&str]) -> std::collections::BTreeMap<String, Vec<u8>> {
    let (index, out) = (work.join("index"), work.join("tables"));
    let mut arguments = vec!["index".to_owned(), "--index".to_owned(), index.display().to_string()];
    arguments.extend(options.iter().map(|option| (*option).to_owned()));
    arguments.extend(traces.iter().map(|trace| trace.display().to_string()));
    let ran = run(DFT, arguments).exits(0);
    if options.contains(&"64K") {
        let spilled = ran.out.lines().find(|line| line.contains("tables spilled and merged")).expect("tables spill");
        let number: u32 =
            spilled.split_whitespace().nth(1).expect("a number").replace(',', "").parse().expect("a number");
        assert!(number > 40, "dozens of runs: {spilled}");
    }
    export(DFT, &index, &out);
    tables(&index, &out)
}

/// Returns the tables that were exported, and the busy times of functions.
fn tables(index: &Path, out: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut all = contents(out);
    all.insert("busy.csv".to_owned(), busy_times(DFT, index).into_bytes());
    all
}

#[test]
fn threads_order_members_and_budget_do_not_change_a_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut traces = Vec::new();
    for pid in 0..5 {
        let text = trace(pid, 12_000 * (pid + 1));
        let plain = pid == 2;
        let path = folder.path().join(format!("traces/{pid}.pfw{}", if plain { "" } else { ".gz" }));
        // The last file is the largest; its members break in the middle of lines.
        let bytes = match pid {
            2 => text.into_bytes(),
            4 => text.as_bytes().chunks(100_001).flat_map(gzip).collect(),
            _ => gzip(text.as_bytes()),
        };
        write(&path, bytes);
        traces.push(path);
    }
    let work = |name: &str| folder.path().join(name);
    let wanted = exported(&traces, &work("one"), &["--threads", "1"]);
    let names = ["aggregation", "events", "processes", "profiles", "system"].map(|name| format!("{name}.parquet"));
    for table in &names {
        assert!(wanted[table].len() > 1_000, "there is something to compare in {table}");
    }
    // And the busy times, and the list of exported tables.
    let busy = String::from_utf8_lossy(&wanted["busy.csv"]).into_owned();
    let columns: Vec<&str> = busy.lines().next().expect("a header").split(',').collect();
    assert_eq!(columns[6], "busy_us");
    let busy = busy.lines().skip(1).map(|line| line.split(',').nth(6).expect("a field").parse::<u64>().unwrap_or(0));
    assert!(busy.clone().count() > 6 && busy.sum::<u64>() > 1_000_000, "functions are busy");
    assert_eq!(wanted.len(), names.len() + 2);
    assert!(exported(&traces, &work("two"), &["--threads", "2"]) == wanted);
    assert!(exported(&traces, &work("five"), &["--threads", "5"]) == wanted);
    let reversed: Vec<PathBuf> = traces.iter().rev().cloned().collect();
    assert!(exported(&reversed, &work("reversed"), &["--threads", "2"]) == wanted);
    assert!(exported(&traces, &work("small"), &["--threads", "2", "--memory", "64K"]) == wanted);
    assert!(exported(&traces, &work("small-one"), &["--threads", "1", "--memory", "64K"]) == wanted);

    // File by file, in another order, into one index.
    let index = work("steps").join("index");
    for trace in [3, 0, 4, 1, 2].map(|at: usize| &traces[at]) {
        run(DFT, ["index".as_ref(), trace.as_os_str(), "--index".as_ref(), index.as_os_str()]).exits(0);
    }
    export(DFT, &index, &work("steps").join("tables"));
    let found = tables(&index, &work("steps").join("tables"));
    let other: Vec<_> =
        wanted.iter().filter(|(name, bytes)| found.get(*name) != Some(bytes)).map(|(name, _)| name).collect();
    assert!(found == wanted, "{other:?} differ");
}
