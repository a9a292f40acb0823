//! Aggregates records into rows: finds the series and the bucket of each record, updates the row in a table in memory,
//! and writes tables out as sorted runs.
//!
//! - A [`Config`] states the interval, the group keys and the metrics. It never changes for an index.
//! - An [`Aggregator`] holds a table. It takes records one by one; malformed ones change nothing.
//! - A [`Run`] is a table that was written out, in memory or in a file. It has a [`Section`] for each kind of entry.
//! - [`merge_runs`] turns runs into one sorted stream of keys and values for the store.
//!
//! All entries of runs merge exactly, so the result does not depend on which aggregator got which record, or on when
//! tables were written out. This crate does not depend on RocksDB.
//!
//! # Limits
//!
//! An aggregator is for one thread. Its table grows with its series and rows, so the caller must compare
//! [`Aggregator::memory`] with a budget, and [spill](Aggregator::spill) the table to a file when it is exceeded. The
//! file is removed with its [`Run`]. A configuration has an interval of at least 1 µs and at most 1,000 group keys
//! ([`Config::check`]).
//!
//! # Example
//!
//! ```
//! use dft_aggregate::{Aggregator, Config, Section, merge_runs};
//! use dft_codec::{FileCounts, RowValue, RowKey};
//! use dft_trace::{Clock, Line, Parser};
//!
//! let mut aggregator = Aggregator::new(&Config::default());
//! let mut counts = FileCounts::default();
//! let text = br#"{"name":"read","cat":"POSIX","ts":5,"dur":2,"ph":"X","args":{"ret":10}}"#;
//! Parser::new().parse(text, 1, Clock::default(), |line| {
//!     if let Line::Record { record, clock, .. } = line {
//!         aggregator.record(record, clock, &mut counts).expect("a valid record");
//!     }
//! });
//! let run = aggregator.into_run();
//! merge_runs(&[run], Section::Rows, None, |key, value| {
//!     let row = RowValue::decode(value, RowKey::decode(key).expect("a key").bucket).expect("a row");
//!     assert_eq!((row.core.count, row.core.size.sum()), (1, 10));
//!     Ok::<(), std::convert::Infallible>(())
//! }).expect("valid runs");
//! ```

mod aggregator;
mod arg_index;
mod arg_plan;
mod cells;
mod config;
mod encoded_cells;
mod files;
mod flush;
mod functions;
mod intern;
mod merge;
mod name_log;
mod partition;
mod rules;
mod run;
mod series_cache;
mod table;

pub use aggregator::Aggregator;
pub use config::{Config, ConfigError, CounterPeriod, CustomMetrics};
pub use functions::IoCategory;
pub use merge::{MergeError, merge_into_one, merge_runs};
pub use partition::PARTITIONS;
pub use run::{Run, RunError, Section};
