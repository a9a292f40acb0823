//! The cells of the table: a few open cells per series, and encoded cells.
//!
//! Records of a series arrive nearly in order of time. So a series has up to [`OPEN`] open cells. When one more bucket
//! starts, the cell of the earliest bucket is encoded: its value's bytes are appended to the series. An encoded cell
//! takes a fraction of an open cell's memory, and sorting encoded cells is nearly free. Also, all series together have
//! at most [`MOST_OPEN`] open cells: of a million files that are read once each, only the last ones are open. A late
//! record opens a new cell for its bucket, and the parts are merged when the table is written out.

use std::collections::HashMap;

use dft_codec::{Custom, UsualName, encode_metric_names};
use dft_metrics::FloatStats;

use crate::encoded_cells::{CellArena, CellChain};
use crate::intern::{Interner, Symbol};

/// The maximum number of open cells per series.
const OPEN: u8 = 4;

/// The maximum number of open cells of all series.
const MOST_OPEN: usize = 1 << 14;

/// A cell of the table.
pub(crate) trait TableCell {
    /// Returns an empty cell.
    fn empty() -> Self;
    /// Empties the cell, but keeps its memory.
    fn reset(&mut self);
    /// Returns the approximate number of heap bytes of the cell: those that [`reset`](TableCell::reset) keeps, and
    /// those that were [added](Cells::add_heap_bytes) since.
    fn heap_bytes(&self) -> usize;
}

/// An encoder of cells.
pub(crate) trait EncodeCell<C> {
    /// Appends the cell's value to `out`.
    fn encode(&mut self, cell: &C, bucket: u64, out: &mut Vec<u8>);
}

/// No slot.
const NONE: u32 = u32::MAX;

struct SeriesCells {
    /// The slot of the open cell that was opened last.
    last: u32,
    /// How many cells are open.
    open: u8,
    encoded: CellChain,
}

/// A cell, and whose it is while it is open.
struct Slot<C> {
    bucket: u64,
    series: u32,
    /// The slot of the series' open cell that was opened before this one.
    before: u32,
    /// Whether the cell was used since it was last considered for closing.
    used: bool,
    cell: C,
}

/// Cells by series and bucket.
pub(crate) struct Cells<C> {
    series: Vec<SeriesCells>,
    slots: Vec<Slot<C>>,
    free: Vec<u32>,
    /// The slot that is looked at next when a cell has to be closed.
    hand: usize,
    encoded: CellArena,
    /// The heap bytes of all cells.
    heap_bytes: usize,
    scratch: Vec<u8>,
}

impl<C: TableCell> Cells<C> {
    pub(crate) fn new() -> Self {
        Self {
            series: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
            hand: 0,
            encoded: CellArena::default(),
            heap_bytes: 0,
            scratch: Vec::new(),
        }
    }

    /// Adds a series and returns its number.
    pub(crate) fn add_series(&mut self) -> u32 {
        self.series.push(SeriesCells { last: NONE, open: 0, encoded: CellChain::EMPTY });
        (self.series.len() - 1) as u32
    }

    /// Returns the open cell of a bucket, and opens it if necessary.
    #[inline]
    pub(crate) fn cell(&mut self, series: u32, bucket: u64, encoder: &mut impl EncodeCell<C>) -> &mut C {
        let mut at = self.series[series as usize].last;
        while at != NONE {
            let slot = &self.slots[at as usize];
            if slot.bucket == bucket {
                break;
            }
            at = slot.before;
        }
        if at == NONE {
            at = self.open(series, bucket, encoder);
        }
        let slot = &mut self.slots[at as usize];
        slot.used = true;
        &mut slot.cell
    }

    fn open(&mut self, series: u32, bucket: u64, encoder: &mut impl EncodeCell<C>) -> u32 {
        if self.series[series as usize].open == OPEN {
            self.close(self.earliest(series), encoder);
        } else if self.free.is_empty() && self.slots.len() == MOST_OPEN {
            self.close_unused(encoder);
        }
        let before = self.series[series as usize].last;
        let at = match self.free.pop() {
            Some(at) => {
                let slot = &mut self.slots[at as usize];
                (slot.bucket, slot.series, slot.before) = (bucket, series, before);
                at
            }
            None => {
                self.slots.push(Slot { bucket, series, before, used: true, cell: C::empty() });
                (self.slots.len() - 1) as u32
            }
        };
        let state = &mut self.series[series as usize];
        state.last = at;
        state.open += 1;
        at
    }

