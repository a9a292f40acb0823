//! Runs a program and tells how it ended: with a code, by a signal, or not at all.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The time limit of a program: a hundred times that of the slowest one on a busy machine.
const LONGEST: Duration = Duration::from_secs(60);

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It did not end, and was killed.
    Hung,
}

/// What a program did.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) how: How,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Returns what is wrong with how the program ended, if anything. A proper failure is not wrong.
    pub(crate) fn fault(&self, killed_by_us: bool) -> Option<String> {
        /// What runtimes print when a program crashes.
        const WORDS: [&str; 5] =
            ["panicked at", "terminate called", "Assertion", "overflowed its stack", "core dumped"];
        let crash = WORDS.iter().find(|word| self.err.contains(**word) || self.out.contains(**word));
        let how = match self.how {
            How::Hung => Some(format!("it did not end within {} s", LONGEST.as_secs())),
            How::Signal(libc::SIGKILL) if killed_by_us => None,
            How::Signal(signal) => Some(format!("it ended by signal {signal}")),
            How::Code(0 | 3) => None,
            How::Code(1)
                if self.err.lines().any(|line| line.split_once(": ").is_some_and(|(_, what)| !what.is_empty())) =>
            {
                None
            }
            How::Code(1) => Some("it failed without a message".to_owned()),
            How::Code(code) => Some(format!("it ended with the code {code}")),
        };
        let fault = crash.map(|word| format!("it printed `{word}`")).or(how)?;
        Some(format!("{fault}{}", self.last_lines()))
    }

    /// Returns the last lines of its output, for a report.
    pub(crate) fn last_lines(&self) -> String {
        let tail = |text: &str| {
            let lines: Vec<_> = text.lines().collect();
            lines[lines.len().saturating_sub(6)..].iter().map(|line| format!("\n      | {line}")).collect::<String>()
        };
        format!("{}{}", tail(&self.out), tail(&self.err))
    }

    pub(crate) fn is(&self, code: i32) -> bool {
        self.how == How::Code(code)
    }
}

/// A running program whose output goes to files.
pub(crate) struct Running {
    child: Child,
    out: std::path::PathBuf,
    err: std::path::PathBuf,
}

/// Starts a program. Its output goes to files called `name` in `scratch`.
pub(crate) fn start(command: &mut Command, scratch: &Path, name: &str) -> Result<Running> {
    let (out, err) = (scratch.join(format!("{name}.out")), scratch.join(format!("{name}.err")));
    command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?);
    let child = command.spawn().with_context(|| format!("{} cannot be run", command.get_program().display()))?;
    Ok(Running { child, out, err })
}

impl Running {
    /// Waits for the end, up to [`LONGEST`].
    pub(crate) fn end(mut self) -> Result<Ended> {
        let status = wait(&mut self.child)?;
        let how = match status {
            None => How::Hung,
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => How::Code(code),
                (None, signal) => How::Signal(signal.unwrap_or_default()),
            },
        };
        let text = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Ended { how, out: text(&self.out)?, err: text(&self.err)? })
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command, scratch: &Path) -> Result<Ended> {
    start(command, scratch, "output")?.end()
}

fn wait(child: &mut Child) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(500);
    while start.elapsed() < LONGEST {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(4));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(script: &str) -> Ended {
        let folder = tempfile::tempdir().expect("a folder");
        run(Command::new("sh").args(["-c", script]), folder.path()).expect("it runs")
    }

    #[test]
    fn crashes_hangs_and_failures_without_a_message_are_faults() {
        assert_eq!(ended("exit 0").fault(false), None);
        assert_eq!(ended("exit 3").fault(false), None);
        assert_eq!(ended("echo 'dft: no such file' >&2; exit 1").fault(false), None);
        let fault = |script: &str, killed: bool| ended(script).fault(killed).expect("a fault");
        assert!(fault("exit 1", false).contains("without a message"));
        assert!(fault("exit 2", false).contains("code 2"));
        assert!(fault("kill -9 $$", false).contains("signal 9"));
        assert_eq!(ended("kill -9 $$").fault(true), None);
        assert!(fault("kill -6 $$", true).contains("signal 6"));
        assert!(fault("echo \"thread 'main' panicked at x\" >&2; exit 0", false).contains("panicked"));
    }
}
