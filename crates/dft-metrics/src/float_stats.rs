//! Exact statistics of floats.

use num_bigint::BigInt;

use crate::exact::ExactSum;
use crate::few_samples::FewSamples;
use crate::rounding;

/// Count, exact sum, extrema and exact sum of squares of float samples. The default is empty.
///
/// Samples that are NaN or infinite are counted separately and are in nothing else.
#[derive(Clone, Debug, Default)]
pub struct FloatStats {
    samples: Samples,
}

/// What was recorded. Readings of counters are few in a bucket, so a few samples are stored as they are: exact sums take
/// more memory, and more time to make and to read. They are not boxed, which would be an allocation for each value. Whether
/// samples are few depends on what was recorded alone, not on the order.
#[derive(Clone, Debug)]
enum Samples {
    /// Up to [`MOST`] finite samples, and nothing else.
    Few(FewSamples),
    /// Anything else.
    Any(FloatParts),
}

impl Default for Samples {
    fn default() -> Self {
        Self::Few(FewSamples::default())
    }
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

impl Default for FloatParts {
    fn default() -> Self {
        Self {
            n: 0,
            nonfinite: 0,
            sum: ExactSum::default(),
            squares: ExactSum::default(),
            squares_known: true,
            extent: None,
        }
    }
}

impl PartialEq for FloatStats {
    fn eq(&self, other: &Self) -> bool {
        if let (Samples::Few(a), Samples::Few(b)) = (&self.samples, &other.samples) {
            return a == b;
        }
        let bits = |extent: Option<(f64, f64)>| extent.map(|(low, high)| (low.to_bits(), high.to_bits()));
        let (a, b) = (&self.parts(), &other.parts());
        (a.n, a.nonfinite, a.squares_known, bits(a.extent)) == (b.n, b.nonfinite, b.squares_known, bits(b.extent))
            && a.sum == b.sum
            && a.squares == b.squares
    }
}

impl FloatStats {
    /// Returns the statistics of a few samples; `None` if they are more than [`FewSamples::MOST`], or not all are finite.
    pub fn of_samples(samples: &[f64]) -> Option<Self> {
        let mut few = FewSamples::default();
        samples
            .iter()
            .all(|&sample| sample.is_finite() && few.push(sample, None))
            .then_some(Self { samples: Samples::Few(few) })
    }

    /// Returns the samples, if nothing else was recorded and they are at most [`FewSamples::MOST`].
    #[inline]
    pub fn few_samples(&self) -> Option<&FewSamples> {
        match &self.samples {
            Samples::Few(few) => Some(few),
            Samples::Any(_) => None,
        }
    }

    /// Forgets what was recorded.
    #[inline]
    pub fn clear(&mut self) {
        match &mut self.samples {
            Samples::Few(few) => few.clear(),
            Samples::Any(_) => *self = Self::default(),
        }
    }

    /// Adds one sample.
    #[inline]
    pub fn sample(&mut self, value: f64) {
        self.sample_with_decimals(value, None);
    }

    /// Adds one sample, the double nearest to a decimal number of up to 15 digits. `decimals` is how many of them come after
    /// the point in its shortest form, where that is known. It makes storing the sample faster, and changes nothing else.
    #[inline]
    pub fn sample_with_decimals(&mut self, value: f64, decimals: Option<u8>) {
        let is_added = match &mut self.samples {
            Samples::Few(few) => value.is_finite() && few.push(value, decimals),
            Samples::Any(_) => false,
        };
        if !is_added {
            self.add_to_parts(1, Some(value), Some(value), None);
        }
    }

    /// Returns the parts to be changed.
    #[inline]
    fn parts_mut(&mut self) -> &mut FloatParts {
        if let Samples::Few(few) = &self.samples {
            self.samples = Samples::Any(FloatParts::of(few));
        }
        match &mut self.samples {
            Samples::Any(parts) => parts,
            Samples::Few(_) => unreachable!("the samples were just made parts"),
        }
    }

    /// Adds a contribution that the tracer summed up, as [`IntStats::summed`] does.
    ///
    /// [`IntStats::summed`]: crate::IntStats::summed
    #[inline]
    pub fn summed(&mut self, count: u64, sum: Option<f64>, low: Option<f64>, high: Option<f64>) {
        let is_sum = |value: f64| sum.is_some_and(|sum| sum.to_bits() == value.to_bits());
        match sum {
            // A sample, however the tracer calls it.
            Some(sum) if count == 1 && low.or(high).is_some() && low.into_iter().chain(high).all(is_sum) => {
                self.sample(sum);
            }
            _ => self.add_to_parts(count, sum, low, high),
        }
    }

    fn add_to_parts(&mut self, count: u64, sum: Option<f64>, low: Option<f64>, high: Option<f64>) {
        let parts = self.parts_mut();
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
        low.into_iter().chain(high).filter(|value| value.is_finite()).for_each(|value| parts.widen(value));
    }

    /// Adds all samples of another. Associative and commutative, with the default as identity.
    pub fn merge(&mut self, other: &Self) {
        match &other.samples {
            Samples::Few(few) => {
                few.with_decimals().for_each(|(sample, decimals)| self.sample_with_decimals(sample, decimals))
            }
            Samples::Any(theirs) => self.parts_mut().merge(theirs),
        }
    }

