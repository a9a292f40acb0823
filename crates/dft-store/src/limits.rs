//! Resources that RocksDB takes without checking: if the system refuses them, the process ends.
//!
//! Each set of RocksDB options briefly owns a cache that reserves address space and aborts without it, even if another
//! cache is given; reading back the options file that RocksDB writes creates such a set. RocksDB's threads throw if
//! they cannot be started, and nothing catches that. So this module tries both first. Another thread that takes the
//! resources in between, or memory that runs out later, can still end the process.

use std::io;
use std::ptr;

use crate::error::StoreError;

/// The address space for the options of all families, and for the stacks and heaps of RocksDB's threads, in bytes.
const BYTES: usize = 384 << 20;

/// The number of threads of a database, in addition to one for its timer.
const THREADS: usize = 3;

/// The stack size of the trial threads, in bytes; they only have to start.
const STACK: usize = 64 << 10;

/// Checks that a database can be opened.
///
/// # Errors
///
/// [`StoreError::NoRoom`] if the system refuses something.
pub(crate) fn check() -> Result<(), StoreError> {
    let refused = |what, how| move |source| StoreError::NoRoom { what, source, how };
    reserve().map_err(refused("address space", "ulimit -v"))?;
    dft_io::start_threads(THREADS, Some(STACK)).map_err(refused("threads", "ulimit -u"))
}

fn reserve() -> io::Result<()> {
    // SAFETY: this maps unused memory at a place of the system's choice, and unmaps the same range.
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
    fn a_process_without_limits_passes() {
        check().expect("room");
    }
}
