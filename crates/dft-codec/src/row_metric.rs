//! The metrics of a row by name: read from the row, or set in it.

use dft_metrics::Sketch;

use crate::custom::Custom;
use crate::rows::RowValue;

/// A metric of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowMetric<'a> {
    /// Durations, in µs.
    Duration,
    /// Bytes transferred.
    Size,
    /// File offsets, in bytes.
    Offset,
    /// A custom metric.
    Custom(&'a str),
}

impl RowValue {
    /// Returns the names of the metrics for which something was recorded: durations, sizes and offsets first, then
    /// custom metrics in byte order.
    pub fn metrics(&self) -> impl Iterator<Item = RowMetric<'_>> {
        let usual = [RowMetric::Duration, RowMetric::Size, RowMetric::Offset];
        let recorded = usual.into_iter().filter(|&metric| self.metric(metric).is_some());
        recorded.chain(self.customs.iter().map(|(name, _)| RowMetric::Custom(name)))
    }

    /// Returns the statistics of a metric; `None` if nothing was recorded.
    pub fn metric(&self, metric: RowMetric<'_>) -> Option<Custom> {
        let core = &self.core;
        let (ints, at) = match metric {
            RowMetric::Duration => (&core.duration, 0),
            RowMetric::Size => (&core.size, 1),
            RowMetric::Offset => (&core.offset, 2),
            RowMetric::Custom(name) => {
                let at = self.customs.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
                return Some(self.customs[at].1.clone());
            }
        };
        let sketch = core.sketches.as_ref().map(|sketches| &sketches[at]).filter(|sketch| !sketch.is_empty());
        let recorded = !ints.is_empty() || sketch.is_some();
        recorded.then(|| Custom { ints: ints.clone(), floats: None, sketch: sketch.cloned().map(Box::new) })
    }

    /// Sets the statistics of a metric. Durations, sizes and offsets are integers: returns `false`, and changes
    /// nothing, if other samples are among theirs.
    #[must_use]
    pub fn set_metric(&mut self, metric: RowMetric<'_>, stats: Custom) -> bool {
        let core = &mut self.core;
        let (ints, at) = match metric {
            RowMetric::Custom(name) => {
                match self.customs.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
                    Ok(at) => self.customs[at].1 = stats,
                    Err(at) => self.customs.insert(at, (name.to_owned(), stats)),
                }
                return true;
            }
            _ if stats.floats.is_some() => return false,
            RowMetric::Duration => (&mut core.duration, 0),
            RowMetric::Size => (&mut core.size, 1),
            RowMetric::Offset => (&mut core.offset, 2),
        };
        *ints = stats.ints;
        let sketch = stats.sketch.map_or_else(Sketch::default, |sketch| *sketch);
        if core.sketches.is_some() || !sketch.is_empty() {
            core.sketches.get_or_insert_default()[at] = sketch;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric_stats::MetricStats;

    fn sampled(values: &[i64]) -> Custom {
        let mut stats = MetricStats::new(Some(0.01)).expect("an accuracy");
        values.iter().for_each(|&value| stats.sample_int(value));
        stats.custom
    }

    #[test]
    fn metrics_that_are_set_are_those_of_the_decoded_row() {
        let mut row = RowValue::empty();
        assert_eq!(row.metrics().count(), 0);
        (row.core.count, row.core.ts, row.core.te) = (3, 5, 9);
        assert!(row.set_metric(RowMetric::Size, sampled(&[4096, 0])));
        assert!(row.set_metric(RowMetric::Custom("b"), sampled(&[7])));
        assert!(row.set_metric(RowMetric::Custom("a"), sampled(&[8])));
        let row = RowValue::decode(&row.encode(0), 0).expect("a row");
        assert_eq!(row.metric(RowMetric::Size), Some(sampled(&[4096, 0])));
        assert_eq!(row.metric(RowMetric::Duration), None);
        let names: Vec<_> = row.metrics().collect();
        assert_eq!(names, [RowMetric::Size, RowMetric::Custom("a"), RowMetric::Custom("b")]);
    }

    #[test]
    fn a_duration_that_is_no_integer_is_refused() {
        let mut stats = MetricStats::default();
        stats.sample_float(0.5);
        let mut row = RowValue::empty();
        assert!(!row.set_metric(RowMetric::Duration, stats.custom));
        assert_eq!(row, RowValue::empty());
    }
}
