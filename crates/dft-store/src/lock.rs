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

/// An index that a writer works on without a lock, since the file system gives none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockUnavailable {
    /// The directory of the index.
    pub index: PathBuf,
    /// What the system says.
    pub reason: String,
}

impl fmt::Display for LockUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, reason) = (self.index.shown(), &self.reason);
        write!(
            f,
            "{index}: the file system gives no lock ({reason}), so a second writer is not told at once; of two that \
             publish at the same time, one is refused and must be run again"
        )
    }
}

/// The directory of an index, locked where the file system has locks. What was made for it is removed with it, where
/// that is empty, unless it is [kept](Self::keep): a build that fails leaves nothing.
///
/// The lock only saves a second writer its work: that no two writers publish the same generation does not depend on it.
pub(crate) struct Lock {
    index: PathBuf,
    /// Whether the file was made for this lock.
    made: bool,
    /// Whether it and the marker of the index stay: they are an index's, or another writer's.
    stays: bool,
    /// Why the file system gives no lock, where it does not.
    refused: Option<LockUnavailable>,
    created: CreatedDirectories,
    /// The system lets go of the lock when the process ends.
    file: Locked,
    maker: Maker,
}

impl Lock {
    /// Locks the directory of an index, which is made if it is not there. With `rebuild`, it may be an index that
    /// is damaged or of another format.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAnIndex`] where the directory is something else, [`StoreError::Locked`] where another
    /// writer is at work. Then nothing in the directory has changed.
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
                // Its name is another writer's by now.
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

    /// Lets what was made stay: there is an index.
    pub(crate) fn keep(&mut self) {
        self.stays = true;
        self.created.keep();
    }

    /// That the file system gives no lock, where it does not.
    pub(crate) fn refused(&self) -> Option<&LockUnavailable> {
        self.refused.as_ref()
    }

    /// Whether the file that is locked is the one that others will find.
    fn is_in_place(&self) -> io::Result<bool> {
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        match fs::metadata(self.index.join(LOCK)) {
            Ok(there) => Ok(identity(there) == identity(self.file.metadata()?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether a writer that failed has removed the directory, which it had made.
fn is_gone(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if source.kind() == ErrorKind::NotFound)
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.stays || self.maker.is_parent() {
            return;
        }
        // Where nothing else is there, the file and the marker are of a writer that has failed.
        let is_bare = directory::is_bare(&self.index);
        directory::disclaim(&self.index);
        if self.made || is_bare {
            // What stays is in nobody's way.
            let _ = fs::remove_file(self.index.join(LOCK));
        }
    }
}

/// Opens the file, and says whether it was made for that.
fn open(path: &Path) -> io::Result<(File, bool)> {
    match File::options().append(true).create_new(true).open(path) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // Nothing in an index is a link.
            dft_io::refuse_others(fs::symlink_metadata(path)?.file_type())?;
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
        let lock = Lock::new(&index, false).expect("locked");
        assert!(matches!(Lock::new(&index, false), Err(StoreError::Locked(_))));
        assert!(index.join(LOCK).exists(), "one that is refused takes nothing away");
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
    fn writers_that_fail_do_not_take_the_place_of_others() {
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
        // One that came while another failed did not make the directory, and leaves it.
        assert!(fs::read_dir(&index).map_or(0, Iterator::count) == 0);
    }
}
