//! One pass over the calls of an index, on several threads.

use ahash::RandomState;
use std::collections::{HashMap, HashSet};

use dft_aggregate::IoCategory;
use dft_codec::{RowParts, SeriesKind};
use dft_export::{Cell, CellScan, ExportError, Series, View};

use crate::bins::Bins;
use crate::distribution::{RowValues, Values};
use crate::error::ReportError;
use crate::files::FileSums;
use crate::plan::{CALLS, HEAT_LAYERS, Plan};
use crate::sums::Sums;

/// The sizes below which requests are counted: 4 KiB and 1 MiB.
pub(crate) const SMALL: [i64; 2] = [1 << 12, 1 << 20];

/// Sums in bins of time.
#[derive(Clone, Debug)]
pub(crate) struct BinnedSums {
    pub(crate) calls: Vec<u64>,
    pub(crate) time_us: Vec<i64>,
    pub(crate) bytes: Vec<i64>,
    /// Whether a sum did not fit 64 bits.
    overflows: bool,
}

impl BinnedSums {
    pub(crate) fn new(bins: usize) -> Self {
        Self { calls: vec![0; bins], time_us: vec![0; bins], bytes: vec![0; bins], overflows: false }
    }

    #[inline]
    fn add(&mut self, bin: usize, sums: &Sums) {
        let narrow = |sum: i128| i64::try_from(sum).ok();
        let calls = u64::try_from(sums.calls).ok().and_then(|calls| self.calls[bin].checked_add(calls));
        let time_us = narrow(sums.time_us).and_then(|time| self.time_us[bin].checked_add(time));
        let bytes = narrow(sums.bytes).and_then(|bytes| self.bytes[bin].checked_add(bytes));
        match (calls, time_us, bytes) {
            (Some(calls), Some(time_us), Some(bytes)) => {
                (self.calls[bin], self.time_us[bin], self.bytes[bin]) = (calls, time_us, bytes);
            }
            _ => self.overflows = true,
        }
    }

    fn merge(&mut self, other: &Self) {
        self.overflows |= other.overflows;
        for bin in 0..self.calls.len() {
            let sums = Sums {
                calls: other.calls[bin].into(),
                time_us: other.time_us[bin].into(),
                bytes: other.bytes[bin].into(),
                has_bytes: true,
            };
            self.add(bin, &sums);
        }
    }

    /// Fails if a sum did not fit 64 bits.
    pub(crate) fn check(self, what: &'static str) -> Result<Self, ReportError> {
        if self.overflows { Err(ReportError::TooLarge { what }) } else { Ok(self) }
    }
}

/// A category and a kind of I/O.
#[derive(Clone, Debug)]
pub(crate) struct KindSums {
    pub(crate) sums: Sums,
    pub(crate) durations: Values,
    pub(crate) sizes: Values,
    pub(crate) time: BinnedSums,
}

impl KindSums {
    fn new(bins: usize) -> Self {
        Self {
            sums: Sums::default(),
            durations: Values::new(&[]),
            sizes: Values::new(&SMALL),
            time: BinnedSums::new(bins),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.sums.add(&other.sums);
        self.durations.merge(&other.durations);
        self.sizes.merge(&other.sizes);
        self.time.merge(&other.time);
    }
}

/// A process.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProcessSums {
    pub(crate) io: Sums,
    pub(crate) all: Sums,
    /// The earliest and latest time of its calls, in µs of the tracer's clock.
    pub(crate) span: Option<(i64, i64)>,
}

impl ProcessSums {
    fn merge(&mut self, other: &Self) {
        self.io.add(&other.io);
        self.all.add(&other.all);
        if let Some((first, last)) = other.span {
            self.widen(first, last);
        }
    }

    fn widen(&mut self, first: i64, last: i64) {
        self.span = Some(self.span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
    }
}

/// What a pass over the calls adds up.
#[derive(Debug)]
pub(crate) struct Calls<'p> {
    plan: &'p Plan,
    /// By number of the category and kind of I/O.
    pub(crate) kinds: HashMap<(u32, IoCategory), KindSums, RandomState>,
    /// By number of the process.
    pub(crate) processes: Vec<ProcessSums>,
    /// By numbers of category and thread.
    pub(crate) threads: HashSet<(u32, u32), RandomState>,
    /// The durations of each function, by its number.
    pub(crate) functions: Vec<Option<(Sums, Values)>>,
    /// The time of each process in each function.
    pub(crate) spread: HashMap<(u32, u32), i128, RandomState>,
    /// The heat maps of the plan's layers: rows × bins.
    pub(crate) heat: [BinnedSums; HEAT_LAYERS],
    pub(crate) files: FileSums,
    /// Whether calls are outside of the bins of time.
    pub(crate) is_outside: bool,
}

/// What of a series does not differ between its cells.
struct Place {
    serial: u64,
    scope_serial: u64,
    category: u32,
    kind: IoCategory,
    function: u32,
    process: u32,
    /// The heat map's layer.
    heat: Option<usize>,
    /// The heat map's row.
    row: usize,
    is_io: bool,
    file: Option<usize>,
}

