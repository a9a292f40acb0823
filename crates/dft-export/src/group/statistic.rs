//! The statistics of groups, by name.

use std::fmt;
use std::str::FromStr;

use crate::error::ExportError;

/// A statistic of a group. Its text is its name, which is also the name of its column:
///
/// | name | |
/// | --- | --- |
/// | `count` | the number of calls |
/// | `time_start`, `time_end` | the span of the calls, in µs from the origin |
/// | `file_nunique`, `host_nunique`, `process_nunique`, `thread_nunique` | the number of distinct files, … |
/// | `METRIC_n`, `METRIC_total`, `METRIC_mean`, `METRIC_std` | exact statistics of a metric |
/// | `METRIC_min`, `METRIC_max` | its exact extremes |
/// | `METRIC_p50`, `METRIC_p99.9`, … | any percentile, from sketches; `METRIC_median` is `METRIC_p50` |
/// | `METRIC_hist` | a histogram by powers of two, from sketches |
///
/// A metric is `dur` (µs), `size` (bytes), `offset` (bytes) or the name of a custom metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistic {
    name: String,
    pub(super) kind: StatisticKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum StatisticKind {
    Count,
    TimeStart,
    TimeEnd,
    Distinct(Distinct),
    OfMetric(Metric, MetricStatistic),
}

/// What is counted once for each distinct one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distinct {
    Files,
    Hosts,
    Processes,
    Threads,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Metric {
    Duration,
    Size,
    Offset,
    Custom(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum MetricStatistic {
    Samples,
    Total,
    Mean,
    Deviation,
    Min,
    Max,
    /// From 0 to 1.
    Quantile(f64),
    Histogram,
}

impl MetricStatistic {
    fn of(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "n" => Self::Samples,
            "total" => Self::Total,
            "mean" => Self::Mean,
            "std" => Self::Deviation,
            "min" => Self::Min,
            "max" => Self::Max,
            "hist" => Self::Histogram,
            "median" => Self::Quantile(0.5),
            _ => {
                let percent = suffix.strip_prefix('p')?;
                let is_number = percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                // The exponent divides the digits, so 99.9 is the double nearest to 0.999.
                let q: f64 = format!("{percent}e-2").parse().ok().filter(|_| is_number)?;
                Self::Quantile(Some(q).filter(|q| (0.0..=1.0).contains(q))?)
            }
        })
    }

    /// Whether only a sketch knows it.
    pub(super) fn needs_sketches(self) -> bool {
        matches!(self, Self::Quantile(_) | Self::Histogram)
    }
}

/// What the numbers of a column measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// Names and other labels, also if they are numbers.
    Label,
    /// How many there are.
    Count,
    /// A time in µs.
    Microseconds,
    /// A size in bytes.
    Bytes,
    /// A number whose unit is unknown.
    Number,
    /// Text that describes a distribution.
    Histogram,
}

impl Statistic {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what its numbers measure.
    pub fn quantity(&self) -> Quantity {
        match &self.kind {
            StatisticKind::Count | StatisticKind::Distinct(_) => Quantity::Count,
            StatisticKind::TimeStart | StatisticKind::TimeEnd => Quantity::Microseconds,
            StatisticKind::OfMetric(_, MetricStatistic::Samples) => Quantity::Count,
            StatisticKind::OfMetric(_, MetricStatistic::Histogram) => Quantity::Histogram,
            StatisticKind::OfMetric(Metric::Duration, _) => Quantity::Microseconds,
            StatisticKind::OfMetric(Metric::Size | Metric::Offset, _) => Quantity::Bytes,
            StatisticKind::OfMetric(Metric::Custom(_), _) => Quantity::Number,
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl FromStr for Statistic {
    type Err = ExportError;

    fn from_str(name: &str) -> Result<Self, ExportError> {
        let kind = match name {
            "count" => StatisticKind::Count,
            "time_start" => StatisticKind::TimeStart,
            "time_end" => StatisticKind::TimeEnd,
            "file_nunique" => StatisticKind::Distinct(Distinct::Files),
            "host_nunique" => StatisticKind::Distinct(Distinct::Hosts),
            "process_nunique" => StatisticKind::Distinct(Distinct::Processes),
            "thread_nunique" => StatisticKind::Distinct(Distinct::Threads),
            _ => {
                let none = |why| ExportError::NoStatistic { name: name.to_owned(), why };
                let (metric, suffix) =
                    name.rsplit_once('_').filter(|(metric, _)| !metric.is_empty()).ok_or_else(|| none(""))?;
                if ["skew", "skewness", "kurtosis"].contains(&suffix) {
                    return Err(none(
                        ": the index keeps sums and sums of squares, from which skewness and kurtosis do not follow",
                    ));
                }
                let statistic = MetricStatistic::of(suffix).ok_or_else(|| none(""))?;
                let metric = match metric {
                    "dur" => Metric::Duration,
                    "size" => Metric::Size,
                    "offset" => Metric::Offset,
                    custom => Metric::Custom(custom.to_owned()),
                };
                StatisticKind::OfMetric(metric, statistic)
            }
        };
        Ok(Self { name: name.to_owned(), kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_metric_and_what_is_asked_of_it() {
        use {Metric as M, MetricStatistic as S};
        let of = |name: &str| name.parse::<Statistic>().ok().map(|statistic| statistic.kind);
        for (name, metric, statistic) in [
            ("dur_total", M::Duration, S::Total),
            ("size_p99.9", M::Size, S::Quantile(0.999)),
            ("offset_median", M::Offset, S::Quantile(0.5)),
            ("image_size_max", M::Custom("image_size".to_owned()), S::Max),
            ("count_mean", M::Custom("count".to_owned()), S::Mean),
            ("dur_p0", M::Duration, S::Quantile(0.0)),
            ("dur_hist", M::Duration, S::Histogram),
        ] {
            assert_eq!(of(name), Some(StatisticKind::OfMetric(metric, statistic)), "{name}");
        }
        assert_eq!(of("file_nunique"), Some(StatisticKind::Distinct(Distinct::Files)));
        for name in ["", "dur", "dur_", "_mean", "dur_p", "dur_p101", "dur_p-1", "dur_pnan", "dur_p1e1", "dur_avg"] {
            assert_eq!(of(name), None, "{name}");
        }
        let skewness = "dur_skewness".parse::<Statistic>().expect_err("not kept").to_string();
        assert!(skewness.contains("sums of squares"), "{skewness}");
    }
}
