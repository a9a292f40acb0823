//! The targets of the project, and whether a run meets them.

use serde::Serialize;

use crate::account::{self, Job};
use crate::analyses::PRESET;
use crate::builds::{self, Build};
use crate::exports;
use crate::peers::{self, Comparison};
use crate::results::Results;
use crate::scaling::Point;

/// A target and its measurement.
#[derive(Serialize)]
pub(crate) struct Target {
    /// What is measured. The history knows the target by it.
    pub(crate) what: String,
    pub(crate) wanted: String,
    pub(crate) unit: &'static str,
    /// `None` if it was not measured.
    pub(crate) value: Option<f64>,
    /// `None` if it was not measured.
    pub(crate) met: Option<bool>,
}

/// Compares the results with the targets, in the order of the report.
pub(crate) fn judge(results: &Results) -> Vec<Target> {
    let mut targets = Targets(Vec::new());
    over_peers(results, &mut targets);
    over_the_floor(results, &mut targets);
    a_file_for_each_call(results, &mut targets);
    memory(results, &mut targets);
    many_cores(results, &mut targets);
    scale(results, &mut targets);
    parsing(results, &mut targets);
    analyses(results, &mut targets);
    others(results, &mut targets);
    targets.0
}

struct Targets(Vec<Target>);

impl Targets {
    fn put(&mut self, what: &str, wanted: String, value: Option<f64>, unit: &'static str, met: impl Fn(f64) -> bool) {
        // Without measurements the value is NaN, which meets no target.
        let value = value.filter(|value| value.is_finite());
        self.0.push(Target { what: what.to_owned(), wanted, unit, value, met: value.map(met) });
    }

    fn at_least(&mut self, what: &str, value: Option<f64>, bound: f64, unit: &'static str) {
        self.put(what, format!("≥ {bound}{unit}"), value, unit, |value| value >= bound);
    }

    fn at_most(&mut self, what: &str, value: Option<f64>, bound: f64, unit: &'static str) {
        self.put(what, format!("≤ {bound}{unit}"), value, unit, |value| value <= bound);
    }
}

fn comparison<'r>(results: &'r Results, input: &str) -> Option<&'r Comparison> {
    results.peers.iter().flatten().find(|comparison| comparison.input == input)
}

fn build<'r>(results: &'r Results, name: &str) -> Option<&'r Build> {
    results.builds.as_ref().and_then(|builds| builds.of(name))
}

/// From traces through an index to tables, compared with other tools.
fn over_peers(results: &Results, targets: &mut Targets) {
    // In the order of `peers::others`.
    for (input, bounds) in [
        (peers::HIGH, [Some(25.0), Some(25.0), Some(12.0), Some(8.0)]),
        (peers::FILE_PER_CALL, [Some(10.0), Some(20.0), None, None]),
        (peers::TELEMETRY, [Some(8.0), None, None, None]),
    ] {
        for ((peer, to), bound) in peers::others().zip(bounds) {
            let Some(bound) = bound else { continue };
            let ratio = comparison(results, input).and_then(|input| input.ratio(input.outcome(&peer)?));
            let what = format!("traces → index → {} tables, {peer} over dft, {input}", to.name());
            targets.at_least(&what, ratio, bound, " ×");
        }
    }
}

/// Builds and exports, compared with inflating on as many threads.
fn over_the_floor(results: &Results, targets: &mut Targets) {
    for (name, index, export) in [
        (builds::HIGH, Some(2.8), None),
        (builds::LOW, Some(2.2), None),
        (builds::ONE_MEMBER, Some(1.9), None),
        (builds::SMALL_FILES, Some(4.0), None),
        (builds::AGGREGATED, Some(3.0), Some(1.5)),
        (builds::TELEMETRY, Some(4.0), Some(1.5)),
        (builds::FILE_PER_CALL, Some(6.0), Some(3.0)),
    ] {
        let build = build(results, name);
        if let Some(bound) = index {
            targets.at_most(&format!("build over inflating, {name}"), build.map(Build::over_floor), bound, " ×");
        }
        if let Some(bound) = export {
            targets.at_most(
                &format!("export over inflating, {name}"),
                build.map(Build::export_over_floor),
                bound,
                " ×",
            );
        }
    }
}

