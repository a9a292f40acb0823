//! The program `dft`: aggregates DFTracer traces into an index, and turns the index into tables, queries, summaries,
//! analyses, comparisons and reports.
//!
//! This crate parses arguments and prints messages; the other crates do the work. [`run`] is all of it. It is a library
//! only so that the whole-system tests run the program that is installed.
//!
//! | commands | crate that does the work |
//! | --- | --- |
//! | `index`, `validate`, `stage`, `ingest`, `watch` | [`dft_index`] |
//! | `export`, `query`, `summary` | [`dft_export`] |
//! | `analyze`, `compare` | [`dft_analyze`] |
//! | `report` | [`dft_report`] |
//! | `info`, `verify` | [`dft_store`] |
//! | `completions`, `man` | this crate |
//!
//! `dft --help` and `dft COMMAND --help` describe the options.
// Printing is the purpose of this program.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod analyze;
mod analyze_args;
mod args;
mod build_progress;
mod compare;
mod export;
mod help;
mod index;
mod info;
mod input;
mod output;
mod preset_args;
mod query;
mod query_format;
mod report;
mod shared_args;
mod shell;
mod source;
mod stage;
mod summary;
mod table;
mod terminal;
mod units;
mod validate;
mod verify;
mod watch;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use dft_io::Show;

use crate::args::{Cli, Command};

/// If this variable is set, the last line on stderr is an account of the work of each stage, in JSON: see
/// [`dft_io::account`]. `cargo xtask bench` sets it.
const ACCOUNT: &str = "DFT_ACCOUNT";

/// How a command ended, for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Done.
    Done,
    /// Done, but the input has faults; each was reported.
    Faults,
    /// Done, and a condition of a comparison holds.
    Condition,
}

/// Runs the command in the process's arguments.
///
/// | exit code | meaning |
/// | --- | --- |
/// | 0 | done |
/// | 1 | failed |
/// | 2 | wrong usage |
/// | 3 | done, but the input has faults |
/// | 4 | done, and a condition of a comparison holds |
pub fn run() -> ExitCode {
    let given: Vec<OsString> = env::args_os().collect();
    let arguments = match Cli::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(error) => return wrong_usage(error, &given),
    };
    if env::var_os(ACCOUNT).is_some() {
        dft_io::account::start();
    }
    let result = match arguments.command {
        Command::Index(args) => index::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Query(args) => query::run(&args),
        Command::Analyze(args) => analyze::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Stage(args) => stage::run_stage(&args),
        Command::Ingest(args) => stage::run_ingest(&args),
        Command::Completions(args) => shell::run_completions(&args),
        Command::Man(args) => shell::run_man(&args),
    };
    if let Some(account) = dft_io::account::report() {
        output::tell(&format!("{account}\n"));
    }
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Faults) => ExitCode::from(3),
        Ok(Outcome::Condition) => ExitCode::from(4),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // The libraries' messages include their causes.
            output::tell(&format!("dft: {error}\n{}", pointer(&error).unwrap_or_default()));
            ExitCode::from(if is_usage(&error) { 2 } else { 1 })
        }
    }
}

/// Returns the query with a mark below the place at which it is not one.
fn pointer(error: &anyhow::Error) -> Option<String> {
    use dft_analyze::AnalyzeError;
    let analyze = error.downcast_ref().and_then(|error| match error {
        AnalyzeError::Export(error) => Some(error),
        _ => None,
    });
    let dft_export::ExportError::Query { query, at, .. } = error.downcast_ref().or(analyze)? else { return None };
    let (before, after) = query.split_at_checked(*at)?;
    let (before, after) = (before.shown().to_string(), after.shown().to_string());
    Some(format!("  {before}{after}\n  {}^\n", " ".repeat(before.chars().count())))
}

/// Prints clap's answer: help, the version, or an error that quotes the arguments.
fn wrong_usage(error: clap::Error, given: &[OsString]) -> ExitCode {
    // clap prints arguments unescaped, so parse escaped arguments for the message.
    let shown: Vec<String> = given.iter().map(|argument| argument.shown().to_string()).collect();
    let error = Cli::try_parse_from(shown).err().unwrap_or(error);
    // A message that cannot be printed does not change the exit code.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Whether the error is wrong usage that clap cannot detect.
fn is_usage(error: &anyhow::Error) -> bool {
    let export = error.downcast_ref().is_some_and(is_usage_of_export);
    let build = error
        .downcast_ref::<dft_index::BuildError>()
        .is_some_and(|error| matches!(error, dft_index::BuildError::Config(_) | dft_index::BuildError::Source { .. }));
    let analyze = error.downcast_ref::<dft_analyze::AnalyzeError>().is_some_and(|error| {
        use dft_analyze::AnalyzeError as Analyze;
        match error {
            Analyze::Export(error) => is_usage_of_export(error),
            Analyze::NoPreset(_)
            | Analyze::Preset { .. }
            | Analyze::NoBy(_)
            | Analyze::NoDfanalyzerView(_)
            | Analyze::TooManyCells { .. }
            | Analyze::Condition { .. } => true,
            _ => false,
        }
    });
    export || build || analyze
}

fn is_usage_of_export(error: &dft_export::ExportError) -> bool {
    use dft_export::ExportError as Export;
    matches!(
        error,
        Export::Granularity { .. }
            | Export::RangeUnit { .. }
            | Export::Pattern { .. }
            | Export::Query { .. }
            | Export::NoTable(_)
            | Export::NoGroupColumn(_)
            | Export::GroupColumns
            | Export::NoGroupBy { .. }
            | Export::NoStatistic { .. }
            | Export::NoSketches(_)
            | Export::NoMetric { .. }
            | Export::SeveralSizeBins { .. }
            | Export::ColumnTwice(_)
            | Export::NoSortColumn(_)
            | Export::NotGrouped(_)
    )
}
