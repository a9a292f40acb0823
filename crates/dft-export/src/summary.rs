//! What is in an index, on one screen.

use std::collections::{BTreeMap, HashMap, HashSet};

use dft_aggregate::IoCategory;
use dft_codec::{RowParts, SeriesKind};
use dft_metrics::FloatStats;
use serde::Serialize;

use crate::cells::Cell;
use crate::columns::int64;
use crate::error::ExportError;
use crate::tables::calls::{describe, table_name};
use crate::view::View;

/// Calls, their time and the bytes that they moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Calls.
    pub calls: u128,
    /// The sum of their durations, in µs.
    pub time_us: i128,
    /// The bytes that they moved; `None` where none said so.
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

    /// The first of the numbers that no int64 holds.
    fn check_int64(&self, table: &'static str, row: &dyn Fn() -> String) -> Result<(), ExportError> {
        int64(self.calls, table, "calls", row)?;
        int64(self.time_us, table, "time_us", row)?;
        self.bytes.map_or(Ok(0), |bytes| int64(bytes, table, "bytes", row)).map(drop)
    }

    /// Bytes moved in a second of the calls that moved them; `None` where there are none.
    pub fn bandwidth(&self) -> Option<f64> {
        let bytes = self.bytes?;
        (self.time_us > 0).then(|| bytes as f64 / (self.time_us as f64 / 1e6))
    }
}

/// Totals of something that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named<T> {
    /// What it is.
    pub name: T,
    /// Its totals.
    #[serde(flatten)]
    pub totals: Totals,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Function {
    /// Its category.
    pub cat: String,
    /// Its name.
    pub function: String,
}

/// What a metric of a counter read, over all hosts, processes and all time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// The counter.
    pub counter: String,
    /// Its category: `sys` where it is of a host as a whole.
    pub category: String,
    /// The metric.
    pub metric: String,
    /// Readings.
    pub readings: u128,
    /// Their mean.
    pub mean: Option<f64>,
    /// The least.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
}

/// What is in an index, on one screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The least time of a call or reading, in µs, as the tracer's clock has it.
    pub first_us: Option<i64>,
    /// The greatest.
    pub last_us: Option<i64>,
    /// Hosts.
    pub hosts: usize,
    /// Processes.
    pub processes: usize,
    /// Threads.
    pub threads: usize,
    /// Files that were called for, by hash.
    pub files: usize,
    /// All calls.
    pub calls: Totals,
    /// Calls by kind of I/O, most time first.
    pub categories: Vec<Named<&'static str>>,
    /// The functions that took most time.
    pub top_functions: Vec<Named<Function>>,
    /// The files that most bytes were moved to or from, and then those that took most time.
    pub top_files: Vec<Named<String>>,
    /// Every metric of telemetry.
    pub telemetry: Vec<Metric>,
    /// The first row of the index with a number that no int64 holds.
    #[serde(skip)]
    too_large: Option<TooLarge>,
}

/// What [`ExportError::TooLarge`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TooLarge {
    table: &'static str,
    row: String,
    column: &'static str,
    value: String,
}

impl TooLarge {
    /// The number of a row that no int64 holds, under the column that the row's table has it in.
    fn of(kind: SeriesKind, cell: &Cell<'_>) -> Option<Self> {
        let core = &cell.row.core;
        let past = |value: i128, column| i64::try_from(value).err().map(|_| (column, value.to_string()));
        let count = i64::try_from(core.count).err().map(|_| ("count", core.count.to_string()));
        let (column, value) =
            count.or_else(|| past(core.size.sum(), "size")).or_else(|| past(core.duration.sum(), "time"))?;
        Some(Self { table: table_name(kind), row: describe(cell), column, value })
    }
}

/// The least and greatest time seen.
#[derive(Default)]
struct Span(Option<(i64, i64)>);

