//! Busy times, overlaps and sums against brute force: every µs of every call, one by one.

use std::collections::{BTreeMap, BTreeSet};

use dft_aggregate::{Aggregator, Config};
use dft_analyze::{AnalyzeOptions, By, Preset, analyze};
use dft_codec::FileCounts;
use dft_export::Filter;
use dft_store::{Batch, Index, IndexWriter};
use dft_trace::{Clock, Line, Parser};
use proptest::prelude::*;

/// A call.
#[derive(Clone, Debug)]
struct Call {
    pid: i64,
    tid: i64,
    cat: &'static str,
    name: &'static str,
    file: &'static str,
    start: i64,
    length: i64,
    bytes: Option<i64>,
}

impl Call {
    fn line(&self) -> String {
        let Self { pid, tid, cat, name, file, start, length, .. } = self;
        let ret = self.bytes.map_or(String::new(), |bytes| format!(r#","ret":{bytes}"#));
        // Host and file by name, as the first tracers wrote them.
        format!(
            r#"{{"name":"{name}","cat":"{cat}","pid":{pid},"tid":{tid},"ts":{start},"dur":{length},"ph":"X","args":{{"hostname":"h{}","fname":"{file}"{ret}}}}}"#,
            pid % 2
        )
    }

    fn end(&self) -> i64 {
        self.start + self.length
    }
}

const INTERVAL: u64 = 50;

const PRESET: &str = r#"
name = "test"
title = "for a test"
ignore = 'cat == "dftracer"'
compute = ["compute"]
[paths]
reader = "/data"
[[layer]]
name = "app"
where = 'cat in ["app", "compute"]'
[[layer]]
name = "compute"
where = 'cat == "compute"'
parent = "app"
[[layer]]
name = "io"
where = 'cat == "posix"'
[[layer]]
name = "data"
where = 'cat == "posix" and file_name contains {reader}'
parent = "io"
[[layer]]
name = "read"
where = 'name == "read" and not pid == 2'
parent = "io"
"#;

/// The layers of a call, by their numbers in the preset.
fn layers(call: &Call) -> Vec<usize> {
    let is_io = call.cat == "posix";
    let tests = [
        call.cat == "app" || call.cat == "compute",
        call.cat == "compute",
        is_io,
        is_io && call.file.contains("/data"),
        call.name == "read" && call.pid != 2,
    ];
    (0..tests.len()).filter(|layer| tests[*layer]).collect()
}

const NAMES: [&str; 5] = ["app", "compute", "io", "data", "read"];

fn call() -> impl Strategy<Value = Call> {
    let what = prop::sample::select(vec![
        ("posix", "read"),
        ("posix", "write"),
        ("posix", "open"),
        ("compute", "forward"),
        ("app", "read"),
        ("dftracer", "start"),
    ]);
    let file = prop::sample::select(vec!["", "/p/data/a", "/p/data/b", "/p/x"]);
    // Zero-length, short, and spanning many cells.
    let length = prop_oneof![1 => Just(0_i64), 4 => 1_i64..30, 1 => 30_i64..400];
    (0_i64..3, 0_i64..2, what, file, 0_i64..600, length, prop::option::of(0_i64..5_000)).prop_map(
        |(pid, tid, (cat, name), file, start, length, bytes)| Call { pid, tid, cat, name, file, start, length, bytes },
    )
}

/// Makes an index of calls. Each group is published for itself, in several tables.
fn index_of(groups: &[Vec<Call>], path: &std::path::Path) -> Index {
    let config = Config { interval_us: INTERVAL, ..Config::default() };
    for calls in groups {
        let mut aggregators = [Aggregator::new(&config), Aggregator::new(&config)];
        for (at, call) in calls.iter().enumerate() {
            Parser::new().parse(call.line().as_bytes(), 1, Clock::default(), |line| match line {
                Line::Record { record, clock, .. } => {
                    aggregators[at % 2].record(record, clock, &mut FileCounts::default()).expect("a valid record");
                }
                Line::Malformed { reason, .. } => panic!("{reason}"),
            });
        }
        let bounds = aggregators.iter().filter_map(Aggregator::bounds).reduce(|a, b| a.union(b));
        let runs = aggregators.into_iter().map(Aggregator::into_run).collect();
        let batch = Batch { runs, bounds, ..Batch::default() };
        IndexWriter::open(path, &config, false).expect("a writer").publish(&batch, 2).expect("published");
    }
    Index::open(path).expect("an index")
}

/// For each µs: the layers that are busy, by process.
struct Marked(Vec<BTreeMap<i64, BTreeSet<usize>>>);

impl Marked {
    fn of(calls: &[Call], range: std::ops::Range<i64>) -> Self {
        let busy = |at: i64| {
            let mut busy: BTreeMap<i64, BTreeSet<usize>> = BTreeMap::new();
            for call in calls.iter().filter(|call| call.start <= at && at < call.end()) {
                busy.entry(call.pid).or_default().extend(layers(call));
            }
            busy
        };
        Self(range.map(busy).collect())
    }

    /// The number of µs in which a condition holds for the layers that are busy in any process.
    fn any(&self, holds: impl Fn(&BTreeSet<usize>) -> bool) -> u64 {
        let any = |busy: &BTreeMap<i64, BTreeSet<usize>>| busy.values().flatten().copied().collect();
        self.0.iter().filter(|busy| holds(&any(busy))).count() as u64
    }

    /// The same for each process, summed up.
    fn sum(&self, holds: impl Fn(&BTreeSet<usize>) -> bool) -> u64 {
        self.0.iter().map(|busy| busy.values().filter(|set| holds(set)).count() as u64).sum()
    }
}

/// The most calls that are in progress at once, and whether an index can tell: not if calls of one of its rows overlap.
fn peak(calls: &[&Call], range: std::ops::Range<i64>) -> (u32, bool) {
    let at_once = |calls: &[&Call], at: i64| calls.iter().filter(|call| call.start <= at && at < call.end()).count();
    let most = |calls: &[&Call]| range.clone().map(|at| at_once(calls, at)).max().unwrap_or(0);
    let mut rows: BTreeMap<_, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        let cell = (call.start + call.length / 2) / INTERVAL as i64;
        rows.entry((call.pid, call.tid, call.cat, call.name, call.file, cell)).or_default().push(call);
    }
    (most(calls) as u32, rows.values().all(|calls| (0..1_100).all(|at| at_once(calls, at) <= 1)))
}

fn options(by: Option<By>, time: Option<std::ops::Range<u64>>, threads: usize) -> AnalyzeOptions {
    AnalyzeOptions {
        preset: Preset::parse("test", PRESET, &BTreeMap::new()).expect("a preset").into(),
        by,
        filter: Filter { time, ..Filter::default() },
        threads,
        ..AnalyzeOptions::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn an_analysis_is_what_looking_at_every_microsecond_gives(
        groups in prop::collection::vec(prop::collection::vec(call(), 1..40), 1..4), threads in 1_usize..4,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let index = index_of(&groups, &folder.path().join("index"));
        let calls: Vec<Call> = groups.concat().into_iter().filter(|call| call.cat != "dftracer").collect();
        let analysis = analyze(&index, &options(None, None, threads)).expect("an analysis");
        let marked = Marked::of(&calls, 0..1_100);
        prop_assert_eq!(analysis.job.calls, calls.len() as u128);
        let span = calls.iter().map(Call::end).max().unwrap_or(0) - calls.iter().map(|call| call.start).min().unwrap_or(0);
        prop_assert_eq!(analysis.job.time_us, span as u64);
        for (at, name) in NAMES.iter().enumerate() {
            let of_layer: Vec<&Call> = calls.iter().filter(|call| layers(call).contains(&at)).collect();
            let found = analysis.layers.iter().find(|layer| layer.name == *name);
            prop_assert_eq!(found.is_some(), !of_layer.is_empty());
            let Some(layer) = found else { continue };
            prop_assert_eq!(layer.calls, of_layer.len() as u128);
            prop_assert_eq!(layer.time_us, of_layer.iter().map(|call| i128::from(call.length)).sum::<i128>());
            let moved = |call: &&&Call| call.cat == "posix" && call.name != "open" && call.bytes.is_some();
            let sized: Vec<_> = of_layer.iter().filter(moved).collect();
            let bytes = sized.iter().map(|call| i128::from(call.bytes.unwrap_or(0))).sum::<i128>();
            prop_assert_eq!(layer.bytes, (!sized.is_empty()).then_some(bytes));
            let files: BTreeSet<_> = of_layer.iter().map(|call| call.file).filter(|file| !file.is_empty()).collect();
            prop_assert_eq!(layer.files, files.len() as u64);
            let busy = layer.busy.as_ref().expect("times are known");
            prop_assert_eq!(busy.any_us, marked.any(|set| set.contains(&at)), "{}", name);
            prop_assert_eq!(busy.sum_us, marked.sum(|set| set.contains(&at)), "{}", name);
            prop_assert_eq!(busy.excess_us, 0);
            let (most, is_exact) = peak(&of_layer, 0..1_100);
            let found = busy.peak_calls_in_progress.expect("times are known");
            prop_assert_eq!(busy.peak_is_exact, is_exact);
            prop_assert!(if is_exact { found == most } else { found <= most }, "{} {} {}", name, found, most);
            let children: &[usize] = match at { 0 => &[1], 2 => &[3, 4], _ => &[] };
            let own = marked.sum(|set| set.contains(&at) && !children.iter().any(|child| set.contains(child)));
            prop_assert_eq!(busy.own_us, own, "{}", name);
            let pids: BTreeSet<i64> = of_layer.iter().map(|call| call.pid).collect();
            let most = pids.iter().map(|pid| {
                let is_busy = |busy: &&BTreeMap<i64, BTreeSet<usize>>| busy.get(pid).is_some_and(|set| set.contains(&at));
                marked.0.iter().filter(is_busy).count()
            });
            prop_assert_eq!(Some(busy.imbalance.most.time_us as usize), most.max());
            let computes = marked.any(|set| set.contains(&1)) > 0;
            prop_assert_eq!(busy.hidden.is_some(), computes && at > 1);
            if let Some(hidden) = &busy.hidden {
                prop_assert_eq!(hidden.same_process_us, marked.sum(|set| set.contains(&at) && set.contains(&1)));
                prop_assert_eq!(hidden.any_process_us, marked.any(|set| set.contains(&at) && set.contains(&1)));
                prop_assert_eq!(hidden.same_process_us + hidden.exposed_us, busy.sum_us);
                prop_assert_eq!(hidden.any_process_us + hidden.exposed_any_process_us, busy.any_us);
            }
        }
        for (a, b) in [(0, 2), (0, 3), (1, 2), (1, 4), (3, 4)] {
            let found = analysis.overlaps.iter().find(|overlap| (overlap.a.as_str(), overlap.b.as_str()) == (NAMES[a], NAMES[b]));
            let both = |set: &BTreeSet<usize>| set.contains(&a) && set.contains(&b);
            prop_assert_eq!(found.map_or(0, |overlap| overlap.any_process_us), marked.any(both));
            prop_assert_eq!(found.map_or(0, |overlap| overlap.same_process_us), marked.sum(both));
        }
        // Enclosing layers are no pairs.
        prop_assert!(!analysis.overlaps.iter().any(|overlap| overlap.a == "app" && overlap.b == "compute"));
    }

    #[test]
    fn groups_and_ranges_of_time_are_what_brute_force_gives(
        calls in prop::collection::vec(call(), 1..60), range in (0_u64..8, 1_u64..8), threads in 1_usize..3,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let index = index_of(std::slice::from_ref(&calls), &folder.path().join("index"));
        let all: Vec<Call> = calls.iter().filter(|call| call.cat != "dftracer").cloned().collect();

        // By cells of time: calls count where their middle is, busy times are cut at the edges.
        let by_time = analyze(&index, &options(Some(By::Time), None, threads)).expect("an analysis");
        let groups = by_time.groups.expect("groups").groups;
        for group in &groups {
            let start = group.start_us.expect("a start");
            let marked = Marked::of(&all, start..start + INTERVAL as i64);
            for totals in &group.layers {
                let at = NAMES.iter().position(|name| *name == totals.layer).expect("a layer");
                prop_assert_eq!(totals.busy_us, Some(marked.any(|set| set.contains(&at))));
                let busy_sum = marked.sum(|set| set.contains(&at));
                prop_assert_eq!(totals.busy_sum_us, Some(busy_sum));
                let of_layer: Vec<&Call> = all.iter().filter(|call| layers(call).contains(&at)).collect();
                let cell = start..start + INTERVAL as i64;
                let (most, is_exact) = peak(&of_layer, cell.clone());
                let found = totals.peak_calls_in_progress.expect("times are known");
                prop_assert!(if is_exact { found == most } else { found <= most }, "{} {}", found, most);
                let within = |call: &&Call| (call.end().min(cell.end) - call.start.max(cell.start)).max(0);
                let time = of_layer.iter().map(within).sum::<i64>();
                let mean = (busy_sum > 0).then(|| time as f64 / busy_sum as f64);
                prop_assert!(totals.calls_in_progress <= mean && (!is_exact || totals.calls_in_progress == mean));
                let middle = |call: &&Call| (call.start + call.length / 2) / INTERVAL as i64 == start / INTERVAL as i64;
                let of_cell = all.iter().filter(|call| layers(call).contains(&at)).filter(middle).count();
                prop_assert_eq!(totals.calls, Some(of_cell as u128));
            }
        }
        let busy: u64 = groups.iter().filter_map(|group| group.all.busy_us).sum();
        let any_call = |at: i64| all.iter().any(|call| call.start <= at && at < call.end());
        prop_assert_eq!(busy, (0..1_100).filter(|at| any_call(*at)).count() as u64);

        // By function and process.
        for by in [By::Function, By::Process, By::File] {
            let name = |call: &Call| match by {
                By::Function => format!("{} {}", call.cat, call.name),
                By::File => call.file.to_owned(),
                _ => format!("process {} on h{}", call.pid, call.pid % 2),
            };
            let grouped = analyze(&index, &options(Some(by.clone()), None, threads)).expect("an analysis");
            prop_assert_eq!(&grouped.layers, &by_time.layers);
            let groups = grouped.groups.expect("groups").groups;
            let names: BTreeSet<String> = all.iter().map(&name).collect();
            prop_assert_eq!(groups.len(), names.len());
            for group in groups {
                // With one host, the names of processes are without it.
                let of_group: Vec<Call> = all.iter().filter(|call| name(call).starts_with(&group.name) && (by == By::Process || name(call) == group.name)).cloned().collect();
                prop_assert_eq!(group.all.calls, Some(of_group.len() as u128), "{}", group.name);
                let busy = (0..1_100).filter(|at| of_group.iter().any(|call| call.start <= *at && *at < call.end())).count();
                prop_assert_eq!(group.all.busy_us, Some(busy as u64), "{}", group.name);
            }
        }

        // A range of time, from the first cell on.
        let cell = |time: i64| time / INTERVAL as i64 * INTERVAL as i64;
        let origin = calls.iter().map(|call| cell(call.start + call.length / 2)).min().unwrap_or(0);
        let (start, end) = (range.0 * INTERVAL, (range.0 + range.1) * INTERVAL);
        let ranged = analyze(&index, &options(None, Some(start..end), threads)).expect("an analysis");
        let absolute = origin + start as i64..origin + end as i64;
        let inside = |call: &&Call| absolute.contains(&(call.start + call.length / 2));
        prop_assert_eq!(ranged.job.calls, all.iter().filter(inside).count() as u128);
        let marked = Marked::of(&all, absolute.clone());
        for layer in &ranged.layers {
            let at = NAMES.iter().position(|name| *name == layer.name).expect("a layer");
            let busy = layer.busy.as_ref().expect("times are known");
            prop_assert_eq!(busy.any_us, marked.any(|set| set.contains(&at)));
            prop_assert_eq!(busy.sum_us, marked.sum(|set| set.contains(&at)));
            let of_layer: Vec<&Call> = all.iter().filter(|call| layers(call).contains(&at)).collect();
            let (most, _) = peak(&of_layer, absolute.clone());
            let found = busy.peak_calls_in_progress.expect("times are known");
            prop_assert!(if busy.peak_is_exact { found == most } else { found <= most }, "{} {}", found, most);
        }
    }
}
