//! Two runs, or more, side by side.

mod condition;
mod welch;

use std::collections::BTreeMap;

use dft_export::{Filter, View};
use dft_store::Index;
use serde::Serialize;

pub use condition::{Condition, ConditionResult};
pub use welch::Welch;

use crate::analysis::{AnalyzeOptions, analyze};
use crate::by::By;
use crate::error::AnalyzeError;
use crate::preset::{ChosenPreset, PresetChoice};
use crate::report::{Analysis, LayerTotals};

/// How runs are compared.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// The preset of all runs. If it is chosen automatically, what the first run has decides.
    pub preset: PresetChoice,
    /// What to compare; `None` for the layers. Hosts and files are matched by name, and processes by rank.
    pub by: Option<By>,
    /// Which calls to compare.
    pub filter: Filter,
    /// The length of a cell of time, in µs, for rows by time; the index's interval if `None`.
    pub granularity_us: Option<u64>,
    /// Conditions to judge.
    pub conditions: Vec<Condition>,
    /// The number of threads; one for each core if 0.
    pub threads: usize,
}

/// Runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The version of this structure: `dft-comparison/1`.
    pub format: &'static str,
    /// The names of the runs.
    pub runs: Vec<String>,
    /// The preset.
    pub preset: ChosenPreset,
    /// What rows are about: `layer`, or what was grouped by.
    pub by: String,
    /// The jobs as a whole. Their `busy_us` is the time from the first call to the last.
    pub job: ComparedRow,
    /// The rows, the largest change of time first.
    pub rows: Vec<ComparedRow>,
    /// The conditions, and whether they hold.
    pub conditions: Vec<ConditionResult>,
}

/// What is compared, in each run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ComparedRow {
    /// The name: of a layer, a function, a file and so on.
    pub name: String,
    /// The numbers of each run; `None` if it has no such row.
    pub runs: Vec<Option<RunNumbers>>,
    /// The changes from the first run to each of the others.
    pub changes: Vec<Change>,
}

/// The numbers of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunNumbers {
    /// The number of calls.
    pub calls: Option<u128>,
    /// The sum of their durations, in µs.
    pub time_us: Option<i128>,
    /// The time in which any process was busy. `None` in all runs unless it is known of all calls of each run: what one run
    /// does not tell cannot be compared.
    pub busy_us: Option<u64>,
    /// The bytes that they moved.
    pub bytes: Option<i128>,
    /// The mean of their durations, in µs.
    pub mean_us: Option<f64>,
    /// The sample standard deviation of their durations.
    pub std_us: Option<f64>,
}

/// A change from the first run to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// Of the busy time, or of the sum of durations if a run's busy time is not known, in µs.
    pub time_us: Option<i128>,
    /// The other run's time over the first one's.
    pub time_ratio: Option<f64>,
    /// Of the number of calls.
    pub calls: Option<i128>,
    /// Of the bytes.
    pub bytes: Option<i128>,
    /// Of the mean duration, in µs.
    pub mean_us: Option<f64>,
    /// The other run's mean duration over the first one's.
    pub mean_ratio: Option<f64>,
    /// Whether the mean durations differ by more than the calls of one run do.
    pub welch: Option<Welch>,
}

impl RunNumbers {
    fn of(totals: &LayerTotals) -> Self {
        Self {
            calls: totals.calls,
            time_us: totals.time_us,
            busy_us: totals.busy_us.filter(|_| totals.unknown_calls.unwrap_or(0) == 0),
            bytes: totals.bytes,
            mean_us: totals.mean_us,
            std_us: totals.std_us,
        }
    }

    /// The time by which rows are sorted.
    fn time(&self) -> Option<i128> {
        self.busy_us.map(i128::from).or(self.time_us)
    }
}

/// Compares runs with the first of them, each with its name.
///
/// # Errors
///
/// [`AnalyzeError::OneRun`] if there are not two, [`AnalyzeError::Condition`] if a condition cannot be judged, and
/// those of [`analyze`].
pub fn compare(runs: &[(&str, &Index)], options: &CompareOptions) -> Result<Comparison, AnalyzeError> {
    let [(_, first), _, ..] = runs else { return Err(AnalyzeError::OneRun) };
    let (preset, chosen) = options.preset.choose(&View::new(first, None, Filter::default())?)?;
    let mut analyze_options = AnalyzeOptions {
        preset: preset.into(),
        by: options.by.clone(),
        filter: options.filter.clone(),
        granularity_us: options.granularity_us,
        ..AnalyzeOptions::default()
    };
    if options.threads > 0 {
        analyze_options.threads = options.threads;
    }
    let analyses =
        runs.iter().map(|(_, index)| analyze(index, &analyze_options)).collect::<Result<Vec<_>, AnalyzeError>>()?;
    let conditions = options
        .conditions
        .iter()
        .map(|condition| condition.judge(runs, &analyses, &analyze_options))
        .collect::<Result<_, _>>()?;
    Ok(Comparison {
        format: "dft-comparison/1",
        runs: runs.iter().map(|(name, _)| (*name).to_owned()).collect(),
        preset: chosen,
        by: options.by.as_ref().map_or_else(|| "layer".to_owned(), By::to_string),
        job: row("job".to_owned(), analyses.iter().map(|analysis| Some(job(analysis))).collect()),
        rows: rows(&analyses, options.by.as_ref()),
        conditions,
    })
}

/// Returns the numbers of a job.
fn job(analysis: &Analysis) -> RunNumbers {
    let job = &analysis.job;
    RunNumbers {
        calls: Some(job.calls),
        time_us: Some(job.time_of_calls_us),
        busy_us: Some(job.time_us),
        bytes: job.bytes,
        mean_us: None,
        std_us: None,
    }
}

