//! Sweeps over intervals of time: when which layers are busy.
//!
//! A sweep walks the starts and ends of many lists of disjoint intervals in order of time. Between two of them, a set of
//! layers is busy; the sweep adds up how long each set is. Busy times, times of a layer's own and overlaps of any two
//! layers all follow from these sums.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashMap};

use ahash::RandomState;
use dft_codec::Interval;

use crate::layer_set::LayerSet;

/// Disjoint intervals of one process, in order. The same layers are busy throughout an interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Track<'a> {
    pub(crate) intervals: &'a [Interval],
    /// The number of the process.
    pub(crate) process: u32,
    /// The layers.
    pub(crate) layers: LayerSet,
}

/// How long which layers were busy at the same time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durations {
    /// By window and set of layers, in µs. Times without a busy layer are left out.
    pub(crate) by_set: HashMap<(u32, LayerSet), u64, RandomState>,
    /// The most processes that were busy at once in each layer.
    pub(crate) peak_processes: Vec<u32>,
}

impl Durations {
    /// Returns the time in which a condition holds for the set of busy layers, in µs.
    pub(crate) fn time(&self, holds: impl Fn(LayerSet) -> bool) -> u64 {
        self.by_set.iter().filter(|((_, set), _)| holds(*set)).map(|(_, time)| time).sum()
    }

    /// Returns the same for one window.
    pub(crate) fn time_in(&self, window: u32, holds: impl Fn(LayerSet) -> bool) -> u64 {
        self.by_set.iter().filter(|((of, set), _)| *of == window && holds(*set)).map(|(_, time)| time).sum()
    }

    /// Adds the durations of another time or of other processes.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, time) in &other.by_set {
            *self.by_set.entry(*key).or_default() += time;
        }
        self.peak_processes.resize(self.peak_processes.len().max(other.peak_processes.len()), 0);
        for (mine, theirs) in self.peak_processes.iter_mut().zip(&other.peak_processes) {
            *mine = (*mine).max(*theirs);
        }
    }
}

/// Puts intervals in order and joins those that overlap or touch.
pub(crate) fn unite(intervals: &mut Vec<Interval>) {
    if intervals.windows(2).all(|pair| pair[0].end < pair[1].start) {
        return;
    }
    // Intervals of a series are in order, and a stable sort merges such runs.
    intervals.sort();
    let mut kept = 0;
    for at in 1..intervals.len() {
        let next = intervals[at];
        let last = &mut intervals[kept];
        if next.start <= last.end {
            last.end = last.end.max(next.end);
        } else {
            kept += 1;
            intervals[kept] = next;
        }
    }
    intervals.truncate(kept + 1);
}

/// Returns the part of ordered, disjoint intervals within a range of time.
pub(crate) fn clipped(intervals: &[Interval], range: Interval) -> impl Iterator<Item = Interval> + '_ {
    let first = intervals.partition_point(|interval| interval.end <= range.start);
    intervals[first..]
        .iter()
        .take_while(move |interval| interval.start < range.end)
        .map(move |interval| Interval { start: interval.start.max(range.start), end: interval.end.min(range.end) })
        .filter(|interval| interval.start < interval.end)
}

/// The busy layers of all processes, as the sweep advances.
struct Busy {
    /// How many tracks of a process have a layer busy, by process and layer.
    tracks: Vec<u32>,
    /// How many processes have a layer busy.
    processes: Vec<u32>,
    peak: Vec<u32>,
    set: LayerSet,
    layers: usize,
}

impl Busy {
    fn start(&mut self, track: &Track<'_>) {
        for layer in track.layers.iter() {
            let tracks = &mut self.tracks[track.process as usize * self.layers + layer];
            *tracks += 1;
            if *tracks == 1 {
                let processes = &mut self.processes[layer];
                *processes += 1;
                self.peak[layer] = self.peak[layer].max(*processes);
                if *processes == 1 {
                    self.set.insert(layer);
                }
            }
        }
    }

    fn end(&mut self, track: &Track<'_>) {
        for layer in track.layers.iter() {
            let tracks = &mut self.tracks[track.process as usize * self.layers + layer];
            *tracks -= 1;
            if *tracks == 0 {
                let processes = &mut self.processes[layer];
                *processes -= 1;
                if *processes == 0 {
                    self.set.remove(layer);
                }
            }
        }
    }
}

/// Adds up how long which of `layers` layers are busy in any process. `edges` are the ascending times between windows,
/// which are counted from 0. Without edges, there is one window.
pub(crate) fn sweep(tracks: &[Track<'_>], layers: usize, edges: &[i64]) -> Durations {
    let processes = tracks.iter().map(|track| track.process as usize + 1).max().unwrap_or(0);
    let mut busy = Busy {
        tracks: vec![0; processes * layers],
        processes: vec![0; layers],
        peak: vec![0; layers],
        set: LayerSet::default(),
        layers,
    };
    let mut sums = WindowSums { edges, window: 0, sums: HashMap::default(), last: None };
    // Ends come before starts of the same time.
    let mut heap: BinaryHeap<Reverse<(i64, bool, u32, u32)>> = tracks
        .iter()
        .zip(0..)
        .filter_map(|(track, number)| track.intervals.first().map(|first| Reverse((first.start, true, number, 0))))
        .collect();
    let mut now = i64::MIN;
    while let Some(mut next) = heap.peek_mut() {
        let Reverse((time, is_start, number, at)) = *next;
        let track = &tracks[number as usize];
        if time > now {
            sums.add(now, time, busy.set);
            now = time;
        }
        if is_start {
            busy.start(track);
            *next = Reverse((track.intervals[at as usize].end, false, number, at));
        } else {
            busy.end(track);
            match track.intervals.get(at as usize + 1) {
                Some(interval) => *next = Reverse((interval.start, true, number, at + 1)),
                None => drop(PeekMut::pop(next)),
            }
        }
    }
    Durations { by_set: sums.finish(), peak_processes: busy.peak }
}

/// Sums by window and set of layers. The last key is kept apart, as it mostly is the next one, too.
struct WindowSums<'e> {
    edges: &'e [i64],
    window: usize,
    sums: HashMap<(u32, LayerSet), u64, RandomState>,
    last: Option<((u32, LayerSet), u64)>,
}

