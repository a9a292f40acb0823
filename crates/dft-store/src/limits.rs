//! What RocksDB takes without asking: where the system refuses it, the process ends.
//!
//! Every set of options of RocksDB has a cache of its own for a moment, which reserves address space and aborts
//! without it, also where another cache is given; the file of options that it writes is read back with such a set. Its
//! threads throw where they cannot be made, and nobody catches that. So both are tried first. What another thread
//! takes in between, and memory that runs out later, can still end the process.

use std::io;
use std::ptr;

use crate::error::StoreError;

/// Address space for the options of all families, the stacks of its threads and the heaps that they allocate from.
const BYTES: usize = 384 << 20;

/// Threads that a database has, beside one for its timer.
const THREADS: usize = 3;

/// Bytes of their stacks here: enough to be there.
const STACK: usize = 64 << 10;

/// Checks that a database can be opened.
///
/// # Errors
///
/// [`StoreError::NoRoom`] where something is refused.
pub(crate) fn check() -> Result<(), StoreError> {
    let refused = |what, how| move |source| StoreError::NoRoom { what, source, how };
    reserve().map_err(refused("address space", "ulimit -v"))?;
    dft_io::start_threads(THREADS, Some(STACK)).map_err(refused("threads", "ulimit -u"))
}

fn reserve() -> io::Result<()> {
    // SAFETY: it maps at a place of the system's choice, which nobody uses, and unmaps the same.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let place = libc::mmap(ptr::null_mut(), BYTES, libc::PROT_NONE, flags, -1, 0);
        if place == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        libc::munmap(place, BYTES);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_limits_has_room() {
        check().expect("room");
    }
}
