//! The trace files and the processes of an index.

use std::ffi::c_void;

use ::dft_index::lost_records;
use dft_codec::FileFault;
use dft_store::TraceNames;

use crate::arguments::dft_text;
use crate::boundary::boundary;
use crate::index::{dft_index, source};
use crate::status::{Failure, dft_status};

/// What a trace file had wrong with it as a whole: nothing.
pub const DFT_FAULT_NONE: u32 = 0;
/// It has no byte.
pub const DFT_FAULT_EMPTY: u32 = 1;
/// Its last line or gzip member ends too early.
pub const DFT_FAULT_TRUNCATED: u32 = 2;
/// A gzip member is corrupt.
pub const DFT_FAULT_DAMAGED: u32 = 3;
/// Records that its `end` records say were written are in no trace of the index.
pub const DFT_FAULT_LOST: u32 = 4;
/// Its times are in another unit than they were read in.
pub const DFT_FAULT_TIME_UNIT: u32 = 5;

/// A trace file in an index. What it points to is valid during the callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_file {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// What it is called in the index: its path from the index's parent directory, or its whole path.
    pub path: dft_text,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Bytes of text that were read of it, inflated.
    pub text_bytes: u64,
    /// Complete calls.
    pub events: u64,
    /// Records that a tracer aggregated.
    pub profiles: u64,
    /// Such records of the system itself.
    pub systems: u64,
    /// Readings of counters.
    pub telemetry: u64,
    /// Metadata records.
    pub metadata: u64,
    /// Records of unknown phase.
    pub skipped: u64,
    /// Lines that are no record.
    pub malformed: u64,
    /// Data transfers that returned an error.
    pub failed_transfers: u64,
    /// What was wrong with it, for people; empty if nothing.
    pub fault_text: dft_text,
    /// One of DFT_FAULT_…
    pub fault: u32,
    /// Reserved: 0.
    pub reserved: u32,
    /// The processes whose records it has, in order.
    pub pids: *const i64,
    /// How many processes there are.
    pub pids_length: u64,
}

/// Sees a file; not 0 ends the walk.
pub type dft_visit_file = Option<unsafe extern "C" fn(context: *mut c_void, file: *const dft_file) -> i32>;

/// Shows every trace file of an index to `visit`, by path. `context` is handed on to it.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_files(index: *const dft_index, visit: dft_visit_file, context: *mut c_void) -> dft_status {
    boundary("dft_index_files", || {
        let visit = visit.ok_or_else(|| Failure::argument("visit is NULL"))?;
        let source = source(index)?;
        let lost = lost_records(&source)?;
        for (path, entry) in source.files()? {
            let lost: Vec<String> = lost.get(&path).into_iter().flatten().map(ToString::to_string).collect();
            let lost = lost.join("; ");
            let time_fault = entry.time_fault.map_or(String::new(), |fault| fault.to_string());
            let (fault, text) = match &entry.fault {
                None if !time_fault.is_empty() => (DFT_FAULT_TIME_UNIT, ""),
                None if !lost.is_empty() => (DFT_FAULT_LOST, ""),
                None => (DFT_FAULT_NONE, ""),
                Some(FileFault::Empty) => (DFT_FAULT_EMPTY, "the file has no byte"),
                Some(FileFault::Truncated(place)) => (DFT_FAULT_TRUNCATED, place.as_str()),
                Some(FileFault::Damaged(reason)) => (DFT_FAULT_DAMAGED, reason.as_str()),
            };
            let texts = [text, &time_fault, &lost].into_iter().filter(|text| !text.is_empty());
            let text = texts.collect::<Vec<_>>().join("; ");
            let counts = &entry.counts;
            let path = TraceNames::shown_bytes(&path);
            let pids = entry.processes.pids();
            let file = dft_file {
                size: size_of::<dft_file>() as u64,
                path: dft_text::of_bytes(&path),
                bytes: entry.size,
                text_bytes: entry.consumed.text,
                events: counts.events,
                profiles: counts.profiles,
                systems: counts.systems,
                telemetry: counts.telemetry,
                metadata: counts.metadata,
                skipped: counts.skipped,
                malformed: counts.malformed,
                failed_transfers: counts.failed_transfers,
                fault_text: dft_text::of(&text),
                fault,
                reserved: 0,
                pids: pids.as_ptr(),
                pids_length: pids.len() as u64,
            };
            // SAFETY: the caller must ensure that the function has this type. The struct stays valid during the call.
            if unsafe { visit(context, &file) } != 0 {
                break;
            }
        }
        Ok(())
    })
}

/// A process in an index. Its text is valid during the callback.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_process {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// Its number.
    pub pid: i64,
    /// Its host's hash.
    pub host_hash: dft_text,
    /// How many series it has: a measure of how much a reader has to do for it.
    pub series: u64,
}

/// Sees a process; not 0 ends the walk.
pub type dft_visit_process = Option<unsafe extern "C" fn(context: *mut c_void, process: *const dft_process) -> i32>;

/// Shows every process of an index to `visit`, by host and number; `context` is handed on to it. It reads
/// all series, so it takes as long as there are some.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_processes(
    index: *const dft_index,
    visit: dft_visit_process,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_index_processes", || {
        let visit = visit.ok_or_else(|| Failure::argument("visit is NULL"))?;
        let source = source(index)?;
        for (key, series) in source.series_by_process()? {
            let size = size_of::<dft_process>() as u64;
            let process = dft_process { size, pid: key.pid, host_hash: dft_text::of(&key.host_hash), series };
            // SAFETY: the caller must ensure that the function has this type. The struct stays valid during the call.
            if unsafe { visit(context, &process) } != 0 {
                break;
            }
        }
        Ok(())
    })
}