    /// Returns the slot of a series' open cell with the earliest bucket.
    fn earliest(&self, series: u32) -> u32 {
        let mut earliest = self.series[series as usize].last;
        let mut at = earliest;
        while at != NONE {
            let slot = &self.slots[at as usize];
            if slot.bucket < self.slots[earliest as usize].bucket {
                earliest = at;
            }
            at = slot.before;
        }
        earliest
    }

    /// Closes a cell that was not used for long. All slots are open.
    fn close_unused(&mut self, encoder: &mut impl EncodeCell<C>) {
        while std::mem::take(&mut self.slots[self.hand].used) {
            self.hand = (self.hand + 1) % self.slots.len();
        }
        self.close(self.hand as u32, encoder);
        self.hand = (self.hand + 1) % self.slots.len();
    }

    /// Encodes an open cell and frees its slot.
    fn close(&mut self, at: u32, encoder: &mut impl EncodeCell<C>) {
        let (series, before) = (self.slots[at as usize].series, self.slots[at as usize].before);
        // Take the slot out of the series' list.
        let state = &mut self.series[series as usize];
        if state.last == at {
            state.last = before;
        } else {
            let mut later = state.last;
            while self.slots[later as usize].before != at {
                later = self.slots[later as usize].before;
            }
            self.slots[later as usize].before = before;
        }
        state.open -= 1;
        let slot = &mut self.slots[at as usize];
        self.heap_bytes -= slot.cell.heap_bytes();
        self.scratch.clear();
        encoder.encode(&slot.cell, slot.bucket, &mut self.scratch);
        slot.cell.reset();
        self.heap_bytes += slot.cell.heap_bytes();
        self.encoded.push(&mut state.encoded, slot.bucket, &self.scratch);
        self.free.push(at);
    }

    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.series.capacity() * size_of::<SeriesCells>()
            + self.slots.capacity() * size_of::<Slot<C>>()
            + self.free.capacity() * size_of::<u32>()
            + self.heap_bytes
            + self.encoded.memory()
            + self.scratch.capacity()
    }

    /// Counts heap bytes that a cell has gained. The caller must add them to the cell's
    /// [`heap_bytes`](TableCell::heap_bytes), too.
    #[inline]
    pub(crate) fn add_heap_bytes(&mut self, bytes: usize) {
        self.heap_bytes += bytes;
    }

    /// Encodes all open cells.
    pub(crate) fn finish(&mut self, encoder: &mut impl EncodeCell<C>) {
        for series in 0..self.series.len() {
            while self.series[series].last != NONE {
                self.close(self.earliest(series as u32), encoder);
            }
        }
    }

    /// Returns the encoded cells of all series.
    pub(crate) fn encoded(&self) -> &CellArena {
        &self.encoded
    }

    /// Returns the encoded cells of a series.
    pub(crate) fn chain(&self, series: u32) -> CellChain {
        self.series[series as usize].encoded
    }

    /// Takes the encoded cells of all series out of the table.
    pub(crate) fn take_encoded(&mut self) -> CellArena {
        std::mem::take(&mut self.encoded)
    }
}

/// A value that can be used again.
pub(crate) trait Clear: Default {
    /// Makes this the default.
    fn clear(&mut self);
}

impl Clear for FloatStats {
    #[inline]
    fn clear(&mut self) {
        Self::clear(self);
    }
}

impl Clear for Custom {
    #[inline]
    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Values by name, for the few names that a cell has. Lookups in the same order each time are fast.
pub(crate) struct Columns<V> {
    names: Vec<Symbol>,
    /// One per name, then spare empty values.
    values: Vec<V>,
    /// The place of each name, once there are more than `FEW`.
    index: Option<HashMap<Symbol, usize>>,
    next: usize,
}

impl<V: Clear> Columns<V> {
    const FEW: usize = 32;

    pub(crate) fn new() -> Self {
        Self { names: Vec::new(), values: Vec::new(), index: None, next: 0 }
    }

