//! The fault campaign: injects faults and checks that nothing is lost, hangs or crashes.
//!
//! `cargo xtask faults` builds what this program needs and runs it. Each kind of fault is a module that makes cases and
//! reports what is wrong with each, if anything. The name of a case describes it completely.
// Printing is the purpose of this program.
#![allow(clippy::print_stdout, clippy::print_stderr)]
// It shows only names that it made.
#![allow(clippy::disallowed_methods)]

mod campaign;
mod process;
mod random;
mod records;
mod report;
mod scenarios;
mod syscalls;
mod tools;
mod workers;
mod world;
mod writers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;

use crate::campaign::Campaign;
use crate::report::Report;
use crate::tools::Tools;

#[derive(Parser)]
#[command(about = "Test dft with faults of the system, of other writers and of the input")]
struct Arguments {
    /// The program `dft`, in the same directory as the library
    #[arg(long)]
    dft: PathBuf,
    /// How many cases to try, as a multiple of the number in CI
    #[arg(long, default_value_t = 1)]
    scale: usize,
    /// The seed that chooses the cases
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this kind of fault; repeatable
    #[arg(long, value_name = "KIND")]
    only: Vec<String>,
    /// Only the case of this name, as printed with its fault
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "scale"])]
    case: Option<String>,
    /// How many cases to run concurrently
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Keep the directory of the last case, and print its path
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the campaign. Returns whether it found no fault.
fn run(arguments: &Arguments) -> Result<bool> {
    if !cfg!(target_os = "linux") {
        bail!("system calls can be interposed on Linux only");
    }
    // Work in memory where possible: a disk is slower and tests nothing more.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }?;
    let work = std::fs::canonicalize(folder.path())?;
    let tools = Tools::compile(&std::path::absolute(&arguments.dft)?, &work)?;
    let report = Report::new(arguments.seed);
    let wanted = |kind: &str| match &arguments.case {
        Some(case) => case.split('/').next() == Some(kind),
        None => arguments.only.is_empty() || arguments.only.iter().any(|only| only == kind),
    };
    let campaign = Campaign {
        tools: &tools,
        work: &work,
        jobs: if arguments.case.is_some() { 1 } else { arguments.jobs.max(1) },
        seed: arguments.seed,
        scale: arguments.scale,
        only: arguments.case.as_deref(),
        report: &report,
    };
    type Run = fn(&Campaign<'_>) -> Result<()>;
    let kinds: [(&str, Run); 3] =
        [(syscalls::KIND, syscalls::run), (writers::KIND, writers::run), (records::KIND, records::run)];
    for (kind, run) in kinds {
        if wanted(kind) {
            run(&campaign)?;
        }
    }
    if arguments.keep {
        println!("\nthe last case is in {}", folder.keep().display());
    }
    Ok(report.end())
}
