//! The names of traces in an index.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The byte between source and path. No path contains it, so a name splits unambiguously.
const END_OF_SOURCE: u8 = 0;

/// The names of traces in an index. A trace below the index's parent directory is named by its path relative to that
/// directory, so traces and index can be moved together; any other trace by its absolute path. If the traces have a
/// named source, such as a node, the name starts with the source, so equal paths of different sources are different
/// traces.
///
/// ```text
/// [source 00] path
/// ```
#[derive(Clone, Debug)]
pub struct TraceNames {
    home: Option<PathBuf>,
    source: Option<String>,
}

impl TraceNames {
    /// Returns the names for an existing index, for traces without a named source.
    pub fn of(index: &Path) -> Self {
        let home = fs::canonicalize(index).ok().and_then(|index| index.parent().map(Path::to_owned));
        Self { home, source: None }
    }

    /// Returns names that are absolute paths, independent of the index's location.
    pub(crate) fn of_bundles() -> Self {
        Self { home: None, source: None }
    }

    /// Returns the names for traces of a source.
    #[must_use]
    pub fn with_source(self, source: Option<&str>) -> Self {
        Self { source: source.map(str::to_owned), ..self }
    }

    /// Returns why a text cannot name a source; `None` if it can.
    pub fn refuse_source(source: &str) -> Option<&'static str> {
        if source.is_empty() {
            return Some("it is empty");
        }
        source.bytes().any(|byte| byte.is_ascii_control()).then_some("it has a control character")
    }

    /// Returns the name of a trace.
    pub fn name_of(&self, trace: &Path) -> Vec<u8> {
        let relative = self.home.as_deref().and_then(|home| trace.strip_prefix(home).ok());
        let path = relative.unwrap_or(trace).as_os_str().as_bytes();
        match &self.source {
            None => path.to_vec(),
            Some(source) => [source.as_bytes(), &[END_OF_SOURCE], path].concat(),
        }
    }

    /// Returns the path of a named trace, on a machine of its source.
    pub fn path_of(&self, name: &[u8]) -> PathBuf {
        let path = Path::new(OsStr::from_bytes(parts(name).1));
        // An absolute path stays as it is.
        self.home.as_deref().map_or_else(|| path.to_owned(), |home| home.join(path))
    }

    /// Returns whether a named trace has the same source as these names.
    pub fn is_of_source(&self, name: &[u8]) -> bool {
        parts(name).0 == self.source.as_deref().map(str::as_bytes)
    }

    /// Returns the current name of a trace whose name is from an index that may have been moved.
    pub fn today(&self, name: &[u8]) -> Vec<u8> {
        self.renamed(name, self)
    }

    /// Returns the name in these names of a trace that is called `name` in `others`.
    pub(crate) fn renamed(&self, name: &[u8], others: &Self) -> Vec<u8> {
        let source = parts(name).0.and_then(|source| std::str::from_utf8(source).ok());
        self.clone().with_source(source).name_of(&others.path_of(name))
    }

    /// Returns the location of a named trace for display: source, colon and absolute path.
    pub fn place_of(&self, name: &[u8]) -> String {
        let path = self.path_of(name);
        match parts(name).0 {
            None => path.to_string_lossy().into_owned(),
            Some(source) => format!("{}:{}", String::from_utf8_lossy(source), path.to_string_lossy()),
        }
    }

    /// Returns the bytes of a name with a colon instead of the byte that text cannot have: source, colon and path.
    pub fn shown_bytes(name: &[u8]) -> Vec<u8> {
        name.iter().map(|&byte| if byte == END_OF_SOURCE { b':' } else { byte }).collect()
    }

    /// Returns a name for display: source, colon and path.
    pub fn shown(name: &[u8]) -> String {
        match parts(name) {
            (None, path) => String::from_utf8_lossy(path).into_owned(),
            (Some(source), path) => {
                format!("{}:{}", String::from_utf8_lossy(source), String::from_utf8_lossy(path))
            }
        }
    }
}

/// Splits a name into source and path.
fn parts(name: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match name.iter().position(|&byte| byte == END_OF_SOURCE) {
        None => (None, name),
        Some(at) => (Some(&name[..at]), &name[at + 1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_below_the_parent_directory_have_relative_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = fs::canonicalize(folder.path()).expect("canonical");
        fs::create_dir(home.join("index")).expect("made");
        let names = TraceNames::of(&home.join("index"));
        let of_node = names.clone().with_source(Some("node:1"));
        for (path, name) in [(home.join("a/b.pfw"), "a/b.pfw"), (PathBuf::from("/x/c.pfw"), "/x/c.pfw")] {
            assert_eq!(names.name_of(&path), name.as_bytes());
            assert_eq!(names.path_of(name.as_bytes()), path);
            let named = of_node.name_of(&path);
            assert_eq!(names.path_of(&named), path);
            assert_eq!(TraceNames::shown(&named), format!("node:1:{name}"));
            assert!(of_node.is_of_source(&named) && !names.is_of_source(&named));
            assert!(names.is_of_source(name.as_bytes()) && !of_node.is_of_source(name.as_bytes()));
            let staged = TraceNames::of_bundles().with_source(Some("node:1")).name_of(&path);
            assert_eq!(names.renamed(&staged, &TraceNames::of_bundles()), named);
        }
        // A path that looks like a source and a path is another trace.
        assert_ne!(names.name_of(&home.join("node:1/a")), of_node.name_of(&home.join("a")));
        assert!(TraceNames::refuse_source("").is_some() && TraceNames::refuse_source("a\0b").is_some());
        assert!(TraceNames::refuse_source("node-1").is_none());
    }
}
