//! The processes whose records a trace has.

use std::collections::BTreeSet;

use dft_trace::{Integer, Phase, Record};

/// The processes whose records a trace has.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    pub(crate) seen: BTreeSet<i64>,
    /// That of the last record, for most traces are of one.
    last: Option<i64>,
}

impl Processes {
    /// Adds the process of a record that was aggregated. Metadata is of no process.
    #[inline]
    pub(crate) fn add(&mut self, record: &Record<'_>) {
        if matches!(record.phase, Phase::Unknown | Phase::Metadata) {
            return;
        }
        let pid = match record.pid.integer() {
            Integer::Some(pid) => pid,
            Integer::None => 0,
            // That of a reading, which is of a host: of others it is malformed.
            Integer::OutOfRange => return,
        };
        if self.last != Some(pid) {
            self.last = Some(pid);
            self.seen.insert(pid);
        }
    }
}
