//! What a file system can do: some of those of clusters have no hard links, or no locks.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::path::Path;

/// What the file system of a directory can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileSystem {
    /// Whether a file can have a second name. Where it cannot, file systems say so in several ways; RocksDB copies
    /// instead for one of them only.
    pub(crate) links: bool,
    /// Whether a file can be locked by `fcntl`, as RocksDB does.
    pub(crate) locks: bool,
}

impl FileSystem {
    /// Tries it in a directory of this process.
    ///
    /// # Errors
    ///
    /// Where no file can be made there.
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        let (path, link) = (directory.join("test"), directory.join("test-2"));
        let file = dft_io::create_new(&path)?;
        let links = fs::hard_link(&path, &link).is_ok();
        let locks = can_lock(&file);
        fs::remove_file(&path)?;
        // A network file system may have made the link, and have lost the answer.
        match fs::remove_file(&link) {
            Err(error) if links || error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { links, locks })
    }
}

/// Whether this process can lock a file, which nobody else has open.
fn can_lock(file: &File) -> bool {
    // SAFETY: a lock of all zeros is a valid one, of which the fields that matter are set below.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    // SAFETY: the descriptor is open, and the lock lives until the call returns. Closing the file unlocks it.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &lock) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_of_this_test_can_do_both_and_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let found = FileSystem::of(folder.path()).expect("tried");
        assert_eq!(found, FileSystem { links: true, locks: true });
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
    }
}
