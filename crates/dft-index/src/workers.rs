//! The threads of a build: files to tables.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender};
use dft_aggregate::{Aggregator, Config, Run, merge_into_one};
use dft_codec::{Bounds, FileCounts, Sample};
use dft_trace::{
    Block, BlockEnd, Clock, Line, MalformedReason, Parser, Phase, Record, ResumeError, SourceSummary, TimeFault,
    TimeUnit, TraceReader,
};

use crate::error::BuildError;
use crate::opening_filter::OpeningFilter;
use crate::options::BuildOptions;
use crate::plan::PlannedFile;
use crate::processes::{Before, ProcessCollector};
use crate::progress::Progress;
use crate::report::{MalformedLine, SHOWN, SkippedRecord};
use crate::sampling::sample;

/// A table is written out when it takes more than this, however small the budget, in bytes.
const LEAST_TABLE: usize = 256 << 10;

/// How much may be added to a table before its memory is looked at: records and their args. Each may cost it
/// some KB.
const LOOK: usize = 1024;

/// Runs that are merged into one, so that not too many files are open at the end.
const MERGED: usize = 32;

/// Blocks longer than this (their lines are) are not handed on: several would be held at once.
const LONG_BLOCK: usize = 4 << 20;

/// What the lines of a file were, as far as one thread, or all of them, saw them.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) counts: FileCounts,
    /// The first malformed lines, in no order.
    pub(crate) malformed: Vec<MalformedLine>,
    /// The first record of unknown phase.
    pub(crate) skipped: Option<SkippedRecord>,
    /// The line of the first record with a sum that cannot be.
    pub(crate) inconsistent: Option<u64>,
    /// The first record that shows that times are in another unit, with its line.
    pub(crate) time_fault: Option<(u64, TimeFault)>,
    pub(crate) processes: ProcessCollector,
    pub(crate) sample: Sample,
}

impl Tally {
    /// Sees a record that was aggregated, or is of none of the phases that are.
    #[inline]
    fn record(&mut self, line: u64, record: &Record<'_>, unit: TimeUnit, before: Before) {
        if record.phase == Phase::Unknown {
            self.skipped.get_or_insert_with(|| SkippedRecord::of(line, record));
        } else {
            self.processes.add(record, unit, before, &self.counts);
            sample(&mut self.sample, record);
            if let Some(fault) = TimeFault::of(record, unit) {
                self.time_fault((line, fault));
            }
        }
        if self.counts.inconsistent > 0 {
            self.inconsistent.get_or_insert(line);
        }
    }

    #[cold]
    fn time_fault(&mut self, found: (u64, TimeFault)) {
        self.time_fault = Some(self.time_fault.map_or(found, |other| first_time_fault(other, found)));
    }

    fn malformed(&mut self, line: u64, reason: MalformedReason) {
        self.counts.malformed += 1;
        // Blocks of a file come to a thread in their order, so the first ones seen are the first.
        if self.malformed.len() < SHOWN {
            self.malformed.push(MalformedLine { line, reason: reason.0 });
        }
    }
}

/// Which of two faults, each with its line, is named.
fn first_time_fault(one: (u64, TimeFault), other: (u64, TimeFault)) -> (u64, TimeFault) {
    let (before, after) = if one.0 <= other.0 { (one, other) } else { (other, one) };
    if before.1.first(after.1) == before.1 { before } else { after }
}

/// How reading a file ended.
pub(crate) enum FileEnd {
    /// To its end, from a place with a time unit in force.
    Read(Box<SourceSummary>, Clock),
    Unreadable(io::Error),
    /// Not at all: it may have the trace of another one.
    PutOff,
    /// It is no longer what was read of it before.
    Changed,
}

/// All that was read.
#[derive(Default)]
pub(crate) struct WorkerOutput {
    pub(crate) runs: Vec<Run>,
    pub(crate) bounds: Vec<Bounds>,
    /// By the file's place in the plan.
    pub(crate) tallies: HashMap<usize, Tally>,
    pub(crate) ends: HashMap<usize, FileEnd>,
    /// Tables that were written to disk.
    pub(crate) spilled: u64,
}

impl WorkerOutput {
    fn add(&mut self, other: Self) {
        self.runs.extend(other.runs);
        self.bounds.extend(other.bounds);
        for (file, tally) in other.tallies {
            let mine = self.tallies.entry(file).or_default();
            mine.counts.add(&tally.counts);
            mine.malformed.extend(tally.malformed);
            mine.skipped = mine.skipped.take().into_iter().chain(tally.skipped).min();
            mine.inconsistent = mine.inconsistent.into_iter().chain(tally.inconsistent).min();
            mine.time_fault = mine.time_fault.into_iter().chain(tally.time_fault).reduce(first_time_fault);
            mine.processes.merge(tally.processes);
            mine.sample.merge(&tally.sample);
        }
        self.ends.extend(other.ends);
        self.spilled += other.spilled;
    }
}

/// A block and the file that it is of.
struct Task {
    file: usize,
    block: Block,
}

