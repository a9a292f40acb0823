//! Resolves files, directories and globs to one sorted list of traces.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dft_io::Show;
use dft_io::refuse_others;

use crate::container::{Container, NotRead, is_trace};
use crate::glob::{GlobMatch, Matches, glob, is_glob};

/// Why the requested traces cannot be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// Neither a file, nor a directory, nor a glob that matches anything.
    #[error("{}: no such trace file or directory, and no matching glob", .0.shown())]
    NotFound(PathBuf),
    /// The text is not a valid glob.
    #[error("{}: not a glob: {}", .pattern.shown(), .reason.shown())]
    Glob {
        /// The text.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A requested file or directory cannot be accessed.
    #[error("{}: cannot be listed: {source}", .path.shown())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// A file or directory that cannot be read. Nothing of it is indexed.
#[derive(Debug)]
pub struct Unreadable {
    /// The file or directory.
    pub path: PathBuf,
    /// The error that the system reported.
    pub error: io::Error,
}

/// What was found of the requested traces.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The traces, sorted by path, each once.
    pub files: Vec<PathBuf>,
    /// Files that look like traces in a container that is not read, sorted by path.
    pub not_read: Vec<NotRead>,
    /// Possible traces and directories that cannot be read, with the reason, sorted by path: files with the name of a
    /// trace that are not regular files, directories without access, files that disappeared.
    pub unreadable: Vec<Unreadable>,
}

/// Lists the traces that `inputs` name.
///
/// An input is a file (with any name), a directory (searched recursively, through symlinks, for names that end in
/// [`TRACE_SUFFIXES`](crate::TRACE_SUFFIXES)) or a glob: `?`, `*`, `[a-z]`, `[!a-z]`, and `**` for any directories.
/// Names may be any bytes. A match of a glob is treated like an input, except that a hidden file whose dot a wildcard
/// matched must have the name of a trace. An existing path is never a glob, whatever characters it contains. A file
/// that is found in several ways is listed once, under its canonical path. Only directories are opened.
///
/// # Errors
///
/// [`DiscoverError`] if an input cannot be listed. Anything unreadable *within* an input is in
/// [`Discovered::unreadable`].
pub fn discover(inputs: &[PathBuf]) -> Result<Discovered, DiscoverError> {
    let mut search = Search::default();
    for input in inputs {
        let failed = |source| DiscoverError::Io { path: input.clone(), source };
        match fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => {
                fs::read_dir(input).map_err(failed)?;
                search.directory(fs::canonicalize(input).map_err(failed)?);
            }
            Ok(metadata) => search.file(input, metadata.file_type(), How::Requested),
            Err(_) if is_glob(input) => search.glob(input)?,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(DiscoverError::NotFound(input.clone()));
            }
            Err(error) => return Err(failed(error)),
        }
    }
    let mut found = search.found;
    found.files.sort();
    found.not_read.sort();
    found.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// How a file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// It is an input, or a match of a glob.
    Requested,
    /// In a directory with a canonical path.
    Within,
    /// In such a directory, through a link.
    Linked,
}

#[derive(Default)]
struct Search {
    found: Discovered,
    seen: HashSet<PathBuf>,
}

impl Search {
    /// Adds a file that was requested or has the name of a trace.
    fn file(&mut self, path: &Path, kind: fs::FileType, how: How) {
        if let Err(error) = refuse_others(kind) {
            return self.unreadable(path, error);
        }
        // A path without a canonical one, because that is too long, is kept as it is.
        let known = if how == How::Within { None } else { fs::canonicalize(path).ok() };
        let path = known.unwrap_or_else(|| path.to_owned());
        if self.seen.insert(path.clone()) {
            match Container::of(&path) {
                Some(container) if how != How::Requested || !container.is_readable() => {
                    self.found.not_read.push(NotRead { path, container });
                }
                _ => self.found.files.push(path),
            }
        }
    }

    fn unreadable(&mut self, path: &Path, error: io::Error) {
        if self.seen.insert(path.to_owned()) {
            self.found.unreadable.push(Unreadable { path: path.to_owned(), error });
        }
    }

