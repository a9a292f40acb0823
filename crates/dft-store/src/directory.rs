//! Which directories are indexes: those with the marker of dft, and no others.
//!
//! A writer creates the marker in an empty directory, and refuses any other directory without a marker. So dft never
//! writes to a directory of another tool or of a person, whatever the names in it.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::thread;

use crate::error::StoreError;
use crate::layout::{self, LOCK, MARKER};

/// The text of the marker.
const TEXT: &[u8] = b"dft index 1\nAn index of DFTracer traces. Only dft writes to this directory.\n";

/// The start of every marker; the layout's number follows.
const MAGIC: &str = "dft index ";

/// The file with the name of the current generation in indexes from before there were markers.
const BEFORE: &str = "CURRENT";

/// Returns whether a directory is an index.
///
/// # Errors
///
/// [`StoreError::Format`] if the index has another layout; other errors if the marker cannot be read.
pub(crate) fn is_index(index: &Path) -> Result<bool, StoreError> {
    let format = |found: String| StoreError::Format { path: index.to_owned(), found, known: dft_codec::FORMAT_VERSION };
    let path = index.join(MARKER);
    let text = match read(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return if is_unmarked(index) { Err(format("6 or earlier".to_owned())) } else { Ok(false) };
        }
        Err(error) => return Err(StoreError::io(&path)(error)),
    };
    // A writer may have died while writing the marker.
    if TEXT.starts_with(&text) {
        return Ok(true);
    }
    let layout = std::str::from_utf8(&text).ok().and_then(|text| text.strip_prefix(MAGIC)?.lines().next());
    match layout.and_then(|layout| layout.parse::<u32>().ok()) {
        Some(layout) if layout != 1 => Err(format(format!("{layout} of its layout"))),
        _ => Err(StoreError::Damaged { path, what: "it is not the marker that was written".to_owned() }),
    }
}

/// Reads a small file without following links.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    /// An upper limit for the size of such a file, in bytes.
    const LONGEST: u64 = 4096;
    let mut bytes = Vec::new();
    dft_io::open_no_link(path, OpenOptions::new().read(true))?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is larger than any such file"));
    }
    Ok(bytes)
}

/// Returns whether a directory is an index from before there were markers.
fn is_unmarked(index: &Path) -> bool {
    let line = read(&index.join(BEFORE)).unwrap_or_default();
    std::str::from_utf8(&line).ok().and_then(|line| line.strip_suffix('\n')).is_some_and(|line| {
        let (generation, seal) = line.split_once(' ').unwrap_or((line, ""));
        let is_seal = seal.is_empty() || (seal.len() == 32 && seal.bytes().all(|byte| byte.is_ascii_hexdigit()));
        layout::number_of(generation).is_some() && is_seal
    })
}

