//! The error of an analysis.

use dft_export::ExportError;
use dft_store::StoreError;

/// Why an index cannot be analyzed, or a preset cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalyzeError {
    /// The index cannot be read, or a filter or a grouping does not fit it.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The index cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no built-in preset of this name.
    #[error("there is no preset {0:?}: use {known}, auto, or the path of a file", known = crate::preset::built_in::names())]
    NoPreset(String),
    /// The text of a preset is not valid.
    #[error("preset {name}: {reason}")]
    Preset {
        /// The preset, or its file.
        name: String,
        /// What is wrong, with the line and the key if there is one, and what to do.
        reason: String,
    },
    /// What was asked to group by is not known.
    #[error(
        "cannot group by {0:?}: use time, process, host, rank, file, directory, pattern, function, epoch, or a \
         group key of the index"
    )]
    NoBy(String),
    /// The tool has no such view.
    #[error("dfanalyzer has no view {0:?}: use time, process or file")]
    NoDfanalyzerView(String),
    /// Time has too many cells.
    #[error("{cells} cells of time are too many: choose a granularity that gives at most {most}")]
    TooManyCells {
        /// The number of cells.
        cells: u64,
        /// The most.
        most: u64,
    },
    /// A condition of a comparison is not valid.
    #[error("{text:?} is not a condition: {reason}")]
    Condition {
        /// The text.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// There are not two runs to compare.
    #[error("a comparison needs two runs or more")]
    OneRun,
    /// The system refuses threads.
    #[error("{0}")]
    Threads(std::io::Error),
}
