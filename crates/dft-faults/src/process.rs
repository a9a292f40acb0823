//! Runs a program and tells how it ended: with a code, by a signal, or not at all.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How long a program may sleep without doing anything else. Time in which it waits for a processor or a disk does not
/// count, so a busy machine makes no program look hung.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The most CPU time of a program: a hundred times that of the slowest one.
const MOST_CPU: Duration = Duration::from_secs(120);

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It slept or ran for too long, and was killed.
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
            How::Hung => {
                let (sleep, cpu) = (LONGEST_SLEEP.as_secs(), MOST_CPU.as_secs());
                Some(format!("it slept for {sleep} s, or took more than {cpu} s of CPU time, without an end"))
            }
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
    /// Waits for the end, or until the program hangs.
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
    wait_within(child, LONGEST_SLEEP, MOST_CPU)
}

/// Waits for the end of a program that sleeps and runs for no longer than this; otherwise kills it.
fn wait_within(child: &mut Child, sleep: Duration, cpu: Duration) -> Result<Option<ExitStatus>> {
    /// How often to look at the threads, at most. Short runs end before.
    const INTERVAL: Duration = Duration::from_millis(50);
    let mut pause = Duration::from_micros(500);
    let mut looked = Instant::now();
    // Looks at the threads during which most of them slept, or not.
    let (mut looks, mut at_work) = (0_u32, 0_u32);
    let mut window = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(4));
        if looked.elapsed() < INTERVAL {
            continue;
        }
        looked = Instant::now();
        looks += 1;
        at_work += u32::from(is_at_work(child.id()));
        let is_over = window.elapsed() >= sleep && looks >= 20;
        // A thread that polls is at work now and then.
        if is_over && at_work * 4 >= looks {
            (looks, at_work, window) = (0, 0, Instant::now());
        } else if is_over || cpu_time(child.id()) > cpu {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
    }
}

/// Returns the fields of a process's or thread's `stat` from the third, its state, on.
fn stat(path: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(path).ok()?;
    // The second field, the name, may contain anything.
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

/// Whether a thread of a process runs, waits for a processor or waits for a disk.
fn is_at_work(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    threads
        .into_iter()
        .flatten()
        .flatten()
        .any(|thread| stat(&thread.path().join("stat")).is_some_and(|stat| matches!(stat[0].as_str(), "R" | "D")))
}

/// Returns the CPU time of a process.
fn cpu_time(process: u32) -> Duration {
    // SAFETY: the call only returns a number.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    let ticks = u64::try_from(ticks).unwrap_or(100).max(1);
    let stat = stat(Path::new(&format!("/proc/{process}/stat"))).unwrap_or_default();
    let used: u64 = stat.iter().skip(11).take(2).filter_map(|time| time.parse::<u64>().ok()).sum();
    Duration::from_millis(used * 1000 / ticks)
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

    #[test]
    fn a_program_that_sleeps_or_spins_for_too_long_hangs_and_one_that_works_does_not() {
        let start = |script: &str| Command::new("sh").args(["-c", script]).spawn().expect("it runs");
        let (short, long) = (Duration::from_millis(1200), Duration::from_secs(600));
        assert_eq!(wait_within(&mut start("exec sleep 1000"), short, long).expect("waited"), None);
        assert_eq!(wait_within(&mut start("while :; do :; done"), long, short).expect("waited"), None);
        // It works for longer than it may sleep.
        let script = "n=0; while [ $n -lt 1500000 ]; do n=$((n+1)); done; exit 7";
        let status = wait_within(&mut start(script), Duration::from_millis(500), long).expect("waited");
        assert_eq!(status.and_then(|status| status.code()), Some(7));
    }
}
