//! The command line.

use std::ops::Range;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand};
use dft_aggregate::{Config, CounterPeriod, CustomMetrics};
use dft_export::{Format, GroupColumn, Table};
use dft_index::{BuildOptions, Part};
use dft_trace::TimeUnit;

use crate::units::{parse_duration, parse_size, parse_time_range};

#[derive(Parser)]
#[command(name = "dft", version, about = "DFTracer traces to aggregated tables", max_term_width = 100)]
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
    /// Show what is in an index on one screen
    #[command(after_help = SUMMARY_HELP)]
    Summary(SummaryArgs),
    /// Describe an index: configuration, time bounds, files, rows, size
    #[command(after_help = INFO_HELP)]
    Info(InfoArgs),
    /// Read everything in an index, and say what is wrong with it
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
    /// Aggregate traces, or one machine's part of them, to bundles for `dft ingest`
    #[command(after_help = STAGE_HELP)]
    Stage(StageArgs),
    /// Bring staged bundles into an index
    #[command(after_help = INGEST_HELP)]
    Ingest(IngestArgs),
}

/// A path. `-`, which means standard input or output elsewhere, is none: nothing here reads or writes those.
fn named_path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.as_os_str().as_encoded_bytes() {
        b"-" => Err("standard input and output are not used here; give a path (./- for one of that name)"),
        _ => Ok(path),
    })
}

const INDEX_HELP: &str = "\
Examples:
  dft index traces/
  dft index 'run-*/*.pfw.gz' --index run.dftagg --interval 100ms

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input had faults.";

const EXPORT_HELP: &str = "\
Examples:
  dft export traces/ --out tables
  dft export run.dftagg --out tables --granularity 5s --time 10s..60s --cat posix
  dft export run.dftagg --out tables --table events --group-by func_name,host_name --format csv

A directory or file of traces is indexed first. Filters leave telemetry alone where it has no such
column.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input had faults.";

const SUMMARY_HELP: &str = "\
Examples:
  dft summary traces/
  dft summary run.dftagg --json

A directory or file of traces is indexed first.";

const INFO_HELP: &str = "\
Example:
  dft info run.dftagg";

const VERIFY_HELP: &str = "\
Example:
  dft verify run.dftagg

Exit codes: 0 sound, 1 damaged or failed, 2 wrong usage.";

const STAGE_HELP: &str = "\
Examples:
  dft stage traces/ --staging /tmp/stage --shared-staging /shared/stage
  srun sh -c 'dft stage t/ --staging /tmp --shared-staging /shared --part $SLURM_PROCID/$SLURM_NTASKS'
  dft ingest run.dftagg --shared-staging /shared/stage

A bundle appears in the shared directory whole or not at all. A part that died is staged again by
the same command; traces that are in a bundle already are left out. Parts are split by the traces'
paths and sizes, so stage when those are final; `dft index` later takes in what is missing. Large
traces are cut at lines, or at gzip members, and come in when all of their pieces are there.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but the input had faults.";

const INGEST_HELP: &str = "\
Example:
  dft ingest run.dftagg --shared-staging /shared/stage

A trace that was staged in pieces comes in when all of them are there; what is missing is said. One
whose pieces do not make it is to be staged whole: `dft stage TRACE …`, then ingest again.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but bundles were refused, wait or stay.";

#[derive(Args)]
pub(crate) struct IndexArgs {
    /// Traces: files, directories (searched for *.pfw and *.pfw.gz) or globs
    #[arg(required = true, value_name = "TRACE", value_parser = named_path())]
    pub(crate) traces: Vec<PathBuf>,
    /// Where the index is [default: .dftagg beside the traces]
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) index: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Make the index anew, whatever is in it
    #[arg(long)]
    pub(crate) rebuild: bool,
}

/// How traces are read.
#[derive(Args)]
pub(crate) struct ReadingArgs {
    /// Threads [default: as many as the machine has cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// What the tables may take in memory before they are written out [default: 512M, or a quarter of what the process
    /// may have]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
    /// Fail, and store nothing, where a line is malformed or a file truncated, damaged, unreadable or a duplicate
    #[arg(long)]
    pub(crate) strict: bool,
    /// Where the traces come from, such as the name of this node: traces of node-local disks have the same paths on
    /// every node, and are kept apart by it
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
}

impl ReadingArgs {
    pub(crate) fn options(&self, rebuild: bool) -> BuildOptions {
        let BuildOptions { threads, memory, .. } = BuildOptions::default();
        let (threads, memory) = (self.threads.map_or(threads, usize::from), self.memory.unwrap_or(memory));
        BuildOptions { threads, memory, strict: self.strict, rebuild, source: self.source.clone() }
    }
}

