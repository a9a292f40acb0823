//! Aggregates records one by one, without a trace, for use inside a tracer.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use dft_aggregate::{Aggregator, Config, Run};
use dft_codec::{Bounds, FileCounts, FileEntry, Identity};
use dft_io::WorkDirectory;
use dft_store::{Batch, Index, IndexWriter, StoreError, Written};
use dft_trace::{Clock, Consumed, Line, MalformedReason, Parser, Phase, Record, TimeFault, find_time_fault};

use crate::error::BuildError;
use crate::processes::{CountsBefore, ProcessCollector};
use crate::report::{MalformedLine, SkippedRecord};

/// How many records are added between two checks of the table's memory.
const CHECK_INTERVAL: u32 = 4096;

/// The prefix of the names of aggregators' work directories.
const LIVE: &str = "dft-live-";

/// Creates a work directory in `parent`, which is created if necessary. Removes what dead processes left there.
fn work_directory(parent: &Path) -> Result<WorkDirectory, BuildError> {
    let make = || -> io::Result<WorkDirectory> {
        dft_io::create_directory(parent)?;
        dft_io::sweep_work_directories(parent, LIVE)?;
        WorkDirectory::create(parent, LIVE)
    };
    make().map_err(|source| BuildError::Scratch { path: parent.to_owned(), source })
}

/// The result of adding lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinesAdded {
    /// Lines that are records.
    pub records: u64,
    /// Lines that are malformed.
    pub malformed: u64,
    /// The first malformed line; lines are counted from 1.
    pub first_malformed: Option<MalformedLine>,
    /// Records of unknown phase, which are in no row.
    pub skipped: u64,
    /// The first record of unknown phase.
    pub first_skipped: Option<SkippedRecord>,
}

/// An aggregator of records that arrive one by one. It is for one thread. The aggregators of several threads can be
/// [merged](LiveAggregator::merge) in any order, with the same result.
pub struct LiveAggregator {
    config: Config,
    table: Aggregator,
    parser: Parser,
    counts: FileCounts,
    time_fault: Option<TimeFault>,
    processes: ProcessCollector,
    runs: Vec<Run>,
    bounds: Option<Bounds>,
    /// The memory budget of the table, in bytes.
    memory: usize,
    until_check: u32,
    spilled: u64,
    scratch_parent: PathBuf,
    scratch: Vec<WorkDirectory>,
}

impl LiveAggregator {
    /// Creates an aggregator whose table may take `memory` bytes. A larger table is written to a directory in
    /// `scratch`, which is created when it is needed and removed with the aggregator. The tables of merged aggregators
    /// stay in memory in addition, until all is published.
    ///
    /// # Errors
    ///
    /// Returns [`BuildError::Config`] if the configuration is invalid.
    pub fn new(config: &Config, memory: u64, scratch: &Path) -> Result<Self, BuildError> {
        config.check()?;
        Ok(Self {
            config: config.clone(),
            table: Aggregator::new(config),
            parser: Parser::new(),
            counts: FileCounts::default(),
            time_fault: None,
            processes: ProcessCollector::default(),
            runs: Vec::new(),
            bounds: None,
            memory: usize::try_from(memory).unwrap_or(usize::MAX),
            until_check: CHECK_INTERVAL,
            spilled: 0,
            scratch_parent: scratch.to_owned(),
            scratch: Vec::new(),
        })
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the counts of the records that were added.
    pub fn counts(&self) -> &FileCounts {
        &self.counts
    }

    /// Returns the memory of the table, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.table.memory()
    }

