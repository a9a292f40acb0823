//! The default place of an index.

use std::fs;
use std::path::{Path, PathBuf};

use dft_trace::{DiscoverError, discover};

/// The name of an index in the directory of its traces.
const DEFAULT_NAME: &str = ".dftagg";

/// Returns the default place of the index of these traces: `.dftagg` in their directory, or in the innermost directory
/// that holds all of them.
///
/// # Errors
///
/// Returns a [`DiscoverError`] if a glob cannot be listed.
pub fn index_location(traces: &[PathBuf]) -> Result<PathBuf, DiscoverError> {
    let mut directories = Vec::new();
    for trace in traces {
        match fs::canonicalize(trace) {
            Ok(path) if path.is_dir() => directories.push(path),
            Ok(path) => directories.extend(path.parent().map(Path::to_owned)),
            Err(_) => {
                let found = discover(std::slice::from_ref(trace))?;
                let not_read = found.not_read.iter().map(|not_read| &not_read.path);
                let paths = found
                    .files
                    .iter()
                    .chain(not_read)
                    .chain(found.unreadable.iter().map(|unreadable| &unreadable.path));
                directories.extend(paths.filter_map(|path| path.parent().map(Path::to_owned)));
            }
        }
    }
    let common = directories.into_iter().reduce(|common, path| {
        let shared = common.components().zip(path.components()).take_while(|(a, b)| a == b);
        shared.map(|(component, _)| component).collect()
    });
    Ok(common.unwrap_or_default().join(DEFAULT_NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_index_is_in_the_innermost_directory_that_holds_all_traces() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        for path in ["a/x.pfw", "a/b/y.pfw", "c/z.pfw"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "").expect("written");
        }
        let location = |traces: &[&str]| {
            let traces: Vec<PathBuf> = traces.iter().map(|trace| root.join(trace)).collect();
            index_location(&traces).expect("listed")
        };
        assert_eq!(location(&["a"]), root.join("a/.dftagg"));
        assert_eq!(location(&["a/x.pfw"]), root.join("a/.dftagg"));
        assert_eq!(location(&["a/b/*.pfw"]), root.join("a/b/.dftagg"));
        assert_eq!(location(&["a/b", "a/x.pfw"]), root.join("a/.dftagg"));
        assert_eq!(location(&["a/b", "c/z.pfw"]), root.join(".dftagg"));
    }
}
