//! Rows joined with their series, merged to cells.

use std::ops::Range;

use dft_aggregate::IoCategory;
use dft_codec::{RowKey, RowParts, RowValue, SeriesId, SeriesIdentity, SeriesKind};
use dft_store::{RowPrefetch, RowQuery, RowScan, SeriesScan, StoreError};

use crate::error::ExportError;
use crate::view::View;

/// A series, with what its hashes resolve to.
#[derive(Clone, Debug)]
pub struct Series {
    /// Who it is.
    pub identity: SeriesIdentity,
    /// The host's name; empty where the hash resolves to nothing.
    pub host_name: String,
    /// The file's name; empty where the hash resolves to nothing.
    pub file_name: String,
    /// The rank of its process: only where the view [needs ranks](View::need_ranks).
    pub(crate) rank: Option<i64>,
}

impl Series {
    fn new(mut identity: SeriesIdentity, view: &View<'_>) -> Self {
        let host_name = view.host_name(&identity.host_hash, Some(identity.pid)).to_owned();
        let file_name = view.file_name(&identity).to_owned();
        let rank = view.rank_of(&identity.host_hash, identity.pid);
        view.fill_rank_key(&mut identity.extra, rank);
        Self { identity, host_name, file_name, rank }
    }

    /// `app#HOST#PID#TID`, with the host's name, else its hash, else `unknown`.
    pub fn process_name(&self) -> String {
        let host = [&self.host_name, &self.identity.host_hash].into_iter().find(|name| !name.is_empty());
        let host = host.map_or("unknown", |host| host.as_str());
        format!("app#{host}#{}#{}", self.identity.pid, self.identity.tid)
    }

    /// The kind of I/O that the function does.
    pub fn io_category(&self) -> IoCategory {
        IoCategory::of(&self.identity.name)
    }
}

/// What a series did in one cell of time.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'s> {
    /// The start of the cell, in µs.
    pub start: u64,
    /// What it did.
    pub row: &'s RowValue,
    /// Who did it.
    pub series: &'s Series,
    /// The number of the series among those that had a cell, from 1.
    pub serial: u64,
}

/// Where rows come from.
enum Rows<'v> {
    /// They are read by who walks them.
    Here(RowScan<'v>),
    /// Another thread reads them.
    Ahead(RowPrefetch),
}

/// What reads rows for a walk, for another thread to do. It ends with them, or with the walk.
pub(crate) type Prefetch<'v> = Box<dyn FnOnce() + Send + 'v>;

impl Rows<'_> {
    #[inline]
    fn next(&mut self) -> Result<Option<(RowKey, &[u8])>, StoreError> {
        match self {
            Self::Here(rows) => rows.next(),
            Self::Ahead(rows) => rows.next(),
        }
    }

    fn seek(&mut self, series: SeriesId) {
        match self {
            Self::Here(rows) => rows.seek(series),
            Self::Ahead(rows) => rows.seek(series),
        }
    }
}

/// Walks the cells of a family, by series and time.
pub struct CellScan<'v> {
    view: &'v View<'v>,
    rows: Rows<'v>,
    parts: RowParts,
    identities: SeriesScan<'v>,
    /// The last identity that was looked at, for none is looked at twice.
    ahead: Option<(SeriesId, SeriesIdentity)>,
    /// The series of the last row that was read.
    reading: Option<SeriesId>,
    /// That series, until a cell of it is given out.
    upcoming: Option<Series>,
    /// What the cell at hand holds, and the row that is read next: which of them is which changes with each
    /// cell, rather than what is in them.
    values: [RowValue; 2],
    at_hand: usize,
    /// The key of the row that was read, if its cell was not given out.
    pending: Option<RowKey>,
    /// Whether there is no row left that passes.
    ended: bool,
    /// The cell at hand.
    start: u64,
    series: Option<Series>,
    serial: u64,
}

impl<'v> CellScan<'v> {
    /// The cells of a range of series.
    pub(crate) fn new(view: &'v View<'v>, series: Range<SeriesId>, parts: RowParts) -> Result<Self, ExportError> {
        let query = RowQuery { series, time: view.buckets() };
        let rows = Rows::Here(view.index().rows(query.clone())?);
        Self::over(rows, view, query.series, parts)
    }

