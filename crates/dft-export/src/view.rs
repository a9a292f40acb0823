//! An index at a granularity, through a filter.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::OnceLock;

use dft_codec::{NameKind, RowParts, SeriesId, SeriesIdentity, SeriesKind, TelemetryKey, TelemetryValue};
use dft_store::{Index, NameTable, RowQuery};
use xxhash_rust::xxh3::xxh3_128;

use crate::cells::CellScan;
use crate::error::ExportError;
use crate::export::{Batches, TablePart, batch_rows};
use crate::filter::Filter;
use crate::tables::calls::Calls;
use crate::tables::grouped::{GroupColumn, Groups};
use crate::tables::processes::{ProcessTable, Ranks, any_passes};
use crate::tables::statistics::Statistics;
use crate::tables::telemetry::{Counters, ReadingScan, Telemetry};

/// How the dictionaries of string columns relate from batch to batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dictionaries {
    /// Each batch has its own, of the strings that it holds.
    PerBatch,
    /// All batches share one, of all strings of the table, as the Arrow IPC file format wants it.
    Whole,
}

/// An index at a granularity, through a filter.
pub struct View<'a> {
    index: &'a Index,
    granularity: u64,
    filter: Filter,
    batch_rows: Option<NonZeroUsize>,
    origin: u64,
    hosts: NameTable,
    files: NameTable,
    ranks: OnceLock<Ranks>,
    /// The place of the group key `rank`, which is the rank of the process where records do not say it.
    rank_key: Option<usize>,
}

impl<'a> View<'a> {
    /// A view of an index. Without a granularity, in µs, it is the index's interval.
    ///
    /// # Errors
    ///
    /// [`ExportError::Granularity`] where it is no multiple of that, and where the index cannot be
    /// read.
    pub fn new(index: &'a Index, granularity: Option<u64>, filter: Filter) -> Result<Self, ExportError> {
        let interval = index.config().interval_us;
        let granularity = granularity.unwrap_or(interval);
        if granularity == 0 || !granularity.is_multiple_of(interval) || i64::try_from(granularity).is_err() {
            return Err(ExportError::Granularity { granularity, interval });
        }
        let least = index.bounds().map_or(0, |bounds| bounds.min);
        let rank_key = index.config().extra_group_keys.iter().position(|key| key == "rank");
        let needs_ranks = rank_key.is_some() || filter.asks_for_ranks();
        let view = Self {
            index,
            granularity,
            filter,
            batch_rows: None,
            origin: least - least % granularity,
            hosts: index.names(NameKind::Host)?,
            files: index.names(NameKind::File)?,
            ranks: OnceLock::new(),
            rank_key,
        };
        if needs_ranks {
            view.need_ranks()?;
        }
        Ok(view)
    }

    /// The same, in batches of so many rows each, and fewer in the last. By default they are as long as is
    /// quick, and short where a table has many columns.
    #[must_use]
    pub fn in_batches_of(self, rows: NonZeroUsize) -> Self {
        Self { batch_rows: Some(rows), ..self }
    }

