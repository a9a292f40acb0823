//! The log: messages for the caller's callback. The library prints nothing itself.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::RwLock;

use crate::arguments::dft_text;
use crate::callback::Callback;
use crate::status::{DFT_BUSY, Failure};

/// Log level: a call failed. The text is the message of its error.
pub const DFT_LOG_ERROR: u32 = 0;
/// Log level: the input has a fault, such as a truncated trace or a refused bundle, and the call goes on.
pub const DFT_LOG_WARNING: u32 = 1;

/// A message of the library. Its text is valid during the callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_log_message {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// The message, for people.
    pub text: dft_text,
    /// DFT_LOG_ERROR or DFT_LOG_WARNING.
    pub level: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

/// Receives a message of the library, valid during the callback. It may run on any thread, and on several at once.
/// Messages that the callback itself causes are dropped. Its result is ignored: return 0.
pub type dft_on_log = Option<unsafe extern "C" fn(context: *mut c_void, message: *const dft_log_message) -> i32>;

static LOG: RwLock<Callback<dft_log_message>> = RwLock::new(Callback::NONE);

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
    let size = size_of::<dft_log_message>() as u64;
    log.pass(&dft_log_message { size, text: dft_text::of(&text), level, reserved: 0 });
    drop(log);
    IN_LOG.set(false);
}

/// Sets the callback; `None` for no callback.
pub(crate) fn set(on_log: dft_on_log, context: *mut c_void) -> Result<(), Failure> {
    if IN_LOG.get() {
        return Err(Failure::new(DFT_BUSY, "the log callback cannot be changed from within itself"));
    }
    let mut log = LOG.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    *log = Callback::new(on_log, context);
    Ok(())
}
