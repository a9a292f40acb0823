//! Collects what a report shows.

use std::collections::HashSet;

use ahash::RandomState;
use dft_aggregate::IoCategory;
use dft_analyze::{Analysis, AnalyzeOptions, PresetChoice, analyze};
use dft_export::View;
use dft_io::Show;
use dft_metrics::SketchMapping;

use crate::calls::{Calls, KindSums};
use crate::data::{FunctionRow, HeatLayer, HeatMap, Job, Kind, Layer, ProcessRow, ReportData, TimeSeries, Timeline};
use crate::error::ReportError;
use crate::job::{KnownJob, faults, job};
use crate::plan::Plan;
use crate::sums::Sums;
use crate::telemetry::telemetry;
use crate::text::shortened;

/// The most categories and kinds of I/O on a timeline.
const MOST_SERIES: usize = 16;

/// The most epochs and overlaps of layers that a page has.
const MOST_EPOCHS: usize = 200;
const MOST_OVERLAPS: usize = 100;

/// The longest text of a finding, in characters.
const LONGEST_TEXT: usize = 500;

/// The most processes with the most time that a page lists.
const MOST_PROCESSES: usize = 500;

/// The most functions that a page lists.
const MOST_FUNCTIONS: usize = 200;

/// The longest description of a filter, in characters.
const LONGEST_FILTER: usize = 2000;

/// The longest name of a category or function, in characters.
const LONGEST_NAME: usize = 160;

impl ReportData {
    /// Collects what a report on a view shows, on up to `threads` threads. Layers are those of the preset.
    ///
    /// # Errors
    ///
    /// [`ReportError::TooLarge`] if a sum does not fit 64 bits. Also fails if the index cannot be read.
    pub fn of(view: &View<'_>, preset: PresetChoice, threads: usize) -> Result<Self, ReportError> {
        let options = AnalyzeOptions { preset, filter: view.filter().clone(), threads, ..AnalyzeOptions::default() };
        // Both read all rows, and each waits now and then for one of its threads.
        std::thread::scope(|scope| {
            let analyze = || analyze(view.index(), &options);
            let other = std::thread::Builder::new().spawn_scoped(scope, analyze);
            let KnownJob { job, ranks, span } = job(view)?;
            let mut plan = Plan::of(view, &ranks, span)?;
            let mut calls = Calls::read(view, &plan, threads)?;
            if calls.is_outside {
                // Traces do not state the times of all processes.
                drop(calls);
                plan = Plan::of(view, &ranks, None)?;
                calls = Calls::read(view, &plan, threads)?;
            }
            let analysis = match other.map(|other| other.join()) {
                Ok(Ok(analysis)) => analysis?,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // Without another thread, one after the other.
                Err(_) => analyze()?,
            };
            Self::of_calls(view, shown(analysis), job, &plan, calls)
        })
    }

    fn of_calls(
        view: &View<'_>,
        analysis: Analysis,
        mut job: Job,
        plan: &Plan,
        mut calls: Calls<'_>,
    ) -> Result<Self, ReportError> {
        let mapping = plan.mapping.as_ref();
        let origin = |time: i64| time.saturating_sub_unsigned(view.origin());
        let spans = calls.processes.iter().filter_map(|process| process.span);
        let span = spans.reduce(|(first, last), (a, b)| (first.min(a), last.max(b)));
        job.first_us = span.map(|(first, _)| origin(first));
        job.last_us = span.map(|(_, last)| origin(last));
        let called: Vec<usize> =
            (0..plan.processes.len()).filter(|&number| calls.processes[number].span.is_some()).collect();
        job.processes = called.len();
        job.hosts = called.iter().map(|&number| &plan.processes.values[number].0).collect::<HashSet<_>>().len();
        job.threads = calls.threads.iter().map(|(_, thread)| thread).collect::<HashSet<_>>().len();
        let all = calls.processes.iter().fold(Sums::default(), |mut all, process| {
            all.add(&process.all);
            all
        });
        job.calls = all.totals("calls")?.calls;
        let files = std::mem::take(&mut calls.files).finish()?;
        job.files = files.count;
        let (telemetry, more_telemetry) = telemetry(view, &plan.bins)?;
        let (faults, more_faults) = faults(view.index())?;
        let (processes, more_processes) = process_rows(plan, &calls, origin)?;
        let (functions, more_functions) = function_rows(plan, &calls, mapping)?;
        Ok(Self {
            title: format!("{}", view.index().path().shown()),
            version: env!("CARGO_PKG_VERSION"),
            filter: view.filter().described().map(|filter| shortened(&filter, LONGEST_FILTER)),
            analysis,
            job,
            faults,
            more_faults,
            layers: layers(plan, &calls, mapping)?,
            io_layer: plan.io_layer.map(|number| plan.categories.values[number as usize].clone()),
            timeline: timeline(plan, &calls, view.origin())?,
            telemetry,
            more_telemetry,
            heat_map: heat_map(plan, &mut calls, view.origin())?,
            processes,
            more_processes,
            files,
            functions,
            more_functions,
        })
    }
}

