//! Ingest: adds the bundles of a shared directory to the index, in any order, each once.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dft_aggregate::Config;
use dft_codec::{Bounds, DuplicateEntry};

use crate::error::StoreError;
use crate::read::same_traces::{DuplicateTrace, SharedProcesses};
use crate::staging::bundle::{Bundle, INCOMING, ListedBundle, WHOLE, remove_bundle};
use crate::staging::bundle_verdicts::{BundleVerdict, PieceBundle};
use crate::staging::ingest_report::{BundleFailure, IngestReport, IngestedBundle};
use crate::staging::manifest::Contents;
use crate::staging::pending_traces::PendingTraces;
use crate::staging::stager::BundledPiece;
use crate::trace_names::TraceNames;
use crate::write::index_writer::IndexWriter;
use crate::write::sorter::Written;

/// Returns the common configuration of the bundles in a directory; `None` if there is no bundle.
///
/// # Errors
///
/// Why the first bundle cannot be read, if none can be; [`StoreError::BundleConfig`] if the bundles have several
/// configurations, so that an index could hold only some of them.
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
    /// Ingests the bundles of a shared directory that are not yet indexed: all of them at once or, if that fails or the
    /// process dies, none. A bundle that cannot be ingested stays where it is, and the report states why. The others
    /// are removed, unless `keep` is set.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. The index is unchanged then, except after [`StoreError::Committed`].
    pub fn ingest(&mut self, shared: &Path, keep: bool) -> Result<IngestReport, StoreError> {
        let no_lock = self.no_lock().cloned();
        let mut report = IngestReport { unfinished: unfinished(shared)?, no_lock, ..IngestReport::default() };
        let accepted = self.accept(Bundle::list(shared)?, &mut report)?;
        if !accepted.taken.is_empty() || !accepted.pending.is_empty() {
            let has_records = || accepted.pending.traces().any(|(_, entry)| entry.counts.understood() > 0);
            if self.current()?.is_none() && !has_records() {
                return Err(StoreError::NoRecords(shared.to_owned()));
            }
            report.written = self.publish_accepted(&accepted)?;
        }
        let Accepted { pending, taken, known } = accepted;
        let names = self.names();
        report.duplicates = pending.duplicates().map(|(name, entry)| DuplicateTrace::new(names, name, entry)).collect();
        report.shared_processes = SharedProcesses::among(names, pending.traces());
        if !keep {
            for bundle in taken.iter().chain(&known) {
                if let Err(error) = remove(shared, bundle) {
                    report.not_removed.push(BundleFailure { bundle: bundle.path.clone(), error });
                }
            }
        }
        report.taken = taken.into_iter().map(ingested).collect();
        report.known = known.into_iter().map(ingested).collect();
        Ok(report)
    }

    /// Decides which bundles to ingest. Reports the others.
    fn accept(&self, bundles: Vec<ListedBundle>, report: &mut IngestReport) -> Result<Accepted, StoreError> {
        let mut accepted = Accepted { pending: PendingTraces::of(self)?, taken: Vec::new(), known: Vec::new() };
        let Accepted { pending, taken, known } = &mut accepted;
        let mut pieces: BTreeMap<Vec<u8>, Vec<PieceBundle>> = BTreeMap::new();
        let mut refusals = self.refusals(&bundles, pending)?;
        for (path, bundle) in bundles {
            let judged = bundle.and_then(|bundle| self.judge(&bundle, pending).map(|verdict| (verdict, bundle)));
            match judged {
                Ok((BundleVerdict::New(traces), bundle)) => {
                    if let Some(error) = refusals.remove(&path) {
                        report.refused.push(BundleFailure { bundle: path, error });
                        continue;
                    }
                    traces.into_iter().for_each(|(name, entry)| pending.add(name, entry));
                    taken.push(bundle);
                }
                Ok((BundleVerdict::Piece(name, trace, piece), bundle)) => {
                    pieces.entry(name).or_default().push(PieceBundle { trace, piece, bundle });
                }
                Ok((BundleVerdict::Known(duplicates), bundle)) => {
                    duplicates.into_iter().for_each(|(name, entry, of)| pending.add_duplicate(name, entry, &of));
                    known.push(bundle);
                }
                Err(error) => report.refused.push(BundleFailure { bundle: path, error }),
            }
        }
        for (name, pieces) in pieces {
            self.accept_pieces(&name, pieces, &mut accepted, report)?;
        }
        accepted.add_staged_duplicates(self.names());
        Ok(accepted)
    }

    /// Decides which pieces of the trace `name` to ingest. Reports the others.
    fn accept_pieces(
        &self,
        name: &[u8],
        pieces: Vec<PieceBundle>,
        accepted: &mut Accepted,
        report: &mut IngestReport,
    ) -> Result<(), StoreError> {
        let Accepted { pending, taken, known } = accepted;
        // The newest of several states of a file comes first.
        let mut states: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for piece in pieces {
            states.entry(Reverse(piece.state())).or_default().push(piece);
        }
        for pieces in states.into_values() {
            let judged = self.judge_pieces(name, pieces, pending, report)?;
            match judged.entry {
                Some((entry, None)) => pending.add(name.to_vec(), entry),
                Some((entry, Some(of))) => pending.add_duplicate(name.to_vec(), entry, &of),
                None => {}
            }
            taken.extend(judged.taken);
            known.extend(judged.known);
        }
        Ok(())
    }

    /// Publishes the entries of the accepted bundles. Returns their number.
    fn publish_accepted(&mut self, accepted: &Accepted) -> Result<Written, StoreError> {
        let mut written = Written::default();
        let mut sets = Vec::new();
        let mut bounds: Option<Bounds> = None;
        for bundle in &accepted.taken {
            let folder = self.scratch().join(bundle.name());
            let set = bundle.link(&folder)?;
            written += set.written;
            sets.push(set);
            bounds = bounds.into_iter().chain(bundle.manifest.bounds).reduce(Bounds::union);
        }
        let (files, changes) = accepted.pending.publish();
        let ids: Vec<_> = accepted.taken.iter().map(Bundle::id).collect();
        self.publish_sst_files(&sets, &files, &changes, bounds, &ids)?;
        Ok(written)
    }
}

