//! Exact statistics of integers.

use num_bigint::BigInt;

use crate::rounding;
use crate::wide::U256;

/// Count, sum, extrema and sum of squares of integer samples. The default is empty.
///
/// Contributions that the tracer summed up have no squares; the standard deviation is then unknown (`None`).
#[derive(Clone, Debug)]
pub struct IntStats {
    /// The count and the sums, as far as these widths hold them: nearly always completely.
    n: u64,
    sum: i64,
    squares: u128,
    squares_known: bool,
    count_known: bool,
    /// Greater than `high` until a value was seen.
    low: i64,
    high: i64,
    /// Contributions that would have made the count or a sum overflow.
    carried: Option<Box<Carried>>,
}

#[derive(Clone, Debug, Default)]
struct Carried {
    n: u128,
    sum: i128,
    squares: U256,
}

/// The parts of [`IntStats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntParts {
    /// The number of samples in the sum.
    pub n: u128,
    /// Their sum.
    pub sum: i128,
    /// The sum of their squares; zero if unknown.
    pub squares: U256,
    /// Whether the squares of every contribution are known.
    pub squares_known: bool,
    /// Whether `n` is the number of samples in the sum; if not, the squares are unknown, too.
    pub count_known: bool,
    /// The minimum and the maximum.
    pub extent: Option<(i64, i64)>,
}

impl Default for IntStats {
    #[inline]
    fn default() -> Self {
        Self {
            n: 0,
            sum: 0,
            squares: 0,
            squares_known: true,
            count_known: true,
            low: i64::MAX,
            high: i64::MIN,
            carried: None,
        }
    }
}

impl PartialEq for IntStats {
    fn eq(&self, other: &Self) -> bool {
        let Self { n, sum, squares, squares_known, count_known, low, high, carried } = self;
        if carried.is_some() || other.carried.is_some() {
            return self.parts() == other.parts();
        }
        // If no value was seen, both bounds still have their initial values.
        (n, sum, squares, low, high) == (&other.n, &other.sum, &other.squares, &other.low, &other.high)
            && (squares_known, count_known) == (&other.squares_known, &other.count_known)
    }
}

impl Eq for IntStats {}

/// The square of a sample.
#[inline]
fn square(value: i64) -> u128 {
    let magnitude = u128::from(value.unsigned_abs());
    magnitude * magnitude
}

impl IntStats {
    /// Adds one sample.
    #[inline]
    pub fn sample(&mut self, value: i64) {
        self.add(1, value, if self.squares_known { square(value) } else { 0 });
        self.widen(value);
    }

    /// Adds a contribution that the tracer summed up.
    ///
    /// With a sum, adds `count` samples of that total; a count above one makes the squares unknown.
    /// Without a sum, only widens the extrema and counts nothing: samples without a total would skew the
    /// mean.
    pub fn summed(&mut self, count: u64, sum: Option<i64>, low: Option<i64>, high: Option<i64>) {
        if let Some(sum) = sum {
            if count != 1 && (count, sum) != (0, 0) {
                self.forget_squares();
            }
            self.add(count, sum, if count == 1 && self.squares_known { square(sum) } else { 0 });
        }
        low.into_iter().chain(high).for_each(|value| self.widen(value));
    }

    /// Records that the sum of a contribution is not that of the counted number of samples. The sum and the
    /// extrema stay valid; the mean and the deviation are unknown from now on.
    pub fn doubt_count(&mut self) {
        self.count_known = false;
        self.forget_squares();
    }

