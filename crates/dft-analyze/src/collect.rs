//! Collects what an analysis needs of the rows: sums and intervals by process, group, and what their layers are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::ops::Range;
use std::sync::Mutex;
use std::thread;

use ahash::RandomState;
use dft_codec::{Interval, ProcessKey, RowParts, RowValue, SeriesId, SeriesKind};
use dft_export::{Cell, Series, View};

use crate::by::SeriesGroup;
use crate::error::AnalyzeError;
use crate::files::{FileSums, Files};
use crate::intervals::clipped;
use crate::kind::CallKind;
use crate::layer_set::LayerSet;
use crate::matcher::{Matcher, ScopeLayers};
use crate::sums::Sums;
use crate::sweep::Track;

/// The series kinds of calls.
const CALLS: [SeriesKind; 2] = [SeriesKind::Call, SeriesKind::AggregatedCall];

/// The bytes of rows for which a part of its own is worth its cost.
const PART_BYTES: u64 = 1 << 20;

/// The most parts: the slices of the index. Files do not occur in two parts.
const MOST_PARTS: u64 = 256;

/// What is collected.
pub(crate) struct Request<'r> {
    pub(crate) matcher: Matcher<'r>,
    /// The number of layers of the preset; further ones are those of findings.
    pub(crate) layers: usize,
    pub(crate) group: SeriesGroup,
    /// Whether sums are kept for each cell of time, of this length in µs.
    pub(crate) cells_us: Option<u64>,
    /// The times to analyze, in µs.
    pub(crate) time: Option<Range<u64>>,
    pub(crate) threads: usize,
}

/// Calls of one process and group that have the same layers and do the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PartKey {
    pub(crate) process: u32,
    pub(crate) class: u32,
    pub(crate) group: u32,
}

/// What calls have in common: their layers and what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Class {
    pub(crate) layers: LayerSet,
    pub(crate) kind: CallKind,
}

/// The calls of a [`PartKey`].
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) sums: Sums,
}

/// Calls of one process and group that have the same layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TimesKey {
    pub(crate) process: u32,
    /// The number of their layers.
    pub(crate) layers: u32,
    pub(crate) group: u32,
}

/// When the calls of a [`TimesKey`] were in progress.
#[derive(Debug, Default)]
pub(crate) struct CallTimes {
    /// The times of all. After all parts are united, they are disjoint and in order.
    pub(crate) intervals: Vec<Interval>,
    /// When at least two of the calls were in progress, at least three, and so on.
    pub(crate) deeper: Vec<Vec<Interval>>,
    /// Whether intervals of a row stand for several calls: some of its calls overlap, or gaps between them are filled.
    pub(crate) has_joined_calls: bool,
}

impl CallTimes {
    /// Returns tracks. At any time, as many are busy as calls are in progress.
    pub(crate) fn tracks(&self, process: u32, layers: LayerSet) -> impl Iterator<Item = Track<'_>> {
        let lists = std::iter::once(&self.intervals).chain(&self.deeper).filter(|intervals| !intervals.is_empty());
        lists.map(move |intervals| Track { intervals, process, layers })
    }
}

/// What is known of a process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) host_name: String,
    pub(crate) rank: Option<i64>,
    /// The first start and the last end of a call, in µs.
    pub(crate) span: (i64, i64),
}

/// The rows of an index, as an analysis needs them.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) processes: Numbered<ProcessKey>,
    pub(crate) facts: Vec<Process>,
    pub(crate) classes: Numbered<Class>,
    pub(crate) groups: Numbered<String>,
    pub(crate) parts: HashMap<PartKey, Part, RandomState>,
    pub(crate) layers: Numbered<LayerSet>,
    pub(crate) times: HashMap<TimesKey, CallTimes, RandomState>,
    /// Sums by the start of a cell and class, if they were asked for.
    pub(crate) cells: BTreeMap<(u64, u32), Sums>,
    pub(crate) threads: HashSet<(u32, i64), RandomState>,
    pub(crate) files: FileSums,
    /// The slowest call of each class that the tracer did not sum up.
    pub(crate) slowest: HashMap<u32, SlowestCall, RandomState>,
}

/// The slowest call of a class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlowestCall {
    pub(crate) duration_us: i64,
    /// The start of its cell, in µs.
    pub(crate) start_us: u64,
    pub(crate) function: String,
    pub(crate) process: u32,
}

