//! Runs a process and measures its time, CPU time and memory. Kills it if it takes too long.

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

use crate::samples::Samples;

/// The cost of a process, including children that it waited for.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_bytes: u64,
}

impl Cost {
    /// Returns the cost of two processes, one after the other.
    pub(crate) fn then(self, next: Self) -> Self {
        Self {
            seconds: self.seconds + next.seconds,
            cpu_seconds: self.cpu_seconds + next.cpu_seconds,
            peak_bytes: self.peak_bytes.max(next.peak_bytes),
        }
    }
}

/// The costs of repetitions of the same work.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Costs {
    pub(crate) seconds: Samples,
    pub(crate) cpu_seconds: Samples,
    pub(crate) peak_bytes: Samples,
}

impl Costs {
    pub(crate) fn push(&mut self, cost: Cost) {
        self.seconds.push(cost.seconds);
        self.cpu_seconds.push(cost.cpu_seconds);
        self.peak_bytes.push(cost.peak_bytes as f64);
    }
}

/// Runs a process to its end. Its stderr goes to `log`, whose end is in the error if the process fails.
pub(crate) fn run(command: &mut Command, log: &Path) -> Result<(Cost, String)> {
    run_within(command, log, Duration::MAX)
}

/// Like [`run`], but kills a process that takes longer than `limit`, with its children.
pub(crate) fn run_within(command: &mut Command, log: &Path, limit: Duration) -> Result<(Cost, String)> {
    let program = command.get_program().to_string_lossy().into_owned();
    let stderr = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    if limit < Duration::MAX {
        command.process_group(0);
    }
    // Write pending data of others first, or a process that syncs its files would wait for it.
    // SAFETY: the call has no arguments and no result.
    unsafe { libc::sync() };
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{program} cannot be run"))?;
    let id = child.id() as libc::pid_t;
    let (ended, watched) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        let late = watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if late {
            // SAFETY: the call takes only numbers. This thread ends before the process is waited for, so no other
            // process or group can have its number.
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
    read.with_context(|| format!("cannot read the output of {program}"))?;
    if late {
        bail!("{program} was killed after {} s", limit.as_secs());
    }
    if !status.success() {
        let words = std::fs::read_to_string(log).unwrap_or_default();
        let last: Vec<&str> = words.lines().rev().take(5).collect();
        bail!("{program}: {status}: {}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    let time = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    // On Linux, ru_maxrss is in KiB; elsewhere, it is in bytes.
    let unit = if cfg!(target_os = "linux") { 1024 } else { 1 };
    let cost = Cost {
        seconds,
        cpu_seconds: time(usage.ru_utime) + time(usage.ru_stime),
        peak_bytes: usage.ru_maxrss as u64 * unit,
    };
    Ok((cost, said))
}

/// Blocks until a child of this process has ended. The child must still be waited for.
fn until_end(child: libc::pid_t) -> io::Result<()> {
    loop {
        // SAFETY: zeroes are a valid `siginfo_t`, and the pointer points to a variable of this function.
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

/// Waits for a child of this process. Nothing else may wait for it.
fn wait(child: libc::pid_t) -> io::Result<(ExitStatus, libc::rusage)> {
    use std::os::unix::process::ExitStatusExt;
    let mut status = 0;
    // SAFETY: zeroes are a valid `rusage`, which consists of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers point to variables of this function of the right types.
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
    fn a_process_that_takes_too_long_is_killed_with_its_children() {
        // The shell waits for a child that keeps stdout open: both must be killed.
        let error = shell("sleep 600 & wait", Duration::from_millis(200)).expect_err("ended").to_string();
        assert!(error.contains("was killed"), "{error}");
    }

    #[test]
    fn the_output_and_the_failure_of_a_process_are_reported() {
        let (cost, said) = shell("echo said", Duration::from_secs(600)).expect("it runs");
        assert_eq!(said, "said\n");
        assert!(cost.peak_bytes > 0);
        let error = shell("echo why >&2; exit 3", Duration::MAX).expect_err("it fails").to_string();
        assert!(error.contains("exit status: 3") && error.contains("why"), "{error}");
    }
}
