//! The table: per series a few open cells, and the finished ones as bytes.
//!
//! Records of a series arrive nearly in order of time. So a series has up to [`OPEN`] open cells;
//! when one more bucket begins, the oldest is sealed: its value's bytes are appended to the series.
//! Sealed bytes are a fraction of an open cell's, and sorting them is nearly free. A late record
//! opens its bucket again, and the parts are merged when the table is written out.

use std::collections::HashMap;

use dft_codec::UsualName;
use smallvec::SmallVec;

use crate::encoded_cells::EncodedCells;
use crate::intern::{Interner, Symbol};

/// Open cells of a series.
const OPEN: usize = 4;

/// What a cell of the table can do.
pub(crate) trait TableCell {
    fn empty() -> Self;
    /// Makes the cell empty again, keeping its memory.
    fn reset(&mut self);
    /// About how many bytes the cell holds outside of itself: what is kept of a [`reset`](TableCell::reset) cell,
    /// and what it [grew](Cells::grew) by since.
    fn held(&self) -> usize;
}

/// Writes a cell's value.
pub(crate) trait EncodeCell<C> {
    fn seal(&mut self, cell: &C, bucket: u64, out: &mut Vec<u8>);
}

#[derive(Default)]
struct SeriesCells {
    open: SmallVec<[(u64, u32); 2]>,
    sealed: EncodedCells,
}

/// Cells by series and bucket.
pub(crate) struct Cells<C> {
    series: Vec<SeriesCells>,
    cells: Vec<C>,
    free: Vec<u32>,
    sealed: usize,
    /// What all cells hold outside of themselves.
    held: usize,
    scratch: Vec<u8>,
}

impl<C: TableCell> Cells<C> {
    pub(crate) fn new() -> Self {
        Self { series: Vec::new(), cells: Vec::new(), free: Vec::new(), sealed: 0, held: 0, scratch: Vec::new() }
    }

    /// A new series; its number.
    pub(crate) fn add_series(&mut self) -> u32 {
        self.series.push(SeriesCells::default());
        (self.series.len() - 1) as u32
    }

    /// The open cell of a bucket.
    #[inline]
    pub(crate) fn cell(&mut self, series: u32, bucket: u64, seal: &mut impl EncodeCell<C>) -> &mut C {
        let open = &self.series[series as usize].open;
        let slot = match open.iter().rev().find(|(open, _)| *open == bucket) {
            Some(&(_, slot)) => slot,
            None => self.open(series, bucket, seal),
        };
        &mut self.cells[slot as usize]
    }

