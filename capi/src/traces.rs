//! The states of traces relative to an index.

use std::ffi::c_void;
use std::os::unix::ffi::OsStrExt;

use ::dft_index::{TraceState, resolve};

use crate::arguments::{dft_text, paths};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::status::{Failure, dft_status};

/// State of a trace: it is indexed.
pub const DFT_TRACE_KNOWN: u32 = 0;
/// State of a trace: it is not indexed.
pub const DFT_TRACE_NEW: u32 = 1;
/// State of a trace: it is indexed, and has grown since.
pub const DFT_TRACE_GROWN: u32 = 2;
/// State of a trace: it is indexed, and has changed since. dft_build() fails unless it rebuilds the index.
pub const DFT_TRACE_CHANGED: u32 = 3;
/// State of a trace: it cannot be read.
pub const DFT_TRACE_UNREADABLE: u32 = 4;
/// State of a trace: it looks like a trace in an unsupported container, such as zstd.
pub const DFT_TRACE_NOT_READ: u32 = 5;
/// State of a trace: it is indexed, and its file no longer exists. Its records stay in the index until a rebuild.
pub const DFT_TRACE_GONE: u32 = 6;

/// A trace, relative to an index. Its text is valid during the callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_trace {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// The path.
    pub path: dft_text,
    /// One of DFT_TRACE_…
    pub state: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

/// Receives a trace, valid during the callback. A result other than 0 ends the iteration.
pub type dft_visit_trace = Option<unsafe extern "C" fn(context: *mut c_void, trace: *const dft_trace) -> i32>;

/// Reports the state of each trace relative to an index, sorted by path: what dft_build() would read. If there is no
/// index, all traces that can be read are new. Traces of the index whose files no longer exist are reported too,
/// whichever traces are passed. The function writes nothing.
///
/// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs; `traces_length` of them. `index`: the
/// directory of the index; not empty. `visit`: receives each trace on the caller's thread; not NULL. `context`: passed
/// to it; may be NULL. Returns DFT_NOTHING_FOUND if the traces cannot be listed, and DFT_FORMAT, DFT_DAMAGED or
/// DFT_SYSTEM if the index cannot be read. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_resolve(
    traces: *const dft_text,
    traces_length: u64,
    index: dft_text,
    visit: dft_visit_trace,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_resolve", || {
        let visit = Callback::required("visit", visit, context)?;
        let traces = paths("traces", traces, traces_length)?;
        for trace in resolve(&traces, index.path("index")?)? {
            let state = match trace.state {
                TraceState::Known => DFT_TRACE_KNOWN,
                TraceState::New => DFT_TRACE_NEW,
                TraceState::Grown => DFT_TRACE_GROWN,
                TraceState::Changed => DFT_TRACE_CHANGED,
                TraceState::Unreadable => DFT_TRACE_UNREADABLE,
                TraceState::NotRead => DFT_TRACE_NOT_READ,
                TraceState::Gone => DFT_TRACE_GONE,
                state => return Err(Failure::argument(format!("a trace has a state that has no number: {state:?}"))),
            };
            let path = dft_text::of_bytes(trace.path.as_os_str().as_bytes());
            let trace = dft_trace { size: size_of::<dft_trace>() as u64, path, state, reserved: 0 };
            if !visit.pass(&trace) {
                break;
            }
        }
        Ok(())
    })
}
