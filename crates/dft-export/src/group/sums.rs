//! The exact sums of a group, and the statistics that follow from them.

use std::collections::HashSet;

use ahash::RandomState;
use dft_codec::{Custom, RowCore};
#[cfg(test)]
use dft_metrics::Sketch;
use dft_metrics::{IntStats, SketchMapping};

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
                    let stats = sums.combined();
                    match of {
                        MetricStatistic::Samples => Value::Int(int64(stats.n(), TABLE, statistic.name(), &describe)?),
                        MetricStatistic::Total => (stats.n() > 0).then(|| stats.total()).into(),
                        MetricStatistic::Mean => stats.mean().into(),
                        MetricStatistic::Deviation => stats.std().into(),
                        MetricStatistic::Min => stats.min().into(),
                        MetricStatistic::Max => stats.max().into(),
                        MetricStatistic::Quantile(q) => of_sketch(sums, needs, *q),
                        MetricStatistic::Histogram => histogram(sums, needs),
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
                        MetricStatistic::Quantile(q) => of_sketch(sums, needs, *q),
                        MetricStatistic::Histogram => histogram(sums, needs),
                    }
                }
            }
        })
    }
}

fn of_sketch(sums: &Custom, needs: &Needs, q: f64) -> Value {
    needs.sketches.as_ref().and_then(|mapping| sums.quantile(mapping, q)).into()
}

/// Returns the number of values by power of two, as JSON: `{"0":1,"4096":7}`. The key of a positive bin is the power of
/// two that its values are at least.
fn histogram(sums: &Custom, needs: &Needs) -> Value {
    let Some(bins) = needs.sketches.as_ref().and_then(|mapping| sums.powers_of_two(mapping)) else {
        return Value::Null;
    };
    let bins: Vec<String> = bins.into_iter().map(|(bin, count)| format!("\"{bin}\":{count}")).collect();
    Value::Text(format!("{{{}}}", bins.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_null_without_a_sketch_of_all_samples() {
        let mapping = SketchMapping::new(0.01).expect("an accuracy");
        let needs = Needs { metrics: Vec::new(), distinct: Vec::new(), sketches: Some(mapping) };
        let mut sums = Custom::default();
        let mut sketch = Sketch::default();
        for value in [-5, 0, 4096] {
            sums.ints.sample(value);
            sketch.add(&mapping, value as f64);
        }
        sums.sketch = Some(Box::new(sketch));
        assert_eq!(histogram(&sums, &needs), Value::Text(r#"{"-4":1,"0":1,"4096":1}"#.to_owned()));
        assert_eq!(histogram(&Custom::default(), &needs), Value::Null);
        // A sample that is only in the sum is in no bin.
        sums.ints.summed(1, Some(9), None, None);
        assert_eq!(histogram(&sums, &needs), Value::Null);
    }
}
