//! Files that may have the trace of another one: which of them do, by their text.
//!
//! ```text
//! its text is that of          it is
//! a trace that is gone         that trace, under a new name (the first such file by path)
//! a trace that is there        its duplicate; of two that were not known before, the second one by path
//! the start of one, cut short  its duplicate, too: it is being compressed, or that failed
//! else it is a trace of its own, which is read on where one ended that it starts with,
//!                              if that one is gone or cut short; else from its start
//! ```
//!
//! What is decided depends on the texts, the names and what is gone, never on which of the files was read first.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dft_codec::{ContentHash, DuplicateEntry, FileEntry};
use dft_trace::{Opening, TextScan};

use crate::error::BuildError;
use crate::known::KnownTraces;
use crate::opening_filter::is_counted;
use crate::plan::{Classified, PlannedFile, Unclassified};
use crate::progress::Progress;
use crate::reading::ReadTraces;
use crate::report::{FileReport, Unreadable};

/// A trace that others are compared with.
struct Body {
    name: Vec<u8>,
    path: PathBuf,
    text: ContentHash,
    opening: Opening,
    cut_short: bool,
    from: From,
    /// Whether its file has another text now.
    replaced: bool,
    /// Whether another file has become it.
    taken: bool,
}

/// Where a trace is known from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    /// From before.
    Known,
    /// It was read just now; `true` where it was not known before.
    Read(bool),
    /// It is about to be read, or known under a new name.
    Classified,
}

/// A file whose text is known.
struct Scanned {
    path: PathBuf,
    own: Option<FileEntry>,
    scan: TextScan,
}

/// Decides what becomes of files, and adds to the reading what is known without reading them as traces. What is to
/// be read is returned.
pub(crate) fn classify(
    files: Vec<Unclassified>,
    known: &KnownTraces,
    reading: &mut ReadTraces,
    threads: usize,
    progress: &Progress,
) -> Result<Vec<PlannedFile>, BuildError> {
    let bodies = bodies(known, reading);
    let (by_opening, by_text) = (HashMap::new(), HashMap::new());
    let mut classifying = Classifier { known, bodies, by_opening, by_text, planned: Vec::new() };
    (0..classifying.bodies.len()).for_each(|at| classifying.note(at));
    let (mut scanned, unreadable) = classifying.scan(files, threads, progress)?;
    reading.unreadable.extend(unreadable);
    scanned.sort_by(|a, b| a.path.cmp(&b.path));
    let (scanned, changed) = classifying.own(scanned);
    let mut scanned = classifying.moved(scanned, reading);
    scanned.sort_by(|a, b| (Reverse(a.scan.text.length), &a.path).cmp(&(Reverse(b.scan.text.length), &b.path)));
    for file in scanned {
        classifying.others(file, reading, progress)?;
    }
    for file in changed {
        // Where its trace was found elsewhere, it is one that has come in its place.
        let name = known.names.name_of(&file.path);
        if classifying.bodies.iter().any(|body| body.from == From::Known && body.name == name && body.taken) {
            classifying.others(file, reading, progress)?;
        } else {
            reading.changed.push(file.path);
        }
    }
    let mut planned = classifying.planned;
    planned.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    Ok(planned)
}

/// The traces of which anything counts.
fn bodies(known: &KnownTraces, reading: &ReadTraces) -> Vec<Body> {
    let body = |name: Vec<u8>, path, entry: &FileEntry, from| {
        let identity = &entry.identity;
        let (text, opening, cut_short) = (identity.text, identity.opening, identity.cut_short);
        is_counted(entry).then_some(Body { name, path, text, opening, cut_short, from, replaced: false, taken: false })
    };
    let mut read = HashMap::new();
    for (path, entry) in &reading.files {
        let name = known.names.name_of(path);
        let from = From::Read(!known.files.contains_key(&name));
        read.insert(name.clone(), body(name, path.clone(), entry, from));
    }
    let others = known.files.iter().filter(|(name, _)| !read.contains_key(*name));
    let others = others.filter_map(|(name, entry)| body(name.clone(), known.names.path_of(name), entry, From::Known));
    let mut bodies: Vec<Body> = others.collect();
    bodies.extend(read.into_values().flatten());
    bodies.sort_by(|a, b| a.name.cmp(&b.name));
    bodies
}

struct Classifier<'a> {
    known: &'a KnownTraces,
    bodies: Vec<Body>,
    /// Bodies, by how they start.
    by_opening: HashMap<Opening, Vec<usize>>,
    /// Bodies, by their text.
    by_text: HashMap<ContentHash, Vec<usize>>,
    planned: Vec<PlannedFile>,
}

