//! Sums up the groups of the rows that pass a view's filter.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use ahash::RandomState;
use dft_codec::{RowParts, SeriesKind};
use dft_metrics::{IntStats, power_of_two};
use xxhash_rust::xxh3::xxh3_128;

use crate::cells::{Cell, CellScan};
use crate::error::ExportError;
use crate::group::by::GroupBy;
use crate::group::statistic::{Distinct, Metric};
use crate::group::sums::{GroupSums, Needs};
use crate::group::value::Value;
use crate::group_column::GroupColumn;
use crate::numbers::{RowNumbers, describe, int64};
use crate::series::Series;
use crate::table::Table;
use crate::view::View;

/// What rows are grouped by, with the position of each group key.
pub(super) struct Keys<'g> {
    pub(super) by: &'g [GroupBy],
    pub(super) places: Vec<Option<usize>>,
}

impl Keys<'_> {
    fn of_series(&self, series: &Series) -> Vec<Value> {
        self.by.iter().zip(&self.places).map(|(by, place)| by.of_series(series, *place)).collect()
    }

    fn has(&self, wanted: fn(&GroupBy) -> bool) -> bool {
        self.by.iter().any(wanted)
    }
}

/// The part of a group's key that may differ between cells of a series.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct CellKey {
    /// The start of the cell, if rows are grouped by time.
    start: Option<u64>,
    /// The bin of the sizes, if rows are grouped by it; `None` within if the calls have no size.
    bin: Option<Option<i64>>,
}

/// The groups of rows.
pub(super) struct Groups {
    pub(super) groups: HashMap<Vec<Value>, GroupSums, RandomState>,
    /// The custom metrics that rows have, if the statistics ask for any.
    pub(super) customs: BTreeSet<String>,
}

/// Sums up the groups of the rows of some kinds of series, on up to `threads` threads.
pub(super) fn collect(
    view: &View<'_>,
    kinds: &[SeriesKind],
    keys: &Keys<'_>,
    needs: &Needs,
    threads: usize,
) -> Result<Groups, ExportError> {
    let parts = if needs.all_parts() { RowParts::Statistics } else { RowParts::Core };
    let collectors =
        view.fold_cells(kinds, parts, threads, || Collector::new(view, keys, needs), Collector::add_all)?;
    let mut all = Groups { groups: HashMap::default(), customs: BTreeSet::new() };
    for collector in collectors {
        all.merge(collector.finish()?);
    }
    Ok(all)
}

impl Groups {
    /// Adds the groups of other rows.
    fn merge(&mut self, other: Self) {
        for (key, sums) in other.groups {
            match self.groups.entry(key) {
                Entry::Occupied(mut mine) => mine.get_mut().merge(sums),
                Entry::Vacant(free) => drop(free.insert(sums)),
            }
        }
        self.customs.extend(other.customs);
    }
}

struct Collector<'c, 'v> {
    view: &'c View<'v>,
    keys: &'c Keys<'c>,
    needs: &'c Needs,
    of_time: bool,
    of_size: bool,
    /// The parts of keys that depend on the series alone, numbered.
    of_series: HashMap<Vec<Value>, usize, RandomState>,
    groups: HashMap<(usize, CellKey), GroupSums, RandomState>,
    wants_customs: bool,
    customs: BTreeSet<String>,
}

impl<'c, 'v> Collector<'c, 'v> {
    fn new(view: &'c View<'v>, keys: &'c Keys<'c>, needs: &'c Needs) -> Self {
        Self {
            view,
            keys,
            needs,
            of_time: keys.has(|by| matches!(by, GroupBy::TimeBucket | GroupBy::Column(GroupColumn::TimeRange))),
            of_size: keys.has(|by| *by == GroupBy::SizeBin),
            of_series: HashMap::default(),
            groups: HashMap::default(),
            wants_customs: needs.metrics.iter().any(|metric| matches!(metric, Metric::Custom(_))),
            customs: BTreeSet::new(),
        }
    }

