//! The table in memory: the keys of series and counters, and their cells.

use dft_codec::{Custom, MetricName, RowCore, SeriesKind, TelemetryCore, encode_row, encode_telemetry};
use dft_metrics::{FloatStats, Sketch};
use dft_trace::LayoutId;
use smallvec::SmallVec;

use crate::cells::{ByteOrders, Columns, EncodeCell, TableCell};
use crate::files::FileNumber;
use crate::intern::{Interner, Symbol};

/// The identity of a series: the numbers of its scope and file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SeriesKey {
    pub(crate) scope: u32,
    pub(crate) file: FileNumber,
}

/// The identity of a scope, in symbols.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ScopeKey {
    pub(crate) kind: SeriesKind,
    pub(crate) cat: Symbol,
    pub(crate) name: Symbol,
    pub(crate) pid: i64,
    pub(crate) tid: i64,
    pub(crate) host_hash: Symbol,
    pub(crate) extra: SmallVec<[Symbol; 2]>,
}

pub(crate) struct RowCell {
    pub(crate) core: RowCore,
    pub(crate) customs: Columns<Custom>,
    pub(crate) heap_bytes: usize,
}

impl RowCell {
    /// Adds the time of a call, which the row already counts. Returns the heap bytes that this takes.
    #[inline]
    pub(crate) fn occupy(&mut self, start: i64, end: i64) -> usize {
        let calls = self.core.count;
        let occupancy = self.core.occupancy.get_or_insert_default();
        let before = occupancy.heap_bytes();
        occupancy.add(start, end, calls);
        occupancy.heap_bytes() - before
    }
}

/// Returns the heap bytes of a row's sketches.
pub(crate) fn sketch_bytes(sketches: Option<&[Sketch; 3]>) -> usize {
    sketches.map_or(0, |sketches| size_of::<[Sketch; 3]>() + sketches.iter().map(Sketch::heap_bytes).sum::<usize>())
}

impl TableCell for RowCell {
    fn empty() -> Self {
        Self { core: RowCore::empty(), customs: Columns::new(), heap_bytes: 0 }
    }

    fn reset(&mut self) {
        self.core = RowCore::empty();
        self.customs.clear();
        self.heap_bytes = self.customs.heap();
    }

    fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }
}

pub(crate) struct TelemetryCell {
    pub(crate) core: TelemetryCore,
    pub(crate) metrics: Columns<FloatStats>,
    pub(crate) heap_bytes: usize,
}

impl TableCell for TelemetryCell {
    fn empty() -> Self {
        Self { core: TelemetryCore::empty(), metrics: Columns::new(), heap_bytes: 0 }
    }

    fn reset(&mut self) {
        self.core = TelemetryCore::empty();
        self.metrics.clear();
        self.heap_bytes = self.metrics.heap();
    }

    fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }
}

/// An encoder of cells whose names are symbols of the interner.
pub(crate) struct CellEncoder<'a> {
    pub(crate) interner: &'a Interner,
    pub(crate) orders: &'a mut ByteOrders,
}

impl EncodeCell<RowCell> for CellEncoder<'_> {
    fn encode(&mut self, cell: &RowCell, bucket: u64, out: &mut Vec<u8>) {
        if cell.customs.len() == 0 {
            return encode_row(out, bucket, &cell.core, std::iter::empty());
        }
        let customs = cell.customs.sorted(self.interner, self.orders).map(|(usual, name, custom)| {
            let name = usual.map_or_else(|| MetricName::Other(self.interner.get(name)), MetricName::Usual);
            (name, custom)
        });
        encode_row(out, bucket, &cell.core, customs);
    }
}

impl EncodeCell<TelemetryCell> for CellEncoder<'_> {
    fn encode(&mut self, cell: &TelemetryCell, bucket: u64, out: &mut Vec<u8>) {
        let (names, metrics) = cell.metrics.sorted_with_names(self.interner, self.orders);
        encode_telemetry(out, bucket, &cell.core, names, metrics);
    }
}

/// The facts about a scope that are looked up once.
#[derive(Clone, Copy)]
pub(crate) struct KnownScope {
    pub(crate) number: u32,
    pub(crate) transfer: bool,
    pub(crate) items: bool,
}

/// The facts about a series that are looked up once.
#[derive(Clone, Copy)]
pub(crate) struct KnownSeries {
    pub(crate) row: u32,
    /// Whether the function returns how much it transferred, in bytes or items.
    pub(crate) transfer: bool,
    /// Whether it returns items.
    pub(crate) items: bool,
}

/// The identity of a counter, in symbols.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct CounterKey {
    pub(crate) host_hash: Symbol,
    pub(crate) name: Symbol,
    pub(crate) cat: Symbol,
    /// `None` if the counter is host-wide.
    pub(crate) pid: Option<i64>,
    pub(crate) extra: SmallVec<[Symbol; 2]>,
}

/// The metrics in the last record of a counter.
#[derive(Default)]
pub(crate) struct CounterMetrics {
    /// Their names, in order, and maybe more.
    pub(crate) names: Vec<Symbol>,
    /// The layout of the record.
    pub(crate) layout: Option<LayoutId>,
}

/// The part of an aggregated call's metric that an arg is. Parts are grouped in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MetricPart {
    Plain,
    Sum,
    Min,
    Max,
}