    /// Adds all samples of another. Associative and commutative, with the default as identity.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        if !other.squares_known {
            self.forget_squares();
            self.count_known &= other.count_known;
        }
        self.add(other.n, other.sum, if self.squares_known { other.squares } else { 0 });
        if let Some(theirs) = &other.carried {
            self.carry(theirs);
        }
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
    }

    #[inline]
    fn add(&mut self, n: u64, sum: i64, squares: u128) {
        let (all, over_n) = self.n.overflowing_add(n);
        let (total, over_sum) = self.sum.overflowing_add(sum);
        let (all_squares, over_squares) = self.squares.overflowing_add(squares);
        if over_n | over_sum | over_squares {
            self.carry(&Carried { n: n.into(), sum: sum.into(), squares: U256 { hi: 0, lo: squares } });
        } else {
            (self.n, self.sum, self.squares) = (all, total, all_squares);
        }
    }

    /// Adds to the carried count and sums.
    #[cold]
    fn carry(&mut self, more: &Carried) {
        let carried = self.carried.get_or_insert_default();
        carried.n += more.n;
        carried.sum = carried.sum.saturating_add(more.sum);
        if self.squares_known {
            carried.squares.add(more.squares);
        }
    }

    fn forget_squares(&mut self) {
        self.squares_known = false;
        self.squares = 0;
        if let Some(carried) = &mut self.carried {
            carried.squares = U256::ZERO;
        }
    }

    #[inline]
    fn widen(&mut self, value: i64) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
    }

    /// Tells whether these are the statistics of one sample of this value.
    #[inline]
    pub fn is_one(&self, value: i64) -> bool {
        let wide = i128::from(value);
        (self.n, self.sum, self.low, self.high) == (1, value, value, value)
            && self.squares == (wide * wide) as u128
            && self.squares_known
            && self.count_known
            && self.carried.is_none()
    }

    /// Whether nothing was recorded.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.n == 0 && self.low > self.high && self.sum == 0 && self.squares_known && self.carried.is_none()
    }

    /// Returns the number of samples in the sum.
    #[inline]
    pub fn n(&self) -> u128 {
        u128::from(self.n) + self.carried.as_ref().map_or(0, |carried| carried.n)
    }

    /// Returns their sum.
    #[inline]
    pub fn sum(&self) -> i128 {
        let sum = i128::from(self.sum);
        self.carried.as_ref().map_or(sum, |carried| carried.sum.saturating_add(sum))
    }

    /// Returns the minimum and maximum as doubles, for values that must lie between them. If an extremum is not a
    /// double, returns the next double within; if there is none within, the nearest.
    pub fn extent(&self) -> Option<(f64, f64)> {
        let (min, max) = (self.min()?, self.max()?);
        let (low, high) = (min as f64, max as f64);
        let within = |value: f64| i128::from(min) <= value as i128 && value as i128 <= i128::from(max);
        let inner_low = if within(low) { low } else { low.next_up() };
        let inner_high = if within(high) { high } else { high.next_down() };
        Some(if within(inner_low) && within(inner_high) { (inner_low, inner_high) } else { (low, low) })
    }

    /// Returns the minimum.
    #[inline]
    pub fn min(&self) -> Option<i64> {
        (self.low <= self.high).then_some(self.low)
    }

    /// Returns the maximum.
    #[inline]
    pub fn max(&self) -> Option<i64> {
        (self.low <= self.high).then_some(self.high)
    }

    /// Returns the mean, correctly rounded; `None` if there are no samples or their number is unknown.
    pub fn mean(&self) -> Option<f64> {
        const EXACT: u128 = 1 << 53;
        let (n, sum) = (self.n(), self.sum());
        match n {
            _ if !self.count_known => None,
            0 => None,
            // Both are exact doubles, so only the division rounds.
            1..=EXACT if sum.unsigned_abs() <= EXACT => Some(sum as f64 / n as f64),
            _ => Some(rounding::ratio(&sum.into(), &n.into(), 0)),
        }
    }

    /// Returns the sample standard deviation √((Σx² − (Σx)²/n) / (n − 1)), correctly rounded; `None` if there are
    /// fewer than two samples or the squares are unknown.
    pub fn std(&self) -> Option<f64> {
        let IntParts { n, sum, squares, squares_known, .. } = self.parts();
        if n < 2 || !squares_known {
            return None;
        }
        let n = BigInt::from(n);
        let spread = &n * squares.to_bigint() - BigInt::from(sum).pow(2);
        let freedom = &n * (&n - 1_u32);
        Some(rounding::root(&spread, &freedom, 0))
    }

    /// Returns the parts of the statistics.
    pub fn parts(&self) -> IntParts {
        let mut squares = U256 { hi: 0, lo: self.squares };
        if let Some(carried) = &self.carried {
            squares.add(carried.squares);
        }
        let extent = self.min().zip(self.max());
        IntParts {
            n: self.n(),
            sum: self.sum(),
            squares,
            squares_known: self.squares_known,
            count_known: self.count_known,
            extent,
        }
    }

    /// Returns the parts if they are narrow: `n` fits `u64`, `sum` fits `i64`, and `squares.hi` is zero. The compiler
    /// uses these ranges to optimise callers that this is inlined into.
    #[inline(always)]
    pub fn narrow_parts(&self) -> Option<IntParts> {
        self.carried.is_none().then(|| IntParts {
            n: self.n.into(),
            sum: self.sum.into(),
            squares: U256 { hi: 0, lo: self.squares },
            squares_known: self.squares_known,
            count_known: self.count_known,
            extent: self.min().zip(self.max()),
        })
    }

    /// Creates statistics from narrow parts; `None` if no samples can give them.
    #[inline]
    pub fn from_narrow(n: u64, sum: i64, squares: u128, low: i64, high: i64) -> Option<Self> {
        let (squares_known, count_known, carried) = (true, true, None);
        (n > 0 && low <= high).then_some(Self { n, sum, squares, squares_known, count_known, low, high, carried })
    }

    /// Creates statistics from their parts; `None` if no samples can give them.
    #[inline]
    pub fn from_parts(parts: IntParts) -> Option<Self> {
        let IntParts { n, sum, squares, squares_known, count_known, extent } = parts;
        let ordered = extent.is_none_or(|(low, high)| low <= high);
        let squared = squares_known || squares == U256::ZERO;
        let counted = n > 0 || !squares_known || (sum == 0 && squares == U256::ZERO);
        if !(ordered && squared && counted && (count_known || !squares_known)) {
            return None;
        }
        let (low, high) = extent.unwrap_or((i64::MAX, i64::MIN));
        let mut stats = Self { squares_known, count_known, low, high, ..Self::default() };
        match (u64::try_from(n), i64::try_from(sum), squares.hi) {
            (Ok(n), Ok(sum), 0) => (stats.n, stats.sum, stats.squares) = (n, sum, squares.lo),
            _ => stats.carry(&Carried { n, sum, squares }),
        }
        Some(stats)
    }
}
