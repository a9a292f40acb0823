//! Distributions of values, as far as rows tell them.

use dft_metrics::{IntStats, Sketch, SketchMapping};

use crate::data::Distribution;
use crate::error::ReportError;

/// The bin of the value 0, and one for each power of two of a positive int64.
const BINS: usize = 64;

/// The quantiles that a report shows.
const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.95, 0.99];

/// Collects the distribution of values that are not negative.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    stats: IntStats,
    bins: [(u64, i128); BINS],
    unknown: u64,
    /// The values below some bounds: certain ones, and possible ones.
    below: Vec<(i64, u64, u64)>,
    sketch: Option<Sketch>,
}

/// Returns the bin of a value: 0 for 0, and 1 + p for a value from 2^p on.
fn bin(value: i64) -> usize {
    match u64::try_from(value) {
        Ok(0) | Err(_) => 0,
        Ok(value) => 1 + value.ilog2() as usize,
    }
}

impl Values {
    /// Starts a distribution that tells how many values are below each of `bounds`.
    pub(crate) fn new(bounds: &[i64]) -> Self {
        Self {
            stats: IntStats::default(),
            bins: [(0, 0); BINS],
            unknown: 0,
            below: bounds.iter().map(|&bound| (bound, 0, 0)).collect(),
            sketch: None,
        }
    }

    /// Adds the values of a row. Of rows that a tracer aggregated, the extremes need not be values that were counted.
    pub(crate) fn add(&mut self, stats: &IntStats, sketch: Option<&Sketch>, aggregated: bool) {
        let (false, Some(min), Some(max)) = (stats.is_empty() || stats.n() == 0, stats.min(), stats.max()) else {
            self.stats.merge(stats);
            return;
        };
        let n = u64::try_from(stats.n()).unwrap_or(u64::MAX);
        self.stats.merge(stats);
        for (bound, least, most) in &mut self.below {
            let (all, any) = (max < *bound, min < *bound);
            // If the bound lies between two values, one is below it and one is not.
            let between = u64::from(any && !all && !aggregated);
            *least += if all { n } else { between };
            *most += if any { n - between } else { 0 };
        }
        if let Some(sketch) = sketch {
            self.sketch.get_or_insert_default().merge(sketch);
        }
        let rest = stats.sum() - i128::from(min) - i128::from(max);
        if bin(min) == bin(max) {
            self.count(bin(min), n, stats.sum());
        } else if aggregated {
            self.unknown += n;
        } else if let (2, 0) = (n, rest) {
            self.count(bin(min), 1, min.into());
            self.count(bin(max), 1, max.into());
        } else if let (3, Ok(middle)) = (n, i64::try_from(rest)) {
            for value in [min, middle, max] {
                self.count(bin(value), 1, value.into());
            }
        } else {
            self.unknown += n;
        }
    }

    fn count(&mut self, bin: usize, calls: u64, sum: i128) {
        self.bins[bin].0 += calls;
        self.bins[bin].1 += sum;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.stats.merge(&other.stats);
        for (mine, theirs) in self.bins.iter_mut().zip(&other.bins) {
            mine.0 += theirs.0;
            mine.1 += theirs.1;
        }
        self.unknown += other.unknown;
        for (mine, theirs) in self.below.iter_mut().zip(&other.below) {
            mine.1 += theirs.1;
            mine.2 += theirs.2;
        }
        if let Some(sketch) = &other.sketch {
            self.sketch.get_or_insert_default().merge(sketch);
        }
    }

    pub(crate) fn finish(&self, mapping: Option<&SketchMapping>) -> Result<Distribution, ReportError> {
        let what = "values";
        let stats = &self.stats;
        let sketch = self.sketch.as_ref().zip(mapping).filter(|(sketch, _)| sketch.count() == stats.n());
        let mut shown = Distribution {
            samples: u64::try_from(stats.n()).map_err(|_| ReportError::TooLarge { what })?,
            min: stats.min(),
            max: stats.max(),
            mean: stats.mean(),
            std: stats.std(),
            unknown: self.unknown,
            below: self.below.clone(),
            ..Distribution::default()
        };
        if let Some((sketch, mapping)) = sketch.filter(|_| self.unknown > 0) {
            let mut bins = [0; BINS];
            let (low, high) = stats.extent().unwrap_or_default();
            for (bound, count) in sketch.bounds(mapping) {
                bins[bin(bound.max(low).min(high) as i64)] += count;
            }
            let counted = bins.into_iter().enumerate().filter(|(_, calls)| *calls > 0);
            shown.bins = counted.map(|(bin, calls)| (bin as i8 - 1, calls, 0)).collect();
            shown.sketched = true;
            shown.unknown = 0;
        } else {
            for (bin, &(calls, sum)) in self.bins.iter().enumerate().filter(|(_, (calls, _))| *calls > 0) {
                let sum = i64::try_from(sum).map_err(|_| ReportError::TooLarge { what })?;
                shown.bins.push((bin as i8 - 1, calls, sum));
            }
        }
        shown.quantiles = self.quantiles(mapping);
        Ok(shown)
    }