    /// Searches a directory. Its path must be canonical, so that a loop of symlinks leads to one that was seen.
    fn directory(&mut self, path: PathBuf) {
        let mut pending = vec![path];
        while let Some(directory) = pending.pop() {
            if !self.seen.insert(directory.clone()) {
                continue;
            }
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) => {
                    self.found.unreadable.push(Unreadable { path: directory, error });
                    continue;
                }
            };
            for entry in entries {
                match entry {
                    Ok(entry) => pending.extend(self.entry(&entry)),
                    Err(error) => self.found.unreadable.push(Unreadable { path: directory.clone(), error }),
                }
            }
        }
    }

    /// Adds an entry of a directory if it is a file. Returns its path if it is a directory.
    fn entry(&mut self, entry: &fs::DirEntry) -> Option<PathBuf> {
        let path = entry.path();
        let looks_like_trace =
            is_trace(entry.file_name().as_encoded_bytes()) || Container::of(Path::new(&entry.file_name())).is_some();
        let (kind, how) = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => (fs::metadata(&path).map(|metadata| metadata.file_type()), How::Linked),
            kind => (kind, How::Within),
        };
        match kind {
            Ok(kind) if kind.is_dir() && how == How::Within => return Some(path),
            Ok(kind) if kind.is_dir() => match fs::canonicalize(&path) {
                Ok(path) => return Some(path),
                Err(error) => self.unreadable(&path, error),
            },
            Ok(kind) if looks_like_trace => self.file(&path, kind, how),
            Err(error) if looks_like_trace => self.unreadable(&path, error),
            _ => {}
        }
        None
    }

    fn glob(&mut self, input: &Path) -> Result<(), DiscoverError> {
        let not_a_glob =
            |reason: &str| DiscoverError::Glob { pattern: input.shown().to_string(), reason: reason.to_owned() };
        let Matches { paths, unreadable } = glob(input).map_err(not_a_glob)?;
        let mut any = !unreadable.is_empty();
        for (path, error) in unreadable {
            self.unreadable(&path, error);
        }
        for GlobMatch { path, hidden } in paths {
            let looks_like_trace =
                Container::of(&path).is_some() || is_trace(path.file_name().unwrap_or_default().as_encoded_bytes());
            let kind = fs::metadata(&path).map(|metadata| metadata.file_type());
            if hidden && !looks_like_trace && !kind.as_ref().is_ok_and(fs::FileType::is_dir) {
                continue;
            }
            any = true;
            match kind {
                Ok(kind) if kind.is_dir() => match fs::canonicalize(&path) {
                    Ok(path) => self.directory(path),
                    Err(error) => self.unreadable(&path, error),
                },
                Ok(kind) => self.file(&path, kind, How::Requested),
                Err(error) => self.unreadable(&path, error),
            }
        }
        if any { Ok(()) } else { Err(DiscoverError::NotFound(input.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn each_file_is_listed_once_through_directories_globs_links_and_loops() {
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
        assert_eq!(discover(std::slice::from_ref(&root)).expect("found").files, wanted);
        let inputs = [root.join("c.pfw"), root.join("b"), root.join("*"), root.join("a/*.gz")];
        assert_eq!(discover(&inputs).expect("found").files, wanted);
        assert_eq!(discover(&[root.join("a/no.txt")]).expect("found").files, [root.join("a/no.txt")]);
        assert!(matches!(discover(&[root.join("nothing")]), Err(DiscoverError::NotFound(_))));
        assert!(matches!(discover(&[root.join("*.nothing")]), Err(DiscoverError::NotFound(_))));
    }

    #[test]
    fn names_that_are_not_utf8_are_found_by_directory_path_and_glob() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        let name = |bytes: &[u8]| root.join(OsStr::from_bytes(bytes));
        let traces =
            [name(b".hidden.pfw"), name(b"a\nb.pfw"), name(b"caf\xe9.pfw"), name(b"x[1].pfw"), name(b"x[.pfw")];
        let mut wanted = traces.to_vec();
        wanted.sort();
        for path in traces.iter().chain([&name(b".hidden"), &name(b".x.pfw.zst")]) {
            fs::write(path, "").expect("written");
        }
        let found = |inputs: &[PathBuf]| discover(inputs).expect("found");
        assert_eq!(found(std::slice::from_ref(&root)).files, wanted);
        assert_eq!(found(&traces).files, wanted);
        assert_eq!(found(&[root.join("*")]).files, wanted);
        assert_eq!(found(&[root.join("*")]).not_read.len(), 1);
        assert_eq!(found(&[name(b"caf\xe9*")]).files, [name(b"caf\xe9.pfw")]);
        assert_eq!(found(&[root.join(".h*.pfw")]).files, [name(b".hidden.pfw")]);
        assert_eq!(found(&[root.join(".h*")]).files, [name(b".hidden"), name(b".hidden.pfw")]);
    }

    #[test]
    fn unreadable_entries_are_reported_and_the_rest_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        fs::write(root.join("a.pfw"), "").expect("written");
        fs::create_dir(root.join("directory.pfw")).expect("made");
        symlink("nowhere", root.join("gone.pfw")).expect("linked");
        symlink("nowhere", root.join("gone")).expect("linked");
        symlink("loop.pfw", root.join("loop.pfw")).expect("linked");
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket.pfw")).expect("bound");
        for input in [root.clone(), root.join("*.pfw")] {
            let found = discover(&[input]).expect("found");
            assert_eq!(found.files, [root.join("a.pfw")]);
            let unreadable: Vec<_> =
                found.unreadable.iter().map(|found| (found.path.clone(), found.error.kind())).collect();
            let [gone, link_loop, socket] = &unreadable[..] else { panic!("{unreadable:?}") };
            assert_eq!(gone, &(root.join("gone.pfw"), io::ErrorKind::NotFound));
            assert_eq!(link_loop.0, root.join("loop.pfw"));
            assert_eq!(socket, &(root.join("socket.pfw"), io::ErrorKind::InvalidInput));
        }
        let found = discover(&[root.join("socket.pfw")]).expect("found");
        assert!(found.files.is_empty() && found.unreadable.len() == 1);
        assert!(matches!(discover(&[root.join("loop.pfw")]), Err(DiscoverError::Io { .. })));
    }

    #[test]
    fn files_in_other_containers_are_reported_and_rotated_ones_are_read_by_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        for name in ["a.pfw", "b.pfw.zst", "c.pfw.0.gz", "d.pfw.gz.1", "e.tar.gz"] {
            fs::write(root.join(name), "").expect("written");
        }
        let found = discover(std::slice::from_ref(&root)).expect("found");
        assert_eq!(found.files, [root.join("a.pfw")]);
        let not_read: Vec<PathBuf> = found.not_read.into_iter().map(|not_read| not_read.path).collect();
        assert_eq!(not_read, ["b.pfw.zst", "c.pfw.0.gz", "d.pfw.gz.1"].map(|name| root.join(name)));
        let found = discover(&["b.pfw.zst", "c.pfw.0.gz", "e.tar.gz"].map(|name| root.join(name))).expect("found");
        assert_eq!(found.files, ["c.pfw.0.gz", "e.tar.gz"].map(|name| root.join(name)));
        assert_eq!(found.not_read.len(), 1);
    }
}
