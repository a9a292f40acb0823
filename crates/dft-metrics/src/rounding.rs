//! Rounds exact rationals to the nearest double (ties to even), including subnormals and overflow.

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{Signed, Zero};

/// The bits of a quotient or root that are kept before rounding: more than the 53 of a double and one for the half.
const BITS: i64 = 66;

/// Returns `num / den · 2^exponent`, correctly rounded. `den` must be positive.
pub(crate) fn ratio(num: &BigInt, den: &BigInt, exponent: i64) -> f64 {
    let magnitude = num.magnitude();
    let shift = (BITS + den.bits() as i64 - magnitude.bits() as i64).max(0);
    let shifted = magnitude << shift as u64;
    let quotient = &shifted / den.magnitude();
    let sticky = &quotient * den.magnitude() != shifted;
    signed(num, round(&quotient, exponent - shift, sticky))
}

/// Returns `num / den · 2^exponent`, correctly rounded; `None` if the result is not a normal double. Does what [`ratio`]
/// does without allocations. `den` must not be 0.
pub(crate) fn small_ratio(num: i128, den: u64, exponent: i32) -> Option<f64> {
    let magnitude = num.unsigned_abs();
    if magnitude == 0 {
        return Some(0.0);
    }
    // At least 56 bits of the quotient: 53 of a double, one for the half, and one that the division may lose.
    let wanted = 56 + (u64::BITS - den.leading_zeros());
    let shift = wanted.saturating_sub(u128::BITS - magnitude.leading_zeros());
    let shifted = magnitude << shift;
    let (quotient, rest) = (shifted / u128::from(den), shifted % u128::from(den));
    let dropped = u128::BITS - quotient.leading_zeros() - 53;
    let (mut kept, below) = (quotient >> dropped, quotient & ((1 << dropped) - 1));
    let half = 1 << (dropped - 1);
    if below > half || (below == half && (rest != 0 || kept & 1 == 1)) {
        kept += 1;
    }
    let power = i64::from(exponent) - i64::from(shift) + i64::from(dropped);
    // `kept` has 53 bits, or is 2^53.
    if !(-1022..=970).contains(&power) {
        return None;
    }
    Some(scale_by_power_of_two(if num < 0 { -(kept as f64) } else { kept as f64 }, power))
}

/// Returns `value · 2^exponent`, correctly rounded.
pub(crate) fn integer(value: &BigInt, exponent: i64) -> f64 {
    signed(value, round(value.magnitude(), exponent, false))
}

/// Returns the square root of `num / den · 2^exponent`, correctly rounded; 0 for a negative radicand.
pub(crate) fn root(num: &BigInt, den: &BigInt, exponent: i64) -> f64 {
    if !num.is_positive() {
        return 0.0;
    }
    let mut shift = (2 * BITS + den.bits() as i64 - num.bits() as i64).max(0);
    if (exponent - shift) % 2 != 0 {
        shift += 1;
    }
    let shifted = num.magnitude() << shift as u64;
    let quotient = &shifted / den.magnitude();
    let root = quotient.sqrt();
    let exact = &quotient * den.magnitude() == shifted && &root * &root == quotient;
    round(&root, (exponent - shift) / 2, !exact)
}

fn signed(of: &BigInt, magnitude: f64) -> f64 {
    if of.sign() == Sign::Minus { -magnitude } else { magnitude }
}

/// Returns `value · 2^exponent` (a little more if `sticky`), correctly rounded.
fn round(value: &BigUint, exponent: i64, sticky: bool) -> f64 {
    if value.is_zero() {
        return 0.0;
    }
    let bits = value.bits() as i64;
    // The weight of the last bit that a double keeps here: 53 bits down, or that of the smallest subnormal.
    let last = (bits + exponent - 53).max(-1074);
    let dropped = last - exponent;
    let (mut kept, half, rest) = if dropped <= 0 {
        ((value << (-dropped) as u64), false, sticky)
    } else if dropped > bits {
        (BigUint::ZERO, false, true)
    } else {
        let kept = value >> dropped as u64;
        let rest = value.trailing_zeros().is_some_and(|zeros| (zeros as i64) < dropped - 1);
        (kept, value.bit(dropped as u64 - 1), rest || sticky)
    };
    if half && (rest || kept.bit(0)) {
        kept += 1_u32;
    }
    // At most 2^53, so exact. Both powers of two below are exact, too.
    let digits = kept.iter_u64_digits().next().unwrap_or(0) as f64;
    if last > 1023 {
        return f64::INFINITY;
    }
    scale_by_power_of_two(digits, last)
}

