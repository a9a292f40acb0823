//! Unsigned 256-bit integers, for sums of squares that 128 bits cannot hold.

use num_bigint::BigInt;

/// An unsigned integer of 256 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct U256 {
    /// The high 128 bits.
    pub hi: u128,
    /// The low 128 bits.
    pub lo: u128,
}

impl U256 {
    /// Zero.
    pub const ZERO: Self = Self { hi: 0, lo: 0 };

    /// Returns the square of a 128-bit total.
    pub fn square_of_wide(value: i128) -> Self {
        const LOW: u128 = u64::MAX as u128;
        let magnitude = value.unsigned_abs();
        let (high, low) = (magnitude >> 64, magnitude & LOW);
        // (h·2^64 + l)² = h²·2^128 + 2hl·2^64 + l², where 2hl may exceed 128 bits.
        let cross = high * low;
        let mut square = Self { hi: high * high + (cross >> 63), lo: low * low };
        square.add(Self { hi: 0, lo: cross << 65 });
        square
    }

    /// Adds another integer, saturating. Sums of fewer than 2^128 squares of 64-bit samples cannot overflow.
    #[inline]
    pub fn add(&mut self, other: Self) {
        let (lo, carry) = self.lo.overflowing_add(other.lo);
        if !carry && other.hi == 0 {
            self.lo = lo;
            return;
        }
        let hi = self.hi.checked_add(other.hi).and_then(|hi| hi.checked_add(u128::from(carry)));
        *self = hi.map_or(Self { hi: u128::MAX, lo: u128::MAX }, |hi| Self { hi, lo });
    }

    /// Converts to an integer of arbitrary size.
    pub fn to_bigint(self) -> BigInt {
        (BigInt::from(self.hi) << 128) + BigInt::from(self.lo)
    }
}
