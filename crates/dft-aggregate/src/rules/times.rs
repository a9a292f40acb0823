//! Fields of a record that are checked in the same way for every phase.

use dft_codec::Bounds;
use dft_trace::{Integer, MalformedReason, Record, TimeUnit, Value};

use crate::aggregator::Aggregator;

/// The checked times of a record.
pub(crate) struct Times {
    pub(crate) ts: i64,
    pub(crate) dur: Option<i64>,
}

impl Aggregator {
    #[inline(always)]
    pub(crate) fn times(record: &Record<'_>, unit: TimeUnit) -> Result<Times, MalformedReason> {
        let malformed = |reason: &str| Err(MalformedReason(reason.to_owned()));
        let ts = match record.ts.integer() {
            Integer::Some(ts) if ts >= 0 => ts,
            Integer::Some(_) => return malformed("ts is negative"),
            Integer::OutOfRange => return malformed("ts exceeds 63 bits"),
            Integer::None if record.ts == Value::Null => return malformed("ts is missing"),
            Integer::None => return malformed("ts is not an integer"),
        };
        let dur = match record.dur.integer() {
            Integer::Some(dur) if dur >= 0 => Some(dur),
            Integer::Some(_) => return malformed("dur is negative"),
            Integer::OutOfRange => return malformed("dur exceeds 63 bits"),
            Integer::None => None,
        };
        let past = || MalformedReason("ts or dur exceeds 63 bits in µs".to_owned());
        let ts = unit.to_us(ts).ok_or_else(past)?;
        let dur = dur.map(|dur| unit.to_us(dur).ok_or_else(past)).transpose()?;
        ts.checked_add(dur.unwrap_or(0)).ok_or_else(past)?;
        Ok(Times { ts, dur })
    }

    /// Returns an integer field, which may be absent or a signed 64-bit integer.
    #[inline(always)]
    pub(crate) fn field(value: &Value<'_>, name: &str) -> Result<Option<i64>, MalformedReason> {
        match value.integer() {
            Integer::Some(value) => Ok(Some(value)),
            Integer::None => Ok(None),
            Integer::OutOfRange => Err(MalformedReason(format!("{name} exceeds 63 bits"))),
        }
    }

    pub(crate) fn bucket(&mut self, time: i64) -> u64 {
        // Times are never negative.
        let time = time as u64;
        let bucket = time - time % self.config.interval_us;
        self.bounds = Some(self.bounds.map_or(Bounds::of(bucket), |bounds| bounds.union(Bounds::of(bucket))));
        bucket
    }
}
