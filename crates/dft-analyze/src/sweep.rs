//! Sweeps over intervals of time: when which layers are busy.
//!
//! A sweep walks the starts and ends of many lists of disjoint intervals in order of time. Between two of them, a set
//! of layers is busy; the sweep adds up how long each set is. Busy times, times of a layer's own and overlaps of any
//! two layers all follow from these sums.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

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
    /// The tracks that were busy, by window and layer. Windows without any are left out.
    pub(crate) tracks: BTreeMap<u32, Vec<BusyTracks>>,
}

/// How many tracks were busy at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BusyTracks {
    /// The most.
    pub(crate) peak: u32,
    /// The sum of their times, in µs.
    pub(crate) time_us: u128,
}

impl BusyTracks {
    fn merge(&mut self, other: &Self) {
        self.peak = self.peak.max(other.peak);
        self.time_us += other.time_us;
    }
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

    /// Returns the busy tracks of a layer, over all windows.
    pub(crate) fn tracks_of(&self, layer: usize) -> BusyTracks {
        let mut all = BusyTracks::default();
        self.tracks.values().filter_map(|of_window| of_window.get(layer)).for_each(|tracks| all.merge(tracks));
        all
    }

    /// Returns the same for one window.
    pub(crate) fn tracks_in(&self, window: u32, layer: usize) -> BusyTracks {
        self.tracks.get(&window).and_then(|of_window| of_window.get(layer)).copied().unwrap_or_default()
    }

    /// Adds the durations of another time or of other processes. Peaks become the highest of both.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, time) in &other.by_set {
            *self.by_set.entry(*key).or_default() += time;
        }
        keep_highest(&mut self.peak_processes, &other.peak_processes);
        for (window, theirs) in &other.tracks {
            let mine = self.tracks.entry(*window).or_default();
            mine.resize(mine.len().max(theirs.len()), BusyTracks::default());
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| mine.merge(theirs));
        }
    }
}

/// Keeps the higher of two numbers for each layer.
fn keep_highest(mine: &mut Vec<u32>, theirs: &[u32]) {
    mine.resize(mine.len().max(theirs.len()), 0);
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine = (*mine).max(*theirs);
    }
}

/// The busy layers of all processes, as the sweep advances.
struct Busy<'e> {
    /// How many tracks of a process have a layer busy, by process and layer.
    tracks: Vec<u32>,
    layers: Vec<BusyLayer>,
    /// What is known of each process, if that is asked for.
    own: Vec<OwnBusy>,
    set: LayerSet,
    edges: &'e [i64],
    window: usize,
    ended: BTreeMap<u32, Vec<BusyTracks>>,
}

/// How many tracks and processes have a layer busy.
#[derive(Clone, Copy, Default)]
struct BusyLayer {
    tracks: u32,
    /// The most in the window so far.
    peak_tracks: u32,
    processes: u32,
    peak_processes: u32,
    /// Since when it is so many, and the sum of the tracks' times in the window until then. Only kept if there are
    /// edges.
    since: i64,
    time_us: u128,
}

impl BusyLayer {
    /// Adds up the time until `now`.
    fn advance(&mut self, now: i64) {
        self.time_us += u128::from(self.tracks) * u128::from(now.abs_diff(self.since));
        self.since = now;
    }
}

/// The busy layers of one process, as the sweep advances.
struct OwnBusy {
    set: LayerSet,
    /// Since when these layers are busy.
    since: i64,
    sums: WindowSums<'static>,
    peaks: Vec<u32>,
}

impl OwnBusy {
    fn new(layers: usize) -> Self {
        Self { set: LayerSet::default(), since: i64::MIN, sums: WindowSums::new(&[]), peaks: vec![0; layers] }
    }

    /// Adds up the time until `now`.
    fn advance(&mut self, now: i64) {
        if now > self.since {
            self.sums.add(self.since, now, self.set);
            self.since = now;
        }
    }
}

impl<'e> Busy<'e> {
    fn new(processes: usize, layers: usize, edges: &'e [i64], each: bool) -> Self {
        Self {
            own: if each { (0..processes).map(|_| OwnBusy::new(layers)).collect() } else { Vec::new() },
            tracks: vec![0; processes * layers],
            layers: vec![BusyLayer::default(); layers],
            set: LayerSet::default(),
            edges,
            window: 0,
            ended: BTreeMap::new(),
        }
    }

