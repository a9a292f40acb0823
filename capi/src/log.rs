//! What the library would say, if it said anything: for a callback of the caller's.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::RwLock;

use crate::arguments::dft_text;
use crate::status::{DFT_BUSY, Failure};

/// A call failed: the text is the message of its error.
pub const DFT_LOG_ERROR: u32 = 0;
/// Something was wrong with the input, and the call went on: a truncated trace, a refused bundle.
pub const DFT_LOG_WARNING: u32 = 1;

/// Sees what the library has to say, on whatever thread it says it; the text is valid during the call.
pub type dft_on_log = Option<unsafe extern "C" fn(context: *mut c_void, level: u32, text: dft_text)>;

type Log = unsafe extern "C" fn(context: *mut c_void, level: u32, text: dft_text);

/// The callback, and the address of its context, which is never followed here.
static LOG: RwLock<Option<(Log, usize)>> = RwLock::new(None);

thread_local! {
    /// Whether this thread is in the callback.
    static IN_LOG: Cell<bool> = const { Cell::new(false) };
}

/// Says something to the caller's callback, if there is one. What comes of the callback itself is not said.
pub(crate) fn log(level: u32, text: &str) {
    if IN_LOG.replace(true) {
        return;
    }
    // People read it.
    let text = dft_io::shown_lines(text);
    let log = LOG.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((log, context)) = *log {
        // SAFETY: the caller gave a function of this type for any thread; the text lives through the call.
        unsafe { log(std::ptr::with_exposed_provenance_mut(context), level, dft_text::of(&text)) };
    }
    drop(log);
    IN_LOG.set(false);
}

/// Sets the callback; `None` for none.
pub(crate) fn set(on_log: dft_on_log, context: *mut c_void) -> Result<(), Failure> {
    if IN_LOG.get() {
        return Err(Failure::new(DFT_BUSY, "the log cannot be set from within its callback"));
    }
    let mut log = LOG.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    *log = on_log.map(|on_log| (on_log, context.expose_provenance()));
    Ok(())
}
