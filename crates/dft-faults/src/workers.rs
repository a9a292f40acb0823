//! Runs cases concurrently on worker threads, each with its own directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Result, anyhow};

/// Tries each case, on `jobs` threads. The first error of the campaign itself ends it. `state` makes what a thread
/// keeps between cases from its directory.
pub(crate) fn each<C: Send, S>(
    cases: Vec<C>,
    jobs: usize,
    work: &Path,
    state: impl Fn(PathBuf) -> S + Sync,
    try_it: impl Fn(&mut S, C) -> Result<()> + Sync,
) -> Result<()> {
    let cases = Mutex::new(cases.into_iter());
    let next = || cases.lock().ok().and_then(|mut cases| cases.next());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|number| {
                let (next, state, try_it) = (&next, &state, &try_it);
                let folder = work.join(format!("worker-{number}"));
                scope.spawn(move || -> Result<()> {
                    fs::create_dir_all(&folder)?;
                    let mut state = state(folder);
                    while let Some(case) = next() {
                        try_it(&mut state, case)?;
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a worker panicked"))?)
    })
}