/// Refuses a directory that is neither an index nor empty. With `rebuild`, accepts an index that is damaged or of
/// another format. Changes nothing.
///
/// # Errors
///
/// [`StoreError::NotAnIndex`] where the directory holds anything else.
pub(crate) fn check(index: &Path, rebuild: bool) -> Result<(), StoreError> {
    /// How often to look again: writers that fail create and remove markers between the two checks.
    const TRIES: u32 = 100;
    let mut tries = 0;
    loop {
        tries += 1;
        match is_index(index) {
            Ok(true) => return Ok(()),
            Ok(false) => match refuse_others(index) {
                Err(StoreError::NotAnIndex { .. }) if tries < TRIES => thread::yield_now(),
                result => return result,
            },
            Err(StoreError::Format { .. } | StoreError::Damaged { .. }) if rebuild => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Marks a directory that passes [`check`] as an index. Returns whether this call created the marker. A marker that is
/// damaged or of another format stays until the new generation is in place; see [`complete`].
///
/// # Errors
///
/// Those of [`check`].
pub(crate) fn claim(index: &Path, rebuild: bool) -> Result<bool, StoreError> {
    check(index, rebuild)?;
    let path = index.join(MARKER);
    let marked = mark(index).map_err(StoreError::io(&path))?;
    if !marked && read(&path).is_ok_and(|text| TEXT.starts_with(&text) && text != TEXT) {
        write(&path).map_err(StoreError::io(&path))?;
    }
    Ok(marked)
}

/// Refuses a directory that contains anything but the marker and a writer's lock.
fn refuse_others(index: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(index).map_err(StoreError::io(index))? {
        let entry = entry.map_err(StoreError::io(index))?;
        let name = entry.file_name();
        let is_lock = || entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0);
        // Another writer may have created the marker just now.
        let is_ours = name == MARKER || (name == LOCK && is_lock());
        if !is_ours {
            let found = name.to_string_lossy().into_owned();
            return Err(StoreError::NotAnIndex { path: index.to_owned(), found });
        }
    }
    Ok(())
}

/// Creates the marker unless it exists. Returns whether this call created it.
fn mark(index: &Path) -> io::Result<bool> {
    match dft_io::create_new(&index.join(MARKER)) {
        Ok(mut file) => {
            file.write_all(TEXT)?;
            file.sync_all()?;
            dft_io::sync_directory(index)?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Rewrites an existing marker. Every writer writes the same text.
fn write(path: &Path) -> io::Result<()> {
    let mut file = dft_io::open_no_link(path, OpenOptions::new().write(true))?;
    file.write_all(TEXT)?;
    file.set_len(TEXT.len() as u64)?;
    file.sync_all()
}

/// Ensures that the marker exists once a writer has something in the directory, because another writer that failed may
/// have removed it.
pub(crate) fn keep(index: &Path) -> io::Result<()> {
    mark(index).map(drop)
}

/// Ensures that the marker is complete once a generation is in place: another writer may have removed it, or it may
/// belong to an index that was replaced.
pub(crate) fn complete(index: &Path) -> io::Result<()> {
    let path = index.join(MARKER);
    if !mark(index)? && read(&path)? != TEXT {
        write(&path)?;
    }
    if is_unmarked(index) { fs::remove_file(index.join(BEFORE)) } else { Ok(()) }
}

/// Removes the marker of a writer that failed, if nothing else is in the directory.
pub(crate) fn disclaim(index: &Path) {
    if is_bare(index) && fs::remove_file(index.join(MARKER)).is_ok() && !is_bare(index) {
        // Another writer started in between and relies on the marker. It checks again after it has put something here,
        // and so does this writer, so whichever checks last sees both.
        let _ = mark(index);
    }
}

/// Returns whether a directory contains nothing but a marker and a lock.
pub(crate) fn is_bare(index: &Path) -> bool {
    let is_ours = |entry: fs::DirEntry| entry.file_name() == LOCK || entry.file_name() == MARKER;
    fs::read_dir(index).is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(is_ours)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_directory_becomes_an_index_and_any_other_is_refused_unchanged() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path();
        assert!(!is_index(index).expect("read"));
        assert!(claim(index, false).expect("ours"));
        assert!(is_index(index).expect("read") && !claim(index, false).expect("ours"));
        fs::write(index.join("notes"), "of the owner of the index").expect("written");
        assert!(!claim(index, true).expect("still ours"));
        fs::remove_file(index.join(MARKER)).expect("removed");
        for rebuild in [false, true] {
            assert!(matches!(claim(index, rebuild), Err(StoreError::NotAnIndex { found, .. }) if found == "notes"));
        }
        fs::remove_file(index.join("notes")).expect("removed");
        fs::write(index.join(LOCK), "").expect("written");
        assert!(claim(index, false).expect("another writer is about to"));
        disclaim(index);
        assert!(!index.join(MARKER).exists());
        fs::write(index.join(LOCK), "of another tool").expect("written");
        assert!(matches!(claim(index, true), Err(StoreError::NotAnIndex { .. })));
    }

    #[test]
    fn an_incomplete_marker_is_completed_and_a_foreign_one_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path();
        for cut in [0, 1, TEXT.len() - 1] {
            fs::write(index.join(MARKER), &TEXT[..cut]).expect("written");
            assert!(!claim(index, false).expect("ours"));
            assert_eq!(fs::read(index.join(MARKER)).expect("read"), TEXT);
        }
        fs::write(index.join(MARKER), "dft index 2\nsomething new\n").expect("written");
        assert!(matches!(is_index(index), Err(StoreError::Format { found, .. }) if found == "2 of its layout"));
        assert!(claim(index, false).is_err());
        fs::write(index.join(MARKER), "something").expect("written");
        assert!(matches!(is_index(index), Err(StoreError::Damaged { .. })));
        assert!(!claim(index, true).expect("to be rebuilt"));
        complete(index).expect("written");
        assert!(is_index(index).expect("read"));
    }

    #[test]
    fn an_index_without_a_marker_can_only_be_rebuilt() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path();
        fs::write(index.join(BEFORE), format!("gen-000007 {:032x}\n", 7)).expect("written");
        assert!(matches!(is_index(index), Err(StoreError::Format { .. })));
        assert!(matches!(claim(index, false), Err(StoreError::Format { .. })));
        assert!(claim(index, true).expect("to be rebuilt"));
        complete(index).expect("written");
        assert!(is_index(index).expect("read") && !index.join(BEFORE).exists());
        // A `CURRENT` of RocksDB belongs to another tool.
        fs::remove_file(index.join(MARKER)).expect("removed");
        fs::write(index.join(BEFORE), "MANIFEST-000005\n").expect("written");
        assert!(!is_index(index).expect("read"));
        assert!(matches!(claim(index, true), Err(StoreError::NotAnIndex { .. })));
    }
}
