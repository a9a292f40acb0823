//! What an analysis returns. Times are in µs and sizes in bytes, and the names of fields say so.
//!
//! `None` means that a number is not known, never that it is zero.

use serde::Serialize;

use crate::findings::finding::Findings;
use crate::kind::CallKind;
use crate::preset::ChosenPreset;

/// Where the time of a job went. Times are in µs and sizes in bytes, and the names of fields say so. `None` means that
/// a number is not known, never that it is zero.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Analysis {
    /// The version of this structure: `dft-analysis/1`.
    pub format: &'static str,
    /// The preset that says which calls belong to which layer.
    pub preset: ChosenPreset,
    /// The job as a whole.
    pub job: Job,
    /// The layers that have calls, in the order of the preset.
    pub layers: Vec<Layer>,
    /// The pairs of layers that were busy at the same time. A layer is not paired with the layers that it encloses.
    pub overlaps: Vec<Overlap>,
    /// The processes, by rank, host and number.
    pub processes: Vec<ProcessReport>,
    /// The epochs, if the preset has a layer for them and the trace has its calls.
    pub epochs: Vec<Epoch>,
    /// The groups, if they were asked for.
    pub groups: Option<Groups>,
    /// What stands out, and what people do about it.
    pub findings: Findings,
}

/// A job as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Job {
    /// The start of the first call, in µs of the tracer's clock.
    pub start_us: i64,
    /// The end of the last call.
    pub end_us: i64,
    /// The time from the first to the last.
    pub time_us: u64,
    /// The number of hosts.
    pub hosts: usize,
    /// The number of processes: by host and number.
    pub processes: usize,
    /// The number of distinct ranks.
    pub ranks: usize,
    /// The number of threads.
    pub threads: usize,
    /// The number of files that calls are about, by hash.
    pub files: u64,
    /// The number of calls.
    pub calls: u128,
    /// Calls among them that the tracer summed up.
    pub aggregated_calls: u128,
    /// Calls among them with unknown times: busy times are without them.
    pub unknown_calls: u128,
    /// The sum of the durations of all calls, in µs. Calls within calls count twice.
    pub time_of_calls_us: i128,
    /// The time in which any call was in progress in any process; `None` if it is not known of any call.
    pub busy_us: Option<u64>,
    /// The bytes that were moved; `None` if no call recorded a size.
    pub bytes: Option<i128>,
    /// Why busy times and overlaps are not known, or not of all calls.
    pub unknown_because: Option<String>,
}

/// The calls of a layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Layer {
    /// The name.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// The layer that encloses its calls.
    pub parent: Option<String>,
    /// Whether it may run concurrently with compute.
    pub asynchronous: bool,
    /// Whether it is compute, which hides others.
    pub compute: bool,
    /// The number of calls.
    pub calls: u128,
    /// Calls among them with unknown times.
    pub unknown_calls: u128,
    /// The sum of the durations, in µs. Calls within calls count twice.
    pub time_us: i128,
    /// The durations of calls, in µs.
    pub duration_us: Distribution,
    /// The bytes that were moved; `None` if no call recorded a size.
    pub bytes: Option<i128>,
    /// The sizes of the calls that recorded one, in bytes.
    pub size_bytes: Option<Distribution>,
    /// The number of processes that have calls.
    pub processes: usize,
    /// The number of files that calls are about.
    pub files: u64,
    /// When the layer was busy; `None` if that is not known of any of its calls.
    pub busy: Option<Busy>,
    /// The calls by what they do, most time first.
    pub kinds: Vec<KindTotals>,
}

/// When a layer was busy. A layer is busy in a process while any of its calls is in progress there.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Busy {
    /// The time in which any process was busy, in µs.
    pub any_us: u64,
    /// That time as a share of the job's, from 0 to 1.
    pub share_of_job: f64,
    /// The sum of the processes' busy times.
    pub sum_us: u64,
    /// The mean over the processes that have calls of the layer.
    pub mean_us: f64,
    /// By how much the sum may be too large, because short gaps between very many calls were filled; 0 if it is exact.
    pub excess_us: u128,
    /// The time in which the layer is busy and none of the layers below it, summed over processes.
    pub own_us: u64,
    /// The mean number of calls in progress in a process while it is busy. `None` if some calls have unknown times.
    pub calls_in_progress: Option<f64>,
    /// The most calls in progress at once in all processes together. `None` if some calls have unknown times.
    pub peak_calls_in_progress: Option<u32>,
    /// Whether that is exact. If not, calls of one thread, function and file overlap, so more may have been in
    /// progress, or short gaps between very many calls were filled, so it may have been fewer.
    pub peak_is_exact: bool,
    /// The mean number of busy processes while any is.
    pub processes_busy: f64,
    /// The most processes that were busy at once.
    pub peak_processes_busy: u32,
    /// The bytes moved for each second in which any process was busy. `None` without bytes, or if calls have unknown
    /// times.
    pub bandwidth_bytes_per_s: Option<f64>,
    /// How the busy times of the processes differ.
    pub imbalance: Imbalance,
    /// How much of it is hidden behind compute; `None` if the trace has no compute, or for compute and what encloses
    /// it.
    pub hidden: Option<Hidden>,
}

