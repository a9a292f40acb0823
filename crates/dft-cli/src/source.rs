//! An index, however it was given: itself, or as traces that are indexed first.

use std::path::{Path, PathBuf};

use anyhow::Result;
use dft_aggregate::Config;
use dft_index::{BuildOptions, build, default_index};
use dft_store::Index;

use crate::Outcome;
use crate::input::{faults, outcome};
use crate::units::{count, plural};
use crate::watch::watched;

/// Opens an index. Traces are indexed first, beside themselves, as their index there is configured.
pub(crate) fn open(path: &Path) -> Result<(Index, Outcome)> {
    if Index::exists(path)? {
        return Ok((Index::open(path)?, Outcome::Done));
    }
    let traces: [PathBuf; 1] = [path.to_owned()];
    let index = default_index(&traces)?;
    let config = if Index::exists(&index)? { Index::open(&index)?.config().clone() } else { Config::default() };
    let report = watched(|progress| build(&traces, &index, &config, &BuildOptions::default(), progress))?;
    let input = &report.input;
    if !input.files.is_empty() {
        eprintln!(
            "indexed {}, {} records, in {}",
            plural(input.files.len() as u64, "file"),
            count(input.counts().records()),
            report.index.display()
        );
    }
    eprint!("{}", faults(input));
    Ok((Index::open(&index)?, outcome(input)))
}
