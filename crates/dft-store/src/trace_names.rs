//! What traces are called in an index.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What stands between a source and a path. No path has it, so a name says which of its bytes are which.
const END_OF_SOURCE: u8 = 0;

/// What traces are called in an index: by their path from the index's parent directory where they lie
/// beneath that, so that traces and index can be moved together, and else by their whole path. Where their
/// source was named, such as a node, the name starts with that: then the same path is another trace of each
/// source.
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
    /// Those of the index at a path, which exists; of traces without a named source.
    pub fn of(index: &Path) -> Self {
        let home = fs::canonicalize(index).ok().and_then(|index| index.parent().map(Path::to_owned));
        Self { home, source: None }
    }

    /// Those of traces by their whole path, wherever an index will be.
    pub(crate) fn of_bundles() -> Self {
        Self { home: None, source: None }
    }

    /// The names of traces of a source.
    #[must_use]
    pub fn with_source(self, source: Option<&str>) -> Self {
        Self { source: source.map(str::to_owned), ..self }
    }

    /// Why a text cannot name a source, if it cannot.
    pub fn refuse_source(source: &str) -> Option<&'static str> {
        if source.is_empty() {
            return Some("it is empty");
        }
        source.bytes().any(|byte| byte.is_ascii_control()).then_some("it has a control character")
    }

    /// What a trace is called.
    pub fn name_of(&self, trace: &Path) -> Vec<u8> {
        let relative = self.home.as_deref().and_then(|home| trace.strip_prefix(home).ok());
        let path = relative.unwrap_or(trace).as_os_str().as_bytes();
        match &self.source {
            None => path.to_vec(),
            Some(source) => [source.as_bytes(), &[END_OF_SOURCE], path].concat(),
        }
    }

    /// Where the trace of a name is, on a machine of its source.
    pub fn path_of(&self, name: &[u8]) -> PathBuf {
        let path = Path::new(OsStr::from_bytes(parts(name).1));
        // A whole path stays what it is.
        self.home.as_deref().map_or_else(|| path.to_owned(), |home| home.join(path))
    }

    /// Whether the trace of a name is of the source of these names.
    pub fn is_of_source(&self, name: &[u8]) -> bool {
        parts(name).0 == self.source.as_deref().map(str::as_bytes)
    }

    /// What a trace is called today that has a name of an index which may have been moved since.
    pub fn today(&self, name: &[u8]) -> Vec<u8> {
        self.renamed(name, self)
    }

    /// The name, in these names, of a trace that is called something in others.
    pub(crate) fn renamed(&self, name: &[u8], others: &Self) -> Vec<u8> {
        let source = parts(name).0.and_then(|source| std::str::from_utf8(source).ok());
        self.clone().with_source(source).name_of(&others.path_of(name))
    }

    /// Where the trace of a name is, for people: the source, a colon and the whole path.
    pub fn place_of(&self, name: &[u8]) -> String {
        let path = self.path_of(name);
        match parts(name).0 {
            None => path.to_string_lossy().into_owned(),
            Some(source) => format!("{}:{}", String::from_utf8_lossy(source), path.to_string_lossy()),
        }
    }

    /// A name without what no text has: the source, a colon and the path.
    pub fn shown_bytes(name: &[u8]) -> Vec<u8> {
        name.iter().map(|&byte| if byte == END_OF_SOURCE { b':' } else { byte }).collect()
    }

    /// A name for people: the source, a colon and the path.
    pub fn shown(name: &[u8]) -> String {
        match parts(name) {
            (None, path) => String::from_utf8_lossy(path).into_owned(),
            (Some(source), path) => {
                format!("{}:{}", String::from_utf8_lossy(source), String::from_utf8_lossy(path))
            }
        }
    }
}

/// The source and the path.
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
    fn traces_beneath_the_index_are_named_from_there() {
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
        // A file whose name looks like that of another source is another one.
        assert_ne!(names.name_of(&home.join("node:1/a")), of_node.name_of(&home.join("a")));
        assert!(TraceNames::refuse_source("").is_some() && TraceNames::refuse_source("a\0b").is_some());
        assert!(TraceNames::refuse_source("node-1").is_none());
    }
}