impl Classifier<'_> {
    fn note(&mut self, at: usize) {
        self.by_opening.entry(self.bodies[at].opening).or_default().push(at);
        self.by_text.entry(self.bodies[at].text).or_default().push(at);
    }

    /// Inflates the files, on as many threads as asked for.
    fn scan(
        &self,
        files: Vec<Unclassified>,
        threads: usize,
        progress: &Progress,
    ) -> Result<(Vec<Scanned>, Vec<Unreadable>), BuildError> {
        let lengths = |first: &[u8], own: &Option<FileEntry>| -> Vec<u64> {
            let bodies = Opening::all(first).filter_map(|opening| self.by_opening.get(&opening)).flatten();
            let own = own.iter().map(|entry| entry.identity.text.length);
            bodies.map(|&at| self.bodies[at].text.length).chain(own).collect()
        };
        let next = AtomicUsize::new(0);
        let found = Mutex::new((Vec::new(), Vec::new()));
        let work = || {
            while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let Unclassified { path, own, .. } = file;
                let scan = TextScan::of(path, |first| lengths(first, own), |_| !progress.is_cancelled());
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                match scan {
                    Ok(Some(scan)) => found.0.push(Scanned { path: path.clone(), own: own.clone(), scan }),
                    // The build is being stopped.
                    Ok(None) => return,
                    Err(error) => found.1.push(Unreadable { path: path.clone(), error }),
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
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Files that are to have the trace which is known under their name, or more of it. The others are returned, and
    /// those that have not, the ones with more text first.
    fn own(&mut self, files: Vec<Scanned>) -> (Vec<Scanned>, Vec<Scanned>) {
        let (own, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.own.is_some());
        let mut changed = Vec::new();
        for Scanned { path, own, scan } in own {
            let name = self.known.names.name_of(&path);
            let body = self.bodies.iter_mut().find(|body| body.name == name);
            match own {
                Some(entry) if scan.text == entry.identity.text || scan.starts_with(&entry.identity.text) => {
                    if let Some(body) = body {
                        body.taken = true;
                    }
                    self.plan(path, scan, Some(entry), None);
                }
                own => {
                    if let Some(body) = body {
                        body.replaced = true;
                    }
                    changed.push(Scanned { path, own, scan });
                }
            }
        }
        changed.sort_by(|a, b| (Reverse(a.scan.text.length), &a.path).cmp(&(Reverse(b.scan.text.length), &b.path)));
        (others, changed)
    }

    /// Files that have the text of a trace that is gone.
    fn moved(&mut self, files: Vec<Scanned>, reading: &mut ReadTraces) -> Vec<Scanned> {
        let mut others = Vec::new();
        for file in files {
            let Some(at) = self.same(&file.scan, |this, body| this.is_gone(body)) else {
                others.push(file);
                continue;
            };
            let (path, scan) = (file.path, file.scan);
            let before = self.leave(at, &path, reading);
            let same_file =
                |entry: &FileEntry| (entry.size, entry.fingerprint) == (scan.snapshot.size, scan.fingerprint);
            match before {
                // All is known of it.
                Some(before) if same_file(&before) => {
                    self.body(&path, &scan);
                    reading.known.push(FileReport::known(path.clone(), &before));
                    reading.files.push((path, FileEntry { modified_ns: scan.snapshot.modified_ns, ..before }));
                }
                before => self.plan(path, scan, before, None),
            }
        }
        others
    }

    /// Any other file, after all that have more text.
    fn others(&mut self, file: Scanned, reading: &mut ReadTraces, progress: &Progress) -> Result<(), BuildError> {
        let Scanned { path, scan, .. } = file;
        if let Some(at) = self.same(&scan, |_, body| !body.taken) {
            if self.bodies[at].from == From::Read(true) && path < self.bodies[at].path {
                let (before, absorbed) = self.absorb(at, &path, false, reading);
                self.plan(path, scan, before, absorbed);
            } else {
                self.duplicate(at, path, false, &scan, reading, progress);
            }
            return Ok(());
        }
        if scan.cut_short
            && let Some(at) = self.continued(&path, &scan)?
        {
            self.duplicate(at, path, true, &scan, reading, progress);
            return Ok(());
        }
        match self.started(&scan) {
            None => self.plan(path, scan, None, None),
            Some(at) if self.is_gone(&self.bodies[at]) => {
                let before = self.leave(at, &path, reading);
                self.plan(path, scan, before, None);
            }
            Some(at) => {
                let (before, absorbed) = self.absorb(at, &path, true, reading);
                self.plan(path, scan, before, absorbed);
            }
        }
        Ok(())
    }

    fn is_gone(&self, body: &Body) -> bool {
        body.from == From::Known && !body.taken && (body.replaced || self.known.is_gone(&body.name))
    }

    /// The first trace of the same text that is as asked for.
    fn same(&self, scan: &TextScan, is: impl Fn(&Self, &Body) -> bool) -> Option<usize> {
        let same = self.by_text.get(&scan.text)?.iter().copied().filter(|&at| is(self, &self.bodies[at]));
        same.min_by_key(|&at| &self.bodies[at].name)
    }

    /// A trace of which a file that is cut short has the start.
    fn continued(&self, path: &Path, scan: &TextScan) -> Result<Option<usize>, BuildError> {
        let longer = |body: &Body| {
            let may_start_so = body.opening == scan.opening || body.from != From::Known;
            body.text.length > scan.text.length && may_start_so && !body.taken && !body.replaced
        };
        for (at, body) in self.bodies.iter().enumerate().filter(|(_, body)| longer(body)) {
            // What cannot be read says so where it is to be read.
            if body.path != path
                && let Ok(Some(start)) = TextScan::start_of(&body.path, scan.text.length)
                && start == scan.text
            {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The longest trace that a file starts with, and goes on with in its place.
    fn started(&self, scan: &TextScan) -> Option<usize> {
        let goes_on = |body: &Body| {
            let replaced = match body.from {
                From::Known => self.known.can_move,
                From::Read(fresh) => fresh || self.known.can_move,
                From::Classified => false,
            };
            replaced && !body.taken && scan.starts_with(&body.text) && (body.cut_short || self.is_gone(body))
        };
        let found = self.bodies.iter().enumerate().filter(|(_, body)| goes_on(body));
        found.max_by_key(|(_, body)| (body.text.length, Reverse(&body.name))).map(|(at, _)| at)
    }

    /// Notes a trace of this run.
    fn body(&mut self, path: &Path, scan: &TextScan) {
        let name = self.known.names.name_of(path);
        let (text, opening, cut_short, from) = (scan.text, scan.opening, scan.cut_short, From::Classified);
        self.bodies.push(Body {
            name,
            path: path.to_owned(),
            text,
            opening,
            cut_short,
            from,
            replaced: false,
            taken: false,
        });
        self.note(self.bodies.len() - 1);
    }

    fn plan(&mut self, path: PathBuf, scan: TextScan, before: Option<FileEntry>, absorbed: Option<FileReport>) {
        self.body(&path, &scan);
        let size = scan.snapshot.size;
        let classified = Some(Classified { scan, absorbed });
        self.planned.push(PlannedFile { before, classified, ..PlannedFile::new(path, size) });
    }

    fn duplicate(
        &mut self,
        at: usize,
        path: PathBuf,
        unfinished: bool,
        scan: &TextScan,
        reading: &mut ReadTraces,
        progress: &Progress,
    ) {
        progress.add_bytes(scan.snapshot.size);
        progress.add_file();
        let entry = DuplicateEntry {
            of: self.bodies[at].name.clone(),
            unfinished,
            size: scan.snapshot.size,
            modified_ns: scan.snapshot.modified_ns,
            fingerprint: scan.fingerprint,
            text: scan.text,
        };
        reading.duplicates.push((path, entry));
    }

    /// What is known of a trace that is gone, for a file that has it now.
    fn leave(&mut self, at: usize, path: &Path, reading: &mut ReadTraces) -> Option<FileEntry> {
        let body = &mut self.bodies[at];
        body.taken = true;
        reading.moved.push((body.name.clone(), path.to_owned()));
        self.known.files.get(&body.name).cloned()
    }

    /// What was read of a trace, which is to be a duplicate of a file that has the same, or more.
    fn absorb(
        &mut self,
        at: usize,
        path: &Path,
        unfinished: bool,
        reading: &mut ReadTraces,
    ) -> (Option<FileEntry>, Option<FileReport>) {
        let body = &mut self.bodies[at];
        body.taken = true;
        let name = self.known.names.name_of(path);
        let duplicate = |entry: &FileEntry| DuplicateEntry::of_entry(name, unfinished, entry);
        if body.from == From::Known {
            let entry = self.known.files.get(&body.name).cloned();
            reading.moved.push((body.name.clone(), path.to_owned()));
            reading.duplicates.extend(entry.as_ref().map(|entry| (body.path.clone(), duplicate(entry))));
            return (entry, None);
        }
        if body.from == From::Read(false) {
            reading.moved.push((body.name.clone(), path.to_owned()));
        }
        let entry = reading.files.iter().position(|(path, _)| *path == body.path);
        let entry = entry.map(|at| reading.files.remove(at).1);
        reading.duplicates.extend(entry.as_ref().map(|entry| (body.path.clone(), duplicate(entry))));
        let report = reading.reports.iter().position(|report| report.path == body.path);
        (entry, report.map(|at| reading.reports.remove(at)))
    }
}
