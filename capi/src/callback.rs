//! Callbacks: the one place that calls functions of the caller.

use std::ffi::c_void;

use crate::status::Failure;

/// The function type of all callbacks: it receives an item, and a result other than 0 stops what calls it.
type Function<T> = unsafe extern "C" fn(context: *mut c_void, item: *const T) -> i32;

/// A function of the caller, with the context that is passed to it.
pub(crate) struct Callback<T> {
    function: Option<Function<T>>,
    context: *mut c_void,
}

// SAFETY: the context is only passed to the function, never dereferenced. Each callback that may run on another thread is
// documented to do so.
unsafe impl<T> Send for Callback<T> {}

// SAFETY: as above.
unsafe impl<T> Sync for Callback<T> {}

impl<T> Callback<T> {
    /// Creates a callback that may be absent.
    pub(crate) fn new(function: Option<Function<T>>, context: *mut c_void) -> Self {
        Self { function, context }
    }

    /// Creates a callback that must be there. `name` is the argument's, for the error.
    pub(crate) fn required(name: &str, function: Option<Function<T>>, context: *mut c_void) -> Result<Self, Failure> {
        match function {
            Some(_) => Ok(Self::new(function, context)),
            None => Err(Failure::argument(format!("{name} is NULL"))),
        }
    }

    /// Returns whether the caller passed a function.
    pub(crate) fn is_some(&self) -> bool {
        self.function.is_some()
    }

    /// Passes an item to the function. Returns whether the caller wants more of them; true without a function.
    #[inline]
    pub(crate) fn pass(&self, item: &T) -> bool {
        // SAFETY: the caller must ensure that the function has this type. The item stays valid during the call.
        self.function.is_none_or(|function| unsafe { function(self.context, item) } == 0)
    }
}
