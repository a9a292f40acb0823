//! A lock that no thread holds when the process forks.

use std::cell::UnsafeCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fork;
use crate::fork_registry::{HeldByForks, register};

/// A global lock that no thread holds while the process forks.
///
/// A child has only the thread that forked, so a lock that another thread of the parent held would stay locked in the
/// child for good. The thread that forks therefore locks every `ForkMutex` before the fork, and parent and child unlock
/// it afterwards. So the child finds the lock free and its value complete. This works for up to 16 locks of a process.
///
/// Forks wait for the lock. Its owner must not fork, wait for another lock or call foreign code while it holds the
/// lock.
pub struct ForkMutex<T: Send + 'static> {
    mutex: Mutex<T>,
    /// The guard of the thread that forks.
    held: UnsafeCell<Option<MutexGuard<'static, T>>>,
}

// SAFETY: `mutex` protects the value. `held` is used only by the thread that forks, from when it holds `mutex` until just
// before it releases it.
unsafe impl<T: Send> Sync for ForkMutex<T> {}

impl<T: Send> std::fmt::Debug for ForkMutex<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForkMutex").finish_non_exhaustive()
    }
}

impl<T: Send> ForkMutex<T> {
    /// Creates an unlocked lock.
    pub const fn new(value: T) -> Self {
        Self { mutex: Mutex::new(value), held: UnsafeCell::new(None) }
    }

    /// Locks it. A panic of an earlier owner is ignored.
    pub fn lock(&'static self) -> MutexGuard<'static, T> {
        fork::watch();
        register(self);
        self.mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send> HeldByForks for ForkMutex<T> {
    fn hold(&'static self) {
        let guard = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: this thread holds `mutex`, so no other thread uses `held`.
        unsafe { *self.held.get() = Some(guard) };
    }

    fn release(&'static self) {
        // SAFETY: if there is a guard, this is the thread that forked, or its copy in the child, and holds `mutex`. A
        // fork that began before the lock was registered left none, and does not call this.
        drop(unsafe { (*self.held.get()).take() });
    }
}
