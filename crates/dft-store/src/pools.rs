//! RocksDB's thread pools and `fork()`. A process has one set of pools, and they do not survive a fork.
//!
//! A child has none of its parent's threads, but RocksDB would believe that they are idle and wait for them at its next
//! flush or at exit. So the threads are ended before each fork. Idle ones cost nothing to recreate, which RocksDB does
//! when it opens a database. A database that is being opened or written has state in its threads, so a child forked
//! meanwhile can open no database.

use std::fs;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rocksdb::Env;

use crate::error::StoreError;
use crate::limits;

/// The number of databases being opened or written; the highest bit is set while a fork is under way.
static USES: AtomicU64 = AtomicU64::new(0);

const FORKING: u64 = 1 << 63;

/// The number of short writes that forks wait for.
static HOLDS: AtomicU64 = AtomicU64::new(0);

/// Whether this process was forked while a database was being opened or written.
static CANNOT_OPEN: AtomicBool = AtomicBool::new(false);

/// Whether a database was opened, or is about to be.
static OPENED: AtomicBool = AtomicBool::new(false);

/// How long a fork waits for busy threads.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a fork waits for a short write.
const HOLD_PATIENCE: Duration = Duration::from_secs(10);

/// Makes forks of this process wait until it is dropped, so that no child has a part of a write. Forks do not wait for
/// longer than ten seconds.
#[derive(Debug)]
pub struct ForkHold(());

impl ForkHold {
    /// Waits for a fork that is under way, and then holds the next ones.
    pub fn new() -> Self {
        watch_forks();
        loop {
            HOLDS.fetch_add(1, Ordering::SeqCst);
            if USES.load(Ordering::SeqCst) & FORKING == 0 {
                return Self(());
            }
            HOLDS.fetch_sub(1, Ordering::SeqCst);
            thread::sleep(Duration::from_micros(100));
        }
    }
}

impl Default for ForkHold {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ForkHold {
    fn drop(&mut self) {
        HOLDS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The start of the names that RocksDB gives its threads.
const THREAD: &[u8] = b"rocksdb:";

/// Marks a database as being opened or written until it is dropped.
pub(crate) struct DatabaseUse(());

impl Drop for DatabaseUse {
    fn drop(&mut self) {
        USES.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Announces that a database is about to be opened.
///
/// # Errors
///
/// [`StoreError::Forked`] if this process can open none, [`StoreError::NoRoom`] if opening one would end the process.
pub(crate) fn begin_use() -> Result<DatabaseUse, StoreError> {
    watch_forks();
    limits::check()?;
    OPENED.store(true, Ordering::SeqCst);
    loop {
        if CANNOT_OPEN.load(Ordering::SeqCst) {
            return Err(StoreError::Forked);
        }
        let uses = USES.load(Ordering::SeqCst);
        if uses & FORKING != 0 {
            thread::sleep(Duration::from_micros(100));
        } else if USES.compare_exchange(uses, uses + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            return Ok(DatabaseUse(()));
        }
    }
}

/// Ends RocksDB's idle threads. RocksDB starts new ones when it needs them. Call it before a program unloads this
/// library.
///
/// # Errors
///
/// The error of RocksDB.
pub fn end_background_threads() -> Result<(), StoreError> {
    let mut environment = Env::new().map_err(StoreError::Threads)?;
    set_threads(&mut environment, 0);
    await_end();
    Ok(())
}

/// Ends RocksDB's idle threads when this library is unloaded or the process ends, because their code is about to go.
/// Does nothing if no database was ever opened, or one is in use.
pub fn end_idle_threads() {
    if OPENED.load(Ordering::SeqCst) && !CANNOT_OPEN.load(Ordering::SeqCst) && USES.load(Ordering::SeqCst) == 0 {
        let _ = end_background_threads();
    }
}

/// Sets the size of the pools in use. Surplus threads end once they are idle.
fn set_threads(environment: &mut Env, threads: i32) {
    environment.set_high_priority_background_threads(threads);
    environment.set_low_priority_background_threads(threads);
}

/// Waits until no thread of the pools is left, up to a limit. Threads end by themselves, so only the system can tell.
/// Another RocksDB in the program has threads of the same names.
fn await_end() {
    let begun = Instant::now();
    while has_threads() && begun.elapsed() < PATIENCE {
        thread::sleep(Duration::from_micros(50));
    }
}

/// Returns whether this process has threads of RocksDB; `false` where the system does not tell.
fn has_threads() -> bool {
    let Some(number) = number_of_threads() else { return false };
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return false };
    let mut others = 0;
    for thread in threads.flatten() {
        match fs::read(thread.path().join("comm")) {
            Ok(name) if name.starts_with(THREAD) => return true,
            Ok(_) => others += 1,
            // A thread that has just ended has no name.
            Err(_) => {}
        }
    }
    // Linux ends the list early if the thread that it has come to ends meanwhile. Then others are missing.
    others != number || number_of_threads() != Some(number)
}

fn number_of_threads() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
}

/// Makes every later fork of this process end RocksDB's threads first. Does nothing if it was called before. The first
/// opening of a database calls it, too.
pub fn watch_forks() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        // Handlers run before a fork in the reverse order: a fork waits for writes before it holds the locks that they
        // need.
        dft_io::fork::watch();
        // SAFETY: the handlers are functions of this library, and are unregistered when it is unloaded. The call fails
        // only without memory; then a fork has the same effect as without handlers.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child)) };
    });
}

