//! The layers of a report.

use dft_metrics::{IntStats, Sketch, SketchMapping};

use crate::findable::Findable;
use crate::kind::CallKind;
use crate::layer_set::LayerSet;
use crate::report::{Busy, Distribution, Hidden, Imbalance, KindTotals, Layer, Overlap, ProcessTime};
use crate::sums::Sums;

/// The calls of a layer, summed up.
pub(crate) struct LayerSums {
    pub(crate) sums: Sums,
    pub(crate) kinds: Vec<(CallKind, Sums)>,
    /// Whether a process has calls of the layer, by process.
    pub(crate) processes: Vec<bool>,
    /// Whether some intervals stand for several calls.
    has_joined_calls: bool,
}

impl LayerSums {
    /// Sums up the calls of a layer.
    pub(crate) fn of(findable: &Findable<'_>, layer: usize) -> Self {
        let found = findable.found;
        let mut all = Self {
            sums: Sums::default(),
            kinds: CallKind::ALL.map(|kind| (kind, Sums::default())).to_vec(),
            processes: vec![false; found.processes.values.len()],
            has_joined_calls: found
                .times
                .iter()
                .any(|(key, times)| times.has_joined_calls && found.layers.values[key.layers as usize].has(layer)),
        };
        for (key, part) in &found.parts {
            let class = &found.classes.values[key.class as usize];
            if class.layers.has(layer) && part.sums.calls > 0 {
                all.sums.merge(&part.sums);
                if let Some((_, sums)) = all.kinds.iter_mut().find(|(kind, _)| *kind == class.kind) {
                    sums.merge(&part.sums);
                }
                all.processes[key.process as usize] = true;
            }
        }
        all
    }

    /// Returns the sums of some kinds of calls.
    pub(crate) fn of_kinds(&self, wanted: impl Fn(CallKind) -> bool) -> Sums {
        let mut all = Sums::default();
        self.kinds.iter().filter(|(kind, _)| wanted(*kind)).for_each(|(_, sums)| all.merge(sums));
        all
    }
}

/// Returns the bytes of sums; `None` if no call recorded a size.
pub(crate) fn bytes(sums: &Sums) -> Option<i128> {
    (!sums.size.is_empty()).then(|| sums.size.sum())
}

/// Returns the statistics of values, with percentiles if a sketch has all of them.
pub(crate) fn distribution(stats: &IntStats, sketch: Option<&Sketch>, accuracy: Option<f64>) -> Distribution {
    let mapping = accuracy.and_then(SketchMapping::new);
    let sketch = sketch.zip(mapping).filter(|(sketch, _)| !sketch.is_empty() && sketch.count() == stats.n());
    let quantile = |q| sketch.as_ref().and_then(|(sketch, mapping)| sketch.quantile(mapping, q, stats.extent()));
    Distribution {
        n: stats.n(),
        mean: stats.mean(),
        std: stats.std(),
        min: stats.min(),
        max: stats.max(),
        p50: quantile(0.5),
        p95: quantile(0.95),
        p99: quantile(0.99),
    }
}

/// Returns the layers that have calls, or are busy: a call that reaches into the time to analyze counts in the cell of its
/// middle, which may be outside.
pub(crate) fn layers(findable: &Findable<'_>) -> Vec<Layer> {
    (0..findable.preset.layers.len()).filter_map(|at| layer(findable, at)).collect()
}

fn layer(findable: &Findable<'_>, at: usize) -> Option<Layer> {
    let preset = findable.preset;
    let spec = &preset.layers[at];
    let all = LayerSums::of(findable, at);
    let sums = &all.sums;
    if sums.calls == 0 && findable.together.time(|set| set.has(at)) == 0 {
        return None;
    }
    let accuracy = findable.accuracy;
    let sketch = |number: usize| sums.sketches.as_ref().map(|sketches| &sketches[number]);
    let mut kinds: Vec<KindTotals> = all
        .kinds
        .iter()
        .filter(|(_, sums)| sums.calls > 0)
        .map(|(kind, sums)| KindTotals {
            kind: *kind,
            calls: sums.calls,
            time_us: sums.duration.sum(),
            bytes: bytes(sums),
        })
        .collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.time_us));
    Some(Layer {
        name: spec.name.clone(),
        title: spec.title.clone(),
        parent: spec.parent.map(|parent| preset.layers[parent].name.clone()),
        asynchronous: spec.asynchronous,
        compute: preset.compute.contains(&at),
        calls: sums.calls,
        unknown_calls: sums.unknown_calls,
        time_us: sums.duration.sum(),
        duration_us: distribution(&sums.duration, sketch(0), accuracy),
        bytes: bytes(sums),
        size_bytes: (!sums.size.is_empty()).then(|| distribution(&sums.size, sketch(1), accuracy)),
        processes: all.processes.iter().filter(|has| **has).count(),
        files: findable.found.files.by_layer.get(at).copied().unwrap_or(0),
        busy: (sums.calls == 0 || sums.unknown_calls < sums.calls).then(|| busy(findable, at, &all)),
        kinds,
    })
}