    fn add_all(&mut self, kind: SeriesKind, mut cells: CellScan<'_>) -> Result<(), ExportError> {
        let (mut known, mut number, mut members) = (0, 0, Vec::new());
        while cells.advance()? {
            let Some(cell) = cells.cell() else { break };
            if known != cell.serial {
                known = cell.serial;
                let next = self.of_series.len();
                number = *self.of_series.entry(self.keys.of_series(cell.series)).or_insert(next);
                members = self.needs.distinct.iter().map(|&of| member(of, cell.series)).collect();
            }
            let of_cell = CellKey {
                start: self.of_time.then_some(cell.start),
                bin: if self.of_size { Some(size_bin(kind, &cell)?) } else { None },
            };
            let row = RowNumbers::of(self.view, kind, &cell)?;
            let needs = self.needs;
            let sums = self.groups.entry((number, of_cell)).or_insert_with(|| GroupSums::new(needs));
            sums.add(needs, &row, &cell, &members);
            if self.wants_customs {
                for (name, _) in &cell.row.customs {
                    if !self.customs.contains(name) {
                        self.customs.insert(name.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Groups, ExportError> {
        let mut of_series: Vec<(Vec<Value>, usize)> = self.of_series.into_iter().collect();
        of_series.sort_unstable_by_key(|(_, number)| *number);
        let mut groups = HashMap::with_capacity_and_hasher(self.groups.len(), RandomState::default());
        for ((number, of_cell), sums) in self.groups {
            let mut key = of_series[number].0.clone();
            for (value, by) in key.iter_mut().zip(self.keys.by).filter(|(_, by)| by.is_of_cell()) {
                *value = match (by, of_cell) {
                    (GroupBy::SizeBin, CellKey { bin, .. }) => bin.flatten().into(),
                    (GroupBy::TimeBucket, CellKey { start: Some(start), .. }) => {
                        Value::Int(int64(start, "groups", by.name(), || format!("cell {start} µs"))?)
                    }
                    (_, CellKey { start: Some(start), .. }) => {
                        // Rows were checked to be past the origin, and their numbers fit.
                        Value::Int((start.saturating_sub(self.view.origin()) / self.view.granularity()) as i64)
                    }
                    _ => Value::Null,
                };
            }
            groups.insert(key, sums);
        }
        Ok(Groups { groups, customs: self.customs })
    }
}

/// Returns the bin that the sizes of all calls of a row are in; `None` if none has a size.
fn size_bin(kind: SeriesKind, cell: &Cell<'_>) -> Result<Option<i64>, ExportError> {
    let sizes: &IntStats = &cell.row.core.size;
    if sizes.is_empty() {
        return Ok(None);
    }
    let bin = |size: Option<i64>| size.map(|size| power_of_two(size as f64) as i64);
    let (low, high) = (bin(sizes.min()), bin(sizes.max()));
    if low.is_some() && low == high && sizes.n() == cell.row.core.count {
        return Ok(low);
    }
    Err(ExportError::SeveralSizeBins { table: Table::of_kind(kind).name(), row: describe(cell) })
}

/// Returns a hash of what identifies the series' member of a set; `None` if it has none.
fn member(of: Distinct, series: &Series) -> Option<u128> {
    let identity = &series.identity;
    let [pid, tid] = [identity.pid, identity.tid].map(i64::to_le_bytes);
    let host = identity.host_hash.as_bytes();
    match of {
        Distinct::Files if identity.file_hash.is_empty() => None,
        // A name is a file's identity where it is known: hashes may collide.
        Distinct::Files if series.file_name.is_empty() => {
            Some(xxh3_128(&[&[0], identity.file_hash.as_bytes()].concat()))
        }
        Distinct::Files => Some(xxh3_128(&[&[1], series.file_name.as_bytes()].concat())),
        Distinct::Hosts => (!host.is_empty()).then(|| xxh3_128(host)),
        Distinct::Processes => Some(xxh3_128(&[&pid, host].concat())),
        Distinct::Threads => Some(xxh3_128(&[&pid, &tid, host].concat())),
    }
}
