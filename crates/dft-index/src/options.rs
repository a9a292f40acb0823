//! Options of a build.

use std::thread;

use dft_store::TraceNames;

use crate::error::BuildError;

/// Options of a build that do not change the rows of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// The number of threads; by default, the number of cores.
    pub threads: usize,
    /// The memory budget of the tables of all threads, in bytes; by default 512 MiB, and at most a quarter of the
    /// process's limit (`ulimit -v`).
    pub memory: u64,
    /// Whether malformed lines, truncation, damage and unreadable files are errors.
    pub strict: bool,
    /// Whether the index is rebuilt, whatever it holds.
    pub rebuild: bool,
    /// The name of where the traces come from, such as a node; it distinguishes traces that have the same path on
    /// different nodes. `None` if paths are unambiguous.
    pub source: Option<String>,
}

impl BuildOptions {
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        dft_io::require_threads(self.threads + EXTRA_THREADS).map_err(BuildError::Threads)?;
        let Some((name, why)) = self.source.as_ref().and_then(|name| Some((name, TraceNames::refuse_source(name)?)))
        else {
            return Ok(());
        };
        Err(BuildError::Source { name: name.clone(), why })
    }
}

/// Threads that a build starts in addition to its workers: for the next generation, for sorting, and RocksDB's.
const EXTRA_THREADS: usize = 6;

/// The default memory budget, in bytes, in a process without a limit.
const MEMORY: u64 = 512 << 20;

impl Default for BuildOptions {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        // Tables are only a part of the memory that a build needs.
        let memory = dft_io::memory_limit().map_or(MEMORY, |limit| MEMORY.min(limit / 4));
        Self { threads, memory, strict: false, rebuild: false, source: None }
    }
}
