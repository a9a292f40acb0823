//! The trace files and the processes of an index.

use std::ffi::c_void;

use ::dft_index::lost_records;
use dft_codec::FileFault;
use dft_store::TraceNames;

use crate::arguments::dft_text;
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::index::{dft_index, source};
use crate::status::{DFT_FORMAT, Failure, dft_status};

/// Fault of a trace file: none.
pub const DFT_FAULT_NONE: u32 = 0;
/// Fault of a trace file: it is empty.
pub const DFT_FAULT_EMPTY: u32 = 1;
/// Fault of a trace file: its last line or gzip member is incomplete.
pub const DFT_FAULT_TRUNCATED: u32 = 2;
/// Fault of a trace file: a gzip member is corrupt.
pub const DFT_FAULT_DAMAGED: u32 = 3;
/// Fault of a trace file: records are lost. Its `end` records count records that are in no trace of the index.
pub const DFT_FAULT_LOST: u32 = 4;
/// Fault of a trace file: its times are in another unit than the one in which they were read.
pub const DFT_FAULT_TIME_UNIT: u32 = 5;

/// A trace file in an index. What it points to is valid during the callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_file {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// The name in the index: the path relative to the parent directory of the index, or the whole path.
    pub path: dft_text,
    /// The size on disk, in bytes.
    pub bytes: u64,
    /// The size of the text that was read, in bytes, uncompressed.
    pub text_bytes: u64,
    /// The number of calls.
    pub events: u64,
    /// The number of aggregated calls.
    pub profiles: u64,
    /// The number of host statistics.
    pub systems: u64,
    /// The number of readings of counters.
    pub telemetry: u64,
    /// The number of metadata records.
    pub metadata: u64,
    /// The number of skipped records: those of unknown phase.
    pub skipped: u64,
    /// The number of malformed lines.
    pub malformed: u64,
    /// The number of data transfers that returned an error.
    pub failed_transfers: u64,
    /// A description of the faults for people; empty if there are none.
    pub fault_text: dft_text,
    /// One of DFT_FAULT_…
    pub fault: u32,
    /// Reserved: 0.
    pub reserved: u32,
    /// The ids of the processes that have records in the file, in ascending order.
    pub pids: *const i64,
    /// The number of processes.
    pub pids_length: u64,
}

/// Receives a file, valid during the callback. A result other than 0 ends the iteration.
pub type dft_visit_file = Option<unsafe extern "C" fn(context: *mut c_void, file: *const dft_file) -> i32>;

/// Iterates over the trace files and live sources of an index, sorted by path.
///
/// `visit`: receives each file on the caller's thread; not NULL. `context`: passed to it; may be NULL. Returns
/// DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_files(index: *const dft_index, visit: dft_visit_file, context: *mut c_void) -> dft_status {
    boundary("dft_index_files", || {
        let visit = Callback::required("visit", visit, context)?;
        let source = source(index)?;
        let lost = lost_records(&source)?;
        for (path, entry) in source.files()? {
            let lost: Vec<String> = lost.get(&path).into_iter().flatten().map(ToString::to_string).collect();
            let lost = lost.join("; ");
            let time_fault = entry.time_fault.map_or(String::new(), |fault| fault.to_string());
            let (fault, text) = match &entry.fault {
                None if !time_fault.is_empty() => (DFT_FAULT_TIME_UNIT, String::new()),
                None if !lost.is_empty() => (DFT_FAULT_LOST, String::new()),
                None => (DFT_FAULT_NONE, String::new()),
                Some(FileFault::Empty) => (DFT_FAULT_EMPTY, "the file is empty".to_owned()),
                Some(FileFault::Truncated(place)) => (DFT_FAULT_TRUNCATED, place.to_string()),
                Some(FileFault::Damaged(reason)) => (DFT_FAULT_DAMAGED, reason.clone()),
                Some(other) => return Err(Failure::new(DFT_FORMAT, format!("no DFT_FAULT_… stands for: {other}"))),
            };
            let texts = [&*text, &time_fault, &lost].into_iter().filter(|text| !text.is_empty());
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
            if !visit.pass(&file) {
                break;
            }
        }
        Ok(())
    })
}

/// A process in an index. Its text is valid during the callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_process {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// The process id.
    pub pid: i64,
    /// The host hash.
    pub host_hash: dft_text,
    /// The number of its series, which indicates how much work it is to read them.
    pub series: u64,
}

/// Receives a process, valid during the callback. A result other than 0 ends the iteration.
pub type dft_visit_process = Option<unsafe extern "C" fn(context: *mut c_void, process: *const dft_process) -> i32>;

/// Iterates over the processes of an index, sorted by host hash and process id. It reads all series first, so its time
/// grows with their number.
///
/// `visit`: receives each process on the caller's thread; not NULL. `context`: passed to it; may be NULL. Returns
/// DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_processes(
    index: *const dft_index,
    visit: dft_visit_process,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_index_processes", || {
        let visit = Callback::required("visit", visit, context)?;
        let source = source(index)?;
        for (key, series) in source.series_by_process()? {
            let size = size_of::<dft_process>() as u64;
            let process = dft_process { size, pid: key.pid, host_hash: dft_text::of(&key.host_hash), series };
            if !visit.pass(&process) {
                break;
            }
        }
        Ok(())
    })
}