    pub(crate) fn clear(&mut self) {
        // Values are cleared in place, because pushing them would write them twice.
        self.values[..self.names.len()].iter_mut().for_each(V::clear);
        self.names.clear();
        self.index = None;
        self.next = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns the heap bytes of the columns, without those of the values.
    #[inline]
    pub(crate) fn heap(&self) -> usize {
        let index = self.index.as_ref().map_or(0, |index| index.capacity() * (size_of::<(Symbol, usize)>() + 3));
        self.names.capacity() * size_of::<Symbol>() + self.values.capacity() * size_of::<V>() + index
    }

    #[inline]
    pub(crate) fn entry(&mut self, name: Symbol) -> &mut V {
        // After the last name comes the first one, of the next record.
        let next = if self.next < self.names.len() { self.next } else { 0 };
        let at = if self.names.get(next) == Some(&name) { next } else { self.find(name) };
        self.next = at + 1;
        &mut self.values[at]
    }

    fn find(&mut self, name: Symbol) -> usize {
        let found = match &self.index {
            Some(index) => index.get(&name).copied(),
            None => self.names.iter().position(|&other| other == name),
        };
        if let Some(at) = found {
            return at;
        }
        let at = self.names.len();
        self.names.push(name);
        if self.values.len() == at {
            self.values.push(V::default());
        }
        match &mut self.index {
            Some(index) => {
                index.insert(name, at);
            }
            None if at + 1 > Self::FEW => {
                self.index = Some(self.names.iter().copied().zip(0..).collect());
            }
            None => {}
        }
        at
    }

    /// Returns the columns in byte order of their names, each with its usual name, if any.
    pub(crate) fn sorted<'a>(
        &'a self,
        interner: &Interner,
        orders: &'a mut ByteOrders,
    ) -> impl ExactSizeIterator<Item = (Option<UsualName>, Symbol, &'a V)> + Clone {
        orders.of(&self.names, interner).order.iter().map(|&(at, usual)| {
            let at = at as usize;
            (usual, self.names[at], &self.values[at])
        })
    }

    /// Returns the values in byte order of their names, and the encoded names.
    pub(crate) fn sorted_with_names<'a>(
        &'a self,
        interner: &Interner,
        orders: &'a mut ByteOrders,
    ) -> (&'a [u8], impl ExactSizeIterator<Item = &'a V>) {
        let order = orders.of(&self.names, interner);
        let names = order.encoded.get_or_insert_with(|| {
            encode_metric_names(order.order.iter().map(|&(at, _)| interner.get(self.names[at as usize])))
        });
        (names, order.order.iter().map(|&(at, _)| &self.values[at as usize]))
    }
}

/// A cache of the byte orders of lists of names. Cells mostly have the same names as one of the last few cells.
#[derive(Default)]
pub(crate) struct ByteOrders {
    cached: [ByteOrder; 8],
    oldest: usize,
}

#[derive(Default)]
struct ByteOrder {
    names: Vec<Symbol>,
    /// The indexes of the names in byte order, and their usual names, if any.
    order: Vec<(u32, Option<UsualName>)>,
    /// The names, encoded, once they were asked for.
    encoded: Option<Vec<u8>>,
}

impl ByteOrders {
    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.cached.iter().map(|order| order.memory()).sum()
    }

    fn of(&mut self, names: &[Symbol], interner: &Interner) -> &mut ByteOrder {
        let cached = self.cached.iter().position(|order| order.names == names);
        let at = cached.unwrap_or_else(|| {
            let at = self.oldest;
            self.oldest = (at + 1) % self.cached.len();
            self.cached[at].become_of(names, interner);
            at
        });
        &mut self.cached[at]
    }
}

impl ByteOrder {
    fn memory(&self) -> usize {
        self.names.capacity() * 4 + self.order.capacity() * 8 + self.encoded.as_ref().map_or(0, Vec::capacity)
    }

    fn become_of(&mut self, names: &[Symbol], interner: &Interner) {
        self.names.clear();
        self.names.extend_from_slice(names);
        self.encoded = None;
        self.order.clear();
        self.order.extend(names.iter().zip(0..).map(|(&name, at)| (at, UsualName::of(interner.get(name)))));
        self.order.sort_unstable_by_key(|&(at, _)| interner.get(names[at as usize]));
    }
}
