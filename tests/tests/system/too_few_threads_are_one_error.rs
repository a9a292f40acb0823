//! If a process may start only few threads, a build and an export succeed or end with one error, never by a signal or a
//! panic.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use dft_tests::{has_index, trace, write};

use crate::common::DFT;

/// A user without other processes: a limit of threads covers all processes of a user, and does not apply to root.
const NOBODY: u32 = 65_534;

/// Runs the program as a user that may have `threads` threads. Returns the exit code and the output.
fn run_with(program: &str, threads: u64, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).uid(NOBODY);
    // SAFETY: between fork and exec the closure makes one system call, with its own variable.
    unsafe {
        command.pre_exec(move || {
            let limit = libc::rlimit { rlim_cur: threads, rlim_max: threads };
            match libc::setrlimit(libc::RLIMIT_NPROC, &limit) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        })
    };
    let output = command.output().expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("opened");
}

#[test]
fn a_build_and_an_export_succeed_or_end_with_one_error() {
    // SAFETY: the call only returns the user.
    if unsafe { libc::geteuid() } != 0 {
        // Only root may become another user, whose limit other programs do not use up.
        return;
    }
    let folder = tempfile::tempdir_in("/tmp").expect("a folder");
    open_to_all(folder.path());
    let text = |name: &str| folder.path().join(name).display().to_string();
    write(&folder.path().join("a.pfw"), trace(1, 2_000));
    // Copy the program to where every user may run it.
    std::fs::copy(DFT, folder.path().join("dft")).expect("copied");
    open_to_all(&folder.path().join("dft"));
    let (mut done, mut refused) = (0, 0);
    for threads in [1, 2, 3, 4, 5, 6, 7, 8, 10, 14, 20, 40, 200] {
        let (index, tables) = (format!("index-{threads}"), format!("tables-{threads}"));
        let build = ["index", &text("a.pfw"), "--index", &text(&index), "--threads", "2"];
        let export = ["export", &text(&index), "--out", &text(&tables)];
        for arguments in [&build[..], &export[..]] {
            if arguments[0] == "export" && !has_index(&folder.path().join(&index)) {
                continue;
            }
            let (code, message) = run_with(&text("dft"), threads, arguments);
            match code {
                Some(0) => done += 1,
                Some(1)
                    if message.lines().count() == 1 && message.contains("threads") && !message.contains("panicked") =>
                {
                    refused += 1;
                }
                code => panic!("{threads} threads, {arguments:?}: {code:?}: {message}"),
            }
        }
    }
    assert!(done > 2 && refused > 2, "{done} done, {refused} refused");
}
