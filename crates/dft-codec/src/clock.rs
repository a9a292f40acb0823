//! The time unit and the clock of a trace, which its records declare for the records after them.

use std::fmt;
use std::str::FromStr;

/// The unit of `ts` and `dur` in a trace. Traces without a `CM` record are in µs, unless another unit is requested.
/// Finer units compare as less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TimeUnit {
    /// Nanoseconds (`NS`).
    Ns,
    /// Microseconds (`US`), the default.
    #[default]
    Us,
    /// Milliseconds (`MS`).
    Ms,
    /// Seconds (`SEC`).
    Sec,
}

impl TimeUnit {
    /// All units, the finest first.
    pub const ALL: [Self; 4] = [Self::Ns, Self::Us, Self::Ms, Self::Sec];

    /// Returns the unit that a `time_metric` value names; µs for an unknown name.
    pub fn from_name(name: &[u8]) -> Self {
        Self::of_metric(name).unwrap_or_default()
    }

    /// Returns the unit that a `time_metric` value names, if it is known.
    pub fn of_metric(name: &[u8]) -> Option<Self> {
        match name {
            b"NS" => Some(Self::Ns),
            b"US" => Some(Self::Us),
            b"MS" => Some(Self::Ms),
            b"SEC" => Some(Self::Sec),
            _ => None,
        }
    }

    /// Returns the name of the unit in options and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ns => "ns",
            Self::Us => "us",
            Self::Ms => "ms",
            Self::Sec => "s",
        }
    }

    /// Returns the number that stands for the unit in a stored configuration.
    pub fn code(self) -> u8 {
        match self {
            Self::Us => 0,
            Self::Ns => 1,
            Self::Ms => 2,
            Self::Sec => 3,
        }
    }

    /// Returns the unit that a [`code`](Self::code) stands for.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.code() == code)
    }

    /// Returns `value` in µs, rounded down (towards minus infinity); `None` if that overflows 64 bits.
    #[inline]
    pub fn to_us(self, value: i64) -> Option<i64> {
        match self {
            Self::Us => Some(value),
            Self::Ns => Some(value.div_euclid(1_000)),
            Self::Ms => value.checked_mul(1_000),
            Self::Sec => value.checked_mul(1_000_000),
        }
    }
}

impl FromStr for TimeUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|unit| unit.name() == text);
        named.ok_or_else(|| format!("{text:?} is not a time unit: use ns, us, ms or s"))
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Us { "µs" } else { self.name() })
    }
}

/// How to interpret the times of the records of a file, from some line on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// The unit of `ts` and `dur`.
    pub unit: TimeUnit,
    /// Whether the `ts` of a letter-`C` counter is the start of its period; otherwise it is the end.
    ///
    /// A tracer with a version in its `start` record writes starts (all releases from 2.0.0 to 2.1.0, the
    /// only ones that write such counters, do both).
    pub counter_starts: bool,
}

impl From<TimeUnit> for Clock {
    fn from(unit: TimeUnit) -> Self {
        Self { unit, counter_starts: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_every_unit_convert_to_us() {
        assert_eq!(TimeUnit::from_name(b"NS").to_us(1_999), Some(1));
        assert_eq!(TimeUnit::from_name(b"NS").to_us(-1), Some(-1));
        assert_eq!(TimeUnit::from_name(b"US").to_us(7), Some(7));
        assert_eq!(TimeUnit::from_name(b"MS").to_us(7), Some(7_000));
        assert_eq!(TimeUnit::from_name(b"SEC").to_us(7), Some(7_000_000));
        assert_eq!(TimeUnit::from_name(b"fortnight"), TimeUnit::Us);
        assert_eq!(TimeUnit::Sec.to_us(i64::MAX), None);
    }
}
