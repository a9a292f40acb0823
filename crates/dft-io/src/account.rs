//! An account of the work that each stage of a build or an export does, for benchmarks.
//!
//! For each stage, the account has the CPU time of all threads, and that of the longest [`Chain`]: the part that more
//! threads do not make shorter. Call [`start`] once, wrap the work of each stage in [`work`], and print [`report`] at
//! the end. Without [`start`], [`work`] only calls the function that it is given.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::fork_mutex::ForkMutex;

/// A stage of a build or an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// Traces are read and inflated. The text of a file is a chain.
    Inflate,
    /// Records are parsed and added to a table in memory.
    Aggregate,
    /// A thread's table is sorted.
    Sort,
    /// Tables are merged into SST files. Each set of files is a chain.
    Merge,
    /// The next generation of the index is made and committed.
    Publish,
    /// What a table needs before its first row is found: names, columns, dictionaries. Each table is a chain.
    Prepare,
    /// Rows are read from the index. Each part of a table is a chain.
    Read,
    /// Rows become batches of columns. Each part of a table is a chain. Includes [`Stage::Read`] where no other thread
    /// reads.
    Batch,
    /// Columns are encoded. The columns of a table that one thread encodes are a chain.
    Encode,
    /// A table is written to its file, which is a chain. Includes [`Stage::Encode`] for formats other than Parquet.
    Write,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Inflate => "inflate",
            Self::Aggregate => "aggregate",
            Self::Sort => "sort",
            Self::Merge => "merge",
            Self::Publish => "publish",
            Self::Prepare => "prepare",
            Self::Read => "read",
            Self::Batch => "batch",
            Self::Encode => "encode",
            Self::Write => "write",
        }
    }
}

/// Work that is done in sequence, regardless of the number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chain(u64);

impl Chain {
    /// No chain: the work can be spread over any number of threads.
    pub const NONE: Self = Self(0);

    /// Returns a chain that differs from all others.
    #[expect(clippy::new_without_default, reason = "each call returns another value")]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What the work of a stage and chain took.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    cpu: Duration,
    /// Includes waiting, for example for the disk.
    elapsed: Duration,
}

static STARTED: AtomicBool = AtomicBool::new(false);
static TAKEN: ForkMutex<Option<HashMap<(Stage, Chain), Taken>>> = ForkMutex::new(None);

/// Starts the account of this process.
pub fn start() {
    TAKEN.lock().get_or_insert_default();
    STARTED.store(true, Ordering::Relaxed);
}

/// Does work of a stage, and adds what it takes to the account, if there is one.
pub fn work<T>(stage: Stage, chain: Chain, work: impl FnOnce() -> T) -> T {
    if !STARTED.load(Ordering::Relaxed) {
        return work();
    }
    let (cpu, start) = (thread_cpu(), Instant::now());
    let result = work();
    let (cpu, elapsed) = (thread_cpu().saturating_sub(cpu), start.elapsed());
    if let Some(taken) = TAKEN.lock().as_mut() {
        let taken = taken.entry((stage, chain)).or_default();
        taken.cpu += cpu;
        taken.elapsed += elapsed;
    }
    result
}

/// Returns the account as a line of JSON; `None` if it was not started.
///
/// For each stage that did work: its CPU seconds, the most CPU seconds of a chain, and the most seconds of a chain
/// including waiting.
pub fn report() -> Option<String> {
    let taken = TAKEN.lock().clone()?;
    let mut stages: Vec<Stage> = taken.keys().map(|&(stage, _)| stage).collect();
    stages.sort_unstable();
    stages.dedup();
    let mut text = String::from("{\"stages\":[");
    for (at, stage) in stages.into_iter().enumerate() {
        let of_stage = taken.iter().filter(|((of, _), _)| *of == stage);
        let work: Duration = of_stage.clone().map(|(_, taken)| taken.cpu).sum();
        let chains = of_stage.filter(|((_, chain), _)| *chain != Chain::NONE).map(|(_, taken)| *taken);
        let longest = chains.fold(Taken::default(), |longest, taken| Taken {
            cpu: longest.cpu.max(taken.cpu),
            elapsed: longest.elapsed.max(taken.elapsed),
        });
        let (work, cpu, elapsed) = (work.as_secs_f64(), longest.cpu.as_secs_f64(), longest.elapsed.as_secs_f64());
        let name = stage.name();
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{}{{\"name\":\"{name}\",\"cpu_s\":{work:.6},\"chain_cpu_s\":{cpu:.6},\"chain_s\":{elapsed:.6}}}",
            if at == 0 { "" } else { "," },
        );
    }
    text.push_str("]}");
    Some(text)
}

/// Returns the CPU time of this thread.
fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer points to a variable of this function of the right type.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } != 0;
    if failed {
        return Duration::ZERO;
    }
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes at least this much CPU time.
    fn spin(time: Duration) {
        let start = thread_cpu();
        while thread_cpu() - start < time {}
    }

    // One test, because the account is of the whole process.
    #[test]
    fn the_work_of_a_stage_is_that_of_all_threads_and_its_chain_the_longest() {
        work(Stage::Merge, Chain::new(), || spin(Duration::from_millis(1)));
        assert_eq!(report(), None);
        start();
        assert_eq!(report().as_deref(), Some("{\"stages\":[]}"));
        let ms = Duration::from_millis;
        let (short, long) = (Chain::new(), Chain::new());
        std::thread::scope(|scope| {
            for (chain, time) in [(short, 10), (long, 20), (long, 30), (Chain::NONE, 200)] {
                scope.spawn(move || work(Stage::Inflate, chain, || spin(ms(time))));
            }
        });
        assert_eq!(work(Stage::Publish, Chain::new(), || "result"), "result");
        let text = report().expect("started");
        let number = |stage: &str, key: &str| -> f64 {
            let (_, rest) = text.split_once(&format!("\"name\":\"{stage}\"")).expect("the stage");
            let (_, rest) = rest.split_once(&format!("\"{key}\":")).expect("the key");
            rest.split(['}', ',']).next().and_then(|number| number.parse().ok()).expect("a number")
        };
        assert!(number("inflate", "cpu_s") >= 0.26, "{text}");
        assert!(number("inflate", "chain_cpu_s") >= 0.05, "{text}");
        assert!(number("inflate", "chain_s") >= number("inflate", "chain_cpu_s") - 0.001, "{text}");
        assert!(number("inflate", "chain_cpu_s") <= number("inflate", "cpu_s") - 0.2, "{text}");
        assert!(text.contains("publish") && !text.contains("merge"), "{text}");
    }
}
