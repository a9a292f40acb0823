//! Exact sums over calls.

use dft_codec::{RowValue, SeriesKind};
use dft_metrics::{IntStats, Sketch};

/// A request of fewer bytes is small: the size that Drishti takes.
pub(crate) const SMALL_BYTES: i64 = 1 << 20;

/// Exact sums over calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) calls: u128,
    /// Calls that the tracer summed up.
    pub(crate) aggregated_calls: u128,
    /// Calls with unknown times.
    pub(crate) unknown_calls: u128,
    /// By how much the busy time may be too long, in µs.
    pub(crate) excess_us: u128,
    pub(crate) duration: IntStats,
    pub(crate) size: IntStats,
    /// Requests that are small for certain, and those of rows that have small and other ones.
    pub(crate) small: u128,
    pub(crate) maybe_small: u128,
    /// Sketches of durations and sizes, if the index has them.
    pub(crate) sketches: Option<Box<[Sketch; 2]>>,
}

impl Sums {
    /// Adds a row.
    pub(crate) fn add(&mut self, kind: SeriesKind, row: &RowValue) {
        let core = &row.core;
        self.calls += core.count;
        if kind != SeriesKind::Call {
            self.aggregated_calls += core.count;
        }
        match &core.occupancy {
            Some(occupancy) => self.excess_us += occupancy.excess_us(core.count),
            None => self.unknown_calls += core.count,
        }
        self.duration.merge(&core.duration);
        if !core.size.is_empty() {
            self.size.merge(&core.size);
            match (core.size.min(), core.size.max()) {
                (_, Some(max)) if max < SMALL_BYTES => self.small += core.size.n(),
                (Some(min), _) if min >= SMALL_BYTES => {}
                _ => self.maybe_small += core.size.n(),
            }
        }
        if let Some(sketches) = &core.sketches {
            let mine = self.sketches.get_or_insert_default();
            mine.iter_mut().zip(sketches.iter()).for_each(|(mine, row)| mine.merge(row));
        }
    }

    /// Adds the sums of other calls.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        self.aggregated_calls += other.aggregated_calls;
        self.unknown_calls += other.unknown_calls;
        self.excess_us += other.excess_us;
        self.duration.merge(&other.duration);
        self.size.merge(&other.size);
        self.small += other.small;
        self.maybe_small += other.maybe_small;
        if let Some(sketches) = &other.sketches {
            let mine = self.sketches.get_or_insert_default();
            mine.iter_mut().zip(sketches.iter()).for_each(|(mine, theirs)| mine.merge(theirs));
        }
    }
}
