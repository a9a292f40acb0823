//! Rows joined with their series and merged to cells.

use std::fmt;
use std::ops::Range;

use dft_codec::{RowKey, RowParts, RowValue, SeriesId, SeriesIdentity, SeriesKind};
use dft_store::{RowPrefetch, RowQuery, RowScan, SeriesScan, StoreError};

use crate::error::ExportError;
use crate::series::Series;
use crate::view::View;

impl<'a> View<'a> {
    /// Scans the rows of a series kind: one for each series and cell.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn cells(&'a self, kind: SeriesKind, parts: RowParts) -> Result<CellScan<'a>, ExportError> {
        CellScan::new(self, self.series_range(kind), parts)
    }

    /// Scans the rows of a range of series of one kind, regardless of the filter's shard.
    pub(crate) fn cells_in(&'a self, series: Range<SeriesId>, parts: RowParts) -> Result<CellScan<'a>, ExportError> {
        CellScan::new(self, series, parts)
    }

    /// Scans the rows of all shards. All shards of a table must have the columns that it finds.
    pub(crate) fn cells_of_all_shards(
        &'a self,
        kind: SeriesKind,
        parts: RowParts,
    ) -> Result<CellScan<'a>, ExportError> {
        CellScan::new(self, RowQuery::kind(kind).series, parts)
    }

    /// Returns the series of a kind that are in the filter's shard.
    pub(crate) fn series_range(&self, kind: SeriesKind) -> Range<SeriesId> {
        let all = RowQuery::kind(kind).series;
        self.filter().shard.map_or(all, |shard| shard.series(self.index(), kind))
    }

    /// Returns whether any row of a series kind passes the filter.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn has_rows(&'a self, kind: SeriesKind) -> Result<bool, ExportError> {
        self.cells(kind, RowParts::Core)?.advance()
    }

    /// Passes every series of a kind that passes the filter to `visit`.
    pub(crate) fn each_series(&self, kind: SeriesKind, mut visit: impl FnMut(&Series)) -> Result<(), ExportError> {
        for next in self.index().series(RowQuery::kind(kind).series)? {
            let series = self.names().resolve(next?.1);
            if self.filter().passes(&series) {
                visit(&series);
            }
        }
        Ok(())
    }
}

/// What a series did in one cell of time.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'s> {
    /// The start of the cell, in µs.
    pub start: u64,
    /// What the series did.
    pub row: &'s RowValue,
    /// The series.
    pub series: &'s Series,
    /// The number of the series among those with a cell, counted from 1.
    pub serial: u64,
}

/// Where a scan gets its rows from.
enum RowSource<'v> {
    /// The thread of the scan reads them.
    Scan(RowScan<'v>),
    /// Another thread reads them.
    Prefetch(RowPrefetch),
}

/// Reads rows for a scan; to be run on another thread. It ends when the rows or the scan end.
pub(crate) type Prefetch<'v> = Box<dyn FnOnce() + Send + 'v>;

impl RowSource<'_> {
    #[inline]
    fn next(&mut self) -> Result<Option<(RowKey, &[u8])>, StoreError> {
        match self {
            Self::Scan(rows) => rows.next(),
            Self::Prefetch(rows) => rows.next(),
        }
    }

    fn seek(&mut self, series: SeriesId) {
        match self {
            Self::Scan(rows) => rows.seek(series),
            Self::Prefetch(rows) => rows.seek(series),
        }
    }
}

/// Scans the cells of a series kind, by series and time.
pub struct CellScan<'v> {
    view: &'v View<'v>,
    rows: RowSource<'v>,
    parts: RowParts,
    identities: SeriesScan<'v>,
    /// The identity that was read last, if its series was not reached yet: none is read twice.
    next_identity: Option<(SeriesId, SeriesIdentity)>,
    /// The series of the last row that was read.
    row_series: Option<SeriesId>,
    /// That series, until its first cell is returned.
    upcoming: Option<Series>,
    /// The current cell and the row that is read next. They swap places with each cell, so that no value moves.
    values: [RowValue; 2],
    current: usize,
    /// The key of the row that was read, if its cell was not returned yet.
    pending: Option<RowKey>,
    /// Whether no row is left that passes.
    ended: bool,
    /// The start of the current cell, in µs.
    start: u64,
    series: Option<Series>,
    serial: u64,
}

impl fmt::Debug for CellScan<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CellScan")
            .field("view", &self.view)
            .field("start", &self.start)
            .field("series", &self.series)
            .finish_non_exhaustive()
    }
}

