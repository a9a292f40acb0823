//! What is serial: the work of each stage of a build and an export, its longest chain, and the speed-up that more cores
//! can give.
//!
//! The programs run with as many threads as the cores that the account is for, so that they split their work as they
//! would there. CPU seconds do not depend on how many cores this machine has.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::bench::{Bench, say};
use crate::dft::BuildSettings;
use crate::inputs::{self, Traces};
use crate::process::{self, Cost};

/// The cores that the account is for.
pub(crate) const CORES: usize = 16;

/// The input whose speed-ups have targets: many files.
pub(crate) const MANY_FILES: &str = "high cardinality, 64 files";

/// The account of one input.
#[derive(Serialize)]
pub(crate) struct Account {
    pub(crate) name: &'static str,
    pub(crate) index: Job,
    pub(crate) export: Job,
}

/// A build or an export.
#[derive(Serialize)]
pub(crate) struct Job {
    pub(crate) stages: Vec<Stage>,
    /// CPU seconds of the process that no stage has: start, plans, reports.
    pub(crate) other_s: f64,
    /// How many times as fast as on one core it can be on [`CORES`].
    pub(crate) speed_up: f64,
}

/// A stage, as `dft` reports it with `DFT_ACCOUNT`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stage {
    pub(crate) name: String,
    /// The CPU seconds of all threads.
    pub(crate) cpu_s: f64,
    /// The most CPU seconds of work that is done in sequence.
    pub(crate) chain_cpu_s: f64,
    /// The same, including waiting.
    pub(crate) chain_s: f64,
}

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Account>> {
    println!("\n── the account of the stages");
    let mut accounts = Vec::new();
    for (name, records, arguments) in [
        (MANY_FILES, (3_800_000, 190_000), "--shape high-cardinality --files 64 --series 2752"),
        ("one gzip member", (4_760_000, 95_000), "--shape one-member"),
        ("many small files", (400_000, 40_000), "--shape small-files"),
        ("a file for each call", (1_000_000, 20_000), "--shape file-per-call --files 16"),
        ("telemetry", (400_000, 40_000), "--shape telemetry"),
        ("aggregated records", (1_900_000, 190_000), "--shape aggregated --files 16"),
    ] {
        if !bench.wants(name) {
            continue;
        }
        let traces = inputs::make(bench, bench.amount(records.0, records.1), arguments)?;
        say(name);
        accounts.push(account(bench, name, &traces)?);
    }
    Ok(accounts)
}

fn account(bench: &Bench, name: &'static str, traces: &Traces) -> Result<Account> {
    let (index, tables) = (bench.scratch().join("index"), bench.scratch().join("tables"));
    inputs::remove(&index)?;
    inputs::remove(&tables)?;
    let mut dft = bench.index_command(&[traces], BuildSettings::of(CORES), &index);
    let (cost, mut stages) = run(&mut dft, bench)?;
    split_parsing(bench, traces, &mut stages)?;
    let building = Job::new(stages, cost, index_seconds);
    let mut dft = bench.export_command(&index, &tables, &["--threads", &CORES.to_string()]);
    let (cost, stages) = run(&mut dft, bench)?;
    let exporting = Job::new(stages, cost, export_seconds);
    print_job("index", &building);
    print_job("export", &exporting);
    Ok(Account { name, index: building, export: exporting })
}

/// Runs `dft` and reads its account, the last line of its stderr.
fn run(dft: &mut Command, bench: &Bench) -> Result<(Cost, Vec<Stage>)> {
    let (cost, _) = process::run(dft.env("DFT_ACCOUNT", "1"), &bench.log())?;
    Ok((cost, read(&bench.log())?))
}

fn read(log: &Path) -> Result<Vec<Stage>> {
    #[derive(Deserialize)]
    struct Stages {
        stages: Vec<Stage>,
    }
    let text = fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
    let last = text.lines().last().unwrap_or_default();
    let stages: Stages = serde_json::from_str(last).with_context(|| format!("dft gave no account but `{last}`"))?;
    Ok(stages.stages)
}

/// Splits parsing from aggregating: `dft` does both record by record, and reading a clock for each would take longer
/// than some of them. A program that only inflates and parses takes as long as both together.
fn split_parsing(bench: &Bench, traces: &Traces, stages: &mut Vec<Stage>) -> Result<()> {
    let Some(at) = stages.iter().position(|stage| stage.name == "aggregate") else { return Ok(()) };
    let inflating = bench.floor_cost(&[traces], 1, false)?.cpu_seconds;
    let parsing = bench.floor_cost(&[traces], 1, true)?.cpu_seconds;
    let parse_s = (parsing - inflating).clamp(0.0, stages[at].cpu_s);
    stages[at].cpu_s -= parse_s;
    let parse = Stage { name: "parse".to_owned(), cpu_s: parse_s, chain_cpu_s: 0.0, chain_s: 0.0 };
    stages.insert(at, parse);
    Ok(())
}

