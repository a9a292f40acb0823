//! The formats of `dft query`.

use std::ffi::OsStr;
use std::path::Path;
use std::str::FromStr;

use dft_export::Format;

/// How groups are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryFormat {
    /// For people, with units.
    Table,
    /// An array of objects. Times are in µs, sizes in bytes.
    Json,
    /// A file format of tables.
    File(Format),
}

impl QueryFormat {
    /// Returns the format that the extension of a file names, or the table.
    pub(crate) fn of_file(path: &Path) -> Self {
        let extension = path.extension().and_then(OsStr::to_str);
        extension.and_then(|extension| extension.parse().ok()).unwrap_or(Self::Table)
    }
}

impl FromStr for QueryFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            _ => name
                .parse()
                .map(Self::File)
                .map_err(|_| format!("there is no format {name:?}; the formats are table, csv, json, parquet, arrow")),
        }
    }
}
