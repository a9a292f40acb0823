//! Joint statistics of the integer and float samples of one metric.

use crate::exact::ExactSum;
use crate::float_stats::{FloatStats, deviation};
use crate::int_stats::IntStats;
use crate::rounding;

/// The joint statistics of a metric that had integer and float samples.
#[derive(Clone, Debug)]
pub struct Combined {
    n: u128,
    sum: ExactSum,
    squares: ExactSum,
    squares_known: bool,
    count_known: bool,
    extent: Option<(f64, f64)>,
}

impl Combined {
    /// Combines both. Integer extrema are rounded to the nearest double.
    pub fn new(ints: &IntStats, floats: &FloatStats) -> Self {
        let (ints, floats) = (ints.parts(), floats.parts());
        let (mut sum, mut squares) = (floats.sum, floats.squares);
        sum.add_i128(ints.sum);
        let squares_known = ints.squares_known && floats.squares_known;
        squares.add_u256(ints.squares);
        let int_extent = ints.extent.map(|(low, high)| (low as f64, high as f64));
        let extent = match (int_extent, floats.extent) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        Self { n: ints.n + floats.n, sum, squares, squares_known, count_known: ints.count_known, extent }
    }

    /// Returns the number of samples.
    pub fn n(&self) -> u128 {
        self.n
    }

    /// Returns their sum, correctly rounded.
    pub fn total(&self) -> f64 {
        self.sum.to_f64()
    }

    /// Returns the minimum and maximum.
    pub fn extent(&self) -> Option<(f64, f64)> {
        self.extent
    }

    /// Returns the minimum.
    pub fn min(&self) -> Option<f64> {
        self.extent.map(|(low, _)| low)
    }

    /// Returns the maximum.
    pub fn max(&self) -> Option<f64> {
        self.extent.map(|(_, high)| high)
    }

    /// Returns the mean, correctly rounded; `None` if there are no samples or their number is unknown.
    pub fn mean(&self) -> Option<f64> {
        let (sum, exponent) = self.sum.to_bigint();
        (self.n > 0 && self.count_known).then(|| rounding::ratio(&sum, &self.n.into(), exponent))
    }

    /// Returns the sample standard deviation, correctly rounded; `None` if there are fewer than two samples or the
    /// squares are unknown.
    pub fn std(&self) -> Option<f64> {
        deviation(self.n, &self.sum, &self.squares, self.squares_known)
    }
}
