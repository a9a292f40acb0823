//! The numbers of a view, by the tool's formulas.

use std::collections::BTreeMap;

use serde::Serialize;

use super::DfanalyzerView;
use super::collect::{Collected, Place, Sums};

/// The numbers of a view.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ViewNumbers {
    /// The view.
    pub view: DfanalyzerView,
    /// Whether it was asked for, so that the tool prints it.
    pub printed_by_tool: bool,
    /// The layers, in the order of the report.
    pub layers: Vec<LayerNumbers>,
    /// The rows of the view, by key.
    pub rows: Vec<RowNumbers>,
}

/// What the tool prints of a layer, unrounded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LayerNumbers {
    /// The layer.
    pub name: String,
    /// In the views of ranges and files, the sum over rows of the busiest thread's time; in the view of threads, the
    /// time of the busiest one.
    pub time_s: Option<f64>,
    /// The number of calls.
    pub count: u128,
    /// The bytes moved; `None` for a layer without sizes.
    pub size_bytes: Option<i128>,
    /// Calls over time.
    pub ops_per_s: Option<f64>,
    /// Bytes over all time of the layer.
    pub bandwidth_bytes_per_s: Option<f64>,
    /// Bytes over all calls.
    pub avg_transfer_size_bytes: Option<f64>,
    /// Of layers that may run concurrently with compute: the time by which rows exceed compute's.
    pub unoverlapped_time_s: Option<f64>,
    /// The calls of rows that exceed it.
    pub unoverlapped_count: Option<u128>,
    /// Their bytes.
    pub unoverlapped_size_bytes: Option<i128>,
    /// 1 minus the unoverlapped share of the time.
    pub overlap_time: Option<f64>,
    /// The same of calls.
    pub overlap_count: Option<f64>,
    /// The same of bytes.
    pub overlap_size: Option<f64>,
}

/// A row of a view.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RowNumbers {
    /// The number of the range, or the name of the thread or file.
    pub key: String,
    /// The layers that have calls.
    pub layers: Vec<RowLayer>,
}

/// A layer in a row of a view.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RowLayer {
    /// The layer.
    pub name: String,
    /// The number of calls.
    pub count: u128,
    /// The sum of their durations.
    pub time_sum_s: f64,
    /// The maximum time of a cell that has any.
    pub time_proc_max_s: Option<f64>,
    /// The least time of such a cell.
    pub time_proc_min_s: Option<f64>,
    /// The mean time of these cells.
    pub time_proc_mean_s: Option<f64>,
    /// The bytes moved.
    pub size_bytes: Option<i128>,
    /// The share of the time of all rows.
    pub time_frac_total: Option<f64>,
    /// The share of the calls of all rows.
    pub count_frac_total: Option<f64>,
    /// The share of time over the share of calls.
    pub ops_slope: Option<f64>,
    /// The time by which the row exceeds compute's.
    pub unoverlapped_time_s: Option<f64>,
    /// The time less that of the layers within it.
    pub self_time_s: Option<f64>,
}

/// The key of a row. Ranges sort by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RowKey {
    Range(i64),
    Name(String),
}

/// A layer's cells in a row, summed up. A time of 0 is none.
#[derive(Clone, Debug, Default)]
struct RowSums {
    sums: Sums,
    max_us: Option<i128>,
    min_us: Option<i128>,
    cells: u64,
}

impl RowSums {
    /// The time that the tool aggregates, in µs.
    fn time(&self, view: DfanalyzerView) -> i128 {
        match view {
            DfanalyzerView::ProcName => self.sums.time_us,
            _ => self.max_us.unwrap_or(0),
        }
    }
}

fn seconds(us: i128) -> f64 {
    us as f64 / 1e6
}

fn ratio(over: f64, under: f64) -> Option<f64> {
    (under > 0.0).then(|| over / under)
}

/// Returns the numbers of a view.
pub(super) fn numbers(found: &Collected, view: DfanalyzerView, printed_by_tool: bool) -> ViewNumbers {
    let key = |place: &Place| match view {
        DfanalyzerView::TimeRange => RowKey::Range(place.range),
        DfanalyzerView::ProcName => RowKey::Name(found.threads.values[place.thread as usize].clone()),
        DfanalyzerView::FileName => RowKey::Name(found.files.values[place.file as usize].clone()),
    };
    let mut rows: BTreeMap<RowKey, Vec<RowSums>> = BTreeMap::new();
    for (cell, sums) in &found.cells {
        let row = rows.entry(key(&cell.place)).or_insert_with(|| vec![RowSums::default(); found.layers.len()]);
        let row = &mut row[cell.layer as usize];
        row.sums.time_us += sums.time_us;
        row.sums.count += sums.count;
        row.sums.size += sums.size;
        if sums.time_us > 0 {
            row.max_us = Some(row.max_us.map_or(sums.time_us, |max| max.max(sums.time_us)));
            row.min_us = Some(row.min_us.map_or(sums.time_us, |min| min.min(sums.time_us)));
            row.cells += 1;
        }
    }
    let all: Vec<&Vec<RowSums>> = rows.values().collect();
    let layers = (0..found.layers.len()).map(|layer| layer_numbers(found, view, layer, &all)).collect();
    let totals: Vec<(i128, u128)> = (0..found.layers.len())
        .map(|layer| {
            all.iter().fold((0, 0), |(time, count), row| (time + row[layer].time(view), count + row[layer].sums.count))
        })
        .collect();
    let rows = rows
        .iter()
        .map(|(key, row)| RowNumbers {
            key: match key {
                RowKey::Range(range) => range.to_string(),
                RowKey::Name(name) => name.clone(),
            },
            layers: (0..row.len())
                .filter(|layer| row[*layer].sums.count > 0)
                .map(|layer| row_layer(found, view, layer, row, totals[layer]))
                .collect(),
        })
        .collect();
    ViewNumbers { view, printed_by_tool, layers, rows }
}