impl<'v> CellScan<'v> {
    /// Scans the cells of a range of series.
    fn new(view: &'v View<'v>, series: Range<SeriesId>, parts: RowParts) -> Result<Self, ExportError> {
        let query = RowQuery { series, time: view.buckets() };
        let rows = RowSource::Scan(view.index().rows(query.clone())?);
        Self::over(rows, view, query.series, parts)
    }

    /// Scans the cells of a range of series. Another thread reads the rows, unless it would read rows that the filter
    /// skips.
    pub(crate) fn with_prefetch(
        view: &'v View<'v>,
        series: Range<SeriesId>,
        parts: RowParts,
    ) -> Result<(Self, Option<Prefetch<'v>>), ExportError> {
        if view.filter().is_selective() {
            return Ok((Self::new(view, series, parts)?, None));
        }
        let (prefetch, rows) = view.index().rows(RowQuery { series: series.clone(), time: None })?.ahead();
        Ok((Self::over(RowSource::Prefetch(rows), view, series, parts)?, Some(Box::new(prefetch))))
    }

    fn over(
        rows: RowSource<'v>,
        view: &'v View<'v>,
        series: Range<SeriesId>,
        parts: RowParts,
    ) -> Result<Self, ExportError> {
        Ok(Self {
            view,
            rows,
            parts,
            identities: view.index().series(series)?,
            next_identity: None,
            row_series: None,
            upcoming: None,
            values: [RowValue::empty(), RowValue::empty()],
            current: 0,
            pending: None,
            ended: false,
            start: 0,
            series: None,
            serial: 0,
        })
    }

    /// Advances to the next cell; returns false at the end.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn advance(&mut self) -> Result<bool, ExportError> {
        let first = match self.pending.take() {
            Some(key) => Some(key),
            None => self.next_row()?,
        };
        let Some(key) = first else {
            self.series = None;
            return Ok(false);
        };
        self.current ^= 1;
        if let Some(series) = self.upcoming.take() {
            self.series = Some(series);
            self.serial += 1;
        }
        self.start = self.view.cell(key.bucket);
        if self.view.granularity() > self.view.index().config().interval_us {
            while let Some(next) = self.next_row()? {
                if next.series != key.series || self.view.cell(next.bucket) != self.start {
                    self.pending = Some(next);
                    break;
                }
                let read = std::mem::replace(&mut self.values[self.current ^ 1], RowValue::empty());
                self.values[self.current].merge(read);
            }
        }
        Ok(true)
    }

    /// Returns the current cell; `None` before the first and after the last.
    pub fn cell(&self) -> Option<Cell<'_>> {
        let series = self.series.as_ref()?;
        Some(Cell { start: self.start, row: &self.values[self.current], series, serial: self.serial })
    }

    /// Reads the next row of a series that passes the filter and returns its key.
    fn next_row(&mut self) -> Result<Option<RowKey>, ExportError> {
        let index = self.view.index();
        while !self.ended {
            let Some((key, value)) = self.rows.next()? else { break };
            let passes = self.row_series == Some(key.series) || {
                while self.next_identity.as_ref().is_none_or(|(id, _)| *id < key.series) {
                    match self.identities.next() {
                        Some(next) => self.next_identity = Some(next?),
                        None => return Err(index.unknown_series(key.series).into()),
                    }
                }
                match self.next_identity.take() {
                    Some((id, identity)) if id == key.series => {
                        let series = self.view.names().resolve(identity);
                        let passes = self.view.filter().passes(&series);
                        if passes {
                            self.row_series = Some(id);
                            self.upcoming = Some(series);
                        }
                        passes
                    }
                    _ => return Err(index.unknown_series(key.series).into()),
                }
            };
            if passes {
                let read = &mut self.values[self.current ^ 1];
                read.read(value, key.bucket, self.parts).map_err(|error| index.bad_row(&key, error))?;
                return Ok(Some(key));
            }
            // Read identities up to the next series that passes, then seek its rows: a selective filter does not
            // read rows that it skips.
            match self.next_passing()? {
                Some(id) => self.rows.seek(id),
                None => break,
            }
        }
        self.ended = true;
        Ok(None)
    }

    /// Reads identities up to the next series that passes the filter.
    fn next_passing(&mut self) -> Result<Option<SeriesId>, ExportError> {
        for next in self.identities.by_ref() {
            let (id, identity) = next?;
            // The series is resolved again when its rows are reached. Few series pass, so that is cheap.
            if self.view.filter().passes(&self.view.names().resolve(identity.clone())) {
                self.next_identity = Some((id, identity));
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}