#[derive(Args)]
pub(crate) struct ConfigArgs {
    /// The length of a time bucket: a number with us, ms, s, m or h
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_duration)]
    pub(crate) interval: u64,
    /// An arg of the records that keeps rows apart (may be given several times)
    #[arg(long = "group-key", value_name = "K", action = ArgAction::Append)]
    pub(crate) group_keys: Vec<String>,
    /// Numeric args to keep statistics of: on (quantities), all (identifiers and labels, too), off, or names
    #[arg(long, value_name = "on|all|off|NAME,…", default_value = "on")]
    pub(crate) custom_metrics: String,
    /// Keep sketches, for percentiles of this relative accuracy
    #[arg(long, value_name = "ACCURACY", num_args = 0..=1, default_missing_value = "0.01")]
    pub(crate) percentiles: Option<f64>,
    /// Do not keep rows apart by file
    #[arg(long)]
    pub(crate) no_group_by_file: bool,
    /// What the ts of a counter with the phase letter C is of its period: start or end [default: as each trace says]
    #[arg(long, value_name = "start|end", value_parser = parse_counter_period)]
    pub(crate) counter_period: Option<CounterPeriod>,
    /// The unit of times where a trace does not say one: ns, us, ms or s
    #[arg(long, value_name = "UNIT", default_value = "us")]
    pub(crate) time_unit: TimeUnit,
}

fn parse_counter_period(text: &str) -> Result<CounterPeriod, String> {
    match text {
        "start" => Ok(CounterPeriod::Start),
        "end" => Ok(CounterPeriod::End),
        _ => Err("give start or end".to_owned()),
    }
}

impl ConfigArgs {
    pub(crate) fn config(&self) -> Config {
        Config {
            interval_us: self.interval,
            extra_group_keys: self.group_keys.clone(),
            custom_metrics: match self.custom_metrics.as_str() {
                "on" => CustomMetrics::On,
                "all" => CustomMetrics::All,
                "off" => CustomMetrics::Off,
                names => CustomMetrics::Only(
                    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect(),
                ),
            },
            sketch_accuracy: self.percentiles,
            group_by_file: !self.no_group_by_file,
            counter_period: self.counter_period,
            time_unit: self.time_unit,
        }
    }
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// An index, or traces
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
    /// The directory to write to: one file a table, named after it
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) out: PathBuf,
    /// The format: parquet, arrow or csv (text that a spreadsheet would run as a formula gets a ' before it)
    #[arg(long, value_name = "FORMAT", default_value = "parquet")]
    pub(crate) format: Format,
    /// The length of a cell of time, a multiple of the index's interval [default: the interval]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) granularity: Option<u64>,
    /// A table: events, profiles, system, preaggregated_system, processes or aggregation (may be given
    /// several times) [default: all but aggregation]
    #[arg(long = "table", value_name = "NAME", action = ArgAction::Append)]
    pub(crate) tables: Vec<Table>,
    /// Columns to group rows by: cat, func_name, pid, rank, tid, file_hash, host_hash, file_name,
    /// host_name, proc_name, io_cat, acc_pat, time_range
    #[arg(long, value_name = "C,…", value_delimiter = ',')]
    pub(crate) group_by: Vec<GroupColumn>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

#[derive(Args)]
pub(crate) struct FilterArgs {
    /// Only cells of this time, counted from the start of the trace: 10s..1m, 10s.., ..1m
    #[arg(long, value_name = "A..B", value_parser = parse_time_range)]
    pub(crate) time: Option<Range<u64>>,
    /// Only categories that match this glob
    #[arg(long, value_name = "G")]
    pub(crate) cat: Option<String>,
    /// Only functions and counters that match this glob
    #[arg(long, value_name = "G")]
    pub(crate) name: Option<String>,
    /// Only calls that a query asks for, such as 'cat == "posix" and not pid in [1, 2]'
    #[arg(long, value_name = "Q")]
    pub(crate) query: Option<String>,
    /// Only this process; may be given more than once
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) pid: Vec<i64>,
    /// Only processes of this rank, as traces say it; may be given more than once
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) rank: Vec<i64>,
    /// Only hosts whose name or hash matches this glob
    #[arg(long, value_name = "G")]
    pub(crate) host: Option<String>,
    /// Only files whose name or hash matches this glob
    #[arg(long, value_name = "G")]
    pub(crate) file: Option<String>,
}

#[derive(Args)]
pub(crate) struct SummaryArgs {
    /// An index, or traces
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
    /// How many functions and files to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) top: usize,
    /// Write JSON, for programs: times in µs, sizes in bytes
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct InfoArgs {
    /// An index, or traces
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
    /// Write JSON, for programs: times in µs, sizes in bytes
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
    /// A directory of this machine, for the work
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) staging: PathBuf,
    /// The directory that bundles are moved to, which may be the same
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) shared_staging: PathBuf,
    /// Only part I of N of the traces, about equal in bytes; I counts from 0
    #[arg(long, value_name = "I/N", default_value = "0/1")]
    pub(crate) part: Part,
    /// About how large the pieces are that larger traces are cut into, the same on every machine
    /// [default: 1G, or not cut where there is one part]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) piece_size: Option<u64>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

#[derive(Args)]
pub(crate) struct IngestArgs {
    /// The index, which is made if it is not there
    #[arg(value_parser = named_path())]
    pub(crate) index: PathBuf,
    /// The directory that has the bundles
    #[arg(long, value_name = "DIR", value_parser = named_path())]
    pub(crate) shared_staging: PathBuf,
    /// Do not remove bundles that are in the index
    #[arg(long)]
    pub(crate) keep: bool,
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
