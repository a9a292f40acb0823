//! Busy times of processes and of the job.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use dft_codec::Interval;

use crate::collect::{CallTimes, Collected};
use crate::intervals::{clipped, unite_by_depth};
use crate::sweep::{Durations, Track, sweep, sweep_each};

/// Works on items on up to `threads` threads, and returns the results in the order of the items.
pub(crate) fn in_parallel<I: Send, R: Send>(items: Vec<I>, threads: usize, work: impl Fn(I) -> R + Sync) -> Vec<R> {
    let threads = threads.min(items.len());
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let next = Mutex::new(items.into_iter().enumerate());
    let run = || {
        let mut done = Vec::new();
        while let Some((at, item)) = next.lock().ok().and_then(|mut next| next.next()) {
            done.push((at, work(item)));
        }
        done
    };
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut all = run();
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Puts the times of all calls in order.
pub(crate) fn unite_all(found: &mut Collected, threads: usize) {
    let unite = |times: &mut CallTimes| times.deeper = unite_by_depth(&mut times.intervals);
    in_parallel(found.times.values_mut().collect(), threads, unite);
}

/// The tracks of all calls, by process.
pub(crate) struct Tracks<'f> {
    all: Vec<Track<'f>>,
    /// The tracks of each process, in `all`.
    processes: Vec<std::ops::Range<usize>>,
}

impl<'f> Tracks<'f> {
    /// Returns tracks. At any time, as many are busy as calls are in progress.
    pub(crate) fn of(found: &'f Collected) -> Self {
        let mut all: Vec<Track<'f>> = Vec::new();
        for (key, times) in &found.times {
            all.extend(times.tracks(key.process, found.layers.values[key.layers as usize]));
        }
        all.sort_unstable_by_key(|track| (track.process, track.layers, track.intervals[0]));
        let mut processes = vec![0..0; found.processes.values.len()];
        let mut start = 0;
        for of_process in all.chunk_by(|a, b| a.process == b.process) {
            processes[of_process[0].process as usize] = start..start + of_process.len();
            start += of_process.len();
        }
        Self { all, processes }
    }

    /// Returns the same tracks without the layers from `layers` on.
    fn below(&self, layers: usize) -> Self {
        let mut all = self.all.clone();
        all.iter_mut().for_each(|track| track.layers.keep_below(layers));
        Self { all, processes: self.processes.clone() }
    }

    /// Returns what [`by_process`](Self::by_process) does for the first `layers` layers.
    pub(crate) fn by_process_of(
        &self,
        layers: usize,
        threads: usize,
        edges: impl Fn(u32) -> Vec<i64> + Sync,
    ) -> Vec<Durations> {
        self.below(layers).by_process(layers, threads, edges)
    }

    /// Returns what [`together`](Self::together) does for the first `layers` layers.
    pub(crate) fn together_of(&self, layers: usize, threads: usize, edges: &[i64]) -> Durations {
        self.below(layers).together(layers, threads, edges)
    }

    /// Returns the durations of all processes together, of the first `layers` layers, within a range of time.
    pub(crate) fn together_within(&self, layers: usize, range: Interval) -> Durations {
        self.below(layers).within(range, layers, &[])
    }

    fn within(&self, range: Interval, layers: usize, edges: &[i64]) -> Durations {
        self.with_clipped(range, |tracks| sweep(tracks, layers, edges))
    }

    /// Passes the tracks within a range of time.
    fn with_clipped<R>(&self, range: Interval, work: impl Fn(&[Track<'_>]) -> R) -> R {
        let lists: Vec<Vec<Interval>> =
            self.all.iter().map(|track| clipped(track.intervals, range).collect()).collect();
        let tracks: Vec<Track<'_>> =
            self.all.iter().zip(&lists).map(|(track, intervals)| Track { intervals, ..*track }).collect();
        work(&tracks)
    }

    /// Returns the durations of all processes together, and those of each.
    pub(crate) fn together_and_each(&self, layers: usize, threads: usize) -> (Durations, Vec<Durations>) {
        let of_part = |range: Interval| self.with_clipped(range, |tracks| sweep_each(tracks, layers));
        let parts = match self.parts(threads) {
            1 => vec![sweep_each(&self.all, layers)],
            parts => in_parallel(self.divided(parts), threads, of_part),
        };
        let (mut all, mut each) = (Durations::default(), vec![Durations::default(); self.processes.len()]);
        for (together, of_processes) in &parts {
            all.merge(together);
            each.iter_mut().zip(of_processes).for_each(|(mine, theirs)| mine.merge(theirs));
        }
        (all, each)
    }

    /// The number of parts of time that are worth a thread each.
    fn parts(&self, threads: usize) -> usize {
        let intervals: usize = self.all.iter().map(|track| track.intervals.len()).sum();
        (intervals / MANY).clamp(1, threads)
    }

    /// Returns the durations of each process. `edges` are the times between windows of a process.
    pub(crate) fn by_process(
        &self,
        layers: usize,
        threads: usize,
        edges: impl Fn(u32) -> Vec<i64> + Sync,
    ) -> Vec<Durations> {
        let work = |(process, range): (usize, std::ops::Range<usize>)| {
            // Numbered from 0, because a sweep counts by process.
            let tracks: Vec<Track<'_>> = self.all[range].iter().map(|track| Track { process: 0, ..*track }).collect();
            sweep(&tracks, layers, &edges(process as u32))
        };
        in_parallel(self.processes.iter().cloned().enumerate().collect(), threads, work)
    }

    /// Returns the durations of all processes together. `edges` are the times between windows.
    pub(crate) fn together(&self, layers: usize, threads: usize, edges: &[i64]) -> Durations {
        let parts = self.parts(threads);
        if parts == 1 {
            return sweep(&self.all, layers, edges);
        }
        let mut all = Durations::default();
        let of_part = |range: Interval| self.within(range, layers, edges);
        for part in in_parallel(self.divided(parts), threads, of_part) {
            all.merge(&part);
        }
        all
    }

    /// Divides time into parts with about equally many intervals.
    fn divided(&self, parts: usize) -> Vec<Interval> {
        // Starts of intervals at regular places of each list stand for all.
        let step = |length: usize| (length / (8 * parts)).max(1);
        let mut weighted: BTreeMap<i64, usize> = BTreeMap::new();
        let mut total = 0;
        for (track, start) in self.all.iter().flat_map(|track| {
            track.intervals.iter().step_by(step(track.intervals.len())).map(move |interval| (track, interval.start))
        }) {
            let weight = step(track.intervals.len());
            *weighted.entry(start).or_default() += weight;
            total += weight;
        }
        let (mut ranges, mut start, mut seen) = (Vec::new(), i64::MIN, 0);
        for (at, weight) in weighted {
            if seen * parts >= total * (ranges.len() + 1) && ranges.len() + 1 < parts {
                ranges.push(Interval { start, end: at });
                start = at;
            }
            seen += weight;
        }
        ranges.push(Interval { start, end: i64::MAX });
        ranges
    }
}

/// The minimum number of intervals for each part of a parallel sweep, which copies them.
const MANY: usize = 1 << 16;
