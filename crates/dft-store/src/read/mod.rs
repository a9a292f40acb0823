//! An index as readers see it.

mod chunk_rows;
mod contents;
pub(crate) mod file_names;
pub(crate) mod index;
mod lookups;
pub(crate) mod names;
mod page_rows;
pub(crate) mod prefetch;
pub(crate) mod row_query;
pub(crate) mod same_traces;
pub(crate) mod scan;
pub(crate) mod series;
pub(crate) mod telemetry_scan;
pub(crate) mod verify;
