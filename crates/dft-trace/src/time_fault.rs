//! Detects times that cannot be in the unit in which they are read.

use dft_codec::{TimeFault, TimeUnit};

use crate::library::text_field;
use crate::number::Integer;
use crate::record::{Phase, Record, Value};

/// Returns the fault that a record shows if its times are read in `unit`.
#[inline]
pub fn find_time_fault(record: &Record<'_>, unit: TimeUnit) -> Option<TimeFault> {
    if matches!(record.phase, Phase::Unknown | Phase::Metadata) {
        return None;
    }
    // An `end` record contains objects, so it is never read by a layout.
    if record.layout.is_none()
        && let Some(fault) = of_end_record(record, unit)
    {
        return Some(fault);
    }
    match record.ts.integer() {
        Integer::Some(ts) => TimeFault::too_late(unit, ts),
        _ => None,
    }
}

#[cold]
fn of_end_record(record: &Record<'_>, unit: TimeUnit) -> Option<TimeFault> {
    if record.name != Value::Text(b"end") || !record.cat.text().eq_ignore_ascii_case(b"dftracer") {
        return None;
    }
    let Value::Nested(cfg) = record.args.iter().find(|arg| arg.name == b"cfg")?.value else { return None };
    let declared = TimeUnit::of_metric(text_field(cfg, "time_metric")?)?;
    (declared != unit).then_some(TimeFault::OtherUnit { unit, declared })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, Line, Parser};

    fn faults(text: &str, unit: TimeUnit) -> Vec<TimeFault> {
        let mut faults = Vec::new();
        Parser::new().parse(text.as_bytes(), 1, unit.into(), |line| match line {
            Line::Record { record, clock: Clock { unit, .. }, .. } => faults.extend(find_time_fault(record, unit)),
            Line::Malformed { reason, .. } => panic!("{reason}"),
        });
        faults
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
        let other = TimeFault::OtherUnit { unit: TimeUnit::Us, declared: TimeUnit::Ns };
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
