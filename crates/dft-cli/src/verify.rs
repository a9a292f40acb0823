//! `dft verify`.

use std::path::Path;

use anyhow::{Error, Result, anyhow, bail};
use dft_index::index_location;
use dft_io::Show;
use dft_store::{Index, verify};

use crate::Outcome;
use crate::args::VerifyArgs;
use crate::output::{say, tell};
use dft_io::units::{count, plural};

pub(crate) fn run(args: &VerifyArgs) -> Result<Outcome> {
    let found = verify(&args.index).map_err(|error| of_traces(&args.index).unwrap_or_else(|| error.into()))?;
    for fault in &found.faults {
        tell(&format!("damaged: {fault}\n"));
    }
    if found.more_faults > 0 {
        tell(&format!("damaged: and {}\n", plural(found.more_faults, "more fault")));
    }
    if !found.is_sound() {
        let faults = found.faults.len() as u64 + found.more_faults;
        bail!("{}: {}", args.index.shown(), plural(faults, "fault"));
    }
    say(&format!(
        "{} is sound: {} rows, {} of telemetry, {} series, {} names, {} read\n",
        args.index.shown(),
        count(found.rows),
        count(found.telemetry),
        count(found.series),
        count(found.names),
        plural(found.files, "file"),
    ))?;
    Ok(Outcome::Done)
}

/// The error for a directory of traces, which has its index inside: it names that index.
fn of_traces(path: &Path) -> Option<Error> {
    let index = index_location(&[path.to_owned()]).ok()?;
    let has = |path: &Path| Index::exists(path).unwrap_or(false);
    let is_other = index != path && !has(path) && has(&index);
    is_other.then(|| anyhow!("{}: no index here; the index of these traces is {}", path.shown(), index.shown()))
}