    /// Returns quantiles, if sketches hold every value.
    pub(crate) fn quantiles(&self, mapping: Option<&SketchMapping>) -> Vec<(f64, f64)> {
        let Some((sketch, mapping)) = self.sketch.as_ref().zip(mapping) else { return Vec::new() };
        if sketch.count() != self.stats.n() {
            return Vec::new();
        }
        let extent = self.stats.extent();
        QUANTILES.into_iter().filter_map(|q| Some((q, sketch.quantile(mapping, q, extent)?))).collect()
    }

    pub(crate) fn stats(&self) -> &IntStats {
        &self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[i64]) -> IntStats {
        let mut stats = IntStats::default();
        values.iter().for_each(|&value| stats.sample(value));
        stats
    }

    #[test]
    fn up_to_three_values_of_a_row_are_known() {
        let mut values = Values::new(&[4096]);
        values.add(&row(&[0]), None, false);
        values.add(&row(&[1, 4096]), None, false);
        values.add(&row(&[3, 5, 5000]), None, false);
        let shown = values.finish(None).expect("sums fit");
        assert_eq!(shown.bins, [(-1, 1, 0), (0, 1, 1), (1, 1, 3), (2, 1, 5), (12, 2, 9096)]);
        assert_eq!((shown.samples, shown.unknown), (6, 0));
        // One value of the second row and one or two of the third are below 4096.
        assert_eq!(shown.below, [(4096, 3, 4)]);
    }

    #[test]
    fn values_between_distant_extremes_are_unknown() {
        let mut values = Values::new(&[4096]);
        values.add(&row(&[1, 1, 4096, 4096]), None, false);
        values.add(&row(&[4096, 4097, 8191, 8191, 8191]), None, false);
        let shown = values.finish(None).expect("sums fit");
        assert_eq!(shown.bins, [(12, 5, 32_766)]);
        assert_eq!((shown.samples, shown.unknown), (9, 4));
        assert_eq!(shown.below, [(4096, 1, 3)]);
    }

    #[test]
    fn extremes_without_a_sum_are_no_values() {
        // A tracer that aggregates may give extremes without a sum: these are not samples.
        let mut extremes = IntStats::default();
        extremes.summed(5, None, Some(1), Some(9));
        let mut values = Values::new(&[4]);
        values.add(&extremes, None, true);
        let shown = values.finish(None).expect("sums fit");
        assert_eq!((shown.samples, shown.unknown, shown.bins.len()), (0, 0, 0));
        assert_eq!(shown.below, [(4, 0, 0)]);
        // They are extremes of more than what was counted.
        extremes.summed(1, Some(3), Some(3), Some(3));
        let mut values = Values::new(&[4]);
        values.add(&extremes, None, true);
        let shown = values.finish(None).expect("sums fit");
        assert_eq!((shown.samples, shown.unknown, shown.below), (1, 1, vec![(4, 0, 1)]));
    }

    #[test]
    fn a_sketch_tells_what_extremes_do_not() {
        let mapping = SketchMapping::new(0.01).expect("an accuracy");
        let mut sketch = Sketch::default();
        let all = [1, 1, 4096, 4096];
        all.iter().for_each(|&value| sketch.add(&mapping, value as f64));
        let mut values = Values::new(&[]);
        values.add(&row(&all), Some(&sketch), false);
        let shown = values.finish(Some(&mapping)).expect("sums fit");
        assert_eq!(shown.bins, [(0, 2, 0), (12, 2, 0)]);
        assert!(shown.sketched && shown.unknown == 0);
        assert_eq!(shown.quantiles.len(), QUANTILES.len());
    }
}
