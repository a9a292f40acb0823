//! The columns that rows can be grouped by.

use std::str::FromStr;

use crate::error::ExportError;

/// A column that rows can be grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupColumn {
    /// Category.
    Cat,
    /// Function.
    FuncName,
    /// Process.
    Pid,
    /// Rank of the process; null if unknown.
    Rank,
    /// Thread.
    Tid,
    /// File, by hash.
    FileHash,
    /// Host, by hash.
    HostHash,
    /// File, by name.
    FileName,
    /// Host, by name.
    HostName,
    /// Host, process and thread in one string.
    ProcName,
    /// The kind of I/O.
    IoCat,
    /// Access pattern, which is always 0.
    AccPat,
    /// Cell of time.
    TimeRange,
}

impl GroupColumn {
    /// Every column that rows can be grouped by, in the order of the table.
    pub const ALL: [Self; 13] = [
        Self::Cat,
        Self::FuncName,
        Self::Pid,
        Self::Rank,
        Self::Tid,
        Self::FileHash,
        Self::HostHash,
        Self::FileName,
        Self::HostName,
        Self::ProcName,
        Self::IoCat,
        Self::AccPat,
        Self::TimeRange,
    ];

    /// Returns the column's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cat => "cat",
            Self::FuncName => "func_name",
            Self::Pid => "pid",
            Self::Rank => "rank",
            Self::Tid => "tid",
            Self::FileHash => "file_hash",
            Self::HostHash => "host_hash",
            Self::FileName => "file_name",
            Self::HostName => "host_name",
            Self::ProcName => "proc_name",
            Self::IoCat => "io_cat",
            Self::AccPat => "acc_pat",
            Self::TimeRange => "time_range",
        }
    }

    /// Whether the column contains strings; the others contain integers.
    pub(crate) fn is_text(self) -> bool {
        !matches!(self, Self::Pid | Self::Rank | Self::Tid | Self::IoCat | Self::AccPat | Self::TimeRange)
    }
}

impl FromStr for GroupColumn {
    type Err = ExportError;

    fn from_str(name: &str) -> Result<Self, ExportError> {
        let found = Self::ALL.into_iter().find(|column| column.name() == name);
        found.ok_or_else(|| ExportError::NoGroupColumn(name.to_owned()))
    }
}