    /// Whether nothing was added since the last publication.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty() && self.runs.is_empty() && self.counts == FileCounts::default()
    }

    /// Writes the table to the scratch directory, if there is anything in it.
    pub(crate) fn write_out(&mut self) -> Result<(), BuildError> {
        if self.table.is_empty() { Ok(()) } else { self.spill() }
    }

    /// Adds a record, whose times are in µs.
    ///
    /// # Errors
    ///
    /// Returns [`BuildError::Malformed`] if the record is malformed. It is counted as malformed, and is in no row.
    /// Other errors mean that the table cannot be written out; then the record is not added.
    #[inline]
    pub fn record(&mut self, record: &Record<'_>) -> Result<(), BuildError> {
        // Args take memory too.
        self.until_check = self.until_check.saturating_sub(record.args.len() as u32).max(1);
        self.make_room()?;
        let before = CountsBefore::of(&self.counts);
        if let Err(MalformedReason(reason)) = self.table.record(record, Clock::default(), &mut self.counts) {
            self.counts.malformed += 1;
            return Err(BuildError::Malformed(reason));
        }
        self.processes.add(record, Clock::default().unit, before, &self.counts);
        Ok(())
    }

    /// Adds records as lines of JSON, like those of a trace. Their times are in the unit that the lines declare; before
    /// such a line, in the unit of the configuration, or µs. A malformed line is counted, and is in no row.
    ///
    /// # Errors
    ///
    /// Returns a [`BuildError`] if the table cannot be written out. Then no line is added.
    pub fn lines(&mut self, text: &[u8]) -> Result<LinesAdded, BuildError> {
        self.until_check = 1;
        self.make_room()?;
        let mut added = LinesAdded::default();
        let Self { config, parser, table, counts, processes, time_fault, .. } = self;
        parser.parse(text, 1, config.clock(), |line| {
            let (line, reason) = match line {
                Line::Record { record, clock, line } => {
                    let before = CountsBefore::of(counts);
                    match table.record(record, clock, counts) {
                        Ok(()) => {
                            processes.add(record, clock.unit, before, counts);
                            if let Some(fault) = find_time_fault(record, clock.unit) {
                                *time_fault = Some(time_fault.map_or(fault, |first| first.first(fault)));
                            }
                            added.records += 1;
                            if record.phase == Phase::Unknown {
                                added.skipped += 1;
                                added.first_skipped.get_or_insert_with(|| SkippedRecord::of(line, record));
                            }
                            return;
                        }
                        Err(reason) => (line, reason),
                    }
                }
                Line::Malformed { line, reason } => (line, reason),
            };
            counts.malformed += 1;
            added.malformed += 1;
            added.first_malformed.get_or_insert(MalformedLine { line, reason: reason.0 });
        });
        self.until_check = 1;
        Ok(added)
    }

    /// Makes room before records are added, so that nothing is added if that fails.
    #[inline]
    fn make_room(&mut self) -> Result<(), BuildError> {
        self.until_check -= 1;
        if self.until_check > 0 {
            return Ok(());
        }
        self.until_check = CHECK_INTERVAL;
        if self.table.memory() > self.memory && !self.table.is_empty() { self.spill() } else { Ok(()) }
    }

    #[cold]
    fn spill(&mut self) -> Result<(), BuildError> {
        if self.scratch.is_empty() {
            self.scratch.push(work_directory(&self.scratch_parent)?);
        }
        let path = self.scratch[0].path().join(format!("run-{}", self.spilled));
        self.spilled += 1;
        self.runs.push(self.table.spill(&path)?);
        Ok(())
    }

    /// Moves all that another aggregator holds into this one.
    ///
    /// # Errors
    ///
    /// Returns [`BuildError::OtherConfig`] if the other one has another configuration.
    pub fn merge(&mut self, other: &mut Self) -> Result<(), BuildError> {
        if self.config != other.config {
            return Err(BuildError::OtherConfig {
                mine: Box::new(self.config.clone()),
                other: Box::new(other.config.clone()),
            });
        }
        other.seal();
        self.runs.append(&mut other.runs);
        self.scratch.append(&mut other.scratch);
        self.bounds = self.bounds.into_iter().chain(other.bounds.take()).reduce(Bounds::union);
        self.counts.add(&std::mem::take(&mut other.counts));
        self.time_fault = self.time_fault.into_iter().chain(other.time_fault.take()).reduce(TimeFault::first);
        self.processes.merge(std::mem::take(&mut other.processes));
        Ok(())
    }

    /// Turns the table into a run.
    fn seal(&mut self) {
        let table = std::mem::replace(&mut self.table, Aggregator::new(&self.config));
        self.bounds = self.bounds.into_iter().chain(table.bounds()).reduce(Bounds::union);
        if !table.is_empty() {
            self.runs.push(table.into_run());
        }
    }

    /// Adds all that was aggregated to the index in a directory, in one step, under the name of a `source`, such as a
    /// host and a rank. The aggregator is empty then. An index accepts each source once.
    ///
    /// # Errors
    ///
    /// Returns [`BuildError::SourceKnown`] if the index has the source already, and other errors if the index cannot be
    /// written. The index and the aggregator are unchanged then, except after [`StoreError::Committed`], which means
    /// that all was added.
    pub fn publish(&mut self, index: &Path, source: &str, threads: usize) -> Result<Written, BuildError> {
        /// How often to try if other writers publish first. These rows exist nowhere else, so one failure is not final.
        const TRIES: u32 = 10;
        let mut tries = 1;
        loop {
            match self.try_publish(index, source, threads) {
                Err(BuildError::Store(StoreError::Changed(_))) if tries < TRIES => tries += 1,
                result => return result,
            }
        }
    }

    fn try_publish(&mut self, index: &Path, source: &str, threads: usize) -> Result<Written, BuildError> {
        let mut aggregator = IndexWriter::open(index, &self.config, false)?;
        let name = format!("live:{source}").into_bytes();
        if aggregator.file(&name)?.is_some() {
            return Err(BuildError::SourceKnown { index: index.to_owned(), source_name: source.to_owned() });
        }
        self.seal();
        // Rows, counts and facts are taken and, after a failure, restored together.
        let (counts, bounds) = (std::mem::take(&mut self.counts), self.bounds.take());
        let time_fault = self.time_fault.take();
        let processes = std::mem::take(&mut self.processes).finish();
        let (size, modified_ns, fingerprint) = (0, 0, 0);
        let entry = FileEntry {
            size,
            modified_ns,
            fingerprint,
            consumed: Consumed::NOTHING,
            counts,
            fault: None,
            time_fault,
            processes: processes.clone(),
            identity: Identity::default(),
        };
        let batch =
            Batch { runs: std::mem::take(&mut self.runs), files: vec![(name, entry)], bounds, ..Batch::default() };
        let published = aggregator.publish(&batch, threads);
        // A committed generation holds everything, whatever failed after it.
        if matches!(&published, Err(error) if !matches!(error, StoreError::Committed { .. })) {
            (self.runs, self.counts, self.bounds) = (batch.runs, counts, bounds);
            self.time_fault = time_fault;
            self.processes = processes.into();
        }
        Ok(published?)
    }

    /// Writes all that was aggregated to an index that is removed when it is dropped.
    ///
    /// # Errors
    ///
    /// Returns a [`BuildError`] if the index cannot be written.
    pub fn into_index(mut self, threads: usize) -> Result<TemporaryIndex, BuildError> {
        let scratch = work_directory(&self.scratch_parent)?;
        let path = scratch.path().join("index");
        self.publish(&path, "memory", threads)?;
        Ok(TemporaryIndex { index: Index::open(&path)?, _scratch: scratch })
    }
}

