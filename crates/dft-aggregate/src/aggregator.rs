//! The aggregator, which adds records to a table in memory. The rules for each phase of record are in `rules`.

use std::fmt;

use ahash::RandomState;
use dft_codec::{Bounds, FileCounts, ProcessId};
use dft_metrics::SketchMapping;
use dft_trace::{ArgKey, Clock, MalformedReason, Phase, Record};
use hashbrown::{HashMap, HashTable};

use crate::arg_plan::ArgPlans;
use crate::cells::{ByteOrders, Cells};
use crate::config::Config;
use crate::files::Files;
use crate::intern::{Interner, Symbol};
use crate::name_log::NameLog;
use crate::rules::Origin;
use crate::series_cache::SeriesCache;
use crate::table::{
    CounterKey, CounterMetrics, KnownScope, KnownSeries, MetricPart, RowCell, ScopeKey, SeriesKey, TelemetryCell,
};

/// The table in memory of an aggregation, and the rules by which records update it.
///
/// An aggregator is for one thread. [`merge_runs`](crate::merge_runs) joins the runs of several aggregators.
pub struct Aggregator {
    pub(crate) config: Config,
    pub(crate) sketches: Option<SketchMapping>,
    pub(crate) interner: Interner,
    pub(crate) orders: ByteOrders,
    pub(crate) scopes: HashMap<ScopeKey, KnownScope, RandomState>,
    pub(crate) files: Files,
    /// Series by number, which is the number of their rows.
    pub(crate) series: Vec<SeriesKey>,
    /// The numbers of series by their keys.
    pub(crate) series_table: HashTable<u32>,
    /// Series by the raw values of records. Most records need only this lookup.
    pub(crate) series_cache: SeriesCache<KnownSeries>,
    /// Scopes by the raw values of records, for records whose file is new.
    pub(crate) scope_cache: SeriesCache<KnownScope>,
    pub(crate) plans: ArgPlans,
    pub(crate) rows: Cells<RowCell>,
    /// Symbols of categories in lower case, by the symbol of the category in the trace.
    pub(crate) lower: HashMap<Symbol, Symbol, RandomState>,
    pub(crate) counters: HashMap<CounterKey, u32, RandomState>,
    pub(crate) telemetry: Cells<TelemetryCell>,
    /// The metrics in the last record of each counter.
    pub(crate) counter_metrics: Vec<CounterMetrics>,
    pub(crate) names: NameLog,
    /// The process that gave the last name. It mostly gives the next name, too.
    pub(crate) last_giver: Option<((Symbol, i64), ProcessId)>,
    pub(crate) bounds: Option<Bounds>,
    /// Scratch memory for the custom metrics of aggregated calls.
    pub(crate) parts: Vec<(Symbol, MetricPart, usize)>,
}

fn hasher(salt: u64) -> RandomState {
    // Fixed seeds, so that the speed does not change from run to run. No result depends on the order.
    RandomState::with_seeds(salt, 0x7365_7269, 0x6573_2062, 0x7563_6b65)
}

