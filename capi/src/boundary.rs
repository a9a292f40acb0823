//! The boundary around every export: errors and panics become a status, and the thread's last error.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::arguments::{Growing, dft_text, give};
use crate::log::{DFT_LOG_ERROR, log};
use crate::status::{DFT_OK, DFT_PANIC, Failure, dft_status};

thread_local! {
    static LAST: RefCell<Failure> = RefCell::default();
}

/// Runs what a function does. No panic leaves it.
#[inline]
pub(crate) fn boundary(name: &'static str, run: impl FnOnce() -> Result<(), Failure>) -> dft_status {
    // The library has a runtime of its own, whose word on a panic goes to the caller instead.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| ())));
    let run = || {
        injected(name);
        run()
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => DFT_OK,
        Ok(Err(failure)) => fail(failure),
        Err(panic) => fail(panicked(name, &*panic)),
    }
}

#[cold]
fn fail(failure: Failure) -> dft_status {
    let status = failure.status;
    let failure = failure.shown();
    log(DFT_LOG_ERROR, &failure.message);
    // While a thread ends, its last error is gone already.
    let _ = LAST.try_with(|last| *last.borrow_mut() = failure);
    status
}

fn panicked(name: &str, panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it says nothing");
    Failure::new(DFT_PANIC, format!("{name} panicked, which is a defect of this library: {text}"))
}

/// Tests let a function panic. What is installed is built without.
#[inline(always)]
fn injected(name: &'static str) {
    #[cfg(feature = "panics")]
    if std::env::var_os("DFT_PANIC_IN").is_some_and(|wanted| wanted == name) {
        panic!("as the test asks");
    }
    #[cfg(not(feature = "panics"))]
    let _ = name;
}

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
        LAST.with(|last| {
            let last = last.borrow();
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
