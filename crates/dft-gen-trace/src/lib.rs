//! Generates traces of every tracer generation and record kind from a seed.
//!
//! The text of a trace depends only on the arguments, not on the machine, the number of threads or the versions of
//! dependencies. (Its compressed bytes depend on the compressor.)
//!
//! [`GenTrace`] holds the arguments, and `cargo xtask gen-trace` is its command line:
//!
//! ```
//! # let directory = tempfile::tempdir().unwrap();
//! # let out = directory.path().join("traces");
//! let traces = dft_gen_trace::GenTrace::from_arguments(&["--records", "1000", "--files", "2"], &out)?;
//! assert_eq!(traces.run()?.files, 2);
//! # Ok::<(), dft_gen_trace::GenTraceError>(())
//! ```
//!
//! In the code, `process` writes ordinary records, in the `dialect` of a tracer generation. `oddities` are records and
//! files that the specification has a rule for.

mod arguments;
mod dialect;
mod error;
mod files;
mod json;
mod oddities;
mod process;
mod readings;
mod rng;
mod shape;

mod sink;
mod write;

#[cfg(test)]
mod tests;

pub use arguments::GenTrace;
pub use error::GenTraceError;
pub use sink::Written;