fn busy(findable: &Findable<'_>, at: usize, all: &LayerSums) -> Busy {
    let preset = findable.preset;
    let sums = &all.sums;
    let mut children = LayerSet::default();
    (0..preset.layers.len())
        .filter(|child| preset.layers[*child].parent == Some(at))
        .for_each(|child| children.insert(child));
    let times: Vec<u64> = findable.processes.iter().map(|process| process.time(|set| set.has(at))).collect();
    let sum_us: u64 = times.iter().sum();
    let own = |process: &crate::sweep::Durations| process.time(|set| set.has(at) && !set.meets(&children));
    let any_us = findable.together.time(|set| set.has(at));
    let all_known = sums.unknown_calls == 0;
    let in_progress = findable.together.tracks_of(at);
    // Durations count overlapping calls of a row, too, but also what is outside of the time to analyze.
    let calls_us = if all.has_joined_calls { sums.duration.sum() as f64 } else { in_progress.time_us as f64 };
    let ratio = |over: f64, under: f64| if under > 0.0 { over / under } else { 0.0 };
    let of_processes: Vec<(usize, u64)> =
        times.iter().copied().enumerate().filter(|(process, time)| all.processes[*process] || *time > 0).collect();
    Busy {
        any_us,
        share_of_job: ratio(any_us as f64, findable.job_us() as f64),
        sum_us,
        mean_us: ratio(sum_us as f64, of_processes.len() as f64),
        excess_us: sums.excess_us,
        own_us: findable.processes.iter().map(own).sum(),
        calls_in_progress: (all_known && sum_us > 0).then(|| calls_us / sum_us as f64),
        peak_calls_in_progress: all_known.then_some(in_progress.peak),
        peak_is_exact: all_known && !all.has_joined_calls,
        processes_busy: ratio(sum_us as f64, any_us as f64),
        peak_processes_busy: findable.together.peak_processes.get(at).copied().unwrap_or(0),
        bandwidth_bytes_per_s: bytes(sums)
            .filter(|_| all_known && any_us > 0)
            .map(|bytes| bytes as f64 / (any_us as f64 / 1e6)),
        imbalance: imbalance(findable, &of_processes),
        hidden: hidden(findable, at),
    }
}

/// Returns how busy times of processes differ.
fn imbalance(findable: &Findable<'_>, times: &[(usize, u64)]) -> Imbalance {
    let named = |found: Option<&(usize, u64)>| match found {
        Some((process, time_us)) => ProcessTime { process: findable.names.names[*process].clone(), time_us: *time_us },
        None => ProcessTime { process: String::new(), time_us: 0 },
    };
    let n = times.len().max(1) as f64;
    let mean = times.iter().map(|(_, time)| *time as f64).sum::<f64>() / n;
    let variance = times.iter().map(|(_, time)| (*time as f64 - mean).powi(2)).sum::<f64>() / n;
    // Among equal times, the first process in the order of the report.
    let place = |process: usize| findable.names.order.iter().position(|at| *at == process);
    let most = times.iter().max_by_key(|(process, time)| (*time, std::cmp::Reverse(place(*process))));
    let least = times.iter().min_by_key(|(process, time)| (*time, place(*process)));
    let over_mean = |value: f64| if mean > 0.0 { value / mean } else { 0.0 };
    Imbalance {
        max_over_mean: if mean > 0.0 { over_mean(most.map_or(0.0, |(_, time)| *time as f64)) } else { 1.0 },
        coefficient_of_variation: over_mean(variance.sqrt()),
        most: named(most),
        least: named(least),
    }
}

/// Returns the layers that are compute, as a set.
pub(crate) fn compute(findable: &Findable<'_>) -> LayerSet {
    let mut compute = LayerSet::default();
    findable.preset.compute.iter().for_each(|layer| compute.insert(*layer));
    compute
}

fn hidden(findable: &Findable<'_>, at: usize) -> Option<Hidden> {
    let preset = findable.preset;
    let compute = compute(findable);
    let has_compute = findable.together.time(|set| set.meets(&compute)) > 0;
    let is_around = |inner: &usize| *inner == at || preset.encloses(at, *inner);
    if !has_compute || preset.compute.iter().any(is_around) {
        return None;
    }
    let sum = |holds: &dyn Fn(LayerSet) -> bool| findable.processes.iter().map(|process| process.time(holds)).sum();
    Some(Hidden {
        same_process_us: sum(&|set| set.has(at) && set.meets(&compute)),
        exposed_us: sum(&|set| set.has(at) && !set.meets(&compute)),
        any_process_us: findable.together.time(|set| set.has(at) && set.meets(&compute)),
        exposed_any_process_us: findable.together.time(|set| set.has(at) && !set.meets(&compute)),
    })
}

/// Returns the pairs of layers that were busy at the same time, unless one encloses the other.
pub(crate) fn overlaps(findable: &Findable<'_>) -> Vec<Overlap> {
    let preset = findable.preset;
    let mut overlaps = Vec::new();
    for a in 0..preset.layers.len() {
        for b in a + 1..preset.layers.len() {
            if preset.encloses(a, b) || preset.encloses(b, a) {
                continue;
            }
            let any_process_us = findable.together.time(|set| set.has(a) && set.has(b));
            if any_process_us > 0 {
                overlaps.push(Overlap {
                    a: preset.layers[a].name.clone(),
                    b: preset.layers[b].name.clone(),
                    same_process_us: findable
                        .processes
                        .iter()
                        .map(|process| process.time(|set| set.has(a) && set.has(b)))
                        .sum(),
                    any_process_us,
                });
            }
        }
    }
    overlaps
}
