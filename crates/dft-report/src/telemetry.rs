//! Telemetry over time.

use std::collections::{BTreeMap, BTreeSet};

use dft_codec::HOST_WIDE;
use dft_export::{ExportError, View};
use dft_metrics::FloatStats;

use crate::bins::Bins;
use crate::data::CounterSeries;

/// The most metrics that a page shows.
const MOST: usize = 60;

/// The readings of a metric.
#[derive(Default)]
struct Readings {
    hosts: BTreeSet<String>,
    bins: BTreeMap<usize, FloatStats>,
    low: Option<f64>,
    high: Option<f64>,
}

/// Returns the metrics of host-wide counters that change, and how many are left out: those past the most that a page
/// shows, and those of parts, such as `cpu-0` where there is `cpu`.
pub(crate) fn telemetry(view: &View<'_>, bins: &Bins) -> Result<(Vec<CounterSeries>, usize), ExportError> {
    let mut metrics: BTreeMap<String, BTreeMap<String, Readings>> = BTreeMap::new();
    view.each_reading(|key, value| {
        if key.category() != HOST_WIDE {
            return;
        }
        let Some(bin) = bins.bin(key.bucket) else { return };
        if !metrics.contains_key(&key.name) {
            metrics.insert(key.name.clone(), BTreeMap::new());
        }
        let Some(counter) = metrics.get_mut(&key.name) else { return };
        for (metric, stats) in &value.metrics {
            if !counter.contains_key(metric.as_str()) {
                counter.insert(metric.clone(), Readings::default());
            }
            let Some(readings) = counter.get_mut(metric.as_str()) else { continue };
            if !readings.hosts.contains(&key.host_hash) {
                readings.hosts.insert(key.host_hash.clone());
            }
            readings.bins.entry(bin).or_default().merge(stats);
            let narrower =
                |a: Option<f64>, b: Option<f64>, of: fn(f64, f64) -> f64| a.zip(b).map(|(a, b)| of(a, b)).or(a).or(b);
            readings.low = narrower(readings.low, stats.min(), f64::min);
            readings.high = narrower(readings.high, stats.max(), f64::max);
        }
    })?;
    let is_part = |name: &str| {
        name.rsplit_once('-').is_some_and(|(whole, part)| {
            metrics.contains_key(whole) && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let all: usize = metrics.values().map(BTreeMap::len).sum();
    let changes = |readings: &Readings| readings.low != readings.high;
    let shown: Vec<CounterSeries> = metrics
        .iter()
        .filter(|(counter, _)| !is_part(counter))
        .flat_map(|(counter, metrics)| metrics.iter().map(move |(metric, readings)| (counter, metric, readings)))
        .filter(|(_, _, readings)| changes(readings))
        .take(MOST)
        .map(|(counter, metric, readings)| series(counter, metric, readings, bins))
        .collect();
    let more = all - shown.len();
    Ok((shown, more))
}

fn series(counter: &str, metric: &str, readings: &Readings, bins: &Bins) -> CounterSeries {
    let of = |value: fn(&FloatStats) -> Option<f64>| -> Vec<Option<f64>> {
        (0..bins.count).map(|bin| readings.bins.get(&bin).and_then(value)).collect()
    };
    CounterSeries {
        counter: counter.to_owned(),
        metric: metric.to_owned(),
        hosts: readings.hosts.len(),
        mean: of(FloatStats::mean),
        min: of(FloatStats::min),
        max: of(FloatStats::max),
    }
}
