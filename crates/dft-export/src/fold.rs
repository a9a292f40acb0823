//! Cells read by several threads at once.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dft_codec::{RowParts, SeriesId, SeriesKind};

use crate::cells::CellScan;
use crate::error::ExportError;
use crate::view::View;

/// How many ranges of series a thread reads, so that all threads end at about the same time.
const RANGES: usize = 4;

impl View<'_> {
    /// Folds the cells of some kinds of series, on up to `threads` threads, and returns the result of each thread.
    ///
    /// `start` makes the result of a thread that has read nothing. `add` adds the cells of a range of series. Each
    /// cell is added once, to any of the results. The filter's shard is ignored.
    ///
    /// # Errors
    ///
    /// The first error of `add`. Also fails if the index cannot be read.
    pub fn fold_cells<T: Send>(
        &self,
        kinds: &[SeriesKind],
        parts: RowParts,
        threads: usize,
        start: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, SeriesKind, CellScan<'_>) -> Result<(), ExportError> + Sync,
    ) -> Result<Vec<T>, ExportError> {
        let ranges = if threads > 1 { RANGES * threads } else { 1 };
        let shards = |&kind| self.index().shards(kind, ranges).into_iter().map(move |series| (kind, series));
        let ranges: Vec<(SeriesKind, Range<SeriesId>)> = kinds.iter().flat_map(shards).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut result = start();
            while let Some((kind, series)) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                let added = self.cells_in(series.clone(), parts).and_then(|cells| add(&mut result, *kind, cells));
                if let Err(error) = added {
                    // The other threads need not go on.
                    next.store(ranges.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
            Ok(result)
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads.min(ranges.len())).map(|_| scope.spawn(work)).collect();
            let mut results = vec![work()?];
            for other in others {
                match other.join() {
                    Ok(result) => results.push(result?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(results)
        })
    }
}