    fn start(&mut self, track: &Track<'_>, time: i64) {
        // A start at an edge is in the window after it.
        while let Some(&edge) = self.edges.get(self.window).filter(|edge| **edge <= time) {
            self.end_window(edge);
        }
        self.advance(track, time);
        let first = track.process as usize * self.layers.len();
        let mut own = self.own.get_mut(track.process as usize);
        for layer in track.layers.iter() {
            let all = &mut self.layers[layer];
            all.tracks += 1;
            all.peak_tracks = all.peak_tracks.max(all.tracks);
            let tracks = &mut self.tracks[first + layer];
            *tracks += 1;
            if let Some(own) = &mut own {
                own.set.insert(layer);
                own.peaks[layer] = own.peaks[layer].max(*tracks);
            }
            if *tracks == 1 {
                all.processes += 1;
                all.peak_processes = all.peak_processes.max(all.processes);
                if all.processes == 1 {
                    self.set.insert(layer);
                }
            }
        }
    }

    fn end(&mut self, track: &Track<'_>, time: i64) {
        // An end at an edge is in the window before it.
        while let Some(&edge) = self.edges.get(self.window).filter(|edge| **edge < time) {
            self.end_window(edge);
        }
        self.advance(track, time);
        let first = track.process as usize * self.layers.len();
        let mut own = self.own.get_mut(track.process as usize);
        for layer in track.layers.iter() {
            let all = &mut self.layers[layer];
            all.tracks -= 1;
            let tracks = &mut self.tracks[first + layer];
            *tracks -= 1;
            if *tracks == 0 {
                if let Some(own) = &mut own {
                    own.set.remove(layer);
                }
                all.processes -= 1;
                if all.processes == 0 {
                    self.set.remove(layer);
                }
            }
        }
    }

    /// Adds up the times of what a track is about to change.
    fn advance(&mut self, track: &Track<'_>, time: i64) {
        if let Some(own) = self.own.get_mut(track.process as usize) {
            own.advance(time);
        }
        if !self.edges.is_empty() {
            track.layers.iter().for_each(|layer| self.layers[layer].advance(time));
        }
    }

    fn end_window(&mut self, edge: i64) {
        self.layers.iter_mut().for_each(|layer| layer.advance(edge));
        self.keep_window();
        self.window += 1;
        for layer in &mut self.layers {
            (layer.peak_tracks, layer.time_us) = (layer.tracks, 0);
        }
    }

    fn keep_window(&mut self) {
        if self.layers.iter().any(|layer| layer.peak_tracks > 0) {
            let tracks = |layer: &BusyLayer| BusyTracks { peak: layer.peak_tracks, time_us: layer.time_us };
            self.ended.insert(self.window as u32, self.layers.iter().map(tracks).collect());
        }
    }

