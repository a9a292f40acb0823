//! RocksDB's pools of threads, which a process has once, and `fork()`, which they do not survive.
//!
//! A child has none of its parent's threads, but RocksDB would take them for waiting, and wait for them: at its next
//! flush, or when the process ends. So they are ended before each fork; idle ones cost nothing to make again, which
//! RocksDB does when it opens a database. A database that is being opened or written has state of its own in them,
//! so a child that is made meanwhile can open none.

use std::fs;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rocksdb::Env;

use crate::error::StoreError;
use crate::limits;

/// The databases that are being opened or written, and in the highest bit whether a fork is under way.
static USES: AtomicU64 = AtomicU64::new(0);

const FORKING: u64 = 1 << 63;

/// Whether this process was forked while there were such databases.
static CANNOT_OPEN: AtomicBool = AtomicBool::new(false);

/// Done once a database was opened.
static WATCH: Once = Once::new();

/// How long a fork waits for threads that have work to do.
const PATIENCE: Duration = Duration::from_secs(2);

/// How RocksDB's names of its threads begin.
const THREAD: &[u8] = b"rocksdb:";

/// A database that is being opened or written, for as long as it lasts.
pub(crate) struct DatabaseUse(());

impl Drop for DatabaseUse {
    fn drop(&mut self) {
        USES.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Says that a database is about to be opened.
///
/// # Errors
///
/// [`StoreError::Forked`] where this process can open none, [`StoreError::NoRoom`] where it would end by that.
pub(crate) fn begin_use() -> Result<DatabaseUse, StoreError> {
    watch();
    limits::check()?;
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

/// Ends the threads that RocksDB keeps for its next work; it makes new ones when there is some. For a
/// program that is about to unload this library.
///
/// # Errors
///
/// What RocksDB says.
pub fn end_background_threads() -> Result<(), StoreError> {
    let mut environment = Env::new().map_err(StoreError::rocks(Path::new(""), "end its threads"))?;
    set_threads(&mut environment, 0);
    await_end();
    Ok(())
}

/// Ends those threads where this library is unloaded, or the process ends: what they run is about to go. Does nothing
/// where no database was ever opened, or one is in use.
pub fn end_idle_threads() {
    if WATCH.is_completed() && !CANNOT_OPEN.load(Ordering::SeqCst) && USES.load(Ordering::SeqCst) == 0 {
        let _ = end_background_threads();
    }
}

/// Sets the size of the pools that are used. Threads past it end once they have no work at hand.
fn set_threads(environment: &mut Env, threads: i32) {
    environment.set_high_priority_background_threads(threads);
    environment.set_low_priority_background_threads(threads);
}

/// Waits until no thread of the pools is left, for as long as is bearable. They end by themselves, so nobody can be
/// asked but the system; a RocksDB of the program's own has threads of the same names.
fn await_end() {
    let begun = Instant::now();
    while has_threads() && begun.elapsed() < PATIENCE {
        thread::sleep(Duration::from_micros(50));
    }
}

fn has_threads() -> bool {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return false };
    threads.flatten().any(|thread| {
        // One that has ended meanwhile has no name.
        fs::read(thread.path().join("comm")).is_ok_and(|name| name.starts_with(THREAD))
    })
}

fn watch() {
    WATCH.call_once(|| {
        // SAFETY: the handlers are functions of this library, and go when it is unloaded. It fails only without
        // memory, and then a child is as it was without them.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child)) };
    });
}

/// From here until the fork is done no database is opened.
extern "C" fn before_fork() {
    loop {
        let uses = USES.load(Ordering::SeqCst);
        if uses & FORKING != 0 {
            thread::sleep(Duration::from_micros(100));
        } else if USES.compare_exchange(uses, uses | FORKING, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            break;
        }
    }
    // Where they have work, too: a child would wait for them when it exits.
    let _ = end_background_threads();
}

extern "C" fn in_parent() {
    let uses = USES.load(Ordering::SeqCst) & !FORKING;
    if uses > 0
        && let Ok(mut environment) = Env::new()
    {
        // As many as RocksDB starts for a database.
        set_threads(&mut environment, 1);
    }
    USES.fetch_and(!FORKING, Ordering::SeqCst);
}

extern "C" fn in_child() {
    if USES.swap(0, Ordering::SeqCst) != FORKING {
        CANNOT_OPEN.store(true, Ordering::SeqCst);
    }
}