impl<'p> Calls<'p> {
    fn new(plan: &'p Plan) -> Self {
        let heat = plan.heat.rows * plan.heat.bins.count;
        Self {
            plan,
            kinds: HashMap::default(),
            processes: vec![ProcessSums::default(); plan.processes.len()],
            threads: HashSet::default(),
            functions: vec![None; plan.functions.len()],
            spread: HashMap::default(),
            heat: std::array::from_fn(|layer| BinnedSums::new(if layer < plan.heat.layers.len() { heat } else { 0 })),
            files: FileSums::default(),
            is_outside: false,
        }
    }

    /// Reads the calls that pass the view's filter.
    pub(crate) fn read(view: &View<'_>, plan: &'p Plan, threads: usize) -> Result<Self, ReportError> {
        let parts = if plan.mapping.is_some() { RowParts::Statistics } else { RowParts::Core };
        let read = view.fold_cells(&CALLS, parts, threads, || Self::new(plan), Self::add_all)?;
        let mut read = read.into_iter();
        let mut all = read.next().unwrap_or_else(|| Self::new(plan));
        read.for_each(|other| all.merge(other));
        Ok(all)
    }

    fn place(&mut self, cell: &Cell<'_>, known: Option<Place>) -> Place {
        let series: &Series = cell.series;
        let mut place = match known {
            Some(place) if place.scope_serial == cell.scope_serial => place,
            _ => self.place_of_scope(series, cell.scope_serial),
        };
        place.serial = cell.serial;
        if place.is_io {
            place.file = self.files.number(series);
            if let Some(file) = place.file {
                self.files.touch(file, place.process);
            }
        }
        place
    }

    fn place_of_scope(&mut self, series: &Series, scope_serial: u64) -> Place {
        let plan = self.plan;
        let identity = &series.identity;
        let category = plan.categories.number(&identity.category);
        let function = plan.functions.number(&(category, identity.name.clone()));
        let process = plan.processes.number(&(identity.host_hash.clone(), identity.pid));
        let thread = plan.threads.number(&(process, identity.tid));
        self.threads.insert((category, thread));
        Place {
            serial: 0,
            scope_serial,
            category,
            kind: series.io_category(),
            function,
            process,
            heat: plan.heat.layers.iter().position(|&layer| layer == category),
            row: plan.heat.row_of_process[process as usize] as usize,
            is_io: plan.io_layer == Some(category),
            file: None,
        }
    }

    fn add_all(&mut self, kind: SeriesKind, mut cells: CellScan<'_>) -> Result<(), ExportError> {
        let plan = self.plan;
        let (bins, heat_bins): (&Bins, &Bins) = (&plan.bins, &plan.heat.bins);
        let mut known: Option<Place> = None;
        while cells.advance()? {
            let Some(cell) = cells.cell() else { break };
            if known.as_ref().is_none_or(|place| place.serial != cell.serial) {
                known = Some(self.place(&cell, known.take()));
            }
            let Some(place) = &known else { break };
            let core = &cell.row.core;
            let (sums, aggregated) = (Sums::of(&cell), kind != SeriesKind::Call);
            let mapping = plan.mapping.as_ref();
            let sketch = |metric: usize| core.sketches.as_ref().map(|sketches| &sketches[metric]);
            let durations = RowValues { stats: &core.duration, sketch: sketch(0), aggregated };
            let sizes = RowValues { stats: &core.size, sketch: sketch(1), aggregated };
            let of_kind = self.kinds.entry((place.category, place.kind)).or_insert_with(|| KindSums::new(bins.count));
            of_kind.sums.add(&sums);
            of_kind.durations.add(durations, mapping);
            of_kind.sizes.add(sizes, mapping);
            match bins.bin(cell.start) {
                Some(bin) => of_kind.time.add(bin, &sums),
                None => self.is_outside = true,
            }
            let (of_function, values) =
                self.functions[place.function as usize].get_or_insert_with(|| (Sums::default(), Values::new(&[])));
            of_function.add(&sums);
            values.add(durations, mapping);
            *self.spread.entry((place.function, place.process)).or_default() += sums.time_us;
            let process = &mut self.processes[place.process as usize];
            process.all.add(&sums);
            process.widen(core.ts, core.te);
            if let (Some(layer), Some(bin)) = (place.heat, heat_bins.bin(cell.start)) {
                self.heat[layer].add(place.row * heat_bins.count + bin, &sums);
            }
            if place.is_io {
                process.io.add(&sums);
                self.files.add(place.file, place.kind, &sums, core);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        for (key, sums) in other.kinds {
            match self.kinds.get_mut(&key) {
                Some(mine) => mine.merge(&sums),
                None => drop(self.kinds.insert(key, sums)),
            }
        }
        self.processes.iter_mut().zip(&other.processes).for_each(|(mine, theirs)| mine.merge(theirs));
        self.threads.extend(other.threads);
        for (mine, theirs) in self.functions.iter_mut().zip(other.functions) {
            match (mine, theirs) {
                (Some((sums, values)), Some((more_sums, more_values))) => {
                    sums.add(&more_sums);
                    values.merge(&more_values);
                }
                (mine @ None, theirs) => *mine = theirs,
                (Some(_), None) => {}
            }
        }
        for (key, time) in other.spread {
            *self.spread.entry(key).or_default() += time;
        }
        self.heat.iter_mut().zip(&other.heat).for_each(|(mine, theirs)| mine.merge(theirs));
        self.files.merge(other.files);
        self.is_outside |= other.is_outside;
    }
}