    /// Returns the heap memory of the statistics, in bytes.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        match &self.samples {
            Samples::Any(parts) => parts.sum.heap_bytes() + parts.squares.heap_bytes(),
            Samples::Few(_) => 0,
        }
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        match &self.samples {
            Samples::Few(few) => few.is_empty(),
            Samples::Any(parts) => {
                parts.n == 0
                    && parts.nonfinite == 0
                    && parts.extent.is_none()
                    && parts.sum.is_zero()
                    && parts.squares_known
            }
        }
    }

    /// Returns the number of samples in the sum.
    pub fn n(&self) -> u128 {
        match &self.samples {
            Samples::Few(few) => few.len() as u128,
            Samples::Any(parts) => parts.n,
        }
    }

    /// Returns the number of samples that were NaN or infinite.
    pub fn nonfinite(&self) -> u64 {
        match &self.samples {
            Samples::Few(_) => 0,
            Samples::Any(parts) => parts.nonfinite,
        }
    }

    /// Returns the minimum.
    pub fn min(&self) -> Option<f64> {
        self.extent().map(|(low, _)| low)
    }

    /// Returns the maximum.
    pub fn max(&self) -> Option<f64> {
        self.extent().map(|(_, high)| high)
    }

    fn extent(&self) -> Option<(f64, f64)> {
        match &self.samples {
            Samples::Few(few) => few.extent(),
            Samples::Any(parts) => parts.extent,
        }
    }

    /// Returns the sum, correctly rounded.
    pub fn total(&self) -> f64 {
        if let Some(only) = self.only() {
            return only;
        }
        match &self.samples {
            Samples::Few(few) => few.sum_over(1).unwrap_or_else(|| FloatParts::of(few).sum.to_f64()),
            Samples::Any(parts) => parts.sum.to_f64(),
        }
    }

    /// Returns the mean, correctly rounded; `None` if there are no samples.
    pub fn mean(&self) -> Option<f64> {
        if let Some(only) = self.only() {
            return Some(only);
        }
        match &self.samples {
            Samples::Few(few) if few.is_empty() => None,
            Samples::Few(few) => few.sum_over(few.len() as u64).or_else(|| FloatParts::of(few).mean()),
            Samples::Any(parts) => parts.mean(),
        }
    }

    /// Returns the sum of squared deviations from the mean (Welford's M2), correctly rounded; `None`
    /// if there are no samples or the squares are unknown.
    pub fn m2(&self) -> Option<f64> {
        let parts = self.parts();
        if parts.n == 0 || !parts.squares_known {
            return None;
        }
        let (spread, exponent) = spread(parts.n, &parts.sum, &parts.squares);
        Some(rounding::ratio(&spread, &parts.n.into(), exponent))
    }

    /// Returns the sample standard deviation, correctly rounded; `None` if there are fewer than two
    /// samples or the squares are unknown.
    pub fn std(&self) -> Option<f64> {
        let parts = match &self.samples {
            Samples::Few(few) if few.len() < 2 => return None,
            Samples::Few(few) => &FloatParts::of(few),
            Samples::Any(parts) => parts,
        };
        deviation(parts.n, &parts.sum, &parts.squares, parts.squares_known)
    }

    /// Returns the value of the sample, if there is exactly one and nothing else was recorded.
    pub fn only(&self) -> Option<f64> {
        match &self.samples {
            Samples::Few(few) => few.only(),
            Samples::Any(parts) => match parts.extent {
                Some((low, high)) if parts.n == 1 && low.to_bits() == high.to_bits() && parts.squares_known => {
                    // The extrema may come from another contribution, so check the sum.
                    let mut sum = ExactSum::default();
                    sum.add_f64(low);
                    (sum == parts.sum).then_some(low)
                }
                _ => None,
            },
        }
    }

    /// Returns the sample, if the statistics equal those of one sample. Unlike [`only`](Self::only), this finds no value
    /// that was recorded next to samples that were not finite.
    #[inline]
    pub fn only_sample(&self) -> Option<f64> {
        match &self.samples {
            Samples::Few(few) => few.only(),
            Samples::Any(_) => self.only().filter(|&only| Self::of_samples(&[only]).is_some_and(|one| one == *self)),
        }
    }

    /// Returns the parts of the statistics.
    pub fn parts(&self) -> FloatParts {
        match &self.samples {
            Samples::Few(few) => FloatParts::of(few),
            Samples::Any(parts) => parts.clone(),
        }
    }

    /// Creates statistics from their parts; `None` if no samples can give them.
    pub fn from_parts(parts: FloatParts) -> Option<Self> {
        let ordered =
            parts.extent.is_none_or(|(low, high)| low.is_finite() && high.is_finite() && low.total_cmp(&high).is_le());
        let squared = parts.squares_known || parts.squares.is_zero();
        let counted = parts.n > 0 || !parts.squares_known || (parts.sum.is_zero() && parts.squares.is_zero());
        (ordered && squared && counted).then_some(Self { samples: Samples::Any(parts) })
    }
}

impl FloatParts {
    /// Returns the parts of a few finite samples.
    fn of(samples: &FewSamples) -> Self {
        let mut parts = Self { n: samples.len() as u128, extent: samples.extent(), ..Self::default() };
        for sample in samples.iter() {
            parts.sum.add_f64(sample);
            parts.squares.add_square(sample);
        }
        parts
    }

    fn mean(&self) -> Option<f64> {
        if self.n == 0 {
            return None;
        }
        let (sum, exponent) = self.sum.to_bigint();
        Some(rounding::ratio(&sum, &self.n.into(), exponent))
    }

    fn merge(&mut self, theirs: &Self) {
        self.n += theirs.n;
        self.nonfinite = self.nonfinite.saturating_add(theirs.nonfinite);
        self.sum.merge(&theirs.sum);
        self.squares_known &= theirs.squares_known;
        if self.squares_known {
            self.squares.merge(&theirs.squares);
        } else {
            self.squares = ExactSum::default();
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
        self.extent = match self.extent {
            Some((low, high)) => Some((less(low, value), greater(high, value))),
            None => Some((value, value)),
        };
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
