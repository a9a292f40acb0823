//! Statistics of one metric as values: made, updated, merged, copied, read, encoded and decoded.

use std::ffi::c_void;

use dft_codec::{Custom, MetricStats};
use dft_metrics::{FloatStats, IntStats};

use crate::arguments::{dft_buffer, dft_text, give, growing, list, out, write};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::handles::{self, Object};
use crate::status::{DFT_CONFIG, Failure, dft_status};

/// Exact statistics of integers. This struct does not grow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_int_stats {
    /// The number of samples in the sum; UINT64_MAX if there are more.
    pub samples: u64,
    /// The low 64 bits of the sum, in two's complement.
    pub sum_low: u64,
    /// The high 64 bits of the sum. If the sum fits in 64 bits: 0, or -1 for a negative sum.
    pub sum_high: i64,
    /// The lowest value; undefined if `has_extent` is 0.
    pub min: i64,
    /// The highest value; undefined if `has_extent` is 0.
    pub max: i64,
    /// The mean, correctly rounded; NaN without samples.
    pub mean: f64,
    /// The sample standard deviation, correctly rounded; NaN with fewer than two samples, or if the tracer summed up
    /// samples without their squares.
    pub std: f64,
    /// 1 if `min` and `max` are known, 0 if not.
    pub has_extent: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

impl dft_int_stats {
    pub(crate) fn of(stats: &IntStats) -> Self {
        let sum = stats.sum();
        Self {
            samples: u64::try_from(stats.n()).unwrap_or(u64::MAX),
            sum_low: sum as u64,
            sum_high: (sum >> 64) as i64,
            min: stats.min().unwrap_or_default(),
            max: stats.max().unwrap_or_default(),
            mean: stats.mean().unwrap_or(f64::NAN),
            std: stats.std().unwrap_or(f64::NAN),
            has_extent: stats.min().is_some().into(),
            reserved: 0,
        }
    }
}

/// Correctly rounded statistics of doubles. What is unknown is NaN. This struct does not grow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_real_stats {
    /// The number of samples in the sum, without those that are NaN or infinite; UINT64_MAX if there are more.
    pub samples: u64,
    /// The number of samples that are NaN or infinite. Nothing else counts them.
    pub not_finite: u64,
    /// The sum; NaN without samples.
    pub total: f64,
    /// The mean; NaN without samples.
    pub mean: f64,
    /// The sample standard deviation; NaN with fewer than two samples, or if the tracer summed up samples without their
    /// squares.
    pub std: f64,
    /// The sum of squared deviations from the mean (Welford's M2); NaN without samples or squares.
    pub m2: f64,
    /// The lowest sample; NaN without samples.
    pub min: f64,
    /// The highest sample; NaN without samples.
    pub max: f64,
}

impl dft_real_stats {
    fn of(stats: &FloatStats) -> Self {
        Self {
            samples: u64::try_from(stats.n()).unwrap_or(u64::MAX),
            not_finite: stats.nonfinite(),
            total: if stats.n() == 0 { f64::NAN } else { stats.total() },
            mean: stats.mean().unwrap_or(f64::NAN),
            std: stats.std().unwrap_or(f64::NAN),
            m2: stats.m2().unwrap_or(f64::NAN),
            min: stats.min().unwrap_or(f64::NAN),
            max: stats.max().unwrap_or(f64::NAN),
        }
    }
}

/// Metric: durations, in µs.
pub const DFT_METRIC_DURATION: u32 = 0;
/// Metric: bytes transferred.
pub const DFT_METRIC_SIZE: u32 = 1;
/// Metric: file offsets, in bytes.
pub const DFT_METRIC_OFFSET: u32 = 2;
/// Metric: a custom metric of rows, or a metric of telemetry, by its name.
pub const DFT_METRIC_NAMED: u32 = 3;

/// Statistics of one metric. What is unknown is NaN.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_metric {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The name, valid as the function or callback states: `dur`, `size` and `offset` for those metrics.
    pub name: dft_text,
    /// One of DFT_METRIC_…
    pub metric: u32,
    /// Reserved: 0.
    pub reserved: u32,
    /// The number of samples, without those that are NaN or infinite; UINT64_MAX if there are more.
    pub samples: u64,
    /// The number of samples that are NaN or infinite.
    pub not_finite: u64,
    /// The sum, correctly rounded; NaN without samples.
    pub total: f64,
    /// The mean, correctly rounded; NaN without samples, or if their number is in doubt.
    pub mean: f64,
    /// The sample standard deviation, correctly rounded; NaN with fewer than two samples, or without their squares.
    pub std: f64,
    /// The lowest value; NaN if unknown.
    pub min: f64,
    /// The highest value; NaN if unknown.
    pub max: f64,
    /// The number of values in the sketch; 0 without a sketch.
    pub sketched: u64,
    /// The statistics of those samples that are integers.
    pub integers: dft_int_stats,
    /// The statistics of the other samples.
    pub reals: dft_real_stats,
}

