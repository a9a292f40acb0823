//! One process: how long it took, how long on processors, how much memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

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
    let program = command.get_program().to_string_lossy().into_owned();
    let stderr = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    // What others have left to be written would else be waited for by who makes its own files durable.
    // SAFETY: it takes nothing and gives nothing.
    unsafe { libc::sync() };
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{program} does not run"))?;
    let mut said = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut said).with_context(|| format!("cannot read what {program} says"))?;
    }
    let (status, usage) = wait(child.id()).with_context(|| format!("cannot wait for {program}"))?;
    let seconds = start.elapsed().as_secs_f64();
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

/// Waits for a child of this process that nothing else waits for.
fn wait(child: u32) -> io::Result<(ExitStatus, libc::rusage)> {
    use std::os::unix::process::ExitStatusExt;
    let mut status = 0;
    // SAFETY: zeroes are a valid `rusage`, which is integers only.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to places of this function that are of the types asked for.
        let waited = unsafe { libc::wait4(child as libc::pid_t, &mut status, 0, &mut usage) };
        if waited != -1 {
            return Ok((ExitStatus::from_raw(status), usage));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
