//! What rows are grouped by.

use std::convert::Infallible;
use std::str::FromStr;

use crate::error::ExportError;
use crate::file_parts::{directory, extension, pattern};
use crate::group::value::Value;
use crate::group_column::GroupColumn;
use crate::series::Series;

/// What rows are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupBy {
    /// A column of dfanalyzer's tables.
    Column(GroupColumn),
    /// The kind of the series: `event`, `profile` or `system`.
    Family,
    /// The directory of the file.
    FileDirectory,
    /// The extension of the file, without the dot.
    FileExtension,
    /// The name of the file, with each run of digits as `[0-9]`.
    FilePattern,
    /// The start of the cell of time, in µs.
    TimeBucket,
    /// The power of two that a call's size is at least; 0 for no bytes. Rows do not know the size of each of their
    /// calls, so it is an error if the calls of a row are in several bins.
    SizeBin,
    /// A group key of the index.
    GroupKey(String),
}

/// The names of what rows can be grouped by, other than columns of dfanalyzer and group keys.
const NAMES: [(&str, GroupBy); 6] = [
    ("family", GroupBy::Family),
    ("file_dir", GroupBy::FileDirectory),
    ("file_ext", GroupBy::FileExtension),
    ("file_pattern", GroupBy::FilePattern),
    ("time_bucket", GroupBy::TimeBucket),
    ("size_bin", GroupBy::SizeBin),
];

impl FromStr for GroupBy {
    type Err = Infallible;

    /// Parses a name. A name of nothing else is that of a group key, and so is any name between backquotes.
    fn from_str(name: &str) -> Result<Self, Infallible> {
        if let Some(key) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) {
            return Ok(Self::GroupKey(key.to_owned()));
        }
        if let Some((_, by)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Ok(by.clone());
        }
        Ok(name.parse().map_or_else(|_| Self::GroupKey(name.to_owned()), Self::Column))
    }
}

impl GroupBy {
    /// Returns the name of the column.
    pub fn name(&self) -> &str {
        match self {
            Self::Column(column) => column.name(),
            Self::GroupKey(key) => key,
            _ => NAMES.iter().find(|(_, by)| by == self).map_or("", |(name, _)| name),
        }
    }

    /// Whether the column contains texts; the others contain integers.
    pub(super) fn is_text(&self) -> bool {
        match self {
            Self::Column(column) => column.is_text(),
            Self::TimeBucket | Self::SizeBin => false,
            _ => true,
        }
    }

    /// Whether the value differs between cells of a series.
    pub(super) fn is_of_cell(&self) -> bool {
        matches!(self, Self::TimeBucket | Self::SizeBin | Self::Column(GroupColumn::TimeRange))
    }

    /// Returns the position of a group key among those of the index.
    ///
    /// # Errors
    ///
    /// [`ExportError::NoGroupBy`] if the index has no such group key.
    pub fn place(&self, group_keys: &[String]) -> Result<Option<usize>, ExportError> {
        let Self::GroupKey(name) = self else { return Ok(None) };
        match group_keys.iter().position(|key| key == name) {
            Some(place) => Ok(Some(place)),
            None => Err(ExportError::NoGroupBy { name: name.clone(), group_keys: group_keys.to_vec() }),
        }
    }

    /// Returns the value of a series. What differs between cells is set later. `place` is the position of the group
    /// key.
    pub fn of_series(&self, series: &Series, place: Option<usize>) -> Value {
        let identity = &series.identity;
        let text = |text: &str| Value::Text(text.to_owned());
        match self {
            Self::Family => text(identity.kind.name()),
            Self::FileDirectory => text(directory(&series.file_name)),
            Self::FileExtension => text(extension(&series.file_name)),
            Self::FilePattern => text(&pattern(&series.file_name)),
            Self::GroupKey(_) => {
                let value = place.and_then(|place| identity.extra.get(place)).filter(|value| !value.is_empty());
                value.map_or(Value::Null, |value| text(value))
            }
            Self::TimeBucket | Self::SizeBin => Value::Null,
            Self::Column(column) => match column {
                GroupColumn::Cat => text(&identity.category),
                GroupColumn::FuncName => text(&identity.name),
                GroupColumn::Pid => Value::Int(identity.pid),
                GroupColumn::Rank => series.rank.map_or(Value::Null, Value::Int),
                GroupColumn::Tid => Value::Int(identity.tid),
                GroupColumn::FileHash => text(&identity.file_hash),
                GroupColumn::HostHash => text(&identity.host_hash),
                GroupColumn::FileName => text(&series.file_name),
                GroupColumn::HostName => text(&series.host_name),
                GroupColumn::ProcName => Value::Text(series.process_name()),
                GroupColumn::IoCat => Value::Int(series.io_category() as i64),
                GroupColumn::AccPat => Value::Int(0),
                GroupColumn::TimeRange => Value::Null,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_columns_parts_of_files_or_group_keys() {
        let by = |name: &str| name.parse::<GroupBy>().expect("infallible");
        assert_eq!(by("cat"), GroupBy::Column(GroupColumn::Cat));
        assert_eq!(by("file_dir"), GroupBy::FileDirectory);
        assert_eq!(by("epoch"), GroupBy::GroupKey("epoch".to_owned()));
        assert_eq!(by("`cat`"), GroupBy::GroupKey("cat".to_owned()));
        for name in ["family", "file_pattern", "size_bin", "time_range", "time_bucket", "epoch"] {
            assert_eq!(by(name).name(), name);
        }
    }
}
