//! Diagnostics: the last error of a thread, and the log.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::arguments::{dft_text, give, growing};
use crate::boundary::{boundary, with_last};
use crate::log::{self, dft_on_log};
use crate::status::{DFT_OK, DFT_PANIC, Failure, dft_status};

/// The last failed call of a thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_error {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The status that the call returned; DFT_OK if no call has failed yet.
    pub status: dft_status,
    /// A message for people: what failed, where, and what to do.
    pub message: dft_text,
    /// The file or directory that the error concerns; empty if none.
    pub path: dft_text,
    /// The key or row that the error concerns; empty if none.
    pub key: dft_text,
}

growing!(dft_error);

/// Describes the last failed call of the calling thread.
///
/// `error`: receives the description; its `size` must be set; not NULL. Its texts are valid until the next failed call
/// of this thread other than this function. Returns DFT_INVALID_ARGUMENT for a bad `error`, and then leaves the last
/// error as it is. Thread-safe: each thread has its own last error.
#[unsafe(no_mangle)]
pub extern "C" fn dft_last_error(error: *mut dft_error) -> dft_status {
    let run = || -> Result<(), Failure> {
        with_last(|last| {
            let described = dft_error {
                size: 0,
                status: last.status,
                message: dft_text::of(&last.message),
                path: dft_text::of(&last.path),
                key: dft_text::of(&last.key),
            };
            give("error", error, &described)
        })
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => DFT_OK,
        Ok(Err(failure)) => failure.status,
        Err(_) => DFT_PANIC,
    }
}

/// Sets the callback that receives the library's messages. There is none at first.
///
/// `on_log`: the callback, which may run on any thread; NULL for none. `context`: passed to it; may be NULL. The caller
/// must keep it valid until another callback is set. After this function returns, the previous callback is no longer
/// called. Returns DFT_BUSY inside the log callback. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_set_log(on_log: dft_on_log, context: *mut c_void) -> dft_status {
    boundary("dft_set_log", || log::set(on_log, context))
}
