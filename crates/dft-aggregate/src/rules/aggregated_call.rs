//! The metrics of aggregated calls.

use dft_codec::Custom;
use dft_metrics::SketchMapping;
use dft_trace::{ArgKey, Integer, MalformedReason, Record, TimeUnit, Value};

use crate::arg_index::ArgIndex;

/// The kind of record that a contribution comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A record of phase `"C"`.
    CounterOrAggregated,
    /// A record of phase `"A"` or 3.
    Aggregated,
}

/// The number of calls in a record, and the kind of record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls {
    pub(crate) count: u64,
    pub(crate) origin: Origin,
}

impl Calls {
    /// Returns the number of samples in a metric's sum, or in the plain value if there is no sum.
    pub(crate) fn samples(self, has_sum: bool, has_plain: bool) -> u64 {
        // The tracer writes a plain value if only one of the calls had the field.
        if self.origin == Origin::Aggregated && !has_sum && has_plain { 1 } else { self.count }
    }
}

/// A record's contribution to one metric.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MetricSums {
    /// The number of samples in the sum.
    pub(crate) n: u64,
    pub(crate) sum: Option<i64>,
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
    /// Whether `n` samples between the extrema cannot have the sum.
    pub(crate) doubtful: bool,
}

impl MetricSums {
    /// A contribution without a sum and extrema.
    pub(crate) const fn nothing(n: u64) -> Self {
        Self { n, sum: None, min: None, max: None, doubtful: false }
    }

    fn checked(mut self) -> Self {
        self.doubtful = match (self.sum, self.min, self.max) {
            (Some(sum), Some(min), Some(max)) => !is_sum_of(self.n, sum, min, max),
            _ => false,
        };
        self
    }
}

/// Tells whether `n` values from `min` to `max` can have this sum.
fn is_sum_of(n: u64, sum: i64, min: i64, max: i64) -> bool {
    // Products of 64 and 63 bits fit 128.
    let bound = |value: i64| i128::from(n) * i128::from(value);
    (bound(min)..=bound(max)).contains(&sum.into())
}

/// The sizes of the transfers in a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransferSizes {
    pub(crate) size: MetricSums,
    /// Whether some of the calls were transfers that failed.
    pub(crate) failed: bool,
    /// Whether the sum is not doubtful.
    pub(crate) consistent: bool,
}

