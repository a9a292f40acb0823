//! What a report shows. Times are in µs and sizes in bytes; times of the job count from its [origin](Job::origin_us).

use dft_analyze::Analysis;
use serde::Serialize;

/// What a report shows.
#[derive(Clone, Debug, Serialize)]
pub struct ReportData {
    /// The title of the page.
    pub title: String,
    /// The version of this program.
    pub version: &'static str,
    /// The filter, as text; `None` if the report shows everything.
    pub filter: Option<String>,
    /// Layers with their busy times and overlaps, epochs and findings. Processes and groups are left out.
    pub analysis: Analysis,
    /// The job.
    pub job: Job,
    /// The faults of the input, one sentence each.
    pub faults: Vec<String>,
    /// The number of faults that are left out of [`faults`](Self::faults).
    pub more_faults: usize,
    /// Categories, those with most time first.
    pub layers: Vec<Layer>,
    /// The category whose processes, files and requests are shown: the lowest layer of I/O that the traces have. `None`
    /// if they have no I/O.
    pub io_layer: Option<String>,
    /// Calls over time.
    pub timeline: Timeline,
    /// Telemetry over time, on the same axis.
    pub telemetry: Vec<CounterSeries>,
    /// The number of metrics of telemetry that are left out.
    pub more_telemetry: usize,
    /// Processes × time.
    pub heat_map: HeatMap,
    /// Processes, by rank, host and number.
    pub processes: Vec<ProcessRow>,
    /// The number of processes that are left out of [`processes`](Self::processes): those with the least time.
    pub more_processes: usize,
    /// Files.
    pub files: Files,
    /// Functions, those with most time first.
    pub functions: Vec<FunctionRow>,
    /// The number of functions that are left out.
    pub more_functions: usize,
}

/// The job.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Job {
    /// The time that others count from, in µs of the tracer's clock.
    pub origin_us: u64,
    /// The earliest time of a call, from the origin.
    pub first_us: Option<i64>,
    /// The latest time of a call, from the origin.
    pub last_us: Option<i64>,
    /// The number of hosts.
    pub hosts: usize,
    /// The number of processes with calls.
    pub processes: usize,
    /// The number of threads with calls.
    pub threads: usize,
    /// The number of ranks that traces state.
    pub ranks: usize,
    /// The number of files that calls of the I/O layer are about.
    pub files: usize,
    /// The number of calls.
    pub calls: u64,
    /// The number of trace files.
    pub traces: usize,
    /// The number of records in them.
    pub records: u64,
    /// Command lines, and how many processes have each.
    pub commands: Shares,
    /// Executables.
    pub executables: Shares,
    /// Working directories.
    pub working_directories: Shares,
    /// Versions of the tracer.
    pub tracer_versions: Shares,
    /// Names of hosts.
    pub host_names: Shares,
    /// The interval of the index, in µs.
    pub interval_us: u64,
    /// Whether the index has sketches.
    pub has_sketches: bool,
}

/// The most frequent of some texts.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shares {
    /// The texts and how many processes have each, most first.
    pub top: Vec<Share>,
    /// How many texts are left out.
    pub more: usize,
}

/// A text and how often it occurs.
#[derive(Clone, Debug, Serialize)]
pub struct Share {
    /// The text.
    pub text: String,
    /// How many processes have it.
    pub processes: u64,
}

/// Calls, their time and the bytes that they moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// The number of calls.
    pub calls: u64,
    /// The sum of their durations, in µs.
    pub time_us: i64,
    /// The bytes that they moved; `None` if no call recorded a size.
    pub bytes: Option<i64>,
}

/// A category of calls.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    /// The category.
    pub category: String,
    /// Its calls.
    pub totals: Totals,
    /// The number of threads with such calls.
    pub threads: usize,
    /// The number of processes with such calls.
    pub processes: usize,
    /// Its kinds of I/O, those with most time first.
    pub kinds: Vec<Kind>,
}

/// The calls of a category that do one kind of I/O.
#[derive(Clone, Debug, Serialize)]
pub struct Kind {
    /// The kind of I/O: `read`, `write`, `metadata`, `sync`, `pctl`, `ipc` or `other`.
    pub kind: &'static str,
    /// Its calls.
    pub totals: Totals,
    /// Their durations, in µs.
    pub durations: Distribution,
    /// The sizes of their requests, in bytes.
    pub sizes: Distribution,
}

/// How the values of calls are distributed.
///
/// An index keeps sums of calls, not calls. Values are known one by one where a row has up to three, and otherwise
/// by the extremes of their row, or by sketches if the index has them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Distribution {
    /// The number of calls with a value.
    pub samples: u64,
    /// The lowest value.
    pub min: Option<i64>,
    /// The highest value.
    pub max: Option<i64>,
    /// The mean.
    pub mean: Option<f64>,
    /// The standard deviation of a sample.
    pub std: Option<f64>,
    /// The calls by power of two: `[p, calls]`, where values are at least 2^p and less than 2^(p+1). The value 0 has
    /// p = -1.
    pub bins: Vec<(i8, u64)>,
    /// The calls whose bin is not known.
    pub unknown: u64,
    /// Whether the bins of some calls come from sketches, and may be off by their accuracy.
    pub sketched: bool,
    /// The calls below some values, at least and at most: `[value, least, most]`.
    pub below: Vec<(i64, u64, u64)>,
    /// Quantiles `[q, value]`, if the index has sketches.
    pub quantiles: Vec<(f64, f64)>,
}

