//! What a trace says: DFTracer files (`.pfw`, `.pfw.gz`) to borrowed [`Record`]s, every tracer
//! generation.
//!
//! This crate finds trace files, reads and inflates them in blocks of whole lines, and turns lines
//! into records. It knows no aggregation: which records count, and as what, is decided above it.
//!
//! # How a line becomes a record
//!
//! A tracer writes a handful of shapes of lines. [`layout`] learns them: a line of a known shape is
//! compared with its literal text between the values, and only the values are read. What is of no
//! known shape goes to [`scan`], a hand-written scanner for one flat object of plain values, and
//! teaches the new shape if it is one. Whatever that does not take goes to [`library`], which is
//! `serde_json` plus the few liberties the format takes (invalid UTF-8, `nan` and `inf` in a number's
//! place, unpaired surrogates). Where the faster two give a record, the library gives the same one; a property test
//! holds the three equal. So speed is decided by the first and meaning by the last.
//!
//! Around a record a line may have brackets, commas, white space and NULs: [`payload`] says which. A line that is no
//! record may end in one, behind one that a crash cut: [`Line::Malformed`] is then followed by that record.
//!
//! # Limits
//!
//! A line is looked through a fixed number of times, however many records seem to start in it.
//! A line is at most [`MAX_LINE`] bytes; a longer one is reported and passed over without being
//! held in memory. A record has at most [`MAX_FIELDS`] args, and as many fields beside them, repeated ones
//! included; one of more is malformed, and costs the memory of as many. Integers are signed 64 bits wide; what a wider one means is said at
//! [`Value::integer`].
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
mod number;
mod other_content;
mod reader;
mod record;
pub mod scan;
mod source;
mod summary;
mod text_scan;
mod time_fault;
mod window;

pub use block::{BlockEnd, Line, MalformedReason, Parser};
pub use container::{Container, NotRead, TRACE_SUFFIXES};
pub use cut::Cutter;
// What this crate gives, and an index stores.
pub use dft_codec::{Clock, Consumed, ContentHash, FileFault, Head, OpenEnd, Opening, TimeFault, TimeUnit};
pub use discover::{DiscoverError, Discovered, discover};
pub use line::payload;
pub use number::{Integer, is_number_text};
pub use reader::{Block, MAX_LINE, TraceReader};
pub use record::{Arg, ArgKey, LayoutId, MAX_FIELDS, Phase, Record, Value};
pub use source::fingerprint;
pub use summary::{ResumeError, Snapshot, SourceSummary};
pub use text_scan::TextScan;
pub use time_fault::find_time_fault;
