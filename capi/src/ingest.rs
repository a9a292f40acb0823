//! Ingest: bundles into an index.

use std::ffi::c_void;

use ::dft_index::ingest;
use dft_store::IngestReport;

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
    /// Bundles that were taken in.
    pub taken: u64,
    /// Bundles that were in already.
    pub known: u64,
    /// Bundles that were refused, and stay where they are.
    pub refused: u64,
    /// Bundles that are in but could not be removed.
    pub not_removed: u64,
    /// Bundles that are on their way, or whose worker died.
    pub unfinished: u64,
    /// Traces of which some pieces are there, which wait for the others.
    pub waiting_traces: u64,
    /// Traces whose pieces do not make them: they are to be staged whole.
    pub unchained_traces: u64,
    /// Files that have the trace of another one, of which nothing is counted; the log names them.
    pub duplicate_files: u64,
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers.
unsafe impl Growing for dft_ingest_summary {}

/// Brings the bundles of a shared directory into an index, in any order, each once; those that are in are
/// removed, unless `keep` is not 0.
///
/// `index`: made, with the bundles' configuration, if it is not there. `on_refused`: sees why a bundle was
/// refused, or not removed, and which traces are to be staged whole, for their pieces do not make them; on
/// the caller's thread; may be NULL. `done`: may be NULL.
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

/// dft_ingest(), with what becomes of traces whose pieces were staged.
///
/// `on_waiting`: sees each trace of which some pieces are there, and what is missing. `on_unchained`: sees
/// each trace whose pieces do not make it, and why: it is to be staged whole, by dft_stage(), and then
/// ingested. Both on the caller's thread; either may be NULL. The other arguments are those of dft_ingest().
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

/// Tells the caller what an ingest did.
fn ingested(
    report: &IngestReport,
    on_refused: dft_on_text,
    on_unchained: dft_on_text,
    context: *mut c_void,
    done: *mut dft_ingest_summary,
) -> Result<(), Failure> {
    for (bundle, error) in report.refused.iter().chain(&report.not_removed) {
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
