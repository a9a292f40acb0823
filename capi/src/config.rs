//! The configuration of an aggregation.

use dft_aggregate::{Config, CounterPeriod, CustomMetrics};
use dft_trace::TimeUnit;

use crate::arguments::{TextList, dft_text, given, growing, list};
use crate::status::{DFT_FORMAT, Failure};

/// Which args become custom metrics: all numeric args without a predefined meaning, except identifiers and labels, such
/// as `*_hash`, `fd`, `flags` and `level`.
pub const DFT_CUSTOM_METRICS_ON: u32 = 0;
/// No args become custom metrics.
pub const DFT_CUSTOM_METRICS_OFF: u32 = 1;
/// The args in `custom_metric_names` become custom metrics.
pub const DFT_CUSTOM_METRICS_NAMED: u32 = 2;
/// All numeric args without a predefined meaning become custom metrics, including identifiers and labels.
pub const DFT_CUSTOM_METRICS_ALL: u32 = 3;

/// Whether the `ts` of a counter of phase `C` is the start or the end of its period: as each trace states.
pub const DFT_COUNTER_PERIOD_OF_TRACE: u32 = 0;
/// `ts` is the start of the period.
pub const DFT_COUNTER_PERIOD_START: u32 = 1;
/// `ts` is the end of the period.
pub const DFT_COUNTER_PERIOD_END: u32 = 2;

/// The unit of times if a trace does not state one: microseconds.
pub const DFT_TIME_UNIT_US: u32 = 0;
/// The unit of times if a trace does not state one: nanoseconds.
pub const DFT_TIME_UNIT_NS: u32 = 1;
/// The unit of times if a trace does not state one: milliseconds.
pub const DFT_TIME_UNIT_MS: u32 = 2;
/// The unit of times if a trace does not state one: seconds.
pub const DFT_TIME_UNIT_S: u32 = 3;

/// Rows are separated by file.
pub const DFT_GROUP_BY_FILE_ON: u32 = 0;
/// Rows are not separated by file.
pub const DFT_GROUP_BY_FILE_OFF: u32 = 1;

/// How records are aggregated. Set `size`; zeros elsewhere are the defaults: an interval of 1 s, DFT_CUSTOM_METRICS_ON,
/// separated by file, no percentiles.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_config {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The length of a time bucket, in µs: 1 to INT64_MAX; 0 for 1 s.
    pub interval_us: u64,
    /// Names of args whose values separate rows: UTF-8, distinct, not empty. May be NULL if there are none.
    pub group_keys: *const dft_text,
    /// The number of group keys, at most 1,000.
    pub group_keys_length: u64,
    /// Names of args that become custom metrics, in UTF-8, for DFT_CUSTOM_METRICS_NAMED. May be NULL if there are none.
    pub custom_metric_names: *const dft_text,
    /// The number of names in `custom_metric_names`.
    pub custom_metric_names_length: u64,
    /// One of DFT_CUSTOM_METRICS_…
    pub custom_metrics: u32,
    /// One of DFT_GROUP_BY_FILE_…
    pub group_by_file: u32,
    /// The relative accuracy of percentiles: 0.00001 to less than 1, such as 0.01; 0 for no percentiles.
    pub sketch_accuracy: f64,
    /// One of DFT_COUNTER_PERIOD_…
    pub counter_period: u32,
    /// One of DFT_TIME_UNIT_…
    pub time_unit: u32,
}

growing!(dft_config);

const CUSTOM_METRICS: [(u32, CustomMetrics); 3] = [
    (DFT_CUSTOM_METRICS_ON, CustomMetrics::On),
    (DFT_CUSTOM_METRICS_OFF, CustomMetrics::Off),
    (DFT_CUSTOM_METRICS_ALL, CustomMetrics::All),
];

const GROUPS_BY_FILE: [(u32, bool); 2] = [(DFT_GROUP_BY_FILE_ON, true), (DFT_GROUP_BY_FILE_OFF, false)];

const COUNTER_PERIODS: [(u32, Option<CounterPeriod>); 3] = [
    (DFT_COUNTER_PERIOD_OF_TRACE, None),
    (DFT_COUNTER_PERIOD_START, Some(CounterPeriod::Start)),
    (DFT_COUNTER_PERIOD_END, Some(CounterPeriod::End)),
];

