//! Files in the making: they have a name of their own until they are whole.

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use dft_io::fork::{Locked, Maker};

use crate::error::ExportError;

/// A file that is removed unless it is [renamed](Self::rename). It is locked, so that what a dead export left
/// is told from what another one is at.
pub(crate) struct Temporary {
    path: PathBuf,
    /// The name that it is to have.
    target: PathBuf,
    file: Locked,
    maker: Maker,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.maker.is_parent() {
            // The error at hand says more than one of this could.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Temporary {
    /// A file that is to be called `target` when it is whole.
    pub(crate) fn create(target: &Path) -> Result<Self, ExportError> {
        /// How often a name may be taken, or another export may sweep the file before it is locked.
        const TRIES: u32 = 100;
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let prefix = format!(".{name}.");
        sweep(target, &prefix);
        for _ in 0..TRIES {
            let random = RandomState::new().hash_one(std::process::id());
            let path = target.with_file_name(format!("{prefix}{random:016x}.tmp"));
            let file = match File::create_new(&path) {
                Ok(file) => Locked::new(file),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(ExportError::io(&path)(error)),
            };
            let is_swept = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            // Where the file system has no locks, nobody thinks this one dead either.
            let temporary = Self { path, target: target.to_owned(), file, maker: Maker::this_process() };
            // A file system that says nothing of it any more is an error, and no reason to try for ever.
            let is_there = temporary.path.try_exists().map_err(ExportError::io(&temporary.path))?;
            if !is_swept && is_there {
                return Ok(temporary);
            }
        }
        let error = io::Error::new(ErrorKind::AlreadyExists, "other exports take or remove each temporary file");
        Err(ExportError::io(target)(error))
    }

    /// The file, to be written.
    pub(crate) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Its size, in bytes.
    pub(crate) fn size(&self) -> Result<u64, ExportError> {
        Ok(self.file.metadata().map_err(ExportError::io(&self.path))?.len())
    }

    /// Gives it its name, instead of what has that.
    pub(crate) fn rename(self) -> Result<(), ExportError> {
        fs::rename(&self.path, &self.target).map_err(ExportError::io(&self.target))
    }
}

/// Removes what dead exports left of a file.
fn sweep(target: &Path, prefix: &str) {
    let entries = target.parent().and_then(|directory| fs::read_dir(directory).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_left = name.starts_with(prefix)
            && name.ends_with(".tmp")
            && dft_io::open_regular(&entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if is_left {
            // If it cannot be removed, it is only in the way.
            let _ = fs::remove_file(entry.path());
        }
    }
}
