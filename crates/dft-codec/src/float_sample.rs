//! Float samples, as decimal numbers where they are ones: tracers print readings with few digits.
//!
//! ```text
//! sample    varint 16 × zigzag m + e, e ≤ 14: the double nearest to m × 10^−e, |m| < 2⁵³
//!           or the byte 15 and the double, eight bytes, little-endian
//! ```

use crate::bytes::{DecodeError, Reader, put_varint};

/// Powers of ten, which are exact doubles.
const POWERS: [f64; 15] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

/// Marks a double that is no decimal number of a few digits.
const DOUBLE: u8 = 15;

/// Integers below this are exact doubles.
const EXACT: u64 = 1 << 53;

/// Returns the `m` of a double for this `e`, if there is one.
#[inline(always)]
fn with_decimals(value: f64, decimals: usize) -> Option<i64> {
    // Rounds without a call; if this rounds differently somewhere, the next line finds out.
    let scaled = value * POWERS[decimals];
    let digits = (scaled + 0.5_f64.copysign(scaled)) as i64;
    let is_it = digits.unsigned_abs() < EXACT && (digits as f64 / POWERS[decimals]).to_bits() == value.to_bits();
    is_it.then_some(digits)
}

#[cold]
fn more_decimals(value: f64, least: usize) -> Option<(i64, usize)> {
    (least..POWERS.len()).find_map(|decimals| Some((with_decimals(value, decimals)?, decimals)))
}

/// Returns `m` and `e` of a double that is nearest to m × 10^−e.
#[inline]
fn decimal_of(value: f64) -> Option<(i64, usize)> {
    let whole = value as i64;
    if whole as f64 == value && whole.unsigned_abs() < EXACT {
        let is_negative_zero = whole == 0 && value.is_sign_negative();
        return (!is_negative_zero).then_some((whole, 0));
    }
    // Six digits are what C and C++ print. The binary exponent gives the decimal one, or one less.
    let exponent = (value.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    let magnitude = (exponent * 1233) >> 12;
    let guess = (5 - magnitude).clamp(0, 14) as usize;
    let (mut digits, mut decimals) = match with_decimals(value, guess) {
        Some(digits) => (digits, guess),
        None => more_decimals(value, guess + 1)?,
    };
    while decimals > 0 && digits % 10 == 0 {
        (digits, decimals) = (digits / 10, decimals - 1);
    }
    Some((digits, decimals))
}

/// Appends a finite double. `decimals` is the `e` of its shortest form, if it is known.
#[inline]
pub(crate) fn put_sample(out: &mut Vec<u8>, value: f64, decimals: Option<u8>) {
    let known = decimals.map(usize::from).filter(|&decimals| decimals < POWERS.len());
    let known = known.and_then(|decimals| Some((with_decimals(value, decimals)?, decimals)));
    debug_assert!(known.is_none_or(|known| decimal_of(value) == Some(known)), "{value:e}, {decimals:?}");
    let decimal = match known {
        Some(known) => Some(known),
        None => decimal_of(value),
    };
    match decimal {
        Some((digits, decimals)) => {
            let zigzag = ((digits << 1) ^ (digits >> 63)) as u64;
            put_varint(out, u128::from(zigzag << 4 | decimals as u64));
        }
        None => {
            out.push(DOUBLE);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// Reads a finite double.
#[inline]
pub(crate) fn take_sample(reader: &mut Reader<'_>) -> Result<f64, DecodeError> {
    const INVALID: DecodeError = DecodeError::Invalid("a sample is not a finite number in its shortest form");
    let number = reader.varint_u64()?;
    let (zigzag, decimals) = (number >> 4, (number & 15) as usize);
    let value = match POWERS.get(decimals) {
        Some(power) if zigzag < 1 << 54 && (decimals == 0 || !zigzag.is_multiple_of(20)) => {
            let digits = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
            digits as f64 / power
        }
        None if zigzag == 0 => f64::from_le_bytes(reader.array()?),
        _ => return Err(INVALID),
    };
    if value.is_finite() { Ok(value) } else { Err(INVALID) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: f64) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_sample(&mut bytes, value, None);
        bytes
    }

    #[test]
    fn every_finite_double_comes_back_to_the_bit() {
        let mut state = 5_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 8
        };
        let mut values =
            vec![0.0, -0.0, 1.0, -1.0, 0.1, 1e15, 1e-14, f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e22, EXACT as f64];
        for _ in 0..50_000 {
            values.push((next() % 10_000_000) as f64 / POWERS[next() as usize % 15]);
            values.push(-((next() % (1 << 53)) as f64) / POWERS[next() as usize % 15]);
            values.push(f64::from_bits(next() << 8 | next() & 0xff));
        }
        for value in values.into_iter().filter(|value| value.is_finite()) {
            let bytes = encoded(value);
            let mut reader = Reader::new(&bytes);
            assert_eq!(take_sample(&mut reader).map(f64::to_bits), Ok(value.to_bits()), "{value:e}");
            assert_eq!(reader.left(), 0);
        }
    }

    #[test]
    fn known_decimals_change_no_byte_and_wrong_ones_no_value() {
        let with = |value: f64, decimals: usize| {
            let mut bytes = Vec::new();
            put_sample(&mut bytes, value, Some(decimals as u8));
            bytes
        };
        let mut state = 3_u64;
        for round in 0..50_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let digits = (state >> 8) % 10_u64.pow(1 + round % 15);
            let value = digits as f64 / POWERS[state as usize % 15];
            let (_, decimals) = decimal_of(value).expect("a decimal number");
            assert_eq!(with(value, decimals), encoded(value), "{value:e}");
        }
        for (value, decimals) in [(0.5, 0), (-0.0, 0), (28.9741, 3), (1.0 / 3.0, 14), (2.5, 15), (2.5, 255)] {
            assert_eq!(with(value, decimals), encoded(value), "{value:e}");
        }
    }

    #[test]
    fn readings_take_the_bytes_of_their_digits() {
        for (value, length) in
            [(0.0, 1), (100.0, 2), (28.9741, 4), (0.0328058, 4), (81.54, 3), (-3.5, 2), (1.0 / 3.0, 9)]
        {
            assert_eq!(encoded(value).len(), length, "{value}");
        }
    }

    #[test]
    fn samples_that_are_not_in_their_shortest_form_are_rejected() {
        // 10 × 10⁻¹; 2⁵³; a double that is not finite; a mark with digits.
        let number = |zigzag: u64, decimals: u64| {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, u128::from(zigzag << 4 | decimals));
            bytes
        };
        let not_finite = [&[DOUBLE][..], &f64::INFINITY.to_le_bytes()].concat();
        for bytes in [number(20, 1), number(1 << 54, 0), not_finite, number(1, 15), vec![DOUBLE, 0, 0]] {
            assert!(take_sample(&mut Reader::new(&bytes)).is_err(), "{bytes:?}");
        }
    }
}