const TIME_UNITS: [(u32, TimeUnit); 4] = [
    (DFT_TIME_UNIT_US, TimeUnit::Us),
    (DFT_TIME_UNIT_NS, TimeUnit::Ns),
    (DFT_TIME_UNIT_MS, TimeUnit::Ms),
    (DFT_TIME_UNIT_S, TimeUnit::Sec),
];

/// Returns the value that a number stands for. `field` and `constants` are named in the error.
fn value<T: Clone>(table: &[(u32, T)], number: u32, field: &str, constants: &str) -> Result<T, Failure> {
    let entry = table.iter().find(|(other, _)| *other == number);
    let entry = entry.ok_or_else(|| Failure::argument(format!("{field} is {number}, not one of {constants}_…")))?;
    Ok(entry.1.clone())
}

/// Returns the number that stands for a value.
fn number<T: PartialEq>(table: &[(u32, T)], value: &T, constants: &str) -> Result<u32, Failure> {
    let entry = table.iter().find(|(_, other)| other == value);
    let no_number = || Failure::new(DFT_FORMAT, format!("the index's configuration has no number in {constants}_…"));
    entry.map(|(number, _)| *number).ok_or_else(no_number)
}

/// Returns the caller's configuration; the default one for NULL.
pub(crate) fn config(place: *const dft_config) -> Result<Config, Failure> {
    if place.is_null() {
        return Ok(Config::default());
    }
    let given = given("config", place)?;
    let texts = |name, data, length| -> Result<Vec<String>, Failure> {
        list::<dft_text>(name, data, length)?.iter().map(|text| text.utf8(name).map(str::to_owned)).collect()
    };
    let config = Config {
        interval_us: if given.interval_us == 0 { Config::default().interval_us } else { given.interval_us },
        extra_group_keys: texts("config.group_keys", given.group_keys, given.group_keys_length)?,
        custom_metrics: if given.custom_metrics == DFT_CUSTOM_METRICS_NAMED {
            let (data, length) = (given.custom_metric_names, given.custom_metric_names_length);
            CustomMetrics::Only(texts("config.custom_metric_names", data, length)?.into_iter().collect())
        } else {
            value(&CUSTOM_METRICS, given.custom_metrics, "config.custom_metrics", "DFT_CUSTOM_METRICS")?
        },
        sketch_accuracy: (given.sketch_accuracy != 0.0).then_some(given.sketch_accuracy),
        group_by_file: value(&GROUPS_BY_FILE, given.group_by_file, "config.group_by_file", "DFT_GROUP_BY_FILE")?,
        counter_period: value(&COUNTER_PERIODS, given.counter_period, "config.counter_period", "DFT_COUNTER_PERIOD")?,
        time_unit: value(&TIME_UNITS, given.time_unit, "config.time_unit", "DFT_TIME_UNIT")?,
        ..Config::default()
    };
    config.check().map_err(|error| Failure::new(crate::status::DFT_CONFIG, error.to_string()))?;
    Ok(config)
}

/// The texts of a configuration, as C texts.
pub(crate) struct ConfigTexts {
    group_keys: TextList,
    custom_metrics: TextList,
}

impl ConfigTexts {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            group_keys: TextList::of(config.extra_group_keys.clone()),
            custom_metrics: TextList::of(config.custom_metrics.names().into_iter().flatten().cloned().collect()),
        }
    }

    /// Returns the configuration with pointers to these lists.
    pub(crate) fn config(&self, config: &Config) -> Result<dft_config, Failure> {
        Ok(dft_config {
            size: 0,
            interval_us: config.interval_us,
            group_keys: self.group_keys.as_ptr(),
            group_keys_length: self.group_keys.length(),
            custom_metric_names: self.custom_metrics.as_ptr(),
            custom_metric_names_length: self.custom_metrics.length(),
            custom_metrics: match config.custom_metrics.names() {
                Some(_) => DFT_CUSTOM_METRICS_NAMED,
                None => number(&CUSTOM_METRICS, &config.custom_metrics, "DFT_CUSTOM_METRICS")?,
            },
            group_by_file: number(&GROUPS_BY_FILE, &config.group_by_file, "DFT_GROUP_BY_FILE")?,
            sketch_accuracy: config.sketch_accuracy.unwrap_or(0.0),
            counter_period: number(&COUNTER_PERIODS, &config.counter_period, "DFT_COUNTER_PERIOD")?,
            time_unit: number(&TIME_UNITS, &config.time_unit, "DFT_TIME_UNIT")?,
        })
    }
}