growing!(dft_metric);

impl dft_metric {
    pub(crate) fn of(metric: u32, name: &str, custom: &Custom) -> Self {
        let integers = dft_int_stats::of(&custom.ints);
        let none = FloatStats::default();
        let reals = dft_real_stats::of(custom.floats.as_deref().unwrap_or(&none));
        let combined = custom.combined();
        let unknown = f64::NAN;
        Self {
            size: size_of::<Self>() as u64,
            name: dft_text::of(name),
            metric,
            reserved: 0,
            samples: u64::try_from(combined.n()).unwrap_or(u64::MAX),
            not_finite: reals.not_finite,
            total: if combined.n() == 0 { unknown } else { combined.total() },
            mean: combined.mean().unwrap_or(unknown),
            std: combined.std().unwrap_or(unknown),
            min: combined.min().unwrap_or(unknown),
            max: combined.max().unwrap_or(unknown),
            sketched: custom.sketch.as_ref().map_or(0, |sketch| u64::try_from(sketch.count()).unwrap_or(u64::MAX)),
            integers,
            reals,
        }
    }
}

/// A bin of a histogram by powers of two. This struct does not grow.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_bin {
    /// The power of two that the magnitudes of the bin's values are at least, with their sign; 0 for values of 0.
    pub power: f64,
    /// The number of values; UINT64_MAX if there are more.
    pub values: u64,
}

/// Receives a bin, valid during the callback. A result other than 0 ends the iteration.
pub type dft_visit_bin = Option<unsafe extern "C" fn(context: *mut c_void, bin: *const dft_bin) -> i32>;

/// Statistics of one metric: exact sums of integers and of doubles, and a sketch from which quantiles and histograms
/// are read. It allows one thread at a time. Created by dft_stats_new(), dft_stats_decode(), dft_stats_copy() and
/// dft_value_stats(), freed by dft_stats_free().
#[derive(Debug)]
pub struct dft_stats {
    _private: [u8; 0],
}

pub(crate) struct Stats(pub(crate) MetricStats);

impl Object for Stats {
    const KIND: u8 = 5;
    const NAME: &'static str = "dft_stats";
    const SHARED: bool = false;
}

/// Returns the accuracy of a sketch that a caller passes; `None` for 0.
pub(crate) fn accuracy(given: f64) -> Option<f64> {
    (given != 0.0).then_some(given)
}

pub(crate) fn no_accuracy(given: f64) -> Failure {
    Failure::argument(format!("sketch_accuracy is {given}: it must be from 0.00001 to less than 1, or 0 for no sketch"))
}

/// Uses statistics, which no other thread uses meanwhile.
pub(crate) fn with_stats<R>(
    stats: *const dft_stats,
    run: impl FnOnce(&mut MetricStats) -> Result<R, Failure>,
) -> Result<R, Failure> {
    handles::with_mut(stats.cast_mut(), |stats: &mut Stats| run(&mut stats.0))
}

/// Creates statistics without samples.
///
/// `sketch_accuracy`: the relative accuracy of quantiles: 0.00001 to less than 1, such as 0.01; 0 for no sketch.
/// `stats`: receives the handle, which dft_stats_free() frees; not NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_new(sketch_accuracy: f64, stats: *mut *mut dft_stats) -> dft_status {
    boundary("dft_stats_new", || {
        let place = out("stats", stats)?;
        let made = MetricStats::new(accuracy(sketch_accuracy)).ok_or_else(|| no_accuracy(sketch_accuracy))?;
        *place = handles::put(Stats(made))?;
        Ok(())
    })
}

/// Adds integer samples. Their statistics are exact.
///
/// `samples`: the samples, `samples_length` of them; may be NULL if there are none. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_add_integers(
    stats: *mut dft_stats,
    samples: *const i64,
    samples_length: u64,
) -> dft_status {
    boundary("dft_stats_add_integers", || {
        let samples = list("samples", samples, samples_length)?;
        with_stats(stats, |stats| {
            samples.iter().for_each(|&sample| stats.sample_int(sample));
            Ok(())
        })
    })
}

/// Adds samples that are doubles. Their sums are exact. NaN and infinities are counted and left out.
///
/// `samples`: the samples, `samples_length` of them; may be NULL if there are none. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_add_reals(stats: *mut dft_stats, samples: *const f64, samples_length: u64) -> dft_status {
    boundary("dft_stats_add_reals", || {
        let samples = list("samples", samples, samples_length)?;
        with_stats(stats, |stats| {
            samples.iter().for_each(|&sample| stats.sample_float(sample));
            Ok(())
        })
    })
}