/// Blocks the opening of databases until the fork is done.
extern "C" fn before_fork() {
    let patience = Instant::now() + HOLD_PATIENCE;
    loop {
        if HOLDS.load(Ordering::SeqCst) != 0 && Instant::now() < patience {
            thread::sleep(Duration::from_micros(100));
            continue;
        }
        let uses = USES.load(Ordering::SeqCst);
        if uses & FORKING != 0 {
            thread::sleep(Duration::from_micros(100));
        } else if USES.compare_exchange(uses, uses | FORKING, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            if HOLDS.load(Ordering::SeqCst) == 0 || Instant::now() >= patience {
                break;
            }
            USES.fetch_and(!FORKING, Ordering::SeqCst);
        }
    }
    if OPENED.load(Ordering::SeqCst) {
        // Also end busy threads: a child would wait for them at exit.
        let _ = end_background_threads();
    }
}

extern "C" fn in_parent() {
    let uses = USES.load(Ordering::SeqCst) & !FORKING;
    if uses > 0
        && let Ok(mut environment) = Env::new()
    {
        // RocksDB starts one thread for a database.
        set_threads(&mut environment, 1);
    }
    USES.fetch_and(!FORKING, Ordering::SeqCst);
}

extern "C" fn in_child() {
    HOLDS.store(0, Ordering::SeqCst);
    if USES.swap(0, Ordering::SeqCst) != FORKING {
        CANNOT_OPEN.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Starts a thread with a name of RocksDB's, which ends when the other end of `end` is dropped. It has its name once it
    /// has dropped `named`.
    fn start(name: &str, named: Sender<()>, end: Receiver<()>) -> thread::JoinHandle<()> {
        let wait = move || {
            drop(named);
            let _ = end.recv();
        };
        thread::Builder::new().name(name.to_owned()).spawn(wait).expect("a thread")
    }

    /// A fork once left a thread of RocksDB behind, because the list of threads ended at one that was just ending. The
    /// child waited for that thread for ever.
    #[test]
    fn a_thread_is_seen_while_one_before_it_ends() {
        for round in 0..500 {
            let [(end_first, first), (end_second, second), (named, are_named)] = [channel(), channel(), channel()];
            let (first, second) =
                (start("rocksdb:first", named.clone(), first), start("rocksdb:second", named, second));
            let _ = are_named.recv();
            drop(end_first);
            while !first.is_finished() {
                assert!(has_threads(), "round {round}");
            }
            for _ in 0..3 {
                assert!(has_threads(), "round {round}");
            }
            drop(end_second);
            first.join().expect("ended");
            second.join().expect("ended");
        }
    }
}
