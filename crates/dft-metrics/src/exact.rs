//! Exact sums of doubles and of their squares.

use num_bigint::{BigInt, BigUint, Sign};
use smallvec::{SmallVec, smallvec};

use crate::rounding;
use crate::wide::U256;

/// The range of bit weights in sums: from the square of the smallest subnormal to 2^128 times the
/// square of the largest double.
const LOWEST_BIT: i64 = -2 * 1074;
const HIGHEST_BIT: i64 = 2 * 1024 + 128;

/// The approximate overhead of an allocation, in bytes.
pub(crate) const ALLOCATION: usize = 16;

/// The shortest form of an exact sum: `bytes` times 2^(8·`weight`). Neither the first byte nor a sign byte is
/// redundant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortForm {
    /// The power of 256 to multiply the bytes by; 0 for a sum of zero.
    pub weight: i32,
    /// The integer in two's complement, little-endian; no bytes for a sum of zero.
    pub bytes: SmallVec<[u8; 32]>,
}

/// An exact sum of doubles, of their squares, or of integers.
///
/// This is a superaccumulator (Kulisch, *Computer Arithmetic and Validity*, 2013): every finite double is an
/// integer times a power of two, so a sufficiently wide fixed-point integer holds any sum of them
/// without rounding. Here it is as wide as the samples need: usually three or four words of 64 bits.
// Words are in two's complement, little-endian, times 2^(64·low).
#[derive(Clone, Debug, Default)]
pub struct ExactSum {
    low: i32,
    words: SmallVec<[u64; 4]>,
}

impl ExactSum {
    /// Adds a finite double; NaN and infinities are ignored.
    #[inline]
    pub fn add_f64(&mut self, value: f64) {
        if let Some((mantissa, exponent)) = split(value) {
            self.add_shifted(mantissa.into(), exponent, value.is_sign_negative());
        }
    }

    /// Adds the square of a finite double; NaN and infinities are ignored.
    #[inline]
    pub fn add_square(&mut self, value: f64) {
        if let Some((mantissa, exponent)) = split(value) {
            self.add_shifted(u128::from(mantissa) * u128::from(mantissa), 2 * exponent, false);
        }
    }

    /// Adds an integer.
    pub fn add_i128(&mut self, value: i128) {
        let magnitude = value.unsigned_abs();
        self.add_words(&[magnitude as u64, (magnitude >> 64) as u64], 0, value < 0);
    }

    /// Adds an unsigned integer of 256 bits.
    pub fn add_u256(&mut self, value: U256) {
        let words = [value.lo as u64, (value.lo >> 64) as u64, value.hi as u64, (value.hi >> 64) as u64];
        self.add_words(&words, 0, false);
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        let Some((&sign, body)) = other.words.split_last() else { return };
        self.add_words(body, other.low, false);
        if sign != 0 {
            // Two's complement: the sign word weighs minus one.
            self.add_words(&[1], other.low + body.len() as i32, true);
        }
    }

