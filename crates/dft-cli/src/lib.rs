//! `dft`: DFTracer traces to an aggregated index, and the index to tables and a summary.
//!
//! Arguments, and words for people; what they are about is in the crates below. This is a library
//! only so that the whole-system tests run the very program that is installed.
// A person reads what this program prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod export;
mod index;
mod info;
mod input;
mod output;
mod source;
mod stage;
mod summary;
mod units;
mod verify;
mod watch;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use dft_io::Show;

use crate::args::{Cli, Command};

/// How a command ended, for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Done.
    Done,
    /// Done, but the input had faults; each was named.
    Faults,
}

/// Runs the command that the process was started with.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input had faults.
pub fn run() -> ExitCode {
    let given: Vec<OsString> = env::args_os().collect();
    let arguments = match Cli::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(error) => return wrong_usage(error, &given),
    };
    let result = match arguments.command {
        Command::Index(args) => index::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Stage(args) => stage::run_stage(&args),
        Command::Ingest(args) => stage::run_ingest(&args),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Faults) => ExitCode::from(3),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // The libraries' messages have their causes in them.
            output::tell(&format!("dft: {error}\n"));
            ExitCode::from(if is_usage(&error) { 2 } else { 1 })
        }
    }
}

/// Shows what clap says: help, the version, or what is wrong with the arguments, which are shown with it.
fn wrong_usage(error: clap::Error, given: &[OsString]) -> ExitCode {
    // It shows arguments as they are; so it is asked again about arguments that can be shown.
    let shown: Vec<String> = given.iter().map(|argument| argument.shown().to_string()).collect();
    let error = Cli::try_parse_from(shown).err().unwrap_or(error);
    // What cannot be shown is no reason for another exit code.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Whether the error is in what was asked for, as clap's own are.
fn is_usage(error: &anyhow::Error) -> bool {
    use dft_export::ExportError as Export;
    let export = error.downcast_ref::<Export>().is_some_and(|error| {
        matches!(
            error,
            Export::Granularity { .. }
                | Export::Pattern { .. }
                | Export::NoTable(_)
                | Export::NoGroupColumn(_)
                | Export::GroupColumns
                | Export::NotGrouped(_)
        )
    });
    let build = error
        .downcast_ref::<dft_index::BuildError>()
        .is_some_and(|error| matches!(error, dft_index::BuildError::Config(_) | dft_index::BuildError::Source { .. }));
    export || build
}
