//! Reads bundles completely before anything of them reaches an index.
//!
//! Anybody who can write to the shared directory may have put anything in a bundle, and hashes prove only that the
//! bytes are those that were hashed. So the bundle's SST files are ingested into a separate database in the writer's
//! scratch directory, and read there.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dft_codec::FileCounts;

use crate::column_families;
use crate::error::StoreError;
use crate::read::index::Index;
use crate::read::verify::entries::verify_bundle;
use crate::staging::bundle::Bundle;
use crate::staging::manifest::Contents;
use crate::threads::join;
use crate::write::generation::Publisher;
use crate::write::index_writer::IndexWriter;
use crate::write::sorter::Written;

/// The number of bundles read at once; this mostly waits for the disk.
const AT_ONCE: usize = 8;

impl IndexWriter {
    /// Returns for each bundle why it must not be ingested, if so.
    ///
    /// # Errors
    ///
    /// If that cannot be determined, whatever the bundles contain.
    pub(crate) fn refusals_of(&self, bundles: &[&Bundle]) -> Result<Vec<Option<StoreError>>, StoreError> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let workers = bundles.len().min(cores.max(2)).min(AT_ONCE);
        let threads = (cores / workers.max(1)).clamp(1, AT_ONCE);
        let next = AtomicUsize::new(0);
        let work = &|worker: usize| -> Result<Vec<_>, StoreError> {
            let mut refusals = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(bundle) = bundles.get(at) else { return Ok(refusals) };
                refusals.push((at, self.refusal_of(bundle, worker, threads)?));
            }
        };
        let parts = thread::scope(|scope| {
            let others: Vec<_> = (1..workers).map(|worker| scope.spawn(move || work(worker))).collect();
            let mut parts = vec![work(0)];
            parts.extend(others.into_iter().map(join));
            parts
        });
        let mut refusals: Vec<_> = bundles.iter().map(|_| None).collect();
        for part in parts {
            part?.into_iter().for_each(|(at, refusal)| refusals[at] = refusal);
        }
        Ok(refusals)
    }

    /// Returns why a bundle must not be ingested, if so. Checks that its bytes are those that were written, that its
    /// entries fit an index of this configuration, and that its contents match its manifest.
    ///
    /// # Errors
    ///
    /// If that cannot be determined, whatever the bundle contains.
    fn refusal_of(&self, bundle: &Bundle, worker: usize, threads: usize) -> Result<Option<StoreError>, StoreError> {
        if let Err(error) = bundle.check() {
            return Ok(Some(error));
        }
        let sorted = bundle.link(&self.scratch().join(format!("linked-{worker}")))?;
        let directory = self.scratch().join(format!("checked-{worker}"));
        let generation = Publisher { index: self.path().to_owned(), directory, base: None, current: None }.begin()?;
        if let Err(error) = generation.ingest(&sorted) {
            let is_of_the_system = match &error {
                StoreError::Rocks { source, .. } => source.kind() == rocksdb::ErrorKind::IOError,
                StoreError::Damaged { .. } => false,
                _ => true,
            };
            return if is_of_the_system { Err(error) } else { Ok(Some(refusal(bundle, error))) };
        }
        let (db, _place) = generation.into_entries();
        let manifest = &bundle.manifest;
        let index = Index::of_bundle(db, &bundle.path, manifest.config.clone(), manifest.bounds);
        Ok(check(&index, bundle, threads).err().map(|error| refusal(bundle, error)))
    }
}

/// Checks the contents of a bundle against its manifest.
///
/// # Errors
///
/// What is wrong with the bundle.
fn check(index: &Index, bundle: &Bundle, threads: usize) -> Result<(), StoreError> {
    let manifest = &bundle.manifest;
    let mut counts = FileCounts::default();
    match &manifest.contents {
        Contents::Traces(traces) => traces.iter().for_each(|(_, entry)| counts.add(&entry.counts)),
        Contents::Piece(_, piece) => counts.add(&piece.entry.counts),
    }
    let stored: Vec<_> =
        column_families::STAGED.iter().map(|family| Stored::of(index, family)).collect::<Result<_, _>>()?;
    let say = |family, what: Option<String>| match what {
        Some(what) => Err(index.damaged(&format!("its {family} {what}"))),
        None => Ok(()),
    };
    for (family, stored) in column_families::STAGED.iter().zip(&stored) {
        say(family, stored.hidden())?;
    }
    let found = verify_bundle(index, &counts, threads, |read| {
        let families = column_families::STAGED.iter().zip(&stored).zip(read);
        families.into_iter().try_for_each(|((family, stored), read)| say(family, stored.twice(read)))
    });
    if let Some(fault) = found.faults.into_iter().next() {
        return Err(fault);
    }
    let Written { rows, telemetry, series } = manifest.written;
    for (what, stated, there) in
        [("rows", rows, found.rows), ("telemetry rows", telemetry, found.telemetry), ("series", series, found.series)]
    {
        if stated != there {
            return Err(index.damaged(&format!("its manifest states {stated} {what}, but it has {there}")));
        }
    }
    Ok(())
}

/// What the SST files of a family contain, by their properties. This includes entries that no reader sees because they
/// hide or replace others with the same key.
struct Stored {
    entries: u64,
    merges: u64,
    deletions: u64,
}

impl Stored {
    fn of(index: &Index, family: &'static str) -> Result<Self, StoreError> {
        const PROPERTIES: &str = "rocksdb.aggregated-table-properties";
        let text = index
            .db
            .property_value_cf(index.family(family)?, PROPERTIES)
            .map_err(StoreError::rocks(index.path(), "read the bundle"))?
            .unwrap_or_default();
        let number = |name: &str| {
            let fields = text.split(';').filter_map(|field| field.trim().split_once('='));
            let found =
                fields.into_iter().find(|(key, _)| *key == name).and_then(|(_, value)| value.parse::<u64>().ok());
            found.ok_or_else(|| index.damaged(&format!("its {family} has no property {name:?}")))
        };
        let deletions = number("# deletions")?.saturating_add(number("# range deletions")?);
        Ok(Self { entries: number("# entries")?, merges: number("# merge operands")?, deletions })
    }

    /// Describes the entries that no reader sees, if there are any.
    fn hidden(&self) -> Option<String> {
        let Self { entries, merges, deletions } = *self;
        if deletions > 0 {
            Some(format!("entries delete others ({deletions})"))
        } else if merges != entries {
            Some(format!("entries replace others ({})", entries.abs_diff(merges)))
        } else {
            None
        }
    }

    /// Describes keys with several entries, if a reader saw fewer keys than there are entries.
    fn twice(&self, read: u64) -> Option<String> {
        (self.entries != read).then(|| format!("entries occur twice ({} with {read} keys)", self.entries))
    }
}

/// Returns an error of a bundle's database as one of the bundle.
fn refusal(bundle: &Bundle, error: StoreError) -> StoreError {
    let what = match error {
        StoreError::Damaged { what, .. } => what,
        StoreError::Entry { family, key, source, .. } => format!("{family} key {key}: {source}"),
        error => error.to_string(),
    };
    StoreError::Bundle { path: bundle.path.clone(), what }
}
