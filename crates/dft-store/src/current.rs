//! Which generation is current: the one with the highest number.
//!
//! A generation is made in a work directory and renamed when it is complete. A rename to a name that is taken
//! fails, so of several writers that make generation 8, one does. No lock is needed for that, and no file says
//! which generation is current, as such a file could be written by a writer that was stopped for an hour.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::directory;
use crate::error::StoreError;
use crate::layout::{generation, number_of};
use crate::seal::{self, Seal};

/// The current generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    /// Its number.
    pub(crate) number: u64,
    /// The hash of its [seal](crate::seal).
    pub(crate) seal: u128,
}

/// How often a directory is listed again that a writer may have changed meanwhile.
const TRIES: u32 = 3;

/// The current generation; `None` where there is no index.
pub(crate) fn read(index: &Path) -> Result<Option<Current>, StoreError> {
    if !directory::is_index(index)? {
        return Ok(None);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let Some(number) = highest(index)? else {
            // A listing may miss a generation that takes the place of another one.
            if tries < TRIES {
                continue;
            }
            return Ok(None);
        };
        match Seal::read(&generation(index, number), number) {
            Ok(seal) => return Ok(Some(Current { number, seal: seal.hash() })),
            // A writer may have replaced the generation, and removed it, since the directory was listed.
            Err(error) if highest(index)? == Some(number) => return Err(error),
            Err(_) => {}
        }
    }
}

/// The numbers of the generations that are there. What is called like one is one, or an error.
fn numbers(index: &Path) -> Result<Vec<u64>, StoreError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(index).map_err(StoreError::io(index))? {
        let entry = entry.map_err(StoreError::io(index))?;
        let Some(number) = entry.file_name().to_str().and_then(number_of) else { continue };
        let kind = entry.file_type().map_err(StoreError::io(index))?;
        if !kind.is_dir() {
            let what = if kind.is_symlink() { "a symbolic link" } else { "no directory" };
            return Err(StoreError::Damaged { path: entry.path(), what: format!("it is {what}, not a generation") });
        }
        numbers.push(number);
    }
    Ok(numbers)
}

/// The highest number of a generation; `None` where there is none.
pub(crate) fn highest(index: &Path) -> Result<Option<u64>, StoreError> {
    Ok(numbers(index)?.into_iter().max())
}

/// Puts a complete generation, which was made in `directory`, in place as the one after `base`: the highest number
/// when the index was opened.
///
/// # Errors
///
/// [`StoreError::Changed`] where another writer was faster: then nothing of this one is in the index.
pub(crate) fn commit(index: &Path, directory: &Path, base: Option<u64>, next: Current) -> Result<(), StoreError> {
    let changed = || StoreError::Changed(index.to_owned());
    if highest(index)? != base {
        return Err(changed());
    }
    let target = generation(index, next.number);
    if let Err(error) = fs::rename(directory, &target) {
        let is_taken = matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty);
        // A network file system may have renamed it, and have lost the answer.
        let is_done =
            !directory.exists() && Seal::read(&target, next.number).is_ok_and(|seal| seal.hash() == next.seal);
        if !is_done {
            return Err(if is_taken { changed() } else { StoreError::io(&target)(error) });
        }
    }
    // The number was free also if others made it and later ones since, and have removed it. Then a higher one is
    // there by now: a generation is removed only after the next one is in place.
    if is_highest(index, next.number)? {
        return Ok(());
    }
    // Nobody takes it for the current one, so it counts for nothing, also if the process dies here.
    fs::rename(&target, directory).map_err(StoreError::io(&target))?;
    Err(changed())
}

/// Whether no higher number is there, in two listings that agree: one alone may miss a change that goes on.
fn is_highest(index: &Path, number: u64) -> Result<bool, StoreError> {
    for _ in 0..2 {
        if highest(index)? != Some(number) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes the generations before one. What cannot be removed is in nobody's way, and the next writer tries again.
pub(crate) fn sweep(index: &Path, keep: u64) -> Result<(), StoreError> {
    for number in numbers(index)?.into_iter().filter(|number| *number < keep) {
        let directory = generation(index, number);
        if seal::is_there(&directory) {
            let _ = seal::remove_generation(&directory);
        }
    }
    Ok(())
}

/// The number after those that are there.
pub(crate) fn next_number(index: &Path, highest: Option<u64>) -> Result<u64, StoreError> {
    highest.unwrap_or(0).checked_add(1).ok_or_else(|| {
        let error = io::Error::new(ErrorKind::InvalidInput, "it has no number after it");
        StoreError::io(&generation(index, u64::MAX))(error)
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn made(folder: &Path, number: u64) -> Current {
        fs::create_dir(folder).expect("made");
        fs::write(folder.join("content"), number.to_string()).expect("written");
        let seal = Seal::make(folder, number, &Default::default(), &[]).expect("sealed");
        Current { number, seal }
    }

    fn index(folder: &Path) -> PathBuf {
        let index = folder.join("index");
        fs::create_dir(&index).expect("made");
        directory::claim(&index, false).expect("ours");
        index
    }

    #[test]
    fn one_of_two_writers_commits_and_the_other_says_that_the_index_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = index(folder.path());
        let next = |name: &str, number| (folder.path().join(name), made(&folder.path().join(name), number));
        assert_eq!(read(&index).expect("read"), None);
        let ((a, first), (b, other)) = (next("a", 1), next("b", 1));
        commit(&index, &a, None, first).expect("committed");
        // It has looked before the first one was in place, or after.
        for base in [None, Some(1)] {
            assert!(matches!(commit(&index, &b, base, other), Err(StoreError::Changed(_))));
            assert!(b.join("SEAL").exists(), "its work is still there");
        }
        assert_eq!(read(&index).expect("read"), Some(first));
    }

    #[test]
    fn a_writer_that_slept_while_its_number_came_and_went_does_not_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = index(folder.path());
        let sleeper = folder.path().join("sleeper");
        let late = made(&sleeper, 8);
        for number in [7, 8, 9] {
            made(&generation(&index, number), number);
        }
        let now = read(&index).expect("read");
        sweep(&index, 9).expect("swept");
        assert!(!generation(&index, 8).exists());
        // It was about to rename: the first look is behind it.
        fs::rename(generation(&index, 9), folder.path().join("9")).expect("hidden");
        let hidden = folder.path().join("7");
        made(&hidden, 7);
        fs::rename(&hidden, generation(&index, 7)).expect("shown");
        let renamed = || {
            fs::rename(folder.path().join("9"), generation(&index, 9)).expect("shown");
        };
        assert_eq!(highest(&index).expect("listed"), Some(7));
        renamed();
        assert!(matches!(commit(&index, &sleeper, Some(9), late), Err(StoreError::Changed(_))));
        assert!(sleeper.exists() && !generation(&index, 8).exists());
        assert_eq!(read(&index).expect("read"), now);
    }

    #[test]
    fn what_is_called_like_a_generation_but_is_none_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = index(folder.path());
        for (name, other) in [("gen-7", "gen-0000007"), ("gen-+00007", "gen-x")] {
            fs::write(index.join(name), "mine").expect("written");
            fs::write(index.join(other), "mine").expect("written");
        }
        assert_eq!(read(&index).expect("others are not looked at"), None);
        std::os::unix::fs::symlink("/nowhere", index.join("gen-000003")).expect("linked");
        let message = read(&index).expect_err("refused").to_string();
        assert!(message.contains("gen-000003: ") && message.contains("it is a symbolic link"), "{message}");
    }
}
