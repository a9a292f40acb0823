//! Rows of the index as Arrow tables, and as Parquet, Arrow IPC and CSV files.
//!
//! - A [`View`] is an index at a granularity, through a [`Filter`]. A filter may have a [`Query`], an expression such
//!   as `cat == "posix" and pid in [1, 2]`.
//! - [`View::table`] returns a [`Table`] as a stream of record batches ([`Batches`]). [`export()`] writes tables to
//!   files in a [`Format`].
//! - [`View::group`] groups rows as a [`Grouping`] says, with any [`Statistic`] of them, and returns a [`GroupTable`].
//! - [`Summary`] has the totals of a view. [`View::cells`] walks its cells one by one.
//! - [`ExportError`] is the error of all of these.
//!
//! Times are in µs and sizes in bytes. The tables:
//!
//! | table | rows | columns |
//! | --- | --- | --- |
//! | `events` | calls, by series and cell of time | those of dfanalyzer |
//! | `profiles` | aggregated calls | the same |
//! | `preaggregated_system` | host statistics | the same |
//! | `system` | telemetry, by host, counter and cell | one for each metric, with its mean |
//! | `system_by_host` | telemetry, by host, name and cell | the same, without category and process |
//! | `processes` | processes, by host and number | rank, command, start and end, records |
//! | `aggregation` | all rows except telemetry | full statistics of every metric |
//!
//! # Example
//!
//! ```
//! use dft_export::{Batches, ExportOptions, Filter, Format, Pattern, Table, TableOptions, View, export};
//! # use dft_aggregate::{Aggregator, Config};
//! # use dft_codec::FileCounts;
//! # use dft_store::{Batch, Index, IndexWriter};
//! # use dft_trace::{Clock, Line, Parser};
//! #
//! # let folder = tempfile::tempdir()?;
//! # let (path, out) = (folder.path().join("run.dftagg"), folder.path().join("tables"));
//! # let config = Config::default();
//! # let mut aggregator = Aggregator::new(&config);
//! # let trace = br#"{"name":"read","cat":"POSIX","pid":7,"tid":8,"ts":5,"dur":3,"ph":"X","args":{"ret":4096}}"#;
//! # Parser::new().parse(trace, 1, Clock::default(), |line| {
//! #     if let Line::Record { record, clock, .. } = line {
//! #         aggregator.record(record, clock, &mut FileCounts::default()).expect("a valid record");
//! #     }
//! # });
//! # let bounds = aggregator.bounds();
//! # let batch = Batch { runs: vec![aggregator.into_run()], files: Vec::new(), bounds, ..Batch::default() };
//! # IndexWriter::open(&path, &config, false)?.publish(&batch, 1)?;
//! #
//! let index = Index::open(&path)?;
//!
//! // Calls of POSIX functions in cells of 10 seconds, as record batches.
//! let filter = Filter { category: Some(Pattern::new("posix")?), ..Filter::default() };
//! let view = View::new(&index, Some(10_000_000), filter)?;
//! let mut events = view.table(Table::Events, TableOptions::default())?;
//! let mut rows = 0;
//! while let Some(batch) = events.next_batch()? {
//!     rows += batch.num_rows();
//! }
//! assert_eq!(rows, 1);
//!
//! // The same table as a Parquet file.
//! let options =
//!     ExportOptions { tables: vec![Table::Events], group_by: Vec::new(), format: Format::Parquet, threads: 2 };
//! let exported = export(&view, &out, &options)?;
//! assert_eq!(exported.tables[0].path, out.join("events.parquet"));
//! assert_eq!(exported.tables[0].rows, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Granularity
//!
//! The cell of a row is its bucket rounded down to the granularity, which is a multiple of the index's interval. Rows
//! of a series in one cell are merged exactly. A table at a granularity is therefore the one that indexing at that
//! interval would give.
//!
//! # Limits
//!
//! Tables are streamed: memory does not grow with their rows. It grows with the names of files and hosts, with the
//! groups of a grouped table, with the processes of the table of processes, and, for Arrow IPC, with the distinct
//! strings of a table, because that format requires complete dictionaries before the first batch. Integer columns have
//! 64 bits: a sum that does not fit is [`ExportError::TooLarge`], never a wrong number. A table has at most
//! [`Shard::MAX`] shards.

mod batches;
mod cells;
mod columns;
mod error;
mod export;
pub mod file_parts;
mod files;
mod filter;
mod fold;
mod group;
mod group_column;
mod in_order;
mod names;
mod numbers;
mod observed;
mod query;
mod readings;
mod series;
mod string_dictionary;
mod summary;
mod table;
mod tables;
mod view;

pub use batches::{Batches, Dictionaries};
pub use cells::{Cell, CellScan};
pub use error::ExportError;
pub use export::{Export, ExportOptions, Exported, export};
pub use files::format::Format;
pub use files::temporary::replace_file;
pub use filter::{Filter, Pattern, Shard};
pub use group::{GroupBatches, GroupBy, GroupTable, Grouping, OutputColumn, Quantity, SortColumn, Statistic, Value};
pub use group_column::GroupColumn;
pub use query::Query;
pub use series::Series;
pub use summary::{Function, Layer, Metric, Named, Summary, Totals};
pub use table::{Table, TableOptions};
pub use tables::processes::Process;
pub use view::View;
