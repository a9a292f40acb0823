//! Diagnostics: the last error of a thread, and the log.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::arguments::{Growing, dft_text, give};
use crate::boundary::{boundary, with_last};
use crate::log::{self, dft_on_log};
use crate::status::{DFT_OK, DFT_PANIC, Failure, dft_status};

/// What went wrong in the last call of this thread that failed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_error {
    /// The size of this struct, which the caller sets.
    pub size: u64,
    /// The status that the call returned; 0 where none has failed yet.
    pub status: dft_status,
    /// For people: what is wrong, where, and what to do.
    pub message: dft_text,
    /// The file or directory that it is about; empty if about none.
    pub path: dft_text,
    /// The key or row that it is about; empty if about none.
    pub key: dft_text,
}

// SAFETY: it is `repr(C)`, starts with its size, and is made of numbers and pointers.
unsafe impl Growing for dft_error {}

/// Says what went wrong in the last call of this thread that failed. The texts are valid until the next
/// call of this thread that fails. Fails itself only for a bad argument, and then changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dft_last_error(error: *mut dft_error) -> dft_status {
    let run = || -> Result<(), Failure> {
        with_last(|last| {
            let said = dft_error {
                size: 0,
                status: last.status,
                message: dft_text::of(&last.message),
                path: dft_text::of(&last.path),
                key: dft_text::of(&last.key),
            };
            give("error", error, &said)
        })
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => DFT_OK,
        Ok(Err(failure)) => failure.status,
        Err(_) => DFT_PANIC,
    }
}

/// Sets who sees what the library has to say; NULL for nobody, as it is at first. `context` is handed on.
/// When it returns, the one that was set before is not called any more. DFT_BUSY from within a callback.
#[unsafe(no_mangle)]
pub extern "C" fn dft_set_log(on_log: dft_on_log, context: *mut c_void) -> dft_status {
    boundary("dft_set_log", || log::set(on_log, context))
}
