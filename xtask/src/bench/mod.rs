//! `bench`: how fast the project is, beside what bounds it and what people would use instead.
//!
//! Everything that is compared runs in turn, again and again, so that what the machine does beside it
//! falls on all alike. What is compared is a ratio of medians of one such run.

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
    /// Small inputs and few repetitions: a few minutes, and numbers that say little
    #[arg(long)]
    quick: bool,
    /// Write the report to docs/benchmarks.md too, with its plots in docs/benchmarks
    #[arg(long, conflicts_with_all = ["quick", "only"])]
    publish: bool,
    /// Measure these parts only (may be given several times)
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
}

/// Parts of the bench, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Single steps, by criterion
    Micro,
    /// The same job done by other tools
    Peers,
    /// Traces of many kinds to an index and tables
    Builds,
    /// More records, fewer threads, less memory
    Scaling,
    /// Tables of a large index
    Exports,
}

/// Where things are, and how much of them is wanted.
struct Bench {
    /// The directory of all that the bench writes.
    folder: PathBuf,
    workspace: PathBuf,
    dft: PathBuf,
    /// That of the C ABI.
    library: PathBuf,
    /// This program, as it is released: it generates traces.
    xtask: PathBuf,
    floor: PathBuf,
    quick: bool,
    threads: usize,
}

impl Bench {
    /// One of two amounts: of the whole bench, or of the quick one.
    fn amount<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }

    fn inputs(&self) -> PathBuf {
        self.folder.join(self.amount("inputs", "inputs-quick"))
    }

    /// A directory for what is measured once and not kept.
    fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// Where the last process that was run has put its words.
    fn log(&self) -> PathBuf {
        self.folder.join("last.log")
    }
}

/// All that was measured; what was not is `None`.
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

/// `report.json`.
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
    // One part at a time, for all are to have the machine to themselves.
    let mut results =
        Results { machine, quick: bench.quick, micro: None, peers: None, builds: None, scaling: None, exports: None };
    // Written behind each part: what a run that is stopped has measured stays.
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

/// Writes the report of what was measured so far.
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

/// Everything that is measured, the micro benches excepted, which criterion builds with its own command.
fn build(provisions: &Provisions, workspace: &Path) -> Result<()> {
    let cargo = |arguments: &[&str]| {
        let mut cargo = provisions.cargo();
        cargo.current_dir(workspace).args(["build", "--release", "--workspace"]).args(arguments);
        step("cargo build --release", &mut cargo)
    };
    cargo(&[])?;
    cargo(&["--example", "read_floor"])
}

/// Says what is being measured.
fn say(what: &str) {
    println!("   {what}");
}

/// Fails where two numbers that must be the same are not.
fn agree<T: PartialEq + std::fmt::Debug>(what: &str, one: T, other: T) -> Result<()> {
    if one != other {
        bail!("{what}: {one:?} and {other:?}; nothing is compared before the totals agree");
    }
    Ok(())
}
