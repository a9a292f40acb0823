//! The directory of an index, and the lock of its one writer.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dft_io::CreatedDirectories;

use crate::error::StoreError;

/// The name of the file that is locked.
pub(crate) const LOCK: &str = "LOCK";

/// The directory of an index, locked. What was made for it is removed with it, where that is empty, unless it
/// is [kept](Self::keep): a build that fails leaves nothing.
pub(crate) struct Lock {
    path: PathBuf,
    /// Whether the file was made for this lock.
    made: bool,
    /// Whether the file stays: it is an index's, or another writer's.
    stays: bool,
    created: CreatedDirectories,
    /// The system lets go of the lock when the process ends.
    _file: File,
}

impl Lock {
    /// Locks the directory of an index, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] where another writer is at work.
    pub(crate) fn new(index: &Path) -> Result<Self, StoreError> {
        let path = index.join(LOCK);
        loop {
            let created = CreatedDirectories::create(index).map_err(StoreError::io(index))?;
            let (file, made) = match open(&path) {
                Ok(opened) => opened,
                // A writer that failed has removed what it had made.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(StoreError::io(&path)(error)),
            };
            let lock = Self { path: path.clone(), made, stays: false, created, _file: file };
            match lock._file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    lock.forget();
                    return Err(StoreError::Locked(index.to_owned()));
                }
                Err(TryLockError::Error(error)) => return Err(StoreError::io(&path)(error)),
            }
            if lock.is_in_place().map_err(StoreError::io(&path))? {
                return Ok(lock);
            }
            // Its name is another writer's by now.
            lock.forget();
        }
    }

    /// Lets what was made stay: there is an index.
    pub(crate) fn keep(&mut self) {
        self.stays = true;
        self.created.keep();
    }

    fn forget(mut self) {
        self.keep();
    }

    /// Whether nothing else is in the directory: then the file is of a writer that has failed.
    fn is_alone(&self) -> bool {
        let entries = self.path.parent().map(fs::read_dir);
        entries.is_some_and(|entries| entries.is_ok_and(|entries| entries.count() == 1))
    }

    /// Whether the file that is locked is the one that others will find.
    fn is_in_place(&self) -> io::Result<bool> {
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        match fs::metadata(&self.path) {
            Ok(there) => Ok(identity(there) == identity(self._file.metadata()?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if !self.stays && (self.made || self.is_alone()) {
            // What stays is in nobody's way.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens the file, and says whether it was made for that.
fn open(path: &Path) -> io::Result<(File, bool)> {
    match File::options().append(true).create_new(true).open(path) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok((dft_io::open_regular_with(path, File::options().append(true))?, false))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_leaves_nothing_unless_it_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path().join("deep/index");
        let lock = Lock::new(&index).expect("locked");
        assert!(matches!(Lock::new(&index), Err(StoreError::Locked(_))));
        assert!(index.join(LOCK).exists(), "one that is refused takes nothing away");
        drop(lock);
        assert!(!folder.path().join("deep").exists());

        fs::create_dir_all(&index).expect("made");
        drop(Lock::new(&index).expect("locked"));
        assert!(index.exists() && !index.join(LOCK).exists(), "what was there before stays");

        let mut lock = Lock::new(&index).expect("locked");
        fs::write(index.join("CURRENT"), "").expect("written");
        lock.keep();
        drop(lock);
        assert!(index.join(LOCK).exists());
        drop(Lock::new(&index).expect("locked"));
        assert!(index.join(LOCK).exists());
    }

    #[test]
    fn writers_that_fail_do_not_take_the_place_of_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path().join("index");
        let held = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    use std::sync::atomic::Ordering::SeqCst;
                    for _ in 0..300 {
                        match Lock::new(&index) {
                            Ok(_lock) => {
                                assert_eq!(held.fetch_add(1, SeqCst), 0, "two writers at once");
                                fs::write(index.join("work"), "").expect("the directory is there while it is locked");
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
        // One that came while another failed did not make the directory, and leaves it.
        assert!(fs::read_dir(&index).map_or(0, Iterator::count) == 0);
    }
}
