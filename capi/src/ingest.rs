//! Ingest: adding bundles to an index.

use std::ffi::c_void;

use ::dft_index::ingest;
use dft_store::{BundleFailure, IngestReport};

use crate::arguments::{check_place, dft_text, give, given, growing};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::log::{DFT_LOG_WARNING, log};
use crate::notes::{Notes, dft_on_note, warn_of};
use crate::status::dft_status;

/// What an ingest did.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
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

growing!(dft_ingest_summary);

/// What to ingest, and how. Set `size`, `index` and `shared`; zeros elsewhere are the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_ingest_request {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The directory of the index, which is created with the bundles' configuration if it does not exist; not empty.
    pub index: dft_text,
    /// The directory of the bundles; not empty.
    pub shared: dft_text,
    /// If not 0, ingested bundles are kept; else they are removed.
    pub keep: u32,
    /// Reserved: 0.
    pub reserved: u32,
    /// Receives the path of each bundle that was refused or not removed, with the reason; may be NULL.
    pub on_refused: dft_on_note,
    /// Receives each trace with missing pieces, and what is missing; may be NULL.
    pub on_waiting: dft_on_note,
    /// Receives each trace whose pieces do not fit together, and why: stage it whole, then ingest it. May be NULL.
    pub on_unchained: dft_on_note,
    /// Passed to the callbacks, which run on the caller's thread; may be NULL.
    pub context: *mut c_void,
}

growing!(dft_ingest_request);

/// Adds the bundles of a directory to an index, in any order, each once.
///
/// `request`: what to ingest; its `size` must be set; not NULL. `done`: receives what was done; its `size` must be set;
/// may be NULL.
///
/// Returns DFT_NOTHING_FOUND if there are no bundles, DFT_LOCKED if another writer is changing the index, DFT_FORMAT or
/// DFT_DAMAGED if the index cannot be used, and DFT_SYSTEM for errors of the system. The index is unchanged then. After
/// DFT_COMMITTED, the bundles are in the index. A refused bundle is not an error. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_ingest(request: *const dft_ingest_request, done: *mut dft_ingest_summary) -> dft_status {
    boundary("dft_ingest", || {
        check_place("done", done)?;
        let asked = given("request", request)?;
        let report = ingest(asked.index.path("request.index")?, asked.shared.path("request.shared")?, asked.keep != 0)?;
        tell(&report, &asked);
        if done.is_null() { Ok(()) } else { give("done", done, &summary(&report)) }
    })
}

/// Reports to the caller and the log what an ingest did.
fn tell(report: &IngestReport, asked: &dft_ingest_request) {
    let notes = |callback| Notes::new(Callback::new(callback, asked.context));
    let mut refused = notes(asked.on_refused);
    for BundleFailure { bundle, error } in report.refused.iter().chain(&report.not_removed) {
        refused.tell(bundle, &error.to_string());
    }
    let mut waiting = notes(asked.on_waiting);
    report.waiting.iter().for_each(|trace| waiting.tell(&trace.trace, &trace.what()));
    let mut unchained = notes(asked.on_unchained);
    report.unchained.iter().for_each(|trace| unchained.tell(&trace.trace, &trace.what()));
    report.duplicates.iter().for_each(|duplicate| log(DFT_LOG_WARNING, &duplicate.to_string()));
    warn_of(&report.shared_processes);
    report.no_lock.iter().for_each(|no_lock| log(DFT_LOG_WARNING, &no_lock.to_string()));
}

fn summary(report: &IngestReport) -> dft_ingest_summary {
    let unchained: usize = report.unchained.iter().map(|trace| trace.bundles.len()).sum();
    dft_ingest_summary {
        size: 0,
        taken: report.taken.len() as u64,
        known: report.known.len() as u64,
        refused: (report.refused.len() + unchained) as u64,
        not_removed: report.not_removed.len() as u64,
        unfinished: report.unfinished.len() as u64,
        waiting_traces: report.waiting.len() as u64,
        unchained_traces: report.unchained.len() as u64,
        duplicate_files: report.duplicates.len() as u64,
    }
}
