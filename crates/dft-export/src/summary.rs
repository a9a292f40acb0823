//! The contents of an index on one screen.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZero;
use std::ops::Range;
use std::thread;

use dft_aggregate::IoCategory;
use dft_codec::{FileId, RowParts, SeriesId, SeriesIdentity, SeriesKind};
use dft_metrics::FloatStats;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use crate::cells::Cell;
use crate::error::ExportError;
use crate::in_order::in_order;
use crate::numbers::{describe, int64};
use crate::string_dictionary::StringDictionary;
use crate::table::Table;
use crate::view::View;

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
    /// The totals of all calls.
    pub calls: Totals,
    /// The totals by kind of I/O, most time first.
    pub categories: Vec<Named<&'static str>>,
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

/// The fields of [`ExportError::TooLarge`].
#[derive(Clone, Debug, PartialEq, Eq)]
struct TooLarge {
    table: &'static str,
    row: String,
    column: &'static str,
    value: String,
}

impl TooLarge {
    /// Returns the number of a row that does not fit an int64, with its column in the row's table.
    fn of(kind: SeriesKind, cell: &Cell<'_>) -> Option<Self> {
        let core = &cell.row.core;
        let past = |value: i128, column| i64::try_from(value).err().map(|_| (column, value.to_string()));
        let count = i64::try_from(core.count).err().map(|_| ("count", core.count.to_string()));
        let (column, value) =
            count.or_else(|| past(core.size.sum(), "size")).or_else(|| past(core.duration.sum(), "time"))?;
        Some(Self { table: Table::of_kind(kind).name(), row: describe(cell), column, value })
    }
}

/// The earliest and latest time.
#[derive(Default)]
struct TimeSpan(Option<(i64, i64)>);

impl TimeSpan {
    fn add(&mut self, first: i64, last: i64) {
        self.0 = Some(self.0.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
    }
}

/// The series kinds of calls.
const CALLS: [SeriesKind; 2] = [SeriesKind::Call, SeriesKind::AggregatedCall];

/// The bytes of rows in the index for which a part is worth its cost.
const PART_BYTES: u64 = 1 << 20;

/// The most parts that threads summarize separately: the slices of the index.
const MOST_PARTS: u64 = 256;

/// The calls of some ranges of series. Files do not occur in two parts, as a file is in one slice.
#[derive(Default)]
struct CallSummary {
    span: TimeSpan,
    /// Hashes of those that occur. They take a tenth of the memory of their names.
    hosts: HashSet<u128>,
    processes: HashSet<u128>,
    threads: HashSet<u128>,
    calls: Totals,
    categories: HashMap<IoCategory, Totals>,
    functions: HashMap<Function, Totals>,
    files: FileTotals,
    too_large: Option<TooLarge>,
}

/// The totals of files by name. A job may have millions.
#[derive(Default)]
struct FileTotals {
    names: StringDictionary,
    totals: Vec<Totals>,
    /// The number of distinct hashes.
    hashes: usize,
}

impl FileTotals {
    /// Returns the number of a file's totals.
    fn number(&mut self, name: &str) -> usize {
        let number = self.names.number(name) as usize;
        if number == self.totals.len() {
            self.totals.push(Totals::default());
        }
        number
    }

    fn merge(&mut self, other: &Self) {
        self.hashes += other.hashes;
        for (name, totals) in other.names.iter().zip(&other.totals) {
            let number = self.number(name);
            self.totals[number].merge(totals);
        }
    }