/// Values that are numbered in the order in which they were met.
pub(crate) struct Numbered<T> {
    numbers: HashMap<T, u32, RandomState>,
    pub(crate) values: Vec<T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { numbers: HashMap::default(), values: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    pub(crate) fn number(&mut self, value: &T) -> u32 {
        if let Some(&number) = self.numbers.get(value) {
            return number;
        }
        let number = self.values.len() as u32;
        self.numbers.insert(value.clone(), number);
        self.values.push(value.clone());
        number
    }
}

/// Collects the rows that pass the view's filter.
pub(crate) fn collect(view: &View<'_>, request: &Request<'_>) -> Result<Collected, AnalyzeError> {
    let mut bytes = 0;
    for kind in CALLS {
        bytes += view.index().row_bytes(kind)?;
    }
    let parts = (bytes / PART_BYTES).clamp(1, MOST_PARTS) as usize;
    let [calls, aggregated] = CALLS.map(|kind| view.index().shards(kind, parts));
    let ranges: Vec<_> = calls.into_iter().zip(aggregated).collect();
    let threads = request.threads.clamp(1, parts);
    dft_io::require_threads(threads).map_err(AnalyzeError::Threads)?;
    let next = Mutex::new(ranges.into_iter());
    let work = || -> Result<Collected, AnalyzeError> {
        let mut collector = Collector { view, request, found: Collected::default() };
        loop {
            let Some((calls, aggregated)) = next.lock().ok().and_then(|mut next| next.next()) else {
                return Ok(collector.found);
            };
            if let Err(error) = collector.add_slice([calls, aggregated]) {
                // The other threads need not go on.
                if let Ok(mut next) = next.lock() {
                    next.by_ref().for_each(drop);
                }
                return Err(error);
            }
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut found = work();
        for other in others {
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            found = match (found, other) {
                (Ok(mut found), Ok(other)) => {
                    found.merge(other);
                    Ok(found)
                }
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
        }
        found
    })
}

struct Collector<'c, 'v> {
    view: &'c View<'v>,
    request: &'c Request<'c>,
    found: Collected,
}

/// The numbers of the series that is being read.
struct Current {
    key: PartKey,
    times: TimesKey,
    class: Class,
}

impl Collector<'_, '_> {
    /// Adds the calls of a slice, of each kind of series.
    fn add_slice(&mut self, ranges: [Range<SeriesId>; 2]) -> Result<(), AnalyzeError> {
        let with_sketches = self.view.index().config().sketch_accuracy.is_some();
        let parts = if with_sketches { RowParts::All } else { RowParts::Occupancy };
        let mut files = Files::default();
        for (kind, range) in CALLS.into_iter().zip(ranges) {
            let mut cells = self.view.cells_in(range, parts)?;
            let (mut scope, mut scope_serial, mut process, mut kind_of_calls) =
                (ScopeLayers::default(), 0, 0, CallKind::Other);
            let (mut serial, mut current, mut group) = (0, None::<Current>, 0);
            while cells.advance()? {
                let Some(cell) = cells.cell() else { break };
                if cell.scope_serial != scope_serial {
                    scope_serial = cell.scope_serial;
                    scope = self.request.matcher.scope(cell.series);
                    process = self.process(cell.series);
                    kind_of_calls = CallKind::of(&cell.series.identity.name);
                    group = self.found.groups.number(&self.request.group.name(cell.series));
                }
                if cell.serial != serial {
                    serial = cell.serial;
                    if self.request.group.is_of_file() {
                        group = self.found.groups.number(&self.request.group.name(cell.series));
                    }
                    let layers = self.request.matcher.layers(&scope, cell.series);
                    current = layers.map(|layers| {
                        let class = Class { layers, kind: kind_of_calls };
                        let number = self.found.classes.number(&class);
                        let layers = self.found.layers.number(&layers);
                        self.found.threads.insert((process, cell.series.identity.tid));
                        Current {
                            key: PartKey { process, class: number, group },
                            times: TimesKey { process, layers, group },
                            class,
                        }
                    });
                }
                let Some(current) = &current else { continue };
                if self.add(kind, &cell, current) && !cell.series.identity.file_hash.is_empty() {
                    files.add(cell.series, kind_of_calls, &current.class.layers, cell.row);
                }
            }
        }
        self.found.files.merge(&files.sums(self.request.layers));
        Ok(())
    }

    fn process(&mut self, series: &Series) -> u32 {
        let key = ProcessKey { host_hash: series.identity.host_hash.clone(), pid: series.identity.pid };
        let number = self.found.processes.number(&key);
        if number as usize == self.found.facts.len() {
            let host_name = series.host_name.clone();
            self.found.facts.push(Process { host_name, rank: series.rank(), span: (i64::MAX, i64::MIN) });
        }
        number
    }

    /// Adds a row. Returns whether its cell is within the time to analyze.
    fn add(&mut self, kind: SeriesKind, cell: &Cell<'_>, current: &Current) -> bool {
        let RowValue { core, .. } = cell.row;
        let is_inside = self.request.time.as_ref().is_none_or(|time| time.contains(&cell.start));
        if let Some(occupancy) = &core.occupancy {
            let intervals = occupancy.intervals();
            let times = self.found.times.entry(current.times).or_default();
            times.has_joined_calls |= i128::try_from(occupancy.busy_us()) != Ok(core.duration.sum());
            match &self.request.time {
                None => times.intervals.extend_from_slice(intervals),
                Some(time) => {
                    let signed = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
                    let range = Interval { start: signed(time.start), end: signed(time.end) };
                    times.intervals.extend(clipped(intervals, range));
                }
            }
        }
        if !is_inside {
            return false;
        }
        self.found.parts.entry(current.key).or_default().sums.add(kind, cell.row);
        if let Some(cells_us) = self.request.cells_us {
            let start = cell.start - cell.start % cells_us;
            self.found.cells.entry((start, current.key.class)).or_default().add(kind, cell.row);
        }
        if kind == SeriesKind::Call
            && let Some(duration_us) = core.duration.max()
            && self.found.slowest.get(&current.key.class).is_none_or(|known| known.duration_us <= duration_us)
        {
            let call = SlowestCall {
                duration_us,
                start_us: cell.start,
                function: cell.series.identity.name.clone(),
                process: current.key.process,
            };
            self.found.keep_slowest(current.key.class, call);
        }
        let end = match kind {
            SeriesKind::Call => core.te,
            // The period of an aggregated call ends with its bucket.
            _ => core.ts.saturating_add_unsigned(self.view.granularity()),
        };
        let span = &mut self.found.facts[current.key.process as usize].span;
        *span = (span.0.min(core.ts), span.1.max(end));
        true
    }
}

impl Collected {
    fn keep_slowest(&mut self, class: u32, call: SlowestCall) {
        let Self { slowest, processes, .. } = self;
        // The numbers of processes depend on the threads, so names decide between equal durations.
        let order = |call: &SlowestCall| {
            (
                call.duration_us,
                std::cmp::Reverse((
                    call.start_us,
                    call.function.clone(),
                    processes.values[call.process as usize].clone(),
                )),
            )
        };
        match slowest.get_mut(&class) {
            Some(known) if order(known) >= order(&call) => {}
            Some(known) => *known = call,
            None => drop(slowest.insert(class, call)),
        }
    }

    /// Adds what another thread found.
    fn merge(&mut self, other: Self) {
        let mut processes = Vec::new();
        for (key, facts) in other.processes.values.iter().zip(other.facts) {
            let number = self.processes.number(key);
            match self.facts.get_mut(number as usize) {
                Some(mine) => mine.span = (mine.span.0.min(facts.span.0), mine.span.1.max(facts.span.1)),
                None => self.facts.push(facts),
            }
            processes.push(number);
        }
        let classes: Vec<u32> = other.classes.values.iter().map(|class| self.classes.number(class)).collect();
        let groups: Vec<u32> = other.groups.values.iter().map(|group| self.groups.number(group)).collect();
        for (key, part) in other.parts {
            let key = PartKey {
                process: processes[key.process as usize],
                class: classes[key.class as usize],
                group: groups[key.group as usize],
            };
            self.parts.entry(key).or_default().sums.merge(&part.sums);
        }
        let layers: Vec<u32> = other.layers.values.iter().map(|layers| self.layers.number(layers)).collect();
        for (key, mut times) in other.times {
            let key = TimesKey {
                process: processes[key.process as usize],
                layers: layers[key.layers as usize],
                group: groups[key.group as usize],
            };
            let mine = self.times.entry(key).or_default();
            mine.has_joined_calls |= times.has_joined_calls;
            if mine.intervals.is_empty() {
                mine.intervals = times.intervals;
            } else {
                mine.intervals.append(&mut times.intervals);
            }
        }
        for ((start, class), sums) in other.cells {
            self.cells.entry((start, classes[class as usize])).or_default().merge(&sums);
        }
        for (class, call) in other.slowest {
            let process = processes[call.process as usize];
            self.keep_slowest(classes[class as usize], SlowestCall { process, ..call });
        }
        self.threads.extend(other.threads.into_iter().map(|(process, tid)| (processes[process as usize], tid)));
        self.files.merge(&other.files);
    }
}
