//! On an x86-64 processor without AVX2, and on one with nothing newer than SSE2, `dft` makes an index with the same
//! contents, and the same tables, to the byte. Every library that it contains chooses its code by what the processor has, so all of them are
//! told less: by a shim that answers the instruction CPUID, or, where the system cannot refuse that instruction, by
//! `qemu-x86_64`. Without either, the test is skipped.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says why")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dft_tests::{compile_shim, contents, data, gzip, trace, tree, write};

use crate::common::DFT;

/// Processors, oldest last: the word of the shim, and a name that qemu knows.
const PROCESSORS: [(&str, &str); 2] = [("avx", "max,avx2=off,bmi1=off,bmi2=off"), ("sse2", "core2duo")];

/// The exit code of the shim if the system cannot refuse CPUID.
const CANNOT: i32 = 77;

/// A way to run a program as on an older processor.
enum Older {
    Shim(PathBuf),
    Qemu,
}

impl Older {
    /// Returns a way that works here.
    fn find(folder: &Path) -> Option<Self> {
        let shim = compile_shim("shim/processor.c", folder);
        let probe = Command::new(DFT).arg("--version").env("LD_PRELOAD", &shim).env("DFT_PROCESSOR", "sse2").output();
        if probe.expect("it runs").status.code() != Some(CANNOT) {
            return Some(Self::Shim(shim));
        }
        let qemu = Command::new("qemu-x86_64").arg("--version").output();
        qemu.is_ok_and(|output| output.status.success()).then_some(Self::Qemu)
    }

    /// Returns a program that runs as on a processor.
    fn command(&self, (level, model): (&str, &str), program: &Path) -> Command {
        match self {
            Self::Shim(shim) => {
                let mut command = Command::new(program);
                command.env("LD_PRELOAD", shim).env("DFT_PROCESSOR", level);
                command
            }
            Self::Qemu => {
                let mut command = Command::new("qemu-x86_64");
                command.args(["-cpu", model]).arg(program);
                command
            }
        }
    }
}

/// Returns every table of an index, and what `verify` and `info` print: the numbers of rows, series and names, the
/// configuration, and the records of each trace. (RocksDB's own files name the time and the process that wrote them.)
fn made(dft: impl Fn() -> Command, traces: &Path, work: &Path) -> BTreeMap<String, Vec<u8>> {
    let (index, tables) = (work.join("index"), work.join("tables"));
    let with = |arguments: &[&str], paths: &[&Path]| {
        let mut command = dft();
        let output = command.args(arguments).args(paths).output().expect("the program runs");
        let ends = matches!(output.status.code(), Some(0 | 3));
        assert!(ends, "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").replace(&*index.to_string_lossy(), "INDEX").into_bytes()
    };
    with(&["index", "--threads", "2", "--memory", "64K", "--index"], &[&index, traces]);
    let said = [("verify", with(&["verify"], &[&index])), ("info", with(&["info", "--json"], &[&index]))];
    with(&["export", "--out"], &[&tables, &index]);
    with(&["export", "--table", "aggregation", "--out"], &[&tables, &index]);
    with(&["export", "--format", "csv", "--out"], &[&work.join("csv"), &index]);
    let mut all = contents(&tables);
    all.extend(contents(&work.join("csv")).into_iter().map(|(name, bytes)| (format!("csv/{name}"), bytes)));
    all.extend(said.map(|(name, text)| (name.to_owned(), text)));
    all
}

/// Not a test by itself: asserts, in a process of its own, what the other test hides.
#[test]
#[ignore = "only in a process that is told less of its processor"]
fn hidden_extensions_are_not_detected() {
    assert!(!is_x86_feature_detected!("avx2") && !is_x86_feature_detected!("bmi2"));
    let newest_is_sse2 = std::env::var("DFT_EXPECTED").expect("it is set") == "sse2";
    assert_eq!(newest_is_sse2, !is_x86_feature_detected!("sse4.2") && !is_x86_feature_detected!("pclmulqdq"));
}

#[test]
fn index_and_tables_are_the_same_without_avx2_and_without_all_but_sse2() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(older) = Older::find(folder.path()) else {
        eprintln!("skipped: the system cannot refuse CPUID, and there is no qemu-x86_64");
        return;
    };
    let traces = folder.path().join("traces");
    for (at, name) in
        ["tracer-2-events", "tracer-2-telemetry", "tracer-3-aggregated", "tracer-3-events"].iter().enumerate()
    {
        for (path, bytes) in tree(&data(name)) {
            if let Some(bytes) = bytes {
                write(&traces.join(format!("{at}-{}", path.file_name().expect("a name").display())), bytes);
            }
        }
    }
    write(&traces.join("plain.pfw"), trace(1, 6_000));
    write(
        &traces.join("members.pfw.gz"),
        trace(2, 6_000).as_bytes().chunks(50_001).flat_map(gzip).collect::<Vec<u8>>(),
    );
    let wanted = made(|| Command::new(DFT), &traces, &folder.path().join("whole"));
    assert!(wanted.len() > 10, "{:?}", wanted.keys());
    for processor in PROCESSORS {
        let mut probe = older.command(processor, &std::env::current_exe().expect("its path"));
        probe.args(["--ignored", "--exact", "hidden_extensions_are_not_detected"]).env("DFT_EXPECTED", processor.0);
        let probe = probe.output().expect("it runs");
        assert!(probe.status.success(), "{processor:?}: {}", String::from_utf8_lossy(&probe.stdout));
        let log = folder.path().join(format!("{}.log", processor.0));
        let dft = || {
            let mut command = older.command(processor, Path::new(DFT));
            command.env("DFT_PROCESSOR_LOG", &log);
            command
        };
        let found = made(dft, &traces, &folder.path().join(processor.0));
        if matches!(older, Older::Shim(_)) {
            assert!(fs::metadata(&log).is_ok_and(|log| log.len() > 4), "each run asked, and was told less");
        }
        let differ: Vec<_> = wanted.keys().filter(|name| found.get(*name) != wanted.get(*name)).collect();
        assert!(found == wanted, "{processor:?}: {differ:?} differ");
    }
}
