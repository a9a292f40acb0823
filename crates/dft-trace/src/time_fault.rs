//! Detects times that cannot be in the unit in which they are read.

use std::fmt;

use crate::library::text_field;
use crate::number::Integer;
use crate::record::{Phase, Record, Value};
use crate::unit::TimeUnit;

/// Why the times of a trace must be in another unit than they are read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeFault {
    /// The `end` record of the tracer states another unit.
    OtherUnit {
        /// The unit in which times are read there.
        unit: TimeUnit,
        /// The unit that the record states.
        said: TimeUnit,
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

    /// Returns the fault that a record shows if its times are read in `unit`.
    #[inline]
    pub fn of(record: &Record<'_>, unit: TimeUnit) -> Option<Self> {
        if matches!(record.phase, Phase::Unknown | Phase::Metadata) {
            return None;
        }
        // An `end` record contains objects, so it is never read by a layout.
        if record.layout.is_none()
            && let Some(fault) = Self::of_end(record, unit)
        {
            return Some(fault);
        }
        match record.ts.integer() {
            Integer::Some(ts) if ts >= end_of_last_year(unit) => Some(Self::TooLate { unit, ts }),
            _ => None,
        }
    }

    #[cold]
    fn of_end(record: &Record<'_>, unit: TimeUnit) -> Option<Self> {
        if record.name != Value::Text(b"end") || !record.cat.text().eq_ignore_ascii_case(b"dftracer") {
            return None;
        }
        let Value::Nested(cfg) = record.args.iter().find(|arg| arg.name == b"cfg")?.value else { return None };
        let said = TimeUnit::of_metric(text_field(cfg, "time_metric")?)?;
        (said != unit).then_some(Self::OtherUnit { unit, said })
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
            Self::OtherUnit { said, .. } => Some(said),
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
            Self::OtherUnit { unit, said } => {
                write!(f, "its end record states that its times are in {said}, but they were read as {unit}")?;
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
    use crate::{Clock, Line, Parser};

    fn faults(text: &str, unit: TimeUnit) -> Vec<TimeFault> {
        let mut faults = Vec::new();
        Parser::new().parse(text.as_bytes(), 1, unit.into(), |line| match line {
            Line::Record { record, clock: Clock { unit, .. }, .. } => faults.extend(TimeFault::of(record, unit)),
            Line::Malformed { reason, .. } => panic!("{reason}"),
        });
        faults
    }

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

    #[test]
    fn a_time_after_the_last_year_suggests_the_unit_that_fits() {
        let event = |ts: i64| format!("{{\"name\":\"x\",\"ph\":1,\"ts\":{ts},\"args\":{{\"a\":1}}}}\n");
        let ns = 1_795_452_209_467_004_000;
        let found = faults(&event(ns).repeat(40), TimeUnit::Us);
        assert_eq!(found, [TimeFault::TooLate { unit: TimeUnit::Us, ts: ns }; 40]);
        assert_eq!(
            found[0].to_string(),
            "ts 1795452209467004000 µs is in the year 58865; in ns it is in 2026: use --time-unit ns (a CM record in \
             the trace overrides it)"
        );
        assert_eq!(faults(&event(ns), TimeUnit::Ns), []);
        for (ts, unit, fits) in [
            (ns, TimeUnit::Sec, Some(TimeUnit::Ns)),
            (ns / 1_000, TimeUnit::Sec, Some(TimeUnit::Us)),
            (ns / 1_000_000, TimeUnit::Sec, Some(TimeUnit::Ms)),
            (i64::MAX, TimeUnit::Us, None),
        ] {
            assert_eq!(TimeFault::TooLate { unit, ts }.fitting_unit(), fits);
        }
        let none = TimeFault::TooLate { unit: TimeUnit::Ns, ts: i64::MAX }.to_string();
        assert_eq!(none, "ts 9223372036854775807 ns is in the year 2262; it is after 2200 in every unit");
        // Times of metadata are ignored. Text and floats are times, too.
        let metadata = format!("{{\"name\":\"FH\",\"ph\":\"M\",\"ts\":{ns}}}\n");
        assert_eq!(faults(&metadata, TimeUnit::Us), []);
        assert_eq!(
            faults(&format!("{{\"ph\":\"X\",\"ts\":\"{ns}\"}}\n{{\"ph\":\"X\",\"ts\":1e18}}"), TimeUnit::Us).len(),
            2
        );
    }

    #[test]
    fn an_end_record_that_states_another_unit_is_a_fault() {
        let end = |unit: &str| {
            format!(
                "{{\"name\":\"end\",\"cat\":\"dftracer\",\"ph\":1,\"ts\":5,\"args\":{{\"used\":{{}},\"cfg\":{{\"io\":1,\
                 \"time_metric\":\"{unit}\"}},\"num_events\":1}}}}\n"
            )
        };
        let other = TimeFault::OtherUnit { unit: TimeUnit::Us, said: TimeUnit::Ns };
        assert_eq!(faults(&end("NS").repeat(2), TimeUnit::Us), [other; 2]);
        assert_eq!(faults(&end("NS"), TimeUnit::Ns), []);
        assert_eq!(faults(&end("FORTNIGHT"), TimeUnit::Ns), []);
        assert_eq!(faults(&end("NS").replace("dftracer", "app"), TimeUnit::Us), []);
        let cm = r#"{"name":"CM","ph":4,"args":{"name":"time_metric","value":"NS"}}"#;
        assert_eq!(faults(&format!("{cm}\n{}", end("NS")), TimeUnit::Us), []);
        assert!(other.to_string().ends_with("use --time-unit ns (a CM record in the trace overrides it)"));
        let late = TimeFault::TooLate { unit: TimeUnit::Us, ts: i64::MAX };
        assert_eq!((late.first(other), other.first(late), late.first(late)), (other, other, late));
    }
}
