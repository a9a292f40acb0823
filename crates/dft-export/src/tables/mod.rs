//! The tables, and the dispatch from a name to a table.

mod calls;
mod grouped;
pub(crate) mod processes;
mod statistics;
mod telemetry;

use calls::{CallTable, WholeStrings};
use grouped::GroupedTable;
use processes::ProcessTable;
use statistics::StatisticsTable;
pub(crate) use telemetry::telemetry_metrics;

use telemetry::TelemetryTable;

use std::sync::Arc;

use arrow_schema::SchemaRef;
use dft_codec::{RowParts, SeriesKind};
use dft_store::RowQuery;

use crate::batches::{Batches, Dictionaries};
use crate::cells::{CellScan, Prefetch};
use crate::error::ExportError;
use crate::table::{Table, TableOptions, TableSource};
use crate::view::View;

/// The bytes of rows in the index for which a part is worth its cost.
const PART_BYTES: u64 = 1 << 20;

/// The number of threads that one table keeps busy without parts.
const FEW_THREADS: usize = 4;

/// The size of many names of files, in bytes.
const MANY_NAMES: u64 = 4 << 20;

/// The most parts of a table: the slices of the index.
const MOST_PARTS: usize = 256;

/// A part of a table that is about to be read.
pub(crate) struct OpenPart<'v> {
    pub(crate) batches: Box<dyn Batches + Send + 'v>,
    /// What another thread does concurrently.
    pub(crate) prefetch: Option<Prefetch<'v>>,
}

/// A part of a table. It is opened by the thread that reads it.
pub(crate) type TablePart<'v> = Box<dyn FnOnce() -> Result<OpenPart<'v>, ExportError> + Send + 'v>;

/// The parts of a table, in order.
pub(crate) struct TableParts<'v> {
    pub(crate) schema: SchemaRef,
    pub(crate) parts: Vec<TablePart<'v>>,
}

impl<'a> View<'a> {
    /// Returns a table.
    ///
    /// Memory does not grow with the table, except for groups and processes: these are computed in memory.
    ///
    /// # Errors
    ///
    /// - [`ExportError::NotGrouped`] if the table cannot be grouped.
    /// - [`ExportError::GroupColumns`] if a column to group by is named twice.
    /// - [`ExportError::GroupedShard`] if the view shows one shard, which cannot be grouped.
    /// - Fails if the index cannot be read.
    pub fn table(&'a self, table: Table, options: TableOptions) -> Result<Box<dyn Batches + Send + 'a>, ExportError> {
        let TableOptions { group_by, dictionaries } = options;
        if !group_by.is_empty() {
            return Ok(Box::new(GroupedTable::new(self, table.require_groups()?, group_by)?));
        }
        Ok(match table.source() {
            TableSource::Calls(kind) => {
                let all = vec![RowQuery::kind(kind).series];
                let strings = WholeStrings::of(self, dictionaries, all, 1)?;
                Box::new(CallTable::new(self, kind, self.cells(kind, RowParts::Core)?, &strings))
            }
            TableSource::Telemetry(counters) => Box::new(TelemetryTable::new(self, dictionaries, counters)?),
            TableSource::Processes => Box::new(ProcessTable::new(self)?),
            TableSource::Statistics => Box::new(StatisticsTable::new(self, dictionaries)?),
        })
    }

    /// Returns a table as parts that up to `threads` threads read concurrently, and that are written one after another.
    pub(crate) fn table_parts(
        &'a self,
        table: Table,
        options: TableOptions,
        threads: usize,
    ) -> Result<TableParts<'a>, ExportError> {
        match table.source() {
            TableSource::Calls(kind) if options.group_by.is_empty() => {
                self.call_parts(kind, options.dictionaries, threads)
            }
            TableSource::Telemetry(counters)
                if options.group_by.is_empty() && threads > 1 && self.filter().shard.is_none() =>
            {
                TelemetryTable::parts(self, options.dictionaries, counters)
            }
            _ => {
                let batches = self.table(table, options)?;
                let schema = batches.schema();
                Ok(TableParts { schema, parts: vec![Box::new(|| Ok(OpenPart { batches, prefetch: None }))] })
            }
        }
    }

    fn call_parts(
        &'a self,
        kind: SeriesKind,
        dictionaries: Dictionaries,
        threads: usize,
    ) -> Result<TableParts<'a>, ExportError> {
        let parts = match self.filter().shard {
            Some(_) => 1,
            // For a short time, most of the work is to find its rows.
            None if self.filter().time.is_some() => 4,
            // The batches of parts are copied to a fixed length. With few threads, that pays only if many names have to be
            // found: one thread that reads ahead of another keeps both busy.
            None if threads > FEW_THREADS || self.index().file_name_bytes()? > MANY_NAMES => {
                usize::try_from(self.index().row_bytes(kind)? / PART_BYTES).unwrap_or(usize::MAX).min(MOST_PARTS)
            }
            None => 1,
        };
        let ranges = if parts > 1 { self.index().shards(kind, parts) } else { vec![self.series_range(kind)] };
        let strings = Arc::new(WholeStrings::of(self, dictionaries, ranges.clone(), threads)?);
        let part = |series| -> TablePart<'a> {
            let strings = strings.clone();
            Box::new(move || {
                let (cells, prefetch) = CellScan::with_prefetch(self, series, RowParts::Core, parts > 1)?;
                Ok(OpenPart { batches: Box::new(CallTable::new(self, kind, cells, &strings)), prefetch })
            })
        };
        Ok(TableParts { schema: calls::schema(), parts: ranges.into_iter().map(part).collect() })
    }

    /// Returns whether any process passes the filter.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub(crate) fn has_processes(&self) -> Result<bool, ExportError> {
        processes::any_passes(self)
    }
}
