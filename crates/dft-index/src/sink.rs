//! A sink for the records of a program that runs: many threads add, and the index receives what they added in turns.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dft_aggregate::Config;
use dft_io::fork::Maker;
use dft_store::{ForkHold, StoreError};
use dft_trace::Record;

use crate::error::BuildError;
use crate::live::LiveAggregator;

/// How long to wait before an index is tried again that another writer holds.
const RETRY: Duration = Duration::from_millis(5);

/// Where the records of a sink go, and how.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// The directory of the index, which is created if it does not exist.
    pub index: PathBuf,
    /// Where the records come from, such as a host and a rank. Several processes may have the same source.
    pub source: String,
    /// The directory for tables that exceed the memory budget.
    pub scratch: PathBuf,
    /// The memory budget of the table of each thread, and of what waits to be published, in bytes.
    pub memory: u64,
    /// How often a thread of the sink hands over what was added; `None` for never.
    pub interval: Option<Duration>,
    /// The number of threads that publish.
    pub threads: usize,
    /// How long [`Sink::publish`] waits for an index that another writer holds.
    pub patience: Duration,
}

/// Aggregates the records of many threads of a running program, and hands them over to an index.
///
/// ```text
/// thread ──▶ its own table ─┐
/// thread ──▶ its own table ─┼─ hand over ──▶ runs ──▶ index, as `live:SOURCE/PROCESS.NUMBER`
/// thread ──▶ its own table ─┘  (each table is replaced, then merged while its thread continues)
/// ```
///
/// **Threads do not wait for each other.** A thread adds to its own table. The lock of a table is contended only while
/// the table is replaced, which takes about a microsecond.
///
/// **Exactly once.** A table is taken once. What was taken is published in one step under a name that no other
/// publication has. If that fails, it is kept and published with what is taken next.
///
/// **Bounded memory.** A table that exceeds its budget is written to the scratch directory, and so are records that wait
/// for an index that another writer holds.
///
/// **Forks.** All state belongs to one process. A child does not touch the state of its parent, which other threads may
/// have been changing, and begins with an empty state at its first record. A fork waits while records are handed over.
pub struct Sink {
    shared: Arc<Shared>,
    /// The state of this process, or of its parent if this process added nothing yet. A child never frees that of its
    /// parent, whose threads may have been using it.
    state: AtomicPtr<State>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    options: SinkOptions,
}

/// The state of a sink in one process.
struct State {
    shared: Arc<Shared>,
    maker: Maker,
    /// Distinguishes the state from all others of the process.
    number: u64,
    /// The start of the names of its publications.
    name: String,
    writers: Mutex<Vec<Arc<Writer>>>,
    /// The table for threads that are ending and have no data of their own any more.
    late: Arc<Writer>,
    handover: Mutex<Handover>,
    /// Whether the thread that hands over must end.
    ends: Mutex<bool>,
    wake: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The next state in the list of those of parents.
    next: AtomicPtr<State>,
}

/// The states of parents that this process replaced. They stay known, so that they do not look like leaks.
static PARENTS: AtomicPtr<State> = AtomicPtr::new(std::ptr::null_mut());

/// The table of a thread.
#[derive(Debug)]
struct Writer {
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    live: LiveAggregator,
    /// When the first record since the last handover was added.
    since: Option<Instant>,
}

/// What was taken and is not published yet.
struct Handover {
    /// `None` until something is taken.
    taken: Option<LiveAggregator>,
    /// The memory of what was taken and is not in the scratch directory, in bytes.
    held: u64,
    /// The number of publications.
    published: u64,
}