impl Aggregator {
    /// Returns an empty table. The configuration must be [valid](Config::check).
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            sketches: config.sketch_accuracy.and_then(SketchMapping::new),
            interner: Interner::new(),
            orders: ByteOrders::default(),
            scopes: HashMap::with_hasher(hasher(1)),
            files: Files::new(),
            series: Vec::new(),
            series_table: HashTable::new(),
            series_cache: SeriesCache::new(),
            scope_cache: SeriesCache::new(),
            plans: ArgPlans::default(),
            rows: Cells::new(),
            lower: HashMap::with_hasher(hasher(2)),
            counters: HashMap::with_hasher(hasher(3)),
            telemetry: Cells::new(),
            counter_metrics: Vec::new(),
            names: NameLog::new(),
            last_giver: None,
            bounds: None,
            parts: Vec::new(),
        }
    }

    /// Adds a record to the table, and counts it by its kind.
    ///
    /// # Errors
    ///
    /// If the record is malformed. It is not added then, and the caller must count it as malformed.
    pub fn record(
        &mut self,
        record: &Record<'_>,
        clock: Clock,
        counts: &mut FileCounts,
    ) -> Result<(), MalformedReason> {
        match record.phase {
            Phase::Unknown => counts.skipped += 1,
            Phase::Metadata => {
                self.metadata(record);
                counts.metadata += 1;
            }
            Phase::Complete => self.event(record, clock.unit, counts)?,
            Phase::Counter => self.telemetry(record, clock.unit, counts)?,
            Phase::Aggregated => self.aggregated(record, clock, counts, Origin::Aggregated)?,
            Phase::CounterOrAggregated => {
                let numeric =
                    |keys: &[ArgKey]| record.args.iter().any(|arg| keys.contains(&arg.key) && arg.value.is_number());
                let counted = numeric(&[ArgKey::DftCnt, ArgKey::Count]);
                let timed = || numeric(&[ArgKey::Dur, ArgKey::DurSum, ArgKey::DurMin, ArgKey::DurMax]);
                let system = record.cat.text().eq_ignore_ascii_case(b"sys");
                if counted || (!system && timed()) {
                    self.aggregated(record, clock, counts, Origin::CounterOrAggregated)?;
                } else {
                    self.telemetry(record, clock.unit, counts)?;
                }
            }
        }
        Ok(())
    }

    /// Returns the approximate memory of the table, in bytes.
    pub fn memory(&self) -> usize {
        self.interner.memory()
            + self.rows.memory()
            + self.telemetry.memory()
            + self.scopes.capacity() * (size_of::<(ScopeKey, KnownScope)>() + 1)
            + self.files.memory()
            + self.series.capacity() * size_of::<SeriesKey>()
            + self.series_table.capacity() * (size_of::<u32>() + 1)
            + self.scope_cache.memory()
            + self.series_cache.memory()
            + self.plans.memory()
            + self.counters.capacity() * (size_of::<(CounterKey, u32)>() + 1)
            + self.names.memory()
            + self.lower.capacity() * (size_of::<(Symbol, Symbol)>() + 1)
            + self.orders.memory()
            // Temporary memory for writing the table out.
            + self.series.len() * 48
            + self.counters.len() * 256
            + self.counter_metrics.len() * 128
    }

    /// Tells whether nothing was added since the table was last written out.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.counters.is_empty() && self.names.is_empty() && self.files.is_empty()
    }

    /// Returns the lowest and the highest bucket of all records so far, including those already written out.
    pub fn bounds(&self) -> Option<Bounds> {
        self.bounds
    }
}

impl fmt::Debug for Aggregator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Aggregator");
        out.field("config", &self.config).field("bounds", &self.bounds).field("memory", &self.memory());
        out.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use dft_trace::{Line, Parser};

    use super::*;

    fn counts_of(text: &str) -> FileCounts {
        let (mut table, mut counts) = (Aggregator::new(&Config::default()), FileCounts::default());
        Parser::new().parse(text.as_bytes(), 1, Clock::default(), |line| match line {
            Line::Record { record, clock, .. } => table.record(record, clock, &mut counts).expect("well-formed"),
            Line::Malformed { line, reason } => panic!("line {line}: {reason}"),
        });
        counts
    }

    #[test]
    fn a_value_that_is_not_finite_is_counted_in_every_field() {
        let call =
            r#"{"name":"read","cat":"POSIX","ts":5,"dur":-nan,"ph":"X","args":{"ret":inf,"offset":nan,"x":NaN,"y":1}}"#;
        let counts = counts_of(call);
        assert_eq!((counts.events, counts.not_finite), (1, 4));
        let reading = r#"{"name":"cpu","cat":"sys","ts":5,"dur":nan,"ph":2,"args":{"user":-inf,"idle":1}}"#;
        let counts = counts_of(reading);
        assert_eq!((counts.telemetry, counts.not_finite), (1, 2));
        let period = r#"{"name":"read","cat":"POSIX","ts":5,"ph":3,"args":{"dft_cnt":2,"dur_sum":nan,"ret_max":inf,"x_sum":nan}}"#;
        let counts = counts_of(period);
        assert_eq!((counts.profiles, counts.not_finite), (1, 3));
    }

    #[test]
    fn times_past_63_bits_are_malformed() {
        let mut table = Aggregator::new(&Config::default());
        let mut fault = |fields: &str| {
            let mut faults = Vec::new();
            let line = format!("{{\"name\":\"x\",\"ph\":1,{fields}}}");
            Parser::new().parse(line.as_bytes(), 1, Clock::default(), |line| {
                if let Line::Record { record, .. } = line {
                    let fault = table.record(record, Clock::default(), &mut FileCounts::default()).err();
                    faults.push(fault.map(|MalformedReason(reason)| reason));
                }
            });
            faults.pop().flatten()
        };
        assert_eq!(fault(r#""ts":9223372036854775807"#), None);
        assert_eq!(fault(r#""ts":9223372036854775808"#).as_deref(), Some("ts exceeds 63 bits"));
        assert_eq!(fault(r#""ts":1,"dur":9223372036854775807"#).as_deref(), Some("ts or dur exceeds 63 bits in µs"));
        assert_eq!(fault(r#""ts":1,"pid":9223372036854775808"#).as_deref(), Some("pid exceeds 63 bits"));
    }
}