    /// Returns the tracks that were busy in each window. `tracks` are all of the sweep.
    fn finish(&mut self, tracks: &[Track<'_>]) -> BTreeMap<u32, Vec<BusyTracks>> {
        if self.edges.is_empty() {
            // One window has all of the time.
            for track in tracks {
                let time = track.intervals.iter().map(|interval| u128::from(interval.length_us())).sum::<u128>();
                track.layers.iter().for_each(|layer| self.layers[layer].time_us += time);
            }
        }
        self.keep_window();
        std::mem::take(&mut self.ended)
    }

    /// Returns the durations of each process, if they were asked for.
    fn finish_each(&mut self, tracks: &[Track<'_>]) -> Vec<Durations> {
        let own = std::mem::take(&mut self.own);
        let mut each: Vec<Durations> = own
            .into_iter()
            .map(|own| {
                let peak = |peak: &u32| BusyTracks { peak: *peak, time_us: 0 };
                let busy: Vec<BusyTracks> = own.peaks.iter().map(peak).collect();
                let has_any = busy.iter().any(|busy| busy.peak > 0);
                Durations {
                    by_set: own.sums.finish(),
                    peak_processes: own.peaks.iter().map(|peak| u32::from(*peak > 0)).collect(),
                    tracks: if has_any { BTreeMap::from([(0, busy)]) } else { BTreeMap::new() },
                }
            })
            .collect();
        for track in tracks {
            let time = track.intervals.iter().map(|interval| u128::from(interval.length_us())).sum::<u128>();
            if let Some(busy) = each.get_mut(track.process as usize).and_then(|each| each.tracks.get_mut(&0)) {
                track.layers.iter().for_each(|layer| busy[layer].time_us += time);
            }
        }
        each
    }
}

/// Adds up how long which of `layers` layers are busy in any process. `edges` are the ascending times between windows,
/// which are counted from 0. Without edges, there is one window.
pub(crate) fn sweep(tracks: &[Track<'_>], layers: usize, edges: &[i64]) -> Durations {
    run(tracks, layers, edges, false).0
}

/// Returns what [`sweep`] does without edges, and the durations of each process, by its number.
pub(crate) fn sweep_each(tracks: &[Track<'_>], layers: usize) -> (Durations, Vec<Durations>) {
    run(tracks, layers, &[], true)
}

fn run(tracks: &[Track<'_>], layers: usize, edges: &[i64], each: bool) -> (Durations, Vec<Durations>) {
    let processes = tracks.iter().map(|track| track.process as usize + 1).max().unwrap_or(0);
    let mut busy = Busy::new(processes, layers, edges, each);
    let mut sums = WindowSums::new(edges);
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
            busy.start(track, time);
            *next = Reverse((track.intervals[at as usize].end, false, number, at));
        } else {
            busy.end(track, time);
            match track.intervals.get(at as usize + 1) {
                Some(interval) => *next = Reverse((interval.start, true, number, at + 1)),
                None => drop(PeekMut::pop(next)),
            }
        }
    }
    let each = busy.finish_each(tracks);
    let tracks = busy.finish(tracks);
    let peak_processes = busy.layers.iter().map(|layer| layer.peak_processes).collect();
    (Durations { by_set: sums.finish(), peak_processes, tracks }, each)
}

/// Sums by window and set of layers. The last key is kept apart, as it mostly is the next one, too.
struct WindowSums<'e> {
    edges: &'e [i64],
    window: usize,
    sums: HashMap<(u32, LayerSet), u64, RandomState>,
    last: Option<((u32, LayerSet), u64)>,
}

impl<'e> WindowSums<'e> {
    fn new(edges: &'e [i64]) -> Self {
        Self { edges, window: 0, sums: HashMap::default(), last: None }
    }

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
    use crate::intervals::unite_by_depth;

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
            let lists: Vec<(_, Vec<Vec<Interval>>)> = lists
                .into_iter()
                .map(|(key, mut list)| {
                    let deeper = unite_by_depth(&mut list);
                    (key, std::iter::once(list).chain(deeper).collect())
                })
                .collect();
            for list in lists.iter().flat_map(|(_, lists)| lists) {
                prop_assert!(list.windows(2).all(|pair| pair[0].end < pair[1].start), "{list:?}");
                prop_assert!(list.iter().all(|interval| interval.start < interval.end), "{list:?}");
            }
            let tracks: Vec<Track<'_>> = lists
                .iter()
                .flat_map(|((process, layers), lists)| {
                    lists.iter().map(|intervals| Track { intervals, process: *process, layers: *layers })
                })
                .collect();
            let found = sweep(&tracks, LAYERS, &edges);
            let mut wanted: HashMap<(u32, LayerSet), u64> = HashMap::new();
            let mut peak = vec![0; LAYERS];
            let mut wanted_tracks: BTreeMap<u32, Vec<BusyTracks>> = BTreeMap::new();
            for at in 0..170 {
                let mut busy = vec![std::collections::BTreeSet::new(); LAYERS];
                let mut tracks = vec![BusyTracks::default(); LAYERS];
                for (process, layers, start, length) in &calls {
                    if *start <= at && at < start + length {
                        for layer in set_of(layers).iter() {
                            busy[layer].insert(*process);
                            tracks[layer].peak += 1;
                            tracks[layer].time_us += 1;
                        }
                    }
                }
                let set = set_of(&(0..LAYERS).filter(|layer| !busy[*layer].is_empty()).collect::<Vec<_>>());
                if !set.is_empty() {
                    let window = edges.iter().filter(|edge| **edge <= at).count() as u32;
                    *wanted.entry((window, set)).or_default() += 1;
                    let of_window = wanted_tracks.entry(window).or_insert_with(|| vec![BusyTracks::default(); LAYERS]);
                    of_window.iter_mut().zip(&tracks).for_each(|(mine, tracks)| mine.merge(tracks));
                }
                for (peak, busy) in peak.iter_mut().zip(&busy) {
                    *peak = (*peak).max(busy.len() as u32);
                }
            }
            prop_assert_eq!(found.by_set.into_iter().collect::<HashMap<_, _>>(), wanted);
            prop_assert_eq!(found.peak_processes, peak);
            prop_assert_eq!(found.tracks, wanted_tracks);

            // Of each process: the same as a sweep of its tracks alone.
            let (together, each) = sweep_each(&tracks, LAYERS);
            let alone = sweep(&tracks, LAYERS, &[]);
            prop_assert_eq!((&together.by_set, &together.tracks), (&alone.by_set, &alone.tracks));
            for (process, found) in each.iter().enumerate() {
                let own: Vec<Track<'_>> = tracks.iter().filter(|track| track.process as usize == process).copied().collect();
                let own: Vec<Track<'_>> = own.into_iter().map(|track| Track { process: 0, ..track }).collect();
                let wanted = sweep(&own, LAYERS, &[]);
                prop_assert_eq!((&found.by_set, &found.tracks), (&wanted.by_set, &wanted.tracks));
            }
        }
    }
}
