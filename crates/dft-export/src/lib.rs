//! Rows of the index as Arrow tables, and as Parquet, Arrow IPC and CSV files.
//!
//! A [`View`] is an index at a granularity, through a filter. It gives every table as a stream of
//! record batches ([`Batches`]); [`export`] writes them to files. The tables:
//!
//! | table | rows | columns |
//! | --- | --- | --- |
//! | `events` | calls, by series and cell of time | those of dfanalyzer |
//! | `profiles` | calls that a tracer aggregated | the same |
//! | `preaggregated_system` | system statistics that a tracer aggregated | the same |
//! | `system` | telemetry, by host, counter and cell | one for each metric, holding its mean |
//! | `processes` | processes, by host and number | rank, command, start and end, records |
//! | `aggregation` | all but telemetry | full statistics of every metric |
//!
//! # Granularity
//!
//! The cell of a row is its bucket rounded down to the granularity, which is a multiple of the
//! index's interval. Rows of a series in one cell are merged, exactly; so a table at a granularity
//! is the one that indexing at that interval would have given.
//!
//! # Limits
//!
//! Tables are streamed: memory does not grow with their rows. It grows with the names of files and
//! hosts, with the groups of a grouped table, and, for Arrow IPC, with the distinct strings of a
//! table, for that format wants each dictionary whole and first.

mod cells;
mod columns;
mod error;
mod export;
mod files;
mod filter;
mod query;
mod summary;
mod tables;
mod view;

pub use cells::{Cell, CellScan, Series};
pub use error::ExportError;
pub use export::{Batches, Export, ExportOptions, Exported, Table, export};
pub use files::Format;
pub use filter::{Filter, Pattern, Shard};
pub use query::Query;
pub use summary::{Function, Metric, Named, Summary, Totals};
pub use tables::grouped::GroupColumn;
pub use view::{Dictionaries, View};