    /// Returns the `top` files with the most bytes moved, and then with the most time.
    fn into_top(self, top: usize) -> Vec<Named<String>> {
        let order = |totals: &Totals| Reverse((totals.bytes, totals.time_us));
        let mut files: Vec<(&str, &Totals)> = self.names.iter().zip(&self.totals).collect();
        let compare = |a: &(&str, &Totals), b: &(&str, &Totals)| (order(a.1), a.0).cmp(&(order(b.1), b.0));
        if top < files.len() {
            files.select_nth_unstable_by(top, compare);
            files.truncate(top);
        }
        files.sort_unstable_by(compare);
        files.into_iter().map(|(name, totals)| Named { name: name.to_owned(), totals: totals.clone() }).collect()
    }
}

impl CallSummary {
    /// Summarizes ranges of series, one for each of [`CALLS`].
    fn of(view: &View<'_>, ranges: [Range<SeriesId>; 2]) -> Result<Self, ExportError> {
        let mut all = Self::default();
        let mut hashes = HashSet::new();
        for (kind, range) in CALLS.into_iter().zip(ranges) {
            let mut cells = view.cells_in(range, RowParts::Core)?;
            let (mut scope, mut scope_totals) = (None::<(u64, IoCategory, Function)>, Totals::default());
            let (mut series, mut file) = (0, None);
            while cells.advance()? {
                let Some(cell) = cells.cell() else { break };
                let identity = &cell.series.identity;
                if scope.as_ref().is_none_or(|(serial, ..)| *serial != cell.scope_serial) {
                    all.add_scope(scope.take(), std::mem::take(&mut scope_totals));
                    let SeriesIdentity { host_hash, pid, tid, category, name, .. } = identity;
                    all.add_thread(host_hash, *pid, *tid);
                    let function = Function { category: category.clone(), function: name.clone() };
                    scope = Some((cell.scope_serial, cell.series.io_category(), function));
                }
                if series != cell.serial {
                    series = cell.serial;
                    file = None;
                    if !identity.file_hash.is_empty() {
                        hashes.insert(FileId::of(identity.file_hash.as_bytes()));
                        let names = [&cell.series.file_name, &identity.file_hash];
                        file = names.into_iter().find(|name| !name.is_empty()).map(|name| all.files.number(name));
                    }
                }
                all.too_large = all.too_large.or_else(|| TooLarge::of(kind, &cell));
                all.span.add(cell.row.core.ts, cell.row.core.te);
                scope_totals.add(&cell);
                if let Some(file) = file {
                    all.files.totals[file].add(&cell);
                }
            }
            all.add_scope(scope, scope_totals);
        }
        all.files.hashes = hashes.len();
        Ok(all)
    }

    fn add_thread(&mut self, host_hash: &str, pid: i64, tid: i64) {
        let host = host_id(host_hash);
        let numbers = [host.to_le_bytes(), (u128::from(pid as u64) << 64 | u128::from(tid as u64)).to_le_bytes()];
        let bytes = numbers.as_flattened();
        // The last bytes are those of the process number.
        self.hosts.insert(host);
        self.processes.insert(xxh3_128(&[&bytes[..16], &bytes[24..]].concat()));
        self.threads.insert(xxh3_128(bytes));
    }

    /// Adds the totals of a scope's calls: its kind of I/O and its function.
    fn add_scope(&mut self, scope: Option<(u64, IoCategory, Function)>, totals: Totals) {
        let Some((_, category, function)) = scope else { return };
        self.calls.merge(&totals);
        self.categories.entry(category).or_default().merge(&totals);
        self.functions.entry(function).or_default().merge(&totals);
    }

    /// Adds the next part.
    fn merge(&mut self, part: Self) {
        let Self { span, hosts, processes, threads, calls, categories, functions, files, too_large } = part;
        if let TimeSpan(Some((first, last))) = span {
            self.span.add(first, last);
        }
        self.hosts.extend(hosts);
        self.processes.extend(processes);
        self.threads.extend(threads);
        self.calls.merge(&calls);
        categories.into_iter().for_each(|(key, totals)| self.categories.entry(key).or_default().merge(&totals));
        functions.into_iter().for_each(|(key, totals)| self.functions.entry(key).or_default().merge(&totals));
        self.files.merge(&files);
        self.too_large = self.too_large.take().or(too_large);
    }
}

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
        let mut all = CallSummary::default();
        in_order(
            parts,
            threads,
            |(calls, aggregated)| CallSummary::of(view, [calls, aggregated]),
            |part| {
                all.merge(part);
                Ok(())
            },
        )?;
        let CallSummary { mut span, mut hosts, processes, threads, calls, categories, functions, too_large, files } =
            all;
        let hashes = files.hashes;
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
            categories: ranked(categories, usize::MAX, most_time)
                .into_iter()
                .map(|Named { name, totals }| Named { name: name.name(), totals })
                .collect(),
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

fn host_id(host_hash: &str) -> u128 {
    xxh3_128(host_hash.as_bytes())
}

fn telemetry(view: &View<'_>, hosts: &mut HashSet<u128>, span: &mut TimeSpan) -> Result<Vec<Metric>, ExportError> {
    let mut metrics: BTreeMap<(String, String, String), FloatStats> = BTreeMap::new();
    view.each_reading(|key, value| {
        hosts.insert(host_id(&key.host_hash));
        span.add(value.core.ts, value.core.te);
        for (metric, stats) in &value.metrics {
            metrics.entry((key.name.clone(), key.category().to_owned(), metric.clone())).or_default().merge(stats);
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
