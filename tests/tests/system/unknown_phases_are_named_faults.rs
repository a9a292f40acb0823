//! Records of an unknown phase are skipped and are a fault of their file: it is reported, gives exit code 3, and
//! `--strict` refuses it.

use dft_tests::{dft, gzip, run, write};

use crate::common::DFT;

fn record(ph: &str, ts: u32) -> String {
    format!("{{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":{ts},\"dur\":1{ph},\"args\":{{}}}}\n")
}

#[test]
fn the_first_skipped_record_of_each_file_is_named_with_its_line_and_phase() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, index) = (folder.path().join("traces"), folder.path().join("index"));
    let call = |ts| record(r#","ph":"X""#, ts);
    let text = ["[\n".to_owned(), call(5), record(r#","ph":"Z""#, 6), call(7), record(r#","ph":9"#, 8)].concat();
    write(&traces.join("a.pfw.gz"), gzip(text.as_bytes()));
    write(&traces.join("b.pfw"), call(15) + &record("", 16));
    write(&traces.join("c.pfw"), call(25));
    let arguments = ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()];

    let strict = run(DFT, arguments.into_iter().chain(["--strict".as_ref()])).exits(1);
    assert!(strict.err.contains("a.pfw.gz: line 3 has unknown phase \"Z\""), "{}", strict.err);

    let ran = run(DFT, arguments).exits(3);
    assert!(ran.out.contains("0 malformed, 3 of unknown phase skipped"), "{}", ran.out);
    let [a, b] = ran.err.lines().collect::<Vec<_>>()[..] else { panic!("{}", ran.err) };
    let first = "2 records of unknown phase skipped; the first: line 3: unknown phase \"Z\"";
    assert!(a.ends_with(&format!("a.pfw.gz: {first}")), "{a}");
    assert!(b.ends_with("b.pfw: 1 record of unknown phase skipped; the first: line 2: no phase"), "{b}");

    // The index remembers them, and the calls next to them are indexed.
    let again = run(DFT, arguments).exits(3);
    assert!(again.err.contains("a.pfw.gz: 2 records of unknown phase skipped\n"), "{}", again.err);
    let info = run(DFT, ["info".as_ref(), index.as_os_str()]).exits(0);
    assert!(info.out.contains("2 skipped") && info.out.contains("1 skipped"), "{}", info.out);
    let json = run(DFT, ["info".as_ref(), index.as_os_str(), "--json".as_ref()]).exits(0);
    assert!(json.out.contains("\"events\": 4"), "{}", json.out);
}

#[test]
fn a_phase_of_any_length_and_kind_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for (at, (phase, shown)) in [
        (format!("\"{}\"", "é".repeat(1 << 20)), "unknown phase \"éé"),
        ("null".to_owned(), "no phase"),
        ("true".to_owned(), "unknown phase true"),
        ("1.5".to_owned(), "unknown phase 1.5"),
        ("nan".to_owned(), "unknown phase"),
        ("[\"X\"]".to_owned(), "unknown phase [\"X\"]"),
    ]
    .into_iter()
    .enumerate()
    {
        let traces = folder.path().join(at.to_string());
        write(&traces.join("a.pfw"), record(r#","ph":1"#, 5) + &record(&format!(",\"ph\":{phase}"), 6));
        let output = dft(DFT, ["index".as_ref(), traces.as_os_str()]).output().expect("the program runs");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{message}");
        assert!(message.contains(&format!("; the first: line 2: {shown}")) && message.len() < 1_000, "{message}");
    }
}
