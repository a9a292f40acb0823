//! A number past 64 bits is an error that names its row, in the summary's JSON as in an export, because readers of JSON
//! have no wider numbers. The summary for people rounds it.

use dft_tests::{run, write};

use crate::common::DFT;

fn call(name: &str, ts: u64, dur: u64, ret: i64) -> String {
    format!(
        "{{\"name\":\"{name}\",\"cat\":\"POSIX\",\"pid\":7,\"tid\":7,\"ts\":{ts},\"dur\":{dur},\"ph\":\"X\",\"args\":{{\"ret\":{ret}}}}}\n"
    )
}

/// A trace, and the expected output of an export and a summary of it.
struct Case {
    name: &'static str,
    trace: String,
    /// Whether the number of a single row is too large, so that an export fails, too.
    row: bool,
    says: &'static str,
    people_see: &'static str,
}

#[test]
fn what_is_past_64_bits_is_an_error_with_the_row() {
    let most = i64::MAX;
    let cases = [
        Case {
            name: "size",
            trace: call("read", 5, 1, most) + &call("read", 6, 1, 1),
            row: true,
            says: "table events, row posix read of process 7, cell 0 µs: size is 9223372036854775808, past the 64 bits",
            people_see: "8192 PiB",
        },
        Case {
            name: "total",
            trace: call("read", 5, 1, most) + &call("write", 6, 1, 1),
            row: false,
            says: "table summary, row all calls: bytes is 9223372036854775808, past the 64 bits",
            people_see: "8192 PiB",
        },
        Case {
            name: "fits",
            trace: call("read", 5, 1, most - 1) + &call("write", 6, 1, 1),
            row: false,
            says: "",
            people_see: "8192 PiB",
        },
    ];
    let folder = tempfile::tempdir().expect("a folder");
    for Case { name, trace, row, says, people_see } in cases {
        let path = |kind: &str| folder.path().join(format!("{name}.{kind}")).display().to_string();
        write(path("pfw").as_ref(), trace);
        run(DFT, ["index", &path("pfw"), "--index", &path("index")]).exits(0);
        let exported = run(DFT, ["export", &path("index"), "--out", &path("tables"), "--table", "events"]);
        assert_eq!(exported.code, i32::from(row), "{name}: {}", exported.err);
        if row {
            assert!(exported.err.contains(says), "{name}: {}", exported.err);
        }
        let json = run(DFT, ["summary", &path("index"), "--json"]);
        if says.is_empty() {
            assert!(json.exits(0).out.contains("\"bytes\": 9223372036854775807"), "{name}");
        } else {
            let json = json.exits(1);
            assert!(json.err.contains(says) && json.out.is_empty(), "{name}: {}{}", json.err, json.out);
        }
        let text = run(DFT, ["summary", &path("index")]).exits(0).out;
        assert!(text.contains(people_see), "{name}: {text}");
    }
}
