//! Measures the performance, compared with lower bounds and with other tools.
//!
//! Programs that are compared run alternately, many times, so that other load on the machine affects all of them
//! equally. The results are ratios of medians of one such run.
//!
//! `cargo xtask bench` builds what is measured, then runs this program with the places of everything.
// Printing is the purpose of this program.
#![allow(clippy::print_stdout)]

mod account;
mod analyses;
mod bench;
mod builds;
mod dft;
mod environment;
mod exports;
mod history;
mod inputs;
mod machine;
mod micro;
mod page;
mod peer;
mod peers;
mod plot;
mod process;
mod report;
mod results;
mod samples;
mod scaling;
mod targets;
mod text_traces;
mod words;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::bench::Bench;
use crate::history::{History, Version};
use crate::machine::Machine;
use crate::report::TargetRow;
use crate::results::Results;
use crate::targets::Target;

/// The arguments that `cargo xtask bench` passes.
#[derive(Parser)]
struct Arguments {
    /// The root of the workspace
    #[arg(long)]
    workspace: PathBuf,
    /// The directory of the release build
    #[arg(long)]
    release: PathBuf,
    /// The directory to write to
    #[arg(long)]
    out: PathBuf,
    /// The directory for the environments of other tools
    #[arg(long)]
    tools: PathBuf,
    #[arg(long)]
    quick: bool,
    #[arg(long)]
    publish: bool,
    #[arg(long, value_enum)]
    only: Vec<Part>,
    #[arg(long)]
    input: Option<String>,
    #[arg(long)]
    huge: bool,
}

/// Parts of the bench, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Single steps, measured by criterion
    Micro,
    /// The same job with other tools
    Peers,
    /// Builds and exports of traces of many kinds
    Builds,
    /// More records, fewer threads, less memory
    Scaling,
    /// Exports of a large index
    Exports,
    /// The work of each stage, and what 16 cores would give
    Account,
    /// Analyses and reports, beside dfanalyzer and of a large index
    Analyses,
}

/// The contents of `report.json`.
#[derive(Serialize)]
struct Measured<'r> {
    version: &'r str,
    targets: Vec<Target>,
    #[serde(flatten)]
    results: &'r Results,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let machine = Machine::describe();
    let bench = Bench {
        folder: arguments.out.clone(),
        workspace: arguments.workspace.clone(),
        tools: arguments.tools.clone(),
        dft: arguments.release.join("dft"),
        library: arguments.release.join("libdft_utils.so"),
        xtask: arguments.release.join("xtask"),
        floor: arguments.release.join("examples/read_floor"),
        quick: arguments.quick,
        huge: arguments.huge,
        input: arguments.input.clone(),
        threads: machine.cores.min(2),
    };
    for folder in [bench.inputs(), bench.scratch()] {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let wanted = |part: Part| arguments.only.is_empty() || arguments.only.contains(&part);
    let version = Version::of(&bench.workspace)?;
    let history = History::read(&bench.workspace)?;
    // One part at a time, so that each has the machine to itself.
    let mut results = Results::new(machine, bench.quick);
    // Write the report after each part, so that a stopped run keeps its results.
    let save = |results: &Results| save(results, &bench, &history, &version, arguments.publish);
    if wanted(Part::Micro) {
        results.micro = Some(micro::measure(&bench)?);
        save(&results)?;
    }
    if wanted(Part::Peers) {
        results.peers = Some(peers::measure(&bench)?);
        save(&results)?;
    }
    if wanted(Part::Builds) {
        results.builds = Some(builds::measure(&bench)?);
        save(&results)?;
    }
    if wanted(Part::Account) {
        results.account = Some(account::measure(&bench)?);
        save(&results)?;
    }
    if wanted(Part::Analyses) {
        results.analyses = Some(analyses::measure(&bench)?);
        save(&results)?;
    }
    if wanted(Part::Exports) {
        results.exports = Some(exports::measure(&bench)?);
        save(&results)?;
    }
    if wanted(Part::Scaling) {
        results.scaling = Some(scaling::measure(&bench)?);
        save(&results)?;
    }
    inputs::remove(&bench.scratch())?;
    println!("\n{}", bench.folder.join("report.md").display());
    if arguments.publish {
        history.append(&bench.workspace, &version, &targets::judge(&results))?;
        println!("{}", bench.workspace.join("docs/benchmarks.md").display());
    }
    Ok(())
}

/// Writes the report on the results so far.
fn save(results: &Results, bench: &Bench, history: &History, version: &Version, publish: bool) -> Result<()> {
    let before = |target: &Target| history.before(version, &target.what);
    let rows = targets::judge(results).into_iter().map(|target| TargetRow { before: before(&target), target });
    let rows: Vec<TargetRow> = rows.collect();
    report::write(results, &rows, &bench.folder, "report.md", "plots")?;
    let json = bench.folder.join("report.json");
    let measured = Measured { version: &version.name, targets: targets::judge(results), results };
    let text = serde_json::to_string_pretty(&measured)?;
    fs::write(&json, text).with_context(|| format!("cannot write {}", json.display()))?;
    if publish {
        report::write(results, &rows, &bench.workspace.join("docs"), "benchmarks.md", "benchmarks")?;
    }
    Ok(())
}
