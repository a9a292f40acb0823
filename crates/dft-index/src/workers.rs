//! The threads that read files into tables.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender};
use dft_aggregate::Config;
use dft_io::account::{self, Chain, Stage};
use dft_trace::{Block, BlockEnd, Clock, Line, Parser, ResumeError, TraceReader};

use crate::error::BuildError;
use crate::opening_filter::OpeningFilter;
use crate::plan::PlannedFile;
use crate::processes::CountsBefore;
use crate::progress::Progress;
use crate::spilling::{AggregatedRuns, SpillLimits, SpillingTable};
use crate::tally::{FileTally, ReadEnd};

/// How many records and args are added to a table between two checks of its memory. Each may take some KB.
const CHECK_INTERVAL: usize = 1024;

/// Longer blocks, in bytes, are not passed to other threads, so that not several of them are in memory at once.
const LONG_BLOCK: usize = 4 << 20;

/// What threads read: all rows, and what was found of each file, by the file's place in the plan.
#[derive(Default)]
pub(crate) struct WorkerOutput {
    pub(crate) runs: AggregatedRuns,
    pub(crate) files: HashMap<usize, FileTally>,
}

impl WorkerOutput {
    fn merge(&mut self, other: Self) {
        self.runs.add(other.runs);
        for (file, tally) in other.files {
            self.files.entry(file).or_default().merge(tally);
        }
    }
}

/// A block and the place of its file in the plan.
struct ParseTask {
    file: usize,
    block: Block,
}

/// What the threads share.
struct SharedWork<'a> {
    files: &'a [PlannedFile],
    opening_filter: &'a OpeningFilter,
    config: &'a Config,
    progress: &'a Progress,
    limits: &'a SpillLimits<'a>,
    next_file: AtomicUsize,
    /// How many threads have found no file left to read.
    helpers: AtomicUsize,
    stop: AtomicBool,
    failure: Mutex<Option<BuildError>>,
    tasks: Receiver<ParseTask>,
    /// Buffers of parsed blocks, for reuse.
    spare: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
}

impl SharedWork<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.progress.is_cancelled()
    }

    fn fail(&self, error: BuildError) {
        self.stop.store(true, Ordering::Relaxed);
        if let Ok(mut failure) = self.failure.lock() {
            failure.get_or_insert(error);
        }
    }
}