thread_local! {
    /// The tables of this thread by the numbers of their states.
    static WRITERS: RefCell<Vec<(u64, Arc<Writer>)>> = const { RefCell::new(Vec::new()) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink {
    /// Creates a sink. Nothing is written before the first handover.
    ///
    /// # Errors
    ///
    /// Returns [`BuildError::Config`] if the configuration is invalid.
    pub fn new(config: &Config, options: SinkOptions) -> Result<Self, BuildError> {
        config.check()?;
        let shared = Arc::new(Shared { config: config.clone(), options });
        let state = AtomicPtr::new(Box::into_raw(Box::new(State::new(shared.clone())?)));
        let sink = Self { shared, state };
        sink.state()?.start();
        Ok(sink)
    }

    /// Adds a record, whose times are in µs. Any number of threads may call this at once.
    ///
    /// # Errors
    ///
    /// Those of [`LiveAggregator::record`].
    #[inline]
    pub fn record(&self, record: &Record<'_>) -> Result<(), BuildError> {
        let state = self.state()?;
        let added = WRITERS.try_with(|writers| {
            let mut writers = writers.borrow_mut();
            if let Some((_, writer)) = writers.iter().find(|(number, _)| *number == state.number) {
                return writer.record(record);
            }
            let writer = state.writer()?;
            writers.push((state.number, writer.clone()));
            writer.record(record)
        });
        added.unwrap_or_else(|_| state.late.record(record))
    }

    /// Hands over what threads have held for at least `older_than`, and publishes it: completely or not at all.
    ///
    /// # Errors
    ///
    /// Returns a [`BuildError`] if the index cannot be written, also if another writer holds it. Nothing is lost: what
    /// was taken is published by the next call. After [`StoreError::Committed`], it is in the index.
    pub fn flush(&self, older_than: Duration) -> Result<(), BuildError> {
        self.state()?.flush(older_than)
    }

    /// Hands over and publishes everything. Waits for other writers of the index, up to the patience of the options.
    ///
    /// # Errors
    ///
    /// Those of [`Sink::flush`].
    pub fn publish(&self) -> Result<(), BuildError> {
        let until = Instant::now() + self.shared.options.patience;
        loop {
            match self.flush(Duration::ZERO) {
                Err(error) if error.is_contention() && Instant::now() < until => thread::sleep(RETRY),
                result => return result,
            }
        }
    }

    /// Ends the thread that hands over, and drops what was not published. Records that are added later are kept in
    /// memory until they are published.
    pub fn end(&self) {
        if let Ok(state) = self.state() {
            state.end();
        }
    }

    /// Returns the state of this process. A child of the process that made the last one makes its own.
    #[inline]
    fn state(&self) -> Result<&'static State, BuildError> {
        let current = self.state.load(Ordering::Acquire);
        // SAFETY: the pointer came from a box, which is freed only when the sink is dropped, after the sink's thread ended.
        // Nothing else keeps the reference.
        let state: &'static State = unsafe { &*current };
        if state.maker.is_parent() { self.renew(state) } else { Ok(state) }
    }

    #[cold]
    fn renew(&self, parents: &'static State) -> Result<&'static State, BuildError> {
        let old = std::ptr::from_ref(parents).cast_mut();
        let mine = Box::into_raw(Box::new(State::new(self.shared.clone())?));
        // If another thread of this process was faster, the list has its state, and this one stays unused.
        let kept = match self.state.compare_exchange(old, mine, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => parents,
            // SAFETY: it came from a box above, and nobody else has it.
            Err(_) => unsafe { &*mine },
        };
        let kept_at = std::ptr::from_ref(kept).cast_mut();
        let _ = PARENTS.fetch_update(Ordering::AcqRel, Ordering::Acquire, |next| {
            kept.next.store(next, Ordering::Relaxed);
            Some(kept_at)
        });
        let state = self.state()?;
        state.start();
        Ok(state)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let state = self.state.load(Ordering::Acquire);
        // SAFETY: as in `state`.
        if unsafe { &*state }.maker.is_parent() {
            return;
        }
        self.end();
        // SAFETY: the pointer came from a box. Nobody else has the sink, and the sink's thread has ended.
        drop(unsafe { Box::from_raw(state) });
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl State {
    fn new(shared: Arc<Shared>) -> Result<Self, BuildError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // The time distinguishes processes that have the same id one after the other.
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = format!("{}/{}-{time}-{number}", shared.options.source, std::process::id());
        let late = Arc::new(Writer::new(&shared)?);
        Ok(Self {
            shared,
            maker: Maker::this_process(),
            number,
            name,
            writers: Mutex::new(vec![late.clone()]),
            late,
            handover: Mutex::new(Handover { taken: None, held: 0, published: 0 }),
            ends: Mutex::new(false),
            wake: Condvar::new(),
            thread: Mutex::new(None),
            next: AtomicPtr::new(std::ptr::null_mut()),
        })
    }

    /// Starts the thread that hands over. Without it, only explicit calls hand over.
    fn start(&'static self) {
        let Some(interval) = self.shared.options.interval else { return };
        let mut thread = lock(&self.thread);
        if thread.is_none() {
            let run = move || self.run(interval);
            *thread = thread::Builder::new().name("dft-sink".to_owned()).spawn(run).ok();
        }
    }

    fn run(&self, interval: Duration) {
        let mut ends = lock(&self.ends);
        while !*ends {
            ends = self.wake.wait_timeout(ends, interval).unwrap_or_else(PoisonError::into_inner).0;
            if *ends {
                return;
            }
            drop(ends);
            // What could not be published is kept for the next turn. The last one reports why.
            let _ = self.flush(Duration::ZERO);
            ends = lock(&self.ends);
        }
    }

    /// Ends the thread that hands over, and frees the tables.
    fn end(&self) {
        *lock(&self.ends) = true;
        self.wake.notify_all();
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
        let mut handover = lock(&self.handover);
        for writer in std::mem::take(&mut *lock(&self.writers)) {
            if let Ok(live) = self.shared.live() {
                lock(&writer.table).live = live;
            }
        }
        handover.taken = None;
    }

    /// Returns a new table for this thread.
    fn writer(&self) -> Result<Arc<Writer>, BuildError> {
        let writer = Arc::new(Writer::new(&self.shared)?);
        lock(&self.writers).push(writer.clone());
        Ok(writer)
    }

    fn flush(&self, older_than: Duration) -> Result<(), BuildError> {
        // Before any lock, so that no child has a lock that is held.
        let hold = ForkHold::new();
        let mut handover = lock(&self.handover);
        self.take(&mut handover, older_than)?;
        let SinkOptions { index, threads, .. } = &self.shared.options;
        let name = format!("{}.{}", self.name, handover.published + 1);
        let Some(taken) = handover.taken.as_mut().filter(|taken| !taken.is_empty()) else { return Ok(()) };
        let published = taken.publish(index, &name, *threads).map(drop);
        let is_in = match &published {
            Ok(()) => true,
            Err(error) => matches!(error, BuildError::Store(StoreError::Committed { .. })),
        };
        if is_in {
            // Removes what was written to the scratch directory.
            handover.taken = None;
            handover.published += 1;
            handover.held = 0;
        }
        drop(hold);
        published
    }

    /// Takes the tables of threads that have held records for at least `older_than`.
    fn take(&self, handover: &mut Handover, older_than: Duration) -> Result<(), BuildError> {
        let writers: Vec<Arc<Writer>> = lock(&self.writers).clone();
        for writer in &writers {
            // Made before the thread is held up.
            let fresh = self.shared.live()?;
            let Some(mut table) = writer.take(fresh, older_than) else { continue };
            let memory = table.memory() as u64;
            if handover.held.saturating_add(memory) > self.shared.options.memory && handover.held > 0 {
                // If that fails, the table stays in memory.
                if table.write_out().is_err() {
                    handover.held = handover.held.saturating_add(memory);
                }
            } else {
                handover.held += memory;
            }
            match &mut handover.taken {
                Some(taken) => taken.merge(&mut table)?,
                taken => *taken = Some(table),
            }
        }
        drop(writers);
        // A table that nobody else has is that of a thread that ended, and it is empty unless it is too young.
        lock(&self.writers).retain(|writer| Arc::strong_count(writer) > 1 || lock(&writer.table).since.is_some());
        Ok(())
    }
}

impl Shared {
    fn live(&self) -> Result<LiveAggregator, BuildError> {
        LiveAggregator::new(&self.config, self.options.memory, &self.options.scratch)
    }
}

impl Writer {
    fn new(shared: &Shared) -> Result<Self, BuildError> {
        Ok(Self { table: Mutex::new(Table { live: shared.live()?, since: None }) })
    }

    #[inline]
    fn record(&self, record: &Record<'_>) -> Result<(), BuildError> {
        let mut table = lock(&self.table);
        if table.since.is_none() {
            table.since = Some(Instant::now());
        }
        table.live.record(record)
    }

    /// Replaces the table if it has held records for at least `older_than`.
    fn take(&self, fresh: LiveAggregator, older_than: Duration) -> Option<LiveAggregator> {
        let mut table = lock(&self.table);
        if table.since?.elapsed() < older_than {
            return None;
        }
        table.since = None;
        Some(std::mem::replace(&mut table.live, fresh))
    }
}
