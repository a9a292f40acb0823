//! The targets of the project, and whether a run meets them.

use serde::Serialize;

use crate::builds::{self, Build};
use crate::peers::Comparison;
use crate::results::Results;
use crate::{exports, peers, words};

/// A target and its measurement.
#[derive(Serialize)]
pub(crate) struct Target {
    pub(crate) number: u8,
    pub(crate) what: String,
    pub(crate) wanted: String,
    pub(crate) measured: String,
    /// `None` if it was not measured.
    pub(crate) met: Option<bool>,
}

/// Compares the results with the targets, in the order of the report.
pub(crate) fn judge(results: &Results) -> Vec<Target> {
    let mut targets = Targets(Vec::new());
    faster_than_peers(results, &mut targets);
    near_the_floor(results, &mut targets);
    parsing(results, &mut targets);
    let ratio = build(results, builds::ONE_MEMBER).map(Build::over_floor);
    targets.at_most(4, "build over inflating on one thread, one gzip member", ratio, 1.7, " ×");
    memory(results, &mut targets);
    sizes_and_slices(results, &mut targets);
    let again = results.builds.as_ref().map(|builds| builds.again.seconds.median());
    targets.at_most(7, "a re-run with nothing to do over 2,000 files", again.map(|s| s * 1e3), 50.0, " ms");
    let python = high(results).zip(peers::python()).and_then(|(high, name)| high.ratio(high.outcome(&name)?));
    targets.at_most(8, "traces → index → tables, from Python over dft index + dft export", python, 1.1, " ×");
    targets.0
}

/// Returns the comparison with peers that has targets.
fn high(results: &Results) -> Option<&Comparison> {
    results.peers.as_ref().and_then(|comparisons| comparisons.first())
}

struct Targets(Vec<Target>);

impl Targets {
    fn put(
        &mut self,
        number: u8,
        what: &str,
        wanted: String,
        measured: Option<f64>,
        unit: &str,
        met: impl Fn(f64) -> bool,
    ) {
        // Without measurements the value is NaN, which meets no target.
        let measured = measured.filter(|value| value.is_finite());
        self.0.push(Target {
            number,
            what: what.to_owned(),
            wanted,
            measured: measured.map_or("not measured".to_owned(), |value| format!("{}{unit}", words::number(value))),
            met: measured.map(met),
        });
    }

    fn at_least(&mut self, number: u8, what: &str, measured: Option<f64>, bound: f64, unit: &str) {
        self.put(number, what, format!("≥ {bound}{unit}"), measured, unit, |value| value >= bound);
    }

    fn at_most(&mut self, number: u8, what: &str, measured: Option<f64>, bound: f64, unit: &str) {
        self.put(number, what, format!("≤ {bound}{unit}"), measured, unit, |value| value <= bound);
    }
}

fn faster_than_peers(results: &Results, targets: &mut Targets) {
    let high = high(results);
    for (peer, to) in peers::others() {
        let bound = if peer.starts_with("dftracer-utils") { 15.0 } else { 8.0 };
        let ratio = high.and_then(|comparison| comparison.ratio(comparison.outcome(&peer)?));
        let what = format!("traces → index → {} tables, {peer} over dft", to.name());
        targets.at_least(1, &what, ratio, bound, " ×");
    }
}

fn build<'r>(results: &'r Results, name: &str) -> Option<&'r Build> {
    results.builds.as_ref().and_then(|builds| builds.of(name))
}

fn near_the_floor(results: &Results, targets: &mut Targets) {
    for (name, bound) in [(builds::HIGH, 5.0), (builds::LOW, 3.0)] {
        let ratio = build(results, name).map(Build::over_floor);
        targets.at_most(2, &format!("build over inflating, {name}"), ratio, bound, " ×");
    }
}

fn parsing(results: &Results, targets: &mut Targets) {
    let rate = |parser: &str, generation: u8| {
        let name = format!("{parser}, {generation}");
        let steps = results.micro.as_ref()?;
        steps.iter().find(|step| step.group == "records" && step.name == name)?.bytes_per_second()
    };
    for (generation, bound) in [(2, 2.0), (3, 2.0), (0, 1.0)] {
        let what = format!("parsing, generation {generation}");
        targets.at_least(3, &what, rate("layouts", generation).map(|rate| rate / 1e9), bound, " GB/s");
    }
    for generation in [2, 3] {
        let best =
            [rate("serde_json", generation), rate("sonic-rs", generation)].into_iter().flatten().reduce(f64::max);
        let ratio = rate("layouts", generation).zip(best).map(|(own, best)| own / best);
        let what = format!("parsing over the best library parser, generation {generation}");
        targets.at_least(3, &what, ratio, 4.0, " ×");
    }
}

fn memory(results: &Results, targets: &mut Targets) {
    const MIB: f64 = (1 << 20) as f64;
    let over = |peak: f64, budget: u64| peak / 1e6 - budget as f64 * MIB / 1e6;
    let builds = || results.builds.iter().flat_map(|builds| &builds.builds);
    let budgets = || results.scaling.iter().flat_map(|scaling| &scaling.memory);
    let peaks = builds().map(|build| over(build.index.peak_bytes.max(), build.settings.memory_mib));
    let peaks = peaks.chain(budgets().map(|point| over(point.cost.peak_bytes.max(), point.settings.memory_mib)));
    let most = |peaks: &mut dyn Iterator<Item = f64>| peaks.reduce(f64::max);
    targets.at_most(
        5,
        "peak memory over the budget, highest of all inputs",
        most(&mut peaks.into_iter()),
        150.0,
        " MB",
    );
    let peaks = most(&mut builds().map(|build| build.index.peak_bytes.max() / 1e6));
    targets.at_most(5, "peak memory with the default budget, highest of all inputs", peaks, 1000.0, " MB");
    let small = budgets().find(|point| point.settings.memory_mib == 256);
    let small = small.map(|point| point.cost.peak_bytes.max() / 1e6);
    targets.at_most(
        5,
        "peak memory of 19 M records with a budget of 256 MiB",
        small,
        (256.0 * MIB / 1e6 + 150.0).round(),
        " MB",
    );
    let files = build(results, builds::NEW_FILES).map(|build| build.index.peak_bytes.max() / 1e6);
    targets.at_most(5, "peak memory of 5 M distinct files in one trace", files, 1000.0, " MB");
}

fn sizes_and_slices(results: &Results, targets: &mut Targets) {
    let high = high(results);
    let share = high.and_then(|comparison| {
        let measured = comparison.outcome("dftracer-utils 0.0.14")?.result.as_ref().ok()?;
        Some(comparison.dft.facts.index_bytes as f64 / measured.index_bytes as f64 * 100.0)
    });
    targets.at_most(6, "size of the index over that of dftracer-utils 0.0.14", share, 60.0, " %");
    let seconds = |name| results.exports.as_ref().and_then(|all| Some(all.of(name)?.cost.seconds.median()));
    let ratio = seconds(exports::WHOLE).zip(seconds(exports::SLICE)).map(|(whole, slice)| whole / slice);
    targets.at_least(6, "export of all over that of 1 % of the time", ratio, 20.0, " ×");
}