impl WindowSums<'_> {
    /// Adds a time with the same busy layers.
    fn add(&mut self, mut start: i64, end: i64, set: LayerSet) {
        if set.is_empty() {
            return;
        }
        while let Some(&edge) = self.edges.get(self.window).filter(|edge| **edge < end) {
            if edge > start {
                self.add_within(edge.abs_diff(start), set);
                start = edge;
            }
            self.window += 1;
        }
        self.add_within(end.abs_diff(start), set);
    }

    fn add_within(&mut self, time: u64, set: LayerSet) {
        let key = (self.window as u32, set);
        match &mut self.last {
            Some((last, sum)) if *last == key => *sum += time,
            _ => {
                if let Some((last, sum)) = self.last.replace((key, time)) {
                    *self.sums.entry(last).or_default() += sum;
                }
            }
        }
    }

    fn finish(mut self) -> HashMap<(u32, LayerSet), u64, RandomState> {
        if let Some((last, sum)) = self.last.take() {
            *self.sums.entry(last).or_default() += sum;
        }
        self.sums
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Intervals of calls: process, layers, start and length.
    type Calls = Vec<(u32, Vec<usize>, i64, i64)>;

    const LAYERS: usize = 4;

    fn calls() -> impl Strategy<Value = Calls> {
        let layers = prop::collection::vec(0..LAYERS, 0..3);
        prop::collection::vec((0_u32..3, layers, 0_i64..120, 0_i64..40), 0..40)
    }

    fn set_of(layers: &[usize]) -> LayerSet {
        let mut set = LayerSet::default();
        layers.iter().for_each(|&layer| set.insert(layer));
        set
    }

    proptest! {
        #[test]
        fn a_sweep_is_what_looking_at_every_microsecond_gives(
            calls in calls(), mut edges in prop::collection::vec(0_i64..170, 0..4),
        ) {
            edges.sort_unstable();
            edges.dedup();
            let mut lists: HashMap<(u32, LayerSet), Vec<Interval>> = HashMap::new();
            for (process, layers, start, length) in calls.iter().filter(|call| call.3 > 0) {
                let list = lists.entry((*process, set_of(layers))).or_default();
                list.push(Interval { start: *start, end: start + length });
            }
            lists.values_mut().for_each(unite);
            let tracks: Vec<Track<'_>> = lists
                .iter()
                .map(|((process, layers), intervals)| Track { intervals, process: *process, layers: *layers })
                .collect();
            let found = sweep(&tracks, LAYERS, &edges);
            let mut wanted: HashMap<(u32, LayerSet), u64> = HashMap::new();
            let mut peak = vec![0; LAYERS];
            for at in 0..170 {
                let mut busy = vec![std::collections::BTreeSet::new(); LAYERS];
                for (process, layers, start, length) in &calls {
                    if *start <= at && at < start + length {
                        for layer in layers {
                            busy[*layer].insert(*process);
                        }
                    }
                }
                let set = set_of(&(0..LAYERS).filter(|layer| !busy[*layer].is_empty()).collect::<Vec<_>>());
                if !set.is_empty() {
                    let window = edges.iter().filter(|edge| **edge <= at).count();
                    *wanted.entry((window as u32, set)).or_default() += 1;
                }
                for (peak, busy) in peak.iter_mut().zip(&busy) {
                    *peak = (*peak).max(busy.len() as u32);
                }
            }
            prop_assert_eq!(found.by_set.into_iter().collect::<HashMap<_, _>>(), wanted);
            prop_assert_eq!(found.peak_processes, peak);
        }

        #[test]
        fn clipping_keeps_what_is_within(
            mut list in prop::collection::vec((0_i64..100, 1_i64..20), 0..20), start in 0_i64..120, length in 0_i64..60,
        ) {
            let mut intervals: Vec<Interval> =
                list.drain(..).map(|(start, length)| Interval { start, end: start + length }).collect();
            unite(&mut intervals);
            let range = Interval { start, end: start + length };
            let inside = |list: &[Interval], at: i64| list.iter().any(|part| part.start <= at && at < part.end);
            let found: Vec<Interval> = clipped(&intervals, range).collect();
            for at in 0..200 {
                prop_assert_eq!(inside(&found, at), inside(&intervals, at) && inside(&[range], at));
            }
            prop_assert!(found.iter().all(|part| part.start < part.end));
        }
    }
}