/// The keys of a metric's parts: plain value, sum, minimum, maximum.
type Keys = [(ArgKey, &'static str); 4];

const DURATION: Keys =
    [(ArgKey::Dur, "dur"), (ArgKey::DurSum, "dur_sum"), (ArgKey::DurMin, "dur_min"), (ArgKey::DurMax, "dur_max")];
const RET: Keys =
    [(ArgKey::Ret, "ret"), (ArgKey::RetSum, "ret_sum"), (ArgKey::RetMin, "ret_min"), (ArgKey::RetMax, "ret_max")];
const OFFSET: Keys = [
    (ArgKey::Offset, "offset"),
    (ArgKey::OffsetSum, "offset_sum"),
    (ArgKey::OffsetMin, "offset_min"),
    (ArgKey::OffsetMax, "offset_max"),
];
const SIZE: Keys = [
    (ArgKey::Size, "size"),
    (ArgKey::SizeSum, "size_sum"),
    (ArgKey::SizeMin, "size_min"),
    (ArgKey::SizeMax, "size_max"),
];

/// The args that [`CallMetrics`] come from, and the number of calls.
const ARGS: [ArgKey; 18] = [
    DURATION[0].0,
    DURATION[1].0,
    DURATION[2].0,
    DURATION[3].0,
    RET[0].0,
    RET[1].0,
    RET[2].0,
    RET[3].0,
    OFFSET[0].0,
    OFFSET[1].0,
    OFFSET[2].0,
    OFFSET[3].0,
    SIZE[0].0,
    SIZE[1].0,
    SIZE[2].0,
    SIZE[3].0,
    ArgKey::DftCnt,
    ArgKey::Count,
];

/// Where the args of an aggregated call are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallArgs([ArgIndex; ARGS.len()]);

/// The first of a metric's four args.
const DURATION_AT: usize = 0;
const RET_AT: usize = 4;
const OFFSET_AT: usize = 8;
const SIZE_AT: usize = 12;

impl CallArgs {
    /// Finds the args of a record.
    pub(crate) fn of(record: &Record<'_>) -> Self {
        Self(ARGS.map(|key| ArgIndex::of_key(record, key)))
    }

    /// Returns the value of `dft_cnt`.
    pub(crate) fn dft_cnt<'r, 'a>(&self, record: &'r Record<'a>) -> &'r Value<'a> {
        self.0[ARGS.len() - 2].of(record)
    }

    /// Returns the value of `count`.
    pub(crate) fn count<'r, 'a>(&self, record: &'r Record<'a>) -> &'r Value<'a> {
        self.0[ARGS.len() - 1].of(record)
    }

    fn metric(
        &self,
        record: &Record<'_>,
        at: usize,
        keys: &Keys,
        unit: TimeUnit,
        calls: Calls,
    ) -> Result<MetricSums, MalformedReason> {
        let read = |part: usize| match self.0[at + part].of(record).integer() {
            Integer::None => Ok(None),
            Integer::OutOfRange => Err(past(keys[part].1)),
            Integer::Some(value) => unit.to_us(value).map(Some).ok_or_else(|| past(keys[part].1)),
        };
        let plain = read(0)?;
        let (sum, min, max) = (read(1)?, read(2)?, read(3)?);
        let n = calls.samples(sum.is_some(), plain.is_some());
        Ok(MetricSums { n, sum: sum.or(plain), min: min.or(plain), max: max.or(plain), doubtful: false }.checked())
    }

    /// Returns a record's durations and offsets.
    ///
    /// # Errors
    ///
    /// If a number exceeds 63 bits.
    pub(crate) fn times_and_offsets(
        &self,
        record: &Record<'_>,
        unit: TimeUnit,
        calls: Calls,
    ) -> Result<[MetricSums; 2], MalformedReason> {
        let duration = self.metric(record, DURATION_AT, &DURATION, unit, calls)?;
        Ok([duration, self.metric(record, OFFSET_AT, &OFFSET, TimeUnit::Us, calls)?])
    }

    /// Returns the sizes of the transfers in a record, and whether some of them failed. With `items`, the function
    /// returns items, not bytes.
    ///
    /// # Errors
    ///
    /// If a number exceeds 63 bits.
    pub(crate) fn sizes(
        &self,
        record: &Record<'_>,
        calls: Calls,
        items: bool,
    ) -> Result<TransferSizes, MalformedReason> {
        let mut size = self.metric(record, RET_AT, &RET, TimeUnit::Us, calls)?;
        let consistent = !size.doubtful;
        if items {
            let of_item = self.metric(record, SIZE_AT, &SIZE, TimeUnit::Us, calls)?;
            size = bytes_of_summed_items(size, of_item)?;
        }
        let failed = size.min.is_some_and(|min| min < 0);
        if failed {
            // A negative size is an error number. If some calls succeeded, the sum and the maximum are kept.
            size = match size.max {
                Some(max) if max >= 0 && size.n != 1 => MetricSums { min: None, ..size },
                _ => MetricSums::nothing(size.n),
            };
        }
        Ok(TransferSizes { size, failed, consistent })
    }
}

fn past(name: &str) -> MalformedReason {
    MalformedReason(format!("{name} exceeds 63 bits"))
}

/// Returns the number of bytes that a call of `fread` or `fwrite` transferred, from the number of items that it
/// returned. If the size of an item is not known, items count as bytes.
///
/// # Errors
///
/// If the product exceeds 63 bits.
pub(crate) fn bytes_of_items(items: i64, size: &Value<'_>) -> Result<i64, MalformedReason> {
    match size.integer_literal().filter(|&size| size >= 0) {
        Some(size) => items.checked_mul(size).ok_or_else(|| past("ret × size")),
        None => Ok(items),
    }
}

/// Does the same for several calls. If their items differ in size, the number of bytes is not known.
fn bytes_of_summed_items(items: MetricSums, size: MetricSums) -> Result<MetricSums, MalformedReason> {
    let scale = match (size.min, size.max) {
        (None, _) => return Ok(items),
        (Some(min), Some(max)) if min == max && min >= 0 => min,
        _ => return Ok(MetricSums::nothing(items.n)),
    };
    let scaled = |value: Option<i64>| match value {
        None => Ok(None),
        Some(value) => value.checked_mul(scale).map(Some).ok_or_else(|| past("ret × size")),
    };
    Ok(MetricSums { sum: scaled(items.sum)?, min: scaled(items.min)?, max: scaled(items.max)?, ..items })
}

/// The result of adding to a custom metric.
pub(crate) struct Added {
    /// The number of sums that were not finite.
    pub(crate) not_finite: u64,
    pub(crate) consistent: bool,
}

/// Adds `n` samples to a custom metric. Sum, minimum and maximum each go to the statistics of their number type.
pub(crate) fn add_custom(
    custom: &mut Custom,
    n: u64,
    values: [Option<&Value<'_>>; 3],
    sketches: Option<&SketchMapping>,
) -> Added {
    let ints = values.map(|value| value.and_then(Value::integer_literal));
    let mut floats = [None; 3];
    for (float, (value, int)) in floats.iter_mut().zip(values.into_iter().zip(ints)) {
        if int.is_none() {
            *float = value.and_then(Value::float);
        }
    }
    custom.ints.summed(n, ints[0], ints[1], ints[2]);
    if floats.iter().any(Option::is_some) {
        custom.floats.get_or_insert_default().summed(n, floats[0], floats[1], floats[2]);
    }
    let consistent = match (ints, floats) {
        ([Some(sum), Some(min), Some(max)], _) => is_sum_of(n, sum, min, max),
        _ => are_floats_consistent(n, values),
    };
    if !consistent {
        custom.ints.doubt_count();
    }
    if let Some(mapping) = sketches
        && n == 1
        && consistent
        && let Some(sum) = ints[0].map(|sum| sum as f64).or(floats[0])
    {
        custom.sketch.get_or_insert_default().add(mapping, sum);
    }
    Added { not_finite: u64::from(floats[0].is_some_and(|sum| !sum.is_finite())), consistent }
}

/// Does the same as [`is_sum_of`] for numbers that are not all integers. The tracer rounds each addition, so a sum may
/// be slightly off.
fn are_floats_consistent(n: u64, values: [Option<&Value<'_>>; 3]) -> bool {
    let [Some(sum), Some(min), Some(max)] = values.map(|value| value.and_then(Value::float)) else { return true };
    if ![sum, min, max].iter().all(|value| value.is_finite()) {
        return true;
    }
    let n = n as f64;
    let slack = |bound: f64| bound.abs().max(sum.abs()) * (n * f64::EPSILON).min(1e-3);
    let (low, high) = (n * min, n * max);
    (low - slack(low)..=high + slack(high)).contains(&sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_must_fit_the_count_and_the_extrema() {
        assert!(is_sum_of(3, 30, 10, 10) && is_sum_of(3, 12, 1, 10) && is_sum_of(0, 0, 5, 9));
        assert!(!is_sum_of(3, 31, 10, 10) && !is_sum_of(3, 2, 1, 10) && !is_sum_of(0, 1, 0, 9));
        assert!(is_sum_of(u64::MAX, i64::MIN, i64::MIN, i64::MAX) && !is_sum_of(u64::MAX, 0, 1, i64::MAX));
    }

    #[test]
    fn items_are_converted_to_bytes_if_their_size_is_known() {
        assert_eq!(bytes_of_items(3, &Value::Integer(4096)), Ok(12_288));
        assert_eq!(bytes_of_items(3, &Value::Null), Ok(3));
        assert_eq!(bytes_of_items(3, &Value::Integer(-1)), Ok(3));
        assert!(bytes_of_items(i64::MAX, &Value::Integer(2)).is_err());
    }
}
