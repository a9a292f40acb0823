//! Which files a build reads, and which are known already.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use dft_codec::{DuplicateEntry, FileCounts, FileEntry};
use dft_trace::{NotRead, Snapshot, TextScan, fingerprint};

use crate::error::BuildError;
use crate::known::KnownTraces;
use crate::opening_filter::is_counted;
use crate::report::{FileReport, Unreadable};

/// A file to read.
#[derive(Debug)]
pub(crate) struct PlannedFile {
    pub(crate) path: PathBuf,
    /// Its size, in bytes, when it was listed.
    pub(crate) size: u64,
    /// What was read of its trace before: of the file before it grew, or of another one.
    pub(crate) before: Option<FileEntry>,
    /// Whether it is in, but nothing of it counts, so that it is read as a new one.
    pub(crate) was_nothing: bool,
    /// Which of its bytes are to be read, where that is not up to its end.
    pub(crate) piece: Option<Range<u64>>,
    /// What its text is, where that had to be known: then it was decided that it is to be read.
    pub(crate) classified: Option<Classified>,
}

/// What is known of a file before it is read, where it had to be told from others.
#[derive(Debug)]
pub(crate) struct Classified {
    pub(crate) scan: TextScan,
    /// What was said of another file, read before, of whose trace this one has more.
    pub(crate) absorbed: Option<FileReport>,
}

impl PlannedFile {
    pub(crate) fn new(path: PathBuf, size: u64) -> Self {
        Self { path, size, before: None, was_nothing: false, piece: None, classified: None }
    }

    /// How many of its bytes are to be read.
    pub(crate) fn new_bytes(&self) -> u64 {
        match &self.piece {
            Some(piece) => piece.end - piece.start,
            None if self.classified.is_some() => self.size,
            None => self.size - self.before.as_ref().map_or(0, |before| before.consumed.offset.min(self.size)),
        }
    }
}

/// A file of which only its text tells what is to be done.
#[derive(Debug)]
pub(crate) struct Unclassified {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    /// What is known of a trace under its name, which it is to have, or more of it.
    pub(crate) own: Option<FileEntry>,
}

#[derive(Debug, Default)]
pub(crate) struct BuildPlan {
    /// Files to read, the largest first.
    pub(crate) read: Vec<PlannedFile>,
    pub(crate) unclassified: Vec<Unclassified>,
    pub(crate) known: Vec<FileReport>,
    /// Files that are known to have the trace of another one.
    pub(crate) duplicates: Vec<(PathBuf, DuplicateEntry)>,
    /// Of the known ones, those that only have another date now, and what is known of them with it.
    pub(crate) redated: Vec<(PathBuf, FileEntry)>,
    pub(crate) redated_duplicates: Vec<(PathBuf, DuplicateEntry)>,
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) not_read: Vec<NotRead>,
    /// Files that are not what is known of them.
    pub(crate) changed: Vec<PathBuf>,
}

impl BuildPlan {
    /// Adds what was found beside the files to read.
    pub(crate) fn add_others(&mut self, unreadable: Vec<(PathBuf, io::Error)>, not_read: Vec<NotRead>) {
        self.unreadable.extend(unreadable.into_iter().map(|(path, error)| Unreadable { path, error }));
        self.not_read.extend(not_read);
    }
}

/// Compares the files with what is known of them, without reading any that looks unchanged. One that
/// is longer is to be read on; whether it has only grown, reading it tells.
pub(crate) fn plan(traces: &[PathBuf], known: &KnownTraces) -> Result<BuildPlan, BuildError> {
    let mut plan = BuildPlan::default();
    for path in traces {
        match snapshot(path) {
            Ok(snapshot) => plan.add(path, snapshot, known)?,
            Err(error) => plan.unreadable.push(Unreadable { path: path.clone(), error }),
        }
    }
    plan.read.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    Ok(plan)
}

impl BuildPlan {
    fn add(&mut self, path: &Path, snapshot: Snapshot, known: &KnownTraces) -> Result<(), BuildError> {
        let name = known.names.name_of(path);
        let size = snapshot.size;
        let read = |source| BuildError::Read { path: path.to_owned(), source };
        if let Some(entry) = known.duplicates.get(&name) {
            let stored = (entry.size, entry.modified_ns, entry.fingerprint);
            return match is_same(path, snapshot, stored).map_err(read)? {
                true if !known.is_orphan(entry) => {
                    self.duplicates.push((path.to_owned(), entry.clone()));
                    if entry.modified_ns != snapshot.modified_ns {
                        let modified_ns = snapshot.modified_ns;
                        self.redated_duplicates
                            .push((path.to_owned(), DuplicateEntry { modified_ns, ..entry.clone() }));
                    }
                    Ok(())
                }
                // What it is now is to be found out like that of a file which was never seen.
                _ => {
                    self.unclassified.push(Unclassified { path: path.to_owned(), size, own: None });
                    Ok(())
                }
            };
        }
        let Some(entry) = known.files.get(&name) else {
            self.read.push(PlannedFile::new(path.to_owned(), size));
            return Ok(());
        };
        if size > entry.size {
            // Of which nothing counts, that may have become the trace of another file.
            let before = is_counted(entry).then(|| entry.clone());
            let was_nothing = before.is_none();
            self.read.push(PlannedFile { before, was_nothing, ..PlannedFile::new(path.to_owned(), size) });
            return Ok(());
        }
        if is_same(path, snapshot, (entry.size, entry.modified_ns, entry.fingerprint)).map_err(read)? {
            self.known.push(FileReport::known(path.to_owned(), entry));
            if entry.modified_ns != snapshot.modified_ns {
                // So that it is not read again to see that it is the same.
                let modified_ns = snapshot.modified_ns;
                self.redated.push((path.to_owned(), FileEntry { modified_ns, ..entry.clone() }));
            }
        } else {
            self.classify_changed(path, size, entry, known);
        }
        Ok(())
    }

    /// A file that is not what is known of it: it may be compressed otherwise.
    pub(crate) fn classify_changed(&mut self, path: &Path, size: u64, entry: &FileEntry, known: &KnownTraces) {
        if known.can_move {
            self.unclassified.push(Unclassified { path: path.to_owned(), size, own: Some(entry.clone()) });
        } else {
            self.changed.push(path.to_owned());
        }
    }
}

impl FileReport {
    /// Of a file that is in already.
    pub(crate) fn known(path: PathBuf, entry: &FileEntry) -> Self {
        Self {
            path,
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
        }
    }
}

pub(crate) fn snapshot(path: &Path) -> io::Result<Snapshot> {
    Ok(Snapshot::of(&fs::metadata(path)?))
}

/// Whether a file is what is known of it: its size, date and fingerprint. Only one of the same size and another
/// date is read.
fn is_same(path: &Path, now: Snapshot, (size, modified_ns, print): (u64, i128, u128)) -> io::Result<bool> {
    if now.size != size {
        return Ok(false);
    }
    Ok(now.modified_ns == modified_ns || fingerprint(path, now.size)? == print)
}