/// How the busy times of processes differ. Only processes that have calls count.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Imbalance {
    /// The maximum busy time over the mean; 1 if all are equal.
    pub max_over_mean: f64,
    /// The standard deviation of the busy times (over all processes) over their mean.
    pub coefficient_of_variation: f64,
    /// The process with the maximum busy time.
    pub most: ProcessTime,
    /// The process with the least.
    pub least: ProcessTime,
}

/// A process and a time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProcessTime {
    /// The name of the process, for people.
    pub process: String,
    /// The time, in µs.
    pub time_us: u64,
}

/// How much of a layer's busy time is hidden behind compute. Exact: intersections of intervals.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Hidden {
    /// The time in which the layer and compute are busy in the same process, summed over processes, in µs.
    pub same_process_us: u64,
    /// The rest of the layer's busy time, summed over processes.
    pub exposed_us: u64,
    /// The time in which any process is busy in the layer and any, the same or another, in compute.
    pub any_process_us: u64,
    /// The time in which any process is busy in the layer and none in compute.
    pub exposed_any_process_us: u64,
}

/// Exact statistics of values, and percentiles if the index has sketches.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Distribution {
    /// The number of values.
    pub n: u128,
    /// The mean.
    pub mean: Option<f64>,
    /// The sample standard deviation; `None` if the squares are not known.
    pub std: Option<f64>,
    /// The lowest value.
    pub min: Option<i64>,
    /// The highest value.
    pub max: Option<i64>,
    /// The median, within the accuracy of the sketches.
    pub p50: Option<f64>,
    /// The 95th percentile.
    pub p95: Option<f64>,
    /// The 99th percentile.
    pub p99: Option<f64>,
}

/// Calls of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KindTotals {
    /// What the calls do.
    pub kind: CallKind,
    /// The number of calls.
    pub calls: u128,
    /// The sum of their durations, in µs.
    pub time_us: i128,
    /// The bytes that they moved.
    pub bytes: Option<i128>,
}

/// Two layers that were busy at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Overlap {
    /// A layer.
    pub a: String,
    /// Another.
    pub b: String,
    /// The time in which both are busy in one process, summed over processes, in µs.
    pub same_process_us: u64,
    /// The time in which each is busy in any process.
    pub any_process_us: u64,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProcessReport {
    /// The name, for people.
    pub name: String,
    /// The host's name, or its hash.
    pub host: String,
    /// The process number.
    pub pid: i64,
    /// The rank, if the traces state it.
    pub rank: Option<i64>,
    /// The start of its first call, in µs of the tracer's clock.
    pub start_us: i64,
    /// The end of its last call.
    pub end_us: i64,
    /// The time between them in which no call is in progress; `None` if some calls have unknown times.
    pub idle_us: Option<u64>,
    /// All of its calls.
    pub all: LayerTotals,
    /// The layers that have calls.
    pub layers: Vec<LayerTotals>,
}

/// What some calls of a layer add up to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LayerTotals {
    /// The layer; empty for all calls.
    pub layer: String,
    /// The number of calls; `None` for windows of time that are no cells of the index.
    pub calls: Option<u128>,
    /// Calls among them with unknown times; `None` for such windows, too.
    pub unknown_calls: Option<u128>,
    /// The sum of their durations, in µs; `None` for such windows, too.
    pub time_us: Option<i128>,
    /// The mean of their durations, in µs.
    pub mean_us: Option<f64>,
    /// The sample standard deviation of their durations; `None` if the squares are not known.
    pub std_us: Option<f64>,
    /// The bytes that they moved.
    pub bytes: Option<i128>,
    /// The time in which any process was busy; `None` if it is not known of any call.
    pub busy_us: Option<u64>,
    /// The sum of the processes' busy times.
    pub busy_sum_us: Option<u64>,
    /// The mean number of calls in progress in a process while it is busy; `None` if some calls have unknown times.
    /// Overlapping calls of one thread, function and file count as one.
    pub calls_in_progress: Option<f64>,
    /// The most calls in progress at once, likewise, in all processes together.
    pub peak_calls_in_progress: Option<u32>,
}

/// An epoch: the calls of the preset's epoch layer with the same number, counted in each process from 0.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Epoch {
    /// The number, from 0.
    pub number: usize,
    /// The first start in any process, in µs of the tracer's clock.
    pub start_us: i64,
    /// The last end in any process.
    pub end_us: i64,
    /// The number of processes that have the epoch.
    pub processes: usize,
    /// The mean of its length over these processes, in µs.
    pub mean_us: f64,
    /// The longest.
    pub max_us: u64,
    /// The busy time of each layer within it, summed over processes; those without the epoch count from its first start
    /// to the next one's.
    pub layers: Vec<EpochLayer>,
}

/// The busy time of a layer within an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EpochLayer {
    /// The layer.
    pub layer: String,
    /// The busy time, summed over processes, in µs.
    pub busy_sum_us: u64,
    /// The part of it in which compute was busy in the same process.
    pub hidden_us: u64,
}

/// Groups of calls.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Groups {
    /// What calls are grouped by.
    pub by: String,
    /// The groups: in order of time, or most time first.
    pub groups: Vec<Group>,
}

/// A group of calls.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Group {
    /// Its name; empty if its calls have none, such as no file.
    pub name: String,
    /// The start of the cell of time, in µs of the tracer's clock.
    pub start_us: Option<i64>,
    /// All calls of the group.
    pub all: LayerTotals,
    /// The layers that have calls.
    pub layers: Vec<LayerTotals>,
}
