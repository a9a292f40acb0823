//! Traces against an index: which of them it has, and as what.

use std::ffi::c_void;
use std::os::unix::ffi::OsStrExt;

use ::dft_index::{TraceState, resolve};

use crate::arguments::{dft_text, paths};
use crate::boundary::boundary;
use crate::status::{Failure, dft_status};

/// How a trace stands to an index: it is in.
pub const DFT_TRACE_KNOWN: u32 = 0;
/// It is not in.
pub const DFT_TRACE_NEW: u32 = 1;
/// It is in, and is longer now.
pub const DFT_TRACE_GROWN: u32 = 2;
/// It is in, and is not what it was: dft_build() refuses it, unless the index is made anew.
pub const DFT_TRACE_CHANGED: u32 = 3;
/// It cannot be read.
pub const DFT_TRACE_UNREADABLE: u32 = 4;
/// It looks like a trace in a container that is not read, such as one of zstd.
pub const DFT_TRACE_NOT_READ: u32 = 5;

/// Sees a trace, and how it stands to an index: one of DFT_TRACE_…; not 0 ends the walk.
pub type dft_visit_trace = Option<unsafe extern "C" fn(context: *mut c_void, path: dft_text, state: u32) -> i32>;

/// Shows each of some traces, and how it stands to an index, to `visit`, by path: what dft_build() would
/// read. Where there is no index, all that can be read are new. Nothing is written.
///
/// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs. `context` is handed on.
#[unsafe(no_mangle)]
pub extern "C" fn dft_resolve(
    traces: *const dft_text,
    traces_length: u64,
    index: dft_text,
    visit: dft_visit_trace,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_resolve", || {
        let visit = visit.ok_or_else(|| Failure::argument("visit is NULL"))?;
        let traces = paths("traces", traces, traces_length)?;
        for trace in resolve(&traces, index.path("index")?)? {
            let state = match trace.state {
                TraceState::Known => DFT_TRACE_KNOWN,
                TraceState::New => DFT_TRACE_NEW,
                TraceState::Grown => DFT_TRACE_GROWN,
                TraceState::Changed => DFT_TRACE_CHANGED,
                TraceState::Unreadable => DFT_TRACE_UNREADABLE,
                TraceState::NotRead => DFT_TRACE_NOT_READ,
                state => return Err(Failure::argument(format!("a trace is in a state without a number: {state:?}"))),
            };
            let path = dft_text::of_bytes(trace.path.as_os_str().as_bytes());
            // SAFETY: the caller must ensure that the function has this type. The text stays valid during the call.
            if unsafe { visit(context, path, state) } != 0 {
                break;
            }
        }
        Ok(())
    })
}
