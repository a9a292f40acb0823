//! `faults`: runs the campaign of `crates/dft-faults` on the release build.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::provision::provision;
use crate::step::step;
use crate::target::{target_directory, workspace_directory};

/// Arguments of `faults`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// How many cases to try, as a multiple of the number in CI
    #[arg(long, value_name = "N", default_value_t = 1)]
    scale: usize,
    /// The seed that chooses the cases
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Only this kind of fault: syscalls, writers or records; repeatable
    #[arg(long, value_name = "KIND")]
    only: Vec<String>,
    /// Only the case of this name, as printed with its fault
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "scale"])]
    case: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let provisions = provision()?;
    let mut cargo = provisions.cargo();
    step("cargo build --release --workspace", cargo.args(["build", "--release", "--workspace"]))?;
    let release = target_directory(&workspace_directory(&mut provisions.cargo())?)?.join("release");
    let mut campaign = Command::new(release.join("dft-faults"));
    campaign.arg("--dft").arg(release.join("dft")).args(["--seed", &arguments.seed.to_string()]);
    match &arguments.case {
        Some(case) => campaign.args(["--case", case]),
        None => campaign.args(["--scale", &arguments.scale.to_string()]),
    };
    for only in &arguments.only {
        campaign.args(["--only", only]);
    }
    step("the fault campaign", &mut campaign)
}
