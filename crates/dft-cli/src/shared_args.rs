//! Arguments of several commands.

use std::ops::Range;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{ArgAction, Args};
use dft_aggregate::{Config, CounterPeriod, CustomMetrics};
use dft_index::BuildOptions;
use dft_trace::TimeUnit;

use crate::units::{parse_duration, parse_size, parse_time_range};

/// Parses a path. Refuses `-`: no command reads standard input or writes files to standard output.
pub(crate) fn named_path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.as_os_str().as_encoded_bytes() {
        b"-" => Err("standard input and output are not supported: give a path (./- for a file named -)"),
        _ => Ok(path),
    })
}

/// How traces are read.
#[derive(Args)]
pub(crate) struct ReadingArgs {
    /// How many threads to use [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// How much memory tables may use before they spill: a number with K, M, G or T [default: 512M, or a quarter of
    /// the memory available to the process]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
    /// Fail and store nothing if a line is malformed or a file is truncated, damaged, unreadable or a duplicate
    #[arg(long)]
    pub(crate) strict: bool,
    /// A name for where the traces come from, such as this node: it tells apart traces on node-local disks, which
    /// have the same paths on every node
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
    /// The length of a bucket: a number with us, ms, s, m or h
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_duration)]
    pub(crate) interval: u64,
    /// An arg of records to group rows by; repeatable
    #[arg(long = "group-key", value_name = "K", action = ArgAction::Append)]
    pub(crate) group_keys: Vec<String>,
    /// Which numeric args to aggregate: on (quantities), all (identifiers and labels, too), off, or names
    #[arg(long, value_name = "on|all|off|NAME,…", default_value = "on")]
    pub(crate) custom_metrics: String,
    /// Keep sketches for percentiles, of this relative accuracy
    #[arg(long, value_name = "ACCURACY", num_args = 0..=1, default_missing_value = "0.01")]
    pub(crate) percentiles: Option<f64>,
    /// Do not group rows by file
    #[arg(long)]
    pub(crate) no_group_by_file: bool,
    /// Whether the ts of a counter of phase C is the start or the end of its period [default: as each trace states]
    #[arg(long, value_name = "start|end", value_parser = parse_counter_period)]
    pub(crate) counter_period: Option<CounterPeriod>,
    /// The unit of times in traces that do not state one: ns, us, ms or s
    #[arg(long, value_name = "UNIT", default_value = "us")]
    pub(crate) time_unit: TimeUnit,
    /// Do not keep when calls were in progress: `dft analyze` then knows neither busy times nor overlaps
    #[arg(long)]
    pub(crate) no_occupancy: bool,
}

fn parse_counter_period(text: &str) -> Result<CounterPeriod, String> {
    match text {
        "start" => Ok(CounterPeriod::Start),
        "end" => Ok(CounterPeriod::End),
        _ => Err("use start or end".to_owned()),
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
            occupancy: !self.no_occupancy,
        }
    }
}

#[derive(Args)]
pub(crate) struct FilterArgs {
    /// Only cells in this range of time, relative to the start of the trace: 10s..1m, 10s.., ..1m
    #[arg(long, value_name = "A..B", value_parser = parse_time_range)]
    pub(crate) time: Option<Range<u64>>,
    /// Only categories that match this glob
    #[arg(long, value_name = "G")]
    pub(crate) cat: Option<String>,
    /// Only functions and counters that match this glob
    #[arg(long, value_name = "G")]
    pub(crate) name: Option<String>,
    /// Only calls that match this query, such as 'cat == "posix" and not pid in [1, 2]'
    #[arg(long, value_name = "Q")]
    pub(crate) query: Option<String>,
    /// Only this process; repeatable
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) pid: Vec<i64>,
    /// Only processes with this rank, as traces state it; repeatable
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) rank: Vec<i64>,
    /// Only hosts whose name or hash matches this glob
    #[arg(long, value_name = "G")]
    pub(crate) host: Option<String>,
    /// Only files whose name or hash matches this glob
    #[arg(long, value_name = "G")]
    pub(crate) file: Option<String>,
}
