//! Directories that are removed again when the operation that created them fails.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::fork::Maker;
use crate::sync_directory;

/// The directories that an operation created. Dropping it removes those that are empty, unless the process is a fork of
/// the one that created them or they were [kept](Self::keep).
#[derive(Debug)]
pub struct CreatedDirectories {
    /// Each parent comes before its children.
    paths: Vec<PathBuf>,
    maker: Maker,
}

impl Default for CreatedDirectories {
    fn default() -> Self {
        Self { paths: Vec::new(), maker: Maker::this_process() }
    }
}

impl CreatedDirectories {
    /// Creates a directory and its missing parents, and makes their names durable.
    ///
    /// # Errors
    ///
    /// The system's error; the directories created so far are removed.
    pub fn create(path: &Path) -> io::Result<Self> {
        /// How often another process may remove a parent directory before its child is created.
        const TRIES: u32 = 100;
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::try_create(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => {}
                result => return result,
            }
        }
    }

    fn try_create(path: &Path) -> io::Result<Self> {
        let mut created = Self::default();
        let mut missing = Vec::new();
        let mut at = Some(path).filter(|path| !path.as_os_str().is_empty());
        while let Some(directory) = at
            && !directory.is_dir()
        {
            missing.push(directory);
            at = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
        }
        for directory in missing.into_iter().rev() {
            match fs::create_dir(directory) {
                Ok(()) => created.paths.push(directory.to_owned()),
                // Another process created it first, or the path goes back up: `a/..`.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => continue,
                Err(error) => return Err(error),
            }
            match directory.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent)?,
                _ => sync_directory(Path::new("."))?,
            }
        }
        Ok(created)
    }

    /// Takes over directories that were created later.
    pub fn append(&mut self, mut later: Self) {
        self.paths.append(&mut later.paths);
    }

    /// Keeps the directories when this is dropped.
    pub fn keep(&mut self) {
        self.paths.clear();
    }
}

impl Drop for CreatedDirectories {
    fn drop(&mut self) {
        if self.maker.is_parent() {
            return;
        }
        for path in self.paths.iter().rev() {
            // A directory that is not empty is in use, and stays.
            let _ = fs::remove_dir(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_directories_are_removed_unless_kept_or_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let (inner, outer) = (folder.path().join("a/b/c"), folder.path().join("a"));
        let created = CreatedDirectories::create(&inner).expect("made");
        assert!(inner.is_dir());
        drop(created);
        assert!(!outer.exists() && folder.path().exists());

        let created = CreatedDirectories::create(&inner).expect("made");
        fs::write(folder.path().join("a/b/somebody's"), "").expect("written");
        drop(created);
        assert!(!inner.exists() && folder.path().join("a/b").exists());

        let mut created = CreatedDirectories::create(&inner).expect("made");
        created.keep();
        drop(created);
        assert!(inner.exists());
        drop(CreatedDirectories::create(&inner).expect("there"));
        assert!(inner.exists(), "it was there before");

        let mut both = CreatedDirectories::create(&folder.path().join("x/here")).expect("made");
        both.append(CreatedDirectories::create(&folder.path().join("x/there")).expect("made"));
        drop(both);
        assert!(!folder.path().join("x").exists());

        fs::write(folder.path().join("file"), "").expect("written");
        assert!(CreatedDirectories::create(&folder.path().join("file/x")).is_err());
        drop(CreatedDirectories::create(&folder.path().join("new/../other")).expect("made"));
        assert!(!folder.path().join("new").exists() && !folder.path().join("other").exists());
    }
}
