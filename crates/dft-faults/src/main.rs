//! The campaign: what can go wrong goes wrong, again and again, and nothing is lost, hangs or crashes.
//!
//! `cargo xtask faults` builds what this program needs and runs it. Each kind of fault is a module: it makes cases,
//! each with a name that says all of it, and says of each what is wrong, if anything.
// A person runs this, and reads what it prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]
// The names that it shows are its own.
#![allow(clippy::disallowed_methods)]

mod lanes;
mod process;
mod random;
mod records;
mod report;
mod scenarios;
mod syscalls;
mod tools;
mod world;
mod writers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;

use crate::random::Random;
use crate::report::Report;
use crate::tools::Tools;

#[derive(Parser)]
#[command(about = "Faults of the system, of other writers and of the input")]
struct Arguments {
    /// The program `dft`; the library is beside it
    #[arg(long)]
    dft: PathBuf,
    /// How many times as many cases as in CI
    #[arg(long, default_value_t = 1)]
    scale: usize,
    /// What the cases are chosen by
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this kind of faults (may be given several times)
    #[arg(long, value_name = "KIND")]
    only: Vec<String>,
    /// Only the case of this name, as a fault shows it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "scale"])]
    case: Option<String>,
    /// How many cases are tried at the same time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Leave the directory of the last case, and say where it is
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    match campaign(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was found.
fn campaign(arguments: &Arguments) -> Result<bool> {
    if !cfg!(target_os = "linux") {
        bail!("system calls are interposed on Linux only");
    }
    // In memory, where there is such a place: a disk would only be waited for.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }?;
    let work = std::fs::canonicalize(folder.path())?;
    let tools = Tools::compile(&std::path::absolute(&arguments.dft)?, &work)?;
    let report = Report::new(arguments.seed);
    let jobs = if arguments.case.is_some() { 1 } else { arguments.jobs.max(1) };
    let wanted = |kind: &str| match &arguments.case {
        Some(case) => case.split('/').next() == Some(kind),
        None => arguments.only.is_empty() || arguments.only.iter().any(|only| only == kind),
    };
    let case = arguments.case.as_deref();
    let random = |kind: &str| Random::new(arguments.seed, kind);
    if wanted(syscalls::KIND) {
        syscalls::run(&tools, &work, jobs, &mut random(syscalls::KIND), arguments.scale, case, &report)?;
    }
    if wanted(writers::KIND) {
        writers::run(&tools, &work, jobs, &mut random(writers::KIND), arguments.scale, case, &report)?;
    }
    if wanted(records::KIND) {
        records::run(&tools, &work, jobs, &mut random(records::KIND), arguments.scale, case, &report)?;
    }
    if arguments.keep {
        println!("\nthe last case is in {}", folder.keep().display());
    }
    Ok(report.end())
}
