//! Which files a build reads, and which it knows already.

use std::ops::Range;
use std::path::{Path, PathBuf};

use dft_codec::{DuplicateEntry, FileEntry};
use dft_trace::{NotRead, Snapshot, TextHashes, Unreadable, fingerprint};

use crate::error::BuildError;
use crate::known::{KnownTraces, is_counted};
use crate::outcome::{FileOutcome, snapshot};
use crate::report::FileReport;

/// A file to read.
#[derive(Debug)]
pub(crate) struct PlannedFile {
    pub(crate) path: PathBuf,
    /// Its size, in bytes, when it was listed.
    pub(crate) size: u64,
    /// What was read of its trace before: of this file before it grew, or of another file.
    pub(crate) before: Option<FileEntry>,
    /// Whether it is indexed without a single counted line, so that it is read like a new file.
    pub(crate) was_empty: bool,
    /// Which of its bytes to read, if not all to its end.
    pub(crate) piece: Option<Range<u64>>,
    /// What its text is, if that had to be known to decide that it is read.
    pub(crate) classified: Option<Classified>,
}

/// What is known of a file before it is read, if it had to be told from others.
#[derive(Debug)]
pub(crate) struct Classified {
    pub(crate) hashes: TextHashes,
    /// The report of a file that this build read before, and whose trace this one continues.
    pub(crate) absorbed: Option<Box<FileReport>>,
    /// The name of the indexed trace that this file holds now.
    pub(crate) moved_from: Option<Vec<u8>>,
}

impl PlannedFile {
    pub(crate) fn new(path: PathBuf, size: u64) -> Self {
        Self { path, size, before: None, was_empty: false, piece: None, classified: None }
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

/// A file that must be inflated to find out what to do with it.
#[derive(Debug)]
pub(crate) struct Unclassified {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    /// What is indexed under its name. The file should hold that trace or a continuation of it.
    pub(crate) own: Option<FileEntry>,
}

/// What to do with each file of a build.
#[derive(Debug, Default)]
pub(crate) struct BuildPlan {
    /// Files to read, the largest first.
    pub(crate) read: Vec<PlannedFile>,
    pub(crate) unclassified: Vec<Unclassified>,
    /// The outcomes of files that need no reading.
    pub(crate) outcomes: Vec<FileOutcome>,
}

/// Compares the files with what is known of them. A file that looks unchanged is not read. A longer file is planned to
/// be resumed; reading it shows whether it only grew.
pub(crate) fn plan(traces: &[PathBuf], known: &KnownTraces) -> Result<BuildPlan, BuildError> {
    let mut plan = BuildPlan::default();
    for path in traces {
        match snapshot(path) {
            Ok(snapshot) => plan.add(path, snapshot, known)?,
            Err(error) => plan.outcomes.push(FileOutcome::unreadable(path.clone(), error)),
        }
    }
    plan.read.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    Ok(plan)
}

impl BuildPlan {
    /// Adds what was found besides the files to read.
    pub(crate) fn add_found(&mut self, unreadable: Vec<Unreadable>, not_read: Vec<NotRead>) {
        self.outcomes
            .extend(unreadable.into_iter().map(|Unreadable { path, error }| FileOutcome::unreadable(path, error)));
        self.outcomes.extend(not_read.into_iter().map(FileOutcome::from));
    }

    fn add(&mut self, path: &Path, now: Snapshot, known: &KnownTraces) -> Result<(), BuildError> {
        let name = known.names.name_of(path);
        if let Some(entry) = known.duplicates.get(&name) {
            return self.add_duplicate(path, now, entry, known);
        }
        let Some(entry) = known.files.get(&name) else {
            self.read.push(PlannedFile::new(path.to_owned(), now.size));
            return Ok(());
        };
        if now.size > entry.size {
            // A file without a counted line may have become the trace of another file.
            let before = is_counted(entry).then(|| entry.clone());
            let was_empty = before.is_none();
            self.read.push(PlannedFile { before, was_empty, ..PlannedFile::new(path.to_owned(), now.size) });
            return Ok(());
        }
        let stored = Snapshot { size: entry.size, modified_ns: entry.modified_ns };
        if is_same(path, now, stored, entry.fingerprint)? {
            // A new date is stored, so that the next build does not compare the contents again.
            let redated = entry.modified_ns != now.modified_ns;
            let redated = redated.then(|| FileEntry { modified_ns: now.modified_ns, ..entry.clone() });
            self.outcomes.push(FileOutcome::known(path.to_owned(), entry, redated));
        } else if known.can_move {
            // The file may hold the same text, compressed differently.
            self.unclassified.push(Unclassified { path: path.to_owned(), size: now.size, own: Some(entry.clone()) });
        } else {
            self.outcomes.push(FileOutcome::changed(path.to_owned()));
        }
        Ok(())
    }

    /// Adds a file that was a duplicate of another one when it was indexed.
    fn add_duplicate(
        &mut self,
        path: &Path,
        now: Snapshot,
        entry: &DuplicateEntry,
        known: &KnownTraces,
    ) -> Result<(), BuildError> {
        let stored = Snapshot { size: entry.size, modified_ns: entry.modified_ns };
        if is_same(path, now, stored, entry.fingerprint)? && !known.is_orphan(entry) {
            let entry = DuplicateEntry { modified_ns: now.modified_ns, ..entry.clone() };
            self.outcomes.push(FileOutcome::duplicate(path.to_owned(), entry, true));
        } else {
            // It is classified like a file that was never seen.
            self.unclassified.push(Unclassified { path: path.to_owned(), size: now.size, own: None });
        }
        Ok(())
    }
}

/// Whether a file is what was stored of it. Its contents are read only if it has the same size and another date.
fn is_same(path: &Path, now: Snapshot, stored: Snapshot, print: u128) -> Result<bool, BuildError> {
    if now.size != stored.size {
        return Ok(false);
    }
    if now.modified_ns == stored.modified_ns {
        return Ok(true);
    }
    let now = fingerprint(path, now.size).map_err(|source| BuildError::Read { path: path.to_owned(), source })?;
    Ok(now == print)
}
