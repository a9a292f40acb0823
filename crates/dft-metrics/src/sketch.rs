//! Quantile sketches.

use std::collections::BTreeMap;

/// Maps values to bucket indexes: with γ = (1 + a) / (1 − a), the bucket of |x| is ⌈log_γ |x|⌉.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SketchMapping {
    accuracy: f64,
    log_gamma: f64,
}

impl SketchMapping {
    /// Creates a mapping of relative accuracy `accuracy`; `None` unless 0.00001 ≤ `accuracy` < 1.
    pub fn new(accuracy: f64) -> Option<Self> {
        let usable = (1e-5..1.0).contains(&accuracy);
        usable.then(|| Self { accuracy, log_gamma: ((1.0 + accuracy) / (1.0 - accuracy)).ln() })
    }

    /// Returns the relative accuracy of quantiles.
    pub fn accuracy(&self) -> f64 {
        self.accuracy
    }

    /// Returns the bucket of a magnitude: within ± 72 million for the finest accuracy.
    fn index(&self, magnitude: f64) -> i32 {
        (magnitude.ln() / self.log_gamma).ceil() as i32
    }

    /// Returns the value that represents a bucket: 2γ^i / (γ + 1), within the accuracy of all values in it.
    fn value(&self, index: i32) -> f64 {
        (f64::from(index) * self.log_gamma).exp() * (1.0 - self.accuracy)
    }

    /// Returns the highest magnitude in a bucket, γ^i, and a little more: `exp` and `ln` round.
    fn bound(&self, index: i32) -> f64 {
        (f64::from(index) * self.log_gamma).exp() * (1.0 + 1e-12)
    }
}

/// Counts of values by bucket. The default is empty.
///
/// This is a DDSketch (Masson, Rim and Lee, *DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
/// Relative-Error Guarantees*, VLDB 2019). Buckets are sparse and never collapsed, so merging is exact. The sketch does
/// not keep its mapping: all calls on one sketch, and on those merged with it, must be given the same
/// [`SketchMapping`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    zero: u64,
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
}

impl Sketch {
    /// Adds one value; NaN and infinities are ignored.
    pub fn add(&mut self, mapping: &SketchMapping, value: f64) {
        if !value.is_finite() {
            return;
        }
        let slot = if value == 0.0 {
            &mut self.zero
        } else {
            let side = if value > 0.0 { &mut self.positive } else { &mut self.negative };
            side.entry(mapping.index(value.abs())).or_insert(0)
        };
        *slot = slot.saturating_add(1);
    }

    /// Adds all values of another. Associative and commutative, with the default as identity.
    pub fn merge(&mut self, other: &Self) {
        self.zero = self.zero.saturating_add(other.zero);
        for (mine, theirs) in [(&mut self.positive, &other.positive), (&mut self.negative, &other.negative)] {
            for (&index, &count) in theirs {
                let slot = mine.entry(index).or_insert(0);
                *slot = slot.saturating_add(count);
            }
        }
    }

