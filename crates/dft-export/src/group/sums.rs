//! The exact sums of a group, and the statistics that follow from them.

use std::collections::{BTreeMap, HashSet};

use ahash::RandomState;
use dft_codec::{Custom, RowCore};
use dft_metrics::{Combined, FloatStats, IntStats, Sketch, SketchMapping};

use crate::cells::Cell;
use crate::error::ExportError;
use crate::group::statistic::{Distinct, Metric, MetricStatistic, Statistic, StatisticKind};
use crate::group::value::Value;
use crate::numbers::{RowNumbers, int64};

/// The name of groups in messages.
const TABLE: &str = "groups";

/// What the statistics need of each row.
pub(super) struct Needs {
    /// The metrics, in order.
    pub(super) metrics: Vec<Metric>,
    pub(super) distinct: Vec<Distinct>,
    pub(super) sketches: Option<SketchMapping>,
}

impl Needs {
    /// Returns what statistics need. `accuracy` is that of the sketches of the index.
    pub(super) fn of(statistics: &[Statistic], accuracy: Option<f64>) -> Result<Self, ExportError> {
        let (mut metrics, mut distinct, mut with_sketches) = (Vec::new(), Vec::new(), false);
        for statistic in statistics {
            match &statistic.kind {
                StatisticKind::OfMetric(metric, of) => {
                    if of.needs_sketches() && accuracy.is_none() {
                        return Err(ExportError::NoSketches(statistic.name().to_owned()));
                    }
                    with_sketches |= of.needs_sketches();
                    metrics.push(metric.clone());
                }
                StatisticKind::Distinct(of) if !distinct.contains(of) => distinct.push(*of),
                _ => {}
            }
        }
        metrics.sort_unstable();
        metrics.dedup();
        let sketches = accuracy.filter(|_| with_sketches).and_then(SketchMapping::new);
        Ok(Self { metrics, distinct, sketches })
    }

    /// Whether rows are read with their custom metrics and sketches.
    pub(super) fn all_parts(&self) -> bool {
        self.sketches.is_some() || self.metrics.iter().any(|metric| matches!(metric, Metric::Custom(_)))
    }
}

/// The exact sums of a group.
pub(super) struct GroupSums {
    count: u128,
    /// From the origin, in µs.
    span: Option<(i64, i64)>,
    /// One for each metric of [`Needs`].
    metrics: Vec<Custom>,
    /// One for each set of [`Needs`], of hashes of what identifies its members.
    distinct: Vec<HashSet<u128, RandomState>>,
}

impl GroupSums {
    pub(super) fn new(needs: &Needs) -> Self {
        Self {
            count: 0,
            span: None,
            metrics: vec![Custom::default(); needs.metrics.len()],
            distinct: vec![HashSet::default(); needs.distinct.len()],
        }
    }

    /// Adds a row. `members` has the hash of its member of each set; `None` if it has none.
    pub(super) fn add(&mut self, needs: &Needs, row: &RowNumbers, cell: &Cell<'_>, members: &[Option<u128>]) {
        self.count += row.count;
        self.widen(row.time_start, row.time_end);
        let RowCore { duration, size, offset, sketches, .. } = &cell.row.core;
        for (metric, sums) in needs.metrics.iter().zip(&mut self.metrics) {
            let (stats, at) = match metric {
                Metric::Duration => (duration, 0),
                Metric::Size => (size, 1),
                Metric::Offset => (offset, 2),
                Metric::Custom(name) => {
                    let customs = &cell.row.customs;
                    if let Ok(at) = customs.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
                        sums.merge(&customs[at].1);
                    }
                    continue;
                }
            };
            sums.ints.merge(stats);
            if needs.sketches.is_some()
                && let Some(sketches) = sketches
            {
                sums.sketch.get_or_insert_default().merge(&sketches[at]);
            }
        }
        for (set, member) in self.distinct.iter_mut().zip(members) {
            set.extend(member);
        }
    }

    /// Adds another part of the same group.
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        if let Some((start, end)) = other.span {
            self.widen(start, end);
        }
        for (mine, theirs) in self.metrics.iter_mut().zip(&other.metrics) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.distinct.iter_mut().zip(other.distinct) {
            mine.extend(theirs);
        }
    }

    fn widen(&mut self, start: i64, end: i64) {
        self.span = Some(self.span.map_or((start, end), |(first, last)| (first.min(start), last.max(end))));
    }

    /// Returns a statistic. `describe` describes the group in errors.
    pub(super) fn value(
        &self,
        statistic: &Statistic,
        needs: &Needs,
        describe: impl Fn() -> String,
    ) -> Result<Value, ExportError> {
        let int = |number: i128| int64(number, TABLE, statistic.name(), &describe).map(Value::Int);
        Ok(match &statistic.kind {
            StatisticKind::Count => Value::Int(int64(self.count, TABLE, statistic.name(), &describe)?),
            StatisticKind::TimeStart => self.span.map(|(start, _)| start).into(),
            StatisticKind::TimeEnd => self.span.map(|(_, end)| end).into(),
            StatisticKind::Distinct(of) => {
                let at = needs.distinct.iter().position(|known| known == of);
                Value::Int(at.map_or(0, |at| self.distinct[at].len() as i64))
            }
            StatisticKind::OfMetric(metric, of) => {
                let Some(at) = needs.metrics.iter().position(|known| known == metric) else { return Ok(Value::Null) };
                let sums = &self.metrics[at];
                if let Metric::Custom(_) = metric {
                    let none = FloatStats::default();
                    let stats = Combined::new(&sums.ints, sums.floats.as_deref().unwrap_or(&none));
                    match of {
                        MetricStatistic::Samples => Value::Int(int64(stats.n(), TABLE, statistic.name(), &describe)?),
                        MetricStatistic::Total => (stats.n() > 0).then(|| stats.total()).into(),
                        MetricStatistic::Mean => stats.mean().into(),
                        MetricStatistic::Deviation => stats.std().into(),
                        MetricStatistic::Min => stats.min().into(),
                        MetricStatistic::Max => stats.max().into(),
                        MetricStatistic::Quantile(q) => of_sketch(sums, needs, *q, stats.n(), stats.extent()),
                        MetricStatistic::Histogram => histogram(sums, needs, stats.n(), stats.extent()),
                    }
                } else {
                    let stats: &IntStats = &sums.ints;
                    match of {
                        MetricStatistic::Samples => Value::Int(int64(stats.n(), TABLE, statistic.name(), &describe)?),
                        MetricStatistic::Total if stats.n() > 0 => int(stats.sum())?,
                        MetricStatistic::Total => Value::Null,
                        MetricStatistic::Mean => stats.mean().into(),
                        MetricStatistic::Deviation => stats.std().into(),
                        MetricStatistic::Min => stats.min().into(),
                        MetricStatistic::Max => stats.max().into(),
                        MetricStatistic::Quantile(q) => of_sketch(sums, needs, *q, stats.n(), stats.extent()),
                        MetricStatistic::Histogram => histogram(sums, needs, stats.n(), stats.extent()),
                    }
                }
            }
        })
    }
}

