//! `dft verify`.

use anyhow::{Result, bail};
use dft_io::Show;
use dft_store::verify;

use crate::Outcome;
use crate::args::VerifyArgs;
use crate::output::{say, tell};
use crate::units::{count, plural};

pub(crate) fn run(args: &VerifyArgs) -> Result<Outcome> {
    let found = verify(&args.index)?;
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
