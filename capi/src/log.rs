//! The log: messages for the caller's callback. The library prints nothing itself.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use dft_io::fork::Maker;

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

/// The callback. No lock protects it: a lock that is held while the callback runs would stay locked in a child that is
/// forked meanwhile, and a fork that waited for the callback could wait for itself.
static CALLBACK: AtomicPtr<Callback<dft_log_message>> = AtomicPtr::new(ptr::null_mut());

/// How many threads may be in the callback, in the low 32 bits, and the number of their process. In a child, those of
/// its parent do not count.
static USERS: AtomicU64 = AtomicU64::new(0);

const COUNT: u64 = (1 << 32) - 1;

thread_local! {
    /// Whether this thread is in the callback.
    static IN_LOG: Cell<bool> = const { Cell::new(false) };
}

/// Returns the state without users, for this process.
fn no_users() -> u64 {
    Maker::this_process().number() << 32
}

/// A counted use of the callback.
struct User {
    maker: u64,
}

impl User {
    fn new() -> Self {
        let maker = no_users();
        // The update is never refused.
        let _ = USERS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |users| {
            Some(if users & !COUNT == maker { users + 1 } else { maker + 1 })
        });
        Self { maker }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // A child that was forked in the callback starts counting from 0.
        let _ = USERS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |users| {
            (users & !COUNT == self.maker && users & COUNT > 0).then(|| users - 1)
        });
    }
}

/// Passes a message to the caller's callback, if there is one. Messages that the callback causes are dropped.
pub(crate) fn log(level: u32, text: &str) {
    if IN_LOG.replace(true) {
        return;
    }
    // The message is for people, so active characters are escaped.
    let text = dft_io::shown_lines(text);
    let user = User::new();
    // SAFETY: `set` frees a callback only when no use is counted that began while it was set.
    if let Some(callback) = unsafe { CALLBACK.load(Ordering::SeqCst).as_ref() } {
        let size = size_of::<dft_log_message>() as u64;
        callback.pass(&dft_log_message { size, text: dft_text::of(&text), level, reserved: 0 });
    }
    drop(user);
    IN_LOG.set(false);
}

/// Sets the callback; `None` for no callback. Waits until no thread is in the callback that was set before.
pub(crate) fn set(on_log: dft_on_log, context: *mut c_void) -> Result<(), Failure> {
    if IN_LOG.get() {
        return Err(Failure::new(DFT_BUSY, "the log callback cannot be changed from within itself"));
    }
    let new = Callback::new(on_log, context);
    let new = if new.is_some() { Box::into_raw(Box::new(new)) } else { ptr::null_mut() };
    let old = CALLBACK.swap(new, Ordering::SeqCst);
    if old.is_null() {
        return Ok(());
    }
    loop {
        let users = USERS.load(Ordering::SeqCst);
        if users & COUNT == 0 || users & !COUNT != no_users() {
            break;
        }
        thread::sleep(Duration::from_micros(50));
    }
    // SAFETY: the pointer came from a box, and only this call took it. No thread of this process uses the callback: each
    // use that is counted later sees the new one.
    drop(unsafe { Box::from_raw(old) });
    Ok(())
}
