//! Reads DFTracer traces (`.pfw`, `.pfw.gz`) of every tracer generation into borrowed [`Record`]s.
//!
//! This crate finds trace files, reads and inflates them in blocks of whole lines, and parses lines
//! into records. It does not aggregate: its users decide which records count, and as what.
//!
//! - [`discover()`] lists the traces in files, directories and globs.
//! - A [`TraceReader`] inflates a trace into [`Block`]s. It can resume a trace that grew, or read a piece of it. Its
//!   [`SourceSummary`] states how far it read, and what is wrong with the file.
//! - A [`Parser`] turns a block into [`Line`]s: a [`Record`], with the [`Clock`] of its times, or a malformed line.
//! - [`TextHashes`] reads the text of a trace only to compare it with other traces.
//! - A [`Cutter`] finds places where a large trace can be cut into pieces.
//!
//! Readers and parsers are for one thread each. A [`Block`] owns its text, so another thread can parse it.
//!
//! # Tracer generations
//!
//! | generation | years | what its traces look like |
//! | --- | --- | --- |
//! | 0 | 2023 | numbers are text, hosts and files are given by name, no metadata |
//! | 1 | 2024–25 | numbers are JSON numbers, hashes are JSON integers |
//! | 2 | 2025–26 | hashes are hexadecimal text, counters of phase `C` are telemetry or statistics of a period |
//! | 3 | 2026 | phases are integers |
//!
//! # How a line becomes a record
//!
//! A tracer writes lines of few shapes. [`layout`] learns them: it compares a line of a known layout
//! with the literal text between the values, and reads only the values. Other lines go to [`scan`], a
//! hand-written scanner for one flat object of plain values; from a line that it reads, a new layout
//! is learnt. Lines that the scanner does not accept go to [`library`], which is `serde_json` with
//! three extensions (invalid UTF-8, `nan` and `inf` in place of a number, unpaired surrogates). If
//! one of the faster two gives a record, the library gives the same one; a property test checks this.
//! So layouts determine the speed, and the library determines the meaning. These three modules are public for tests and
//! benchmarks; use [`Parser`], which chooses among them.
//!
//! A line may have brackets, commas, white space and NULs around its record; see [`payload`]. A malformed line may
//! end in a record, after one that a crash cut off: [`Line::Malformed`] is then followed by that record.
//!
//! # Limits
//!
//! - The number of passes over a line is fixed, regardless of how many records seem to start in it.
//! - A line has at most [`MAX_LINE`] bytes; a longer one is reported and skipped without being held in memory.
//! - A record has at most [`MAX_FIELDS`] args, and as many other fields, including repeated ones. A record with more is
//!   malformed, and needs no more memory than one at the limit.
//! - Integers are signed 64-bit; see [`Value::integer`] for wider ones.
//!
//! # Example
//!
//! ```
//! use dft_trace::{Clock, Line, Parser, Phase};
//!
//! let text = br#"[
//! {"name":"read","cat":"POSIX","pid":7,"tid":7,"ts":1000,"dur":5,"ph":"X","args":{"ret":4096}}
//! oops
//! "#;
//! let mut lines = Vec::new();
//! Parser::new().parse(text, 1, Clock::default(), |line| match line {
//!     Line::Record { record, .. } => lines.push(record.phase == Phase::Complete),
//!     Line::Malformed { line, .. } => assert_eq!(line, 3),
//! });
//! assert_eq!(lines, [true]);
//! ```

mod block;
mod chunk;
mod container;
mod cut;
mod discover;
mod glob;
mod glued;
mod gzip;
pub mod layout;
mod leniency;
pub mod library;
mod line;
mod literal;
mod number;
mod other_content;
mod reader;
mod record;
pub mod scan;
mod source;
mod summary;
mod text_hashes;
mod time_fault;
mod window;

pub use block::{BlockEnd, Line, MalformedReason, Parser};
pub use container::{Container, NotRead, TRACE_SUFFIXES};
pub use cut::Cutter;
// What this crate gives, and an index stores.
pub use dft_codec::{Clock, Consumed, ContentHash, FileFault, Head, OpenEnd, Opening, TimeFault, TimeUnit};
pub use discover::{DiscoverError, Discovered, Unreadable, discover};
pub use line::payload;
pub use number::Integer;
pub use reader::{Block, MAX_LINE, TraceReader};
pub use record::{Arg, ArgKey, LayoutId, MAX_FIELDS, Phase, Record, Value};
pub use source::fingerprint;
pub use summary::{ResumeError, Snapshot, SourceSummary};
pub use text_hashes::TextHashes;
pub use time_fault::find_time_fault;
