//! Where the time of a job went: layers, busy time, true overlap, findings, and comparisons of runs.
//!
//! - A *layer* has calls that belong together, such as those of a reader or of POSIX. A [`Preset`], which is data in
//!   TOML, says which calls belong to which layer; [`PresetChoice`] chooses one.
//! - [`analyze`] reads an [`Index`](dft_store::Index) once and returns an [`Analysis`]: the [`Job`], its [`Layer`]s
//!   with their [`Busy`] times, [`Overlap`]s, processes, [`Epoch`]s and [`Findings`]. [`By`] says what its [`Groups`]
//!   are.
//! - [`compare()`] sets runs side by side in a [`Comparison`], tells changes from noise ([`Welch`]) and judges
//!   [`Condition`]s.
//! - [`mod@dfanalyzer`] reproduces the numbers of that tool.
//! - [`AnalyzeError`] is the error of all of these.
//!
//! Busy times and overlaps are exact. A row of the index knows when its calls were in progress
//! ([`Occupancy`](dft_codec::Occupancy)), so any layer's busy time in a process is the union of its rows' intervals,
//! and an overlap is an intersection. Times are in µs and sizes in bytes. What is not known, such as the times of calls
//! that a tracer summed up, is `None`, never 0.
//!
//! # Example
//!
//! ```
//! use dft_analyze::{AnalyzeOptions, By, analyze};
//! # use dft_aggregate::{Aggregator, Config};
//! # use dft_codec::FileCounts;
//! # use dft_store::{Batch, Index, IndexWriter};
//! # use dft_trace::{Clock, Line, Parser};
//! #
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("run.dftagg");
//! # let config = Config::default();
//! # let mut aggregator = Aggregator::new(&config);
//! # let trace = br#"{"name":"read","cat":"POSIX","pid":7,"tid":8,"ts":5,"dur":30,"ph":"X","args":{"ret":4096}}
//! # {"name":"write","cat":"POSIX","pid":7,"tid":9,"ts":20,"dur":80,"ph":"X","args":{"ret":4096}}"#;
//! # Parser::new().parse(trace, 1, Clock::default(), |line| {
//! #     if let Line::Record { record, clock, .. } = line {
//! #         aggregator.record(record, clock, &mut FileCounts::default()).expect("a valid record");
//! #     }
//! # });
//! # let bounds = aggregator.bounds();
//! # let batch = Batch { runs: vec![aggregator.into_run()], files: Vec::new(), bounds, ..Batch::default() };
//! # IndexWriter::open(&path, &config, false)?.publish(&batch, 1)?;
//! #
//! // A read from 5 to 35 µs, and a write from 20 to 100 µs in another thread.
//! let index = Index::open(&path)?;
//! let options = AnalyzeOptions { by: Some(By::Function), ..AnalyzeOptions::default() };
//! let analysis = analyze(&index, &options)?;
//! assert_eq!(analysis.preset.name, "posix");
//! let layer = &analysis.layers[0];
//! assert_eq!((layer.calls, layer.time_us, layer.bytes), (2, 110, Some(8192)));
//! let busy = layer.busy.as_ref().expect("times are known");
//! assert_eq!((busy.any_us, busy.share_of_job), (95, 1.0));
//!
//! // All of it can be serialized; the names of fields have the units.
//! let json = serde_json::to_value(&analysis)?;
//! assert_eq!(json["job"]["time_us"], 95);
//! assert_eq!(json["groups"]["groups"][0]["all"]["busy_us"], 80);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! An analysis holds the intervals of all rows in memory, 16 bytes each, and the groups. It has up to 224 layers. Its
//! numbers do not depend on the number of threads. A row of more than 65,536 calls fills short gaps;
//! [`Busy::excess_us`] says by how much a busy time may be too long.

mod analysis;
mod busy;
mod by;
mod collect;
mod compare;
pub mod dfanalyzer;
mod epochs;
mod error;
mod files;
mod findable;
mod findings;
mod group;
mod groups;
mod intervals;
mod job;
mod kind;
mod layer_set;
mod layers;
mod matcher;
mod names;
mod preset;
mod report;
mod sums;
mod sweep;

pub use analysis::{AnalyzeOptions, analyze};
pub use by::By;
pub use compare::{
    Change, CompareOptions, ComparedRow, Comparison, Condition, ConditionResult, RunNumbers, Welch, compare,
};
pub use error::AnalyzeError;
pub use findings::finding::{Evidence, Finding, Findings, FineFinding, UnknownFinding};
pub use kind::CallKind;
pub use preset::{ChosenPreset, LayerSpec, Preset, PresetChoice};
pub use report::{
    Analysis, Busy, Distribution, Epoch, EpochLayer, Group, Groups, Hidden, Imbalance, Job, KindTotals, Layer,
    LayerTotals, Overlap, ProcessReport, ProcessTime,
};
