//! Groups of rows by anything that rows know, with statistics that are exact wherever the index is.

mod by;
mod collect;
mod grouping;
mod statistic;
mod sums;
mod table;
mod value;

pub use by::GroupBy;
pub use grouping::{Grouping, SortColumn};
pub use statistic::{Quantity, Statistic};
pub use table::{GroupBatches, GroupTable, OutputColumn};
pub use value::Value;

use crate::error::ExportError;
use crate::group_column::GroupColumn;
use crate::view::View;

use collect::{Keys, collect};
use statistic::{Metric, StatisticKind};
use sums::{GroupSums, Needs};

impl View<'_> {
    /// Groups the rows that pass the filter. Memory grows with the groups, not with the rows.
    ///
    /// # Example
    ///
    /// ```
    /// use dft_export::{Batches, Filter, Grouping, Value, View};
    /// # use dft_aggregate::{Aggregator, Config};
    /// # use dft_codec::FileCounts;
    /// # use dft_store::{Batch, Index, IndexWriter};
    /// # use dft_trace::{Clock, Line, Parser};
    /// #
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("run.dftagg");
    /// # let config = Config::default();
    /// # let mut aggregator = Aggregator::new(&config);
    /// # let trace = br#"{"name":"read","cat":"POSIX","pid":7,"tid":8,"ts":5,"dur":3,"ph":"X","args":{"ret":4096}}"#;
    /// # Parser::new().parse(trace, 1, Clock::default(), |line| {
    /// #     if let Line::Record { record, clock, .. } = line {
    /// #         aggregator.record(record, clock, &mut FileCounts::default()).expect("a sound record");
    /// #     }
    /// # });
    /// # let bounds = aggregator.bounds();
    /// # let batch = Batch { runs: vec![aggregator.into_run()], files: Vec::new(), bounds, ..Batch::default() };
    /// # IndexWriter::open(&path, &config, false)?.publish(&batch, 1)?;
    /// #
    /// let index = Index::open(&path)?;
    /// let view = View::new(&index, None, Filter::default())?;
    ///
    /// // The functions and directories that took the most time.
    /// let grouping = Grouping::parse("func_name,file_dir", "count,dur_total,size_mean", "dur_total:desc", Some(10))?;
    /// let groups = view.group(&grouping)?;
    /// assert_eq!(groups.columns()[0].name, "func_name");
    /// assert_eq!(groups.rows()[0][2], Value::Int(1));
    ///
    /// // The same as record batches.
    /// let mut batches = groups.into_batches();
    /// assert_eq!(batches.next_batch()?.map(|batch| batch.num_columns()), Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`ExportError::NoGroupBy`], [`ExportError::ColumnTwice`] or [`ExportError::NoSortColumn`] if the columns are
    ///   none that the index has, are named twice, or are not there to sort by.
    /// - [`ExportError::NoSketches`] if a statistic needs sketches and the index does not have them.
    /// - [`ExportError::NoMetric`] if no row has a custom metric of the statistics.
    /// - [`ExportError::SeveralSizeBins`] if rows are grouped by size bin and a row's calls are in several.
    /// - [`ExportError::GroupedShard`] if the view shows one shard.
    /// - Fails if the index cannot be read, or if a number does not fit its column.
    pub fn group(&self, grouping: &Grouping) -> Result<GroupTable, ExportError> {
        let config = self.index().config();
        grouping.check_names()?;
        if self.filter().shard.is_some() {
            return Err(ExportError::GroupedShard);
        }
        dft_io::require_threads(grouping.threads).map_err(ExportError::Threads)?;
        if grouping.by.contains(&GroupBy::Column(GroupColumn::Rank)) {
            self.names().load_ranks(self.index())?;
        }
        let places = grouping.by.iter().map(|by| by.place(&config.extra_group_keys)).collect::<Result<_, _>>()?;
        let needs = Needs::of(&grouping.statistics, config.sketch_accuracy)?;
        let keys = Keys { by: &grouping.by, places };
        let mut collected = collect(self, &grouping.kinds, &keys, &needs, grouping.threads.max(1))?;
        if collected.groups.is_empty() && grouping.by.is_empty() {
            collected.groups.insert(Vec::new(), GroupSums::new(&needs));
        } else if !collected.groups.is_empty() {
            check_customs(grouping, collected.customs.iter())?;
        }
        GroupTable::new(self, grouping, collected.groups.into_iter().collect(), &needs)
    }
}

/// Checks that rows have the custom metrics of the statistics.
fn check_customs<'n>(
    grouping: &Grouping,
    mut names: impl Iterator<Item = &'n String> + Clone,
) -> Result<(), ExportError> {
    for statistic in &grouping.statistics {
        if let StatisticKind::OfMetric(Metric::Custom(name), _) = &statistic.kind
            && !names.clone().any(|known| known == name)
        {
            let known = names.by_ref().take(20).cloned().collect();
            return Err(ExportError::NoMetric { statistic: statistic.name().to_owned(), name: name.clone(), known });
        }
    }
    Ok(())
}
