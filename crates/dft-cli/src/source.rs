//! An index, however it was given: itself, or as traces that are indexed first.

use std::path::{Path, PathBuf};

use anyhow::Result;
use dft_aggregate::Config;
use dft_index::{BuildOptions, default_index};
use dft_store::Index;

use crate::Outcome;
use crate::index::{faults, outcome};
use crate::units::{count, plural};
use crate::watch::build_watched;

/// Opens an index. Traces are indexed first, beside themselves, as their index there is configured.
pub(crate) fn open(path: &Path) -> Result<(Index, Outcome)> {
    if Index::exists(path)? {
        return Ok((Index::open(path)?, Outcome::Done));
    }
    let traces: [PathBuf; 1] = [path.to_owned()];
    let index = default_index(&traces)?;
    let config = if Index::exists(&index)? { Index::open(&index)?.config().clone() } else { Config::default() };
    let report = build_watched(&traces, &index, &config, &BuildOptions::default())?;
    if !report.files.is_empty() {
        eprintln!(
            "indexed {}, {} records, in {}",
            plural(report.files.len() as u64, "file"),
            count(report.counts().records()),
            report.index.display()
        );
    }
    eprint!("{}", faults(&report));
    Ok((Index::open(&index)?, outcome(&report)))
}