impl fmt::Debug for LiveAggregator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, counts, bounds, spilled, .. } = self;
        let mut text = f.debug_struct("LiveAggregator");
        text.field("config", config).field("counts", counts).field("bounds", bounds).field("spilled", spilled);
        text.finish_non_exhaustive()
    }
}

/// An index that is removed when it is dropped.
pub struct TemporaryIndex {
    index: Index,
    _scratch: WorkDirectory,
}

impl fmt::Debug for TemporaryIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporaryIndex").field("path", &self.index.path()).finish_non_exhaustive()
    }
}

impl std::ops::Deref for TemporaryIndex {
    type Target = Index;

    fn deref(&self) -> &Index {
        &self.index
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use dft_store::{RowQuery, verify};

    use super::*;

    fn lines(from: u64, to: u64) -> String {
        let line = |at: u64| {
            format!(
                "{{\"name\":\"f{}\",\"cat\":\"posix\",\"pid\":1,\"tid\":1,\"ts\":{},\"dur\":{},\"ph\":\"X\",\"args\":{{}}}}\n",
                at % 7,
                at * 1_000,
                at % 50
            )
        };
        (from..to).map(line).collect()
    }

    fn rows(index: &Index) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut all = Vec::new();
        for kind in dft_codec::SeriesKind::ALL {
            let mut scan = index.rows(RowQuery::kind(kind)).expect("a scan");
            while let Some((key, value)) = scan.next().expect("a row") {
                all.push((key.encode().to_vec(), value.to_vec()));
            }
        }
        all
    }

