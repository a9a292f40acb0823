//! What a file system supports: some on clusters have no hard links or no locks.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::path::Path;

/// What the file system of a directory supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileSystem {
    /// Whether it supports hard links. Without them, file systems return various errors; RocksDB copies instead for
    /// only one of these.
    pub(crate) links: bool,
    /// Whether it supports `fcntl` locks, which RocksDB uses.
    pub(crate) locks: bool,
}

impl FileSystem {
    /// Tests the file system in a directory of this process.
    ///
    /// # Errors
    ///
    /// If no file can be created there.
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        let (path, link) = (directory.join("test"), directory.join("test-2"));
        let file = dft_io::create_new(&path)?;
        let links = fs::hard_link(&path, &link).is_ok();
        let locks = can_lock(&file);
        fs::remove_file(&path)?;
        // A network file system may have created the link but lost the reply.
        match fs::remove_file(&link) {
            Err(error) if links || error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { links, locks })
    }
}

/// Returns whether this process can lock a file that nobody else has open.
fn can_lock(file: &File) -> bool {
    // SAFETY: an all-zero lock is valid; the fields that matter are set below.
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
    fn a_local_file_system_supports_both_and_the_test_leaves_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let found = FileSystem::of(folder.path()).expect("tried");
        assert_eq!(found, FileSystem { links: true, locks: true });
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
    }
}
