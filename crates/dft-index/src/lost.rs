//! Records that tracers wrote and that are in no trace.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use dft_codec::{FileEntry, ProcessFacts, ProcessKey};
use dft_store::{Index, StoreError};

/// Records of a process that were written according to its `end` record, and not read.
///
/// The records of a process are counted over all traces, because they may be spread over several. The fault belongs to
/// the trace that has the `end` record. [`ProcessFacts::lost`] describes what the number in an `end` record means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostRecords {
    /// The host's hash; empty if the records have none.
    pub host_hash: String,
    /// The process id.
    pub pid: i64,
    /// How many records were lost.
    pub lost: u128,
    /// How many complete records were written.
    pub written: u128,
}

impl fmt::Display for LostRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host_hash, pid, lost, written } = self;
        write!(f, "lost: {lost} of the {written} records that process {pid}")?;
        if !host_hash.is_empty() {
            write!(f, " of host {host_hash}")?;
        }
        f.write_str(" wrote according to its `end` record are not in the traces")
    }
}

/// Lost records, by the name of the trace that has the `end` record.
pub(crate) type LostByFile<'e> = HashMap<&'e [u8], Vec<LostRecords>>;

/// Finds the lost records of some traces. If those are not `all` traces, only processes that start and end in one of
/// them are considered: other traces may have records of other processes.
pub(crate) fn find<'e>(entries: impl Iterator<Item = (&'e [u8], &'e FileEntry)> + Clone, all: bool) -> LostByFile<'e> {
    // The first pass collects processes with an `end` record. The second adds up their facts over all traces.
    let mut ended: BTreeMap<&ProcessKey, (ProcessFacts, &[u8])> = BTreeMap::new();
    for (path, entry) in entries.clone() {
        for (key, facts) in entry.processes.iter().filter(|(_, facts)| facts.ends > 0) {
            if all || facts.starts > 0 {
                ended.entry(key).or_insert_with(|| (ProcessFacts::default(), path));
            }
        }
    }
    for (_, entry) in entries {
        for (key, facts) in entry.processes.iter() {
            if let Some((whole, _)) = ended.get_mut(key) {
                let ProcessFacts { complete, aggregated, starts, ends, uncounted_ends, num_events, .. } = *facts;
                let counted = ProcessFacts { complete, aggregated, starts, ends, ..ProcessFacts::default() };
                whole.merge(ProcessFacts { uncounted_ends, num_events, ..counted });
            }
        }
    }
    let mut lost: LostByFile<'e> = HashMap::new();
    for (ProcessKey { host_hash, pid }, (facts, path)) in ended {
        if facts.lost() > 0 {
            let written = facts.lost() + u128::from(facts.complete);
            let these = LostRecords { host_hash: host_hash.clone(), pid: *pid, lost: facts.lost(), written };
            lost.entry(path).or_default().push(these);
        }
    }
    lost
}

/// Returns the lost records of an index, by the name of the trace that has the `end` record.
///
/// # Errors
///
/// Returns a [`StoreError`] if the index cannot be read.
pub fn lost_records(index: &Index) -> Result<BTreeMap<Vec<u8>, Vec<LostRecords>>, StoreError> {
    let files = index.files()?;
    let lost = find(files.iter().map(|(path, entry)| (path.as_slice(), entry)), true);
    Ok(lost.into_iter().map(|(path, lost)| (path.to_owned(), lost)).collect())
}
