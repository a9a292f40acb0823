//! The limits of a process, looked at before they are met.

use std::io::{self, ErrorKind, Read};
use std::thread;

/// Checks that so many threads can run at once, by starting them for a moment.
///
/// # Errors
///
/// Where the system refuses one of them; the message says what to do.
pub fn require_threads(threads: usize) -> io::Result<()> {
    start_threads(threads, None).map_err(|error| {
        let what = format!(
            "this process may not start {threads} threads more ({error}); allow it more (ulimit -u, ulimit -v), \
             ask for fewer (--threads), and run it again"
        );
        io::Error::new(ErrorKind::WouldBlock, what)
    })
}

/// Starts so many threads that are there at once, with stacks of so many bytes, and ends them.
///
/// # Errors
///
/// Where the system refuses one of them.
pub fn start_threads(threads: usize, stack: Option<usize>) -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    // They wait for the system, not for memory that they share, so that whatever looks for races sees none.
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
        // All of them end with the pipe. They are joined, which the end of a scope alone does not do.
        drop(writer);
        started.into_iter().for_each(|thread| drop(thread.join()));
        result
    })
}

/// How much memory the process may have by its own limits, in bytes; `None` where that is not limited.
pub fn memory_limit() -> Option<u64> {
    let limit = |resource| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the place is good for what the call writes.
        let known = unsafe { libc::getrlimit(resource, &mut limit) } == 0;
        (known && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
    };
    [limit(libc::RLIMIT_AS), limit(libc::RLIMIT_DATA)].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_given_back() {
        for _ in 0..3 {
            require_threads(20).expect("there is room");
        }
    }
}
