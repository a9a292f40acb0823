//! Ingest: bundles of a shared directory into the index, in any order, each once.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use dft_aggregate::Config;
use dft_codec::{Bounds, DuplicateEntry, FileEntry, PieceEntry, Unchained};
use dft_io::Show;

use crate::error::StoreError;
use crate::lock::LockUnavailable;
use crate::read::same_traces::{DuplicateTrace, SharedProcesses};
use crate::staging::bundle::{Bundle, Contents, INCOMING, Listed, WHOLE, remove_bundle};
use crate::staging::chain::{Chain, chain};
use crate::staging::pending_traces::{PendingTraces, TraceStatus};
use crate::trace_names::TraceNames;
use crate::write::index_writer::IndexWriter;
use crate::write::sorter::Written;

/// A bundle that was taken in, or was in already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestedBundle {
    /// Its name.
    pub name: String,
    /// The whole traces that it was made of, by path, and what was read of each.
    pub traces: Vec<(PathBuf, FileEntry)>,
    /// The piece of a trace that it was made of.
    pub piece: Option<(PathBuf, PieceEntry)>,
}

/// A trace of which some pieces are there, which wait for the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingTrace {
    /// The trace.
    pub trace: PathBuf,
    /// Its bytes that are in no piece.
    pub missing: Vec<Range<u64>>,
    /// The bundles that wait.
    pub bundles: Vec<PathBuf>,
}

impl WaitingTrace {
    /// What it waits for, in words.
    pub fn what(&self) -> String {
        /// How many of the missing ranges are named.
        const SHOWN: usize = 5;
        let missing = self.missing.iter().take(SHOWN).map(|Range { start, end }| format!("{start} to {end}"));
        let more = match self.missing.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let missing = missing.collect::<Vec<_>>().join(", ");
        let waits = if self.bundles.len() == 1 { "a piece waits" } else { "pieces wait" };
        format!("{waits} for bytes {missing}{more}: stage those, or the whole of it")
    }
}

impl fmt::Display for WaitingTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.trace.shown(), self.what())
    }
}

/// A trace whose pieces do not make it, and never will: it is to be staged whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnchainedTrace {
    /// The trace.
    pub trace: PathBuf,
    /// Where they do not, and why.
    pub unchained: Unchained,
    /// The bundles of the pieces, which stay until the trace is in.
    pub bundles: Vec<PathBuf>,
}

impl UnchainedTrace {
    /// Why, and what to do, in words.
    pub fn what(&self) -> String {
        format!("{}: stage it whole, and ingest again", self.unchained)
    }
}

impl fmt::Display for UnchainedTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.trace.shown(), self.what())
    }
}

/// What an ingest did.
#[derive(Debug, Default)]
pub struct IngestReport {
    /// The bundles that were taken in, by name.
    pub taken: Vec<IngestedBundle>,
    /// The bundles whose traces were all in.
    pub known: Vec<IngestedBundle>,
    /// The bundles that were left where they are, and why; not those of the next two.
    pub refused: Vec<(PathBuf, StoreError)>,
    /// The traces whose pieces wait for others.
    pub waiting: Vec<WaitingTrace>,
    /// The traces that are to be staged whole.
    pub unchained: Vec<UnchainedTrace>,
    /// Bundles that are in, but could not be removed, and why.
    pub not_removed: Vec<(PathBuf, StoreError)>,
    /// Bundles that are on their way, or were when their worker died.
    pub unfinished: Vec<PathBuf>,
    /// The files that have the trace of another one, and are not counted.
    pub duplicates: Vec<DuplicateTrace>,
    /// Traces that are in with records of the same processes.
    pub shared_processes: Vec<SharedProcesses>,
    /// What was in the bundles that were taken in.
    pub written: Written,
    /// That the file system gives no lock for the index, where it does not.
    pub no_lock: Option<LockUnavailable>,
}

/// The one configuration of the bundles in a directory; `None` where there is no bundle.
///
/// # Errors
///
/// Why the first bundle cannot be read, where none can; [`StoreError::BundleConfig`] where they have several, so that an index could be made of some only.
pub fn bundle_config(shared: &Path) -> Result<Option<Config>, StoreError> {
    let mut first: Option<Bundle> = None;
    let mut unreadable = None;
    for (_, bundle) in Bundle::list(shared)? {
        let bundle = match bundle {
            Ok(bundle) => bundle,
            Err(error) => {
                unreadable.get_or_insert(error);
                continue;
            }
        };
        match &first {
            None => first = Some(bundle),
            Some(first) if first.manifest.config == bundle.manifest.config => {}
            Some(first) => {
                return Err(StoreError::BundleConfig {
                    path: bundle.path.clone(),
                    found: Box::new(bundle.manifest.config),
                    wanted: Box::new(first.manifest.config.clone()),
                });
            }
        }
    }
    match (first, unreadable) {
        (None, Some(error)) => Err(error),
        (first, _) => Ok(first.map(|bundle| bundle.manifest.config)),
    }
}

