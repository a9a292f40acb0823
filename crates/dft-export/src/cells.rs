//! Rows joined with their series and merged to cells.

use std::fmt;
use std::ops::Range;

use dft_codec::{RowKey, RowParts, RowValue, ScopeId, SeriesId, SeriesKind};
use dft_store::{FileNames, RowPrefetch, RowQuery, RowScan, SeriesCursor, StoreError};

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
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn cells_in(&'a self, series: Range<SeriesId>, parts: RowParts) -> Result<CellScan<'a>, ExportError> {
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

    /// Passes the scopes of a series kind to `visit` if one of their series may pass the filter: series without their
    /// files. A scope may be visited several times.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn each_scope(&self, kind: SeriesKind, visit: impl FnMut(&Series)) -> Result<(), ExportError> {
        SeriesResolver::new(self, RowQuery::kind(kind).series)?.each_scope(visit)
    }

    /// Passes every series of a range that passes the filter to `visit`, and whether the one before it had the same
    /// scope.
    pub(crate) fn each_series(
        &self,
        range: Range<SeriesId>,
        mut visit: impl FnMut(&Series, bool),
    ) -> Result<(), ExportError> {
        let mut visited = None;
        let mut resolver = SeriesResolver::new(self, range.clone())?;
        let mut series = ResolvedSeries::default();
        self.index().each_series(range, |id| {
            let resolved = resolver.resolve(id, &mut series)?;
            if self.filter().passes(resolved) {
                visit(resolved, visited == Some(id.scope()));
                visited = Some(id.scope());
            }
            Ok::<_, ExportError>(())
        })
    }
}

/// A series with its names, and which scope they are of.
#[derive(Default)]
struct ResolvedSeries {
    scope: Option<ScopeId>,
    series: Option<Series>,
}

/// Resolves series in the order of rows.
struct SeriesResolver<'v> {
    view: &'v View<'v>,
    cursor: SeriesCursor<'v>,
    files: FileNames<'v>,
}

impl<'v> SeriesResolver<'v> {
    fn new(view: &'v View<'_>, range: Range<SeriesId>) -> Result<Self, ExportError> {
        Ok(Self { view, cursor: view.index().series(range)?, files: view.index().file_names() })
    }

    /// Resolves a series into `place`. If `place` has a series of the same scope, only the file changes.
    fn resolve<'s>(&mut self, id: SeriesId, place: &'s mut ResolvedSeries) -> Result<&'s mut Series, ExportError> {
        let index = self.view.index();
        self.cursor.advance(id)?;
        let unknown = || index.unknown_series(id);
        let identity = self.cursor.identity().ok_or_else(unknown)?;
        if place.scope != Some(id.scope()) {
            place.series = Some(self.view.names().resolve_scope(identity.clone()));
            place.scope = Some(id.scope());
        }
        let series = place.series.as_mut().ok_or_else(unknown)?;
        series.identity.file_hash.clone_from(&identity.file_hash);
        let file = id.file().map_err(|_| unknown())?;
        let name = self.files.of_process(file, &identity.host_hash, identity.pid)?;
        series.file_name.clear();
        series.file_name.push_str(name);
        Ok(series)
    }

    /// Passes the scopes after the current one to `visit`. A scope is visited once for each slice that it is in.
    fn each_scope(mut self, mut visit: impl FnMut(&Series)) -> Result<(), ExportError> {
        let view = self.view;
        self.cursor.next_scope(|scope| {
            let series = view.names().resolve_scope(scope.clone());
            if view.filter().passes_scope(&series) {
                visit(&series);
            }
            false
        })?;
        Ok(())
    }

    /// Returns the first scope after the current one of which a series may pass the filter.
    fn next_scope(&mut self) -> Result<Option<ScopeId>, ExportError> {
        let view = self.view;
        Ok(self.cursor.next_scope(|scope| view.filter().passes_scope(&view.names().resolve_scope(scope.clone())))?)
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
    /// The number of its scope (all of the series but its file), counted from 1. Adjacent series of one scope have one
    /// number.
    pub scope_serial: u64,
}

