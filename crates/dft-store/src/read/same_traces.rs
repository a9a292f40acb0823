//! Traces that exist twice: files with the same text, and records that two traces share.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use dft_codec::{DuplicateEntry, FileEntry, SampledRecord};
use dft_io::Show;

use crate::trace_names::TraceNames;

/// A file with the text of a trace that is already counted. None of its records is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuplicateTrace {
    /// The file.
    pub trace: String,
    /// The trace that is counted.
    pub of: String,
    /// Whether the file has only the start of the text, so that it may still be being compressed.
    pub unfinished: bool,
}

impl DuplicateTrace {
    /// Returns a duplicate in an index, by its name.
    pub fn new(names: &TraceNames, name: &[u8], entry: &DuplicateEntry) -> Self {
        Self { trace: names.place_of(name), of: names.place_of(&entry.of), unfinished: entry.unfinished }
    }

    /// Returns a description.
    pub fn what(&self) -> String {
        if self.unfinished {
            format!("a truncated copy of {}: none of it is counted; it may still be being written", self.of.shown())
        } else {
            format!("a duplicate of {}, which has the same text: none of it is counted", self.of.shown())
        }
    }
}

impl fmt::Display for DuplicateTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.trace.shown(), self.what())
    }
}

/// Two traces that share records of some processes. Both are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedProcesses {
    /// One trace.
    pub trace: String,
    /// The other.
    pub other: String,
    /// The processes of the shared records that were found; there may be more.
    pub pids: BTreeSet<i64>,
}

impl SharedProcesses {
    /// Returns the pairs among traces of an index, by name. Each trace is paired with the first one that it shares a
    /// process with.
    pub fn among<'a>(names: &TraceNames, traces: impl Iterator<Item = (&'a Vec<u8>, &'a FileEntry)>) -> Vec<Self> {
        let traces: Vec<_> = traces.collect();
        let mut owners: HashMap<&SampledRecord, usize> = HashMap::new();
        let mut pairs: BTreeMap<(usize, usize), BTreeSet<i64>> = BTreeMap::new();
        for (at, (_, entry)) in traces.iter().enumerate() {
            for record in entry.identity.sample.records() {
                let first = *owners.entry(record).or_insert(at);
                if first != at {
                    pairs.entry((first, at)).or_default().insert(record.pid);
                }
            }
        }
        let place = |at: usize| names.place_of(traces[at].0);
        pairs.into_iter().map(|((first, at), pids)| Self { trace: place(at), other: place(first), pids }).collect()
    }

    /// Returns a description.
    pub fn what(&self) -> String {
        /// How many processes to list.
        const SHOWN: usize = 5;
        let shown: Vec<String> = self.pids.iter().take(SHOWN).map(i64::to_string).collect();
        let more = if self.pids.len() > SHOWN { " and more" } else { "" };
        let (processes, those) =
            if self.pids.len() == 1 { ("process", "this process is") } else { ("processes", "these processes are") };
        format!(
            "it shares records of {processes} {}{more} with {}: both are counted, so {those} likely counted twice",
            shown.join(", "),
            self.other.shown()
        )
    }
}

impl fmt::Display for SharedProcesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.trace.shown(), self.what())
    }
}

/// Returns whether a path certainly has no file any more.
pub fn is_gone(path: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(std::fs::metadata(path), Err(error) if matches!(error.kind(), NotFound | NotADirectory))
}

#[cfg(test)]
mod tests {
    use dft_codec::FileCounts;
    use dft_trace::Consumed;

    use super::*;

    #[test]
    fn traces_that_share_a_record_share_its_process() {
        let trace = |name: &str, records: &[(u64, u32, i64)]| {
            let mut entry = FileEntry {
                size: 1,
                modified_ns: 1,
                fingerprint: 1,
                consumed: Consumed::NOTHING,
                counts: FileCounts::default(),
                fault: None,
                time_fault: None,
                processes: Default::default(),
                identity: Default::default(),
            };
            records.iter().for_each(|&(rank, check, pid)| entry.identity.sample.add(rank, pid, || check));
            (name.as_bytes().to_vec(), entry)
        };
        let traces = [
            trace("a", &[(1, 1, 7), (2, 1, 7), (3, 1, 8)]),
            trace("b", &[(1, 2, 7), (2, 1, 9)]),
            trace("c", &[(2, 1, 7), (3, 1, 8)]),
        ];
        let names = TraceNames::of_bundles();
        let shared = SharedProcesses::among(&names, traces.iter().map(|(name, entry)| (name, entry)));
        let pids = BTreeSet::from([7, 8]);
        assert_eq!(shared, [SharedProcesses { trace: "c".into(), other: "a".into(), pids }]);
    }
}
