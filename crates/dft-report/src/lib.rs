//! One HTML page that shows where the time of a job went.
//!
//! - [`ReportData::of`] reads the rows of a [`View`](dft_export::View) and adds up what a screen can show, exactly:
//!   totals by layer and kind of I/O, calls over time, processes × time, distributions, files, functions. The module
//!   [`data`] describes all of it.
//! - [`ReportData::write_html`] and [`ReportData::write_file`] write it as one page with its own program, which needs
//!   no network and no other file. [`ReportData::to_json`] returns it as JSON.
//! - [`ComparedData`] does the same for several runs, side by side.
//! - [`ReportError`] is the error of all of these.
//!
//! # Example
//!
//! ```
//! use dft_analyze::PresetChoice;
//! use dft_export::{Filter, View};
//! use dft_report::ReportData;
//! use dft_store::Index;
//! # use dft_aggregate::Config;
//! # use dft_index::{BuildOptions, Progress, build};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (path, page) = (folder.path().join("index"), folder.path().join("report.html"));
//! # let trace = folder.path().join("rank-0.pfw");
//! # let read = r#"{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":5,"dur":2,"ph":"X","args":{"ret":4096}}"#;
//! # std::fs::write(&trace, format!("[\n{read}\n{read}\n"))?;
//! # build(&[trace], &path, &Config::default(), &BuildOptions::default(), &Progress::default())?;
//! #
//! let index = Index::open(&path)?;
//! let view = View::new(&index, None, Filter::default())?;
//! let report = ReportData::of(&view, PresetChoice::default(), 2)?;
//! assert_eq!(report.job.calls, 2);
//! report.write_file(&page)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! The page has at most 3 MB, whatever the size of the index: lists end after the items with the most time or bytes
//! and say how many more there are. Memory grows with the processes, the functions and the names of files of the job. A
//! sum that exceeds 64 bits is [`ReportError::TooLarge`].

mod bins;
mod calls;
mod collect;
pub mod compare;
pub mod data;
mod distribution;
mod error;
mod file_tree;
mod files;
mod html;
mod job;
mod page_file;
mod plan;
mod sums;
mod telemetry;
mod text;

pub use compare::ComparedData;
pub use data::ReportData;
pub use error::ReportError;