impl IndexWriter {
    /// Takes in the bundles of a shared directory that are not in yet: all of them at once, or, where
    /// that fails or the process dies, none. A bundle that cannot be taken in is left where it is, and
    /// said to be; the others are removed, unless `keep`.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the index is then what it was.
    pub fn ingest(&mut self, shared: &Path, keep: bool) -> Result<IngestReport, StoreError> {
        let no_lock = self.no_lock().cloned();
        let mut report = IngestReport { unfinished: unfinished(shared)?, no_lock, ..IngestReport::default() };
        let bundles = Bundle::list(shared)?;
        let mut coming = PendingTraces::into(self)?;
        let mut taken = Vec::new();
        let mut known = Vec::new();
        let mut pieces: BTreeMap<Vec<u8>, Vec<PieceBundle>> = BTreeMap::new();
        let mut refusals = self.refusals(&bundles, &coming)?;
        for (path, bundle) in bundles {
            let judged = bundle.and_then(|bundle| self.judge(&bundle, &coming).map(|verdict| (verdict, bundle)));
            match judged {
                Ok((Verdict::New(traces), bundle)) => {
                    if let Some(error) = refusals.remove(&path) {
                        report.refused.push((path, error));
                        continue;
                    }
                    traces.into_iter().for_each(|(name, entry)| coming.add(name, entry));
                    taken.push(bundle);
                }
                Ok((Verdict::Piece(name, trace, piece), bundle)) => {
                    pieces.entry(name).or_default().push(PieceBundle { trace, piece, bundle });
                }
                Ok((Verdict::Known(duplicates), bundle)) => {
                    duplicates.into_iter().for_each(|(name, entry, of)| coming.add_duplicate(name, entry, &of));
                    known.push(bundle);
                }
                Err(error) => report.refused.push((path, error)),
            }
        }
        for (name, pieces) in pieces {
            // Of several states of a file the newest comes first.
            let mut states: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for piece in pieces {
                states.entry(std::cmp::Reverse(piece.state())).or_default().push(piece);
            }
            for pieces in states.into_values() {
                let judged = self.judge_pieces(&name, pieces, &coming, &mut report)?;
                match judged.entry {
                    Some((entry, None)) => coming.add(name.clone(), entry),
                    Some((entry, Some(of))) => coming.add_duplicate(name.clone(), entry, &of),
                    None => {}
                }
                taken.extend(judged.taken);
                known.extend(judged.known);
            }
        }
        for bundle in taken.iter().chain(&known) {
            let names = self.names().clone().with_source(bundle.manifest.source.as_deref());
            for (path, entry) in &bundle.manifest.duplicates {
                let of = names.renamed(&entry.of, &TraceNames::of_bundles());
                coming.add_staged_duplicate(names.name_of(path), DuplicateEntry { of, ..entry.clone() });
            }
        }
        if !taken.is_empty() || !coming.is_empty() {
            if self.current()?.is_none() && coming.traces().all(|(_, entry)| entry.counts.understood() == 0) {
                return Err(StoreError::NoRecords(shared.to_owned()));
            }
            let mut sets = Vec::new();
            let mut bounds: Option<Bounds> = None;
            for bundle in &taken {
                let folder = self.scratch().join(bundle.name());
                let sorted = bundle.link(&folder)?;
                report.written += sorted.written;
                sets.push(sorted);
                bounds = bounds.into_iter().chain(bundle.manifest.bounds).reduce(Bounds::union);
            }
            let (files, changes) = coming.publish();
            let ids: Vec<_> = taken.iter().map(Bundle::id).collect();
            self.publish_sorted(&sets, &files, &changes, bounds, &ids)?;
        }
        let names = self.names();
        report.duplicates = coming.duplicates().map(|(name, entry)| DuplicateTrace::new(names, name, entry)).collect();
        report.shared_processes = SharedProcesses::among(names, coming.traces());
        if !keep {
            for bundle in taken.iter().chain(&known) {
                if let Err(error) = remove(shared, bundle) {
                    report.not_removed.push((bundle.path.clone(), error));
                }
            }
        }
        let describe = |bundle: Bundle| {
            let name = bundle.name();
            match bundle.manifest.contents {
                Contents::Traces(traces) => IngestedBundle { name, traces, piece: None },
                Contents::Piece(trace, piece) => {
                    IngestedBundle { name, traces: Vec::new(), piece: Some((trace, *piece)) }
                }
            }
        };
        report.taken = taken.into_iter().map(describe).collect();
        report.known = known.into_iter().map(describe).collect();
        Ok(report)
    }

