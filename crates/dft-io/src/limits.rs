//! The limits of a process, looked at before they are met.

use std::io::{self, ErrorKind};
use std::sync::mpsc::channel;
use std::thread;

/// Fails where the process cannot have so many threads more.
///
/// # Errors
///
/// [`ErrorKind::WouldBlock`], with what to do about it.
pub fn require_threads(threads: usize) -> io::Result<()> {
    let (sender, receiver) = channel::<()>();
    let receiver = std::sync::Mutex::new(receiver);
    let wait = || drop(receiver.lock().map(|receiver| receiver.recv()));
    thread::scope(|scope| {
        let mut started = Vec::new();
        let failed = (0..threads).find_map(|_| match thread::Builder::new().spawn_scoped(scope, wait) {
            Ok(thread) => {
                started.push(thread);
                None
            }
            Err(error) => Some(error),
        });
        // All of them end with the channel.
        drop(sender);
        started.into_iter().for_each(|thread| drop(thread.join()));
        match failed {
            None => Ok(()),
            Some(error) => {
                let what = format!(
                    "this process may not start {threads} threads more ({error}); allow it more (ulimit -u, ulimit -v), \
                     ask for fewer (--threads), and run it again"
                );
                Err(io::Error::new(ErrorKind::WouldBlock, what))
            }
        }
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
