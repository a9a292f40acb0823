//! One HTML page that shows where the time of a job went.
//!
//! [`ReportData::of`] reads an index once and adds up what a screen can show, exactly: totals by layer and kind of I/O,
//! calls over time, processes × time, distributions, files, functions. [`ReportData::write_html`] writes it as one page
//! with its own program, which needs no network and no other file. [`ComparedData`] does the same for several runs, side by
//! side.
//!
//! # Limits
//!
//! The page has less than 3 MB, whatever the size of the index: lists end after the items with the most time or bytes and
//! say how many more there are. Memory grows with the processes, the functions and the names of files of the job.

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
mod plan;
mod sums;
mod telemetry;
mod text;

pub use compare::ComparedData;
pub use data::ReportData;
pub use error::ReportError;
