//! The math of the aggregation: exact statistics of integers and floats, and quantile sketches.
//! This crate does no I/O and defines no encoding; `dft-codec` encodes these types.
//!
//! - [`IntStats`] and [`FloatStats`] take samples, or sums that somebody else computed, and merge.
//! - [`Combined`] joins the two for a metric whose samples were partly integers and partly floats.
//! - A [`Sketch`] counts values in the buckets of a [`SketchMapping`], and estimates quantiles.
//! - [`ExactSum`] and [`U256`] are the numbers in which sums are kept.
//!
//! # Exact, and therefore mergeable in any order
//!
//! Integers are exact: a count, a 128-bit sum, a 256-bit sum of squares, extrema. Floats are exact
//! too: their sum and their sum of squares are fixed-point integers ([`ExactSum`]). So merging is
//! associative and commutative to the bit, regardless of the number of threads, workers or chunks.
//! The mean and the standard deviation are computed from the exact sums when they are read, and
//! rounded correctly.
//!
//! Welford's update with Chan's merge is smaller, but its result depends on the order of merging, so
//! the parts of a value would have to be stored per file until it is read. Power sums in doubles are
//! no alternative: for readings of mean 1e9 and spread 1, no digit of the deviation is correct.
//!
//! # Limits
//!
//! Samples are `i64` or finite `f64` (others are counted separately). Sums hold at least 2^64 samples of any size; a
//! [`Sketch`] counts up to 2^64 − 1 in a bucket. The relative accuracy of a [`SketchMapping`] is at least 0.00001 and
//! less than 1. Nothing fails: what no samples determine is `None`.
//!
//! # Example
//!
//! ```
//! use dft_metrics::IntStats;
//!
//! let (mut a, mut b) = (IntStats::default(), IntStats::default());
//! for v in [1_000_000_000_000, 1_000_000_000_001] { a.sample(v); }
//! b.sample(1_000_000_000_002);
//! a.merge(&b);
//! assert_eq!((a.n(), a.mean(), a.std()), (3, Some(1_000_000_000_001.0), Some(1.0)));
//! ```

mod combined;
mod exact;
mod few_samples;
mod float_stats;
mod int_stats;
mod rounding;
mod sketch;
mod wide;

pub use combined::Combined;
pub use exact::{ExactSum, ShortForm};
pub use few_samples::FewSamples;
pub use float_stats::{FloatParts, FloatStats};
pub use int_stats::{IntParts, IntStats};
pub use sketch::{Sketch, SketchMapping, power_of_two};
pub use wide::U256;

use num_bigint::BigInt;

/// The powers of ten that callers use; all are exact doubles.
const POWERS: [f64; 13] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];

/// Returns an integer divided by 10^`decimals`, as the nearest double.
///
/// This converts totals in µs to seconds with a single rounding.
#[inline]
pub fn scaled(value: i128, decimals: u32) -> f64 {
    const EXACT: u64 = 1 << 53;
    if let Ok(small) = i64::try_from(value)
        && small.unsigned_abs() <= EXACT
        && let Some(power) = POWERS.get(decimals as usize)
    {
        // Both are exact doubles, so only the division rounds.
        return small as f64 / power;
    }
    scaled_slowly(value, decimals)
}

#[cold]
fn scaled_slowly(value: i128, decimals: u32) -> f64 {
    rounding::ratio(&BigInt::from(value), &BigInt::from(10).pow(decimals), 0)
}

/// Returns a 256-bit integer divided by 10^`decimals`, as the nearest double.
pub fn scaled_wide(value: &U256, decimals: u32) -> f64 {
    rounding::ratio(&value.to_bigint(), &BigInt::from(10).pow(decimals), 0)
}
