//! Ingest: adding bundles to an index.

use std::ffi::c_void;

use ::dft_index::ingest;
use dft_store::{BundleFailure, IngestReport};

use crate::arguments::{Growing, check_place, dft_text, give};
use crate::boundary::boundary;
use crate::build::{dft_on_text, tell, warn_of};
use crate::log::{DFT_LOG_WARNING, log};
use crate::status::{Failure, dft_status};

/// What an ingest did.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_ingest_summary {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The number of bundles that were ingested.
    pub taken: u64,
    /// The number of bundles whose traces were already indexed.
    pub known: u64,
    /// The number of bundles that were refused and stay where they are.
    pub refused: u64,
    /// The number of indexed bundles that could not be removed.
    pub not_removed: u64,
    /// The number of bundles that are being moved, or were when their worker died.
    pub unfinished: u64,
    /// The number of traces with some pieces staged and others missing.
    pub waiting_traces: u64,
    /// The number of traces whose pieces do not fit together: stage them whole.
    pub unchained_traces: u64,
    /// The number of duplicates: files with the text of another trace. Nothing in them is counted. The log names them.
    pub duplicate_files: u64,
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers.
unsafe impl Growing for dft_ingest_summary {}

/// Adds the bundles of a directory to an index, in any order, each once. Ingested bundles are removed, unless `keep` is
/// not 0.
///
/// `index`: the directory of the index, which is created with the bundles' configuration if it does not exist; not
/// empty. `shared`: the directory of the bundles; not empty. `keep`: 0 or 1. `on_refused`: receives the path of each
/// bundle that was refused or not removed, and of each trace that must be staged whole because its pieces do not fit
/// together, with the reason, on the caller's thread; may be NULL. `context`: passed to the callback; may be NULL.
/// `done`: receives what was done; its `size` must be set; may be NULL.
///
/// Returns DFT_NOTHING_FOUND if there are no bundles, DFT_LOCKED if another writer is changing the index, DFT_FORMAT or
/// DFT_DAMAGED if the index cannot be used, and DFT_SYSTEM for errors of the system. The index is unchanged then. After
/// DFT_COMMITTED, the bundles are in the index. A refused bundle is not an error. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_ingest(
    index: dft_text,
    shared: dft_text,
    keep: u32,
    on_refused: dft_on_text,
    context: *mut c_void,
    done: *mut dft_ingest_summary,
) -> dft_status {
    boundary("dft_ingest", || {
        check_place("done", done)?;
        let report = ingest(index.path("index")?, shared.path("shared")?, keep != 0)?;
        ingested(&report, on_refused, on_refused, context, done)
    })
}

/// Like dft_ingest(), and reports the traces whose pieces were staged separately.
///
/// `on_waiting`: receives each trace with missing pieces, and what is missing. `on_unchained`: receives
/// each trace whose pieces do not fit together, and why: stage it whole with dft_stage(), then ingest it. `on_refused`
/// does not receive these traces. Callbacks run on the caller's thread; each may be NULL. The other arguments and the
/// statuses are those of dft_ingest().
#[unsafe(no_mangle)]
pub extern "C" fn dft_ingest_pieces(
    index: dft_text,
    shared: dft_text,
    keep: u32,
    on_refused: dft_on_text,
    on_waiting: dft_on_text,
    on_unchained: dft_on_text,
    context: *mut c_void,
    done: *mut dft_ingest_summary,
) -> dft_status {
    boundary("dft_ingest_pieces", || {
        check_place("done", done)?;
        let report = ingest(index.path("index")?, shared.path("shared")?, keep != 0)?;
        for waiting in &report.waiting {
            tell(on_waiting, context, &waiting.trace, &waiting.what());
        }
        ingested(&report, on_refused, on_unchained, context, done)
    })
}

/// Reports to the caller and the log what an ingest did.
fn ingested(
    report: &IngestReport,
    on_refused: dft_on_text,
    on_unchained: dft_on_text,
    context: *mut c_void,
    done: *mut dft_ingest_summary,
) -> Result<(), Failure> {
    for BundleFailure { bundle, error } in report.refused.iter().chain(&report.not_removed) {
        tell(on_refused, context, bundle, &error.to_string());
    }
    for unchained in &report.unchained {
        tell(on_unchained, context, &unchained.trace, &unchained.what());
    }
    report.duplicates.iter().for_each(|duplicate| log(DFT_LOG_WARNING, &duplicate.to_string()));
    warn_of(&report.shared_processes);
    report.no_lock.iter().for_each(|no_lock| log(DFT_LOG_WARNING, &no_lock.to_string()));
    let unchained: usize = report.unchained.iter().map(|trace| trace.bundles.len()).sum();
    let summary = dft_ingest_summary {
        size: 0,
        taken: report.taken.len() as u64,
        known: report.known.len() as u64,
        refused: (report.refused.len() + unchained) as u64,
        not_removed: report.not_removed.len() as u64,
        unfinished: report.unfinished.len() as u64,
        waiting_traces: report.waiting.len() as u64,
        unchained_traces: report.unchained.len() as u64,
        duplicate_files: report.duplicates.len() as u64,
    };
    if done.is_null() { Ok(()) } else { give("done", done, &summary) }
}