    /// The same, of rows that another thread reads, where that reads nothing that the filter passes over.
    pub(crate) fn read_ahead(
        view: &'v View<'v>,
        series: Range<SeriesId>,
        parts: RowParts,
    ) -> Result<(Self, Option<Prefetch<'v>>), ExportError> {
        if view.filter().is_selective() {
            return Ok((Self::new(view, series, parts)?, None));
        }
        let (reading, rows) = view.index().rows(RowQuery { series: series.clone(), time: None })?.ahead();
        Ok((Self::over(Rows::Ahead(rows), view, series, parts)?, Some(Box::new(reading))))
    }

    fn over(rows: Rows<'v>, view: &'v View<'v>, series: Range<SeriesId>, parts: RowParts) -> Result<Self, ExportError> {
        Ok(Self {
            view,
            rows,
            parts,
            identities: view.index().series(series)?,
            ahead: None,
            reading: None,
            upcoming: None,
            values: [RowValue::empty(), RowValue::empty()],
            at_hand: 0,
            pending: None,
            ended: false,
            start: 0,
            series: None,
            serial: 0,
        })
    }

    /// Steps to the next cell; false at the end.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn advance(&mut self) -> Result<bool, ExportError> {
        let first = match self.pending.take() {
            Some(key) => Some(key),
            None => self.next_row()?,
        };
        let Some(key) = first else {
            self.series = None;
            return Ok(false);
        };
        self.at_hand ^= 1;
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
                let read = std::mem::replace(&mut self.values[self.at_hand ^ 1], RowValue::empty());
                self.values[self.at_hand].merge(read);
            }
        }
        Ok(true)
    }

    /// The cell at hand; `None` before the first and behind the last.
    pub fn cell(&self) -> Option<Cell<'_>> {
        let series = self.series.as_ref()?;
        Some(Cell { start: self.start, row: &self.values[self.at_hand], series, serial: self.serial })
    }

    /// Reads the next row of a series that passes the filter, and gives its key.
    fn next_row(&mut self) -> Result<Option<RowKey>, ExportError> {
        let index = self.view.index();
        while !self.ended {
            let Some((key, value)) = self.rows.next()? else { break };
            let passes = self.reading == Some(key.series) || {
                while self.ahead.as_ref().is_none_or(|(id, _)| *id < key.series) {
                    match self.identities.next() {
                        Some(next) => self.ahead = Some(next?),
                        None => return Err(index.unknown_series(key.series).into()),
                    }
                }
                match self.ahead.take() {
                    Some((id, identity)) if id == key.series => {
                        let series = Series::new(identity, self.view);
                        let passes = self.view.filter().passes(&series);
                        if passes {
                            self.reading = Some(id);
                            self.upcoming = Some(series);
                        }
                        passes
                    }
                    _ => return Err(index.unknown_series(key.series).into()),
                }
            };
            if passes {
                let read = &mut self.values[self.at_hand ^ 1];
                read.read(value, key.bucket, self.parts).map_err(|error| index.bad_row(&key, error))?;
                return Ok(Some(key));
            }
            // Only the identities are read up to the next series that passes, and its rows are
            // sought: a selective filter does not read what it leaves out.
            match self.next_passing()? {
                Some(id) => self.rows.seek(id),
                None => break,
            }
        }
        self.ended = true;
        Ok(None)
    }

    fn next_passing(&mut self) -> Result<Option<SeriesId>, ExportError> {
        for next in self.identities.by_ref() {
            let (id, identity) = next?;
            // Resolved again when it is reached, which is seldom beside those that do not pass.
            if self.view.filter().passes(&Series::new(identity.clone(), self.view)) {
                self.ahead = Some((id, identity));
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// Hands every series of a family that passes the filter to `visit`.
pub(crate) fn each_series(
    view: &View<'_>,
    kind: SeriesKind,
    mut visit: impl FnMut(&Series),
) -> Result<(), ExportError> {
    for next in view.index().series(RowQuery::kind(kind).series)? {
        let series = Series::new(next?.1, view);
        if view.filter().passes(&series) {
            visit(&series);
        }
    }
    Ok(())
}
