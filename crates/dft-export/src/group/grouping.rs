//! How rows are grouped: by what, with which statistics, in which order.

use std::collections::HashSet;
use std::str::FromStr;

use dft_codec::SeriesKind;

use crate::error::ExportError;
use crate::group::by::GroupBy;
use crate::group::statistic::Statistic;

/// How rows are grouped, and which statistics the groups get.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    /// The kinds of series whose rows are grouped.
    pub kinds: Vec<SeriesKind>,
    /// What rows are grouped by. If there is nothing, all rows are one group.
    pub by: Vec<GroupBy>,
    /// The statistics of each group.
    pub statistics: Vec<Statistic>,
    /// The columns that groups are sorted by. Groups that are equal in these, or all groups if there are none, are
    /// sorted by what rows are grouped by.
    pub sort: Vec<SortColumn>,
    /// The most groups to return, counted after sorting.
    pub limit: Option<usize>,
    /// The number of threads that read rows. Groups do not depend on it.
    pub threads: usize,
}

/// A column that groups are sorted by. Nulls are last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortColumn {
    /// The name of the column.
    pub column: String,
    /// Whether the highest value is first.
    pub descending: bool,
}

impl FromStr for SortColumn {
    type Err = ExportError;

    /// Parses a column's name, with `:desc` or `:asc` after it.
    fn from_str(text: &str) -> Result<Self, ExportError> {
        let (column, descending) = match text.strip_suffix(":desc") {
            Some(column) => (column, true),
            None => (text.strip_suffix(":asc").unwrap_or(text), false),
        };
        Ok(Self { column: column.to_owned(), descending })
    }
}

impl Default for Grouping {
    /// All calls, also those that the tracer summed up, as one group with the usual statistics.
    fn default() -> Self {
        let usual = ["count", "dur_total", "dur_mean", "dur_max", "size_total"];
        Self {
            kinds: vec![SeriesKind::Call, SeriesKind::AggregatedCall],
            by: Vec::new(),
            statistics: usual.into_iter().filter_map(|name| name.parse().ok()).collect(),
            sort: Vec::new(),
            limit: None,
            threads: 1,
        }
    }
}

impl Grouping {
    /// Parses lists with commas of what to group by ([`GroupBy`]), of statistics ([`Statistic`]; the usual ones if
    /// there are none) and of columns to sort by ([`SortColumn`]).
    ///
    /// # Errors
    ///
    /// [`ExportError::NoStatistic`] if there is no such statistic.
    pub fn parse(by: &str, statistics: &str, sort: &str, limit: Option<usize>) -> Result<Self, ExportError> {
        fn items(list: &str) -> impl Iterator<Item = &str> {
            list.split(',').map(str::trim).filter(|item| !item.is_empty())
        }
        let mut grouping = Self { limit, ..Self::default() };
        // A name of nothing else is that of a group key.
        grouping.by = items(by).filter_map(|name| name.parse().ok()).collect();
        if items(statistics).next().is_some() {
            grouping.statistics = items(statistics).map(str::parse).collect::<Result<_, _>>()?;
        }
        grouping.sort = items(sort).map(str::parse).collect::<Result<_, _>>()?;
        Ok(grouping)
    }

    /// Checks that every column has a name of its own.
    pub(super) fn check_names(&self) -> Result<(), ExportError> {
        let mut names = HashSet::new();
        let columns = self.by.iter().map(GroupBy::name).chain(self.statistics.iter().map(Statistic::name));
        for column in columns {
            if !names.insert(column) {
                return Err(ExportError::ColumnTwice(column.to_owned()));
            }
        }
        match self.sort.iter().find(|sort| !names.contains(sort.column.as_str())) {
            Some(SortColumn { column, .. }) => Err(ExportError::NoSortColumn(column.clone())),
            None => Ok(()),
        }
    }
}
