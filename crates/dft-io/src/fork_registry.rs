//! The locks that forks hold.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What a fork does with a lock.
pub(crate) trait HeldByForks: Sync {
    /// Locks it for the fork.
    fn hold(&'static self);
    /// Unlocks it after the fork, in parent and child.
    fn release(&'static self);
}

/// A registered lock. Entries are never freed.
struct Entry {
    lock: &'static dyn HeldByForks,
    address: usize,
}

/// The registered locks, from the first; the program has only a few.
static ENTRIES: [AtomicPtr<Entry>; 16] = [const { AtomicPtr::new(ptr::null_mut()) }; 16];

/// Makes forks hold a lock.
pub(crate) fn register<T: HeldByForks + 'static>(lock: &'static T) {
    let address = ptr::from_ref(lock).addr();
    let mut new: *mut Entry = ptr::null_mut();
    for place in &ENTRIES {
        let mut entry = place.load(Ordering::Acquire);
        if entry.is_null() {
            if new.is_null() {
                new = Box::into_raw(Box::new(Entry { lock, address }));
            }
            match place.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(other) => entry = other,
            }
        }
        // SAFETY: entries are never freed.
        if unsafe { (*entry).address } == address {
            break;
        }
    }
    if !new.is_null() {
        // SAFETY: `new` came from a box and is in no place.
        drop(unsafe { Box::from_raw(new) });
    }
}

/// The registered locks.
pub(crate) fn registered() -> impl Iterator<Item = &'static dyn HeldByForks> {
    ENTRIES.iter().filter_map(|place| {
        // SAFETY: entries are never freed.
        unsafe { place.load(Ordering::Acquire).as_ref() }.map(|entry| entry.lock)
    })
}
