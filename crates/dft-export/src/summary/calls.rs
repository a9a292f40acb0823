//! The calls of an index added up.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use dft_aggregate::IoCategory;
use dft_codec::{FileId, RowParts, SeriesId, SeriesIdentity, SeriesKind};
use xxhash_rust::xxh3::xxh3_128;

use super::files::{AllFiles, PartFiles};
use super::{Function, Layer, Named, Totals};
use crate::cells::Cell;
use crate::error::ExportError;
use crate::numbers::describe;
use crate::table::Table;
use crate::view::View;

/// The fields of [`ExportError::TooLarge`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TooLarge {
    pub(super) table: &'static str,
    pub(super) row: String,
    pub(super) column: &'static str,
    pub(super) value: String,
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
pub(super) struct TimeSpan(pub(super) Option<(i64, i64)>);

impl TimeSpan {
    pub(super) fn add(&mut self, first: i64, last: i64) {
        self.0 = Some(self.0.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
    }
}

/// The series kinds of calls.
pub(super) const CALLS: [SeriesKind; 2] = [SeriesKind::Call, SeriesKind::AggregatedCall];

/// How many parts the time of a job is divided into.
const BINS: usize = 32;

/// Equal parts of time. Calls before the first part count in it, and calls after the last in the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeBins {
    /// The start of the first part, in µs.
    pub(super) start: u64,
    /// The length of a part, in µs: a multiple of the index's interval.
    pub(super) length: u64,
    /// The number of parts.
    pub(super) count: usize,
}

impl TimeBins {
    /// Divides the time of the processes that traces name, or else of the index.
    pub(super) fn of(view: &View<'_>) -> Result<Self, ExportError> {
        let interval = view.index().config().interval_us;
        let bounds = view.index().bounds().map(|bounds| (bounds.min, bounds.max));
        let mut span = None;
        view.each_process(|process| {
            let known = process.span_us.map(|(first, last)| (u64::try_from(first), u64::try_from(last)));
            if let Some((Ok(first), Ok(last))) = known {
                let (a, b) = span.unwrap_or((first, last));
                span = Some((first.min(a), last.max(b)));
            }
            Ok(())
        })?;
        let Some((first, last)) = span.or(bounds) else { return Ok(Self { start: 0, length: interval, count: 0 }) };
        let start = first / interval * interval;
        let cells = (last.saturating_sub(start) / interval).saturating_add(1);
        let length = interval.saturating_mul(cells.div_ceil(BINS as u64));
        let count = cells.saturating_mul(interval).div_ceil(length) as usize;
        Ok(Self { start, length, count: count.clamp(1, BINS) })
    }

    fn bin(&self, time: u64) -> usize {
        let bin = (time.saturating_sub(self.start) / self.length) as usize;
        bin.min(self.count.saturating_sub(1))
    }
}

/// The calls of a category.
#[derive(Clone, Debug, Default)]
struct LayerSums {
    kinds: HashMap<IoCategory, Totals>,
    over_time: Vec<Totals>,
}

