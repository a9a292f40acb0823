//! The job and its processes.

use std::collections::BTreeSet;

use dft_aggregate::Config;

use crate::findable::{Findable, why_unknown};
use crate::layers::{LayerSums, bytes};
use crate::report::{Job, LayerTotals, ProcessReport};
use crate::sums::Sums;
use crate::sweep::BusyTracks;

/// Returns the job as a whole.
pub(crate) fn job(findable: &Findable<'_>, config: &Config) -> Job {
    let found = findable.found;
    let all = LayerSums::of(findable, findable.all());
    let sums = &all.sums;
    let with_calls = || found.processes.values.iter().zip(&found.facts).zip(&all.processes).filter(|(_, has)| **has);
    let (start_us, end_us) = findable.span.unwrap_or((0, 0));
    let hosts: BTreeSet<_> = with_calls().map(|((key, _), _)| &key.host_hash).filter(|host| !host.is_empty()).collect();
    let ranks: BTreeSet<_> = with_calls().filter_map(|((_, facts), _)| facts.rank).collect();
    let busy_us = findable.together.time(|set| set.has(findable.all()));
    // A call that reaches into the time to analyze may count outside of it.
    let is_known = sums.unknown_calls < sums.calls || (sums.calls == 0 && busy_us > 0);
    Job {
        start_us,
        end_us,
        time_us: findable.job_us(),
        hosts: hosts.len(),
        processes: with_calls().count(),
        ranks: ranks.len(),
        threads: found.threads.len(),
        files: found.files.files,
        calls: sums.calls,
        aggregated_calls: sums.aggregated_calls,
        unknown_calls: sums.unknown_calls,
        time_of_calls_us: sums.duration.sum(),
        busy_us: is_known.then_some(busy_us),
        bytes: bytes(sums),
        unknown_because: why_unknown(config, sums.aggregated_calls, sums.calls).filter(|_| sums.calls > 0),
    }
}

/// When calls of a layer were in progress.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// The time in which any process was busy, in µs.
    pub(crate) any_us: u64,
    /// The sum of the processes' busy times.
    pub(crate) sum_us: u64,
    /// The calls in progress in all processes together, if that is known of all calls.
    pub(crate) calls: Option<BusyTracks>,
}

/// Returns what sums and times add up to.
pub(crate) fn totals(layer: &str, sums: Option<&Sums>, times: Times) -> LayerTotals {
    let known = sums.is_none_or(|sums| sums.calls == 0 || sums.unknown_calls < sums.calls);
    let calls = times.calls.filter(|_| sums.is_none_or(|sums| sums.unknown_calls == 0));
    LayerTotals {
        layer: layer.to_owned(),
        calls: sums.map(|sums| sums.calls),
        unknown_calls: sums.map(|sums| sums.unknown_calls),
        time_us: sums.map(|sums| sums.duration.sum()),
        mean_us: sums.and_then(|sums| sums.duration.mean()),
        std_us: sums.and_then(|sums| sums.duration.std()),
        bytes: sums.and_then(bytes),
        busy_us: known.then_some(times.any_us),
        busy_sum_us: known.then_some(times.sum_us),
        calls_in_progress: calls.filter(|_| times.sum_us > 0).map(|calls| calls.time_us as f64 / times.sum_us as f64),
        peak_calls_in_progress: calls.map(|calls| calls.peak),
    }
}

/// Returns the processes that have calls.
pub(crate) fn processes(findable: &Findable<'_>) -> Vec<ProcessReport> {
    let found = findable.found;
    let layers = findable.preset.layers.len() + 1;
    let mut sums: Vec<Vec<Sums>> = vec![vec![Sums::default(); layers]; found.processes.values.len()];
    for (key, part) in &found.parts {
        let class = &found.classes.values[key.class as usize];
        for layer in class.layers.iter().filter(|layer| *layer < layers) {
            sums[key.process as usize][layer].merge(&part.sums);
        }
    }
    let process = |at: usize| {
        let (key, facts) = (&found.processes.values[at], &found.facts[at]);
        let all = &sums[at][layers - 1];
        if all.calls == 0 {
            return None;
        }
        let busy = |layer: usize| findable.processes[at].time(|set| set.has(layer));
        let times = |layer: usize| Times {
            any_us: busy(layer),
            sum_us: busy(layer),
            calls: Some(findable.processes[at].tracks_of(layer)),
        };
        let totals = |layer: usize, name: &str| totals(name, Some(&sums[at][layer]), times(layer));
        let with_calls = (0..layers - 1).filter(|layer| sums[at][*layer].calls > 0);
        let span = facts.span.1.abs_diff(facts.span.0);
        Some(ProcessReport {
            name: findable.names.names[at].clone(),
            host: findable.names.hosts[at].clone(),
            pid: key.pid,
            rank: facts.rank,
            start_us: facts.span.0,
            end_us: facts.span.1,
            idle_us: (all.unknown_calls == 0).then(|| span.saturating_sub(busy(layers - 1))),
            all: totals(layers - 1, ""),
            layers: with_calls.map(|layer| totals(layer, &findable.preset.layers[layer].name)).collect(),
        })
    };
    findable.names.order.iter().filter_map(|at| process(*at)).collect()
}
