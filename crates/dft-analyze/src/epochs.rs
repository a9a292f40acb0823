//! Epochs: the calls of the preset's epoch layer, as windows of time.

use dft_codec::Interval;

use crate::busy::Tracks;
use crate::findable::Findable;
use crate::group::{group, layer_times};
use crate::intervals::unite;
use crate::job::Times;
use crate::layers::compute;
use crate::report::{Epoch, EpochLayer, Group};
use crate::sweep::BusyTracks;

/// The epochs of a process, in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProcessEpochs {
    pub(crate) epochs: Vec<Interval>,
}

/// Returns the epochs of each process.
pub(crate) fn process_epochs(findable: &Findable<'_>) -> Vec<ProcessEpochs> {
    let found = findable.found;
    let mut all = vec![ProcessEpochs::default(); found.processes.values.len()];
    if let Some(layer) = findable.preset.epoch {
        for (key, times) in &found.times {
            if found.layers.values[key.layers as usize].has(layer) {
                all[key.process as usize].epochs.extend(&times.intervals);
            }
        }
    }
    all.iter_mut().for_each(|process| unite(&mut process.epochs));
    all
}

/// The epochs of the job: from the first start in any process to the last end.
fn of_job(epochs: &[ProcessEpochs]) -> Vec<Interval> {
    let most = epochs.iter().map(|process| process.epochs.len()).max().unwrap_or(0);
    let number = |at: usize| {
        let of_processes = epochs.iter().filter_map(|process| process.epochs.get(at));
        of_processes.copied().reduce(|a, b| Interval { start: a.start.min(b.start), end: a.end.max(b.end) })
    };
    (0..most).filter_map(number).collect()
}

/// Returns the times between the windows of a process: epoch n is window 2n + 1.
fn edges(own: &[Interval], of_job: &[Interval]) -> Vec<i64> {
    if !own.is_empty() {
        return own.iter().flat_map(|epoch| [epoch.start, epoch.end]).collect();
    }
    // A process without epochs has those of the job, each up to the next one's start.
    let next = of_job.iter().skip(1).map(|epoch| epoch.start).chain([i64::MAX]);
    of_job.iter().zip(next).flat_map(|(epoch, next)| [epoch.start, epoch.end.min(next)]).collect()
}

/// Returns the epochs of the job.
pub(crate) fn epochs(
    findable: &Findable<'_>,
    tracks: &Tracks<'_>,
    epochs: &[ProcessEpochs],
    threads: usize,
) -> Vec<Epoch> {
    let job = of_job(epochs);
    if job.is_empty() {
        return Vec::new();
    }
    let layers = findable.all();
    let compute = compute(findable);
    let durations = tracks.by_process_of(layers, threads, |process| edges(&epochs[process as usize].epochs, &job));
    let of_number = |number: usize| {
        let window = 2 * number as u32 + 1;
        let lengths: Vec<u64> =
            epochs.iter().filter_map(|process| process.epochs.get(number)).map(|epoch| epoch.length_us()).collect();
        let layers = (0..layers).filter_map(|layer| {
            let sum = |hidden: bool| -> u64 {
                let holds = |set: crate::layer_set::LayerSet| set.has(layer) && (!hidden || set.meets(&compute));
                durations.iter().map(|process| process.time_in(window, holds)).sum()
            };
            let busy_sum_us = sum(false);
            let layer = findable.preset.layers[layer].name.clone();
            (busy_sum_us > 0).then(|| EpochLayer { layer, busy_sum_us, hidden_us: sum(true) })
        });
        Epoch {
            number,
            start_us: job[number].start,
            end_us: job[number].end,
            processes: lengths.len(),
            mean_us: lengths.iter().sum::<u64>() as f64 / lengths.len().max(1) as f64,
            max_us: lengths.iter().copied().max().unwrap_or(0),
            layers: layers.collect(),
        }
    };
    (0..job.len()).map(of_number).collect()
}

/// Returns the epochs as groups. They have busy times only: rows do not say in which epoch their calls were.
pub(crate) fn epoch_groups(
    findable: &Findable<'_>,
    tracks: &Tracks<'_>,
    epochs: &[ProcessEpochs],
    threads: usize,
) -> Vec<Group> {
    let job = of_job(epochs);
    let layers = findable.all() + 1;
    let mut by_process = crate::sweep::Durations::default();
    let durations = tracks.by_process_of(layers, threads, |process| edges(&epochs[process as usize].epochs, &job));
    durations.iter().for_each(|process| by_process.merge(process));
    let sum = layer_times(&by_process, layers);
    let mut known = vec![true; layers];
    for (key, _) in findable.found.parts.iter().filter(|(_, part)| part.sums.unknown_calls > 0) {
        let of_part = findable.found.classes.values[key.class as usize].layers;
        of_part.iter().filter(|layer| *layer < layers).for_each(|layer| known[layer] = false);
    }
    let number = |(number, epoch): (usize, &Interval)| {
        let together = tracks.together_within(layers, *epoch);
        let times = |layer: usize| Times {
            any_us: together.time(|set| set.has(layer)),
            sum_us: sum.get(&(2 * number as u32 + 1)).map_or(0, |times| times[layer]),
            calls: known[layer].then(|| BusyTracks {
                peak: together.tracks_of(layer).peak,
                time_us: by_process.tracks_in(2 * number as u32 + 1, layer).time_us,
            }),
        };
        group(findable, number.to_string(), Some(epoch.start), None, times)
    };
    job.iter().enumerate().map(number).collect()
}
