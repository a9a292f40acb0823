//! The project's own commands.
// A person runs these and reads what they print; nothing else goes through this program.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod capi;
mod demo;
mod faults;
mod fuzz;
mod header;
mod install;
mod provision;
mod python;
mod rocksdb;
mod step;
mod target;
mod test;
mod wheel;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::gen_trace::GenTrace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own commands")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch what is missing, build, index a sample, export it and show the summary
    Demo,
    /// Fetch what is missing, then run every test
    Test,
    /// Let system calls fail, writers meet and input be hostile, and see that nothing is lost
    Faults(faults::Arguments),
    /// Try arbitrary lines on every parser of traces, and compare
    Fuzz(fuzz::Arguments),
    /// Measure how fast everything is, and write a report
    Bench(bench::Arguments),
    /// Print the environment that cargo needs here, for `eval "$(cargo xtask env)"`
    Env,
    /// Install the library, and test it as C, C++ and Python programs meet it
    Capi,
    /// Generate include/dft_utils.h
    Header {
        /// Only compare with what is there; fail where it differs
        #[arg(long)]
        check: bool,
    },
    /// Build the library and install it with its headers, pkg-config and CMake files
    Install {
        /// The directory to install to
        #[arg(long, value_name = "P")]
        prefix: std::path::PathBuf,
    },
    /// Make the wheel, and test it as Python programs meet it
    Python,
    /// Make the Python package, with the library in it, as a wheel
    Wheel {
        /// The directory to put it in
        #[arg(long, value_name = "D", default_value = "dist")]
        out: std::path::PathBuf,
    },
    /// Write traces of any tracer generation, size and kind
    GenTrace(Box<GenTrace>),
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Demo => demo::run()?,
        Command::Test => test::run()?,
        Command::Faults(arguments) => faults::run(&arguments)?,
        Command::Fuzz(arguments) => fuzz::run(&arguments)?,
        Command::Bench(arguments) => bench::run(&arguments)?,
        Command::Env => print!("{}", provision::provision()?.shell()),
        Command::Capi => capi::run()?,
        Command::Header { check } => header::run(check)?,
        Command::Install { prefix } => install::run(&prefix)?,
        Command::Python => python::run()?,
        Command::Wheel { out } => drop(wheel::run(&out)?),
        Command::GenTrace(gen_trace) => println!("{}", gen_trace.report()?),
    }
    Ok(())
}
