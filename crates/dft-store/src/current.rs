//! Which generation is in force.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

const CURRENT: &str = "CURRENT";

/// The number of the generation in force; `None` where there is no index.
pub(crate) fn read(index: &Path) -> Result<Option<u64>, StoreError> {
    let path = index.join(CURRENT);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(StoreError::io(&path)(error)),
    };
    let number = text.strip_suffix('\n').and_then(number_of);
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(StoreError::Damaged { path, what: "it names no generation".to_owned() }),
    }
}

/// Puts a generation in force, atomically and durably.
pub(crate) fn replace(index: &Path, number: u64) -> Result<(), StoreError> {
    let temporary = index.join("CURRENT.new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        writeln!(file, "{}", name(number))?;
        file.sync_all()
    };
    write().map_err(StoreError::io(&temporary))?;
    let path = index.join(CURRENT);
    fs::rename(&temporary, &path).map_err(StoreError::io(&path))?;
    sync_directory(index)
}

pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(StoreError::io(path))
}

pub(crate) fn generation(index: &Path, number: u64) -> PathBuf {
    index.join(name(number))
}

fn name(number: u64) -> String {
    format!("gen-{number:06}")
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("gen-")?.parse().ok()
}

/// Removes every generation but the one in force, and what dead writers left. The caller holds the
/// lock.
pub(crate) fn sweep(index: &Path, keep: Option<u64>) -> Result<(), StoreError> {
    remove(index, |name| match number_of(name) {
        Some(number) => Some(number) != keep,
        None => name.starts_with("build-"),
    })
}

/// Removes every generation but the one in force. The caller holds the lock.
pub(crate) fn sweep_generations(index: &Path, keep: u64) -> Result<(), StoreError> {
    remove(index, |name| number_of(name).is_some_and(|number| number != keep))
}

fn remove(index: &Path, stale: impl Fn(&str) -> bool) -> Result<(), StoreError> {
    for entry in fs::read_dir(index).map_err(StoreError::io(index))? {
        let entry = entry.map_err(StoreError::io(index))?;
        if entry.file_name().to_str().is_some_and(&stale) {
            fs::remove_dir_all(entry.path()).map_err(StoreError::io(&entry.path()))?;
        }
    }
    Ok(())
}