    /// Returns the approximate heap memory of the sketch, in bytes.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        // Nodes of the maps have room for 11 entries, and are at least half full.
        const NODE: usize = 11 * 12 + 24;
        (self.positive.len().div_ceil(6) + self.negative.len().div_ceil(6)) * NODE
    }

    /// Returns the number of values in the sketch.
    pub fn count(&self) -> u128 {
        let sides = self.positive.values().chain(self.negative.values());
        sides.map(|&count| u128::from(count)).sum::<u128>() + u128::from(self.zero)
    }

    /// Whether the sketch has no values.
    pub fn is_empty(&self) -> bool {
        self.zero == 0 && self.positive.is_empty() && self.negative.is_empty()
    }

    /// Returns the value of rank ⌊q·(n − 1)⌋, within the accuracy of the mapping and within `extent`, the exact
    /// minimum and maximum of the metric, which are the results for `q` 0 and 1. `None` if there are no values, or if
    /// `q` is not in 0 to 1.
    pub fn quantile(&self, mapping: &SketchMapping, q: f64, extent: Option<(f64, f64)>) -> Option<f64> {
        let count = self.count();
        if count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let Some((low, high)) = extent else { return self.of_rank(mapping, q, count) };
        if q == 0.0 {
            return Some(low);
        }
        if q == 1.0 {
            return Some(high);
        }
        // The value of a bucket lies within the bucket, but may lie outside the extent.
        self.of_rank(mapping, q, count).map(|value| value.max(low).min(high))
    }

    fn of_rank(&self, mapping: &SketchMapping, q: f64, count: u128) -> Option<f64> {
        let rank = (q * (count - 1) as f64) as u128;
        let negative = self.negative.iter().rev().map(|(&index, &count)| (-mapping.value(index), count));
        let positive = self.positive.iter().map(|(&index, &count)| (mapping.value(index), count));
        let mut below = 0_u128;
        for (value, count) in negative.chain([(0.0, self.zero)]).chain(positive) {
            below += u128::from(count);
            if below > rank {
                return Some(value);
            }
        }
        None
    }

    /// Returns the number of zeros.
    pub fn zeros(&self) -> u64 {
        self.zero
    }

    /// Returns the number of values above zero, by bucket.
    pub fn positive(&self) -> &BTreeMap<i32, u64> {
        &self.positive
    }

    /// Returns the number of values below zero, by bucket.
    pub fn negative(&self) -> &BTreeMap<i32, u64> {
        &self.negative
    }

    /// Returns each bucket's bound, which is the value of the bucket that is farthest from 0, and its count of values,
    /// in ascending order.
    pub fn bounds(&self, mapping: &SketchMapping) -> impl Iterator<Item = (f64, u64)> {
        let negative = self.negative.iter().rev().map(|(&index, &count)| (-mapping.bound(index), count));
        let positive = self.positive.iter().map(|(&index, &count)| (mapping.bound(index), count));
        negative.chain((self.zero > 0).then_some((0.0, self.zero))).chain(positive)
    }

    /// Returns the number of values by power of two, in ascending order. A bin is the power of two that the magnitudes
    /// of its values are at least, with their sign; 0 is a bin of its own. A bucket that contains a power of two counts
    /// in the bin of that power. `extent` is the exact minimum and maximum, which enclose all values.
    pub fn powers_of_two(&self, mapping: &SketchMapping, extent: Option<(f64, f64)>) -> Vec<(f64, u128)> {
        let (low, high) = extent.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let mut bins: Vec<(f64, u128)> = Vec::new();
        // The bounds ascend, so the bins do.
        for (bound, count) in self.bounds(mapping) {
            let bin = power_of_two(bound.max(low).min(high));
            match bins.last_mut() {
                Some((last, counted)) if *last == bin => *counted += u128::from(count),
                _ => bins.push((bin, count.into())),
            }
        }
        bins
    }

    /// Creates a sketch from its parts; `None` if a bucket has a count of 0.
    pub fn from_parts(zero: u64, positive: BTreeMap<i32, u64>, negative: BTreeMap<i32, u64>) -> Option<Self> {
        let full = positive.values().chain(negative.values()).all(|&count| count > 0);
        full.then_some(Self { zero, positive, negative })
    }
}

/// Returns the power of two next to a value, towards zero, with its sign; 0 for 0.
pub fn power_of_two(value: f64) -> f64 {
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
        let mut sketch = Sketch::default();
        // No value is in the bin of the next power of two within the accuracy below it.
        for value in [-5, 0, 1, 3, 4096, 4096, 5000, 1 << 30] {
            sketch.add(&mapping, f64::from(value));
        }
        let extent = Some((-5.0, f64::from(1 << 30)));
        let bins = [(-4.0, 1), (0.0, 1), (1.0, 1), (2.0, 1), (4096.0, 3), (f64::from(1 << 30), 1)];
        assert_eq!(sketch.powers_of_two(&mapping, extent), bins);
    }
}