/// Returns by how much a layer's time in a row exceeds that of compute, in µs; `None` if the tool does not compare it.
fn unoverlapped(found: &Collected, view: DfanalyzerView, layer: usize, row: &[RowSums]) -> Option<i128> {
    let compute = found.compute.filter(|_| found.layers[layer].is_async)?;
    Some((row[layer].time(view) - row[compute].time(view)).max(0))
}

fn layer_numbers(found: &Collected, view: DfanalyzerView, layer: usize, rows: &[&Vec<RowSums>]) -> LayerNumbers {
    let has_size = found.layers[layer].has_size;
    let times = rows.iter().map(|row| row[layer].time(view));
    let is_of_threads = view == DfanalyzerView::ProcName;
    let count: u128 = rows.iter().map(|row| row[layer].sums.count).sum();
    let size: i128 = rows.iter().map(|row| row[layer].sums.size).sum();
    let time = if is_of_threads { times.max().unwrap_or(0) } else { times.sum() };
    let time_s = seconds(time);
    let compared = found.compute.is_some() && found.layers[layer].is_async;
    let exceeding = || {
        let rows = rows.iter().filter_map(|row| Some((unoverlapped(found, view, layer, row)?, &row[layer])));
        rows.filter(|(time, _)| *time > 0)
    };
    let exceeding_time = if is_of_threads {
        exceeding().map(|(time, _)| time).max().unwrap_or(0)
    } else {
        exceeding().map(|(time, _)| time).sum()
    };
    let exceeding_count: u128 = exceeding().map(|(_, row)| row.sums.count).sum();
    let exceeding_size: i128 = exceeding().map(|(_, row)| row.sums.size).sum();
    let overlap = |exceeding: f64, all: f64| {
        ratio(exceeding, all).filter(|_| compared && count > 0).map(|share| (1.0 - share).max(0.0))
    };
    let size_bytes = has_size.then_some(size);
    LayerNumbers {
        name: found.layers[layer].name.clone(),
        // Where no thread has calls, the maximum is undefined, and the sum is 0.
        time_s: (count > 0 || !is_of_threads).then_some(time_s),
        count,
        size_bytes,
        ops_per_s: ratio(count as f64, time_s).filter(|_| count > 0),
        bandwidth_bytes_per_s: size_bytes.and_then(|size| ratio(size as f64, time_s)),
        avg_transfer_size_bytes: size_bytes.filter(|size| *size > 0).and_then(|size| ratio(size as f64, count as f64)),
        unoverlapped_time_s: compared.then(|| seconds(exceeding_time)),
        unoverlapped_count: compared.then_some(exceeding_count),
        unoverlapped_size_bytes: (compared && has_size).then_some(exceeding_size),
        overlap_time: overlap(exceeding_time as f64, time as f64),
        overlap_count: overlap(exceeding_count as f64, count as f64),
        overlap_size: overlap(exceeding_size as f64, size as f64).filter(|_| has_size),
    }
}

fn row_layer(
    found: &Collected,
    view: DfanalyzerView,
    layer: usize,
    row: &[RowSums],
    (time, count): (i128, u128),
) -> RowLayer {
    let own = &row[layer];
    let time_frac_total = ratio(own.time(view) as f64, time as f64).filter(|share| *share > 0.0);
    let count_frac_total = ratio(own.sums.count as f64, count as f64);
    let children = &found.children[layer];
    let of_children: i128 = children.iter().map(|child| row[*child].time(view)).sum();
    RowLayer {
        name: found.layers[layer].name.clone(),
        count: own.sums.count,
        time_sum_s: seconds(own.sums.time_us),
        time_proc_max_s: own.max_us.map(seconds),
        time_proc_min_s: own.min_us.map(seconds),
        time_proc_mean_s: (own.cells > 0).then(|| seconds(own.sums.time_us) / own.cells as f64),
        size_bytes: (found.layers[layer].has_size && own.sums.size > 0).then_some(own.sums.size),
        ops_slope: time_frac_total.zip(count_frac_total).map(|(time, count)| time / count),
        time_frac_total,
        count_frac_total,
        unoverlapped_time_s: unoverlapped(found, view, layer, row).map(seconds),
        self_time_s: (!children.is_empty()).then(|| seconds((own.time(view) - of_children).max(0))),
    }
}
