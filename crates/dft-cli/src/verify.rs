//! `dft verify`.

use anyhow::{Result, bail};
use dft_store::verify;

use crate::Outcome;
use crate::args::VerifyArgs;
use crate::output::say;
use crate::units::{count, plural};

pub(crate) fn run(args: &VerifyArgs) -> Result<Outcome> {
    let found = verify(&args.index)?;
    for fault in &found.faults {
        eprintln!("damaged: {fault}");
    }
    if found.more_faults > 0 {
        eprintln!("damaged: and {}", plural(found.more_faults, "more fault"));
    }
    if !found.is_sound() {
        let faults = found.faults.len() as u64 + found.more_faults;
        bail!("{}: {}; make the index anew with --rebuild", args.index.display(), plural(faults, "fault"));
    }
    say(&format!(
        "{} is sound: {} rows, {} of telemetry, {} series, {} names, {} read\n",
        args.index.display(),
        count(found.rows),
        count(found.telemetry),
        count(found.series),
        count(found.names),
        plural(found.files, "file"),
    ))?;
    Ok(Outcome::Done)
}
