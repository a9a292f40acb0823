//! Which files are traces: files, directories and globs to one stable list.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How the names of trace files end.
pub const TRACE_SUFFIXES: [&str; 2] = [".pfw", ".pfw.gz"];

/// Why the traces that were asked for cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// Neither a file, nor a directory, nor a glob that matches anything.
    #[error("{}: no such trace file or directory, and no glob that matches one", .0.display())]
    NotFound(PathBuf),
    /// The text is no glob.
    #[error("{pattern}: not a glob: {reason}")]
    Glob {
        /// The text.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory that was asked for cannot be read.
    #[error("{}: cannot be listed: {source}", .path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The trace files among `inputs`, by path, each file once.
///
/// An input is a file (taken whatever its name), a directory (searched recursively for names that
/// end in [`TRACE_SUFFIXES`], through symlinks) or a glob
/// (`*` does not match a leading dot). A file
/// reached in several ways is listed once, under its canonical path.
///
/// # Errors
///
/// [`DiscoverError`] where an input is nothing that can be listed. A directory *within* one that
/// cannot be read is listed itself, so that reading it reports it.
pub fn discover(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, DiscoverError> {
    let mut search = Search::default();
    for input in inputs {
        match fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => {
                let failed = |source| DiscoverError::Io { path: input.clone(), source };
                search.directory(&fs::canonicalize(input).map_err(failed)?, true).map_err(failed)?;
            }
            Ok(_) => search.file(input),
            Err(_) => search.glob(input)?,
        }
    }
    let mut found = search.found;
    found.sort();
    Ok(found)
}

/// Whether a file of this name is a trace.
fn is_trace(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    TRACE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix.as_bytes()))
}

#[derive(Default)]
struct Search {
    found: Vec<PathBuf>,
    files: HashSet<PathBuf>,
    directories: HashSet<PathBuf>,
}

impl Search {
    fn file(&mut self, path: &Path) {
        // What has no canonical path (a dangling link) is kept as it is, and reading it reports it.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if self.files.insert(path.clone()) {
            self.found.push(path);
        }
    }

    /// `path` is canonical, so a loop of symlinks comes back to a directory that was seen.
    fn directory(&mut self, path: &Path, asked_for: bool) -> io::Result<()> {
        if !self.directories.insert(path.to_owned()) {
            return Ok(());
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if asked_for => return Err(error),
            Err(_) => {
                self.found.push(path.to_owned());
                return Ok(());
            }
        };
        let mut entries = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        for entry in entries {
            match fs::metadata(&entry) {
                Ok(metadata) if metadata.is_dir() => {
                    self.directory(&fs::canonicalize(&entry)?, false)?;
                }
                _ if is_trace(&entry) => self.file(&entry),
                _ => {}
            }
        }
        Ok(())
    }

    fn glob(&mut self, input: &Path) -> Result<(), DiscoverError> {
        let not_found = || DiscoverError::NotFound(input.to_owned());
        let pattern = input.to_str().ok_or_else(not_found)?;
        if !pattern.contains(['*', '?', '[']) {
            return Err(not_found());
        }
        let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
        let matches = glob::glob_with(pattern, options)
            .map_err(|error| DiscoverError::Glob { pattern: pattern.to_owned(), reason: error.to_string() })?;
        let mut any = false;
        for path in matches {
            let path =
                path.map_err(|error| DiscoverError::Io { path: error.path().to_owned(), source: error.into() })?;
            any = true;
            if path.is_dir() {
                let failed = |source| DiscoverError::Io { path: path.clone(), source };
                self.directory(&fs::canonicalize(&path).map_err(failed)?, true).map_err(failed)?;
            } else {
                self.file(&path);
            }
        }
        if any { Ok(()) } else { Err(not_found()) }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn directories_globs_links_and_loops_give_each_file_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        for path in ["b/x.pfw", "a/y.pfw.gz", "a/no.txt", "c.pfw"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "").expect("written");
        }
        symlink(&root, root.join("a/loop")).expect("linked");
        symlink(root.join("c.pfw"), root.join("b/again.pfw")).expect("linked");
        let wanted: Vec<PathBuf> = ["a/y.pfw.gz", "b/x.pfw", "c.pfw"].iter().map(|path| root.join(path)).collect();
        assert_eq!(discover(std::slice::from_ref(&root)).expect("found"), wanted);
        let inputs = [root.join("c.pfw"), root.join("b"), root.join("*"), root.join("a/*.gz")];
        assert_eq!(discover(&inputs).expect("found"), wanted);
        assert_eq!(discover(&[root.join("a/no.txt")]).expect("found"), [root.join("a/no.txt")]);
        assert!(matches!(discover(&[root.join("nothing")]), Err(DiscoverError::NotFound(_))));
        assert!(matches!(discover(&[root.join("*.nothing")]), Err(DiscoverError::NotFound(_))));
    }
}
