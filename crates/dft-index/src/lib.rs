//! The build: traces into an index. Which files, which threads, what was wrong with the input,
//! progress.
//!
//! [`build`] lists the traces, leaves out those that the index has, reads the others, and what has
//! grown from where it ended, on as many threads as asked for, and publishes what they hold at once:
//! all of it, or nothing. [`stage`] does a part of that on one machine of many, to bundles, which
//! [`ingest`] brings into an index; [`stage_pieces`] does it with pieces of traces, which
//! [`plan_pieces`] makes. [`LiveAggregator`] does it without any trace, record by record.
//!
//! # How the work is spread
//!
//! ```text
//!              ┌ inflate ─ block ─ parse ─ aggregate ─┐ spill to runs      merge, write
//! files ──────▶│                └────┐                ├─ when the budget ─▶ sorted files ─▶ publish
//! largest first└ inflate ─ block     ▼ to idle threads┘ is used up
//! ```
//!
//! Each thread takes the next file, inflates it and parses its own blocks while they are in the
//! cache. A thread that finds no file left parses blocks of those that are still being read, so one
//! large file keeps every thread busy. Every thread has a table of its own; the tables merge
//! exactly, so who parsed what cannot be seen in the index.
//!
//! # Limits
//!
//! The memory budget bounds the tables. Beside them a build takes a few blocks of 256 KiB a thread,
//! and the longest line (at most 128 MiB) where there are longer ones than that.

mod build;
mod classify;
mod error;
mod faults;
mod file_changes;
mod ingest;
mod known;
mod listing;
mod live;
mod location;
mod lost;
mod not_traces;
mod opening_filter;
mod options;
mod outcome;
mod part;
mod pieces;
mod plan;
mod processes;
mod progress;
mod read_file;
mod reading;
mod report;
mod resolve;
mod sampling;
mod spilling;
mod stage;
mod tally;
mod trace_texts;
mod workers;

pub use build::build;
pub use error::{BuildError, NoRecordsIn};
pub use ingest::ingest;
pub use known::{gone_traces, other_traces};
pub use live::{LinesAdded, LiveAggregator, TemporaryIndex};
pub use location::index_location;
pub use lost::{LostRecords, lost_records};
pub use not_traces::may_be_a_trace;
pub use options::BuildOptions;
pub use part::{PIECE, Part};
pub use pieces::{Piece, PieceSize, plan_pieces};
pub use progress::{Progress, ProgressState, Stage};
pub use report::{
    BuildReport, FileReport, InputReport, MalformedLine, MovedTrace, SkippedRecord, StageReport, UnchainedPiece,
    Unreadable,
};
pub use resolve::{ResolvedTrace, TraceState, resolve};
pub use stage::{StageTo, stage, stage_pieces};
