//! How a build is done.

use std::thread;

use dft_store::TraceNames;

use crate::error::BuildError;

/// How a build is done, which does not show in its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// Threads; as many as the machine has cores by default.
    pub threads: usize,
    /// What the tables of all threads may take, in bytes; by default 512 MiB, and at most a quarter of what the process may
    /// have (`ulimit -v`).
    pub memory: u64,
    /// Whether malformed lines, truncation, damage and unreadable files are an error.
    pub strict: bool,
    /// Whether the index is made anew, whatever is in it.
    pub rebuild: bool,
    /// Where the traces come from, such as the name of a node, where the same path is another trace elsewhere.
    pub source: Option<String>,
}

impl BuildOptions {
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        dft_io::require_threads(self.threads + THREADS).map_err(BuildError::Threads)?;
        let Some((name, why)) = self.source.as_ref().and_then(|name| Some((name, TraceNames::refuse_source(name)?)))
        else {
            return Ok(());
        };
        Err(BuildError::Source { name: name.clone(), why })
    }
}

/// Threads that a build starts beside those that it is to have: for the next generation, the sorting, and RocksDB's.
const THREADS: usize = 6;

/// What the tables of all threads may take unless another budget is given or the process is limited, in bytes.
const MEMORY: u64 = 512 << 20;

impl Default for BuildOptions {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        // Under a limit, tables are a part of what is needed.
        let memory = dft_io::memory_limit().map_or(MEMORY, |limit| MEMORY.min(limit / 4));
        Self { threads, memory, strict: false, rebuild: false, source: None }
    }
}