/// Returns the part of an analysis that a page shows.
fn shown(mut analysis: Analysis) -> Analysis {
    analysis.processes.clear();
    analysis.epochs.truncate(MOST_EPOCHS);
    analysis.overlaps.sort_by_key(|overlap| std::cmp::Reverse(overlap.same_process_us.max(overlap.any_process_us)));
    analysis.overlaps.truncate(MOST_OVERLAPS);
    for finding in &mut analysis.findings.found {
        finding.text = shortened(&finding.text, LONGEST_TEXT);
        finding.place = finding.place.as_ref().map(|place| shortened(place, LONGEST_TEXT));
    }
    for layer in &mut analysis.layers {
        layer.title = shortened(&layer.title, LONGEST_NAME);
    }
    analysis
}

/// Returns the categories with their kinds of I/O, those with most time first.
fn layers(plan: &Plan, calls: &Calls<'_>, mapping: Option<&SketchMapping>) -> Result<Vec<Layer>, ReportError> {
    let mut layers = Vec::new();
    for (number, category) in plan.categories.values.iter().enumerate() {
        let number = number as u32;
        let mut kinds: Vec<(IoCategory, &KindSums)> =
            calls.kinds.iter().filter(|((of, _), _)| *of == number).map(|((_, kind), sums)| (*kind, sums)).collect();
        if kinds.is_empty() {
            continue;
        }
        kinds.sort_by_key(|(kind, sums)| (std::cmp::Reverse(sums.sums.time_us), *kind as u8));
        let mut all = Sums::default();
        kinds.iter().for_each(|(_, sums)| all.add(&sums.sums));
        let threads: Vec<u32> =
            calls.threads.iter().filter(|(of, _)| *of == number).map(|(_, thread)| *thread).collect();
        let of_thread = |thread: &u32| plan.threads.values[*thread as usize].0;
        layers.push(Layer {
            category: shortened(category, LONGEST_NAME),
            totals: all.totals("calls of a category")?,
            processes: threads.iter().map(of_thread).collect::<HashSet<u32, RandomState>>().len(),
            threads: threads.len(),
            kinds: kinds
                .into_iter()
                .map(|(kind, sums)| {
                    Ok(Kind {
                        kind: kind.name(),
                        totals: sums.sums.totals("calls of a kind of I/O")?,
                        durations: sums.durations.finish(mapping)?,
                        sizes: sums.sizes.finish(mapping)?,
                    })
                })
                .collect::<Result<_, ReportError>>()?,
        });
    }
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.totals.time_us));
    Ok(layers)
}

fn timeline(plan: &Plan, calls: &Calls<'_>, origin: u64) -> Result<Timeline, ReportError> {
    let mut kinds: Vec<(&(u32, IoCategory), &KindSums)> = calls.kinds.iter().collect();
    kinds.sort_by_key(|((category, kind), sums)| (std::cmp::Reverse(sums.sums.time_us), *category, *kind as u8));
    // The kinds of the I/O layer are always shown.
    kinds.sort_by_key(|((category, _), _)| Some(*category) != plan.io_layer);
    kinds.truncate(MOST_SERIES);
    let series = kinds.into_iter().map(|((category, kind), sums)| {
        let time = sums.time.clone().check("calls in a bin of time")?;
        let category = shortened(&plan.categories.values[*category as usize], LONGEST_NAME);
        Ok(TimeSeries { category, kind: kind.name(), calls: time.calls, time_us: time.time_us, bytes: time.bytes })
    });
    let series = series.collect::<Result<_, ReportError>>()?;
    let bins = &plan.bins;
    Ok(Timeline { start_us: bins.start.saturating_sub(origin), bin_us: bins.length, bins: bins.count, series })
}

