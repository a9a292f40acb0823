//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use dft_aggregate::Config;
use dft_codec::SeriesKind;
use dft_export::{Format, GroupColumn, Table};
use dft_index::Part;
use dft_trace::TimeUnit;

use crate::analyze_args::{AnalyzeArgs, CompareArgs};
use crate::help::{
    ANALYZE_HELP, COMPARE_HELP, COMPLETIONS_HELP, EXPORT_HELP, INDEX_HELP, INFO_HELP, INGEST_HELP, MAN_HELP,
    QUERY_HELP, REPORT_HELP, STAGE_HELP, SUMMARY_HELP, VALIDATE_HELP, VERIFY_HELP, WATCH_HELP,
};
use crate::preset_args::PresetArgs;
use crate::query_format::QueryFormat;
use crate::shared_args::{ConfigArgs, FilterArgs, ReadingArgs, named_path};
use crate::units::{parse_duration, parse_size};

#[derive(Parser)]
#[command(
    name = "dft",
    version,
    about = "Aggregate DFTracer traces, and show where the time went",
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Aggregate traces into an index
    #[command(after_help = INDEX_HELP)]
    Index(IndexArgs),
    /// Write the tables of an index to files
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArgs),
    /// Group the calls of an index and show statistics of the groups
    #[command(after_help = QUERY_HELP)]
    Query(QueryArgs),
    /// Show where the time went: layers, busy time, overlap, what stands out
    #[command(after_help = ANALYZE_HELP)]
    Analyze(AnalyzeArgs),
    /// Compare two runs, or more, and tell changes from noise
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Summarize an index on one screen
    #[command(after_help = SUMMARY_HELP)]
    Summary(SummaryArgs),
    /// Write a page for the browser that shows where the time of a job went
    #[command(after_help = REPORT_HELP)]
    Report(ReportArgs),
    /// Follow a running job: index its traces again and again, and show what it does
    #[command(after_help = WATCH_HELP)]
    Watch(WatchArgs),
    /// Describe an index: configuration, time bounds, files, rows, size
    #[command(after_help = INFO_HELP)]
    Info(InfoArgs),
    /// Read traces and report what they hold and every fault, without an index
    #[command(after_help = VALIDATE_HELP)]
    Validate(ValidateArgs),
    /// Read all of an index and report damage
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
    /// Aggregate traces, or one part of them, into bundles for `dft ingest`
    #[command(after_help = STAGE_HELP)]
    Stage(StageArgs),
    /// Add staged bundles to an index
    #[command(after_help = INGEST_HELP)]
    Ingest(IngestArgs),
    /// Print the completions of this program for a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
    /// Print the manual page of this program or of a command
    #[command(after_help = MAN_HELP)]
    Man(ManArgs),
}

#[derive(Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Args)]
pub(crate) struct ManArgs {
    /// The command, such as index [default: the program as a whole]
    #[arg(value_parser = command_name)]
    pub(crate) command: Option<String>,
}

#[derive(Args)]
pub(crate) struct IndexArgs {
    /// Traces: files, directories (searched for *.pfw and *.pfw.gz) or globs
    #[arg(required = true, value_name = "TRACE", value_parser = named_path())]
    pub(crate) traces: Vec<PathBuf>,
    /// The index [default: .dftagg next to the traces]
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) index: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Rebuild the index, whatever it holds
    #[arg(long)]
    pub(crate) rebuild: bool,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// An index, or a trace or a directory of traces
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
    /// The directory to write to: one file per table, named after the table
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) out: PathBuf,
    /// The format: parquet, arrow or csv (csv puts a ' before text that a spreadsheet would run as a formula)
    #[arg(long, value_name = "FORMAT", default_value = "parquet")]
    pub(crate) format: Format,
    /// The length of a cell, a multiple of the index's interval [default: the interval]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) granularity: Option<u64>,
    /// A table to export: events, profiles, system, preaggregated_system, processes or aggregation; repeatable
    /// [default: all but aggregation]
    #[arg(long = "table", value_name = "NAME", action = ArgAction::Append)]
    pub(crate) tables: Vec<Table>,
    /// Columns to group rows by: cat, func_name, pid, rank, tid, file_hash, host_hash, file_name,
    /// host_name, proc_name, io_cat, acc_pat, time_range
    #[arg(long, value_name = "C,…", value_delimiter = ',')]
    pub(crate) group_by: Vec<GroupColumn>,
    /// How many threads to use [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

