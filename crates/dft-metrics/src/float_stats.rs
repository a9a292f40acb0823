//! Exact statistics of floats.

use num_bigint::BigInt;

use crate::exact::ExactSum;
use crate::rounding;

/// Count, exact sum, extrema and exact sum of squares of float samples. The default is empty.
///
/// Samples that are NaN or infinite are counted separately and are in nothing else.
#[derive(Clone, Debug)]
pub struct FloatStats {
    parts: FloatParts,
}

/// The parts of [`FloatStats`].
#[derive(Clone, Debug)]
pub struct FloatParts {
    /// The number of samples in the sum.
    pub n: u128,
    /// The number of samples that were NaN or infinite.
    pub nonfinite: u64,
    /// The sum.
    pub sum: ExactSum,
    /// The sum of squares; zero if unknown.
    pub squares: ExactSum,
    /// Whether the squares of every contribution are known.
    pub squares_known: bool,
    /// The minimum and the maximum; −0.0 is less than 0.0.
    pub extent: Option<(f64, f64)>,
}

impl Default for FloatStats {
    fn default() -> Self {
        let parts = FloatParts {
            n: 0,
            nonfinite: 0,
            sum: ExactSum::default(),
            squares: ExactSum::default(),
            squares_known: true,
            extent: None,
        };
        Self { parts }
    }
}

impl PartialEq for FloatStats {
    fn eq(&self, other: &Self) -> bool {
        let bits = |extent: Option<(f64, f64)>| extent.map(|(low, high)| (low.to_bits(), high.to_bits()));
        let (a, b) = (&self.parts, &other.parts);
        (a.n, a.nonfinite, a.squares_known, bits(a.extent)) == (b.n, b.nonfinite, b.squares_known, bits(b.extent))
            && a.sum == b.sum
            && a.squares == b.squares
    }
}

impl FloatStats {
    /// Adds one sample.
    #[inline]
    pub fn sample(&mut self, value: f64) {
        self.summed(1, Some(value), Some(value), None);
    }

    /// Adds a contribution that the tracer summed up, as [`IntStats::summed`] does.
    ///
    /// [`IntStats::summed`]: crate::IntStats::summed
    #[inline]
    pub fn summed(&mut self, count: u64, sum: Option<f64>, low: Option<f64>, high: Option<f64>) {
        let parts = &mut self.parts;
        match sum {
            Some(sum) if sum.is_finite() => {
                parts.n += u128::from(count);
                parts.sum.add_f64(sum);
                if count == 1 && parts.squares_known {
                    parts.squares.add_square(sum);
                } else if count != 1 && (count, sum) != (0, 0.0) {
                    parts.squares_known = false;
                    parts.squares = ExactSum::default();
                }
            }
            Some(_) => parts.nonfinite = parts.nonfinite.saturating_add(1),
            None => {}
        }
        low.into_iter().chain(high).filter(|value| value.is_finite()).for_each(|value| self.widen(value));
    }

