//! What traces are called in an index.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What traces are called in an index: by their path from the index's parent directory where they lie
/// beneath that, so that traces and index can be moved together, and else by their whole path.
#[derive(Clone, Debug)]
pub struct TraceNames {
    home: Option<PathBuf>,
}

impl TraceNames {
    /// Those of the index at a path, which exists.
    pub fn of(index: &Path) -> Self {
        Self { home: fs::canonicalize(index).ok().and_then(|index| index.parent().map(Path::to_owned)) }
    }

    /// What a trace is called.
    pub fn name_of(&self, trace: &Path) -> Vec<u8> {
        let relative = self.home.as_deref().and_then(|home| trace.strip_prefix(home).ok());
        relative.unwrap_or(trace).as_os_str().as_bytes().to_vec()
    }

    /// Where the trace of a name is.
    pub fn path_of(&self, name: &[u8]) -> PathBuf {
        let name = Path::new(std::ffi::OsStr::from_bytes(name));
        // A whole path stays what it is.
        self.home.as_deref().map_or_else(|| name.to_owned(), |home| home.join(name))
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
        for (path, name) in [(home.join("a/b.pfw"), "a/b.pfw"), (PathBuf::from("/x/c.pfw"), "/x/c.pfw")] {
            assert_eq!(names.name_of(&path), name.as_bytes());
            assert_eq!(names.path_of(name.as_bytes()), path);
        }
    }
}