/// The bundles that an ingest does not refuse, and their traces.
struct Accepted {
    pending: PendingTraces,
    /// Bundles whose entries are to be published.
    taken: Vec<Bundle>,
    /// Bundles whose traces are all indexed.
    known: Vec<Bundle>,
}

impl Accepted {
    /// Adds the duplicates that the bundles list. `names` are those of the index.
    fn add_staged_duplicates(&mut self, names: &TraceNames) {
        for bundle in self.taken.iter().chain(&self.known) {
            let names = names.clone().with_source(bundle.manifest.source.as_deref());
            for (path, entry) in &bundle.manifest.duplicates {
                let of = names.renamed(&entry.of, &TraceNames::of_bundles());
                self.pending.add_staged_duplicate(names.name_of(path), DuplicateEntry { of, ..entry.clone() });
            }
        }
    }
}

/// Returns the report of a bundle.
fn ingested(bundle: Bundle) -> IngestedBundle {
    let name = bundle.name();
    match bundle.manifest.contents {
        Contents::Traces(traces) => IngestedBundle { name, traces, piece: None },
        Contents::Piece(trace, piece) => {
            IngestedBundle { name, traces: Vec::new(), piece: Some(BundledPiece { trace, entry: *piece }) }
        }
    }
}

/// The suffix of bundles that are indexed and being removed.
const INGESTED: &str = "-ingested";

/// Returns the bundles that are being moved, or were when their worker died. Removes those that an ingest was removing
/// when it died.
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

/// Removes an indexed bundle. Renames it first, so that a partly removed one is never taken for a bundle.
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
