//! Decides by its text what becomes of a file that may have the trace of another one.
//!
//! ```text
//! its text is that of              it is
//! a trace whose file is gone       that trace, under a new name (the first such file by path)
//! a trace whose file exists        its duplicate; of two that were not known before, the second one by path
//! the start of one, cut short      its duplicate, too: it is being compressed, or compressing it failed
//! none                             a trace of its own, resumed from the end of a trace that it starts with
//!                                  if that one is gone or cut short, else read from its start
//! ```
//!
//! The decision depends on the texts, the names and which files are gone, never on which file was read first.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dft_codec::{DuplicateEntry, FileEntry};
use dft_trace::TextHashes;

use crate::error::BuildError;
use crate::known::KnownTraces;
use crate::outcome::{FileOutcome, FileState};
use crate::plan::{Classified, PlannedFile, Unclassified};
use crate::progress::Progress;
use crate::report::FileReport;
use crate::trace_texts::{Origin, TraceTexts};

/// A file whose text is known.
struct ScannedFile {
    path: PathBuf,
    own: Option<FileEntry>,
    hashes: TextHashes,
}

/// What is known of the trace that a file continues.
#[derive(Default)]
struct Predecessor {
    entry: Option<FileEntry>,
    /// Its report, if this build has read it.
    report: Option<Box<FileReport>>,
    /// Its name in the index.
    moved_from: Option<Vec<u8>>,
}

/// Decides what becomes of files. Adds the outcomes of those that need no reading, and returns those to read.
pub(crate) fn classify(
    files: Vec<Unclassified>,
    known: &KnownTraces,
    outcomes: &mut Vec<FileOutcome>,
    threads: usize,
    progress: &Progress,
) -> Result<Vec<PlannedFile>, BuildError> {
    let texts = TraceTexts::new(known, outcomes);
    let mut scanned = scan(&texts, files, threads, progress, outcomes)?;
    scanned.sort_by(|a, b| a.path.cmp(&b.path));
    let mut classifier = Classifier { known, texts, outcomes, progress, planned: Vec::new() };
    let (scanned, changed) = classifier.own_traces(scanned);
    let mut scanned = classifier.moved_traces(scanned);
    longest_first(&mut scanned);
    for file in scanned {
        classifier.other_trace(file)?;
    }
    for file in changed {
        // If the trace of this file was found elsewhere, the file is a new one in its place.
        if classifier.texts.is_claimed(&known.names.name_of(&file.path)) {
            classifier.other_trace(file)?;
        } else {
            classifier.outcomes.push(FileOutcome::changed(file.path));
        }
    }
    let mut planned = classifier.planned;
    planned.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    Ok(planned)
}

