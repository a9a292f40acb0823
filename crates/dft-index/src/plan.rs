//! Which files a build reads, and which the index has already.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dft_codec::FileEntry;
use dft_store::IndexWriter;
use dft_trace::{Snapshot, fingerprint};

use crate::error::BuildError;
use crate::location::key_of;
use crate::report::{FileReport, Unreadable};

/// A file to read.
pub(crate) struct Planned {
    pub(crate) path: PathBuf,
    /// What the file is called in the index.
    pub(crate) key: Vec<u8>,
    /// Its size, in bytes, when it was listed.
    pub(crate) size: u64,
}

pub(crate) struct Plan {
    /// Files to read, the largest first.
    pub(crate) read: Vec<Planned>,
    pub(crate) known: Vec<FileReport>,
    pub(crate) unreadable: Vec<Unreadable>,
}

/// Compares the files with what the index has of them, without reading any that looks unchanged.
pub(crate) fn plan(traces: &[PathBuf], writer: &IndexWriter, index: &Path) -> Result<Plan, BuildError> {
    let mut plan = Plan { read: Vec::new(), known: Vec::new(), unreadable: Vec::new() };
    let mut changed = Vec::new();
    for path in traces {
        let snapshot = match snapshot(path) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                plan.unreadable.push(Unreadable { path: path.clone(), error });
                continue;
            }
        };
        let key = key_of(path, index);
        match writer.file(&key)? {
            None => plan.read.push(Planned { path: path.clone(), key, size: snapshot.size }),
            Some(entry) => match is_same(path, snapshot, &entry) {
                Ok(true) => plan.known.push(FileReport {
                    path: path.clone(),
                    counts: entry.counts,
                    fault: entry.fault,
                    malformed: Vec::new(),
                }),
                Ok(false) => changed.push(path.clone()),
                Err(source) => return Err(BuildError::Read { path: path.clone(), source }),
            },
        }
    }
    if !changed.is_empty() {
        return Err(BuildError::Changed { index: index.to_owned(), paths: changed });
    }
    plan.read.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    Ok(plan)
}

fn snapshot(path: &Path) -> io::Result<Snapshot> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        // It is listed only because its contents could not be; the system says why.
        fs::read_dir(path)?;
    }
    Ok(Snapshot::of(&metadata))
}

/// Whether a file is what the index has of it. Only one of the same size and another date is read.
fn is_same(path: &Path, now: Snapshot, then: &FileEntry) -> io::Result<bool> {
    if now.size != then.size {
        return Ok(false);
    }
    Ok(now.modified_ns == then.modified_ns || fingerprint(path, now.size)? == then.fingerprint)
}
