//! A build uses no more memory than its budget and the base need of any build, whatever the trace holds. Tables with
//! very many columns take time and memory in proportion to their contents.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dft_tests::{run, write};

const DFT: &str = env!("CARGO_BIN_EXE_dft-under-test");

/// The maximum memory of a run, in KiB: a budget of 16 MiB and 150 MiB on top of it.
const MOST: i64 = (16 + 150) << 10;

/// Makes tests wait for one another. A process starts as a copy of its parent, and its peak memory includes that, so the
/// traces of two tests must not be in memory at once.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static RUNNING: Mutex<()> = Mutex::new(());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the program for at most `seconds` of CPU time. Returns its exit status and its peak memory, in KiB.
fn peak(arguments: &[&str], seconds: u64) -> (ExitStatus, i64) {
    let mut command = Command::new(DFT);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec the closure makes one system call, with its own variable.
    unsafe {
        command.pre_exec(move || {
            let limit = libc::rlimit { rlim_cur: seconds, rlim_max: seconds };
            match libc::setrlimit(libc::RLIMIT_CPU, &limit) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        })
    };
    #[allow(clippy::zombie_processes, reason = "wait4 waits for it")]
    let child = command.spawn().expect("the program runs");
    let mut status = 0;
    // SAFETY: zeroes are a valid `rusage`, which consists of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers point to variables of this function of the right types, and nothing else waits for the
    // child.
    let waited = unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, &mut usage) };
    assert_eq!(waited, child.id() as libc::pid_t);
    (ExitStatus::from_raw(status), usage.ru_maxrss)
}

/// Indexes the trace with a budget of 16 MiB. Returns the exit code.
fn index(folder: &Path, text: &str) -> Option<i32> {
    let path = |name: &str| folder.join(name).display().to_string();
    write(path("t.pfw").as_ref(), text);
    let arguments = ["index", &path("t.pfw"), "--index", &path("index"), "--memory", "16M", "--threads", "2"];
    let (status, peak) = peak(&arguments, 120);
    assert!(peak <= MOST, "{peak} KiB");
    status.code()
}

fn args(range: std::ops::Range<usize>, value: &str) -> String {
    range.map(|at| format!("\"m{at}\":{value}")).collect::<Vec<_>>().join(",")
}

#[test]
fn sums_of_values_of_very_different_magnitudes() {
    let _running = one_at_a_time();
    let mut text = String::from("[\n{\"name\":\"c\",\"cat\":\"sys\",\"pid\":1,\"ts\":5,\"ph\":2,\"args\":{\"m\":1}}\n");
    for from in (0..500).step_by(100) {
        for value in ["1e308", "1e-308"] {
            let args = args(from..from + 100, value);
            for counter in 0..800 {
                let _ =
                    writeln!(text, r#"{{"name":"c{counter}","cat":"sys","pid":1,"ts":5,"ph":2,"args":{{{args}}}}}"#);
            }
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(index(folder.path(), &text), Some(0));
}

#[test]
fn very_many_custom_metrics_of_very_many_series() {
    let _running = one_at_a_time();
    let mut text = String::from("[\n{\"name\":\"f\",\"cat\":\"app\",\"pid\":1,\"ts\":5,\"ph\":1,\"args\":{}}\n");
    let args = args(0..500, "1");
    for series in 0..8_000 {
        let _ = writeln!(text, r#"{{"name":"f{series}","cat":"app","pid":1,"ts":5,"ph":1,"args":{{{args}}}}}"#);
    }
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(index(folder.path(), &text), Some(0));
}

#[test]
fn one_record_of_very_many_args() {
    let _running = one_at_a_time();
    let many = args(0..2_000_000, "1");
    let text = format!(
        "[\n{{\"name\":\"f\",\"cat\":\"app\",\"pid\":1,\"ts\":5,\"ph\":1,\"args\":{{{many}}}}}\n\
         {{\"name\":\"g\",\"cat\":\"app\",\"pid\":1,\"ts\":5,\"ph\":1,\"args\":{{}}}}\n"
    );
    let folder = tempfile::tempdir().expect("a folder");
    // It is malformed, and the other record is indexed.
    assert_eq!(index(folder.path(), &text), Some(3));
}

#[test]
fn facts_of_very_many_processes() {
    let _running = one_at_a_time();
    let mut text = String::from("[\n");
    for pid in 0..150_000 {
        let (host, texts) = (pid % 3 * 1_000 + pid % 1_000, if pid < 20_000 { "x".repeat(500) } else { String::new() });
        let _ = writeln!(
            text,
            r#"{{"name":"start","cat":"dftracer","pid":{pid},"tid":1,"ts":{pid},"dur":0,"ph":1,"args":{{"hhash":"{host:016x}","cmd_hash":"{texts}","exec_hash":"{texts}","cwd":"{texts}"}}}}
{{"name":"end","cat":"dftracer","pid":{pid},"tid":1,"ts":{pid},"dur":0,"ph":1,"args":{{"hhash":"{host:016x}","num_events":7}}}}"#
        );
    }
    let folder = tempfile::tempdir().expect("a folder");
    // The fault of the file is that it has more processes than facts are kept of. Records were lost, too.
    assert_eq!(index(folder.path(), &text), Some(3));
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (index, out) = (path("index"), path("out"));
    for arguments in
        [&["info", &index][..], &["summary", &index], &["verify", &index], &["export", &index, "--out", &out]]
    {
        let (status, peak) = peak(arguments, 60);
        assert_eq!(status.code(), Some(0), "{arguments:?}: {status}");
        assert!(peak <= MOST, "{arguments:?}: {peak} KiB");
    }
    let ran = run(DFT, ["info", &index]);
    for says in ["it has more than 65,536 processes", "lost: 6 of the 8 records", "records of 65531 more processes"] {
        assert!(ran.out.contains(says), "{says}: {}", ran.out);
    }
    // The rows are exact, whatever facts are kept.
    let summary = run(DFT, ["summary", &index, "--json"]);
    for says in ["\"processes\": 150000", "\"hosts\": 3000"] {
        assert!(summary.out.contains(says), "{says}: {}", summary.out);
    }
}

#[test]
fn tables_of_very_many_columns() {
    let _running = one_at_a_time();
    let mut text = String::from("[\n");
    for at in 0..5 {
        let args = args(at * 4_000..(at + 1) * 4_000, "1");
        let _ = writeln!(text, r#"{{"name":"f{at}","cat":"app","pid":1,"ts":5,"ph":1,"args":{{{args}}}}}"#);
    }
    for at in 0..100 {
        let args = args(at * 200..(at + 1) * 200, "0.5");
        let _ = writeln!(text, r#"{{"name":"c{at}","cat":"sys","pid":1,"ts":5,"ph":2,"args":{{{args}}}}}"#);
    }
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(index(folder.path(), &text), Some(0));
    let path = |name: &str| folder.path().join(name).display().to_string();
    // 20,000 columns, 100 rows.
    let arguments = ["export", &path("index"), "--out", &path("out"), "--format", "arrow", "--table", "system"];
    let (status, peak_of_system) = peak(&arguments, 60);
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(peak_of_system <= MOST, "{peak_of_system} KiB");
    // 120,000 columns, 5 rows. Their names and places in the files alone take 2 KB for each column.
    for (format, most) in [("arrow", 200), ("parquet", 400)] {
        let arguments = ["export", &path("index"), "--out", &path("out"), "--format", format, "--table", "aggregation"];
        let (status, peak) = peak(&arguments, 60);
        assert_eq!(status.code(), Some(0), "{status}");
        assert!(peak <= most << 10, "{format}: {peak} KiB");
    }
}
