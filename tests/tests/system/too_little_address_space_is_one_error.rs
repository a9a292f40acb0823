//! A process with little address space ends with one error, never by a signal, and leaves the index unchanged. RocksDB
//! does not check that it gets memory, so the program requests what it needs first.

use dft_tests::{Ran, dft, exported, gzip, run, trace, write};

use crate::common::DFT;

/// Runs a command with an address space of `kibibytes`.
fn limited(kibibytes: u64, arguments: &[&str]) -> Ran {
    let mut command = dft("sh", ["-c", &format!("ulimit -c 0; ulimit -v {kibibytes}; exec \"$0\" \"$@\""), DFT]);
    let output = command.args(arguments).output().expect("a shell");
    Ran {
        code: output.status.code().expect("it was not ended by a signal"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

#[test]
fn an_index_is_neither_made_nor_read_nor_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |name: &str| folder.path().join(name).display().to_string();
    let (traces, index, tables) = (text("traces"), text("index"), text("tables"));
    write(&folder.path().join("traces/a.pfw.gz"), gzip(trace(1, 2_000).as_bytes()));
    run(DFT, ["index", &traces, "--index", &index]).exits(0);
    let before = exported(DFT, index.as_ref(), folder.path());
    write(&folder.path().join("traces/b.pfw.gz"), gzip(trace(2, 2_000).as_bytes()));
    for kibibytes in [100_000, 150_000, 200_000, 250_000, 300_000, 350_000, 400_000] {
        let commands: [&[&str]; 3] = [
            &["index", &traces, "--index", &index, "--threads", "1"],
            &["index", &traces, "--index", &text("new"), "--threads", "1"],
            &["export", &index, "--out", &tables],
        ];
        for arguments in commands {
            let ran = limited(kibibytes, arguments);
            assert_eq!(ran.code, 1, "{kibibytes} KiB: {arguments:?}: {}{}", ran.out, ran.err);
            // The second message: threads need address space, too.
            let messages = ["the system gives no more address space", "this process cannot start"];
            assert!(messages.iter().any(|message| ran.err.contains(message)), "{}", ran.err);
            assert!(ran.err.contains("ulimit -v"), "{}", ran.err);
        }
        assert!(!folder.path().join("new").exists(), "{kibibytes} KiB");
        assert!(exported(DFT, index.as_ref(), folder.path()) == before, "{kibibytes} KiB");
    }
    assert_eq!(limited(4_000_000, &["index", &traces, "--index", &index]).code, 0);
    assert_eq!(limited(4_000_000, &["export", &index, "--out", &tables]).code, 0);
}
