//! The arguments of `dft analyze` and `dft compare`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::preset_args::PresetArgs;
use crate::shared_args::{FilterArgs, named_path};
use crate::units::parse_duration;

#[derive(Args)]
pub(crate) struct AnalyzeArgs {
    /// An index, or traces or directories of traces
    #[arg(required = true, value_name = "INDEX|TRACE", value_parser = named_path())]
    pub(crate) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) preset: PresetArgs,
    /// What to group by: time, process, host, rank, file, directory, pattern, function, epoch or a group key
    #[arg(long, value_name = "WHAT")]
    pub(crate) by: Option<String>,
    /// How many groups to show [default: 10, or all with --json or --csv]
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// The length of a cell with --by time, a multiple of the index's interval [default: the interval]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "by")]
    pub(crate) granularity: Option<u64>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// The tables of another tool, with its formulas, for comparison: dfanalyzer; with it, --by is time, process or
    /// file
    #[arg(long = "as", value_name = "TOOL", default_value = "dft", hide_default_value = true)]
    pub(crate) report: ReportAs,
    /// Print JSON: times in µs, sizes in bytes
    #[arg(long, conflicts_with = "csv")]
    pub(crate) json: bool,
    /// Print the layers, or the groups, as CSV: times in µs, sizes in bytes
    #[arg(long)]
    pub(crate) csv: bool,
    /// How many threads to use [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

/// Whose report it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportAs {
    /// This program's report.
    Dft,
    /// The tables of dfanalyzer.
    Dfanalyzer,
}

#[derive(Args)]
pub(crate) struct CompareArgs {
    /// Indexes, or traces or directories of traces; the others are compared with the first
    #[arg(required = true, num_args = 2.., value_name = "RUN", value_parser = named_path())]
    pub(crate) runs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) preset: PresetArgs,
    /// What to compare: time, process, host, rank, file, directory, pattern, function, epoch or a group key [default:
    /// layers]
    #[arg(long, value_name = "WHAT")]
    pub(crate) by: Option<String>,
    /// How many rows to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) top: usize,
    /// The length of a cell with --by time, a multiple of the indexes' interval [default: the interval]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "by")]
    pub(crate) granularity: Option<u64>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// End with exit code 4 if this holds, such as 'time > 1.2x where cat == "posix"': time, busy, calls, bytes,
    /// bandwidth, mean or job, relative to the first run; repeatable
    #[arg(long, value_name = "C", action = ArgAction::Append)]
    pub(crate) fail_if: Vec<String>,
    /// Write a page for the browser that shows the runs side by side
    #[arg(long, value_name = "FILE", value_parser = named_path())]
    pub(crate) report: Option<PathBuf>,
    /// Print JSON: times in µs, sizes in bytes
    #[arg(long)]
    pub(crate) json: bool,
    /// How many threads to use [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}
