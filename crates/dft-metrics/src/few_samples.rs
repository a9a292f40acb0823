//! A few float samples, as they are.

use std::ops::{Add, Sub};

use crate::exact::split;
use crate::rounding;

/// Up to [`MOST`](Self::MOST) finite samples, in ascending order; −0.0 is less than 0.0.
#[derive(Clone, Copy, Debug, Default)]
pub struct FewSamples {
    number: u8,
    /// The decimals of each value, or [`UNKNOWN`].
    decimals: [u8; Self::MOST],
    values: [f64; Self::MOST],
}

/// Decimals that nobody told.
const UNKNOWN: u8 = u8::MAX;

impl PartialEq for FewSamples {
    fn eq(&self, other: &Self) -> bool {
        self.iter().map(f64::to_bits).eq(other.iter().map(f64::to_bits))
    }
}

impl FewSamples {
    /// The most samples that are stored as they are: about as many as take the bytes of exact sums.
    pub const MOST: usize = 16;

    /// Adds a sample, which must be finite. Returns false, and adds nothing, if there are [`MOST`](Self::MOST).
    #[inline]
    pub(crate) fn push(&mut self, sample: f64, decimals: Option<u8>) -> bool {
        let mut at = self.len();
        if at == Self::MOST {
            return false;
        }
        while at > 0 && self.values[at - 1].total_cmp(&sample).is_gt() {
            self.values[at] = self.values[at - 1];
            self.decimals[at] = self.decimals[at - 1];
            at -= 1;
        }
        self.values[at] = sample;
        self.decimals[at] = decimals.unwrap_or(UNKNOWN);
        self.number += 1;
        true
    }

