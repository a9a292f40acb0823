//! Which generation is current: the one with the highest number.
//!
//! A generation is built in a work directory and renamed when it is complete. A rename to an existing name fails, so
//! of several writers that build generation 8 only one commits. This needs no lock. No file names the current
//! generation, because a writer that was suspended for an hour could still overwrite such a file.

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
    /// The number of the generation.
    pub(crate) number: u64,
    /// The hash of its [seal].
    pub(crate) seal: u128,
}

/// How often to list a directory that a writer may be changing.
const TRIES: u32 = 3;

/// Returns the current generation; `None` if there is no index.
pub(crate) fn read(index: &Path) -> Result<Option<Current>, StoreError> {
    if !directory::is_index(index)? {
        return Ok(None);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let Some(number) = highest(index)? else {
            // A listing may miss a generation that replaces another one.
            if tries < TRIES {
                continue;
            }
            return Ok(None);
        };
        match Seal::read(&generation(index, number), number) {
            Ok(seal) => return Ok(Some(Current { number, seal: seal.hash() })),
            // A writer may have replaced and removed the generation since the listing.
            Err(error) if highest(index)? == Some(number) => return Err(error),
            Err(_) => {}
        }
    }
}

/// Returns the numbers of all generations. A generation's name on anything but a directory is an error.
fn numbers(index: &Path) -> Result<Vec<u64>, StoreError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(index).map_err(StoreError::io(index))? {
        let entry = entry.map_err(StoreError::io(index))?;
        let Some(number) = entry.file_name().to_str().and_then(number_of) else { continue };
        let kind = entry.file_type().map_err(StoreError::io(index))?;
        if !kind.is_dir() {
            let what = if kind.is_symlink() { "a symbolic link" } else { "not a directory" };
            return Err(StoreError::Damaged { path: entry.path(), what: format!("it is {what}, not a generation") });
        }
        numbers.push(number);
    }
    Ok(numbers)
}

/// Returns the highest generation number; `None` if there is no generation.
pub(crate) fn highest(index: &Path) -> Result<Option<u64>, StoreError> {
    Ok(numbers(index)?.into_iter().max())
}

/// Commits a complete generation from `directory` as the one after `base`, the highest number when the index was
/// opened.
///
/// # Errors
///
/// [`StoreError::Changed`] if another writer was faster; then nothing of this generation is in the index.
pub(crate) fn commit(index: &Path, directory: &Path, base: Option<u64>, next: Current) -> Result<(), StoreError> {
    let changed = || StoreError::Changed(index.to_owned());
    if highest(index)? != base {
        return Err(changed());
    }
    let target = generation(index, next.number);
    if let Err(error) = fs::rename(directory, &target) {
        let is_taken = matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty);
        // A network file system may have done the rename but lost the reply.
        let is_done =
            !directory.exists() && Seal::read(&target, next.number).is_ok_and(|seal| seal.hash() == next.seal);
        if !is_done {
            return Err(if is_taken { changed() } else { StoreError::io(&target)(error) });
        }
    }
    // The number is also free if other writers committed it and a later one, and then removed it. In that case a
    // higher number exists by now, because a generation is removed only after the next one is in place.
    if is_highest(index, next.number)? {
        return Ok(());
    }
    // A lower number is never current, so this generation has no effect even if the process dies here.
    match fs::rename(&target, directory) {
        // Another writer has already removed it as an old generation.
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io(&target)(error)),
        Ok(()) | Err(_) => Err(changed()),
    }
}

/// Returns whether no higher number exists. Two listings must agree, because one may miss a concurrent change.
fn is_highest(index: &Path, number: u64) -> Result<bool, StoreError> {
    for _ in 0..2 {
        if highest(index)? != Some(number) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes all generations before `keep`. A failure is harmless: the next writer tries again.
///
/// A generation is first renamed into `scratch`, a work directory in the index. If this process dies while it removes
/// the generation, the next writer removes the rest with the work directory. A directory that has the name of a
/// generation but no seal is removed only if it is empty.
pub(crate) fn sweep(index: &Path, keep: u64, scratch: &Path) -> Result<(), StoreError> {
    for number in numbers(index)?.into_iter().filter(|number| *number < keep) {
        let directory = generation(index, number);
        if !seal::is_there(&directory) {
            let _ = fs::remove_dir(&directory);
            continue;
        }
        let old = scratch.join(format!("old-{number}"));
        if fs::rename(&directory, &old).is_ok() {
            let _ = dft_io::failpoint("publish:an old generation is set aside");
            let _ = fs::remove_dir_all(&old);
        }
    }
    Ok(())
}

/// Returns the number after `highest`.
pub(crate) fn next_number(index: &Path, highest: Option<u64>) -> Result<u64, StoreError> {
    highest.unwrap_or(0).checked_add(1).ok_or_else(|| {
        let error = io::Error::new(ErrorKind::InvalidInput, "no generation number can follow it");
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
    fn of_two_writers_one_commits_and_the_other_gets_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = index(folder.path());
        let next = |name: &str, number| (folder.path().join(name), made(&folder.path().join(name), number));
        assert_eq!(read(&index).expect("read"), None);
        let ((a, first), (b, other)) = (next("a", 1), next("b", 1));
        commit(&index, &a, None, first).expect("committed");
        // It looked before or after the first generation was in place.
        for base in [None, Some(1)] {
            assert!(matches!(commit(&index, &b, base, other), Err(StoreError::Changed(_))));
            assert!(b.join("SEAL").exists(), "its work is still there");
        }
        assert_eq!(read(&index).expect("read"), Some(first));
    }

    #[test]
    fn a_writer_that_was_suspended_while_its_number_came_and_went_does_not_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = index(folder.path());
        let sleeper = folder.path().join("sleeper");
        let late = made(&sleeper, 8);
        for number in [7, 8, 9] {
            made(&generation(&index, number), number);
        }
        let now = read(&index).expect("read");
        sweep(&index, 9, folder.path()).expect("swept");
        assert!(!generation(&index, 8).exists());
        // The sleeper has made its first check and is about to rename.
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
    fn a_sweep_removes_old_generations_and_empty_directories_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = index(folder.path());
        for number in [3, 9] {
            made(&generation(&index, number), number);
        }
        // Left by a writer that died between removing the seal and removing the directory.
        fs::create_dir(generation(&index, 4)).expect("made");
        // Not recorded as a generation.
        fs::create_dir(generation(&index, 5)).expect("made");
        fs::write(generation(&index, 5).join("notes"), "mine").expect("written");
        // A seal that is a link is not followed, and identifies nothing.
        fs::create_dir(generation(&index, 6)).expect("made");
        std::os::unix::fs::symlink(generation(&index, 9).join("SEAL"), generation(&index, 6).join("SEAL"))
            .expect("linked");
        let outside = folder.path().join("outside");
        fs::write(&outside, "mine").expect("written");
        std::os::unix::fs::symlink(&outside, generation(&index, 3).join("link")).expect("linked");
        let scratch = folder.path().join("scratch");
        fs::create_dir(&scratch).expect("made");
        sweep(&index, 9, &scratch).expect("swept");
        let mut left = numbers(&index).expect("listed");
        left.sort_unstable();
        assert_eq!(left, [5, 6, 9]);
        assert_eq!(fs::read(generation(&index, 5).join("notes")).expect("read"), b"mine");
        assert_eq!(fs::read(&outside).expect("read"), b"mine");
        assert_eq!(fs::read_dir(&scratch).expect("listed").count(), 0);
    }

    #[test]
    fn a_file_or_link_with_the_name_of_a_generation_is_reported() {
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