impl Span {
    fn add(&mut self, first: i64, last: i64) {
        self.0 = Some(self.0.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
    }
}

impl Summary {
    /// Summarises what passes the view's filter, with the `top` functions and files.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn of(view: &View<'_>, top: usize) -> Result<Self, ExportError> {
        let mut span = Span::default();
        let mut hosts: HashSet<String> = HashSet::new();
        let mut processes: HashSet<(String, i64)> = HashSet::new();
        let mut threads: HashSet<(String, i64, i64)> = HashSet::new();
        let mut calls = Totals::default();
        let mut categories: HashMap<IoCategory, Totals> = HashMap::new();
        let mut functions: HashMap<Function, Totals> = HashMap::new();
        let mut files: HashMap<String, Totals> = HashMap::new();
        let mut file_hashes: HashSet<String> = HashSet::new();
        let mut too_large = None;
        for kind in [SeriesKind::Call, SeriesKind::AggregatedCall] {
            let mut cells = view.cells(kind, RowParts::Core)?;
            let mut known = 0;
            while cells.advance()? {
                let Some(cell) = cells.cell() else { break };
                let series = cell.series;
                let identity = &series.identity;
                if known != cell.serial {
                    known = cell.serial;
                    hosts.insert(identity.host_hash.clone());
                    processes.insert((identity.host_hash.clone(), identity.pid));
                    threads.insert((identity.host_hash.clone(), identity.pid, identity.tid));
                    if !identity.file_hash.is_empty() {
                        file_hashes.insert(identity.file_hash.clone());
                    }
                }
                too_large = too_large.or_else(|| TooLarge::of(kind, &cell));
                span.add(cell.row.core.ts, cell.row.core.te);
                calls.add(&cell);
                categories.entry(series.io_category()).or_default().add(&cell);
                let function = Function { cat: identity.category.clone(), function: identity.name.clone() };
                functions.entry(function).or_default().add(&cell);
                if !identity.file_hash.is_empty() {
                    let name = [&series.file_name, &identity.file_hash].into_iter().find(|name| !name.is_empty());
                    files.entry(name.cloned().unwrap_or_default()).or_default().add(&cell);
                }
            }
        }
        let telemetry = telemetry(view, &mut hosts, &mut span)?;
        hosts.remove("");
        let most_time = |totals: &Totals| std::cmp::Reverse(totals.time_us);
        Ok(Self {
            first_us: span.0.map(|(first, _)| first),
            last_us: span.0.map(|(_, last)| last),
            hosts: hosts.len(),
            processes: processes.len(),
            threads: threads.len(),
            files: file_hashes.len(),
            calls,
            categories: greatest(categories, usize::MAX, most_time)
                .into_iter()
                .map(|Named { name, totals }| Named { name: name.name(), totals })
                .collect(),
            top_functions: greatest(functions, top, most_time),
            top_files: greatest(files, top, |totals| std::cmp::Reverse((totals.bytes, totals.time_us))),
            telemetry,
            too_large,
        })
    }

    /// Checks that an int64 holds every number: whoever reads them as JSON has no wider ones.
    ///
    /// # Errors
    ///
    /// [`ExportError::TooLarge`] with the row of the index, as an export has it, or else with the total.
    pub fn check_int64(&self) -> Result<(), ExportError> {
        const TABLE: &str = "summary";
        if let Some(TooLarge { table, row, column, value }) = self.too_large.clone() {
            return Err(ExportError::TooLarge { table, row, column: column.to_owned(), value });
        }
        self.calls.check_int64(TABLE, &|| "all calls".to_owned())?;
        for Named { name, totals } in &self.categories {
            totals.check_int64(TABLE, &|| format!("kind of I/O {name}"))?;
        }
        for Named { name, totals } in &self.top_functions {
            totals.check_int64(TABLE, &|| format!("function {} {}", name.cat, name.function))?;
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

/// The first of the entries by `order`, and by name where that is equal.
fn greatest<K: Ord, O: Ord>(entries: HashMap<K, Totals>, top: usize, order: impl Fn(&Totals) -> O) -> Vec<Named<K>> {
    let mut all: Vec<Named<K>> = entries.into_iter().map(|(name, totals)| Named { name, totals }).collect();
    all.sort_unstable_by(|a, b| order(&a.totals).cmp(&order(&b.totals)).then_with(|| a.name.cmp(&b.name)));
    all.truncate(top);
    all
}

fn telemetry(view: &View<'_>, hosts: &mut HashSet<String>, span: &mut Span) -> Result<Vec<Metric>, ExportError> {
    let mut metrics: BTreeMap<(String, String, String), FloatStats> = BTreeMap::new();
    view.each_reading(|key, value| {
        hosts.insert(key.host_hash.clone());
        span.add(value.core.ts, value.core.te);
        for (metric, stats) in value.metrics {
            metrics.entry((key.name.clone(), key.category().to_owned(), metric)).or_default().merge(&stats);
        }
    })?;
    let metric = |((counter, category, metric), stats): ((String, String, String), FloatStats)| Metric {
        counter,
        category,
        metric,
        readings: stats.n(),
        mean: stats.mean(),
        min: stats.min(),
        max: stats.max(),
    };
    Ok(metrics.into_iter().map(metric).collect())
}
