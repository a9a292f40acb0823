//! The contents of an index on one screen.

mod calls;
mod files;
mod telemetry;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;
use std::thread;

use serde::Serialize;

use crate::cells::Cell;
use crate::error::ExportError;
use crate::in_order::in_order;
use crate::numbers::int64;
use crate::view::View;
use calls::{CALLS, CallSummary, TimeBins, TooLarge, host_id};
use telemetry::telemetry;

/// The number of calls, their time and the bytes that they moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// The number of calls.
    pub calls: u128,
    /// The sum of their durations, in µs.
    pub time_us: i128,
    /// The bytes that they moved; `None` if no call recorded a size.
    pub bytes: Option<i128>,
}

impl Totals {
    fn add(&mut self, cell: &Cell<'_>) {
        let core = &cell.row.core;
        self.calls += core.count;
        self.time_us += core.duration.sum();
        if core.size.n() > 0 {
            *self.bytes.get_or_insert(0) += core.size.sum();
        }
    }

    fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        self.time_us += other.time_us;
        if let Some(bytes) = other.bytes {
            *self.bytes.get_or_insert(0) += bytes;
        }
    }

    /// Fails with the first number that does not fit an int64.
    fn check_int64(&self, table: &'static str, row: &dyn Fn() -> String) -> Result<(), ExportError> {
        int64(self.calls, table, "calls", row)?;
        int64(self.time_us, table, "time_us", row)?;
        self.bytes.map_or(Ok(0), |bytes| int64(bytes, table, "bytes", row)).map(drop)
    }

    /// Returns the bytes moved per second of the calls' time; `None` if no call recorded a size or the time is 0.
    pub fn bandwidth(&self) -> Option<f64> {
        let bytes = self.bytes?;
        (self.time_us > 0).then(|| bytes as f64 / (self.time_us as f64 / 1e6))
    }
}

/// Totals of something with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named<T> {
    /// The name.
    pub name: T,
    /// The totals.
    #[serde(flatten)]
    pub totals: Totals,
}

/// The calls of a category. A call of one layer may contain calls of another, so do not add up layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// The category.
    pub category: String,
    /// The totals of its calls.
    #[serde(flatten)]
    pub totals: Totals,
    /// The totals by kind of I/O, most time first.
    pub kinds: Vec<Named<&'static str>>,
    /// The totals in equal parts of the job's time: see [`Summary::part_us`].
    pub over_time: Vec<Totals>,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Function {
    /// Its category.
    #[serde(rename = "cat")]
    pub category: String,
    /// Its name.
    pub function: String,
}

/// The readings of a counter's metric, over all hosts, processes and times.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// The counter.
    pub counter: String,
    /// Its category: `sys` if the counter is about a host as a whole.
    pub category: String,
    /// The metric.
    pub metric: String,
    /// The number of readings.
    pub readings: u128,
    /// Their mean.
    pub mean: Option<f64>,
    /// The lowest.
    pub min: Option<f64>,
    /// The highest.
    pub max: Option<f64>,
}

/// The contents of an index on one screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The earliest time of a call or reading, in µs of the tracer's clock.
    pub first_us: Option<i64>,
    /// The latest.
    pub last_us: Option<i64>,
    /// The number of hosts.
    pub hosts: usize,
    /// The number of processes.
    pub processes: usize,
    /// The number of threads.
    pub threads: usize,
    /// The number of files that calls are about, by hash.
    pub files: usize,
    /// The totals of all calls, of every layer.
    pub calls: Totals,
    /// The totals by kind of I/O, of every layer, most time first.
    pub categories: Vec<Named<&'static str>>,
    /// The totals by category, most time first.
    pub layers: Vec<Layer>,
    /// The length of the parts of [`Layer::over_time`], in µs.
    pub part_us: u64,
    /// The functions that took the most time.
    pub top_functions: Vec<Named<Function>>,
    /// The files with the most bytes moved, and then with the most time.
    pub top_files: Vec<Named<String>>,
    /// Every metric of telemetry.
    pub telemetry: Vec<Metric>,
    /// The first row of the index with a number that does not fit an int64.
    #[serde(skip)]
    too_large: Option<TooLarge>,
}