    #[test]
    fn merged_and_spilled_aggregators_give_the_rows_of_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { interval_us: 10_000, ..Config::default() };
        let new = |memory| LiveAggregator::new(&config, memory, folder.path()).expect("made");
        let mut whole = new(1 << 30);
        whole.lines(lines(0, 9_000).as_bytes()).expect("added");
        let mut parts: Vec<_> = (0..3).map(|_| new(1)).collect();
        for (at, part) in parts.iter_mut().enumerate() {
            let from = at as u64 * 3_000;
            for step in 0..3 {
                let text = lines(from + step * 1_000, from + (step + 1) * 1_000);
                assert_eq!(part.lines(text.as_bytes()).expect("added").records, 1_000);
            }
            assert_eq!(part.runs.len(), 2, "each table but the last was written out");
        }
        let mut first = parts.remove(0);
        for mut part in parts {
            first.merge(&mut part).expect("merged");
            assert_eq!(part.counts(), &FileCounts::default());
        }
        assert_eq!(first.counts(), whole.counts());
        let (whole, first) = (whole.into_index(2).expect("an index"), first.into_index(2).expect("an index"));
        assert_eq!(rows(&whole), rows(&first));
        assert_eq!(whole.bounds(), first.bounds());
        assert!(verify(first.path()).expect("read").is_sound());
        drop((whole, first));
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0, "nothing is left");
    }

    #[test]
    fn a_source_is_accepted_once_and_malformed_lines_are_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path().join("index");
        let new = || LiveAggregator::new(&Config::default(), 1 << 20, folder.path()).expect("made");
        let mut live = new();
        let added = live.lines(b"{\"ts\":5,\"ph\":1}\noops\n{\"ts\":-1,\"ph\":1}\n").expect("added");
        assert_eq!((added.records, added.malformed), (1, 2));
        assert_eq!(added.first_malformed.map(|malformed| malformed.line), Some(2));
        live.publish(&index, "rank 0", 1).expect("published");
        live.lines(b"{\"ts\":5,\"ph\":1}").expect("added");
        let known = live.publish(&index, "rank 0", 1);
        assert!(matches!(known, Err(BuildError::SourceKnown { .. })));
        live.publish(&index, "rank 1", 1).expect("refused rows are still there");
        assert_eq!(live.publish(&index, "rank 2", 1).expect("published").rows, 0);
        assert!(verify(&index).expect("read").is_sound());
        let other = Config { interval_us: 5, ..Config::default() };
        let mut other = LiveAggregator::new(&other, 1, folder.path()).expect("made");
        assert!(matches!(new().merge(&mut other), Err(BuildError::OtherConfig { .. })));
    }

    #[test]
    fn a_table_that_cannot_be_written_out_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let nowhere = folder.path().join("file");
        fs::write(&nowhere, "no directory").expect("written");
        let mut live = LiveAggregator::new(&Config::default(), 1, &nowhere).expect("made");
        live.lines(lines(0, 100).as_bytes()).expect("added");
        assert!(live.lines(lines(100, 200).as_bytes()).is_err(), "there is no room for more");
        assert_eq!(live.counts().events, 100, "nothing more was added");
        live.publish(&folder.path().join("index"), "it", 1).expect("published");
        assert!(verify(&folder.path().join("index")).expect("read").is_sound());
    }
}
