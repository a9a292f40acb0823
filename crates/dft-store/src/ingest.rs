//! Ingest: bundles of a shared directory into the index, in any order, each once.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use dft_aggregate::Config;
use dft_codec::{Bounds, FileEntry};

use crate::bundle::{Bundle, INCOMING, WHOLE};
use crate::error::StoreError;
use crate::event_aggregator::EventAggregator;
use crate::publish::Description;
use crate::sorted::Written;

/// A bundle that was taken in, or was in already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestedBundle {
    /// Its name.
    pub name: String,
    /// The traces that it was made of, by path, and what was read of each.
    pub traces: Vec<(PathBuf, FileEntry)>,
}

/// What an ingest did.
#[derive(Debug, Default)]
pub struct IngestReport {
    /// The bundles that were taken in, by name.
    pub taken: Vec<IngestedBundle>,
    /// The bundles whose traces were all in.
    pub known: Vec<IngestedBundle>,
    /// The bundles that were left where they are, and why.
    pub refused: Vec<(PathBuf, StoreError)>,
    /// Bundles that are in, but could not be removed, and why.
    pub not_removed: Vec<(PathBuf, StoreError)>,
    /// Bundles that are on their way, or were when their worker died.
    pub unfinished: Vec<PathBuf>,
    /// What was in the bundles that were taken in.
    pub written: Written,
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

impl EventAggregator {
    /// Takes in the bundles of a shared directory that are not in yet: all of them at once, or, where
    /// that fails or the process dies, none. A bundle that cannot be taken in is left where it is, and
    /// said to be; the others are removed, unless `keep`.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the index is then what it was.
    pub fn ingest(&mut self, shared: &Path, keep: bool) -> Result<IngestReport, StoreError> {
        let mut report = IngestReport { unfinished: unfinished(shared)?, ..IngestReport::default() };
        let bundles = Bundle::list(shared)?;
        let mut taken = Vec::new();
        let mut files: BTreeMap<Vec<u8>, FileEntry> = BTreeMap::new();
        let mut known = Vec::new();
        for (path, bundle) in bundles {
            let judged = bundle.and_then(|bundle| self.judge(&bundle, &files).map(|verdict| (verdict, bundle)));
            match judged {
                Ok((Verdict::New(traces), bundle)) => {
                    files.extend(traces);
                    taken.push(bundle);
                }
                Ok((Verdict::Known, bundle)) => known.push(bundle),
                Err(error) => report.refused.push((path, error)),
            }
        }
        if !taken.is_empty() {
            let mut sets = Vec::new();
            let mut bounds: Option<Bounds> = None;
            for bundle in &taken {
                let folder = self.scratch().join(bundle.name());
                let sorted = bundle.link(&folder)?;
                report.written += sorted.written;
                sets.push(sorted);
                bounds = bounds.into_iter().chain(bundle.manifest.bounds).reduce(Bounds::union);
            }
            let files: Vec<_> = files.into_iter().collect();
            let ids: Vec<_> = taken.iter().map(Bundle::id).collect();
            let config = self.config().clone();
            self.put_in_force(&sets, &Description { files: &files, bounds, bundles: &ids, config: &config })?;
        }
        if !keep {
            for bundle in taken.iter().chain(&known) {
                if let Err(error) = remove(shared, bundle) {
                    report.not_removed.push((bundle.path.clone(), error));
                }
            }
        }
        let describe = |bundle: Bundle| IngestedBundle { name: bundle.name(), traces: bundle.manifest.traces };
        report.taken = taken.into_iter().map(describe).collect();
        report.known = known.into_iter().map(describe).collect();
        Ok(report)
    }

    /// Whether a bundle can be taken in, beside what is in the index and what was taken before it.
    fn judge(&self, bundle: &Bundle, before: &BTreeMap<Vec<u8>, FileEntry>) -> Result<Verdict, StoreError> {
        let manifest = &bundle.manifest;
        if manifest.config != *self.config() {
            return Err(StoreError::BundleConfig {
                path: bundle.path.clone(),
                found: Box::new(manifest.config.clone()),
                wanted: Box::new(self.config().clone()),
            });
        }
        if self.current().map_or(Ok(false), |current| current.has_bundle(&bundle.id()))? {
            return Ok(Verdict::Known);
        }
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for (path, entry) in &manifest.traces {
            let name = self.name_of(path);
            let there = match before.get(&name) {
                Some(entry) => Some(entry.clone()),
                None => self.file(&name)?,
            };
            match there {
                None => new.push((name, entry.clone())),
                Some(there) if (there.size, there.fingerprint) == (entry.size, entry.fingerprint) => known.push(path),
                Some(_) => {
                    return Err(StoreError::BundleChanged { path: bundle.path.clone(), trace: path.clone() });
                }
            }
        }
        match (new.first(), known.first()) {
            (None, _) => Ok(Verdict::Known),
            (Some(_), None) => {
                bundle.check()?;
                Ok(Verdict::New(new))
            }
            (Some((name, _)), Some(trace)) => Err(StoreError::BundleOverlaps {
                path: bundle.path.clone(),
                trace: (*trace).clone(),
                more: known.len() - 1,
                new: PathBuf::from(OsStr::from_bytes(name)),
            }),
        }
    }
}

enum Verdict {
    /// None of its traces is in; under their names in the index.
    New(Vec<(Vec<u8>, FileEntry)>),
    /// All of them are.
    Known,
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
            let _ = fs::remove_dir_all(entry.path());
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
    let away = shared.join(format!("{INCOMING}{id}{INGESTED}"));
    dft_io::point("ingest:before a bundle is removed").map_err(StoreError::io(&bundle.path))?;
    fs::rename(&bundle.path, &away).map_err(StoreError::io(&bundle.path))?;
    dft_io::point("ingest:while a bundle is removed").map_err(StoreError::io(&away))?;
    fs::remove_dir_all(&away).map_err(StoreError::io(&away))
}
