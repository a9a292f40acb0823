//! Names in traces, paths and arguments may hold escape sequences, marks that reverse text, and line ends. None of them
//! reaches a terminal through a report, a message, a table or JSON.

use std::path::{Path, PathBuf};

use dft_io::is_active;
use dft_tests::{Ran, run, write};

use crate::common::DFT;

/// An escape sequence, a C1 control sequence, an override of the direction, a line that imitates our output, a bell.
const EVIL: &str = "\u{1b}[2J\u{9b}31m\u{202e}x\ndft: forged\u{7}\u{2028}\u{2066}";

/// The same, escaped in JSON.
const EVIL_JSON: &str = "\\u001b[2J\u{9b}31m\u{202e}x\\ndft: forged\\u0007\u{2028}\u{2066}";

/// Returns records in which every name holds control characters.
fn trace(pid: u64) -> String {
    let call = |at: u64| {
        format!(
            "{{\"id\":{at},\"name\":\"{EVIL_JSON}\",\"cat\":\"{EVIL_JSON}\",\"pid\":{pid},\"tid\":1,\"ts\":{at},\"dur\":3,\
             \"ph\":1,\"args\":{{\"hhash\":\"{EVIL_JSON}\",\"fhash\":\"f{at}\",\"{EVIL_JSON}\":1,\"key\":\"{EVIL_JSON}\"}}}}\n"
        )
    };
    let hash = |kind: &str, value: &str| {
        format!(
            "{{\"name\":\"{kind}\",\"cat\":\"dftracer\",\"pid\":{pid},\"tid\":1,\"ph\":4,\"args\":{{\"name\":\"{EVIL_JSON}{value}\",\
             \"value\":\"{value}\"}}}}\n"
        )
    };
    let counter = format!(
        "{{\"name\":\"{EVIL_JSON}\",\"cat\":\"sys\",\"pid\":{pid},\"tid\":1,\"ts\":5,\"ph\":2,\"args\":{{\"{EVIL_JSON}\":2.5}}}}\n"
    );
    let unknown = format!("{{\"name\":\"a\",\"cat\":\"b\",\"pid\":{pid},\"tid\":1,\"ts\":5,\"ph\":\"{EVIL_JSON}\"}}\n");
    let malformed = format!("{EVIL}\n");
    let calls: String = (0..9).map(|at| call(at + pid * 100)).collect();
    calls + &hash("FH", "f1") + &hash("HH", "h") + &counter + &counter.replace("2.5", "3.5") + &unknown + &malformed
}

fn checked(what: &str, ran: Ran) -> Ran {
    for text in [&ran.out, &ran.err] {
        let found = text.chars().find(|&character| character != '\n' && is_active(character));
        assert_eq!(found, None, "{what}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("dft: forged")), "{what}: {text}");
    }
    ran
}

#[test]
fn every_command_escapes_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let evil = folder.path().join(EVIL);
    let path = |name: &str| evil.join(format!("{name}{EVIL}"));
    let go = |arguments: &[PathBuf]| checked(&format!("{arguments:?}"), run(DFT, arguments));
    let word = |text: &str| PathBuf::from(text);
    let traces = evil.join("traces");
    write(&traces.join(format!("a{EVIL}.pfw")), trace(1));
    write(&traces.join(format!("copy{EVIL}.pfw")), trace(1));
    write(&traces.join(format!("other{EVIL}.pfw.zst")), "(/");
    write(&traces.join(format!("damaged{EVIL}.pfw.gz")), b"\x1f\x8b\x08\0what");
    write(&traces.join(format!("empty{EVIL}.pfw")), "");
    let index = path("index");
    let build = [word("index"), traces.clone(), word("--index"), index.clone(), word("--group-key"), word("key")];
    let first = go(&build).exits(3);
    assert!(first.err.contains("\\u{1b}[2J\\u{9b}31m\\u{202e}x\\ndft: forged\\u{7}"), "it is shown: {}", first.err);
    go(&build).exits(3);
    for json in [&[][..], &[word("--json")]] {
        go(&[&[word("info"), index.clone()], json].concat()).exits(0);
        let summary = go(&[&[word("summary"), index.clone()], json].concat()).exits(0);
        assert!(summary.out.contains("forged"), "{}", summary.out);
    }
    go(&[word("verify"), index.clone()]).exits(0);
    for format in ["parquet", "csv"] {
        go(&[word("export"), index.clone(), word("--out"), path("tables"), word("--format"), word(format)]).exits(0);
    }
    std::fs::remove_file(traces.join(format!("copy{EVIL}.pfw"))).expect("removed");
    std::fs::rename(traces.join(format!("a{EVIL}.pfw")), traces.join(format!("b{EVIL}.pfw"))).expect("moved");
    go(&build);
    std::fs::remove_file(traces.join(format!("b{EVIL}.pfw"))).expect("removed");
    go(&[word("info"), index.clone()]).exits(0);
    go(&[word("summary"), index.clone()]).exits(0);

    let staged = evil.join("staged");
    write(&staged.join(format!("s{EVIL}.pfw")), trace(2));
    let shared = path("shared");
    let stage = [word("stage"), staged, word("--staging"), path("local"), word("--shared-staging"), shared.clone()];
    go(&stage).exits(3);
    go(&stage).exits(3);
    write(&shared.join(format!("bundle-{EVIL}/BUNDLE")), "what");
    go(&[word("ingest"), path("other"), word("--shared-staging"), shared.clone()]).exits(3);
    go(&[word("ingest"), index.clone(), word("--shared-staging"), shared]);

    // Messages about wrong usage.
    go(&[word("info"), path("nowhere")]).exits(1);
    go(&[word("index"), path("nowhere"), word("--index"), path("new")]).exits(1);
    go(&[word("index"), traces, word("--index"), evil.clone()]).exits(1);
    go(&[word("export"), index.clone(), word("--out"), path("x"), word("--table"), word(EVIL)]).exits(2);
    go(&[word("export"), index.clone(), word("--out"), path("x"), word("--query"), word(EVIL)]);
    go(&[word("export"), index, word("--out"), path("x"), word("--name"), word(&format!("[{EVIL}"))]);
    go(&[word(EVIL)]).exits(2);
    go(&[word("info"), word(&format!("--{EVIL}"))]).exits(2);
    assert!(Path::new(&path("tables")).join("events.csv").exists());
}
