//! Which bundles an ingest takes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dft_codec::{FileEntry, PieceEntry};

use crate::error::StoreError;
use crate::staging::bundle::{Bundle, ListedBundle};
use crate::staging::chain::{Chain, chain};
use crate::staging::ingest_report::{IngestReport, UnchainedTrace, WaitingTrace};
use crate::staging::manifest::Contents;
use crate::staging::pending_traces::{PendingTraces, TraceStatus};
use crate::write::index_writer::IndexWriter;

impl IndexWriter {
    /// Why bundles are refused for what is in them, by path, of those that would be taken in.
    pub(super) fn refusals(
        &self,
        bundles: &[ListedBundle],
        coming: &PendingTraces,
    ) -> Result<BTreeMap<PathBuf, StoreError>, StoreError> {
        let is_new = |bundle: &&Bundle| matches!(self.judge(bundle, coming), Ok(BundleVerdict::New(_)));
        let new: Vec<_> = bundles.iter().filter_map(|(_, bundle)| bundle.as_ref().ok()).filter(is_new).collect();
        let refusals = new.iter().map(|bundle| bundle.path.clone()).zip(self.refuses_each(&new)?);
        Ok(refusals.filter_map(|(path, refusal)| Some((path, refusal?))).collect())
    }

    /// Whether a bundle can be taken in, beside what is in the index and what was taken before it.
    pub(super) fn judge(&self, bundle: &Bundle, coming: &PendingTraces) -> Result<BundleVerdict, StoreError> {
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
            match coming.standing(&name, entry) {
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

    /// Judges the pieces of one state of a trace, which is called `name`. The report says of those that
    /// stay what they wait for, or why they are refused.
    pub(super) fn judge_pieces(
        &self,
        name: &[u8],
        mut pieces: Vec<PieceBundle>,
        coming: &PendingTraces,
        report: &mut IngestReport,
    ) -> Result<PieceVerdict, StoreError> {
        let mut judged = PieceVerdict::default();
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

/// What becomes of a bundle.
pub(super) enum BundleVerdict {
    /// None of its traces is in; under their names in the index.
    New(Vec<(Vec<u8>, FileEntry)>),
    /// All of them are; some as traces of the same text, with which they are here.
    Known(Vec<(Vec<u8>, FileEntry, Vec<u8>)>),
    /// It holds a piece of a trace, of a name in the index.
    Piece(Vec<u8>, PathBuf, Box<PieceEntry>),
}

/// A bundle of a piece of a trace.
pub(super) struct PieceBundle {
    pub(super) trace: PathBuf,
    pub(super) piece: Box<PieceEntry>,
    pub(super) bundle: Bundle,
}

impl PieceBundle {
    /// Which state of its file it is a piece of: its date and size.
    pub(super) fn state(&self) -> (i128, u64) {
        (self.piece.entry.modified_ns, self.piece.entry.size)
    }
}

/// What becomes of pieces of a trace.
#[derive(Default)]
pub(super) struct PieceVerdict {
    /// What is known of the trace by the pieces, and what another one of the same text is called that is there.
    pub(super) entry: Option<(FileEntry, Option<Vec<u8>>)>,
    pub(super) taken: Vec<Bundle>,
    /// Those that nobody needs, for the trace is in, or will be.
    pub(super) known: Vec<Bundle>,
}