    fn open(&mut self, series: u32, bucket: u64, seal: &mut impl EncodeCell<C>) -> u32 {
        let state = &mut self.series[series as usize];
        let slot = if state.open.len() == OPEN {
            let oldest = (0..OPEN).min_by_key(|&at| state.open[at].0).unwrap_or(0);
            let (old, slot) = state.open.remove(oldest);
            let cell = &mut self.cells[slot as usize];
            self.held -= cell.held();
            self.sealed += seal_into(state, cell, old, seal, &mut self.scratch);
            self.held += cell.held();
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

    /// About how many bytes the table takes.
    pub(crate) fn memory(&self) -> usize {
        // A series holds a list of its open cells and one of its sealed ones outside of itself.
        const LISTS: usize = 128;
        self.series.capacity() * (size_of::<SeriesCells>() + LISTS)
            + self.cells.capacity() * size_of::<C>()
            + self.free.capacity() * size_of::<u32>()
            + self.held
            + self.sealed * 3 / 2
            + self.scratch.capacity()
    }

    /// Counts what a cell now holds more outside of itself, and [says](TableCell::held) so.
    #[inline]
    pub(crate) fn grew(&mut self, bytes: usize) {
        self.held += bytes;
    }

    /// Seals what is open of a series, and gives its sealed values.
    pub(crate) fn finish(&mut self, series: u32, seal: &mut impl EncodeCell<C>) -> &EncodedCells {
        let state = &mut self.series[series as usize];
        while let Some((bucket, slot)) = state.open.pop() {
            let cell = &mut self.cells[slot as usize];
            self.held -= cell.held();
            self.sealed += seal_into(state, cell, bucket, seal, &mut self.scratch);
            self.held += cell.held();
            self.free.push(slot);
        }
        &state.sealed
    }

    /// [Finishes](Cells::finish) a series, and takes its values out of the table.
    pub(crate) fn take(&mut self, series: u32, seal: &mut impl EncodeCell<C>) -> EncodedCells {
        self.finish(series, seal);
        std::mem::take(&mut self.series[series as usize].sealed)
    }
}

fn seal_into<C: TableCell>(
    state: &mut SeriesCells,
    cell: &mut C,
    bucket: u64,
    seal: &mut impl EncodeCell<C>,
    scratch: &mut Vec<u8>,
) -> usize {
    scratch.clear();
    seal.seal(cell, bucket, scratch);
    cell.reset();
    state.sealed.push(bucket, scratch)
}

/// Values by symbol, for the few that a cell has; found again fast when asked for in the same order.
pub(crate) struct Columns<V> {
    names: Vec<Symbol>,
    /// As many as names, and empty ones behind.
    values: Vec<V>,
    /// Where each is, once there are too many to look through.
    index: Option<HashMap<Symbol, usize>>,
    next: usize,
}

impl<V: Default> Columns<V> {
    const FEW: usize = 32;

    pub(crate) fn new() -> Self {
        Self { names: Vec::new(), values: Vec::new(), index: None, next: 0 }
    }

    pub(crate) fn clear(&mut self) {
        // Values are made where they stay: to push them is to write them twice.
        self.values[..self.names.len()].fill_with(V::default);
        self.names.clear();
        self.index = None;
        self.next = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// The bytes that the columns take, without what values hold outside of themselves.
    #[inline]
    pub(crate) fn heap(&self) -> usize {
        let index = self.index.as_ref().map_or(0, |index| index.capacity() * (size_of::<(Symbol, usize)>() + 3));
        self.names.capacity() * size_of::<Symbol>() + self.values.capacity() * size_of::<V>() + index
    }

    #[inline]
    pub(crate) fn entry(&mut self, name: Symbol) -> &mut V {
        // Behind the last one comes the first, of the next record.
        let next = if self.next < self.names.len() { self.next } else { 0 };
        let at = if self.names.get(next) == Some(&name) { next } else { self.find(name) };
        self.next = at + 1;
        &mut self.values[at]
    }

    fn find(&mut self, name: Symbol) -> usize {
        let found = match &self.index {
            Some(index) => index.get(&name).copied(),
            None => self.names.iter().position(|&known| known == name),
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

    /// The columns in byte order of their names, each with its place among the usual names.
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

/// The byte orders of some lists of names. Cells mostly have the names of one of the last few cells, so
/// those are kept.
#[derive(Default)]
pub(crate) struct ByteOrders {
    kept: [ByteOrder; 8],
    oldest: usize,
}

#[derive(Default)]
struct ByteOrder {
    names: Vec<Symbol>,
    /// Which of them comes next, and its place among the usual names.
    order: Vec<(u32, Option<UsualName>)>,
}

impl ByteOrders {
    /// About how many bytes they take.
    pub(crate) fn memory(&self) -> usize {
        self.kept.iter().map(|kept| kept.names.capacity() * 4 + kept.order.capacity() * 8).sum()
    }

    fn of(&mut self, names: &[Symbol], interner: &Interner) -> &[(u32, Option<UsualName>)] {
        let known = self.kept.iter().position(|kept| kept.names == names);
        let at = known.unwrap_or_else(|| {
            let at = self.oldest;
            self.oldest = (at + 1) % self.kept.len();
            self.kept[at].become_of(names, interner);
            at
        });
        &self.kept[at].order
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
