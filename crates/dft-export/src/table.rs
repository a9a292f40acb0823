//! The tables by name, and what can be chosen about them.

use std::str::FromStr;

use dft_codec::SeriesKind;

use crate::batches::Dictionaries;
use crate::error::ExportError;
use crate::group_column::GroupColumn;

/// A table of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Table {
    /// Calls.
    Events,
    /// Aggregated calls.
    Profiles,
    /// Telemetry.
    System,
    /// Host statistics.
    PreaggregatedSystem,
    /// Processes.
    Processes,
    /// Rows of all series kinds with full statistics.
    Aggregation,
    /// Telemetry by host, name and cell only, as dfanalyzer and users of the C++ library know it: readings of
    /// counters that differ only by category, process or group keys merge.
    SystemByHost,
}

/// Which rows of the index a table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableSource {
    /// Rows of one series kind, in dfanalyzer's columns.
    Calls(SeriesKind),
    /// Telemetry.
    Telemetry(CounterIdentity),
    /// Processes.
    Processes,
    /// Rows of all series kinds.
    Statistics,
}

/// What identifies a counter of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CounterIdentity {
    /// Host, name, category, process and group keys.
    Full,
    /// Host and name.
    HostAndName,
}

impl Table {
    /// Every table, in the order in which exports list them.
    pub const ALL: [Self; 7] = [
        Self::Events,
        Self::Profiles,
        Self::System,
        Self::PreaggregatedSystem,
        Self::Processes,
        Self::Aggregation,
        Self::SystemByHost,
    ];

    /// Returns the table's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Profiles => "profiles",
            Self::System => "system",
            Self::PreaggregatedSystem => "preaggregated_system",
            Self::Processes => "processes",
            Self::Aggregation => "aggregation",
            Self::SystemByHost => "system_by_host",
        }
    }

    /// Returns the table that shows the rows of a series kind in dfanalyzer's columns.
    pub(crate) fn of_kind(kind: SeriesKind) -> Self {
        match kind {
            SeriesKind::Call => Self::Events,
            SeriesKind::AggregatedCall => Self::Profiles,
            SeriesKind::HostStatistic => Self::PreaggregatedSystem,
        }
    }

    pub(crate) fn source(self) -> TableSource {
        match self {
            Self::Events => TableSource::Calls(SeriesKind::Call),
            Self::Profiles => TableSource::Calls(SeriesKind::AggregatedCall),
            Self::PreaggregatedSystem => TableSource::Calls(SeriesKind::HostStatistic),
            Self::System => TableSource::Telemetry(CounterIdentity::Full),
            Self::SystemByHost => TableSource::Telemetry(CounterIdentity::HostAndName),
            Self::Processes => TableSource::Processes,
            Self::Aggregation => TableSource::Statistics,
        }
    }

    /// Checks that rows of the table can be grouped.
    ///
    /// # Errors
    ///
    /// [`ExportError::NotGrouped`] if the table does not have dfanalyzer's columns.
    pub(crate) fn require_groups(self) -> Result<SeriesKind, ExportError> {
        match self.source() {
            TableSource::Calls(kind) => Ok(kind),
            _ => Err(ExportError::NotGrouped(self.name())),
        }
    }
}

impl FromStr for Table {
    type Err = ExportError;

    fn from_str(name: &str) -> Result<Self, ExportError> {
        Self::ALL.into_iter().find(|table| table.name() == name).ok_or_else(|| ExportError::NoTable(name.to_owned()))
    }
}

/// How a table is shown. The default is rows that are not grouped, with dictionaries per batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// The columns to group rows by; rows are not grouped if there are none.
    pub group_by: Vec<GroupColumn>,
    /// The dictionaries of string columns. Groups always have dictionaries per batch.
    pub dictionaries: Dictionaries,
}