    /// Why bundles are refused for what is in them, by path, of those that would be taken in.
    fn refusals(
        &self,
        bundles: &[Listed],
        coming: &PendingTraces,
    ) -> Result<BTreeMap<PathBuf, StoreError>, StoreError> {
        let is_new = |bundle: &&Bundle| matches!(self.judge(bundle, coming), Ok(Verdict::New(_)));
        let new: Vec<_> = bundles.iter().filter_map(|(_, bundle)| bundle.as_ref().ok()).filter(is_new).collect();
        let refusals = new.iter().map(|bundle| bundle.path.clone()).zip(self.refuses_each(&new)?);
        Ok(refusals.filter_map(|(path, refusal)| Some((path, refusal?))).collect())
    }

    /// Whether a bundle can be taken in, beside what is in the index and what was taken before it.
    fn judge(&self, bundle: &Bundle, coming: &PendingTraces) -> Result<Verdict, StoreError> {
        let manifest = &bundle.manifest;
        if manifest.config != *self.config() {
            return Err(StoreError::BundleConfig {
                path: bundle.path.clone(),
                found: Box::new(manifest.config.clone()),
                wanted: Box::new(self.config().clone()),
            });
        }
        if self.current()?.map_or(Ok(false), |current| current.has_bundle(&bundle.id()))? {
            return Ok(Verdict::Known(Vec::new()));
        }
        let names = self.names().clone().with_source(manifest.source.as_deref());
        let traces = match &manifest.contents {
            Contents::Traces(traces) => traces,
            Contents::Piece(path, piece) => {
                return Ok(Verdict::Piece(names.name_of(path), path.clone(), piece.clone()));
            }
        };
        let (mut new, mut known, mut duplicates) = (Vec::new(), Vec::new(), Vec::new());
        for (path, entry) in traces {
            let name = names.name_of(path);
            match coming.standing(&name, entry) {
                TraceStatus::New => new.push((name, entry.clone())),
                TraceStatus::Known => known.push(path),
                TraceStatus::Duplicate(of) => duplicates.push((name, entry.clone(), of)),
                TraceStatus::Changed => {
                    return Err(StoreError::BundleChanged { path: bundle.path.clone(), trace: path.clone() });
                }
            }
        }
        let Some((name, _)) = new.first() else { return Ok(Verdict::Known(duplicates)) };
        let place = || PathBuf::from(names.place_of(name));
        if let Some(trace) = known.first() {
            let (path, trace, more) = (bundle.path.clone(), (*trace).clone(), known.len() - 1);
            return Err(StoreError::BundleOverlaps { path, trace, more, new: place() });
        }
        if let Some((trace, _, of)) = duplicates.first() {
            return Err(StoreError::BundleDuplicates {
                path: bundle.path.clone(),
                trace: names.place_of(trace),
                of: names.place_of(of),
                more: duplicates.len() - 1,
                new: place(),
            });
        }
        Ok(Verdict::New(new))
    }

