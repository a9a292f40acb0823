//! The configuration of an aggregation. It never changes for an index.

use std::collections::BTreeSet;
use std::fmt;

use dft_codec::{DecodeError, Reader, VALUE_VERSION, put_text, put_varint};
use dft_trace::{Clock, TimeUnit};
use xxhash_rust::xxh3::xxh3_64;

/// The args that become custom metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CustomMetrics {
    /// Every numeric arg that has no other meaning in the index and is a quantity, not an identifier or a label.
    /// Identifiers and labels are args whose names end in `_hash`, `fd pid ppid tid p_idx level flags mode whence
    /// version type epoch step`, and `size` of `fread` and `fwrite`.
    #[default]
    On,
    /// Every numeric arg that has no other meaning in the index, including identifiers and labels.
    All,
    /// None.
    Off,
    /// The args of these names.
    Only(BTreeSet<String>),
}

impl CustomMetrics {
    /// Returns the names of [`Only`](Self::Only).
    pub fn names(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::Only(names) => Some(names),
            _ => None,
        }
    }

    /// Tells whether a numeric arg of this name, which has no other meaning, becomes a custom metric.
    pub(crate) fn takes(&self, name: &[u8]) -> bool {
        match self {
            Self::On => !is_label(name),
            Self::All => true,
            Self::Off => false,
            Self::Only(names) => std::str::from_utf8(name).is_ok_and(|name| names.contains(name)),
        }
    }
}

impl fmt::Display for CustomMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On => f.write_str("on"),
            Self::All => f.write_str("all"),
            Self::Off => f.write_str("off"),
            Self::Only(names) => f.write_str(&names.iter().map(String::as_str).collect::<Vec<_>>().join(",")),
        }
    }
}

/// Tells whether an arg of this name is an identifier or a label, so that its sums and means have no meaning.
fn is_label(name: &[u8]) -> bool {
    const LABELS: [&[u8]; 13] = [
        b"fd", b"pid", b"ppid", b"tid", b"p_idx", b"level", b"flags", b"mode", b"whence", b"version", b"type",
        b"epoch", b"step",
    ];
    name.ends_with(b"_hash") || LABELS.contains(&name)
}

/// Whether the `ts` of a counter of phase `C` is the start or the end of its period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CounterPeriod {
    /// The start of the period.
    Start,
    /// The end of the period, so that a `ts` on a boundary belongs to the period that it closes.
    End,
}

/// How records are aggregated. By default, the interval is 1 s, there are no group keys and no sketches, custom metrics
/// are [`CustomMetrics::On`], each file has its own series, times are in µs unless a trace states another unit, and
/// rows have an [`Occupancy`](dft_codec::Occupancy).
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The length of a bucket, in µs: from 1 to 2⁶³ − 1.
    pub interval_us: u64,
    /// The args whose values are part of a series' identity: at most 1,000 distinct names, none empty.
    pub extra_group_keys: Vec<String>,
    /// The args that become custom metrics.
    pub custom_metrics: CustomMetrics,
    /// The relative accuracy of sketches, from 0.00001 to less than 1; `None` for no sketches.
    pub sketch_accuracy: Option<f64>,
    /// Whether each file has its own series.
    pub group_by_file: bool,
    /// The meaning of the `ts` of counters of phase `C`; if `None`, each trace tells it
    /// ([`Clock::counter_starts`](dft_trace::Clock::counter_starts)).
    pub counter_period: Option<CounterPeriod>,
    /// The unit of times in traces that do not state one.
    pub time_unit: TimeUnit,
    /// Whether rows of calls keep when their calls were in progress, so that busy times and overlaps are known.
    pub occupancy: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval_us: 1_000_000,
            extra_group_keys: Vec::new(),
            custom_metrics: CustomMetrics::On,
            sketch_accuracy: None,
            group_by_file: true,
            counter_period: None,
            time_unit: TimeUnit::Us,
            occupancy: true,
        }
    }
}

/// The maximum number of group keys.
const MOST_GROUP_KEYS: usize = 1_000;

