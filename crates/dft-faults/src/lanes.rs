//! Cases that are tried at the same time, each lane in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Result, anyhow};

/// Tries each of some cases, on so many threads; the first error of the campaign itself ends it. `lane` makes what a
/// thread keeps from case to case of its folder.
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