    /// Judges the pieces of one state of a trace, which is called `name`. The report says of those that
    /// stay what they wait for, or why they are refused.
    fn judge_pieces(
        &self,
        name: &[u8],
        mut pieces: Vec<PieceBundle>,
        coming: &PendingTraces,
        report: &mut IngestReport,
    ) -> Result<Judged, StoreError> {
        let mut judged = Judged::default();
        loop {
            let Some(first) = pieces.first() else { return Ok(judged) };
            let (trace, state) = (first.trace.clone(), first.state());
            let entries: Vec<&PieceEntry> = pieces.iter().map(|piece| &*piece.piece).collect();
            let chain = chain(&entries);
            if let Some(there) = coming.get(name) {
                let whole = matches!(&chain, Chain::Whole(_, entry)
                    if there.identity.text == entry.identity.text);
                if whole || (there.modified_ns, there.size) == state {
                    judged.known = pieces.into_iter().map(|piece| piece.bundle).collect();
                } else {
                    report.refused.extend(pieces.into_iter().map(|PieceBundle { trace, bundle, .. }| {
                        (bundle.path.clone(), StoreError::BundleChanged { path: bundle.path, trace })
                    }));
                }
                return Ok(judged);
            }
            let bundles = || pieces.iter().map(|piece| piece.bundle.path.clone()).collect();
            match chain {
                Chain::Waiting(missing) => {
                    report.waiting.push(WaitingTrace { trace, missing, bundles: bundles() });
                    return Ok(judged);
                }
                Chain::Broken(unchained) => {
                    report.unchained.push(UnchainedTrace { trace, unchained, bundles: bundles() });
                    return Ok(judged);
                }
                Chain::Whole(_, entry) if matches!(coming.standing(name, &entry), TraceStatus::Duplicate(_)) => {
                    if let TraceStatus::Duplicate(of) = coming.standing(name, &entry) {
                        judged.entry = Some((*entry, Some(of)));
                    }
                    judged.known = pieces.into_iter().map(|piece| piece.bundle).collect();
                    return Ok(judged);
                }
                Chain::Whole(chain, entry) => {
                    let bundles: Vec<_> = chain.iter().map(|&at| &pieces[at].bundle).collect();
                    let refusals = self.refuses_each(&bundles)?;
                    let bad = chain.iter().zip(refusals).find_map(|(&at, refusal)| Some((at, refusal?)));
                    if let Some((at, error)) = bad {
                        // Without it, others may still make the file.
                        report.refused.push((pieces.remove(at).bundle.path, error));
                        continue;
                    }
                    judged.entry = Some((*entry, None));
                    for (at, piece) in pieces.into_iter().enumerate() {
                        if chain.contains(&at) {
                            judged.taken.push(piece.bundle)
                        } else {
                            judged.known.push(piece.bundle)
                        }
                    }
                    return Ok(judged);
                }
            }
        }
    }
}

enum Verdict {
    /// None of its traces is in; under their names in the index.
    New(Vec<(Vec<u8>, FileEntry)>),
    /// All of them are; some as traces of the same text, with which they are here.
    Known(Vec<(Vec<u8>, FileEntry, Vec<u8>)>),
    /// It holds a piece of a trace, of a name in the index.
    Piece(Vec<u8>, PathBuf, Box<PieceEntry>),
}

/// A bundle of a piece of a trace.
struct PieceBundle {
    trace: PathBuf,
    piece: Box<PieceEntry>,
    bundle: Bundle,
}

impl PieceBundle {
    /// Which state of its file it is a piece of: its date and size.
    fn state(&self) -> (i128, u64) {
        (self.piece.entry.modified_ns, self.piece.entry.size)
    }
}

/// What becomes of pieces of a trace.
#[derive(Default)]
struct Judged {
    /// What is known of the trace by the pieces, and what another one of the same text is called that is there.
    entry: Option<(FileEntry, Option<Vec<u8>>)>,
    taken: Vec<Bundle>,
    /// Those that nobody needs, for the trace is in, or will be.
    known: Vec<Bundle>,
}

/// How the names of bundles end that are in the index, and are being removed.
const INGESTED: &str = "-ingested";

/// The bundles that are on their way, or were when their worker died. What an ingest that died was
/// removing is removed.
fn unfinished(shared: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut unfinished = Vec::new();
    for entry in fs::read_dir(shared).map_err(StoreError::io(shared))? {
        let entry = entry.map_err(StoreError::io(shared))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with(INCOMING) {
            continue;
        }
        if name.ends_with(INGESTED) {
            let _ = remove_bundle(&entry.path());
        } else {
            unfinished.push(entry.path());
        }
    }
    unfinished.sort();
    Ok(unfinished)
}

/// Removes a bundle that is in the index: at once by its name, so that half of it is never seen as one.
fn remove(shared: &Path, bundle: &Bundle) -> Result<(), StoreError> {
    let name = bundle.name();
    let id = name.strip_prefix(WHOLE).unwrap_or(&name);
    bundle.refuse_strangers()?;
    let away = shared.join(format!("{INCOMING}{id}{INGESTED}"));
    dft_io::failpoint("ingest:before a bundle is removed").map_err(StoreError::io(&bundle.path))?;
    fs::rename(&bundle.path, &away).map_err(StoreError::io(&bundle.path))?;
    dft_io::failpoint("ingest:while a bundle is removed").map_err(StoreError::io(&away))?;
    remove_bundle(&away).map_err(StoreError::io(&away))
}
