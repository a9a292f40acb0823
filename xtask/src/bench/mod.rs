//! `bench`: measures the performance, compared with lower bounds and with other tools.
//!
//! Programs that are compared run alternately, many times, so that other load on the machine affects all of them
//! equally. The results are ratios of medians of one such run.

mod builds;
mod dft;
mod exports;
mod inputs;
mod machine;
mod micro;
mod page;
mod peers;
mod plot;
mod process;
mod report;
mod samples;
mod scaling;
mod targets;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::provision::{Provisions, provision};
use crate::step::step;
use crate::target::{target_directory, workspace_directory};
use machine::Machine;

/// Arguments of `bench`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Use small inputs and few repetitions: it takes a few minutes, and the numbers mean little
    #[arg(long)]
    quick: bool,
    /// Also write the report to docs/benchmarks.md, and its plots to docs/benchmarks
    #[arg(long, conflicts_with_all = ["quick", "only"])]
    publish: bool,
    /// Only measure this part; repeatable
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
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
}

/// Paths and settings of the bench.
struct Bench {
    /// The directory for everything that the bench writes.
    folder: PathBuf,
    workspace: PathBuf,
    dft: PathBuf,
    /// The library with the C ABI.
    library: PathBuf,
    /// The release build of this program, which generates traces.
    xtask: PathBuf,
    floor: PathBuf,
    quick: bool,
    threads: usize,
}

impl Bench {
    /// Chooses between an amount of the full bench and one of the quick bench.
    fn amount<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }

    fn inputs(&self) -> PathBuf {
        self.folder.join(self.amount("inputs", "inputs-quick"))
    }

    /// Returns the directory for temporary results.
    fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// Returns the file with the stderr of the last process.
    fn log(&self) -> PathBuf {
        self.folder.join("last.log")
    }
}

/// All results; parts that were not measured are `None`.
#[derive(Serialize)]
struct Results {
    machine: Machine,
    quick: bool,
    micro: Option<Vec<micro::Step>>,
    peers: Option<Vec<peers::Comparison>>,
    builds: Option<builds::Builds>,
    scaling: Option<scaling::Scaling>,
    exports: Option<exports::Exports>,
}

/// The contents of `report.json`.
#[derive(Serialize)]
struct Measured<'r> {
    targets: Vec<targets::Target>,
    #[serde(flatten)]
    results: &'r Results,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let provisions = provision()?;
    let workspace = workspace_directory(&mut provisions.cargo())?;
    let target = target_directory(&workspace)?;
    build(&provisions, &workspace)?;
    let machine = Machine::describe();
    let bench = Bench {
        folder: target.join("bench"),
        dft: target.join("release/dft"),
        library: target.join("release/libdft_utils.so"),
        xtask: target.join("release/xtask"),
        floor: target.join("release/examples/read_floor"),
        workspace,
        quick: arguments.quick,
        threads: machine.cores.min(2),
    };
    for folder in [bench.inputs(), bench.scratch()] {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let wanted = |part: Part| arguments.only.is_empty() || arguments.only.contains(&part);
    // One part at a time, so that each has the machine to itself.
    let mut results =
        Results { machine, quick: bench.quick, micro: None, peers: None, builds: None, scaling: None, exports: None };
    // Write the report after each part, so that a stopped run keeps its results.
    let save = |results: &Results| save(results, &bench, arguments.publish);
    if wanted(Part::Micro) {
        results.micro = Some(micro::measure(&bench, &provisions)?);
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
        println!("{}", bench.workspace.join("docs/benchmarks.md").display());
    }
    Ok(())
}

/// Writes the report on the results so far.
fn save(results: &Results, bench: &Bench, publish: bool) -> Result<()> {
    report::write(results, &bench.folder, "report.md", "plots")?;
    let json = bench.folder.join("report.json");
    let text = serde_json::to_string_pretty(&Measured { targets: targets::judge(results), results })?;
    fs::write(&json, text).with_context(|| format!("cannot write {}", json.display()))?;
    if publish {
        report::write(results, &bench.workspace.join("docs"), "benchmarks.md", "benchmarks")?;
    }
    Ok(())
}

/// Builds everything that is measured, except for the micro benches, which have a separate command.
fn build(provisions: &Provisions, workspace: &Path) -> Result<()> {
    let cargo = |arguments: &[&str]| {
        let mut cargo = provisions.cargo();
        cargo.current_dir(workspace).args(["build", "--release", "--workspace"]).args(arguments);
        step("cargo build --release", &mut cargo)
    };
    cargo(&[])?;
    cargo(&["--example", "read_floor"])
}

/// Prints what is being measured.
fn say(what: &str) {
    println!("   {what}");
}

/// Fails if two numbers that must be equal differ.
fn agree<T: PartialEq + std::fmt::Debug>(what: &str, one: T, other: T) -> Result<()> {
    if one != other {
        bail!("{what}: {one:?} and {other:?} differ, so times are not compared");
    }
    Ok(())
}
