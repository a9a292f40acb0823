//! Runs cases concurrently in lanes, each with its own directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Result, anyhow};

/// Tries each case, on `jobs` threads. The first error of the campaign itself ends it. `lane` makes the state that a
/// thread keeps between cases from its directory.
pub(crate) fn each<C: Send, L>(
    cases: Vec<C>,
    jobs: usize,
    work: &Path,
    lane: impl Fn(PathBuf) -> L + Sync,
    try_it: impl Fn(&mut L, C) -> Result<()> + Sync,
) -> Result<()> {
    let cases = Mutex::new(cases.into_iter());
    let next = || cases.lock().ok().and_then(|mut cases| cases.next());
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..jobs)
            .map(|number| {
                let (next, lane, try_it) = (&next, &lane, &try_it);
                let folder = work.join(format!("lane-{number}"));
                scope.spawn(move || -> Result<()> {
                    fs::create_dir_all(&folder)?;
                    let mut kept = lane(folder);
                    while let Some(case) = next() {
                        try_it(&mut kept, case)?;
                    }
                    Ok(())
                })
            })
            .collect();
        lanes.into_iter().try_for_each(|lane| lane.join().map_err(|_| anyhow!("a lane panicked"))?)
    })
}