/// Calls over time. A call counts where its middle is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timeline {
    /// The start of the first bin, from the origin.
    pub start_us: u64,
    /// The length of a bin, in µs.
    pub bin_us: u64,
    /// The number of bins.
    pub bins: usize,
    /// The calls of each category and kind of I/O, those with most time first.
    pub series: Vec<TimeSeries>,
}

/// The calls of a category and kind of I/O in each bin.
#[derive(Clone, Debug, Serialize)]
pub struct TimeSeries {
    /// The category.
    pub category: String,
    /// The kind of I/O.
    pub kind: &'static str,
    /// The number of calls in each bin.
    pub calls: Vec<u64>,
    /// The sum of their durations.
    pub time_us: Vec<i64>,
    /// The bytes that they moved.
    pub bytes: Vec<i64>,
}

/// A metric of telemetry in each bin of the timeline.
#[derive(Clone, Debug, Serialize)]
pub struct CounterSeries {
    /// The counter.
    pub counter: String,
    /// The metric.
    pub metric: String,
    /// The number of hosts that report it.
    pub hosts: usize,
    /// The mean of the readings of all hosts; `None` where there are none.
    pub mean: Vec<Option<f64>>,
    /// The lowest reading.
    pub min: Vec<Option<f64>>,
    /// The highest reading.
    pub max: Vec<Option<f64>>,
}

/// Processes × time. The rows are groups of processes that are neighbours by rank, host and number.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HeatMap {
    /// The start of the first bin, from the origin.
    pub start_us: u64,
    /// The length of a bin.
    pub bin_us: u64,
    /// The number of bins.
    pub bins: usize,
    /// What each row is.
    pub rows: Vec<HeatRow>,
    /// The layers shown.
    pub layers: Vec<HeatLayer>,
}

/// A row of a heat map.
#[derive(Clone, Debug, Serialize)]
pub struct HeatRow {
    /// Its name: a rank, a process, or the first and last of a group.
    pub name: String,
    /// The host; empty for processes of several hosts.
    pub host: String,
    /// The number of processes.
    pub processes: usize,
}

/// A category of calls in a heat map: row after row, a number for each bin.
#[derive(Clone, Debug, Serialize)]
pub struct HeatLayer {
    /// The category.
    pub category: String,
    /// The number of calls.
    pub calls: Vec<u64>,
    /// The sum of their durations.
    pub time_us: Vec<i64>,
    /// The bytes that they moved.
    pub bytes: Vec<i64>,
}

/// A process.
#[derive(Clone, Debug, Serialize)]
pub struct ProcessRow {
    /// The host's name, or else its hash.
    pub host: String,
    /// The process's number.
    pub pid: i64,
    /// Its rank.
    pub rank: Option<i64>,
    /// Its calls of the I/O layer.
    pub io: Totals,
    /// Its calls of every category.
    pub all: Totals,
    /// Its earliest call, from the origin.
    pub first_us: i64,
    /// Its latest call, from the origin.
    pub last_us: i64,
}

/// Files that calls of the I/O layer are about.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Files {
    /// The number of files.
    pub count: usize,
    /// Those with most bytes, time and calls, those with most bytes first.
    pub top: Vec<FileRow>,
    /// The root of the tree of directories.
    pub tree: Directory,
    /// Totals by extension, most time first.
    pub extensions: Vec<FileGroup>,
    /// Totals by pattern, where a run of digits is `[0-9]`, most time first.
    pub patterns: Vec<FileGroup>,
    /// The calls that name no file, or one whose name is not in the traces.
    pub unnamed: Totals,
}

/// A file.
#[derive(Clone, Debug, Serialize)]
pub struct FileRow {
    /// Its name, or else its hash; shortened if it is long.
    pub name: String,
    /// Its calls.
    pub totals: Totals,
    /// The bytes that were read.
    pub read_bytes: i64,
    /// The bytes that were written.
    pub written_bytes: i64,
    /// The number of processes that call functions on it.
    pub processes: u32,
    /// How often it was read over: the bytes of reads with known offsets, divided by the end of the last of these
    /// reads. This is a lower bound.
    pub read_over: Option<f64>,
}

/// Files that have something in common.
#[derive(Clone, Debug, Serialize)]
pub struct FileGroup {
    /// What they have in common.
    pub name: String,
    /// The number of files.
    pub files: u64,
    /// Their calls.
    pub totals: Totals,
}

/// A directory, or a file of the tree.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Directory {
    /// The name, without the names of its parents.
    pub name: String,
    /// The number of files in it.
    pub files: u64,
    /// The calls on files in it.
    pub totals: Totals,
    /// The directories and files in it, those with most time first. Small ones are left out of large trees, so their
    /// sums may be less than the totals.
    pub children: Vec<Directory>,
}

/// A function.
#[derive(Clone, Debug, Serialize)]
pub struct FunctionRow {
    /// Its category.
    pub category: String,
    /// Its name.
    pub function: String,
    /// Its kind of I/O.
    pub kind: &'static str,
    /// Its calls.
    pub totals: Totals,
    /// The mean duration, in µs.
    pub mean_us: Option<f64>,
    /// The standard deviation of durations, in µs.
    pub std_us: Option<f64>,
    /// The shortest duration, in µs.
    pub min_us: Option<i64>,
    /// The longest duration, in µs.
    pub max_us: Option<i64>,
    /// Quantiles `[q, µs]`, if the index has sketches.
    pub quantiles: Vec<(f64, f64)>,
    /// The number of processes that call it.
    pub processes: usize,
    /// The time of the process that spends the most in it, divided by the mean of the processes that call it.
    pub imbalance: Option<f64>,
}