    /// Adds all samples of another. Associative and commutative, with the default as identity.
    pub fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.parts, &other.parts);
        mine.n += theirs.n;
        mine.nonfinite = mine.nonfinite.saturating_add(theirs.nonfinite);
        mine.sum.merge(&theirs.sum);
        mine.squares_known &= theirs.squares_known;
        if mine.squares_known {
            mine.squares.merge(&theirs.squares);
        } else {
            mine.squares = ExactSum::default();
        }
        if let Some((low, high)) = theirs.extent {
            self.widen(low);
            self.widen(high);
        }
    }

    #[inline]
    fn widen(&mut self, value: f64) {
        let less = |a: f64, b: f64| if a.total_cmp(&b).is_lt() { a } else { b };
        let greater = |a: f64, b: f64| if a.total_cmp(&b).is_gt() { a } else { b };
        self.parts.extent = match self.parts.extent {
            Some((low, high)) => Some((less(low, value), greater(high, value))),
            None => Some((value, value)),
        };
    }

    /// Returns the heap memory of the statistics, in bytes.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.parts.sum.heap_bytes() + self.parts.squares.heap_bytes()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        let parts = &self.parts;
        parts.n == 0 && parts.nonfinite == 0 && parts.extent.is_none() && parts.sum.is_zero() && parts.squares_known
    }

    /// Returns the number of samples in the sum.
    pub fn n(&self) -> u128 {
        self.parts.n
    }

    /// Returns the number of samples that were NaN or infinite.
    pub fn nonfinite(&self) -> u64 {
        self.parts.nonfinite
    }

    /// Returns the minimum.
    pub fn min(&self) -> Option<f64> {
        self.parts.extent.map(|(low, _)| low)
    }

    /// Returns the maximum.
    pub fn max(&self) -> Option<f64> {
        self.parts.extent.map(|(_, high)| high)
    }

    /// Returns the sum, correctly rounded.
    pub fn total(&self) -> f64 {
        match self.only() {
            Some(only) => only,
            None => self.parts.sum.to_f64(),
        }
    }

    /// Returns the mean, correctly rounded; `None` if there are no samples.
    pub fn mean(&self) -> Option<f64> {
        if let Some(only) = self.only() {
            return Some(only);
        }
        if self.parts.n == 0 {
            return None;
        }
        let (sum, exponent) = self.parts.sum.to_bigint();
        Some(rounding::ratio(&sum, &self.parts.n.into(), exponent))
    }

    /// Returns the sum of squared deviations from the mean (Welford's M2), correctly rounded; `None`
    /// if there are no samples or the squares are unknown.
    pub fn m2(&self) -> Option<f64> {
        if self.parts.n == 0 || !self.parts.squares_known {
            return None;
        }
        let (spread, exponent) = spread(self.parts.n, &self.parts.sum, &self.parts.squares);
        Some(rounding::ratio(&spread, &self.parts.n.into(), exponent))
    }

    /// Returns the sample standard deviation, correctly rounded; `None` if there are fewer than two
    /// samples or the squares are unknown.
    pub fn std(&self) -> Option<f64> {
        deviation(self.parts.n, &self.parts.sum, &self.parts.squares, self.parts.squares_known)
    }

    /// Returns the value of the sample, if there is exactly one.
    fn only(&self) -> Option<f64> {
        match self.parts.extent {
            Some((low, high)) if self.parts.n == 1 && low.to_bits() == high.to_bits() && self.parts.squares_known => {
                // The extrema may come from another contribution, so check the sum.
                let mut sum = ExactSum::default();
                sum.add_f64(low);
                (sum == self.parts.sum).then_some(low)
            }
            _ => None,
        }
    }

    /// Returns the parts of the statistics.
    pub fn parts(&self) -> FloatParts {
        self.parts.clone()
    }

    /// Creates statistics from their parts; `None` if no samples can give them.
    pub fn from_parts(parts: FloatParts) -> Option<Self> {
        let ordered =
            parts.extent.is_none_or(|(low, high)| low.is_finite() && high.is_finite() && low.total_cmp(&high).is_le());
        let squared = parts.squares_known || parts.squares.is_zero();
        let counted = parts.n > 0 || !parts.squares_known || (parts.sum.is_zero() && parts.squares.is_zero());
        (ordered && squared && counted).then_some(Self { parts })
    }
}

/// Returns n·Σx² − (Σx)², as an integer and the exponent of a power of two.
pub(crate) fn spread(n: u128, sum: &ExactSum, squares: &ExactSum) -> (BigInt, i64) {
    let (sum, sum_exponent) = sum.to_bigint();
    let (squares, squares_exponent) = squares.to_bigint();
    let (left, right) = (BigInt::from(n) * squares, &sum * &sum);
    let exponent = squares_exponent.min(2 * sum_exponent);
    let left = left << (squares_exponent - exponent) as u64;
    let right = right << (2 * sum_exponent - exponent) as u64;
    (left - right, exponent)
}

pub(crate) fn deviation(n: u128, sum: &ExactSum, squares: &ExactSum, squares_known: bool) -> Option<f64> {
    if n < 2 || !squares_known {
        return None;
    }
    let (spread, exponent) = spread(n, sum, squares);
    let n = BigInt::from(n);
    Some(rounding::root(&spread, &(&n * (&n - 1_u32)), exponent))
}
