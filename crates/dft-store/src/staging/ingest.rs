//! Ingest: adds the bundles of a shared directory to the index, in any order, each once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dft_aggregate::Config;
use dft_codec::{Bounds, DuplicateEntry};

use crate::error::StoreError;
use crate::read::same_traces::{DuplicateTrace, SharedProcesses};
use crate::staging::bundle::{Bundle, INCOMING, WHOLE, remove_bundle};
use crate::staging::ingest_report::{IngestReport, IngestedBundle};
use crate::staging::judge::{BundleVerdict, PieceBundle};
use crate::staging::manifest::Contents;
use crate::staging::pending_traces::PendingTraces;
use crate::trace_names::TraceNames;
use crate::write::index_writer::IndexWriter;

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
    /// [`StoreError`]; the index is then unchanged.
    pub fn ingest(&mut self, shared: &Path, keep: bool) -> Result<IngestReport, StoreError> {
        let no_lock = self.no_lock().cloned();
        let mut report = IngestReport { unfinished: unfinished(shared)?, no_lock, ..IngestReport::default() };
        let bundles = Bundle::list(shared)?;
        let mut pending = PendingTraces::of(self)?;
        let mut taken = Vec::new();
        let mut known = Vec::new();
        let mut pieces: BTreeMap<Vec<u8>, Vec<PieceBundle>> = BTreeMap::new();
        let mut refusals = self.refusals(&bundles, &pending)?;
        for (path, bundle) in bundles {
            let judged = bundle.and_then(|bundle| self.judge(&bundle, &pending).map(|verdict| (verdict, bundle)));
            match judged {
                Ok((BundleVerdict::New(traces), bundle)) => {
                    if let Some(error) = refusals.remove(&path) {
                        report.refused.push((path, error));
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
                Err(error) => report.refused.push((path, error)),
            }
        }
        for (name, pieces) in pieces {
            // The newest of several states of a file comes first.
            let mut states: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for piece in pieces {
                states.entry(std::cmp::Reverse(piece.state())).or_default().push(piece);
            }
            for pieces in states.into_values() {
                let judged = self.judge_pieces(&name, pieces, &pending, &mut report)?;
                match judged.entry {
                    Some((entry, None)) => pending.add(name.clone(), entry),
                    Some((entry, Some(of))) => pending.add_duplicate(name.clone(), entry, &of),
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
                pending.add_staged_duplicate(names.name_of(path), DuplicateEntry { of, ..entry.clone() });
            }
        }
        if !taken.is_empty() || !pending.is_empty() {
            if self.current()?.is_none() && pending.traces().all(|(_, entry)| entry.counts.understood() == 0) {
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
            let (files, changes) = pending.publish();
            let ids: Vec<_> = taken.iter().map(Bundle::id).collect();
            self.publish_sst_files(&sets, &files, &changes, bounds, &ids)?;
        }
        let names = self.names();
        report.duplicates = pending.duplicates().map(|(name, entry)| DuplicateTrace::new(names, name, entry)).collect();
        report.shared_processes = SharedProcesses::among(names, pending.traces());
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
