//! What the rows and the telemetry of an index have, beyond what every row has.

use std::collections::BTreeSet;

use dft_codec::{RowParts, SeriesKind};
use dft_store::RowQuery;

use crate::error::ExportError;
use crate::tables::telemetry_metrics;
use crate::view::View;

impl View<'_> {
    /// Returns the group keys that have a value in some row, in the order of the configuration.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn observed_group_keys(&self) -> Result<Vec<String>, ExportError> {
        let configured = &self.index().config().extra_group_keys;
        let mut observed = vec![false; configured.len()];
        for kind in SeriesKind::ALL {
            self.each_series(RowQuery::kind(kind).series, |series, same_scope| {
                if !same_scope {
                    for (observed, value) in observed.iter_mut().zip(&series.identity.extra) {
                        *observed |= !value.is_empty();
                    }
                }
            })?;
        }
        Ok(configured.iter().zip(observed).filter(|(_, observed)| *observed).map(|(key, _)| key.clone()).collect())
    }

    /// Returns the names of the custom metrics of rows, of all shards, in byte order. Reads all rows that pass the
    /// filter.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn observed_custom_metrics(&self) -> Result<Vec<String>, ExportError> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for kind in SeriesKind::ALL {
            let mut cells = self.cells_of_all_shards(kind, RowParts::Statistics)?;
            while cells.advance()? {
                let Some(cell) = cells.cell() else { break };
                for (name, _) in &cell.row.customs {
                    if !names.contains(name) {
                        names.insert(name.clone());
                    }
                }
            }
        }
        Ok(names.into_iter().collect())
    }

    /// Returns the names of the metrics of telemetry, in byte order. Reads all telemetry that passes the filter.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub fn observed_telemetry_metrics(&self) -> Result<Vec<String>, ExportError> {
        Ok(telemetry_metrics(self)?.into_iter().collect())
    }
}