/// Returns `value · 2^power`; the result must be exact or infinite.
pub(crate) fn scale_by_power_of_two(value: f64, power: i64) -> f64 {
    let two_to = |power: i64| f64::from_bits(((power + 1023) as u64) << 52);
    match power {
        -1022..=1023 => value * two_to(power),
        // In two steps, because a power of two below 2^-1022 is not a normal double.
        _ => value * two_to(-1022) * two_to(power + 1022),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ratios_equal_those_of_big_integers() {
        let mut state = 3_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        for _ in 0..50_000 {
            let num = (i128::from(next() as i64) << 64 | i128::from(next())) >> (next() % 128);
            let (den, exponent) = (next() >> (next() % 63) | 1, (next() % 400) as i32 - 200);
            let wanted = ratio(&BigInt::from(num), &BigInt::from(den), exponent.into());
            let found = small_ratio(num, den, exponent).expect("a normal double");
            assert_eq!(found.to_bits(), wanted.to_bits(), "{num} / {den} · 2^{exponent}");
        }
        // Exactly half between two doubles, and a little more.
        for num in [(1 << 54) + 2, (1 << 54) + 6, ((1 << 54) + 2) * 3 + 1] {
            let wanted = ratio(&BigInt::from(num), &BigInt::from(3), 0);
            assert_eq!(small_ratio(num, 3, 0), Some(wanted), "{num}");
        }
        assert_eq!((small_ratio(1, 1, -1100), small_ratio(1, 1, 1100)), (None, None));
    }

    #[test]
    fn integers_round_like_rust_casts() {
        for value in
            [0_i128, 1, -1, 1 << 53, (1 << 53) + 1, (1 << 54) + 2, (1 << 54) + 6, i128::MAX, i128::MIN, -12_345]
        {
            assert_eq!(integer(&BigInt::from(value), 0).to_bits(), (value as f64).to_bits(), "{value}");
        }
    }

    #[test]
    fn ratios_equal_one_ieee_division() {
        for (num, den) in [(1_i64, 3_i64), (-2, 3), (10, 7), (1, 10), (9_007_199_254_740_991, 3), (5, 5), (0, 9)] {
            assert_eq!(ratio(&BigInt::from(num), &BigInt::from(den), 0), num as f64 / den as f64);
        }
    }

    #[test]
    fn the_ends_of_the_range_round_correctly() {
        let one = BigInt::from(1);
        assert_eq!(integer(&one, -1074), f64::from_bits(1));
        assert_eq!(integer(&one, -1075), 0.0);
        assert_eq!(integer(&BigInt::from(3), -1075), f64::from_bits(2));
        assert_eq!(integer(&BigInt::from(3), -1076), f64::from_bits(1));
        assert_eq!(integer(&one, -1022), f64::MIN_POSITIVE);
        assert_eq!(integer(&one, 1023), 2_f64.powi(1023));
        assert_eq!(integer(&one, 1024), f64::INFINITY);
        assert_eq!(integer(&((BigInt::from(1) << 53) - 1), 971), f64::MAX);
        assert_eq!(integer(&((BigInt::from(1) << 54) - 1), 970), f64::INFINITY);
        assert_eq!(integer(&((BigInt::from(1) << 1100) + 1), -2000), 2_f64.powi(-900));
    }

    #[test]
    fn roots_are_the_nearest_double() {
        for value in [2_u64, 3, 4, 5, 1_000_003, u64::MAX] {
            let root = root(&BigInt::from(value), &BigInt::from(1), 0);
            // (root ± half an ulp)² must bracket the value: in units of 2^-120.
            let half_ulp = BigInt::from(1) << 60 >> 1;
            let bits = root.to_bits();
            let mantissa = BigInt::from((bits & ((1 << 52) - 1)) | (1 << 52));
            let exponent = ((bits >> 52) as i64) - 1075;
            let scaled: BigInt = mantissa << 60;
            let (low, high) = (&scaled - &half_ulp, &scaled + &half_ulp);
            let target = BigInt::from(value) << (120 - 2 * exponent) as u64;
            assert!(&low * &low <= target && target <= &high * &high, "{value}");
        }
        assert_eq!(root(&BigInt::from(1), &BigInt::from(4), 0), 0.5);
        assert_eq!(root(&BigInt::from(9), &BigInt::from(1), -2100), f64::from_bits(3 << 24));
        assert_eq!(root(&BigInt::from(2), &BigInt::from(1), -1), 1.0);
    }
}