#[derive(Args)]
pub(crate) struct QueryArgs {
    /// An index, or a trace or a directory of traces
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
    /// What to group by: cat, func_name, pid, rank, tid, file_hash, host_hash, file_name, file_dir, file_ext,
    /// file_pattern, host_name, proc_name, io_cat, family, time_range, time_bucket, size_bin or group keys of the index
    /// [default: all rows are one group]
    #[arg(long, value_name = "C,…", default_value = "", hide_default_value = true)]
    pub(crate) group_by: String,
    /// Statistics of each group: count, time_start, time_end, file_nunique, host_nunique, process_nunique,
    /// thread_nunique, and METRIC_n, _total, _mean, _std, _min, _max, _median, _p99 (any percentile), _hist, where
    /// METRIC is dur, size, offset or a custom metric [default: count, dur_total, dur_mean, dur_max, size_total]
    #[arg(long, value_name = "S,…", default_value = "", hide_default_value = true)]
    pub(crate) stats: String,
    /// Columns to sort by, each with :desc for the highest first [default: what is grouped by]
    #[arg(long, value_name = "C,…", default_value = "", hide_default_value = true)]
    pub(crate) sort: String,
    /// How many groups to show, after sorting
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// A table whose rows to group: events, profiles or preaggregated_system; repeatable [default: events, profiles]
    #[arg(long = "table", value_name = "NAME", action = ArgAction::Append, value_parser = parse_kind)]
    pub(crate) tables: Vec<SeriesKind>,
    /// The format: table (with units), csv, json, parquet or arrow; all but table have times in µs and sizes in bytes
    /// [default: that of the file's extension, or table]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<QueryFormat>,
    /// The file to write to [default: standard output]
    #[arg(long, value_name = "FILE", value_parser = named_path(),
          required_if_eq_any([("format", "parquet"), ("format", "arrow")]))]
    pub(crate) out: Option<PathBuf>,
    /// The length of a cell, a multiple of the index's interval [default: the interval]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) granularity: Option<u64>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

fn parse_kind(table: &str) -> Result<SeriesKind, String> {
    match table {
        "events" => Ok(SeriesKind::Call),
        "profiles" => Ok(SeriesKind::AggregatedCall),
        "preaggregated_system" => Ok(SeriesKind::HostStatistic),
        _ => Err("use events, profiles or preaggregated_system".to_owned()),
    }
}

#[derive(Args)]
pub(crate) struct ValidateArgs {
    /// Traces: files, directories (searched for *.pfw and *.pfw.gz) or globs
    #[arg(required = true, value_name = "TRACE", value_parser = named_path())]
    pub(crate) traces: Vec<PathBuf>,
    /// How many threads to use [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// The unit of times in traces that do not state one: ns, us, ms or s
    #[arg(long, value_name = "UNIT", default_value = "us")]
    pub(crate) time_unit: TimeUnit,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl ValidateArgs {
    pub(crate) fn config(&self) -> Config {
        Config { time_unit: self.time_unit, ..Config::default() }
    }
}

#[derive(Args)]
pub(crate) struct SummaryArgs {
    /// An index, or a trace or a directory of traces
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
    /// How many functions and files to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) top: usize,
    /// Print JSON: times in µs, sizes in bytes
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ReportArgs {
    /// An index, or a trace or a directory of traces
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
    /// The file to write to
    #[arg(long, value_name = "FILE", default_value = "report.html", value_parser = named_path())]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) preset: PresetArgs,
    /// Print what the page shows as JSON instead: times in µs, sizes in bytes
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

#[derive(Args)]
pub(crate) struct WatchArgs {
    /// Traces: files, directories (searched for *.pfw and *.pfw.gz) or globs. They need not exist yet
    #[arg(required = true, value_name = "TRACE", value_parser = named_path())]
    pub(crate) traces: Vec<PathBuf>,
    /// The index [default: .dftagg next to the traces]
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) index: Option<PathBuf>,
    /// How long to wait between two updates
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    pub(crate) every: u64,
    /// End when no trace has grown for this time [default: until q or Ctrl-C]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) idle: Option<u64>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

#[derive(Args)]
pub(crate) struct InfoArgs {
    /// An index, or a trace or a directory of traces
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
    /// Print JSON: times in µs, sizes in bytes
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// An index
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
}

#[derive(Args)]
pub(crate) struct StageArgs {
    /// Traces: files, directories (searched for *.pfw and *.pfw.gz) or globs
    #[arg(required = true, value_name = "TRACE", value_parser = named_path())]
    pub(crate) traces: Vec<PathBuf>,
    /// A directory on this machine to work in
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) staging: PathBuf,
    /// The directory to move bundles to; may be the same
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) shared_staging: PathBuf,
    /// Only part I of N; I counts from 0, and parts have about equally many bytes
    #[arg(long, value_name = "I/N", default_value = "0/1")]
    pub(crate) part: Part,
    /// Cut larger traces into pieces of about this size, the same on every machine [default: 1G, or not cut if there
    /// is one part]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) piece_size: Option<u64>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

#[derive(Args)]
pub(crate) struct IngestArgs {
    /// The index; created if it does not exist
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
    /// The directory of the bundles
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) shared_staging: PathBuf,
    /// Keep bundles after they are ingested
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Accepts the name of a command.
fn command_name(name: &str) -> Result<String, String> {
    let dft = program();
    let names: Vec<&str> = dft.get_subcommands().map(clap::Command::get_name).collect();
    match names.contains(&name) {
        true => Ok(name.to_owned()),
        false => Err(format!("there is no such command; the commands are {}", names.join(", "))),
    }
}

/// Returns the program, whose commands have whole names, such as dft-index.
pub(crate) fn program() -> clap::Command {
    let mut dft = Cli::command();
    dft.build();
    dft
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_an_example() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let help = sub.clone().render_help().to_string();
            assert!(help.contains("Example"), "{}", sub.get_name());
        }
    }
}