/// Reads the files on `threads` threads.
pub(crate) fn read_files(
    files: &[PlannedFile],
    opening_filter: &OpeningFilter,
    limits: &SpillLimits<'_>,
    config: &Config,
    threads: usize,
    progress: &Progress,
) -> Result<WorkerOutput, BuildError> {
    let (sender, tasks) = crossbeam_channel::bounded(2 * threads);
    let shared = SharedWork {
        files,
        opening_filter,
        config,
        progress,
        limits,
        next_file: AtomicUsize::new(0),
        helpers: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        failure: Mutex::new(None),
        tasks,
        spare: crossbeam_channel::unbounded(),
    };
    let mut output = WorkerOutput::default();
    thread::scope(|scope| {
        // Each thread keeps a sender while it reads files. When the last sender is dropped, there is no more work.
        let shared = &shared;
        let spawn = |sender| scope.spawn(move || Worker::new(shared).work(sender));
        let mut workers: Vec<_> = (1..threads).map(|_| spawn(sender.clone())).collect();
        workers.push(spawn(sender));
        for worker in workers {
            match worker.join() {
                Ok(part) => output.merge(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    if progress.is_cancelled() {
        return Err(BuildError::Cancelled);
    }
    match shared.failure.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => Ok(output),
    }
}

/// One thread: its table, and what it saw of the files.
struct Worker<'a> {
    shared: &'a SharedWork<'a>,
    parser: Parser,
    table: SpillingTable<'a>,
    files: HashMap<usize, FileTally>,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a SharedWork<'a>) -> Self {
        let table = SpillingTable::new(shared.limits, shared.config);
        Self { shared, parser: Parser::new(), table, files: HashMap::new() }
    }

    fn work(mut self, sender: Sender<ParseTask>) -> WorkerOutput {
        let result = self.read_files(&sender);
        drop(sender);
        if let Err(error) = result {
            // This tells the other threads now rather than when this thread is joined.
            self.shared.fail(error);
        }
        self.shared.helpers.fetch_add(1, Ordering::Relaxed);
        // The loop also runs after a failure: a thread that passes on a block must not wait forever.
        while let Ok(ParseTask { file, block }) = self.shared.tasks.recv() {
            if !self.shared.stopped()
                && let Err(error) = self.parse(file, &block)
            {
                self.shared.fail(error);
            }
            let _ = self.shared.spare.0.send(block.text);
        }
        // After a stop nobody uses the rows, so they are not sorted.
        let runs = if self.shared.stopped() {
            AggregatedRuns::default()
        } else {
            account::work(Stage::Sort, Chain::NONE, || self.table.finish())
        };
        WorkerOutput { runs, files: self.files }
    }

    fn read_files(&mut self, sender: &Sender<ParseTask>) -> Result<(), BuildError> {
        let mut block = Block::default();
        loop {
            let at = self.shared.next_file.fetch_add(1, Ordering::Relaxed);
            let Some(file) = self.shared.files.get(at) else { return Ok(()) };
            let end = self.read_file(at, file, &mut block, sender).map_err(|source| match source {
                ReadError::Read(source) => BuildError::Read { path: file.path.clone(), source },
                ReadError::Build(error) => error,
            })?;
            let Some(end) = end else { return Ok(()) };
            if !matches!(end, ReadEnd::Deferred) {
                self.shared.progress.add_file();
            }
            let tally = self.files.entry(at).or_default();
            tally.processes.encode();
            tally.end = Some(end);
        }
    }

    /// Reads a file to its end, in the memory of `block`; `None` if the build was stopped before.
    fn read_file(
        &mut self,
        at: usize,
        file: &PlannedFile,
        block: &mut Block,
        sender: &Sender<ParseTask>,
    ) -> Result<Option<ReadEnd>, ReadError> {
        let chain = Chain::new();
        let mut reader = match account::work(Stage::Inflate, chain, || open(file, self.shared.config.clock())) {
            Ok(reader) => reader,
            Err(ResumeError::Io(error)) => return Ok(Some(ReadEnd::Unreadable(error))),
            Err(ResumeError::Changed) => return Ok(Some(ReadEnd::Changed)),
            Err(other) => return Ok(Some(ReadEnd::Unreadable(io::Error::other(other)))),
        };
        let mut may_be_another = file.piece.is_none() && file.before.is_none() && file.classified.is_none();
        let mut position = reader.position();
        let mut end = reader.start();
        let clock = end.clock;
        while account::work(Stage::Inflate, chain, || reader.next_block(end, block)).map_err(ReadError::Read)? {
            if self.shared.stopped() {
                return Ok(None);
            }
            if std::mem::take(&mut may_be_another) && !self.shared.opening_filter.admits(reader.first_bytes()) {
                return Ok(Some(ReadEnd::Deferred));
            }
            self.shared.progress.add_bytes(reader.position() - position);
            position = reader.position();
            if self.shared.helpers.load(Ordering::Relaxed) > 0 && block.text.len() <= LONG_BLOCK {
                let text = self.shared.spare.1.try_recv().unwrap_or_default();
                let next = Block { text, ..Block::default() };
                let after = block.end();
                match sender.try_send(ParseTask { file: at, block: std::mem::replace(block, next) }) {
                    Ok(()) => {
                        end = after;
                        continue;
                    }
                    // The helpers have enough to do, so this thread parses the block.
                    Err(full) => {
                        let next = std::mem::replace(block, full.into_inner().block);
                        let _ = self.shared.spare.0.send(next.text);
                    }
                }
            }
            end = self.parse(at, block)?;
        }
        self.shared.progress.add_bytes(reader.position() - position);
        let summary = account::work(Stage::Inflate, chain, || reader.finish(end)).map_err(ReadError::Read)?;
        Ok(Some(ReadEnd::Complete(Box::new(summary), clock)))
    }

    /// Adds a block's records to the table. Returns where the block ends.
    fn parse(&mut self, file: usize, block: &Block) -> Result<BlockEnd, BuildError> {
        account::work(Stage::Aggregate, Chain::NONE, || self.aggregate(file, block))
    }

    fn aggregate(&mut self, file: usize, block: &Block) -> Result<BlockEnd, BuildError> {
        let Self { shared, parser, table, files } = self;
        let tally = files.entry(file).or_default();
        let before = tally.counts.records();
        let (mut unchecked, mut failure) = (0, None);
        let end = parser.parse(&block.text, block.first_line, block.clock, |line| match line {
            Line::Record { record, clock, line } => {
                let before = CountsBefore::of(&tally.counts);
                match table.table.record(record, clock, &mut tally.counts) {
                    Ok(()) => tally.record(line, record, clock.unit, before),
                    Err(reason) => tally.malformed(line, reason),
                }
                unchecked += 1 + record.args.len();
                if unchecked >= CHECK_INTERVAL {
                    unchecked = 0;
                    if failure.is_none() && table.is_over_limit() {
                        failure = table.spill().err();
                    }
                }
            }
            Line::Malformed { line, reason } => tally.malformed(line, reason),
        });
        shared.progress.add_records(tally.counts.records() - before);
        match failure {
            Some(error) => Err(error),
            None if table.is_over_limit() => table.spill().map(|()| end),
            None => Ok(end),
        }
    }
}

/// Opens a file at the place where it is to be read.
fn open(file: &PlannedFile, start: Clock) -> Result<TraceReader, ResumeError> {
    dft_io::failpoint("build:before a trace is opened")?;
    match (&file.piece, &file.before) {
        (Some(piece), _) => open_piece(&file.path, piece, file.size, start),
        (None, None) => Ok(TraceReader::open_at(&file.path, start)?),
        (None, Some(before)) if file.classified.is_some() => {
            TraceReader::take_over(&file.path, file.size, &before.consumed)
        }
        (None, Some(before)) => TraceReader::resume(&file.path, &before.head()),
    }
}

/// Opens a piece of a trace. Its time unit is assumed to be the one that the first lines of the file declare. If it
/// is another one, the preceding piece does not chain to this one.
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

/// Why reading a file stopped.
enum ReadError {
    Read(io::Error),
    Build(BuildError),
}

impl From<BuildError> for ReadError {
    fn from(error: BuildError) -> Self {
        Self::Build(error)
    }
}
