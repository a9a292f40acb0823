//! Where an index is put, and what traces are called in it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use dft_trace::{DiscoverError, discover};

/// The name of an index that lies beside its traces.
const BESIDE: &str = ".dftagg";

/// Where the index of these traces is put if nothing else is asked for: in `.dftagg` in their
/// directory, or in the innermost directory that holds all of them.
///
/// # Errors
///
/// Where a glob cannot be listed.
pub fn default_index(traces: &[PathBuf]) -> Result<PathBuf, DiscoverError> {
    let mut directories = Vec::new();
    for trace in traces {
        match fs::canonicalize(trace) {
            Ok(path) if path.is_dir() => directories.push(path),
            Ok(path) => directories.extend(path.parent().map(Path::to_owned)),
            Err(_) => {
                let found = discover(std::slice::from_ref(trace))?;
                directories.extend(found.iter().filter_map(|path| path.parent().map(Path::to_owned)));
            }
        }
    }
    let common = directories.into_iter().reduce(|common, path| {
        let shared = common.components().zip(path.components()).take_while(|(a, b)| a == b);
        shared.map(|(component, _)| component).collect()
    });
    Ok(common.unwrap_or_default().join(BESIDE))
}

/// What a trace is called in an index: its path from the index's parent directory where it lies
/// beneath that, so that traces and index can be moved together, and else its whole path.
pub(crate) fn key_of(trace: &Path, index: &Path) -> Vec<u8> {
    let home = fs::canonicalize(index).ok().and_then(|index| index.parent().map(Path::to_owned));
    let relative = home.as_deref().and_then(|home| trace.strip_prefix(home).ok());
    relative.unwrap_or(trace).as_os_str().as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_lies_beside_its_traces_and_names_them_from_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        for path in ["a/x.pfw", "a/b/y.pfw", "c/z.pfw"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "").expect("written");
        }
        let beside = |traces: &[&str]| {
            let traces: Vec<PathBuf> = traces.iter().map(|trace| root.join(trace)).collect();
            default_index(&traces).expect("listed")
        };
        assert_eq!(beside(&["a"]), root.join("a/.dftagg"));
        assert_eq!(beside(&["a/x.pfw"]), root.join("a/.dftagg"));
        assert_eq!(beside(&["a/b/*.pfw"]), root.join("a/b/.dftagg"));
        assert_eq!(beside(&["a/b", "a/x.pfw"]), root.join("a/.dftagg"));
        assert_eq!(beside(&["a/b", "c/z.pfw"]), root.join(".dftagg"));

        let index = root.join("a/.dftagg");
        fs::create_dir(&index).expect("made");
        assert_eq!(key_of(&root.join("a/b/y.pfw"), &index), b"b/y.pfw");
        let outside = root.join("c/z.pfw");
        assert_eq!(key_of(&outside, &index), outside.as_os_str().as_bytes());
    }
}