/// Inflates the files on several threads. Adds the outcomes of those that cannot be read.
fn scan(
    texts: &TraceTexts<'_>,
    files: Vec<Unclassified>,
    threads: usize,
    progress: &Progress,
    outcomes: &mut Vec<FileOutcome>,
) -> Result<Vec<ScannedFile>, BuildError> {
    let next = AtomicUsize::new(0);
    let scanned = Mutex::new(Vec::new());
    let unreadable = Mutex::new(outcomes);
    let work = || {
        while let Some(Unclassified { path, own, .. }) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let own_length = own.iter().map(|entry| entry.identity.text.length);
            let lengths = |first: &[u8]| texts.lengths_with_opening(first).chain(own_length.clone()).collect();
            match TextHashes::of(path, lengths, |_| !progress.is_cancelled()) {
                Ok(Some(hashes)) => {
                    let file = ScannedFile { path: path.clone(), own: own.clone(), hashes };
                    scanned.lock().unwrap_or_else(PoisonError::into_inner).push(file);
                }
                // The build is being stopped.
                Ok(None) => return,
                Err(error) => {
                    let outcome = FileOutcome::unreadable(path.clone(), error);
                    unreadable.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                }
            }
        }
    };
    thread::scope(|scope| {
        (1..threads.min(files.len())).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    if progress.is_cancelled() {
        return Err(BuildError::Cancelled);
    }
    Ok(scanned.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn longest_first(files: &mut [ScannedFile]) {
    files.sort_by(|a, b| (Reverse(a.hashes.text.length), &a.path).cmp(&(Reverse(b.hashes.text.length), &b.path)));
}

struct Classifier<'a> {
    known: &'a KnownTraces,
    texts: TraceTexts<'a>,
    outcomes: &'a mut Vec<FileOutcome>,
    progress: &'a Progress,
    planned: Vec<PlannedFile>,
}

impl Classifier<'_> {
    /// Plans files that still have the trace which is known under their name, or a continuation of it. Returns the
    /// files without a known trace, and those whose trace has changed, longest first.
    fn own_traces(&mut self, files: Vec<ScannedFile>) -> (Vec<ScannedFile>, Vec<ScannedFile>) {
        let (own, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.own.is_some());
        let mut changed = Vec::new();
        for ScannedFile { path, own, hashes } in own {
            let text = self.texts.named_mut(&self.known.names.name_of(&path));
            match own {
                Some(entry) if hashes.text == entry.identity.text || hashes.starts_with(&entry.identity.text) => {
                    if let Some(text) = text {
                        text.claimed = true;
                    }
                    self.plan(path, hashes, Predecessor { entry: Some(entry), ..Predecessor::default() });
                }
                own => {
                    if let Some(text) = text {
                        text.replaced = true;
                    }
                    changed.push(ScannedFile { path, own, hashes });
                }
            }
        }
        longest_first(&mut changed);
        (others, changed)
    }

    /// Decides about files that have the text of a trace whose file is gone. Returns all others.
    fn moved_traces(&mut self, files: Vec<ScannedFile>) -> Vec<ScannedFile> {
        let mut others = Vec::new();
        for file in files {
            let Some(at) = self.texts.same(&file.hashes, TraceTexts::is_gone) else {
                others.push(file);
                continue;
            };
            let (path, hashes) = (file.path, file.hashes);
            let predecessor = self.move_trace(at);
            let same_file =
                |entry: &&FileEntry| (entry.size, entry.fingerprint) == (hashes.snapshot.size, hashes.fingerprint);
            match predecessor.entry.as_ref().filter(same_file) {
                // The same file was read before, so all of it is known.
                Some(before) => {
                    self.texts.add_classified(&path, &hashes);
                    let entry = FileEntry { modified_ns: hashes.snapshot.modified_ns, ..before.clone() };
                    let outcome = FileOutcome::known(path, before, Some(entry));
                    self.outcomes.push(FileOutcome { moved_from: predecessor.moved_from, ..outcome });
                }
                None => self.plan(path, hashes, predecessor),
            }
        }
        others
    }

    /// Decides about any other file, after all files with longer texts.
    fn other_trace(&mut self, file: ScannedFile) -> Result<(), BuildError> {
        let ScannedFile { path, hashes, .. } = file;
        if let Some(at) = self.texts.same(&hashes, |_, text| !text.claimed) {
            let same = self.texts.get(at);
            if same.origin == (Origin::Read { new: true }) && path < same.path {
                let predecessor = self.absorb(at, &path, false);
                self.plan(path, hashes, predecessor);
            } else {
                self.add_duplicate(at, path, false, &hashes);
            }
            return Ok(());
        }
        if hashes.cut_short
            && let Some(at) = self.texts.continued(&path, &hashes)?
        {
            self.add_duplicate(at, path, true, &hashes);
            return Ok(());
        }
        let predecessor = match self.texts.started(&hashes) {
            None => Predecessor::default(),
            Some(at) if self.texts.is_gone(self.texts.get(at)) => self.move_trace(at),
            Some(at) => self.absorb(at, &path, true),
        };
        self.plan(path, hashes, predecessor);
        Ok(())
    }

    /// Plans to read a file as the continuation of its predecessor, if it has one.
    fn plan(&mut self, path: PathBuf, hashes: TextHashes, predecessor: Predecessor) {
        self.texts.add_classified(&path, &hashes);
        let size = hashes.snapshot.size;
        let Predecessor { entry: before, report: absorbed, moved_from } = predecessor;
        let classified = Some(Classified { hashes, absorbed, moved_from });
        self.planned.push(PlannedFile { before, classified, ..PlannedFile::new(path, size) });
    }

    fn add_duplicate(&mut self, at: usize, path: PathBuf, unfinished: bool, hashes: &TextHashes) {
        self.progress.add_bytes(hashes.snapshot.size);
        self.progress.add_file();
        let entry = DuplicateEntry {
            of: self.texts.get(at).name.clone(),
            unfinished,
            size: hashes.snapshot.size,
            modified_ns: hashes.snapshot.modified_ns,
            fingerprint: hashes.fingerprint,
            text: hashes.text,
        };
        self.outcomes.push(FileOutcome::duplicate(path, entry, false));
    }

    /// Marks a trace whose file is gone as moved. Returns what is known of it.
    fn move_trace(&mut self, at: usize) -> Predecessor {
        let text = self.texts.get_mut(at);
        text.claimed = true;
        let entry = self.known.files.get(&text.name).cloned();
        Predecessor { entry, report: None, moved_from: Some(text.name.clone()) }
    }

    /// Makes a trace a duplicate of the file at `path`, which has the same text or a continuation of it. Returns what
    /// is known of the trace.
    fn absorb(&mut self, at: usize, path: &Path, unfinished: bool) -> Predecessor {
        let text = self.texts.get_mut(at);
        text.claimed = true;
        let name = self.known.names.name_of(path);
        let duplicate = |entry: &FileEntry| DuplicateEntry::of_entry(name, unfinished, entry);
        let moved_from = (text.origin != Origin::Read { new: true }).then(|| text.name.clone());
        if text.origin == Origin::Index {
            let entry = self.known.files.get(&text.name).cloned();
            let outcome = |entry| FileOutcome::duplicate(text.path.clone(), duplicate(entry), false);
            self.outcomes.extend(entry.as_ref().map(outcome));
            return Predecessor { entry, report: None, moved_from };
        }
        let is_it = |outcome: &&mut FileOutcome| outcome.path == text.path && outcome.entry().is_some();
        let Some(outcome) = self.outcomes.iter_mut().find(is_it) else {
            return Predecessor { moved_from, ..Predecessor::default() };
        };
        let Some(entry) = outcome.entry().cloned() else { return Predecessor::default() };
        let state = FileState::Duplicate { entry: Box::new(duplicate(&entry)), known: false };
        let report = match std::mem::replace(&mut outcome.state, state) {
            FileState::Read { report, .. } => Some(report),
            _ => None,
        };
        Predecessor { entry: Some(entry), report, moved_from }
    }
}
