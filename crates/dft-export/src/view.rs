//! An index at a granularity, through a filter.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;

use dft_codec::SeriesIdentity;
use dft_store::Index;
use xxhash_rust::xxh3::xxh3_128;

use crate::batches::default_batch_rows;
use crate::error::ExportError;
use crate::filter::Filter;
use crate::names::Names;
use crate::series::Series;

/// An index at a granularity, through a filter: what every table, group and summary is read from.
pub struct View<'a> {
    index: &'a Index,
    granularity: u64,
    /// The unit of the column `time_range`, in µs; divides the granularity.
    range_unit: u64,
    filter: Filter,
    batch_rows: Option<NonZeroUsize>,
    origin: u64,
    names: Names,
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("View")
            .field("granularity", &self.granularity)
            .field("range_unit", &self.range_unit)
            .field("filter", &self.filter)
            .field("batch_rows", &self.batch_rows)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl<'a> View<'a> {
    /// Creates a view of an index. The granularity is in µs and defaults to the index's interval.
    ///
    /// # Errors
    ///
    /// [`ExportError::Granularity`] if the granularity is not a multiple of the interval, and [`ExportError::Query`] if
    /// the filter's query names a group key that the index does not have. Also fails if the index cannot be read.
    pub fn new(index: &'a Index, granularity: Option<u64>, mut filter: Filter) -> Result<Self, ExportError> {
        let interval = index.config().interval_us;
        let granularity = granularity.unwrap_or(interval);
        if granularity == 0 || !granularity.is_multiple_of(interval) || i64::try_from(granularity).is_err() {
            return Err(ExportError::Granularity { granularity, interval });
        }
        if let Some(query) = &mut filter.query {
            query.find_keys(&index.config().extra_group_keys)?;
        }
        let earliest = index.bounds().map_or(0, |bounds| bounds.min);
        let names = Names::load(index, filter.asks_for_ranks())?;
        let origin = earliest - earliest % granularity;
        Ok(Self { index, granularity, range_unit: granularity, filter, batch_rows: None, origin, names })
    }

    /// Sets the unit of the column `time_range`, in µs. By default it is the granularity, so that `time_range` counts
    /// cells. A shorter unit is for readers that count time in units of their own: with cells of 5 s and a unit of 1 s,
    /// `time_range` is 0, 5, 10, ….
    ///
    /// # Errors
    ///
    /// [`ExportError::RangeUnit`] if the unit does not divide the granularity.
    pub fn with_range_unit(self, unit: u64) -> Result<Self, ExportError> {
        if unit == 0 || !self.granularity.is_multiple_of(unit) {
            return Err(ExportError::RangeUnit { unit, granularity: self.granularity });
        }
        Ok(Self { range_unit: unit, ..self })
    }

    /// Sets the rows of every batch except the last, which may have fewer. By default, batches are long enough to be
    /// fast, and shorter where a table has many columns.
    #[must_use]
    pub fn in_batches_of(self, rows: NonZeroUsize) -> Self {
        Self { batch_rows: Some(rows), ..self }
    }

    /// Returns the index.
    pub fn index(&self) -> &'a Index {
        self.index
    }

    /// Returns the length of a cell, in µs.
    pub fn granularity(&self) -> u64 {
        self.granularity
    }

    /// Returns the unit of the column `time_range`, in µs.
    pub fn range_unit(&self) -> u64 {
        self.range_unit
    }

    /// Returns the time that tables count from: the earliest cell of all rows and telemetry, regardless of the filter.
    pub fn origin(&self) -> u64 {
        self.origin
    }

    /// Returns the filter.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Returns the name of a host's hash as the process uses it; empty if the hash does not resolve.
    pub fn host_name(&self, host_hash: &str, pid: Option<i64>) -> &str {
        self.names.host(host_hash, pid)
    }

    /// Returns the name of a series' file as its process uses it; empty if the hash does not resolve.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn file_name(&self, series: &SeriesIdentity) -> Result<String, ExportError> {
        Ok(self.index.file_name(&series.file_hash, &series.host_hash, series.pid)?)
    }

    /// Returns a scope as a series without a file, with its names.
    pub fn resolved(&self, scope: SeriesIdentity) -> Series {
        self.names.resolve_scope(scope)
    }

    /// Loads the ranks of processes, which most views do not need.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn load_ranks(&self) -> Result<(), ExportError> {
        self.names.load_ranks(self.index)
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Returns a hash of what tables show: the contents of the index, the granularity, the filter and the version of
    /// this program.
    pub(crate) fn content_hash(&self) -> Result<u128, ExportError> {
        let (version, contents) = (env!("CARGO_PKG_VERSION"), self.index.contents()?);
        let (granularity, unit) = (self.granularity, self.range_unit);
        let shown = format!("{version} {contents:032x} {granularity} {unit} {}", self.filter.text());
        Ok(xxh3_128(shown.as_bytes()))
    }

    /// Returns the most rows of a batch with this many columns.
    pub(crate) fn batch_rows(&self, columns: usize) -> usize {
        self.batch_rows.map_or_else(|| default_batch_rows(columns), NonZeroUsize::get)
    }

    /// Returns the start of a bucket's cell.
    pub(crate) fn cell(&self, bucket: u64) -> u64 {
        bucket - bucket % self.granularity
    }

    /// Returns the buckets whose cells overlap with the filter's time range.
    pub(crate) fn buckets(&self) -> Option<Range<u64>> {
        self.filter.time.as_ref().map(|time| {
            let absolute = |offset: u64| self.origin.saturating_add(offset);
            let end = absolute(time.end).checked_next_multiple_of(self.granularity).unwrap_or(u64::MAX);
            self.cell(absolute(time.start))..end
        })
    }
}