/// The reason why a configuration is invalid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The interval is zero, or exceeds 63 bits.
    #[error("interval {0} µs is out of range: use 1 µs to 292,000 years")]
    Interval(u64),
    /// The accuracy is out of a sketch's range.
    #[error("percentile accuracy {0} is out of range: use 0.00001 to less than 1, such as 0.01")]
    Accuracy(f64),
    /// A group key is empty or given twice.
    #[error("group key {0:?} is empty or given twice")]
    GroupKey(String),
    /// There are too many group keys.
    #[error("{0} group keys are too many: give at most {MOST_GROUP_KEYS}")]
    GroupKeys(usize),
}

impl Config {
    /// Checks that the configuration is valid.
    ///
    /// # Errors
    ///
    /// The first fault of the configuration.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.interval_us == 0 || i64::try_from(self.interval_us).is_err() {
            return Err(ConfigError::Interval(self.interval_us));
        }
        if let Some(accuracy) = self.sketch_accuracy
            && dft_metrics::SketchMapping::new(accuracy).is_none()
        {
            return Err(ConfigError::Accuracy(accuracy));
        }
        if self.extra_group_keys.len() > MOST_GROUP_KEYS {
            return Err(ConfigError::GroupKeys(self.extra_group_keys.len()));
        }
        for (at, key) in self.extra_group_keys.iter().enumerate() {
            if key.is_empty() || self.extra_group_keys[..at].contains(key) {
                return Err(ConfigError::GroupKey(key.clone()));
            }
        }
        Ok(())
    }

    /// Returns the clock at the start of a trace.
    pub fn clock(&self) -> Clock {
        self.time_unit.into()
    }

    /// Encodes the configuration.
    ///
    /// ```text
    /// version │ varint interval │ varint n, n × text key │ customs: 0 off, 1 on, 2 + varint n, n × text, 3 all
    ///         │ percentiles: 0 off, 1 + f64 │ group by file: 0, 1 │ counter period: 0 by trace, 1 start, 2 end
    ///         │ time unit: 0 µs, 1 ns, 2 ms, 3 s │ occupancy: 0, 1
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VALUE_VERSION];
        put_varint(&mut out, self.interval_us.into());
        put_varint(&mut out, self.extra_group_keys.len() as u128);
        self.extra_group_keys.iter().for_each(|key| put_text(&mut out, key));
        match &self.custom_metrics {
            CustomMetrics::Off => out.push(0),
            CustomMetrics::On => out.push(1),
            CustomMetrics::All => out.push(3),
            CustomMetrics::Only(names) => {
                out.push(2);
                put_varint(&mut out, names.len() as u128);
                names.iter().for_each(|name| put_text(&mut out, name));
            }
        }
        match self.sketch_accuracy {
            None => out.push(0),
            Some(accuracy) => {
                out.push(1);
                out.extend_from_slice(&accuracy.to_le_bytes());
            }
        }
        out.push(self.group_by_file.into());
        out.push(match self.counter_period {
            None => 0,
            Some(CounterPeriod::Start) => 1,
            Some(CounterPeriod::End) => 2,
        });
        out.push(self.time_unit.code());
        out.push(self.occupancy.into());
        out
    }

    /// Decodes a configuration.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`Config::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VALUE_VERSION)?;
        let interval_us = reader.varint_u64()?;
        let texts = |reader: &mut Reader<'_>| -> Result<Vec<String>, DecodeError> {
            (0..reader.count_of(1)?).map(|_| reader.text().map(str::to_owned)).collect()
        };
        let extra_group_keys = texts(&mut reader)?;
        let custom_metrics = match reader.u8()? {
            0 => CustomMetrics::Off,
            1 => CustomMetrics::On,
            2 => CustomMetrics::Only(texts(&mut reader)?.into_iter().collect()),
            3 => CustomMetrics::All,
            _ => return Err(DecodeError::Invalid("unknown choice of custom metrics")),
        };
        let sketch_accuracy = match reader.u8()? {
            0 => None,
            1 => Some(f64::from_le_bytes(reader.array()?)),
            _ => return Err(DecodeError::Invalid("the percentile flag is neither 0 nor 1")),
        };
        let group_by_file = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::Invalid("the flag for grouping by file is neither 0 nor 1")),
        };
        let counter_period = match reader.u8()? {
            0 => None,
            1 => Some(CounterPeriod::Start),
            2 => Some(CounterPeriod::End),
            _ => return Err(DecodeError::Invalid("unknown counter period")),
        };
        let time_unit = TimeUnit::from_code(reader.u8()?).ok_or(DecodeError::Invalid("unknown time unit"))?;
        let occupancy = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::Invalid("the flag for occupancy is neither 0 nor 1")),
        };
        reader.finish()?;
        let config = Self {
            interval_us,
            extra_group_keys,
            custom_metrics,
            sketch_accuracy,
            group_by_file,
            counter_period,
            time_unit,
            occupancy,
        };
        config.check().map_err(|_| DecodeError::Invalid("the configuration is invalid"))?;
        Ok(config)
    }

    /// Returns a hash of the configuration, by which people and file names tell configurations apart.
    pub fn hash(&self) -> u64 {
        xxh3_64(&self.encode())
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interval {} µs", self.interval_us)?;
        if !self.extra_group_keys.is_empty() {
            write!(f, ", group keys {}", self.extra_group_keys.join(","))?;
        }
        write!(f, ", custom metrics {}", self.custom_metrics)?;
        match self.sketch_accuracy {
            None => f.write_str(", percentiles off")?,
            Some(accuracy) => write!(f, ", percentiles {accuracy}")?,
        }
        write!(f, ", by file {}", if self.group_by_file { "on" } else { "off" })?;
        match self.counter_period {
            None => {}
            Some(CounterPeriod::Start) => f.write_str(", counter period start")?,
            Some(CounterPeriod::End) => f.write_str(", counter period end")?,
        }
        if self.time_unit != TimeUnit::Us {
            write!(f, ", time unit {}", self.time_unit.name())?;
        }
        if !self.occupancy {
            f.write_str(", occupancy off")?;
        }
        write!(f, " [{:016x}]", self.hash())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_round_trip_and_have_different_hashes() {
        let all = [
            Config::default(),
            Config { interval_us: 5, ..Config::default() },
            Config { extra_group_keys: vec!["epoch".into(), "step".into()], ..Config::default() },
            Config { custom_metrics: CustomMetrics::Off, ..Config::default() },
            Config {
                custom_metrics: CustomMetrics::Only(["a", "b"].map(String::from).into_iter().collect()),
                ..Config::default()
            },
            Config { sketch_accuracy: Some(0.01), ..Config::default() },
            Config { group_by_file: false, ..Config::default() },
            Config { custom_metrics: CustomMetrics::All, ..Config::default() },
            Config { counter_period: Some(CounterPeriod::Start), ..Config::default() },
            Config { counter_period: Some(CounterPeriod::End), ..Config::default() },
            Config { time_unit: TimeUnit::Ns, ..Config::default() },
            Config { time_unit: TimeUnit::Ms, ..Config::default() },
            Config { time_unit: TimeUnit::Sec, ..Config::default() },
            Config { occupancy: false, ..Config::default() },
        ];
        for (at, config) in all.iter().enumerate() {
            let bytes = config.encode();
            assert_eq!(Config::decode(&bytes).as_ref(), Ok(config));
            for cut in 0..bytes.len() {
                assert!(Config::decode(&bytes[..cut]).is_err());
            }
            assert!(all[..at].iter().all(|other| other.hash() != config.hash()));
        }
    }

    #[test]
    fn invalid_configurations_are_rejected() {
        let default = Config::default;
        assert!(Config { interval_us: 0, ..default() }.check().is_err());
        assert!(Config { interval_us: u64::MAX, ..default() }.check().is_err());
        assert!(Config { sketch_accuracy: Some(1.5), ..default() }.check().is_err());
        assert!(Config { sketch_accuracy: Some(f64::NAN), ..default() }.check().is_err());
        assert!(Config { extra_group_keys: vec!["a".into(), "a".into()], ..default() }.check().is_err());
    }
}
