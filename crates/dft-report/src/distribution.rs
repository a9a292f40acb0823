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
    bins: [u64; BINS],
    unknown: u64,
    /// Whether bins hold values whose bin is that of a sketch.
    sketched: bool,
    /// The values below some bounds: certain ones, and possible ones.
    below: Vec<(i64, u64, u64)>,
    sketch: Option<Sketch>,
}

/// The values of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowValues<'r> {
    pub(crate) stats: &'r IntStats,
    pub(crate) sketch: Option<&'r Sketch>,
    /// Whether a tracer aggregated them. Then the extremes need not be values that were counted.
    pub(crate) aggregated: bool,
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
            bins: [0; BINS],
            unknown: 0,
            sketched: false,
            below: bounds.iter().map(|&bound| (bound, 0, 0)).collect(),
            sketch: None,
        }
    }

    /// Adds the values of a row.
    pub(crate) fn add(&mut self, row: RowValues<'_>, mapping: Option<&SketchMapping>) {
        let RowValues { stats, sketch, aggregated } = row;
        self.stats.merge(stats);
        let n = u64::try_from(stats.n()).unwrap_or(u64::MAX);
        let (Some(min), Some(max), 1..) = (stats.min(), stats.max(), n) else { return };
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
        let whole = sketch.zip(mapping).filter(|(sketch, _)| sketch.count() == stats.n());
        let middle = i64::try_from(stats.sum() - i128::from(min) - i128::from(max));
        match (n, middle, whole) {
            _ if bin(min) == bin(max) => self.bins[bin(min)] += n,
            (2, ..) if !aggregated => {
                self.bins[bin(min)] += 1;
                self.bins[bin(max)] += 1;
            }
            (3, Ok(middle), _) if !aggregated => {
                [min, middle, max].into_iter().for_each(|value| self.bins[bin(value)] += 1)
            }
            (_, _, Some((sketch, mapping))) => {
                for (bound, count) in sketch.bounds(mapping) {
                    self.bins[bin(bound.max(min as f64).min(max as f64) as i64)] += count;
                }
                self.sketched = true;
            }
            _ => self.unknown += n,
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.stats.merge(&other.stats);
        for (mine, theirs) in self.bins.iter_mut().zip(&other.bins) {
            *mine += theirs;
        }
        self.unknown += other.unknown;
        self.sketched |= other.sketched;
        for (mine, theirs) in self.below.iter_mut().zip(&other.below) {
            mine.1 += theirs.1;
            mine.2 += theirs.2;
        }
        if let Some(sketch) = &other.sketch {
            self.sketch.get_or_insert_default().merge(sketch);
        }
    }

    pub(crate) fn finish(&self, mapping: Option<&SketchMapping>) -> Result<Distribution, ReportError> {
        let stats = &self.stats;
        let counted = self.bins.iter().enumerate().filter(|(_, calls)| **calls > 0);
        Ok(Distribution {
            samples: u64::try_from(stats.n()).map_err(|_| ReportError::TooLarge { what: "calls with a value" })?,
            min: stats.min(),
            max: stats.max(),
            mean: stats.mean(),
            std: stats.std(),
            bins: counted.map(|(bin, calls)| (bin as i8 - 1, *calls)).collect(),
            unknown: self.unknown,
            sketched: self.sketched,
            below: self.below.clone(),
            quantiles: self.quantiles(mapping),
        })
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

    /// Returns the distribution of the values of rows.
    fn distribution(rows: &[&[i64]], bounds: &[i64]) -> Distribution {
        let mut values = Values::new(bounds);
        for stats in rows.iter().map(|values| row(values)) {
            values.add(RowValues { stats: &stats, sketch: None, aggregated: false }, None);
        }
        values.finish(None).expect("counts fit")
    }

    #[test]
    fn up_to_three_values_of_a_row_are_known() {
        let shown = distribution(&[&[0], &[1, 4096], &[3, 5, 5000]], &[4096]);
        assert_eq!(shown.bins, [(-1, 1), (0, 1), (1, 1), (2, 1), (12, 2)]);
        assert_eq!((shown.samples, shown.unknown), (6, 0));
        // One value of the second row and one or two of the third are below 4096.
        assert_eq!(shown.below, [(4096, 3, 4)]);
    }

    #[test]
    fn values_between_distant_extremes_are_unknown() {
        let shown = distribution(&[&[1, 1, 4096, 4096], &[4096, 4097, 8191, 8191, 8191]], &[4096]);
        assert_eq!(shown.bins, [(12, 5)]);
        assert_eq!((shown.samples, shown.unknown), (9, 4));
        assert_eq!(shown.below, [(4096, 1, 3)]);
    }

    #[test]
    fn extremes_that_a_tracer_gives_are_no_values() {
        let mut stats = IntStats::default();
        stats.summed(5, None, Some(1), Some(9));
        for (samples, below) in [(0, (4, 0, 0)), (1, (4, 0, 1))] {
            let mut values = Values::new(&[4]);
            values.add(RowValues { stats: &stats, sketch: None, aggregated: true }, None);
            let shown = values.finish(None).expect("counts fit");
            assert_eq!((shown.samples, shown.unknown, shown.below), (samples, samples, vec![below]));
            assert!(shown.bins.is_empty());
            stats.summed(1, Some(3), Some(3), Some(3));
        }
    }

    #[test]
    fn a_sketch_tells_what_extremes_do_not() {
        let mapping = SketchMapping::new(0.01).expect("an accuracy");
        let mut sketch = Sketch::default();
        let all = [1, 1, 4096, 4096];
        all.iter().for_each(|&value| sketch.add(&mapping, value as f64));
        let mut values = Values::new(&[]);
        let stats = row(&all);
        values.add(RowValues { stats: &stats, sketch: Some(&sketch), aggregated: true }, Some(&mapping));
        let shown = values.finish(Some(&mapping)).expect("counts fit");
        assert_eq!(shown.bins, [(0, 2), (12, 2)]);
        assert!(shown.sketched && shown.unknown == 0);
        assert_eq!(shown.quantiles.len(), QUANTILES.len());
        // It does not tell those that it lacks.
        values.add(RowValues { stats: &row(&[1, 1, 2, 2]), sketch: Some(&sketch), aggregated: true }, Some(&mapping));
        values
            .add(RowValues { stats: &row(&[1, 1, 2, 2, 2]), sketch: Some(&sketch), aggregated: true }, Some(&mapping));
        let shown = values.finish(Some(&mapping)).expect("counts fit");
        assert_eq!((shown.samples, shown.unknown), (13, 5));
        assert!(shown.quantiles.is_empty());
    }
}