/// Returns what is compared, by name, in each run.
fn rows(analyses: &[Analysis], by: Option<&By>) -> Vec<ComparedRow> {
    let mut named: BTreeMap<String, Vec<Option<RunNumbers>>> = BTreeMap::new();
    for (run, analysis) in analyses.iter().enumerate() {
        let of_run: Vec<(String, RunNumbers)> = match (by, &analysis.groups) {
            (Some(By::Process), _) => by_rank(analysis),
            (_, Some(groups)) => {
                // Runs start at different times, so cells are named by the time since the first one.
                let first = groups.groups.iter().filter_map(|group| group.start_us).min();
                let name = |name: &String, start: Option<i64>| match start.zip(first) {
                    Some((start, first)) if name.is_empty() => since(start.abs_diff(first)),
                    _ if name.is_empty() => format!("(no {})", groups.by),
                    _ => name.clone(),
                };
                let groups = groups.groups.iter();
                groups.map(|group| (name(&group.name, group.start_us), RunNumbers::of(&group.all))).collect()
            }
            (_, None) => analysis.layers.iter().map(|layer| (layer.title.clone(), of_layer(layer))).collect(),
        };
        for (name, numbers) in of_run {
            named.entry(name).or_insert_with(|| vec![None; analyses.len()])[run] = Some(numbers);
        }
    }
    let mut rows: Vec<ComparedRow> = named.into_iter().map(|(name, runs)| row(name, runs)).collect();
    let most = |row: &ComparedRow| {
        row.changes.iter().filter_map(|change| change.time_us).map(i128::unsigned_abs).max().unwrap_or(0)
    };
    rows.sort_by_key(|row| std::cmp::Reverse(most(row)));
    rows
}

/// Formats a time in seconds, with as many decimals as it has, so that names sort as times do.
fn since(us: u64) -> String {
    let (whole, fraction) = (us / 1_000_000, us % 1_000_000);
    match fraction {
        0 => format!("{whole:>12} s"),
        _ => format!("{whole:>12}.{} s", format!("{fraction:06}").trim_end_matches('0')),
    }
}

fn of_layer(layer: &crate::report::Layer) -> RunNumbers {
    RunNumbers {
        calls: Some(layer.calls),
        time_us: Some(layer.time_us),
        busy_us: layer.busy.as_ref().filter(|_| layer.unknown_calls == 0).map(|busy| busy.any_us),
        bytes: layer.bytes,
        mean_us: layer.duration_us.mean,
        std_us: layer.duration_us.std,
    }
}

/// Returns the processes by rank; those without one by their place on their host, because numbers of processes differ
/// from run to run.
fn by_rank(analysis: &Analysis) -> Vec<(String, RunNumbers)> {
    let mut on_host: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ranks: BTreeMap<i64, usize> = BTreeMap::new();
    let name = |process: &crate::report::ProcessReport, on_host: &mut usize, of_rank: &mut dyn FnMut(i64) -> usize| {
        match process.rank {
            Some(rank) => match of_rank(rank) {
                1 => format!("rank {rank}"),
                number => format!("rank {rank}, process {number}"),
            },
            None => {
                *on_host += 1;
                format!("process {on_host} of {}", process.host)
            }
        }
    };
    let mut named = Vec::new();
    for process in &analysis.processes {
        let place = on_host.entry(&process.host).or_default();
        let mut of_rank = |rank: i64| {
            let number = ranks.entry(rank).or_default();
            *number += 1;
            *number
        };
        named.push((name(process, place, &mut of_rank), RunNumbers::of(&process.all)));
    }
    named
}

/// Returns a row with its changes.
fn row(name: String, mut runs: Vec<Option<RunNumbers>>) -> ComparedRow {
    // Busy time and the sum of durations are different quantities, so all runs show the same one.
    if runs.iter().flatten().any(|numbers| numbers.busy_us.is_none()) {
        runs.iter_mut().flatten().for_each(|numbers| numbers.busy_us = None);
    }
    let none = RunNumbers::default();
    let first = runs.first().and_then(Option::as_ref);
    let changes = runs.iter().skip(1).map(|other| change(first, other.as_ref(), &none)).collect();
    ComparedRow { name, runs, changes }
}

/// Returns the change from one run to another. A run without the row has none of it.
fn change(first: Option<&RunNumbers>, other: Option<&RunNumbers>, none: &RunNumbers) -> Change {
    let zero = |numbers: Option<&RunNumbers>, value: fn(&RunNumbers) -> Option<i128>| match numbers {
        None => Some(0),
        Some(numbers) => value(numbers),
    };
    let difference = |value: fn(&RunNumbers) -> Option<i128>| Some(zero(other, value)? - zero(first, value)?);
    let ratio = |over: Option<f64>, under: Option<f64>| Some(over? / under.filter(|under| *under > 0.0)?);
    let (a, b) = (first.unwrap_or(none), other.unwrap_or(none));
    let float = |value: Option<i128>| value.map(|value| value as f64);
    Change {
        time_us: difference(RunNumbers::time),
        time_ratio: ratio(float(b.time()), float(a.time())),
        calls: difference(|numbers| numbers.calls.and_then(|calls| i128::try_from(calls).ok())),
        bytes: difference(|numbers| numbers.bytes.or(Some(0))),
        mean_us: a.mean_us.zip(b.mean_us).map(|(a, b)| b - a),
        mean_ratio: ratio(b.mean_us, a.mean_us),
        welch: welch::test(a, b),
    }
}