/// Where a scan gets its rows from.
enum RowSource<'v> {
    /// The thread of the scan reads them.
    Scan(Box<RowScan<'v>>),
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
    resolver: SeriesResolver<'v>,
    /// The series of the last row that was read, and whether it passes.
    row_series: Option<(SeriesId, bool)>,
    /// The series of the current cell and of the row that was read last. They swap places with each series.
    series: [ResolvedSeries; 2],
    /// The index of the current cell's series.
    current_series: usize,
    /// Whether the row that was read last starts a series, whose first cell was not returned yet.
    is_upcoming: bool,
    /// The current cell and the row that is read next. They swap places with each cell, so that no value moves.
    values: [RowValue; 2],
    current: usize,
    /// The key of the row that was read, if its cell was not returned yet.
    pending: Option<RowKey>,
    /// Whether no row is left that passes.
    ended: bool,
    /// The start of the current cell, in µs.
    start: u64,
    /// Whether there is a current cell.
    has_cell: bool,
    serial: u64,
    scope_serial: u64,
}

impl fmt::Debug for CellScan<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CellScan")
            .field("view", &self.view)
            .field("start", &self.start)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

impl<'v> CellScan<'v> {
    /// Scans the cells of a range of series.
    fn new(view: &'v View<'v>, series: Range<SeriesId>, parts: RowParts) -> Result<Self, ExportError> {
        let query = RowQuery { series, time: view.buckets() };
        let rows = RowSource::Scan(Box::new(view.index().rows(query.clone())?));
        Self::over(rows, view, query.series, parts)
    }

    /// Scans the cells of a range of series. Another thread reads the rows, unless it would read rows that the filter
    /// skips, or other threads scan other parts of the table.
    pub(crate) fn with_prefetch(
        view: &'v View<'v>,
        series: Range<SeriesId>,
        parts: RowParts,
        is_part: bool,
    ) -> Result<(Self, Option<Prefetch<'v>>), ExportError> {
        if is_part || view.filter().is_selective() {
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
            resolver: SeriesResolver::new(view, series)?,
            row_series: None,
            series: Default::default(),
            current_series: 0,
            is_upcoming: false,
            values: [RowValue::empty(), RowValue::empty()],
            current: 0,
            pending: None,
            ended: false,
            start: 0,
            has_cell: false,
            serial: 0,
            scope_serial: 0,
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
        self.has_cell = first.is_some();
        let Some(key) = first else { return Ok(false) };
        self.current ^= 1;
        if std::mem::take(&mut self.is_upcoming) {
            let [mine, before] = [self.current_series ^ 1, self.current_series];
            if self.series[mine].scope != self.series[before].scope {
                self.scope_serial += 1;
            }
            self.current_series = mine;
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
        let series = self.series[self.current_series].series.as_ref().filter(|_| self.has_cell)?;
        let (serial, scope_serial) = (self.serial, self.scope_serial);
        Some(Cell { start: self.start, row: &self.values[self.current], series, serial, scope_serial })
    }

    /// Reads the next row of a series that passes the filter and returns its key.
    fn next_row(&mut self) -> Result<Option<RowKey>, ExportError> {
        let index = self.view.index();
        while !self.ended {
            let Some((key, value)) = self.rows.next()? else { break };
            let passes = match self.row_series {
                Some((series, passes)) if series == key.series => passes,
                _ => {
                    let place = &mut self.series[self.current_series ^ 1];
                    let series = self.resolver.resolve(key.series, place)?;
                    let passes = self.view.filter().passes(series);
                    self.row_series = Some((key.series, passes));
                    if !passes && !self.view.filter().passes_scope(series) {
                        // A selective filter does not read rows that it skips.
                        match self.resolver.next_scope()? {
                            Some(scope) => self.rows.seek(scope.first_series()),
                            None => break,
                        }
                        continue;
                    }
                    self.is_upcoming |= passes;
                    passes
                }
            };
            if passes {
                let read = &mut self.values[self.current ^ 1];
                read.read(value, key.bucket, self.parts).map_err(|error| index.bad_row(&key, error))?;
                return Ok(Some(key));
            }
        }
        self.ended = true;
        Ok(None)
    }
}