/// Returns the sketch of all `n` samples; `None` if it lacks any, because the tracer summed them up.
fn whole_sketch<'s>(sums: &'s Custom, needs: &'s Needs, n: u128) -> Option<(&'s Sketch, &'s SketchMapping)> {
    let sketch = sums.sketch.as_deref().zip(needs.sketches.as_ref());
    sketch.filter(|(sketch, _)| !sketch.is_empty() && sketch.count() == n)
}

fn of_sketch(sums: &Custom, needs: &Needs, q: f64, n: u128, extent: Option<(f64, f64)>) -> Value {
    whole_sketch(sums, needs, n).and_then(|(sketch, mapping)| sketch.quantile(mapping, q, extent)).into()
}

/// Returns the number of values by power of two, as JSON: `{"0":1,"4096":7}`. The key of a positive bin is the power of
/// two that its values are at least.
fn histogram(sums: &Custom, needs: &Needs, n: u128, extent: Option<(f64, f64)>) -> Value {
    let Some((sketch, mapping)) = whole_sketch(sums, needs, n) else { return Value::Null };
    let (low, high) = extent.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let mut bins: BTreeMap<(bool, i64), (f64, u128)> = BTreeMap::new();
    for (bound, count) in sketch.bounds(mapping) {
        let bin = power_of_two(bound.max(low).min(high));
        // Orders bins by value: a double's bits order as its magnitude does.
        let magnitude = bin.abs().to_bits() as i64;
        let order = if bin < 0.0 { (false, -magnitude) } else { (true, magnitude) };
        bins.entry(order).or_insert((bin, 0)).1 += u128::from(count);
    }
    let bins: Vec<String> = bins.into_values().map(|(bin, count)| format!("\"{bin}\":{count}")).collect();
    Value::Text(format!("{{{}}}", bins.join(",")))
}

/// Returns the power of two next to a value, towards zero, with its sign; 0 for 0.
pub(super) fn power_of_two(value: f64) -> f64 {
    const SIGN_AND_EXPONENT: u64 = 0xFFF0_0000_0000_0000;
    if value == 0.0 { 0.0 } else { f64::from_bits(value.to_bits() & SIGN_AND_EXPONENT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_the_bin_of_the_power_of_two_below_them() {
        for (value, bin) in [(0.0, 0.0), (1.0, 1.0), (1.5, 1.0), (4096.0, 4096.0), (4095.9, 2048.0), (-3.0, -2.0)] {
            assert_eq!(power_of_two(value), bin);
        }
    }

    #[test]
    fn a_histogram_counts_powers_of_two_in_their_own_bins() {
        let mapping = SketchMapping::new(0.01).expect("an accuracy");
        let needs = Needs { metrics: Vec::new(), distinct: Vec::new(), sketches: Some(mapping) };
        let mut sums = Custom::default();
        let mut sketch = Sketch::default();
        // No value is in the bin of the next power of two within the accuracy below it.
        for value in [-5, 0, 1, 3, 4096, 4096, 5000, 1 << 30] {
            sums.ints.sample(value);
            sketch.add(&mapping, value as f64);
        }
        sums.sketch = Some(Box::new(sketch));
        let counted = histogram(&sums, &needs, 8, sums.ints.extent());
        assert_eq!(counted, Value::Text(r#"{"-4":1,"0":1,"1":1,"2":1,"4096":3,"1073741824":1}"#.to_owned()));
        assert_eq!(histogram(&Custom::default(), &needs, 0, None), Value::Null);
        // A sample that is only in the sum is in no bin.
        assert_eq!(histogram(&sums, &needs, 9, None), Value::Null);
    }
}