    /// The index.
    pub fn index(&self) -> &'a Index {
        self.index
    }

    /// The length of a cell, in µs.
    pub fn granularity(&self) -> u64 {
        self.granularity
    }

    /// The least cell over rows and telemetry, whatever the filter: what times are counted from.
    pub fn origin(&self) -> u64 {
        self.origin
    }

    /// The filter.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// A hash of what tables show: what the index holds, through the filter, at the granularity, as this
    /// version of the program makes them.
    pub(crate) fn shows(&self) -> Result<u128, ExportError> {
        let (version, contents) = (env!("CARGO_PKG_VERSION"), self.index.contents()?);
        let shown = format!("{version} {contents:032x} {} {}", self.granularity, self.filter.text());
        Ok(xxh3_128(shown.as_bytes()))
    }

    /// The most rows of a batch of so many columns.
    pub(crate) fn batch_rows(&self, columns: usize) -> usize {
        self.batch_rows.map_or_else(|| batch_rows(columns), NonZeroUsize::get)
    }

    /// The start of the cell of a bucket.
    pub(crate) fn cell(&self, bucket: u64) -> u64 {
        bucket - bucket % self.granularity
    }

    /// The buckets whose cells overlap with the filter's time range.
    pub(crate) fn buckets(&self) -> Option<std::ops::Range<u64>> {
        self.filter.time.as_ref().map(|time| {
            let cells = |offset: u64| self.origin.saturating_add(offset);
            let end = cells(time.end).checked_next_multiple_of(self.granularity).unwrap_or(u64::MAX);
            self.cell(cells(time.start))..end
        })
    }

    /// The name of a host's hash, as a process of it means it; empty where it resolves to nothing.
    pub fn host_name(&self, host_hash: &str, pid: Option<i64>) -> &str {
        let name = match pid {
            Some(pid) => self.hosts.of_process(host_hash, host_hash, pid),
            None => self.hosts.get(host_hash),
        };
        name.unwrap_or_default()
    }

    /// The name of a series' file, as its process means it; empty where its hash resolves to nothing.
    pub fn file_name(&self, series: &SeriesIdentity) -> &str {
        self.file_of_process(&series.file_hash, &series.host_hash, series.pid)
    }

    /// The name of a file's hash, as a process means it; empty where it resolves to nothing.
    pub(crate) fn file_of_process(&self, file_hash: &str, host_hash: &str, pid: i64) -> &str {
        self.files.of_process(file_hash, host_hash, pid).unwrap_or_default()
    }

    /// Looks up the ranks of processes, which most views do not need.
    pub(crate) fn need_ranks(&self) -> Result<(), ExportError> {
        if self.ranks.get().is_none() {
            // Where another thread was quicker, it has found the same.
            let _ = self.ranks.set(Ranks::of(self.index)?);
        }
        Ok(())
    }

    /// The rank of a process; `None` where it is not known, or [not needed](View::need_ranks).
    pub(crate) fn rank_of(&self, host_hash: &str, pid: i64) -> Option<i64> {
        self.ranks.get()?.get(host_hash, pid)
    }

    /// Gives the group key `rank` the rank of the process, where records do not say it.
    pub(crate) fn fill_rank_key(&self, extra: &mut [String], rank: Option<i64>) {
        if let Some(key) = self.rank_key
            && let Some(value) = extra.get_mut(key).filter(|value| value.is_empty())
            && let Some(rank) = rank
        {
            *value = rank.to_string();
        }
    }

    /// The rows of a family, one for each series and cell.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn cells(&'a self, kind: SeriesKind, parts: RowParts) -> Result<CellScan<'a>, ExportError> {
        CellScan::new(self, self.series_of(kind), parts)
    }

    /// The same, of all shares: what columns a table has must not differ between them.
    pub(crate) fn cells_of_all_shares(
        &'a self,
        kind: SeriesKind,
        parts: RowParts,
    ) -> Result<CellScan<'a>, ExportError> {
        CellScan::new(self, RowQuery::kind(kind).series, parts)
    }

    /// The series of a family that are in the share that is asked for.
    fn series_of(&self, kind: SeriesKind) -> Range<SeriesId> {
        let all = RowQuery::kind(kind).series;
        self.filter.shard.map_or(all, |share| share.series(self.index, kind))
    }

    /// The rows of a family in dfanalyzer's columns.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn calls(
        &'a self,
        kind: SeriesKind,
        dictionaries: Dictionaries,
    ) -> Result<impl Batches + Send + 'a, ExportError> {
        Calls::new(self, kind, self.cells(kind, RowParts::Core)?, dictionaries)
    }

    /// The same, in parts that are read at once and written one after another. How many there are depends
    /// on nothing but what is asked for: it can be seen in the files.
    pub(crate) fn calls_in_parts(
        &'a self,
        kind: SeriesKind,
        dictionaries: Dictionaries,
    ) -> Result<Vec<TablePart<'a>>, ExportError> {
        // Of a short time the most work is to look for its rows, and of a long one to write them.
        let short = self.filter.time.is_some() && dictionaries == Dictionaries::PerBatch;
        let parts = match self.filter.shard {
            None if short => self.index.shards(kind, 4),
            _ => vec![self.series_of(kind)],
        };
        let part = |series| {
            let (cells, beside) = CellScan::read_ahead(self, series, RowParts::Core)?;
            Ok(TablePart { beside, ..TablePart::new(Calls::new(self, kind, cells, dictionaries)?) })
        };
        parts.into_iter().map(part).collect()
    }

    /// The rows of a family in groups that have some columns in common, sorted by those.
    ///
    /// # Errors
    ///
    /// [`ExportError::GroupedShare`] of a share, and where the index cannot be read.
    pub fn grouped(&'a self, kind: SeriesKind, by: &[GroupColumn]) -> Result<impl Batches + Send + 'a, ExportError> {
        Groups::new(self, kind, by)
    }

    /// Telemetry.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn telemetry(&'a self, dictionaries: Dictionaries) -> Result<impl Batches + Send + 'a, ExportError> {
        Telemetry::new(self, dictionaries, Counters::Apart)
    }

    /// Telemetry by host, name and cell alone: readings of counters that differ only by category, process or group
    /// keys merge.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn telemetry_by_host(&'a self, dictionaries: Dictionaries) -> Result<impl Batches + Send + 'a, ExportError> {
        Telemetry::new(self, dictionaries, Counters::ByHost)
    }

    /// Hands every row of telemetry that passes the filter to `visit`; the key's bucket is the
    /// start of its cell.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn each_reading(&'a self, mut visit: impl FnMut(TelemetryKey, TelemetryValue)) -> Result<(), ExportError> {
        let mut readings = ReadingScan::new(self, Counters::Apart)?;
        while let Some((key, value)) = readings.next()? {
            visit(key, value);
        }
        Ok(())
    }

    /// Every row with full statistics of every metric.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn statistics(&'a self, dictionaries: Dictionaries) -> Result<impl Batches + Send + 'a, ExportError> {
        Statistics::new(self, dictionaries)
    }

    /// Processes: rank, command, start and end, by host and number. It takes memory for all of them.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn processes(&self) -> Result<impl Batches + Send + use<>, ExportError> {
        ProcessTable::new(self)
    }

    /// Whether any process passes.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn has_processes(&self) -> Result<bool, ExportError> {
        any_passes(self)
    }

    /// Whether a family has any row that passes.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn has_rows(&'a self, kind: SeriesKind) -> Result<bool, ExportError> {
        self.cells(kind, RowParts::Core)?.advance()
    }
}
