//! One process: how long it took, how long on processors, how much memory, and its end where it takes too long.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::samples::Samples;

/// What one process took, its own children that it waited for included.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_bytes: u64,
}

impl Cost {
    /// Of two processes, one after the other.
    pub(super) fn then(self, next: Self) -> Self {
        Self {
            seconds: self.seconds + next.seconds,
            cpu_seconds: self.cpu_seconds + next.cpu_seconds,
            peak_bytes: self.peak_bytes.max(next.peak_bytes),
        }
    }
}

/// What the same work took, time after time.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Costs {
    pub(super) seconds: Samples,
    pub(super) cpu_seconds: Samples,
    pub(super) peak_bytes: Samples,
}

impl Costs {
    pub(super) fn push(&mut self, cost: Cost) {
        self.seconds.push(cost.seconds);
        self.cpu_seconds.push(cost.cpu_seconds);
        self.peak_bytes.push(cost.peak_bytes as f64);
    }
}

/// Runs a process to its end. What it says to stderr goes to `log`, which ends the error where it fails.
pub(super) fn run(command: &mut Command, log: &Path) -> Result<(Cost, String)> {
    run_within(command, log, Duration::MAX)
}

/// The same, but a process that takes longer than `limit` is ended, with all that it has started.
pub(super) fn run_within(command: &mut Command, log: &Path, limit: Duration) -> Result<(Cost, String)> {
    let program = command.get_program().to_string_lossy().into_owned();
    let stderr = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    if limit < Duration::MAX {
        command.process_group(0);
    }
    // What others have left to be written would else be waited for by who makes its own files durable.
    // SAFETY: it takes nothing and gives nothing.
    unsafe { libc::sync() };
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{program} does not run"))?;
    let id = child.id() as libc::pid_t;
    let (ended, watched) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        let late = watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if late {
            // SAFETY: it takes numbers only. The process is not waited for before this thread has ended, so
            // its number, and that of its group, is of no other.
            unsafe { libc::kill(-id, libc::SIGKILL) };
        }
        late
    });
    let mut said = String::new();
    let read = child.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut said));
    let end = until_end(id);
    let seconds = start.elapsed().as_secs_f64();
    drop(ended);
    let late = watch.join().unwrap_or(false);
    let (status, usage) = end.and_then(|()| wait(id)).with_context(|| format!("cannot wait for {program}"))?;
    read.with_context(|| format!("cannot read what {program} says"))?;
    if late {
        bail!("{program} was ended, after {} s", limit.as_secs());
    }
    if !status.success() {
        let words = std::fs::read_to_string(log).unwrap_or_default();
        let last: Vec<&str> = words.lines().rev().take(5).collect();
        bail!("{program}: {status}: {}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    let time = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    // Of Linux, ru_maxrss is in KiB; elsewhere in bytes.
    let unit = if cfg!(target_os = "linux") { 1024 } else { 1 };
    let cost = Cost {
        seconds,
        cpu_seconds: time(usage.ru_utime) + time(usage.ru_stime),
        peak_bytes: usage.ru_maxrss as u64 * unit,
    };
    Ok((cost, said))
}

/// Returns when a child of this process has ended, which then is still to be waited for.
fn until_end(child: libc::pid_t) -> io::Result<()> {
    loop {
        // SAFETY: zeroes are a valid `siginfo_t`, and the pointer is to one of this function.
        let waited = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, child as libc::id_t, &mut info, libc::WEXITED | libc::WNOWAIT)
        };
        let error = io::Error::last_os_error();
        match waited {
            0 => return Ok(()),
            _ if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}

/// Waits for a child of this process that nothing else waits for.
fn wait(child: libc::pid_t) -> io::Result<(ExitStatus, libc::rusage)> {
    use std::os::unix::process::ExitStatusExt;
    let mut status = 0;
    // SAFETY: zeroes are a valid `rusage`, which is integers only.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to places of this function that are of the types asked for.
        let waited = unsafe { libc::wait4(child, &mut status, 0, &mut usage) };
        if waited != -1 {
            return Ok((ExitStatus::from_raw(status), usage));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<(Cost, String)> {
        let log = tempfile::NamedTempFile::new()?;
        run_within(Command::new("sh").args(["-c", script]), log.path(), limit)
    }

    #[test]
    fn a_process_that_takes_too_long_is_ended_with_its_children() {
        // The shell waits for a child that holds stdout open: both have to go.
        let error = shell("sleep 600 & wait", Duration::from_millis(200)).expect_err("ended").to_string();
        assert!(error.contains("was ended"), "{error}");
    }

    #[test]
    fn what_a_process_says_and_how_it_fails_is_told() {
        let (cost, said) = shell("echo said", Duration::from_secs(600)).expect("it runs");
        assert_eq!(said, "said\n");
        assert!(cost.peak_bytes > 0);
        let error = shell("echo why >&2; exit 3", Duration::MAX).expect_err("it fails").to_string();
        assert!(error.contains("exit status: 3") && error.contains("why"), "{error}");
    }
}
