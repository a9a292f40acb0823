//! Results of scoped threads.

use std::thread::ScopedJoinHandle;

/// Returns the result of a thread, or resumes its panic.
pub(crate) fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