fn a_file_for_each_call(results: &Results, targets: &mut Targets) {
    let files = build(results, builds::FILE_PER_CALL);
    let size = files.map(Build::index_over_traces);
    targets.at_most("size of the index over that of the traces, a file for each call", size, 0.7, " ×");
    let summary = files.map(|build| build.summary.seconds.median() / build.facts.records as f64 * 1e6);
    targets.at_most("summary of a million calls, a file for each call", summary, 0.3, " s");
    let full =
        build(results, builds::HIGH).map(|build| build.statistics.seconds.median() / build.events.seconds.median());
    targets.at_most("full statistics to Parquet over the events table, high cardinality", full, 2.0, " ×");
}

/// Returns by how many MB the peak memory of a build exceeds its budget.
fn over_budget(peak: f64, budget_mib: u64) -> f64 {
    (peak - (budget_mib << 20) as f64) / 1e6
}

fn memory(results: &Results, targets: &mut Targets) {
    let builds = || results.builds.iter().flat_map(|builds| &builds.builds);
    let budgets = || results.scaling.iter().flat_map(|scaling| &scaling.memory);
    let of_point = |point: &Point| over_budget(point.cost.peak_bytes.max(), point.settings.memory_mib);
    let most = |peaks: &mut dyn Iterator<Item = f64>| peaks.reduce(f64::max);
    let peaks = builds().map(|build| over_budget(build.index.peak_bytes.max(), build.settings.memory_mib));
    let peaks = most(&mut peaks.chain(budgets().map(of_point)));
    targets.at_most("peak memory over the budget, highest of all inputs", peaks, 150.0, " MB");
    let peaks = most(&mut builds().map(|build| build.index.peak_bytes.max() / 1e6));
    targets.at_most("peak memory with the default budget, highest of all inputs", peaks, 1000.0, " MB");
    let small = budgets().find(|point| point.settings.memory_mib == 256);
    let small = small.map(|point| point.cost.peak_bytes.max() / 1e6);
    targets.at_most("peak memory of 19 M records with a budget of 256 MiB", small, 418.0, " MB");
    let files = build(results, builds::FILE_PER_CALL_LARGE);
    let index = files.map(|build| over_budget(build.index.peak_bytes.max(), build.settings.memory_mib));
    targets.at_most("peak memory of a build over the budget, 5 M distinct files", index, 150.0, " MB");
    let export = files.map(|build| over_budget(build.export.peak_bytes.max(), build.settings.memory_mib));
    targets.at_most("peak memory of an export over the budget, 5 M distinct files", export, 150.0, " MB");
}

fn many_cores(results: &Results, targets: &mut Targets) {
    let account = results.account.iter().flatten().find(|account| account.name == account::MANY_FILES);
    let speed_up = |job: Option<&Job>| job.map(|job| job.speed_up);
    let what = |job: &str| format!("{job} of many files, speed-up by {} cores", account::CORES);
    targets.at_least(&what("build"), speed_up(account.map(|account| &account.index)), 8.0, " ×");
    targets.at_least(&what("export"), speed_up(account.map(|account| &account.export)), 8.0, " ×");
    for (at, files) in [4, 16].into_iter().enumerate() {
        let points = results.scaling.as_ref().and_then(|scaling| scaling.contention.get(at));
        let worst = points.and_then(|points| {
            let (first, more) = points.split_first()?;
            more.iter().map(|point| point.cost.seconds.median() / first.cost.seconds.median()).reduce(f64::max)
        });
        // What repetitions of the same build differ by.
        targets.at_most(&format!("build with 8 or 32 threads over that with 2, {files} files"), worst, 1.05, " ×");
    }
}

