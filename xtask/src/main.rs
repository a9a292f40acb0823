//! The project's own commands.
// A person runs these and reads what they print; nothing else goes through this program.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod gen_trace;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own commands")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write traces of any tracer generation, size and kind
    GenTrace(gen_trace::GenTrace),
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::GenTrace(gen_trace) => println!("{}", gen_trace.report()?),
    }
    Ok(())
}
