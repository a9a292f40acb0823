//! Files that have a temporary name until they are complete.

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use dft_io::fork::{Locked, Maker};

use crate::error::ExportError;

/// A file that is removed unless it is [renamed](Self::rename). It is locked, so that other exports can tell it from a
/// file that a dead export left behind.
pub(crate) struct TemporaryFile {
    path: PathBuf,
    /// The final name.
    target: PathBuf,
    file: Locked,
    maker: Maker,
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.maker.is_parent() {
            // The error that led here is worth more than one of this removal.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl TemporaryFile {
    /// Creates a file next to `target`, which it replaces when it is complete.
    pub(crate) fn create(target: &Path) -> Result<Self, ExportError> {
        /// How often a name may already exist, or another export may sweep the file before it is locked.
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
                // The caller knows the target, not the temporary name.
                Err(error) => return Err(ExportError::io(target)(error)),
            };
            let is_swept = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            // If the file system has no locks, no export sweeps this file either.
            let temporary = Self { path, target: target.to_owned(), file, maker: Maker::this_process() };
            // If the file system cannot report whether the file exists, fail instead of trying forever.
            let is_there = temporary.path.try_exists().map_err(ExportError::io(&temporary.path))?;
            if !is_swept && is_there {
                return Ok(temporary);
            }
        }
        let error =
            io::Error::new(ErrorKind::AlreadyExists, "other exports keep creating or removing the temporary files");
        Err(ExportError::io(target)(error))
    }

    /// Returns a handle for writing.
    pub(crate) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Returns the size in bytes.
    pub(crate) fn size(&self) -> Result<u64, ExportError> {
        Ok(self.file.metadata().map_err(ExportError::io(&self.path))?.len())
    }

    /// Renames the file to its final name and replaces any file of that name.
    pub(crate) fn rename(self) -> Result<(), ExportError> {
        fs::rename(&self.path, &self.target).map_err(ExportError::io(&self.target))
    }
}

/// Writes a file that is complete as soon as it has its name, and replaces any file of that name.
///
/// # Errors
///
/// If the file cannot be written. Then a file of that name is as it was.
pub fn replace_file(path: &Path, contents: &[u8]) -> Result<(), ExportError> {
    let temporary = TemporaryFile::create(path)?;
    temporary.file().and_then(|mut file| file.write_all(contents)).map_err(ExportError::io(path))?;
    temporary.rename()
}

/// Removes temporary files that dead exports left behind.
fn sweep(target: &Path, prefix: &str) {
    let entries = target.parent().and_then(|directory| fs::read_dir(directory).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_left = name.starts_with(prefix)
            && name.ends_with(".tmp")
            && dft_io::open_no_link(&entry.path(), File::options().read(true))
                .is_ok_and(|file| file.try_lock().is_ok());
        if is_left {
            // A file that cannot be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}
