//! Which generation is in force.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::lock::LOCK;

const CURRENT: &str = "CURRENT";

/// How the names of the directories of builds begin.
pub(crate) const BUILD: &str = "build-";

/// The generation in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    /// Its number.
    pub(crate) number: u64,
    /// The hash of its [seal](crate::seal).
    pub(crate) seal: u128,
}

impl Current {
    fn line(&self) -> String {
        format!("{} {:032x}", name(self.number), self.seal)
    }
}

/// The generation in force; `None` where there is no index.
pub(crate) fn read(index: &Path) -> Result<Option<Current>, StoreError> {
    let path = index.join(CURRENT);
    let bytes = match dft_io::read_regular(&path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(StoreError::io(&path)(error)),
    };
    let line = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    if line.and_then(number_of).is_some() {
        // So it was before generations were sealed.
        let found = "1".to_owned();
        return Err(StoreError::Format { path: index.to_owned(), found, known: dft_codec::FORMAT_VERSION });
    }
    let current = line.and_then(|line| {
        let (generation, seal) = line.split_once(' ')?;
        let current = Current { number: number_of(generation)?, seal: u128::from_str_radix(seal, 16).ok()? };
        // There is one way to say it; another is not what was written.
        (current.line() == line).then_some(current)
    });
    match current {
        Some(current) => Ok(Some(current)),
        None => Err(StoreError::Damaged { path, what: "it names no generation".to_owned() }),
    }
}

const NEXT: &str = "CURRENT.new";

/// Writes, durably, what is to put a generation in force.
pub(crate) fn prepare(index: &Path, current: Current) -> Result<(), StoreError> {
    let temporary = index.join(NEXT);
    let write = || -> io::Result<()> {
        dft_io::point("publish:before CURRENT is written")?;
        let mut file =
            dft_io::open_regular_with(&temporary, OpenOptions::new().write(true).create(true).truncate(true))?;
        writeln!(file, "{}", current.line())?;
        file.sync_all()?;
        dft_io::point("publish:before CURRENT is replaced")
    };
    write().map_err(StoreError::io(&temporary))
}

/// Puts the generation in force that was prepared, atomically.
pub(crate) fn replace(index: &Path) -> Result<(), StoreError> {
    let path = index.join(CURRENT);
    fs::rename(index.join(NEXT), &path).map_err(StoreError::io(&path))
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

/// The highest number of any generation that is there, in force or not.
pub(crate) fn highest(index: &Path) -> Result<u64, StoreError> {
    let mut highest = 0;
    for entry in fs::read_dir(index).map_err(StoreError::io(index))? {
        let entry = entry.map_err(StoreError::io(index))?;
        highest = highest.max(entry.file_name().to_str().and_then(number_of).unwrap_or(0));
    }
    Ok(highest)
}

/// Removes every generation but those to keep, and what dead writers left. The caller holds the lock.
/// What cannot be removed is only in the way, and the next writer tries again.
pub(crate) fn sweep(index: &Path, keep: impl Fn(u64) -> bool) -> Result<(), StoreError> {
    remove(index, |name| match number_of(name) {
        Some(number) => !keep(number),
        None => name.starts_with(BUILD),
    })
}

/// Removes every generation but the one in force. The caller holds the lock.
pub(crate) fn sweep_generations(index: &Path, keep: u64) -> Result<(), StoreError> {
    remove(index, |name| number_of(name).is_some_and(|number| number != keep))
}

/// Refuses a directory that holds something else than an index: it is not to be replaced by one. The caller
/// holds the lock.
pub(crate) fn refuse_others(index: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(index).map_err(StoreError::io(index))? {
        let name = entry.map_err(StoreError::io(index))?.file_name();
        let name = name.to_string_lossy();
        let is_ours = matches!(&*name, CURRENT | NEXT | LOCK) || number_of(&name).is_some() || name.starts_with(BUILD);
        if !is_ours {
            return Err(StoreError::NotAnIndex { path: index.to_owned(), found: name.into_owned() });
        }
    }
    Ok(())
}

fn remove(index: &Path, stale: impl Fn(&str) -> bool) -> Result<(), StoreError> {
    for entry in fs::read_dir(index).map_err(StoreError::io(index))? {
        let entry = entry.map_err(StoreError::io(index))?;
        if entry.file_name().to_str().is_some_and(&stale) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}