    /// Removes all samples.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.number = 0;
    }

    /// Returns how many samples there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.number.into()
    }

    /// Returns whether there are no samples.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.number == 0
    }

    /// Returns the samples in ascending order.
    #[inline]
    pub fn as_slice(&self) -> &[f64] {
        &self.values[..self.len()]
    }

    /// Returns the samples in ascending order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        self.as_slice().iter().copied()
    }

    /// Returns the samples in ascending order, each with the decimals of its shortest decimal form, where they are known.
    #[inline]
    pub fn with_decimals(&self) -> impl Iterator<Item = (f64, Option<u8>)> {
        let decimals = self.decimals.iter().map(|&decimals| (decimals != UNKNOWN).then_some(decimals));
        self.iter().zip(decimals)
    }

    /// Returns the only sample; `None` if there are none or several.
    #[inline]
    pub(crate) fn only(&self) -> Option<f64> {
        if self.number == 1 { Some(self.values[0]) } else { None }
    }

    /// Returns the minimum and the maximum.
    pub(crate) fn extent(&self) -> Option<(f64, f64)> {
        Some((*self.as_slice().first()?, *self.as_slice().last()?))
    }

    /// Returns the sum divided by `number`, which must not be 0, correctly rounded; `None` if that takes more than 128
    /// bits, as it does for samples of very different magnitudes.
    pub(crate) fn sum_over(&self, number: u64) -> Option<f64> {
        if let [a, b] = *self.as_slice()
            && number <= 2
        {
            // The sum is rounded once, and halves of normal doubles are exact.
            let quotient = (a + b) / number as f64;
            if quotient.is_normal() {
                return Some(quotient);
            }
        }
        self.narrow_sum_over(number).or_else(|| self.wide_sum_over(number))
    }

    /// Returns the same, if it takes at most 64 bits.
    #[inline]
    fn narrow_sum_over(&self, number: u64) -> Option<f64> {
        // The bits of the samples, and those of the carries of 16 additions.
        const ROOM: u32 = 63 - 53 - 4;
        let (sum, lowest) = self.sum_of(|mantissa, shift| (shift <= ROOM).then(|| (mantissa << shift) as i64))?;
        let magnitude = sum.unsigned_abs();
        if magnitude == 0 || number > 1 << 8 {
            return None;
        }
        // The quotient has 56 bits or more. A double has 53, so the last bit can tell whether there is a rest.
        let shift = magnitude.leading_zeros();
        let (quotient, rest) = ((magnitude << shift) / number, (magnitude << shift) % number);
        let rounded = (quotient | u64::from(rest != 0)) as f64;
        let power = i64::from(lowest) - i64::from(shift);
        (-1022..=959)
            .contains(&power)
            .then(|| rounding::scale_by_power_of_two(if sum < 0 { -rounded } else { rounded }, power))
    }

    fn wide_sum_over(&self, number: u64) -> Option<f64> {
        const ROOM: u32 = 127 - 53 - 4;
        let (sum, lowest) = self.sum_of(|mantissa, shift| (shift <= ROOM).then(|| i128::from(mantissa) << shift))?;
        rounding::small_ratio(sum, number, lowest)
    }

    /// Returns the sum of the samples as a multiple of a power of two, and that power. `shifted` gives a mantissa times a
    /// power of two, if there is room for it.
    #[inline(always)]
    fn sum_of<T: Default + Add<Output = T> + Sub<Output = T>>(
        &self,
        shifted: impl Fn(u64, u32) -> Option<T>,
    ) -> Option<(T, i32)> {
        let parts = || self.iter().filter_map(|sample| Some((sample.is_sign_negative(), split(sample)?)));
        let lowest = parts().map(|(_, (_, exponent))| exponent).min().unwrap_or(0);
        let sum = parts().try_fold(T::default(), |sum, (is_negative, (mantissa, exponent))| {
            let magnitude = shifted(mantissa, (exponent - lowest) as u32)?;
            Some(if is_negative { sum - magnitude } else { sum + magnitude })
        });
        Some((sum?, lowest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FloatStats;

    /// Returns statistics of the same samples that are not stored as they are.
    fn as_sums(samples: &[f64]) -> FloatStats {
        let mut stats = FloatStats::default();
        samples.iter().for_each(|sample| stats.sample(*sample));
        FloatStats::from_parts(stats.parts()).expect("the parts of samples")
    }

    #[test]
    fn a_few_samples_have_the_statistics_of_their_exact_sums() {
        let mut state = 7_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 11
        };
        for round in 0..20_000 {
            let samples: Vec<f64> = (0..1 + round % FewSamples::MOST)
                .map(|_| match round % 5 {
                    0 => (next() % 1_000_000) as f64 / 1e4,
                    1 => -((next() % 100_000) as f64) / 1e3,
                    2 => f64::from_bits((next() << 8) & !(0x7ff << 52) | (600 + next() % 1_400) << 52),
                    3 => f64::from_bits(next() % 4_000) * if next() % 2 == 0 { -1.0 } else { 1.0 },
                    _ => [0.0, -0.0, 1.0, f64::MAX, f64::MIN_POSITIVE, -1e300][next() as usize % 6],
                })
                .collect();
            let few = FloatStats::of_samples(&samples).expect("few samples");
            let sums = as_sums(&samples);
            assert_eq!(few, sums, "{samples:?}");
            let bits = |value: Option<f64>| value.map(f64::to_bits);
            assert_eq!(bits(few.mean()), bits(sums.mean()), "{samples:?}");
            assert_eq!(few.total().to_bits(), sums.total().to_bits(), "{samples:?}");
            assert_eq!((few.n(), bits(few.min()), bits(few.max())), (sums.n(), bits(sums.min()), bits(sums.max())));
            assert_eq!((bits(few.std()), bits(few.m2())), (bits(sums.std()), bits(sums.m2())));
        }
    }

    #[test]
    fn more_samples_than_are_stored_become_sums_in_any_order() {
        let samples: Vec<f64> = (0..40).map(|at| f64::from(at) / 8.0).collect();
        let mut one_by_one = FloatStats::default();
        samples.iter().for_each(|sample| one_by_one.sample(*sample));
        assert_eq!(one_by_one.few_samples(), None);
        for cut in 0..samples.len() {
            let (left, right) = samples.split_at(cut);
            let [mut merged, other] = [left, right].map(|part| {
                let mut stats = FloatStats::default();
                part.iter().for_each(|sample| stats.sample(*sample));
                stats
            });
            assert_eq!(merged.few_samples().is_some(), cut <= FewSamples::MOST);
            merged.merge(&other);
            assert_eq!(merged, one_by_one);
            assert_eq!(merged.few_samples(), None);
        }
        // A sample that the tracer summed up alone is a sample.
        let mut summed = FloatStats::default();
        summed.summed(1, Some(2.5), Some(2.5), Some(2.5));
        assert_eq!(summed.few_samples().map(FewSamples::as_slice), Some(&[2.5][..]));
        summed.summed(2, Some(5.0), Some(2.5), Some(2.5));
        assert_eq!((summed.few_samples(), summed.n()), (None, 3));
    }
}
