//! What an analysis is grouped by.

use std::fmt;
use std::str::FromStr;

use dft_export::{GroupBy, GroupColumn, Series, Value};

use crate::error::AnalyzeError;

/// What an analysis is grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum By {
    /// Cells of time.
    Time,
    /// Processes.
    Process,
    /// Hosts.
    Host,
    /// Ranks of processes.
    Rank,
    /// Files.
    File,
    /// Directories of files.
    Directory,
    /// Names of files, with each run of digits as `[0-9]`.
    Pattern,
    /// Functions, with their categories.
    Function,
    /// The calls of the preset's epoch layer, which are windows of time; or the group key `epoch`, if the index has it.
    Epoch,
    /// A group key of the index.
    GroupKey(String),
}

/// The names, other than of group keys.
const NAMES: [(&str, By); 9] = [
    ("time", By::Time),
    ("process", By::Process),
    ("host", By::Host),
    ("rank", By::Rank),
    ("file", By::File),
    ("directory", By::Directory),
    ("pattern", By::Pattern),
    ("function", By::Function),
    ("epoch", By::Epoch),
];

impl FromStr for By {
    type Err = std::convert::Infallible;

    /// Parses a name. A name of nothing else is that of a group key.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        Ok(found.map_or_else(|| Self::GroupKey(name.to_owned()), |(_, by)| by.clone()))
    }
}

impl fmt::Display for By {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GroupKey(key) => formatter.write_str(key),
            _ => formatter.write_str(NAMES.iter().find(|(_, by)| by == self).map_or("", |(name, _)| name)),
        }
    }
}

/// How the group of a series is found.
#[derive(Clone, Debug)]
pub(crate) enum SeriesGroup {
    /// There are no groups, or they are windows of time.
    None,
    Process,
    Host,
    File,
    Function,
    /// A column or a group key, with the position of the key.
    Column(GroupBy, Option<usize>),
}

impl SeriesGroup {
    /// Returns how the group of a series is found in an index with these group keys.
    pub(crate) fn of(by: Option<&By>, group_keys: &[String]) -> Result<Self, AnalyzeError> {
        let column = |column: GroupBy| {
            let place = column.place(group_keys);
            place.map(|place| Self::Column(column, place))
        };
        Ok(match by {
            None | Some(By::Time) => Self::None,
            Some(By::Epoch) if !group_keys.iter().any(|key| key == "epoch") => Self::None,
            Some(By::Epoch) => column(GroupBy::GroupKey("epoch".to_owned()))?,
            Some(By::Process) => Self::Process,
            Some(By::Host) => Self::Host,
            Some(By::File) => Self::File,
            Some(By::Function) => Self::Function,
            Some(By::Rank) => column(GroupBy::Column(GroupColumn::Rank))?,
            Some(By::Directory) => column(GroupBy::FileDirectory)?,
            Some(By::Pattern) => column(GroupBy::FilePattern)?,
            Some(By::GroupKey(key)) => {
                column(GroupBy::GroupKey(key.clone())).map_err(|_| AnalyzeError::NoBy(key.clone()))?
            }
        })
    }

    /// Whether the group differs between the files of a scope.
    pub(crate) fn is_of_file(&self) -> bool {
        matches!(self, Self::File | Self::Column(GroupBy::FileDirectory | GroupBy::FilePattern, _))
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Returns the name of a series' group; empty if it has none.
    pub(crate) fn name(&self, series: &Series) -> String {
        let identity = &series.identity;
        let either = |name: &String, hash: &String| if name.is_empty() { hash.clone() } else { name.clone() };
        match self {
            Self::None => String::new(),
            // Named when all processes are known.
            Self::Process => format!("{}\u{0}{}", identity.host_hash, identity.pid),
            Self::Host => either(&series.host_name, &identity.host_hash),
            Self::File => either(&series.file_name, &identity.file_hash),
            Self::Function => format!("{} {}", identity.category, identity.name),
            Self::Column(column, place) => match column.of_series(series, *place) {
                Value::Text(text) => text,
                Value::Int(number) => number.to_string(),
                _ => String::new(),
            },
        }
    }
}
