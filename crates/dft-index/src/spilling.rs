//! A thread's table in memory, which is written to disk, or discarded, when the memory budget is reached.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use dft_aggregate::{Aggregator, Config, Run, merge_into_one};
use dft_codec::Bounds;

use crate::error::BuildError;

/// The lowest limit of a table, in bytes, however small the budget is.
const MIN_TABLE: usize = 256 << 10;

/// How many runs are merged into one, so that not too many files are open at the end.
const MERGED: usize = 32;

/// Aggregated rows, sorted, in memory or in temporary files.
#[derive(Default)]
pub(crate) struct AggregatedRuns {
    pub(crate) runs: Vec<Run>,
    pub(crate) bounds: Option<Bounds>,
    /// How many tables were written to disk to stay within the memory budget.
    pub(crate) spilled: u64,
}

impl AggregatedRuns {
    pub(crate) fn add(&mut self, other: Self) {
        self.runs.extend(other.runs);
        self.bounds = self.bounds.into_iter().chain(other.bounds).reduce(Bounds::union);
        self.spilled += other.spilled;
    }
}

/// Where the tables of several threads are written, and how large each may be. All rounds of a build share one value,
/// so that no two runs get the same path.
pub(crate) struct SpillLimits<'a> {
    /// `None` if rows are discarded.
    directory: Option<&'a Path>,
    next_run: AtomicUsize,
    /// The limit of one table, in bytes.
    table: usize,
}

impl<'a> SpillLimits<'a> {
    /// Limits under which the tables of `threads` threads take `memory` bytes. Without a directory, rows are discarded.
    pub(crate) fn new(directory: Option<&'a Path>, memory: u64, threads: usize) -> Self {
        // A table grows in steps. During a step, the part that grows exists twice.
        let table = usize::try_from(memory).unwrap_or(usize::MAX) / threads / 2;
        Self { directory, next_run: AtomicUsize::new(0), table: table.max(MIN_TABLE) }
    }

    fn run_path(directory: &Path, next_run: &AtomicUsize) -> PathBuf {
        directory.join(format!("run-{}", next_run.fetch_add(1, Ordering::Relaxed)))
    }
}

/// The table of one thread.
pub(crate) struct SpillingTable<'a> {
    limits: &'a SpillLimits<'a>,
    config: &'a Config,
    pub(crate) table: Aggregator,
    /// Runs on disk. A run of one level is merged of [`MERGED`] runs of the level below.
    levels: Vec<Vec<Run>>,
    spilled: u64,
}

impl<'a> SpillingTable<'a> {
    pub(crate) fn new(limits: &'a SpillLimits<'a>, config: &'a Config) -> Self {
        Self { limits, config, table: Aggregator::new(config), levels: Vec::new(), spilled: 0 }
    }

    pub(crate) fn is_over_limit(&self) -> bool {
        self.table.memory() > self.limits.table
    }

    /// Writes the table to disk, and merges runs where there are many; or discards it.
    #[cold]
    pub(crate) fn spill(&mut self) -> Result<(), BuildError> {
        let Some(directory) = self.limits.directory else {
            self.table = Aggregator::new(self.config);
            return Ok(());
        };
        let run_path = || SpillLimits::run_path(directory, &self.limits.next_run);
        let mut run = self.table.spill(&run_path())?;
        self.spilled += 1;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let runs = &mut self.levels[level];
            runs.push(run);
            if runs.len() < MERGED {
                break;
            }
            run = merge_into_one(&std::mem::take(runs), &run_path())?;
        }
        Ok(())
    }

    /// Returns all that was aggregated.
    pub(crate) fn finish(self) -> AggregatedRuns {
        let Self { limits, table, levels, spilled, .. } = self;
        if limits.directory.is_none() {
            return AggregatedRuns::default();
        }
        let bounds = table.bounds();
        let mut runs: Vec<Run> = levels.into_iter().flatten().collect();
        if !table.is_empty() {
            runs.push(table.into_run());
        }
        AggregatedRuns { runs, bounds, spilled }
    }
}
