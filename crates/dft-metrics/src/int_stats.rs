//! Statistics of integers: exact.

use num_bigint::BigInt;

use crate::rounding;
use crate::wide::U256;

/// Count, sum, extrema and sum of squares of integer samples. The default holds nothing.
///
/// Contributions that a tracer summed up beforehand come without their squares; then the standard
/// deviation is unknown, and says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntStats {
    parts: IntParts,
}

/// What [`IntStats`] is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntParts {
    /// Samples that are in the sum.
    pub n: u128,
    /// Their sum.
    pub sum: i128,
    /// The sum of their squares; zero where unknown.
    pub squares: U256,
    /// Whether every contribution's squares are known.
    pub squares_known: bool,
    /// The least and the greatest value seen.
    pub extent: Option<(i64, i64)>,
}

impl Default for IntStats {
    fn default() -> Self {
        Self { parts: IntParts { n: 0, sum: 0, squares: U256::ZERO, squares_known: true, extent: None } }
    }
}

impl IntStats {
    /// Adds one sample.
    #[inline]
    pub fn sample(&mut self, value: i64) {
        let parts = &mut self.parts;
        parts.n += 1;
        parts.sum = parts.sum.saturating_add(value.into());
        if parts.squares_known {
            parts.squares.add(U256::square_of(value));
        }
        self.widen(value);
    }

    /// Adds a contribution that was summed up beforehand.
    ///
    /// With a sum, `count` samples of that total; one sample is exact, more hide their squares.
    /// Without one nothing is counted, and only the extrema widen: samples that brought no total
    /// would skew the mean.
    pub fn summed(&mut self, count: u64, sum: Option<i64>, low: Option<i64>, high: Option<i64>) {
        if let Some(sum) = sum {
            let parts = &mut self.parts;
            parts.n += u128::from(count);
            parts.sum = parts.sum.saturating_add(sum.into());
            if count == 1 && parts.squares_known {
                parts.squares.add(U256::square_of(sum));
            } else if count != 1 && (count, sum) != (0, 0) {
                parts.squares_known = false;
                parts.squares = U256::ZERO;
            }
        }
        low.into_iter().chain(high).for_each(|value| self.widen(value));
    }

    /// Adds all that the other holds. Associative and commutative, with the default as identity.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.parts, &other.parts);
        mine.n += theirs.n;
        mine.sum = mine.sum.saturating_add(theirs.sum);
        mine.squares_known &= theirs.squares_known;
        if mine.squares_known {
            mine.squares.add(theirs.squares);
        } else {
            mine.squares = U256::ZERO;
        }
        if let Some((low, high)) = theirs.extent {
            self.widen(low);
            self.widen(high);
        }
    }

    #[inline]
    fn widen(&mut self, value: i64) {
        self.parts.extent = match self.parts.extent {
            Some((low, high)) => Some((low.min(value), high.max(value))),
            None => Some((value, value)),
        };
    }

    /// Whether nothing was recorded.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.parts.n == 0 && self.parts.extent.is_none() && self.parts.sum == 0 && self.parts.squares_known
    }

    /// Samples that are in the sum.
    #[inline]
    pub fn n(&self) -> u128 {
        self.parts.n
    }

    /// Their sum.
    #[inline]
    pub fn sum(&self) -> i128 {
        self.parts.sum
    }

    /// The least value seen.
    #[inline]
    pub fn min(&self) -> Option<i64> {
        self.parts.extent.map(|(low, _)| low)
    }

    /// The greatest value seen.
    #[inline]
    pub fn max(&self) -> Option<i64> {
        self.parts.extent.map(|(_, high)| high)
    }

    /// The mean, correctly rounded; `None` without samples.
    pub fn mean(&self) -> Option<f64> {
        const EXACT: u128 = 1 << 53;
        let IntParts { n, sum, .. } = self.parts;
        match n {
            0 => None,
            // Exact doubles, so the one division rounds once.
            1..=EXACT if sum.unsigned_abs() <= EXACT => Some(sum as f64 / n as f64),
            _ => Some(rounding::ratio(&sum.into(), &n.into(), 0)),
        }
    }

    /// The sample standard deviation √((Σx² − (Σx)²/n) / (n − 1)), correctly rounded; `None` of
    /// fewer than two samples, and where the squares are unknown.
    pub fn std(&self) -> Option<f64> {
        let IntParts { n, sum, squares, squares_known, .. } = self.parts;
        if n < 2 || !squares_known {
            return None;
        }
        let n = BigInt::from(n);
        let spread = &n * squares.to_bigint() - BigInt::from(sum).pow(2);
        let freedom = &n * (&n - 1_u32);
        Some(rounding::root(&spread, &freedom, 0))
    }

    /// What the statistics are made of.
    #[inline]
    pub fn parts(&self) -> &IntParts {
        &self.parts
    }

    /// Statistics made of `parts`; `None` where no samples give them.
    pub fn from_parts(parts: IntParts) -> Option<Self> {
        let ordered = parts.extent.is_none_or(|(low, high)| low <= high);
        let squared = parts.squares_known || parts.squares == U256::ZERO;
        let counted = parts.n > 0 || !parts.squares_known || (parts.sum == 0 && parts.squares == U256::ZERO);
        (ordered && squared && counted).then_some(Self { parts })
    }
}