fn scale(results: &Results, targets: &mut Targets) {
    let huge = results.scaling.as_ref().and_then(|scaling| scaling.huge.as_ref());
    let ratio = huge.map(|huge| huge.whole.per_record_ns() / huge.small.per_record_ns());
    targets.at_most("cost of a record of 100 M over that of 2 M", ratio, 1.2, " ×");
    let peak = huge.map(|huge| over_budget(huge.whole.cost.peak_bytes.max(), huge.whole.settings.memory_mib));
    targets.at_most("peak memory of 100 M records over the budget", peak, 150.0, " MB");
}

fn parsing(results: &Results, targets: &mut Targets) {
    let rate = |parser: &str, generation: u8| {
        let name = format!("{parser}, {generation}");
        let steps = results.micro.as_ref()?;
        steps.iter().find(|step| step.group == "records" && step.name == name)?.bytes_per_second()
    };
    for (generation, bound) in [(2, 2.0), (3, 2.0), (0, 1.0)] {
        let what = format!("parsing, generation {generation}");
        targets.at_least(&what, rate("layouts", generation).map(|rate| rate / 1e9), bound, " GB/s");
    }
    for generation in [2, 3] {
        let best =
            [rate("serde_json", generation), rate("sonic-rs", generation)].into_iter().flatten().reduce(f64::max);
        let ratio = rate("layouts", generation).zip(best).map(|(own, best)| own / best);
        let what = format!("parsing over the best library parser, generation {generation}");
        targets.at_least(&what, ratio, 4.0, " ×");
    }
}

fn analyses(results: &Results, targets: &mut Targets) {
    let all = results.analyses.as_ref();
    let ratios = all.and_then(|all| all.ratios(PRESET));
    let [from_index, from_traces] = [0, 1].map(|at| ratios.map(|ratios| ratios[at]));
    targets.at_least(&format!("analysis of an index, dfanalyzer over dft, preset {PRESET}"), from_index, 1000.0, " ×");
    targets.at_least(&format!("analysis of traces, dfanalyzer over dft, preset {PRESET}"), from_traces, 500.0, " ×");
    let seconds = all.map(|all| all.large.seconds());
    targets.at_most("analysis of five million rows", seconds.map(|seconds| seconds[0]), 1.5, " s");
    targets.at_most("report on five million rows", seconds.map(|seconds| seconds[1]), 2.0, " s");
    let peak = all.map(|all| all.large.analyze.peak_bytes.max() / 1e6 * 5e6 / all.large.facts.rows as f64);
    targets.at_most("peak memory of the analysis of five million rows", peak, 300.0, " MB");
}

fn others(results: &Results, targets: &mut Targets) {
    let high = comparison(results, peers::HIGH);
    let share = high.and_then(|comparison| {
        let measured = comparison.outcome("dftracer-utils 0.0.14")?.result.as_ref().ok()?;
        Some(comparison.dft.facts.index_bytes as f64 / measured.index_bytes as f64 * 100.0)
    });
    targets.at_most("size of the index over that of dftracer-utils 0.0.14", share, 60.0, " %");
    let seconds = |name| results.exports.as_ref().and_then(|all| Some(all.of(name)?.cost.seconds.median()));
    let ratio = seconds(exports::WHOLE).zip(seconds(exports::SLICE)).map(|(whole, slice)| whole / slice);
    targets.at_least("export of all over that of 1 % of the time", ratio, 20.0, " ×");
    let again = results.builds.as_ref().map(|builds| builds.again.seconds.median());
    targets.at_most("a re-run with nothing to do over 2,000 files", again.map(|s| s * 1e3), 50.0, " ms");
    let python = high.zip(peers::python()).and_then(|(high, name)| high.ratio(high.outcome(&name)?));
    targets.at_most("traces → index → tables, from Python over dft index + dft export", python, 1.1, " ×");
}
