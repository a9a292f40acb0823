//! The log: messages for the caller's callback. The library prints nothing itself.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::RwLock;

use crate::arguments::dft_text;
use crate::status::{DFT_BUSY, Failure};

/// Log level: a call failed. The text is the message of its error.
pub const DFT_LOG_ERROR: u32 = 0;
/// Log level: the input has a fault, such as a truncated trace or a refused bundle, and the call goes on.
pub const DFT_LOG_WARNING: u32 = 1;

/// Receives a message of the library. `level`: DFT_LOG_ERROR or DFT_LOG_WARNING. `text`: valid during the callback. It
/// may run on any thread, and on several at once. Messages that the callback itself causes are dropped.
pub type dft_on_log = Option<unsafe extern "C" fn(context: *mut c_void, level: u32, text: dft_text)>;

type Log = unsafe extern "C" fn(context: *mut c_void, level: u32, text: dft_text);

/// The callback, and the address of its context, which is never dereferenced here.
static LOG: RwLock<Option<(Log, usize)>> = RwLock::new(None);

thread_local! {
    /// Whether this thread is in the callback.
    static IN_LOG: Cell<bool> = const { Cell::new(false) };
}

/// Passes a message to the caller's callback, if there is one. Messages that the callback causes are dropped.
pub(crate) fn log(level: u32, text: &str) {
    if IN_LOG.replace(true) {
        return;
    }
    // The message is for people, so active characters are escaped.
    let text = dft_io::shown_lines(text);
    let log = LOG.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((log, context)) = *log {
        // SAFETY: the caller must ensure that the function has this type and may run on any thread. The text stays
        // valid during the call.
        unsafe { log(std::ptr::with_exposed_provenance_mut(context), level, dft_text::of(&text)) };
    }
    drop(log);
    IN_LOG.set(false);
}

/// Sets the callback; `None` for no callback.
pub(crate) fn set(on_log: dft_on_log, context: *mut c_void) -> Result<(), Failure> {
    if IN_LOG.get() {
        return Err(Failure::new(DFT_BUSY, "the log callback cannot be changed from within itself"));
    }
    let mut log = LOG.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    *log = on_log.map(|on_log| (on_log, context.expose_provenance()));
    Ok(())
}