impl Job {
    fn new(stages: Vec<Stage>, cost: Cost, on_cores: fn(&[Stage], f64) -> f64) -> Self {
        let work: f64 = stages.iter().map(|stage| stage.cpu_s).sum();
        let other_s = (cost.cpu_seconds - work).max(0.0);
        let one = on_cores(&stages, 1.0) + other_s;
        let many = on_cores(&stages, CORES as f64) + other_s;
        Self { stages, other_s, speed_up: one / many }
    }
}

/// Returns the seconds of stages that run at the same time on `cores`.
fn together(stages: &[Stage], names: &[&str], cores: f64) -> f64 {
    let of = || stages.iter().filter(|stage| names.contains(&&*stage.name));
    let work: f64 = of().map(|stage| stage.cpu_s).sum();
    let chain = of().map(|stage| stage.chain_cpu_s).fold(0.0, f64::max);
    (work / cores).max(chain)
}

/// Returns the seconds of publishing, which mostly waits for the disk and does not get faster with cores.
fn publish(stages: &[Stage]) -> f64 {
    stages.iter().filter(|stage| stage.name == "publish").map(|stage| stage.chain_s.max(stage.cpu_s)).sum()
}

/// Returns the seconds of a build on `cores`: traces are read, then tables merged, then the index published.
fn index_seconds(stages: &[Stage], cores: f64) -> f64 {
    together(stages, &["inflate", "parse", "aggregate", "sort"], cores)
        + together(stages, &["merge"], cores)
        + publish(stages)
}

/// Returns the seconds of an export on `cores`: tables are prepared, then a pipeline writes them, whose stages run at the
/// same time.
fn export_seconds(stages: &[Stage], cores: f64) -> f64 {
    together(stages, &["prepare"], cores) + together(stages, &["read", "batch", "encode", "write"], cores)
}

fn print_job(what: &str, job: &Job) {
    for stage in &job.stages {
        let Stage { name, cpu_s, chain_cpu_s, chain_s } = stage;
        say(&format!(
            "  {what:6} {name:9} work {cpu_s:8.3} s, longest chain {chain_cpu_s:.3} s (elapsed {chain_s:.3} s)"
        ));
    }
    say(&format!("  {what:6} other     work {:8.3} s", job.other_s));
    say(&format!("  {what:6} on {CORES} cores: {:.1} times the speed of one", job.speed_up));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, cpu_s: f64, chain_cpu_s: f64, chain_s: f64) -> Stage {
        Stage { name: name.to_owned(), cpu_s, chain_cpu_s, chain_s }
    }

    fn cost(cpu_seconds: f64) -> Cost {
        Cost { seconds: 1.0, cpu_seconds, peak_bytes: 0 }
    }

    #[test]
    fn work_without_chains_is_shared_by_all_cores_and_the_rest_is_not() {
        let stages = vec![stage("inflate", 8.0, 0.5, 0.5), stage("aggregate", 8.0, 0.0, 0.0)];
        assert_eq!(Job::new(stages.clone(), cost(16.0), index_seconds).speed_up, 16.0);
        // 16 s of 17 s are shared.
        assert_eq!(Job::new(stages, cost(17.0), index_seconds).speed_up, 17.0 / 2.0);
    }

    #[test]
    fn a_stage_takes_as_long_as_its_longest_chain_and_publishing_as_long_as_it_waits() {
        let inflate = stage("inflate", 8.0, 4.0, 4.5);
        let stages = vec![inflate, stage("aggregate", 8.0, 0.0, 0.0), stage("publish", 0.1, 0.1, 1.0)];
        assert_eq!(Job::new(stages, cost(16.1), index_seconds).speed_up, 17.0 / 5.0);
        let pipeline = vec![stage("read", 1.0, 1.0, 2.0), stage("encode", 7.0, 3.5, 9.0)];
        assert_eq!(Job::new(pipeline, cost(8.0), export_seconds).speed_up, 8.0 / 3.5);
    }

    #[test]
    fn the_account_is_the_last_line_of_the_log() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let line = r#"{"stages":[{"name":"inflate","cpu_s":1.5,"chain_cpu_s":0.5,"chain_s":0.75}]}"#;
        fs::write(log.path(), format!("dft: a warning\n{line}\n")).expect("written");
        let stages = read(log.path()).expect("an account");
        assert_eq!((stages.len(), stages[0].cpu_s, stages[0].chain_s), (1, 1.5, 0.75));
    }
}
