//! Counts of the lines of one file by kind, made while they are parsed.

use std::io;

use dft_codec::{FileCounts, Sample};
use dft_trace::{Clock, MalformedReason, Phase, Record, SourceSummary, TimeFault, TimeUnit, find_time_fault};

use crate::processes::{CountsBefore, ProcessCollector};
use crate::report::{MalformedLine, SHOWN, SkippedRecord};
use crate::sampling::sample;

/// What one thread saw of a file's lines, or, after [merging](Self::merge), all threads.
#[derive(Default)]
pub(crate) struct FileTally {
    /// How reading ended, set by the thread that read the file.
    pub(crate) end: Option<ReadEnd>,
    pub(crate) counts: FileCounts,
    /// The first malformed lines, in no order.
    pub(crate) malformed: Vec<MalformedLine>,
    /// The first record of unknown phase.
    pub(crate) skipped: Option<SkippedRecord>,
    /// The line of the first record with an impossible sum.
    pub(crate) inconsistent: Option<u64>,
    /// The first record that shows that times are in another unit.
    pub(crate) time_fault: Option<LineTimeFault>,
    pub(crate) processes: ProcessCollector,
    pub(crate) sample: Sample,
}

/// How reading a file ended.
pub(crate) enum ReadEnd {
    /// At its end. The clock is the one at the place where reading started.
    Complete(Box<SourceSummary>, Clock),
    Unreadable(io::Error),
    /// Before it began: the file may have the trace of another one, and its whole text must be compared first.
    Deferred,
    /// Before it began: the file is no longer what was read of it before.
    Changed,
}

/// A time fault and the line that shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineTimeFault {
    line: u64,
    pub(crate) fault: TimeFault,
}

impl LineTimeFault {
    /// The one of two faults that is reported.
    fn first(self, other: Self) -> Self {
        let (earlier, later) = if self.line <= other.line { (self, other) } else { (other, self) };
        if earlier.fault.first(later.fault) == earlier.fault { earlier } else { later }
    }
}

impl FileTally {
    /// Adds a record that was aggregated, or that is skipped for its phase. `before` is what was counted before it.
    #[inline]
    pub(crate) fn record(&mut self, line: u64, record: &Record<'_>, unit: TimeUnit, before: CountsBefore) {
        if record.phase == Phase::Unknown {
            self.skipped.get_or_insert_with(|| SkippedRecord::of(line, record));
        } else {
            self.processes.add(record, unit, before, &self.counts);
            sample(&mut self.sample, record);
            if let Some(fault) = find_time_fault(record, unit) {
                self.time_fault(LineTimeFault { line, fault });
            }
        }
        if self.counts.inconsistent > 0 {
            self.inconsistent.get_or_insert(line);
        }
    }

    #[cold]
    fn time_fault(&mut self, found: LineTimeFault) {
        self.time_fault = Some(self.time_fault.map_or(found, |known| known.first(found)));
    }

    /// Adds a malformed line.
    pub(crate) fn malformed(&mut self, line: u64, reason: MalformedReason) {
        self.counts.malformed += 1;
        // A thread gets the blocks of a file in order, so the first lines that it sees are the first ones.
        if self.malformed.len() < SHOWN {
            self.malformed.push(MalformedLine { line, reason: reason.0 });
        }
    }

    /// Adds what another thread saw of the same file.
    pub(crate) fn merge(&mut self, other: Self) {
        self.end = self.end.take().or(other.end);
        self.counts.add(&other.counts);
        self.malformed.extend(other.malformed);
        self.skipped = self.skipped.take().into_iter().chain(other.skipped).min();
        self.inconsistent = self.inconsistent.into_iter().chain(other.inconsistent).min();
        self.time_fault = self.time_fault.into_iter().chain(other.time_fault).reduce(LineTimeFault::first);
        self.processes.merge(other.processes);
        self.sample.merge(&other.sample);
    }
}
