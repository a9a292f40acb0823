//! The directory of an index, and the lock of its one writer.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dft_io::CreatedDirectories;
use dft_io::Show;
use dft_io::fork::{Locked, Maker};

use crate::directory;
use crate::error::StoreError;
use crate::layout::LOCK;

/// A notice that a writer works without a lock, because the file system has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockUnavailable {
    /// The directory of the index.
    pub index: PathBuf,
    /// The error of the system.
    pub reason: String,
}

impl fmt::Display for LockUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, reason) = (self.index.shown(), &self.reason);
        write!(
            f,
            "{index}: the file system provides no lock ({reason}), so a second writer is not refused at once; of two \
             that publish at the same time, one is refused and must be run again"
        )
    }
}

/// The directory of an index, locked if the file system has locks. Dropping it removes what it created, if that is
/// empty, unless it is [kept](Self::keep): a build that fails leaves nothing behind.
///
/// The lock only saves a second writer its work. Nothing relies on it to keep two writers from publishing the same
/// generation.
pub(crate) struct Lock {
    index: PathBuf,
    /// Whether this lock created the file.
    made: bool,
    /// Whether the file and the marker stay, because they belong to an index or to another writer.
    stays: bool,
    /// Why there is no lock, if the file system provides none.
    refused: Option<LockUnavailable>,
    created: CreatedDirectories,
    /// The system releases the lock when the process ends.
    file: Locked,
    maker: Maker,
}

impl Lock {
    /// Locks the directory of an index and creates it if needed. With `rebuild`, accepts an index that is damaged or of
    /// another format.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAnIndex`] if the directory is something else, [`StoreError::Locked`] if another writer is at
    /// work. In both cases the directory is unchanged.
    pub(crate) fn new(index: &Path, rebuild: bool) -> Result<Self, StoreError> {
        let path = index.join(LOCK);
        loop {
            let created = CreatedDirectories::create(index).map_err(StoreError::io(index))?;
            match directory::check(index, rebuild) {
                Ok(()) => {}
                Err(error) if is_gone(&error) => continue,
                Err(error) => return Err(error),
            }
            let (file, made) = match open(&path) {
                Ok(opened) => opened,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(StoreError::io(&path)(error)),
            };
            let (file, maker) = (Locked::new(file), Maker::this_process());
            let mut lock = Self { index: index.to_owned(), made, stays: false, refused: None, created, file, maker };
            match lock.file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    lock.keep();
                    return Err(StoreError::Locked(index.to_owned()));
                }
                Err(TryLockError::Error(error)) => {
                    lock.refused = Some(LockUnavailable { index: index.to_owned(), reason: error.to_string() });
                }
            }
            if !lock.is_in_place().map_err(StoreError::io(&path))? {
                // Another writer's file has the name by now.
                lock.keep();
                continue;
            }
            match directory::claim(index, rebuild) {
                Ok(_) => return Ok(lock),
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Keeps what was created: there is an index now.
    pub(crate) fn keep(&mut self) {
        self.stays = true;
        self.created.keep();
    }

    /// Returns why there is no lock, if the file system provides none.
    pub(crate) fn refused(&self) -> Option<&LockUnavailable> {
        self.refused.as_ref()
    }

    /// Returns whether the locked file is the one that other writers will find.
    fn is_in_place(&self) -> io::Result<bool> {
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        match fs::metadata(self.index.join(LOCK)) {
            Ok(there) => Ok(identity(there) == identity(self.file.metadata()?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Returns whether a writer that failed removed the directory that it had created.
fn is_gone(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if source.kind() == ErrorKind::NotFound)
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.stays || self.maker.is_parent() {
            return;
        }
        // If nothing else is there, the file and the marker belong to a writer that failed.
        let is_bare = directory::is_bare(&self.index);
        directory::disclaim(&self.index);
        if self.made || is_bare {
            // A file that stays is harmless.
            let _ = fs::remove_file(self.index.join(LOCK));
        }
    }
}

/// Opens the file. Returns whether this call created it.
fn open(path: &Path) -> io::Result<(File, bool)> {
    match File::options().append(true).create_new(true).open(path) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // No file of an index is a link.
            Ok((dft_io::open_no_link(path, File::options().append(true))?, false))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_removes_what_it_created_unless_it_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path().join("deep/index");
        let lock = Lock::new(&index, false).expect("locked");
        assert!(matches!(Lock::new(&index, false), Err(StoreError::Locked(_))));
        assert!(index.join(LOCK).exists(), "a refused lock removes nothing");
        drop(lock);
        assert!(!folder.path().join("deep").exists());

        fs::create_dir_all(&index).expect("made");
        drop(Lock::new(&index, false).expect("locked"));
        assert_eq!(fs::read_dir(&index).expect("what was there before stays").count(), 0);

        let mut lock = Lock::new(&index, false).expect("locked");
        fs::create_dir(index.join("gen-000001")).expect("made");
        lock.keep();
        drop(lock);
        assert!(index.join(LOCK).exists());
        drop(Lock::new(&index, false).expect("locked"));
        assert!(index.join(LOCK).exists());
    }

    #[test]
    fn writers_that_fail_do_not_remove_the_files_of_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path().join("index");
        let held = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    use std::sync::atomic::Ordering::SeqCst;
                    for _ in 0..300 {
                        match Lock::new(&index, false) {
                            Ok(_lock) => {
                                assert_eq!(held.fetch_add(1, SeqCst), 0, "two writers at once");
                                fs::write(index.join("work"), "").expect("the directory is there while it is locked");
                                directory::keep(&index).expect("marked");
                                fs::remove_file(index.join("work")).expect("removed");
                                held.fetch_sub(1, SeqCst);
                            }
                            Err(StoreError::Locked(_)) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                });
            }
        });
        // A writer that started while another failed did not create the directory, so it leaves it.
        assert!(fs::read_dir(&index).map_or(0, Iterator::count) == 0);
    }
}