    /// Returns the heap memory of the sum, in bytes: none for usual samples, hundreds for samples of
    /// very different magnitudes.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        if self.words.spilled() { self.words.capacity() * size_of::<u64>() + ALLOCATION } else { 0 }
    }

    /// Whether the sum is zero.
    pub fn is_zero(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Returns the sum as a double, correctly rounded.
    pub(crate) fn to_f64(&self) -> f64 {
        let (value, exponent) = self.to_bigint();
        rounding::integer(&value, exponent)
    }

    /// Returns the sum as an integer and the exponent of the power of two to multiply it by.
    pub fn to_bigint(&self) -> (BigInt, i64) {
        let negative = self.words.last().is_some_and(|&sign| sign != 0);
        let mut magnitude = self.words.clone();
        if negative {
            let mut carry = true;
            for word in &mut magnitude {
                let (sum, over) = (!*word).overflowing_add(carry.into());
                (*word, carry) = (sum, over);
            }
        }
        let halves: Vec<u32> = magnitude.iter().flat_map(|&word| [word as u32, (word >> 32) as u32]).collect();
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        (BigInt::from_biguint(sign, BigUint::new(halves)), i64::from(self.low) * 64)
    }

    /// Returns the sum in its shortest form.
    pub fn short_form(&self) -> ShortForm {
        let mut bytes: SmallVec<[u8; 32]> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        while has_redundant_sign(&bytes) {
            bytes.pop();
        }
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        if zeros == bytes.len() {
            return ShortForm::default();
        }
        bytes.drain(..zeros);
        ShortForm { weight: self.low * 8 + zeros as i32, bytes }
    }

    /// Creates a sum from its shortest form; `None` if the bytes are not in that form, or out of the
    /// range of sums of doubles and their squares.
    pub fn from_short_form(weight: i32, bytes: &[u8]) -> Option<Self> {
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
            return (weight == 0).then(Self::default);
        };
        if first == 0 || has_redundant_sign(bytes) {
            return None;
        }
        let bits = i64::from(weight) * 8;
        let length = i64::try_from(bytes.len()).ok()?.checked_mul(8)?;
        if bits < LOWEST_BIT - 64 || bits.checked_add(length)? > HIGHEST_BIT + 64 {
            return None;
        }
        let low = weight.div_euclid(8);
        let sign = if last & 0x80 != 0 { 0xff } else { 0 };
        let mut all = vec![0_u8; weight.rem_euclid(8) as usize];
        all.extend_from_slice(bytes);
        // Pad to whole words, and one more for the sign.
        all.resize(all.len().div_ceil(8) * 8 + 8, sign);
        let words = all.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        Some(Self { low, words })
    }

    #[inline]
    fn add_shifted(&mut self, value: u128, exponent: i32, negative: bool) {
        if value == 0 {
            return;
        }
        let shift = exponent.rem_euclid(64) as u32;
        let low = value << shift;
        let high = if shift == 0 { 0 } else { (value >> (128 - shift)) as u64 };
        self.add_words(&[low as u64, (low >> 64) as u64, high], exponent.div_euclid(64), negative);
    }

    /// Adds (or subtracts) words, little-endian, times 2^(64·at).
    ///
    /// The last word is always a pure sign, 0 or all ones, above all words that are added. So the
    /// addition cannot overflow, and the new value of the last word tells whether one more is needed.
    #[inline]
    fn add_words(&mut self, mut add: &[u64], mut at: i32, negative: bool) {
        while let [rest @ .., 0] = add {
            add = rest;
        }
        while let [0, rest @ ..] = add {
            add = rest;
            at += 1;
        }
        if add.is_empty() {
            return;
        }
        if self.words.is_empty() {
            self.low = at;
            self.words = smallvec![0];
        }
        if at < self.low {
            let missing = (self.low - at) as usize;
            self.words.insert_many(0, std::iter::repeat_n(0, missing));
            self.low = at;
        }
        let start = (at - self.low) as usize;
        let sign = *self.words.last().unwrap_or(&0);
        if self.words.len() < start + add.len() + 1 {
            self.words.resize(start + add.len() + 1, sign);
        }
        let mut carry = false;
        let mut index = start;
        while index < self.words.len() && (carry || index - start < add.len()) {
            let other = add.get(index - start).copied().unwrap_or(0);
            let word = self.words[index];
            let (next, over) = if negative {
                let (next, first) = word.overflowing_sub(other);
                let (next, second) = next.overflowing_sub(carry.into());
                (next, first | second)
            } else {
                let (next, first) = word.overflowing_add(other);
                let (next, second) = next.overflowing_add(carry.into());
                (next, first | second)
            };
            self.words[index] = next;
            carry = over;
            index += 1;
        }
        let last = *self.words.last().unwrap_or(&0);
        if last != 0 && last != u64::MAX {
            self.words.push(if last >> 63 == 0 { 0 } else { u64::MAX });
        }
    }
}

/// Whether the last byte only repeats the sign of the one before it.
fn has_redundant_sign(bytes: &[u8]) -> bool {
    matches!(bytes, [.., before, sign] if *sign == if *before >= 0x80 { 0xff } else { 0 })
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        (self.low == other.low && self.words == other.words) || self.short_form() == other.short_form()
    }
}

impl Eq for ExactSum {}

/// Splits a finite double that is not zero into mantissa · 2^exponent.
#[inline]
pub(crate) fn split(value: f64) -> Option<(u64, i32)> {
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    match exponent {
        0 if fraction == 0 => None,
        0 => Some((fraction, -1074)),
        0x7ff => None,
        _ => Some((fraction | 1 << 52, exponent - 1075)),
    }
}