/// Adds all samples of `from` to `into`. `from` stays as it is. The order of several merges does not change a bit of
/// the result.
///
/// `into`, `from`: two different statistics; the same one gives DFT_BUSY. Returns DFT_CONFIG if their sketches have
/// different accuracies. One thread at a time for each of the two.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_merge(into: *mut dft_stats, from: *const dft_stats) -> dft_status {
    boundary("dft_stats_merge", || {
        with_stats(into, |into| {
            with_stats(from, |from| {
                let (mine, other) = (into.accuracy().unwrap_or(0.0), from.accuracy().unwrap_or(0.0));
                let message = || format!("sketches of accuracy {mine} and {other} cannot be merged");
                if into.merge(from) { Ok(()) } else { Err(Failure::new(DFT_CONFIG, message())) }
            })
        })
    })
}

/// Copies statistics. `copy`: receives the handle, which dft_stats_free() frees; not NULL. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_copy(stats: *const dft_stats, copy: *mut *mut dft_stats) -> dft_status {
    boundary("dft_stats_copy", || {
        let place = out("copy", copy)?;
        *place = handles::put(Stats(with_stats(stats, |stats| Ok(stats.clone()))?))?;
        Ok(())
    })
}

/// Reads statistics, except quantiles and histogram.
///
/// `metric`: receives them, with an empty name; its `size` must be set; not NULL. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_describe(stats: *const dft_stats, metric: *mut dft_metric) -> dft_status {
    boundary("dft_stats_describe", || {
        with_stats(stats, |stats| give("metric", metric, &dft_metric::of(DFT_METRIC_NAMED, "", &stats.custom)))
    })
}

/// Reads a quantile: the value of rank ⌊q·(n − 1)⌋ of n samples, within the accuracy of the sketch, and between the
/// exact minimum and maximum.
///
/// `q`: from 0 to 1. `value`: receives the quantile; NaN without samples, without a sketch, or if a tracer summed up
/// samples, which are in no sketch; not NULL. Returns DFT_INVALID_ARGUMENT for another `q`. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_quantile(stats: *const dft_stats, q: f64, value: *mut f64) -> dft_status {
    boundary("dft_stats_quantile", || {
        let place = out("value", value)?;
        if !(0.0..=1.0).contains(&q) {
            return Err(Failure::argument(format!("q is {q}, not from 0 to 1")));
        }
        *place = with_stats(stats, |stats| Ok(stats.quantile(q)))?.unwrap_or(f64::NAN);
        Ok(())
    })
}

/// Iterates over the histogram by powers of two, in ascending order. Bins without values are left out. There is none
/// where dft_stats_quantile() gives NaN.
///
/// `visit`: receives each bin on the caller's thread; not NULL. `context`: passed to it; may be NULL. One thread at a
/// time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_histogram(
    stats: *const dft_stats,
    visit: dft_visit_bin,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_stats_histogram", || {
        let visit = Callback::required("visit", visit, context)?;
        let bins = with_stats(stats, |stats| Ok(stats.powers_of_two().unwrap_or_default()))?;
        for (power, values) in bins {
            if !visit.pass(&dft_bin { power, values: u64::try_from(values).unwrap_or(u64::MAX) }) {
                break;
            }
        }
        Ok(())
    })
}

/// Encodes statistics, for dft_stats_decode() of any process. `encoded`: receives the bytes; not NULL. Returns
/// DFT_TOO_LARGE if they do not fit. One thread at a time.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_encode(stats: *const dft_stats, encoded: *mut dft_buffer) -> dft_status {
    boundary("dft_stats_encode", || {
        let bytes = with_stats(stats, |stats| Ok(stats.encode()))?;
        write("encoded", &bytes, encoded)
    })
}

/// Decodes statistics.
///
/// `bytes`: what dft_stats_encode() wrote. `stats`: receives the handle, which dft_stats_free() frees; not NULL.
/// Returns DFT_DAMAGED if the bytes are not such statistics. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_decode(bytes: dft_text, stats: *mut *mut dft_stats) -> dft_status {
    boundary("dft_stats_decode", || {
        let place = out("stats", stats)?;
        *place = handles::put(Stats(MetricStats::decode(bytes.bytes("bytes")?)?))?;
        Ok(())
    })
}

/// Frees statistics. NULL does nothing. Returns DFT_BUSY if they are in use, and DFT_INVALID_HANDLE if they were freed
/// before. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stats_free(stats: *mut dft_stats) -> dft_status {
    boundary("dft_stats_free", || handles::free::<Stats, _>(stats))
}
