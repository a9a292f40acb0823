//! `bench`: builds everything that is measured, and runs the harness in `benches/harness`.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::provision::{provision, tools};
use crate::step::step;
use crate::target::{target_directory, workspace_directory};

/// Arguments of `bench`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Use small inputs and few repetitions: it takes a few minutes, and the numbers mean little
    #[arg(long)]
    quick: bool,
    /// Also write the report to docs/benchmarks.md, its plots to docs/benchmarks, and append the results to
    /// docs/benchmarks/history.csv
    #[arg(long, conflicts_with_all = ["quick", "only", "input"])]
    publish: bool,
    /// Only measure this part: micro (single steps), peers (other tools), builds (traces of many shapes), account (the
    /// work of each stage, and what 16 cores would give), analyses (beside dfanalyzer, and of a large index), scaling
    /// (more records, other numbers of threads, less memory) or exports (of a large index); repeatable
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// Of the parts peers, builds and account, only measure inputs whose names contain this
    #[arg(long, value_name = "TEXT")]
    input: Option<String>,
    /// In the part scaling, also measure 100 million records: they take 3 GB while they are measured
    #[arg(long)]
    huge: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let provisions = provision()?;
    let workspace = workspace_directory(&mut provisions.cargo())?;
    let target = target_directory(&workspace)?;
    // The micro benches have a separate command, which the harness runs.
    for more in [[].as_slice(), &["--example", "read_floor"]] {
        let mut cargo = provisions.cargo();
        cargo.current_dir(&workspace).args(["build", "--release", "--workspace"]).args(more);
        step("cargo build --release", &mut cargo)?;
    }
    let release = target.join("release");
    let mut harness = Command::new(release.join("dft-bench"));
    provisions.set(&mut harness);
    harness.arg("--workspace").arg(&workspace).arg("--release").arg(&release);
    harness.arg("--out").arg(target.join("bench")).arg("--tools").arg(tools()?);
    harness.args(arguments.quick.then_some("--quick")).args(arguments.publish.then_some("--publish"));
    harness.args(arguments.huge.then_some("--huge"));
    harness.args(arguments.input.iter().flat_map(|part| ["--input", part]));
    harness.args(arguments.only.iter().flat_map(|part| ["--only", part]));
    step("the bench", &mut harness)
}