/// The bytes of rows in the index for which a part is worth its cost.
const PART_BYTES: u64 = 1 << 20;

/// The most parts that threads summarize separately: the slices of the index.
const MOST_PARTS: u64 = 256;

impl Summary {
    /// Summarizes the rows that pass the view's filter, with the `top` functions and files.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn of(view: &View<'_>, top: usize) -> Result<Self, ExportError> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let mut bytes = 0;
        for kind in CALLS {
            bytes += view.index().row_bytes(kind)?;
        }
        let parts = if view.filter().shard.is_some() { 1 } else { (bytes / PART_BYTES).clamp(1, MOST_PARTS) };
        let ranges = CALLS.map(|kind| match parts {
            1 => vec![view.series_range(kind)],
            parts => view.index().shards(kind, parts as usize),
        });
        let [calls, aggregated] = ranges;
        let parts = calls.into_iter().zip(aggregated).collect();
        let bins = TimeBins::of(view)?;
        let mut all = CallSummary::default();
        in_order(
            parts,
            threads,
            |(calls, aggregated)| CallSummary::of(view, &bins, [calls, aggregated]),
            |part| {
                all.merge(part);
                Ok(())
            },
        )?;
        let layers = all.take_layers();
        let CallSummary { mut span, mut hosts, processes, threads, functions, too_large, files, .. } = all;
        let (mut calls, mut kinds) = (Totals::default(), BTreeMap::<&'static str, Totals>::new());
        for layer in &layers {
            calls.merge(&layer.totals);
            layer.kinds.iter().for_each(|kind| kinds.entry(kind.name).or_default().merge(&kind.totals));
        }
        let hashes = files.count();
        let files = files.into_top(top);
        let telemetry = telemetry(view, &mut hosts, &mut span)?;
        hosts.remove(&host_id(""));
        let most_time = |totals: &Totals| Reverse(totals.time_us);
        Ok(Self {
            first_us: span.0.map(|(first, _)| first),
            last_us: span.0.map(|(_, last)| last),
            hosts: hosts.len(),
            processes: processes.len(),
            threads: threads.len(),
            files: hashes,
            calls,
            categories: ranked(kinds.into_iter().collect(), usize::MAX, most_time),
            layers,
            part_us: bins.length,
            top_functions: ranked(functions, top, most_time),
            top_files: files,
            telemetry,
            too_large,
        })
    }

    /// Checks that every number fits an int64, because JSON readers may have no wider integers.
    ///
    /// # Errors
    ///
    /// [`ExportError::TooLarge`] with the row of the index, as in an export, or else with the total.
    pub fn check_int64(&self) -> Result<(), ExportError> {
        const TABLE: &str = "summary";
        if let Some(TooLarge { table, row, column, value }) = self.too_large.clone() {
            return Err(ExportError::TooLarge { table, row, column: column.to_owned(), value });
        }
        self.calls.check_int64(TABLE, &|| "all calls".to_owned())?;
        for Named { name, totals } in &self.categories {
            totals.check_int64(TABLE, &|| format!("kind of I/O {name}"))?;
        }
        for layer in &self.layers {
            layer.totals.check_int64(TABLE, &|| format!("category {}", layer.category))?;
        }
        for Named { name, totals } in &self.top_functions {
            totals.check_int64(TABLE, &|| format!("function {} {}", name.category, name.function))?;
        }
        for Named { name, totals } in &self.top_files {
            totals.check_int64(TABLE, &|| format!("file {name}"))?;
        }
        for metric in &self.telemetry {
            let row = || format!("telemetry {} {}", metric.counter, metric.metric);
            int64(metric.readings, TABLE, "readings", row)?;
        }
        Ok(())
    }
}

/// Returns the first `top` entries by `order`, and by name where that is equal.
fn ranked<K: Ord, O: Ord>(entries: HashMap<K, Totals>, top: usize, order: impl Fn(&Totals) -> O) -> Vec<Named<K>> {
    let mut all: Vec<Named<K>> = entries.into_iter().map(|(name, totals)| Named { name, totals }).collect();
    all.sort_unstable_by(|a, b| order(&a.totals).cmp(&order(&b.totals)).then_with(|| a.name.cmp(&b.name)));
    all.truncate(top);
    all
}
