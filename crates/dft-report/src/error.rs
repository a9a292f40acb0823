//! Errors of reports.

use std::io;
use std::path::PathBuf;

use dft_analyze::AnalyzeError;
use dft_export::ExportError;
use dft_io::Show;
use dft_store::StoreError;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The index cannot be read.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The index cannot be analyzed.
    #[error(transparent)]
    Analyze(#[from] AnalyzeError),
    /// The index cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sum does not fit 64 bits, which is what pages can show.
    #[error("the sum of {what} does not fit 64 bits: narrow the report with filters, such as --time")]
    TooLarge {
        /// What was summed.
        what: &'static str,
    },
    /// The name of the page is taken by something that is not a report.
    #[error("{} is not a report, so it is not replaced: name another file or remove it", path.shown())]
    NotAReport {
        /// What has the name.
        path: PathBuf,
    },
    /// The page cannot be written.
    #[error("the page cannot be written: {0}")]
    Write(#[from] io::Error),
    /// The data cannot be written as JSON.
    #[error("the data of the page cannot be encoded: {0}")]
    Json(#[from] serde_json::Error),
}
