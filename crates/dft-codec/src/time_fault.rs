//! Times that cannot be in the unit in which they are read.

use std::fmt;

use crate::clock::TimeUnit;

/// Why the times of a trace must be in another unit than they are read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TimeFault {
    /// The `end` record of the tracer states another unit.
    OtherUnit {
        /// The unit in which times are read there.
        unit: TimeUnit,
        /// The unit that the record states.
        declared: TimeUnit,
    },
    /// A `ts` is after the year [`TimeFault::LAST_YEAR`].
    TooLate {
        /// The unit in which times are read there.
        unit: TimeUnit,
        /// The time, in that unit.
        ts: i64,
    },
}

/// The end of the last plausible year, in seconds from the epoch.
const END_OF_LAST_YEAR: i64 = 7_289_654_400;

impl TimeFault {
    /// The last plausible year of a time.
    pub const LAST_YEAR: i64 = 2200;

    /// Returns the fault if a `ts`, read in `unit`, is after the last plausible year.
    #[inline]
    pub fn too_late(unit: TimeUnit, ts: i64) -> Option<Self> {
        (ts >= end_of_last_year(unit)).then_some(Self::TooLate { unit, ts })
    }

    /// Returns which of two consecutive faults of a trace to report: a statement of the tracer takes precedence over
    /// implausible times.
    #[must_use]
    pub fn first(self, later: Self) -> Self {
        match (self, later) {
            (Self::TooLate { .. }, Self::OtherUnit { .. }) => later,
            _ => self,
        }
    }

    /// Returns the unit that would fit, if any does.
    pub fn fitting_unit(&self) -> Option<TimeUnit> {
        match *self {
            Self::OtherUnit { declared, .. } => Some(declared),
            // The coarsest that fits, because it is the closest to the unit used.
            Self::TooLate { unit, ts } => {
                let finer = TimeUnit::ALL.into_iter().filter(|finer| *finer < unit);
                finer.rev().find(|&finer| ts < end_of_last_year(finer))
            }
        }
    }
}

impl fmt::Display for TimeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OtherUnit { unit, declared } => {
                write!(f, "its end record states that its times are in {declared}, but they were read as {unit}")?;
            }
            Self::TooLate { unit, ts } => write!(f, "ts {ts} {unit} is in the year {}", year(ts, unit))?,
        }
        match (self.fitting_unit(), *self) {
            (None, _) => f.write_str("; it is after 2200 in every unit"),
            (Some(fitting), Self::OtherUnit { .. }) => write!(f, ": {}", Advice(fitting)),
            (Some(fitting), Self::TooLate { ts, .. }) => {
                write!(f, "; in {fitting} it is in {}: {}", year(ts, fitting), Advice(fitting))
            }
        }
    }
}

struct Advice(TimeUnit);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "use --time-unit {} (a CM record in the trace overrides it)", self.0.name())
    }
}

/// Returns [`END_OF_LAST_YEAR`] in a unit. It fits 63 bits in every unit.
#[inline]
fn end_of_last_year(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Ns => END_OF_LAST_YEAR * 1_000_000_000,
        TimeUnit::Us => END_OF_LAST_YEAR * 1_000_000,
        TimeUnit::Ms => END_OF_LAST_YEAR * 1_000,
        TimeUnit::Sec => END_OF_LAST_YEAR,
    }
}

/// Returns the year of a time, which must not be before the epoch.
fn year(ts: i64, unit: TimeUnit) -> i64 {
    let seconds = match unit {
        TimeUnit::Ns => ts / 1_000_000_000,
        TimeUnit::Us => ts / 1_000_000,
        TimeUnit::Ms => ts / 1_000,
        TimeUnit::Sec => ts,
    };
    // Years that start in March, in 400-year cycles (Hinnant, chrono-compatible low-level date algorithms).
    let days = seconds / 86_400 + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let in_cycle = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * in_cycle + in_cycle / 4 - in_cycle / 100);
    cycle * 400 + in_cycle + i64::from(day_of_year >= 306)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_of_times_are_exact_at_their_ends() {
        for (ts, unit, wanted) in [
            (END_OF_LAST_YEAR - 1, TimeUnit::Sec, 2200),
            (END_OF_LAST_YEAR, TimeUnit::Sec, 2201),
            (0, TimeUnit::Us, 1970),
            (1_795_452_209_467_004, TimeUnit::Us, 2026),
            (1_795_452_209_467_004_000, TimeUnit::Us, 58_865),
            (i64::MAX, TimeUnit::Us, 294_247),
            (951_782_400_000, TimeUnit::Ms, 2000),
            (946_684_799, TimeUnit::Sec, 1999),
            (946_684_800, TimeUnit::Sec, 2000),
            (i64::MAX, TimeUnit::Ns, 2262),
        ] {
            assert_eq!(year(ts, unit), wanted, "{ts} {unit}");
        }
    }
}
