//! The directories of this machine, which nothing that is published may name: it would say who built it, and where, and
//! would not be the same when somebody else builds it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::target::{root, target_directory};

/// Returns the directories: the clone, what cargo builds to, cargo's own, the user's.
pub(crate) fn places() -> Result<Vec<PathBuf>> {
    let home = home()?;
    Ok(vec![target_directory(&root())?, root(), cargo_home(&home), home])
}

/// Returns options of a compiler, each `OPTION=PATH=NAME`, that give the directories that sources come from other names.
/// Where one is in another, the option for the inner one comes last, because the last one wins.
pub(crate) fn renamed(option: &str) -> Result<Vec<String>> {
    let mut sources =
        vec![(cargo_home(&home()?), "/cargo"), (root(), "/dft-utils"), (target_directory(&root())?, "/target")];
    sources.sort_by_key(|(path, _)| path.as_os_str().len());
    Ok(sources.into_iter().map(|(path, name)| format!("{option}={}={name}", path.display())).collect())
}

fn home() -> Result<PathBuf> {
    env::var_os("HOME").map(PathBuf::from).context("HOME is not set")
}

fn cargo_home(home: &Path) -> PathBuf {
    env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from)
}

/// Fails if a file below a directory names one of the places.
pub(crate) fn names_none(directory: &Path, places: &[PathBuf]) -> Result<()> {
    match path_in(directory, places)? {
        Some((file, place)) => bail!("{} names {}", file.display(), place.display()),
        None => Ok(()),
    }
}

/// Returns the first file below a directory that names one of the places, and the place.
fn path_in(directory: &Path, places: &[PathBuf]) -> Result<Option<(PathBuf, PathBuf)>> {
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = path_in(&path, places)? {
                return Ok(Some(found));
            }
            continue;
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if let Some(place) = places.iter().find(|place| names(&bytes, place.as_os_str())) {
            return Ok(Some((path, place.clone())));
        }
    }
    Ok(None)
}

/// Whether bytes contain the path of a place that is not the root of all, with something below it.
fn names(bytes: &[u8], place: &OsStr) -> bool {
    let place = place.as_encoded_bytes();
    place.len() > 1 && bytes.windows(place.len() + 1).any(|window| window.starts_with(place) && window.ends_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_machine_is_found_in_any_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        };
        let places = [PathBuf::from("/home/somebody"), PathBuf::from("/")];
        write("src/lib.rs", "// see /home/somebodyelse/notes, and https://a/b");
        assert_eq!(path_in(folder.path(), &places).expect("read"), None);
        write("tests/data/list", "at /home/somebody/notes");
        let found = path_in(folder.path(), &places).expect("read").expect("a path");
        assert_eq!(found, (folder.path().join("tests/data/list"), places[0].clone()));
    }

    #[test]
    fn the_option_for_an_inner_directory_comes_last() {
        let options = renamed("--remap").expect("HOME is set");
        assert_eq!(options.len(), 3);
        let lengths: Vec<usize> = options.iter().map(|option| option.rfind('=').expect("a name")).collect();
        assert!(lengths.is_sorted(), "{options:?}");
        assert!(options.iter().any(|option| option.starts_with("--remap=/") && option.ends_with("=/dft-utils")));
    }
}
