//! The limits of a process, checked before they are reached.

use std::io::{self, ErrorKind, Read};
use std::thread;

/// Checks that `threads` more threads can run at once, by starting them briefly.
///
/// # Errors
///
/// If the system refuses one of them. The message includes advice.
pub fn require_threads(threads: usize) -> io::Result<()> {
    start_threads(threads, None).map_err(|error| {
        let what = format!(
            "this process cannot start {threads} more threads ({error}); raise its limits (ulimit -u, ulimit -v) or \
             use fewer threads (--threads), then run it again"
        );
        io::Error::new(ErrorKind::WouldBlock, what)
    })
}

/// Starts threads that all exist at once, with stacks of `stack` bytes if given, and ends them.
///
/// # Errors
///
/// If the system refuses one of them.
pub fn start_threads(threads: usize, stack: Option<usize>) -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    // They block in the system, not on shared memory, so that race detectors see no false races.
    let wait = || drop((&reader).read(&mut [0]));
    thread::scope(|scope| {
        let mut started = Vec::new();
        let mut start = || -> io::Result<()> {
            for _ in 0..threads {
                let builder = thread::Builder::new();
                let builder = stack.into_iter().fold(builder, thread::Builder::stack_size);
                started.push(builder.spawn_scoped(scope, wait)?);
            }
            Ok(())
        };
        let result = start();
        // All of them end with the pipe. Join them explicitly: the end of a scope does not wait for their exit.
        drop(writer);
        started.into_iter().for_each(|thread| drop(thread.join()));
        result
    })
}

/// Returns how much memory the limits of the process allow, in bytes: the lower of `RLIMIT_AS` and `RLIMIT_DATA`;
/// `None` if neither is set.
pub fn memory_limit() -> Option<u64> {
    let limit = |resource| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` has the type that the call writes.
        let known = unsafe { libc::getrlimit(resource, &mut limit) } == 0;
        (known && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
    };
    [limit(libc::RLIMIT_AS), limit(libc::RLIMIT_DATA)].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_can_be_required_repeatedly() {
        for _ in 0..3 {
            require_threads(20).expect("there is room");
        }
    }
}
