//! The tables, and the dispatch from a name to a table.

mod calls;
mod grouped;
mod processes;
mod statistics;
mod telemetry;

use calls::CallTable;
use grouped::GroupedTable;
use processes::ProcessTable;
use statistics::StatisticsTable;
use telemetry::TelemetryTable;

use dft_codec::{RowParts, SeriesKind};

use crate::batches::{Batches, Dictionaries};
use crate::cells::{CellScan, Prefetch};
use crate::error::ExportError;
use crate::table::{Table, TableOptions, TableSource};
use crate::view::View;

/// A part of a table.
pub(crate) struct TablePart<'v> {
    pub(crate) batches: Box<dyn Batches + Send + 'v>,
    /// What another thread does concurrently.
    pub(crate) prefetch: Option<Prefetch<'v>>,
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
                Box::new(CallTable::new(self, kind, self.cells(kind, RowParts::Core)?, dictionaries)?)
            }
            TableSource::Telemetry(counters) => Box::new(TelemetryTable::new(self, dictionaries, counters)?),
            TableSource::Processes => Box::new(ProcessTable::new(self)?),
            TableSource::Statistics => Box::new(StatisticsTable::new(self, dictionaries)?),
        })
    }

    /// Returns a table as parts that are read concurrently and written one after another. The number of parts depends
    /// only on the view and the table, because files show it.
    pub(crate) fn table_parts(
        &'a self,
        table: Table,
        options: TableOptions,
    ) -> Result<Vec<TablePart<'a>>, ExportError> {
        match table.source() {
            TableSource::Calls(kind) if options.group_by.is_empty() => self.call_parts(kind, options.dictionaries),
            _ => Ok(vec![TablePart { batches: self.table(table, options)?, prefetch: None }]),
        }
    }

    fn call_parts(&'a self, kind: SeriesKind, dictionaries: Dictionaries) -> Result<Vec<TablePart<'a>>, ExportError> {
        // For a short time, most of the work is to find its rows; for a long time, to write them.
        let short = self.filter().time.is_some() && dictionaries == Dictionaries::PerBatch;
        let ranges = match self.filter().shard {
            None if short => self.index().shards(kind, 4),
            _ => vec![self.series_range(kind)],
        };
        let part = |series| {
            let (cells, prefetch) = CellScan::with_prefetch(self, series, RowParts::Core)?;
            Ok(TablePart { batches: Box::new(CallTable::new(self, kind, cells, dictionaries)?), prefetch })
        };
        ranges.into_iter().map(part).collect()
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