/// What the threads share.
struct Shared<'a> {
    files: &'a [PlannedFile],
    opening_filter: &'a OpeningFilter,
    scratch: &'a Path,
    config: &'a Config,
    progress: &'a Progress,
    /// What one thread's table may take, in bytes.
    table: usize,
    next_file: AtomicUsize,
    next_run: AtomicUsize,
    /// Threads that have no file of their own left.
    helpers: AtomicUsize,
    stop: AtomicBool,
    failure: Mutex<Option<BuildError>>,
    tasks: Receiver<Task>,
    spare: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
}

impl Shared<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.progress.is_cancelled()
    }

    fn fail(&self, error: BuildError) {
        self.stop.store(true, Ordering::Relaxed);
        if let Ok(mut failure) = self.failure.lock() {
            failure.get_or_insert(error);
        }
    }

    fn run_path(&self) -> PathBuf {
        self.scratch.join(format!("run-{}", self.next_run.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Reads the files, on as many threads as asked for.
pub(crate) fn read_files(
    files: &[PlannedFile],
    opening_filter: &OpeningFilter,
    scratch: &Path,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<WorkerOutput, BuildError> {
    let threads = options.threads.max(1);
    let (sender, tasks) = crossbeam_channel::bounded(2 * threads);
    // Tables grow in steps, in which what grows is there twice.
    let table = usize::try_from(options.memory).unwrap_or(usize::MAX) / threads / 2;
    let shared = Shared {
        files,
        opening_filter,
        scratch,
        config,
        progress,
        table: table.max(LEAST_TABLE),
        next_file: AtomicUsize::new(0),
        next_run: AtomicUsize::new(0),
        helpers: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        failure: Mutex::new(None),
        tasks,
        spare: crossbeam_channel::unbounded(),
    };
    let mut read_files = WorkerOutput::default();
    thread::scope(|scope| {
        // Each thread has a sender as long as it reads files; when the last is gone, so is the work.
        let shared = &shared;
        let spawn = |sender| scope.spawn(move || Worker::new(shared).work(sender));
        let mut workers: Vec<_> = (1..threads).map(|_| spawn(sender.clone())).collect();
        workers.push(spawn(sender));
        for worker in workers {
            match worker.join() {
                Ok(Ok(part)) => read_files.add(part),
                Ok(Err(error)) => shared.fail(error),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    if progress.is_cancelled() {
        return Err(BuildError::Cancelled);
    }
    match shared.failure.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => Ok(read_files),
    }
}

/// One thread: its table, and what it knows of the files.
struct Worker<'a> {
    shared: &'a Shared<'a>,
    parser: Parser,
    table: Aggregator,
    /// Runs on disk: those of each level are each merged of [`MERGED`] of the one below.
    levels: Vec<Vec<Run>>,
    read_files: WorkerOutput,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>) -> Self {
        let table = Aggregator::new(shared.config);
        Self { shared, parser: Parser::new(), table, levels: Vec::new(), read_files: WorkerOutput::default() }
    }

    fn work(mut self, sender: Sender<Task>) -> Result<WorkerOutput, BuildError> {
        let result = self.read_files(&sender);
        drop(sender);
        if let Err(error) = result {
            // The others are told at once, not when this thread is joined.
            self.shared.fail(error);
        }
        self.shared.helpers.fetch_add(1, Ordering::Relaxed);
        // Also after a failure: whoever waits to hand on a block must not wait for ever.
        while let Ok(Task { file, block }) = self.shared.tasks.recv() {
            if !self.shared.stopped()
                && let Err(error) = self.parse(file, &block)
            {
                self.shared.fail(error);
            }
            let _ = self.shared.spare.0.send(block.text);
        }
        self.read_files.bounds.extend(self.table.bounds());
        self.read_files.runs.extend(self.levels.into_iter().flatten());
        if !self.shared.stopped() && !self.table.is_empty() {
            self.read_files.runs.push(self.table.into_run());
        }
        Ok(self.read_files)
    }

    fn read_files(&mut self, sender: &Sender<Task>) -> Result<(), BuildError> {
        let mut block = Block::default();
        loop {
            let at = self.shared.next_file.fetch_add(1, Ordering::Relaxed);
            let Some(file) = self.shared.files.get(at) else { return Ok(()) };
            let end = self.read_file(at, file, &mut block, sender).map_err(|source| match source {
                ReadError::Read(source) => BuildError::Read { path: file.path.clone(), source },
                ReadError::Build(error) => error,
            })?;
            let Some(end) = end else { return Ok(()) };
            if !matches!(end, FileEnd::PutOff) {
                self.shared.progress.add_file();
            }
            self.read_files.ends.insert(at, end);
        }
    }

    /// Reads a file to its end, in the memory of `block`; `None` where the build was stopped before.
    fn read_file(
        &mut self,
        at: usize,
        file: &PlannedFile,
        block: &mut Block,
        sender: &Sender<Task>,
    ) -> Result<Option<FileEnd>, ReadError> {
        let point = dft_io::failpoint("build:before a trace is opened").map_err(ResumeError::Io);
        let start = self.shared.config.clock();
        let opened = point.and_then(|()| match (&file.piece, &file.before) {
            (Some(piece), _) => open_piece(&file.path, piece, file.size, start),
            (None, None) => TraceReader::open_at(&file.path, start).map_err(ResumeError::Io),
            (None, Some(before)) if file.classified.is_some() => {
                TraceReader::take_over(&file.path, file.size, &before.consumed)
            }
            (None, Some(before)) => TraceReader::resume(&file.path, &before.head()),
        });
        let mut may_be_another = file.piece.is_none() && file.before.is_none() && file.classified.is_none();
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(ResumeError::Io(error)) => return Ok(Some(FileEnd::Unreadable(error))),
            Err(ResumeError::Changed) => return Ok(Some(FileEnd::Changed)),
        };
        let mut position = reader.position();
        let mut end = reader.start();
        let clock = end.clock;
        while reader.next_block(end, block).map_err(ReadError::Read)? {
            if self.shared.stopped() {
                return Ok(None);
            }
            if std::mem::take(&mut may_be_another) && !self.shared.opening_filter.takes(reader.first_bytes()) {
                return Ok(Some(FileEnd::PutOff));
            }
            self.shared.progress.add_bytes(reader.position() - position);
            position = reader.position();
            if self.shared.helpers.load(Ordering::Relaxed) > 0 && block.text.len() <= LONG_BLOCK {
                let text = self.shared.spare.1.try_recv().unwrap_or_default();
                let next = Block { text, ..Block::default() };
                let behind = block.end();
                match sender.try_send(Task { file: at, block: std::mem::replace(block, next) }) {
                    Ok(()) => {
                        end = behind;
                        continue;
                    }
                    // The helpers have enough to do, so this thread takes part.
                    Err(full) => {
                        let next = std::mem::replace(block, full.into_inner().block);
                        let _ = self.shared.spare.0.send(next.text);
                    }
                }
            }
            end = self.parse(at, block)?;
        }
        self.shared.progress.add_bytes(reader.position() - position);
        Ok(Some(FileEnd::Read(Box::new(reader.finish(end).map_err(ReadError::Read)?), clock)))
    }

    /// Adds a block's records to the table; where the block ends.
    fn parse(&mut self, file: usize, block: &Block) -> Result<BlockEnd, BuildError> {
        let Self { shared, parser, table, levels, read_files } = self;
        let WorkerOutput { tallies, spilled, .. } = read_files;
        let tally = tallies.entry(file).or_default();
        let before = tally.counts.records();
        let (mut unseen, mut failure) = (0, None);
        let end = parser.parse(&block.text, block.first_line, block.clock, |line| match line {
            Line::Record { record, clock, line } => {
                let before = Before::of(&tally.counts);
                match table.record(record, clock, &mut tally.counts) {
                    Ok(()) => tally.record(line, record, clock.unit, before),
                    Err(reason) => tally.malformed(line, reason),
                }
                unseen += 1 + record.args.len();
                if unseen >= LOOK {
                    unseen = 0;
                    if failure.is_none() && table.memory() > shared.table {
                        failure = spill(shared, table, levels, spilled).err();
                    }
                }
            }
            Line::Malformed { line, reason } => tally.malformed(line, reason),
        });
        shared.progress.add_records(tally.counts.records() - before);
        match failure {
            Some(error) => Err(error),
            None if table.memory() > shared.table => spill(shared, table, levels, spilled).map(|()| end),
            None => Ok(end),
        }
    }
}

/// Writes a table out, and merges runs where there are many. Counts what is `spilled`.
#[cold]
fn spill(
    shared: &Shared<'_>,
    table: &mut Aggregator,
    levels: &mut Vec<Vec<Run>>,
    spilled: &mut u64,
) -> Result<(), BuildError> {
    let mut run = table.spill(&shared.run_path())?;
    *spilled += 1;
    for level in 0.. {
        if levels.len() == level {
            levels.push(Vec::new());
        }
        let runs = &mut levels[level];
        runs.push(run);
        if runs.len() < MERGED {
            break;
        }
        run = merge_into_one(&std::mem::take(runs), &shared.run_path())?;
    }
    Ok(())
}

/// Opens a piece of a trace. The time unit at its start is taken to be the one that the first lines of the
/// file declare; where it is another, the piece before it will not chain to this one.
fn open_piece(path: &Path, piece: &Range<u64>, size: u64, start: Clock) -> Result<TraceReader, ResumeError> {
    let mut clock = start;
    if piece.start > 0 {
        let mut head = TraceReader::open_at(path, start)?;
        let mut block = Block::default();
        if head.next_block(head.start(), &mut block)? {
            clock = block.end().clock;
        }
    }
    TraceReader::open_piece(path, piece, size, clock)
}

/// Why a file is not read on.
enum ReadError {
    Read(io::Error),
    Build(BuildError),
}

impl From<BuildError> for ReadError {
    fn from(error: BuildError) -> Self {
        Self::Build(error)
    }
}
