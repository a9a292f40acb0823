//! Keeps a child of `fork()` from removing its parent's files and holding its parent's locks.
//!
//! A child has a copy of its parent's memory and descriptors, and none of its other threads. So it must not remove
//! what the parent created, and must not hold the parent's locks, which belong to the descriptors and end with the
//! last copy. A child must also not wait for a lock that another thread of its parent held.
//!
//! - [`Maker`] distinguishes the process that created something from its children.
//! - [`Locked`] is a locked file whose descriptor a child closes.
//! - [`ForkMutex`](crate::ForkMutex) is a lock that no thread holds while the process forks.

use std::cell::Cell;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::sync::Once;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use crate::fork_registry::registered;

/// The number of forks between the process that loaded this code and this process.
static EPOCH: AtomicU64 = AtomicU64::new(0);

/// The descriptors that a child must close.
static LOCKED: [AtomicI32; 256] = [const { AtomicI32::new(NONE) }; 256];

const NONE: i32 = -1;

thread_local! {
    /// How many locks the fork holds that this thread is about to make.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

extern "C" fn before_fork() {
    let mut held = 0;
    for lock in registered() {
        lock.hold();
        held += 1;
    }
    HELD.set(held);
}

/// Releases what [`before_fork`] holds. Locks that were registered since are not among them.
extern "C" fn in_parent() {
    registered().take(HELD.replace(0)).for_each(|lock| lock.release());
}

/// Runs in a child before `fork()` returns, so it may do only what a signal handler may.
extern "C" fn in_child() {
    EPOCH.fetch_add(1, Ordering::SeqCst);
    for place in &LOCKED {
        let descriptor = place.swap(NONE, Ordering::SeqCst);
        if descriptor != NONE {
            // SAFETY: the descriptor is that of a `Locked`, which does not close it in a child.
            unsafe { libc::close(descriptor) };
        }
    }
    in_parent();
}

/// Starts to watch forks. Does nothing if it was called before. The C library calls it when it is loaded, because a
/// child that is forked during the first call cannot finish that call.
pub fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        // SAFETY: the handlers are functions of this library, and handlers are removed when their library is unloaded.
        // The call fails only if memory runs out; children are then not distinguished from their parent.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child)) };
    });
}

/// The process that created something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maker(u64);

impl Maker {
    /// Returns the calling process.
    pub fn this_process() -> Self {
        watch();
        Self(EPOCH.load(Ordering::SeqCst))
    }

    /// Whether this is an ancestor of the calling process, by one `fork()` or several.
    #[inline]
    pub fn is_parent(self) -> bool {
        self.0 != EPOCH.load(Ordering::Relaxed)
    }

    /// Returns a number that is different in each child.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Returns the process with a [number](Self::number).
    #[inline]
    pub fn numbered(number: u64) -> Self {
        Self(number)
    }
}

/// A file that is locked, or about to be. A child of the process does not hold its lock: its copy of the descriptor is
/// closed in the fork. This works for up to 256 such files at once; a child keeps the descriptors of any others.
#[derive(Debug)]
pub struct Locked {
    file: ManuallyDrop<File>,
    maker: Maker,
    /// Its entry in `LOCKED`. Of more than 256 at once, children keep the rest open.
    place: Option<&'static AtomicI32>,
}

impl Locked {
    /// Wraps a file that is not locked yet.
    pub fn new(file: File) -> Self {
        let maker = Maker::this_process();
        let descriptor = file.as_raw_fd();
        let place = LOCKED
            .iter()
            .find(|place| place.compare_exchange(NONE, descriptor, Ordering::SeqCst, Ordering::SeqCst).is_ok());
        Self { file: ManuallyDrop::new(file), maker, place }
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // In a child the descriptor is closed already, and its number may belong to another file.
        if self.maker.is_parent() && self.place.is_some() {
            return;
        }
        if let Some(place) = self.place {
            place.store(NONE, Ordering::SeqCst);
        }
        // SAFETY: the file is dropped once, here, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.file) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::ForkMutex;

    /// Runs a function in a child and returns its result, which the exit code carries.
    fn in_a_child(run: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child only runs `run`, which takes no lock of another thread, and exits without returning.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            let code = i32::from(!run());
            // SAFETY: the call only ends the process.
            unsafe { libc::_exit(code) };
        }
        let mut status = 0;
        // SAFETY: `status` is writable, and the child is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        status == 0
    }

    #[test]
    fn a_child_is_distinguished_from_its_parent() {
        let maker = Maker::this_process();
        assert!(in_a_child(|| maker.is_parent() && !Maker::this_process().is_parent()));
        assert!(!maker.is_parent());
    }

    #[test]
    fn a_child_never_waits_for_a_lock_that_another_thread_of_its_parent_held() {
        static FIRST: ForkMutex<(u64, u64)> = ForkMutex::new((0, 0));
        static SECOND: ForkMutex<u64> = ForkMutex::new(0);
        static STOP: AtomicUsize = AtomicUsize::new(0);
        let count = || {
            let mut pair = FIRST.lock();
            pair.0 += 1;
            std::hint::spin_loop();
            pair.1 += 1;
            assert_eq!(pair.0, pair.1);
            drop(pair);
            *SECOND.lock() += 1;
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(move || {
                    while STOP.load(Ordering::Relaxed) == 0 {
                        count();
                    }
                });
            }
            let all_free = (0..200).all(|_| {
                in_a_child(|| {
                    // SAFETY: the call only arranges that a child that hangs is ended.
                    unsafe { libc::alarm(60) };
                    (0..10).for_each(|_| count());
                    let pair = FIRST.lock();
                    pair.0 == pair.1
                })
            });
            STOP.store(1, Ordering::Relaxed);
            assert!(all_free);
        });
        count();
    }

    #[test]
    fn only_the_parent_releases_a_lock_of_the_parent() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("LOCK");
        let locked = Locked::new(File::create(&path).expect("made"));
        locked.lock().expect("locked");
        let descriptor = locked.as_raw_fd();
        let other = File::options().append(true).open(&path).expect("opened");
        assert!(in_a_child(|| {
            // SAFETY: the call only asks whether the descriptor is open.
            let is_closed = unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == -1;
            is_closed && other.try_lock().is_err()
        }));
        assert!(other.try_lock().is_err(), "the parent still holds it");
        drop(locked);
        // A child that another test has just forked holds it until its descriptors are closed.
        other.lock().expect("nobody holds it for good");
        assert!(LOCKED.iter().all(|place| place.load(Ordering::SeqCst) != descriptor));
    }
}
