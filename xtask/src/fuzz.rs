//! `fuzz`: compares the fast line parsers with the library parser, for any length of time.
//!
//! The properties are those of the test `parsers_agree` of `dft-trace`, which `cargo xtask test` runs briefly. Here
//! they run in rounds, each with a seed: the same seed gives the same lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::provision::{Provisions, provision};
use crate::step::step;
use crate::target::{root, target_directory, workspace_directory};

/// Arguments of `fuzz`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// How many cases of each property to try
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    cases: u64,
    /// Try cases for this many minutes instead
    #[arg(long, value_name = "M", conflicts_with = "cases")]
    minutes: Option<u64>,
    /// Fuzz guided by coverage instead, for --minutes (default 4): trace files, the contents of an index and of bundles,
    /// and arguments of the C ABI, including queries
    #[arg(long, conflicts_with_all = ["cases", "seed"])]
    guided: bool,
    /// The seed of the first round; that of each next round is one more [default: from the clock]
    #[arg(long)]
    seed: Option<u64>,
}

/// The number of cases of each property in a round.
const ROUND: u64 = 100_000;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let provisions = provision()?;
    if arguments.guided {
        return guided(&provisions, arguments.minutes.unwrap_or(4));
    }
    let program = build(&provisions)?;
    let clock = || UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let seeds = arguments.seed.unwrap_or_else(clock)..;
    let (start, mut done) = (Instant::now(), 0);
    for seed in seeds {
        let cases = match arguments.minutes {
            Some(minutes) if start.elapsed() >= Duration::from_secs(minutes * 60) => break,
            Some(_) => ROUND,
            None => ROUND.min(arguments.cases - done),
        };
        if cases == 0 {
            break;
        }
        let output = round(&program, seed, cases).output();
        let output = output.with_context(|| format!("{} cannot be run", program.display()))?;
        if !output.status.success() {
            println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            bail!("to repeat: `cargo xtask fuzz --seed {seed} --cases {cases}`");
        }
        done += cases;
        println!("   seed {seed}: {done} cases of each property in {:.0} s", start.elapsed().as_secs_f64());
    }
    println!("\nall parsers agree with the library parser: {done} cases of each property");
    Ok(())
}

/// Compiler options that show libFuzzer which code ran: counters, a table of their places, and compared values.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                        -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The programs of `fuzz/`, each with a corpus of its name.
const TARGETS: [&str; 4] = ["trace", "codec", "stored", "abi"];

/// Builds the programs of `fuzz/` with coverage counters, and runs each for its share of the minutes. Keeps inputs that
/// make one fail, and adds new inputs to a copy of the corpus.
fn guided(provisions: &Provisions, minutes: u64) -> Result<()> {
    let work = target_directory(&workspace_directory(&mut provisions.cargo())?)?.join("fuzz");
    let host = Command::new("rustc").arg("-vV").output().context("rustc cannot be run")?;
    let host = String::from_utf8_lossy(&host.stdout).into_owned();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not report its host")?;
    let mut cargo = provisions.cargo();
    cargo.env("RUSTFLAGS", COVERAGE).env("CARGO_TARGET_DIR", &work);
    // An explicit target keeps counters out of programs that run during the build.
    cargo.args(["build", "--release", "--target", host, "--manifest-path"]).arg(root().join("fuzz/Cargo.toml"));
    step("cargo build of fuzz/", &mut cargo)?;
    let seconds = (minutes * 60 / TARGETS.len() as u64).max(1);
    for name in TARGETS {
        let corpus = work.join("corpus").join(name);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        let mut fuzz = Command::new(work.join(host).join("release").join(name));
        fuzz.arg(format!("-max_total_time={seconds}")).args([
            "-timeout=10",
            "-rss_limit_mb=2000",
            "-print_final_stats=1",
        ]);
        fuzz.arg(format!("-artifact_prefix={}/{name}-", work.display()));
        fuzz.arg(&corpus).arg(root().join("fuzz/corpus").join(name));
        step(&format!("fuzz {name}, {seconds} s"), &mut fuzz)?;
    }
    Ok(())
}

/// Returns a run of the test as cargo runs it: it finds the repository's traces, and keeps failures next to itself.
fn round(program: &Path, seed: u64, cases: u64) -> Command {
    let mut round = Command::new(program);
    let package = root().join("crates/dft-trace");
    round.current_dir(&package).env("CARGO_MANIFEST_DIR", &package);
    round.env("PROPTEST_RNG_SEED", seed.to_string()).env("PROPTEST_CASES", cases.to_string());
    round
}

/// Builds the test once, so that changes during the rounds have no effect.
fn build(provisions: &Provisions) -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    println!("building the test");
    let mut cargo = provisions.cargo();
    cargo.current_dir(root()).args(["test", "--release", "--workspace", "--test", "parsers_agree", "--no-run"]);
    let output = cargo.args(["--message-format", "json"]).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the test cannot be built ({})", output.status);
    }
    let messages = output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let program = messages.filter_map(|message: Message| message.executable).next_back();
    program.context("cargo does not report where the test is")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_runs_in_the_package_of_the_test() {
        let round = round(Path::new("test"), 1, 2);
        let told = round.get_envs().find(|(name, _)| *name == "CARGO_MANIFEST_DIR").and_then(|(_, value)| value);
        let package = PathBuf::from(told.expect("the test is told its package"));
        assert!(package.join("../../tests/data").is_dir() && package.join("tests/parsers_agree.rs").is_file());
        assert_eq!(round.get_current_dir(), Some(&*package));
    }
}
