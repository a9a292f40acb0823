//! The formats of table files.

use std::str::FromStr;

use crate::batches::Dictionaries;
use crate::error::ExportError;

/// The format of table files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Apache Parquet, compressed with zstd.
    #[default]
    Parquet,
    /// The Arrow IPC file format.
    Arrow,
    /// CSV with a header. A null is an empty field. Text that a spreadsheet would run as a formula, and text that
    /// begins with `'`, is prefixed by `'`.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Parquet, Self::Arrow, Self::Csv];

    /// Returns the extension of its files, which is also its name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Csv => "csv",
        }
    }

    /// Returns how a table's dictionaries must relate to be written in this format.
    pub(crate) fn dictionaries(self) -> Dictionaries {
        match self {
            Self::Arrow => Dictionaries::Whole,
            Self::Parquet | Self::Csv => Dictionaries::PerBatch,
        }
    }
}

impl FromStr for Format {
    type Err = ExportError;

    fn from_str(name: &str) -> Result<Self, ExportError> {
        let found = Self::ALL.into_iter().find(|format| format.extension() == name);
        found.ok_or_else(|| ExportError::NoFormat(name.to_owned()))
    }
}
