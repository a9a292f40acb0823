//! Builds an index from traces: finds the files, reads them on several threads, and reports progress and faults.
//!
//! - [`build()`] adds traces to an index. It skips traces that the index has, resumes traces that grew, and commits all
//!   new rows in one step or none.
//! - [`stage()`] aggregates a [`Part`] of the traces to bundles, on a machine without the index. [`stage_pieces`] does
//!   the same for pieces of large traces, which [`plan_pieces`] cuts. [`ingest()`] adds bundles to an index.
//! - [`LiveAggregator`] aggregates records one by one, without a trace. A [`Sink`] does so for all threads of a
//!   program, and hands them over to an index while the program runs.
//! - [`resolve()`] returns which traces a build would read. [`validate()`] reads and judges traces without an index.
//!   [`index_location`] is where the index of some traces is by default.
//! - [`BuildReport`] and [`StageReport`] state what was read and every fault of the input; [`BuildError`] states why
//!   there is no result. [`Progress`] lets another thread watch a build and stop it.
//!
//! # Example
//!
//! ```
//! use dft_aggregate::Config;
//! use dft_index::{BuildOptions, Progress, build};
//! use dft_store::Index;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let trace = folder.path().join("rank-0.pfw");
//! let read = r#"{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":5,"dur":2,"ph":"X","args":{"ret":4096}}"#;
//! std::fs::write(&trace, format!("[\n{read}\n{read}\n"))?;
//!
//! let index = folder.path().join("index");
//! let report = build(&[trace], &index, &Config::default(), &BuildOptions::default(), &Progress::default())?;
//! assert_eq!(report.input.counts().events, 2);
//! assert!(!report.input.has_faults());
//!
//! let index = Index::open(&index)?;
//! assert_eq!(index.files()?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # How the work is spread over threads
//!
//! ```text
//!              ┌ inflate ─ block ─ parse ─ aggregate ─┐ spill to runs      merge, write
//! files ──────▶│                └────┐                ├─ at the memory ──▶ SST files ──▶ commit
//! largest first└ inflate ─ block     ▼ to idle threads┘ budget
//! ```
//!
//! Each thread takes the next file, inflates it, and parses its own blocks while they are in the cache. A thread that
//! finds no file left parses blocks of files that are still being read, so one large file keeps every thread busy.
//! Every thread has a table of its own. The tables merge exactly, so the index does not depend on which thread parsed
//! what.
//!
//! # What happens to one file
//!
//! The names are those of private modules and types:
//!
//! 1. `plan` compares the file with what the index holds of it: it is known, has grown, is new, or has changed.
//! 2. `workers` read planned files. Each thread counts what it sees of a file in a `FileTally`.
//! 3. `classify` inflates files that may have the trace of another file, and decides by their text.
//! 4. Each step that settles a file makes its `FileOutcome`. At the end, the outcome is split into what is stored of
//!    the file and its [`FileReport`].
//!
//! # Limits
//!
//! A build or an ingest changes the index completely or not at all. A [`BuildError`] leaves it unchanged, except that
//! after [`StoreError::Committed`](dft_store::StoreError::Committed) everything was added. Faults of the input are not
//! errors unless the build is [strict](BuildOptions::strict); the report lists them.
//!
//! The memory budget ([`BuildOptions::memory`], 512 MiB by default) limits the tables. In addition, a build takes a few
//! blocks of 256 KiB per thread, and the longest line (at most 128 MiB) if lines are longer than that.

mod build;
mod classify;
mod error;
mod fault_texts;
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
mod sink;
mod spilling;
mod stage;
mod tally;
mod trace_texts;
mod validate;
mod workers;

pub use build::build;
pub use error::{BuildError, NoRecordsIn};
pub use ingest::ingest;
pub use known::{gone_traces, other_traces};
pub use live::{LinesAdded, LiveAggregator, TemporaryIndex};
pub use location::index_location;
pub use lost::{LostRecords, describe_lost, lost_records};
pub use not_traces::may_be_a_trace;
pub use options::BuildOptions;
pub use part::{PIECE, Part, PartError};
pub use pieces::{Piece, PieceSize, plan_pieces};
pub use processes::MORE_PROCESSES;
pub use progress::{BuildPhase, Progress, ProgressState};
pub use report::{
    BuildReport, FileReport, InputReport, MalformedLine, MovedTrace, SkippedRecord, StageReport, UnchainedPiece,
    ValidateReport,
};
pub use resolve::{ResolvedTrace, TraceState, resolve};
pub use sink::{Sink, SinkOptions};
pub use stage::{StageTo, stage, stage_pieces};
pub use validate::validate;
