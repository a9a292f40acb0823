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

/// Those facts of a process that tell how many records it lost. All facts take four times as much memory.
#[derive(Clone, Copy, Default)]
struct Counted {
    complete: u64,
    aggregated: u64,
    starts: u64,
    ends: u64,
    uncounted_ends: u64,
    num_events: Option<u128>,
}

impl Counted {
    fn of(facts: &ProcessFacts) -> Self {
        let ProcessFacts { complete, aggregated, starts, ends, uncounted_ends, num_events, .. } = *facts;
        Self { complete, aggregated, starts, ends, uncounted_ends, num_events }
    }

    fn facts(self) -> ProcessFacts {
        let Self { complete, aggregated, starts, ends, uncounted_ends, num_events } = self;
        let counted = ProcessFacts { complete, aggregated, starts, ends, ..ProcessFacts::default() };
        ProcessFacts { uncounted_ends, num_events, ..counted }
    }
}

/// Describes the lost records of a trace: the first few processes, and how many more there are.
pub fn describe_lost(lost: &[LostRecords]) -> Vec<String> {
    /// The maximum number of processes to describe one by one.
    const SHOWN: usize = 5;
    let mut texts: Vec<String> = lost.iter().take(SHOWN).map(LostRecords::to_string).collect();
    if let Some(more) = lost.get(SHOWN..).filter(|more| !more.is_empty()) {
        let records = more.iter().fold(0_u128, |all, lost| all.saturating_add(lost.lost));
        let processes = if more.len() == 1 { "process" } else { "processes" };
        texts.push(format!("lost: {records} records of {} more {processes}", more.len()));
    }
    texts
}

/// Lost records, by the name of the trace that has the `end` record.
pub(crate) type LostByFile<'e> = HashMap<&'e [u8], Vec<LostRecords>>;

/// Finds the lost records of some traces. If those are not `all` traces, only processes that start and end in one of
/// them are considered: other traces may have records of other processes.
pub(crate) fn find<'e>(entries: impl Iterator<Item = (&'e [u8], &'e FileEntry)> + Clone, all: bool) -> LostByFile<'e> {
    // The first pass collects processes with an `end` record. The second adds up their facts over all traces.
    let mut ended: BTreeMap<ProcessKey, (Counted, &[u8])> = BTreeMap::new();
    for (path, entry) in entries.clone() {
        for (key, facts) in entry.processes.iter().filter(|(_, facts)| facts.ends > 0) {
            if all || facts.starts > 0 {
                ended.entry(key).or_insert_with(|| (Counted::default(), path));
            }
        }
    }
    for (_, entry) in entries {
        if ended.is_empty() {
            break;
        }
        for (key, facts) in entry.processes.iter() {
            if let Some((whole, _)) = ended.get_mut(&key) {
                let mut facts = Counted::of(&facts).facts();
                facts.merge(whole.facts());
                *whole = Counted::of(&facts);
            }
        }
    }
    let mut lost: LostByFile<'e> = HashMap::new();
    for (ProcessKey { host_hash, pid }, (facts, path)) in ended {
        let number = facts.facts().lost();
        if number > 0 {
            let these = LostRecords { host_hash, pid, lost: number, written: number + u128::from(facts.complete) };
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
