//! If the disk is full or a file may not grow, while runs, SST files, the index or the export are written, there is one
//! error with advice, the index is unchanged, and the next run completes.
#![allow(clippy::print_stderr, reason = "a test reports what it cannot test on a machine")]

use std::fs;
use std::path::Path;
use std::process::Command;

use dft_tests::{Ran, dft, exported, gzip, run, trace, write};

use crate::common::DFT;

/// Runs a command in a shell, after the commands in `before`.
fn shell(before: &str, arguments: &[&str]) -> Ran {
    let mut command = dft("sh", ["-c", &format!("{before} exec \"$0\" \"$@\""), DFT]);
    let output = command.args(arguments).output().expect("a shell");
    Ran {
        code: output.status.code().expect("it was not killed"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Checks that there is one error with advice.
fn is_one_error_with_advice(ran: &Ran) {
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert_eq!(ran.err.lines().filter(|line| line.starts_with("dft: ")).count(), 1, "{}", ran.err);
    assert!(ran.err.contains("make room"), "{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

#[test]
fn files_that_may_not_grow_are_one_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |name: &str| folder.path().join(name).display().to_string();
    let (traces, index, out, whole) = (text("traces"), text("index"), text("tables"), text("whole"));
    write(&folder.path().join("traces/a.pfw.gz"), gzip(trace(1, 2_000).as_bytes()));
    run(DFT, ["index", &traces, "--index", &index]).exits(0);
    for pid in 2..5 {
        write(&folder.path().join(format!("traces/{pid}.pfw.gz")), gzip(trace(pid, 20_000).as_bytes()));
    }
    run(DFT, ["index", &traces, "--index", &whole]).exits(0);
    let wanted = exported(DFT, whole.as_ref(), folder.path());
    let before = exported(DFT, index.as_ref(), folder.path());
    let mut failed = 0;
    // In blocks of 512 bytes: the smallest limits stop runs, larger ones SST files.
    for memory in ["64K", "512M"] {
        for blocks in [1, 8, 64, 128, 256, 512] {
            // The signal would end the program; ignored, it becomes a system error.
            let limit = format!("trap '' XFSZ; ulimit -f {blocks};");
            let ran = shell(&limit, &["index", &traces, "--index", &index, "--memory", memory]);
            if ran.code == 0 {
                break;
            }
            is_one_error_with_advice(&ran);
            failed += 1;
            assert!(exported(DFT, index.as_ref(), folder.path()) == before, "{memory}, {blocks} blocks");
            run(DFT, ["verify", &index]).exits(0);
            let stage = ["stage", &traces, "--staging", &text("local"), "--shared-staging", &text("shared")];
            let ran = shell(&limit, &stage);
            if ran.code != 0 {
                is_one_error_with_advice(&ran);
                let left = ["local", "shared"].map(|name| folder.path().join(name).exists());
                assert_eq!(left, [false; 2], "there is no bundle, no part of one, and no directory for them");
            } else {
                fs::remove_dir_all(text("shared")).expect("removed");
            }
        }
    }
    assert!(failed >= 6, "{failed}");
    run(DFT, ["index", &traces, "--index", &index]).exits(0);
    assert!(exported(DFT, index.as_ref(), folder.path()) == wanted);
    for format in ["parquet", "arrow", "csv"] {
        let ran = shell("trap '' XFSZ; ulimit -f 16;", &["export", &index, "--out", &out, "--format", format]);
        is_one_error_with_advice(&ran);
        assert!(!Path::new(&out).exists(), "no part of a table is left, and no directory for it");
    }
    run(DFT, ["export", &index, "--out", &out]).exits(0);
}

/// Whether a file system can be mounted in a separate namespace.
fn can_mount() -> bool {
    let probe = ["-rm", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"];
    Command::new("unshare").args(probe).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_file_system_is_one_error() {
    if !can_mount() {
        eprintln!("no file system can be mounted here: only limits of files are tested");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let text = |name: &str| folder.path().join(name).display().to_string();
    for pid in 0..3 {
        write(&folder.path().join(format!("traces/{pid}.pfw.gz")), gzip(trace(pid, 20_000).as_bytes()));
    }
    let whole = text("whole");
    run(DFT, ["index", &text("traces"), "--index", &whole]).exits(0);
    let wanted = exported(DFT, whole.as_ref(), folder.path());
    fs::create_dir_all(folder.path().join("small")).expect("made");
    // A file fills the disk; once it is removed, the command succeeds.
    let script = r#"
        set -u
        cd "$1"; dft=$2; memory=$3; kib=$4
        mount -t tmpfs -o size=20m none small || exit 9
        "$dft" index traces/0.pfw.gz --index small/index || exit 9
        free=$(df -k small | awk 'END { print $4 }')
        dd if=/dev/zero of=small/filler bs=1k count=$((free - kib)) 2>/dev/null
        "$dft" index traces --index small/index --memory "$memory"
        echo "index exit $?"
        "$dft" verify small/index || exit 9
        rm small/filler
        "$dft" index traces --index small/index --memory "$memory" || exit 9
        free=$(df -k small | awk 'END { print $4 }')
        dd if=/dev/zero of=small/filler bs=1k count=$((free - 16)) 2>/dev/null
        "$dft" export small/index --out small/tables
        echo "export exit $?"
        ls -A small/tables
        rm small/filler
        cp -r small/index taken
    "#;
    for (memory, kib) in [("64K", 8), ("64K", 200), ("512M", 8), ("512M", 200), ("512M", 700)] {
        let taken = folder.path().join("taken");
        let _ = fs::remove_dir_all(&taken);
        let output = Command::new("unshare")
            .args(["-rm", "sh", "-c", script, "sh"])
            .arg(folder.path())
            .args([DFT, memory, &kib.to_string()])
            .output()
            .expect("a namespace");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{memory}, {kib} KiB: {out}\n{err}");
        assert!(out.contains("index exit 1") && out.contains("export exit 1"), "{memory}, {kib} KiB: {out}\n{err}");
        let errors: Vec<&str> = err.lines().filter(|line| line.starts_with("dft: ")).collect();
        assert_eq!(errors.len(), 2, "{memory}, {kib} KiB: {err}");
        assert!(errors.iter().all(|error| error.contains("make room")), "{memory}, {kib} KiB: {err}");
        assert!(!out.contains("events.parquet") || !out.contains(".tmp"), "{out}");
        assert!(exported(DFT, &taken, folder.path()) == wanted, "{memory}, {kib} KiB");
    }
}

#[test]
fn a_first_build_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("a.pfw"), trace(1, 2_000));
    let ran = shell("trap '' XFSZ; ulimit -f 8;", &["index", &text("a.pfw"), "--index", &text("index")]);
    is_one_error_with_advice(&ran);
    assert!(!Path::new(&text("index")).exists());
    run(DFT, ["index", &text("a.pfw"), "--index", &text("index")]).exits(0);
    assert!(dft_tests::has_index(Path::new(&text("index"))));
}