fn heat_map(plan: &Plan, calls: &mut Calls<'_>, origin: u64) -> Result<HeatMap, ReportError> {
    let bins = &plan.heat.bins;
    let mut layers = Vec::new();
    for (heat, &category) in calls.heat.iter_mut().zip(&plan.heat.layers) {
        let heat = heat.clone().check("calls in a cell of the heat map")?;
        let category = shortened(&plan.categories.values[category as usize], LONGEST_NAME);
        layers.push(HeatLayer { category, calls: heat.calls, time_us: heat.time_us, bytes: heat.bytes });
    }
    Ok(HeatMap {
        start_us: bins.start.saturating_sub(origin),
        bin_us: bins.length,
        bins: bins.count,
        rows: plan.heat_rows(),
        layers,
    })
}

/// Returns the processes with the most time, in the order of ranks, and how many are left out.
fn process_rows(
    plan: &Plan,
    calls: &Calls<'_>,
    origin: impl Fn(i64) -> i64,
) -> Result<(Vec<ProcessRow>, usize), ReportError> {
    let mut shown: Vec<(usize, u32, (i64, i64))> = Vec::new();
    for (place, &number) in plan.order.iter().enumerate() {
        if let Some(span) = calls.processes[number as usize].span {
            shown.push((place, number, span));
        }
    }
    let more = shown.len().saturating_sub(MOST_PROCESSES);
    if more > 0 {
        shown.sort_by_key(|(_, number, _)| {
            let process = &calls.processes[*number as usize];
            std::cmp::Reverse((process.io.time_us, process.all.time_us))
        });
        shown.truncate(MOST_PROCESSES);
        shown.sort_unstable();
    }
    let rows = shown.into_iter().map(|(_, number, (first, last))| {
        let (known, sums) = (&plan.known[number as usize], &calls.processes[number as usize]);
        Ok(ProcessRow {
            host: shortened(&known.host, LONGEST_NAME),
            pid: known.pid,
            rank: known.rank,
            io: sums.io.totals("calls of a process")?,
            all: sums.all.totals("calls of a process")?,
            first_us: origin(first),
            last_us: origin(last),
        })
    });
    Ok((rows.collect::<Result<_, ReportError>>()?, more))
}

/// Returns the functions with the most time, and how many are left out.
fn function_rows(
    plan: &Plan,
    calls: &Calls<'_>,
    mapping: Option<&SketchMapping>,
) -> Result<(Vec<FunctionRow>, usize), ReportError> {
    let mut called: Vec<(u32, &Sums)> = Vec::new();
    for (number, sums) in (0..).zip(&calls.functions) {
        if let Some((sums, _)) = sums {
            called.push((number, sums));
        }
    }
    called.sort_by_key(|(number, sums)| (std::cmp::Reverse(sums.time_us), *number));
    let more = called.len().saturating_sub(MOST_FUNCTIONS);
    called.truncate(MOST_FUNCTIONS);
    let mut rows = Vec::new();
    for (number, sums) in called {
        let Some((_, values)) = &calls.functions[number as usize] else { continue };
        let (category, name) = &plan.functions.values[number as usize];
        let times = calls.spread.iter().filter(|((function, _), _)| *function == number).map(|(_, time)| *time);
        let (processes, most) = times.fold((0_usize, 0), |(count, most), time| (count + 1, most.max(time)));
        let stats = values.stats();
        rows.push(FunctionRow {
            category: shortened(&plan.categories.values[*category as usize], LONGEST_NAME),
            function: shortened(name, LONGEST_NAME),
            kind: IoCategory::of(name).name(),
            totals: sums.totals("calls of a function")?,
            mean_us: stats.mean(),
            std_us: stats.std(),
            min_us: stats.min(),
            max_us: stats.max(),
            quantiles: values.quantiles(mapping),
            processes,
            imbalance: (sums.time_us > 0 && processes > 0)
                .then(|| most as f64 * processes as f64 / sums.time_us as f64),
        });
    }
    Ok((rows, more))
}
