//! Decides which bundles to ingest.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dft_codec::{FileEntry, PieceEntry};

use crate::error::StoreError;
use crate::staging::bundle::{Bundle, ListedBundle};
use crate::staging::chain::{Chain, chain};
use crate::staging::ingest_report::{BundleFailure, IngestReport, UnchainedTrace, WaitingTrace};
use crate::staging::manifest::Contents;
use crate::staging::pending_traces::{PendingTraces, TraceStatus};
use crate::write::index_writer::IndexWriter;

impl IndexWriter {
    /// Reads the bundles that would be ingested. Returns why their contents are refused, by path.
    pub(super) fn refusals(
        &self,
        bundles: &[ListedBundle],
        pending: &PendingTraces,
    ) -> Result<BTreeMap<PathBuf, StoreError>, StoreError> {
        let is_new = |bundle: &&Bundle| matches!(self.judge(bundle, pending), Ok(BundleVerdict::New(_)));
        let new: Vec<_> = bundles.iter().filter_map(|(_, bundle)| bundle.as_ref().ok()).filter(is_new).collect();
        let refusals = new.iter().map(|bundle| bundle.path.clone()).zip(self.refusals_of(&new)?);
        Ok(refusals.filter_map(|(path, refusal)| Some((path, refusal?))).collect())
    }

    /// Decides what to do with a bundle, given the index and the bundles accepted before it.
    pub(super) fn judge(&self, bundle: &Bundle, pending: &PendingTraces) -> Result<BundleVerdict, StoreError> {
        let manifest = &bundle.manifest;
        if manifest.config != *self.config() {
            return Err(StoreError::BundleConfig {
                path: bundle.path.clone(),
                found: Box::new(manifest.config.clone()),
                wanted: Box::new(self.config().clone()),
            });
        }
        if self.current()?.map_or(Ok(false), |current| current.has_bundle(&bundle.id()))? {
            return Ok(BundleVerdict::Known(Vec::new()));
        }
        let names = self.names().clone().with_source(manifest.source.as_deref());
        let traces = match &manifest.contents {
            Contents::Traces(traces) => traces,
            Contents::Piece(path, piece) => {
                return Ok(BundleVerdict::Piece(names.name_of(path), path.clone(), piece.clone()));
            }
        };
        let (mut new, mut known, mut duplicates) = (Vec::new(), Vec::new(), Vec::new());
        for (path, entry) in traces {
            let name = names.name_of(path);
            match pending.status(&name, entry) {
                TraceStatus::New => new.push((name, entry.clone())),
                TraceStatus::Known => known.push(path),
                TraceStatus::Duplicate(of) => duplicates.push((name, entry.clone(), of)),
                TraceStatus::Changed => {
                    return Err(StoreError::BundleChanged { path: bundle.path.clone(), trace: path.clone() });
                }
            }
        }
        let Some((name, _)) = new.first() else { return Ok(BundleVerdict::Known(duplicates)) };
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
        Ok(BundleVerdict::New(new))
    }

    /// Decides what to do with the pieces of one state of the trace `name`. Reports what the pieces that stay wait for,
    /// or why they are refused.
    pub(super) fn judge_pieces(
        &self,
        name: &[u8],
        mut pieces: Vec<PieceBundle>,
        pending: &PendingTraces,
        report: &mut IngestReport,
    ) -> Result<PieceVerdict, StoreError> {
        let mut judged = PieceVerdict::default();
        loop {
            let Some(first) = pieces.first() else { return Ok(judged) };
            let (trace, state) = (first.trace.clone(), first.state());
            let entries: Vec<&PieceEntry> = pieces.iter().map(|piece| &*piece.piece).collect();
            let chain = chain(&entries);
            if let Some(there) = pending.get(name) {
                let whole = matches!(&chain, Chain::Whole(_, entry)
                    if there.identity.text == entry.identity.text);
                if whole || (there.modified_ns, there.size) == state {
                    judged.known = pieces.into_iter().map(|piece| piece.bundle).collect();
                } else {
                    report.refused.extend(pieces.into_iter().map(|PieceBundle { trace, bundle, .. }| {
                        let error = StoreError::BundleChanged { path: bundle.path.clone(), trace };
                        BundleFailure { bundle: bundle.path, error }
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
                Chain::Whole(_, entry) if matches!(pending.status(name, &entry), TraceStatus::Duplicate(_)) => {
                    if let TraceStatus::Duplicate(of) = pending.status(name, &entry) {
                        judged.entry = Some((*entry, Some(of)));
                    }
                    judged.known = pieces.into_iter().map(|piece| piece.bundle).collect();
                    return Ok(judged);
                }
                Chain::Whole(chain, entry) => {
                    let bundles: Vec<_> = chain.iter().map(|&at| &pieces[at].bundle).collect();
                    let refusals = self.refusals_of(&bundles)?;
                    let bad = chain.iter().zip(refusals).find_map(|(&at, refusal)| Some((at, refusal?)));
                    if let Some((at, error)) = bad {
                        // The other pieces may still make the file without it.
                        report.refused.push(BundleFailure { bundle: pieces.remove(at).bundle.path, error });
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

/// What to do with a bundle.
pub(super) enum BundleVerdict {
    /// None of its traces is indexed; they are listed by name.
    New(Vec<(Vec<u8>, FileEntry)>),
    /// All of its traces are indexed; those with the text of another trace are listed with that trace's name.
    Known(Vec<(Vec<u8>, FileEntry, Vec<u8>)>),
    /// It holds a piece of a trace; the name in the index, the path and the piece.
    Piece(Vec<u8>, PathBuf, Box<PieceEntry>),
}

/// A bundle that holds a piece of a trace.
pub(super) struct PieceBundle {
    pub(super) trace: PathBuf,
    pub(super) piece: Box<PieceEntry>,
    pub(super) bundle: Bundle,
}

impl PieceBundle {
    /// Returns the state of the file that the piece is from: its modification time and size.
    pub(super) fn state(&self) -> (i128, u64) {
        (self.piece.entry.modified_ns, self.piece.entry.size)
    }
}

/// What to do with the pieces of a trace.
#[derive(Default)]
pub(super) struct PieceVerdict {
    /// The trace that the pieces make, and the name of an indexed trace with the same text, if there is one.
    pub(super) entry: Option<(FileEntry, Option<Vec<u8>>)>,
    pub(super) taken: Vec<Bundle>,
    /// Pieces that are not needed, because the trace is or will be indexed.
    pub(super) known: Vec<Bundle>,
}
