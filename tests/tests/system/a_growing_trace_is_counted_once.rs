//! While a tracer appends, each build reads only new records, a half-written end waits, and the result is that of one
//! build of the finished trace.

use std::fs;
use std::path::Path;

use dft_tests::{Ran, exported, gzip, run, trace, write};

use crate::common::DFT;

fn index(trace: &Path, index: &Path) -> Ran {
    run(DFT, ["index".as_ref(), trace.as_os_str(), "--index".as_ref(), index.as_os_str()])
}

/// Returns the finished file in three forms: text, one gzip member, and many members that break within lines.
fn forms() -> [(&'static str, Vec<u8>); 3] {
    let text = trace(3, 3_000);
    let members = text.as_bytes().chunks(40_001).flat_map(gzip).collect();
    [("text.pfw", text.clone().into_bytes()), ("one.pfw.gz", gzip(text.as_bytes())), ("many.pfw.gz", members)]
}

#[test]
fn every_way_of_growing_gives_the_same_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in forms() {
        let path = folder.path().join(name);
        let whole = folder.path().join(format!("{name}-whole"));
        write(&path, &bytes);
        index(&path, &whole).exits(0);
        let wanted = exported(DFT, &whole, folder.path()).expect("an index");

        let growing = folder.path().join(format!("{name}-growing"));
        let mut records = 0;
        let steps = 9;
        for step in 0..=steps {
            // Mostly within a line.
            let end = bytes.len() * step / steps;
            write(&path, &bytes[..end]);
            let ran = index(&path, &growing);
            if step == 0 {
                assert!(ran.exits(1).err.contains("no record in") && !growing.exists(), "there is no record to index");
                continue;
            }
            assert!(ran.code == 0 || (ran.code == 3 && step < steps), "{name} {step}: {}", ran.err);
            if ran.code == 3 {
                let says = ["truncated: the file ends", "empty: the file has no byte"];
                assert!(says.iter().any(|says| ran.err.contains(says)), "{}", ran.err);
                assert!(!ran.err.contains("malformed"), "what is half-written is not malformed: {}", ran.err);
            }
            assert_eq!(ran.out.contains("1 file resumed where reading ended before"), step > 1, "{}", ran.out);
            records += records_read(&ran);
            run(DFT, ["verify".as_ref(), growing.as_os_str()]).exits(0);
            // A file that has not grown is not read.
            assert!(index(&path, &growing).out.starts_with("nothing to do"), "{name} {step}");
        }
        assert!(exported(DFT, &growing, folder.path()) == Some(wanted), "{name}");
        let info = run(DFT, ["info".as_ref(), growing.as_os_str()]).exits(0).out;
        assert!(info.contains(&format!("files      1, {} records", with_commas(records))), "{records}: {info}");
    }
}

/// Returns the number of records that a build reports as read.
fn records_read(ran: &Ran) -> u64 {
    let first = ran.out.lines().next().expect("a line");
    let (before, _) = first.split_once(" records").expect("a number of records");
    before.rsplit(' ').next().expect("a number").replace(',', "").parse().expect("a number")
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn a_longer_trace_whose_start_changed_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, dftagg) = (folder.path().join("x.pfw"), folder.path().join("index"));
    write(&path, trace(1, 500));
    index(&path, &dftagg).exits(0);
    let before = exported(DFT, &dftagg, folder.path());
    write(&path, trace(1, 500).replacen("read", "READ", 1) + &trace(2, 10));
    let refused = index(&path, &dftagg).exits(1);
    assert!(refused.err.contains("x.pfw changed since") && refused.err.contains("--rebuild"), "{}", refused.err);
    assert!(exported(DFT, &dftagg, folder.path()) == before);
    // A shorter trace has changed, too.
    write(&path, trace(1, 400));
    assert!(index(&path, &dftagg).exits(1).err.contains("--rebuild"));
    run(DFT, ["index".as_ref(), path.as_os_str(), "--rebuild".as_ref(), "--index".as_ref(), dftagg.as_os_str()])
        .exits(0);
    run(DFT, ["verify".as_ref(), dftagg.as_os_str()]).exits(0);
}

#[test]
fn a_time_unit_holds_for_appended_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let call =
        |ts: u64| format!("{{\"name\":\"f\",\"cat\":\"c\",\"ph\":1,\"pid\":1,\"tid\":1,\"ts\":{ts},\"dur\":4000}}\n");
    let unit = "{\"name\":\"CM\",\"ph\":4,\"args\":{\"name\":\"time_metric\",\"value\":\"NS\"}}\n";
    let whole = [unit, &call(5_000_000_000), &call(7_000_000_000)].concat();
    let path = folder.path().join("x.pfw");
    let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
    write(&path, &whole);
    index(&path, &once).exits(0);
    write(&path, &whole[..unit.len() + call(5_000_000_000).len()]);
    index(&path, &twice).exits(0);
    write(&path, &whole);
    index(&path, &twice).exits(0);
    assert!(exported(DFT, &once, folder.path()) == exported(DFT, &twice, folder.path()));
    fs::remove_file(path).expect("removed");
}
