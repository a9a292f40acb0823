//! Records that tracers wrote, and that are in no trace.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use dft_codec::{FileEntry, ProcessFacts, ProcessKey};
use dft_store::{Index, StoreError};

/// Records of a process that were written, as its `end` record says, and not read.
///
/// The records of a process are counted over all traces at hand, for they may be spread over several; the fault is
/// that of the trace that has the `end` record. What the number of an `end` record means is said at
/// [`ProcessFacts::lost`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostRecords {
    /// The host's hash; empty where the records name none.
    pub host_hash: String,
    /// The process.
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
        f.write_str(" wrote, by its `end` record, are not in the traces")
    }
}

/// What was lost, by the trace that has the `end` record.
pub(crate) type LostByFile<'e> = HashMap<&'e [u8], Vec<LostRecords>>;

/// Finds what was lost among the records of some traces. Where they are not `all`, records of a process may be in
/// another trace, unless the process started in the one that it ended in.
pub(crate) fn find<'e>(entries: impl Iterator<Item = (&'e [u8], &'e FileEntry)> + Clone, all: bool) -> LostByFile<'e> {
    // Most processes are in one trace: no other is looked at twice.
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

/// What was lost among the traces of an index, by what they are called in it, in order of that.
///
/// # Errors
///
/// Where the index cannot be read.
pub fn lost_records(index: &Index) -> Result<BTreeMap<Vec<u8>, Vec<LostRecords>>, StoreError> {
    let files = index.files()?;
    let lost = find(files.iter().map(|(path, entry)| (path.as_slice(), entry)), true);
    Ok(lost.into_iter().map(|(path, lost)| (path.to_owned(), lost)).collect())
}
