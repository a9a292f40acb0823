//! The cells of the table: a few open cells per series, and encoded cells.
//!
//! Records of a series arrive nearly in order of time. So a series has up to [`OPEN`] open cells. When one more bucket
//! starts, the cell of the earliest bucket is encoded: its value's bytes are appended to the series. An encoded cell
//! takes a fraction of an open cell's memory, and sorting encoded cells is nearly free. A late record opens a new cell
//! for its bucket, and the parts are merged when the table is written out.

use std::collections::HashMap;

use dft_codec::UsualName;
use smallvec::SmallVec;

use crate::encoded_cells::EncodedCells;
use crate::intern::{Interner, Symbol};

/// The maximum number of open cells per series.
const OPEN: usize = 4;

/// A cell of the table.
pub(crate) trait TableCell {
    /// Returns an empty cell.
    fn empty() -> Self;
    /// Empties the cell, but keeps its memory.
    fn reset(&mut self);
    /// Returns the approximate number of heap bytes of the cell: those that [`reset`](TableCell::reset) keeps, and those
    /// that were [added](Cells::add_heap_bytes) since.
    fn heap_bytes(&self) -> usize;
}

/// An encoder of cells.
pub(crate) trait EncodeCell<C> {
    /// Appends the cell's value to `out`.
    fn encode(&mut self, cell: &C, bucket: u64, out: &mut Vec<u8>);
}

#[derive(Default)]
struct SeriesCells {
    open: SmallVec<[(u64, u32); 2]>,
    encoded: EncodedCells,
}

/// Cells by series and bucket.
pub(crate) struct Cells<C> {
    series: Vec<SeriesCells>,
    cells: Vec<C>,
    free: Vec<u32>,
    /// The bytes of all encoded cells.
    encoded_bytes: usize,
    /// The heap bytes of all cells.
    heap_bytes: usize,
    scratch: Vec<u8>,
}

impl<C: TableCell> Cells<C> {
    pub(crate) fn new() -> Self {
        Self {
            series: Vec::new(),
            cells: Vec::new(),
            free: Vec::new(),
            encoded_bytes: 0,
            heap_bytes: 0,
            scratch: Vec::new(),
        }
    }

    /// Adds a series and returns its number.
    pub(crate) fn add_series(&mut self) -> u32 {
        self.series.push(SeriesCells::default());
        (self.series.len() - 1) as u32
    }

    /// Returns the open cell of a bucket, and opens it if necessary.
    #[inline]
    pub(crate) fn cell(&mut self, series: u32, bucket: u64, encoder: &mut impl EncodeCell<C>) -> &mut C {
        let open = &self.series[series as usize].open;
        let slot = match open.iter().rev().find(|(open, _)| *open == bucket) {
            Some(&(_, slot)) => slot,
            None => self.open(series, bucket, encoder),
        };
        &mut self.cells[slot as usize]
    }

    fn open(&mut self, series: u32, bucket: u64, encoder: &mut impl EncodeCell<C>) -> u32 {
        let state = &mut self.series[series as usize];
        let slot = if state.open.len() == OPEN {
            let oldest = (0..OPEN).min_by_key(|&at| state.open[at].0).unwrap_or(0);
            let (old, slot) = state.open.remove(oldest);
            let cell = &mut self.cells[slot as usize];
            self.heap_bytes -= cell.heap_bytes();
            self.encoded_bytes += encode_into(state, cell, old, encoder, &mut self.scratch);
            self.heap_bytes += cell.heap_bytes();
            slot
        } else if let Some(slot) = self.free.pop() {
            slot
        } else {
            self.cells.push(C::empty());
            (self.cells.len() - 1) as u32
        };
        state.open.push((bucket, slot));
        slot
    }

    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        // The heap lists of a series' open and encoded cells.
        const LISTS: usize = 128;
        self.series.capacity() * (size_of::<SeriesCells>() + LISTS)
            + self.cells.capacity() * size_of::<C>()
            + self.free.capacity() * size_of::<u32>()
            + self.heap_bytes
            + self.encoded_bytes * 3 / 2
            + self.scratch.capacity()
    }

    /// Counts heap bytes that a cell has gained. The caller must add them to the cell's
    /// [`heap_bytes`](TableCell::heap_bytes), too.
    #[inline]
    pub(crate) fn add_heap_bytes(&mut self, bytes: usize) {
        self.heap_bytes += bytes;
    }

    /// Encodes the open cells of a series, and returns its encoded cells.
    pub(crate) fn finish(&mut self, series: u32, encoder: &mut impl EncodeCell<C>) -> &EncodedCells {
        let state = &mut self.series[series as usize];
        while let Some((bucket, slot)) = state.open.pop() {
            let cell = &mut self.cells[slot as usize];
            self.heap_bytes -= cell.heap_bytes();
            self.encoded_bytes += encode_into(state, cell, bucket, encoder, &mut self.scratch);
            self.heap_bytes += cell.heap_bytes();
            self.free.push(slot);
        }
        &state.encoded
    }

    /// [Finishes](Cells::finish) a series, and removes its encoded cells from the table.
    pub(crate) fn take(&mut self, series: u32, encoder: &mut impl EncodeCell<C>) -> EncodedCells {
        self.finish(series, encoder);
        std::mem::take(&mut self.series[series as usize].encoded)
    }
}

/// Encodes a cell, empties it, and returns the number of bytes that its value takes.
fn encode_into<C: TableCell>(
    state: &mut SeriesCells,
    cell: &mut C,
    bucket: u64,
    encoder: &mut impl EncodeCell<C>,
    scratch: &mut Vec<u8>,
) -> usize {
    scratch.clear();
    encoder.encode(cell, bucket, scratch);
    cell.reset();
    state.encoded.push(bucket, scratch)
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

impl<V: Default> Columns<V> {
    const FEW: usize = 32;

    pub(crate) fn new() -> Self {
        Self { names: Vec::new(), values: Vec::new(), index: None, next: 0 }
    }

    pub(crate) fn clear(&mut self) {
        // Values are created in place, because pushing them would write them twice.
        self.values[..self.names.len()].fill_with(V::default);
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
    ) -> impl ExactSizeIterator<Item = (Option<UsualName>, Symbol, &'a V)> {
        orders.of(&self.names, interner).iter().map(|&(at, usual)| {
            let at = at as usize;
            (usual, self.names[at], &self.values[at])
        })
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
}

impl ByteOrders {
    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.cached.iter().map(|order| order.names.capacity() * 4 + order.order.capacity() * 8).sum()
    }

    fn of(&mut self, names: &[Symbol], interner: &Interner) -> &[(u32, Option<UsualName>)] {
        let cached = self.cached.iter().position(|order| order.names == names);
        let at = cached.unwrap_or_else(|| {
            let at = self.oldest;
            self.oldest = (at + 1) % self.cached.len();
            self.cached[at].become_of(names, interner);
            at
        });
        &self.cached[at].order
    }
}

impl ByteOrder {
    fn become_of(&mut self, names: &[Symbol], interner: &Interner) {
        self.names.clear();
        self.names.extend_from_slice(names);
        self.order.clear();
        self.order.extend(names.iter().zip(0..).map(|(&name, at)| (at, UsualName::of(interner.get(name)))));
        self.order.sort_unstable_by_key(|&(at, _)| interner.get(names[at as usize]));
    }
}
