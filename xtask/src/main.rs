//! Development commands of the project.
// Printing is the purpose of this program.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod capi;
mod demo;
mod dist;
mod faults;
mod fuzz;
mod header;
mod install;
mod licences;
mod packages;
mod page;
mod places;
mod portable;
mod program;
mod provision;
mod python;
mod rocksdb;
mod step;
mod style;
mod target;
mod test;
mod wheel;

use anyhow::Result;
use clap::{Parser, Subcommand};
use dft_gen_trace::GenTrace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Development commands of the project")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Provision the machine, build, index a sample, export it, show the summary and write a report
    Demo,
    /// Provision the machine and run every test
    Test,
    /// Run the fault campaign: failing system calls, concurrent writers, hostile input
    Faults(faults::Arguments),
    /// Compare the trace parsers on random lines
    Fuzz(fuzz::Arguments),
    /// Measure performance and write a report
    Bench(bench::Arguments),
    /// Provision the machine and print the environment for cargo: `eval "$(cargo xtask env)"`
    Env,
    /// Install the library and test it from C, C++ and Python programs
    Capi,
    /// Generate include/dft_utils.h and the Python module for it
    Header {
        /// Only compare with the existing files; fail if they differ
        #[arg(long)]
        check: bool,
    },
    /// Build the library and the program, and install them with headers, pkg-config and CMake files, and manual pages
    Install {
        /// The directory to install to
        #[arg(long, value_name = "P")]
        prefix: std::path::PathBuf,
    },
    /// Build the page that `dft report` writes, and test it in a browser
    Page {
        /// Only compare the page's program with its sources; fail if they differ
        #[arg(long)]
        check: bool,
    },
    /// Build the wheel and test it from Python programs
    Python,
    /// Build the Python package, with the library in it, as a wheel
    Wheel {
        /// The directory to write it to
        #[arg(long, value_name = "D", default_value = "dist")]
        out: std::path::PathBuf,
    },
    /// Build what a release publishes: wheels and tarballs for systems with glibc 2.28, for x86-64 and aarch64
    Dist(dist::Arguments),
    /// Check the style of Python, C and C++ sources with ruff, mypy and clang-format, and the packages of published crates
    Style {
        /// Rewrite the sources instead
        #[arg(long)]
        fix: bool,
    },
    /// Generate traces of any tracer generation, size and kind
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
        Command::Page { check } => page::run(check)?,
        Command::Python => python::run()?,
        Command::Wheel { out } => drop(wheel::run(&out)?),
        Command::Dist(arguments) => dist::run(&arguments)?,
        Command::Style { fix } => style::run(fix)?,
        Command::GenTrace(gen_trace) => println!("{}", gen_trace.report()?),
    }
    Ok(())
}