impl LayerSums {
    fn merge(&mut self, other: &Self) {
        other.kinds.iter().for_each(|(kind, totals)| self.kinds.entry(*kind).or_default().merge(totals));
        self.over_time.resize_with(other.over_time.len(), Totals::default);
        self.over_time.iter_mut().zip(&other.over_time).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}

/// The calls of some ranges of series. Files do not occur in two parts, as a file is in one slice.
#[derive(Default)]
pub(super) struct CallSummary {
    pub(super) span: TimeSpan,
    /// Hashes of those that occur. They take a tenth of the memory of their names.
    pub(super) hosts: HashSet<u128>,
    pub(super) processes: HashSet<u128>,
    pub(super) threads: HashSet<u128>,
    layers: HashMap<String, LayerSums>,
    pub(super) functions: HashMap<Function, Totals>,
    pub(super) files: AllFiles,
    pub(super) too_large: Option<TooLarge>,
}

impl CallSummary {
    /// Summarizes ranges of series, one for each of [`CALLS`].
    pub(super) fn of(view: &View<'_>, bins: &TimeBins, ranges: [Range<SeriesId>; 2]) -> Result<Self, ExportError> {
        let mut all = Self::default();
        let mut files = PartFiles::default();
        for (kind, range) in CALLS.into_iter().zip(ranges) {
            let mut cells = view.cells_in(range, RowParts::Core)?;
            let (mut scope, mut in_bins) = (None::<(u64, IoCategory, Function)>, vec![Totals::default(); bins.count]);
            let (mut series, mut file) = (0, None);
            while cells.advance()? {
                let Some(cell) = cells.cell() else { break };
                let identity = &cell.series.identity;
                if scope.as_ref().is_none_or(|(serial, ..)| *serial != cell.scope_serial) {
                    all.add_scope(scope.take(), &mut in_bins);
                    let SeriesIdentity { host_hash, pid, tid, category, name, .. } = identity;
                    all.add_thread(host_hash, *pid, *tid);
                    let function = Function { category: category.clone(), function: name.clone() };
                    scope = Some((cell.scope_serial, cell.series.io_category(), function));
                }
                if series != cell.serial {
                    series = cell.serial;
                    file = None;
                    if !identity.file_hash.is_empty() {
                        let names = [&cell.series.file_name, &identity.file_hash];
                        let name = names.into_iter().find(|name| !name.is_empty());
                        let id = FileId::of(identity.file_hash.as_bytes());
                        file = name.map(|name| files.number(id, name));
                    }
                }
                all.too_large = all.too_large.or_else(|| TooLarge::of(kind, &cell));
                all.span.add(cell.row.core.ts, cell.row.core.te);
                in_bins[bins.bin(cell.start)].add(&cell);
                if let Some(file) = file {
                    files.totals(file).add(&cell);
                }
            }
            all.add_scope(scope, &mut in_bins);
        }
        all.files.add(files);
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

    /// Adds the calls of a scope, and sets the totals of its bins to 0.
    fn add_scope(&mut self, scope: Option<(u64, IoCategory, Function)>, in_bins: &mut [Totals]) {
        let Some((_, kind, function)) = scope else { return };
        let mut totals = Totals::default();
        in_bins.iter().for_each(|bin| totals.merge(bin));
        let layer = match self.layers.get_mut(&function.category) {
            Some(layer) => layer,
            None => self.layers.entry(function.category.clone()).or_default(),
        };
        layer.kinds.entry(kind).or_default().merge(&totals);
        layer.over_time.resize_with(in_bins.len(), Totals::default);
        for (mine, bin) in layer.over_time.iter_mut().zip(in_bins) {
            mine.merge(&std::mem::take(bin));
        }
        self.functions.entry(function).or_default().merge(&totals);
    }

    /// Adds the next part.
    pub(super) fn merge(&mut self, part: Self) {
        let Self { span, hosts, processes, threads, layers, functions, files, too_large } = part;
        if let TimeSpan(Some((first, last))) = span {
            self.span.add(first, last);
        }
        self.hosts.extend(hosts);
        self.processes.extend(processes);
        self.threads.extend(threads);
        layers.into_iter().for_each(|(key, layer)| self.layers.entry(key).or_default().merge(&layer));
        functions.into_iter().for_each(|(key, totals)| self.functions.entry(key).or_default().merge(&totals));
        files.into_parts().for_each(|part| self.files.add(part));
        self.too_large = self.too_large.take().or(too_large);
    }

    /// Returns the layers, most time first.
    pub(super) fn take_layers(&mut self) -> Vec<Layer> {
        let layers = std::mem::take(&mut self.layers).into_iter().map(|(category, LayerSums { kinds, over_time })| {
            let mut totals = Totals::default();
            kinds.values().for_each(|kind| totals.merge(kind));
            let mut kinds: Vec<Named<&'static str>> =
                kinds.into_iter().map(|(kind, totals)| Named { name: kind.name(), totals }).collect();
            kinds.sort_by_key(|kind| (Reverse(kind.totals.time_us), kind.name));
            Layer { category, totals, kinds, over_time }
        });
        let mut layers: Vec<Layer> = layers.collect();
        layers.sort_by(|a, b| (b.totals.time_us, &a.category).cmp(&(a.totals.time_us, &b.category)));
        layers
    }
}

/// Returns a hash of a host's hash.
pub(super) fn host_id(host_hash: &str) -> u128 {
    xxh3_128(host_hash.as_bytes())
}
