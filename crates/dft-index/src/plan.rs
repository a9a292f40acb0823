//! Which files a build reads, and which are known already.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use dft_codec::{FileCounts, FileEntry};
use dft_trace::{NotRead, Snapshot, fingerprint};

use crate::error::BuildError;
use crate::report::{FileReport, Unreadable};

/// A file to read.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) path: PathBuf,
    /// Its size, in bytes, when it was listed.
    pub(crate) size: u64,
    /// What was read of it before it grew.
    pub(crate) before: Option<FileEntry>,
    /// Which of its bytes are to be read, where that is not up to its end.
    pub(crate) piece: Option<Range<u64>>,
}

impl Planned {
    /// How many of its bytes are to be read.
    pub(crate) fn new_bytes(&self) -> u64 {
        match &self.piece {
            Some(piece) => piece.end - piece.start,
            None => self.size - self.before.as_ref().map_or(0, |before| before.consumed.offset.min(self.size)),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Files to read, the largest first.
    pub(crate) read: Vec<Planned>,
    pub(crate) known: Vec<FileReport>,
    /// Of the known ones, those that only have another date now, and what is known of them with it.
    pub(crate) redated: Vec<(PathBuf, FileEntry)>,
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) not_read: Vec<NotRead>,
    /// Files that are not what is known of them.
    pub(crate) changed: Vec<PathBuf>,
}

impl Plan {
    /// Adds what was found beside the files to read.
    pub(crate) fn add_others(&mut self, unreadable: Vec<(PathBuf, io::Error)>, not_read: Vec<NotRead>) {
        self.unreadable.extend(unreadable.into_iter().map(|(path, error)| Unreadable { path, error }));
        self.not_read.extend(not_read);
    }
}

/// Compares the files with what is known of them, without reading any that looks unchanged. One that
/// is longer is to be read on; whether it has only grown, reading it tells.
pub(crate) fn plan(
    traces: &[PathBuf],
    known: impl Fn(&Path) -> Result<Option<FileEntry>, BuildError>,
) -> Result<Plan, BuildError> {
    let mut plan = Plan::default();
    for path in traces {
        let snapshot = match snapshot(path) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                plan.unreadable.push(Unreadable { path: path.clone(), error });
                continue;
            }
        };
        let size = snapshot.size;
        match known(path)? {
            None => plan.read.push(Planned { path: path.clone(), size, before: None, piece: None }),
            Some(entry) if size > entry.size => {
                plan.read.push(Planned { path: path.clone(), size, before: Some(entry), piece: None });
            }
            Some(mut entry) => match is_same(path, snapshot, &entry) {
                Ok(true) => {
                    plan.known.push(FileReport {
                        path: path.clone(),
                        piece: None,
                        counts: FileCounts::default(),
                        before: Some(entry.counts),
                        fault: entry.fault.clone(),
                        time_fault: entry.time_fault,
                        malformed: Vec::new(),
                        skipped: None,
                        inconsistent: None,
                        lost: Vec::new(),
                        more_processes: entry.processes.has_more(),
                    });
                    if entry.modified_ns != snapshot.modified_ns {
                        // So that it is not read again to see that it is the same.
                        entry.modified_ns = snapshot.modified_ns;
                        plan.redated.push((path.clone(), entry));
                    }
                }
                Ok(false) => plan.changed.push(path.clone()),
                Err(source) => return Err(BuildError::Read { path: path.clone(), source }),
            },
        }
    }
    plan.read.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    Ok(plan)
}

pub(crate) fn snapshot(path: &Path) -> io::Result<Snapshot> {
    Ok(Snapshot::of(&fs::metadata(path)?))
}

/// Whether a file is what is known of it. Only one of the same size and another date is read.
fn is_same(path: &Path, now: Snapshot, then: &FileEntry) -> io::Result<bool> {
    if now.size != then.size {
        return Ok(false);
    }
    Ok(now.modified_ns == then.modified_ns || fingerprint(path, now.size)? == then.fingerprint)
}
