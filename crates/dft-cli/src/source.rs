//! Opens an index from its own path or from traces, which are indexed first.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use dft_aggregate::Config;
use dft_index::{BuildError, BuildOptions, build, index_location, may_be_a_trace, other_traces};
use dft_io::Show;
use dft_store::Index;

use crate::Outcome;
use crate::build_progress::watched;
use crate::input::{faults, notes, outcome};
use crate::output::tell;
use dft_io::units::{count, plural};

/// Opens an index. Traces are indexed first, into an index next to them, with its configuration if it exists.
pub(crate) fn open(path: &Path) -> Result<(Index, Outcome)> {
    if Index::exists(path)? {
        return Ok((Index::open(path)?, Outcome::Done));
    }
    let traces: [PathBuf; 1] = [path.to_owned()];
    if path.is_file() && !may_be_a_trace(path) {
        return Err(BuildError::NotTraces(traces.to_vec()).into());
    }
    let index = index_location(&traces)?;
    let config = match Index::exists(&index)? {
        false => Config::default(),
        true => {
            let opened = Index::open(&index)?;
            let others = other_traces(&opened, &traces)?;
            if let Some(other) = others.first() {
                let more = match others.len() - 1 {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                bail!(
                    "{}: {} also has other traces: {}{more}; give {} for all of them, or build a separate index: \
                     `dft index {} --index DIR`",
                    path.shown(),
                    index.shown(),
                    other.shown(),
                    index.shown(),
                    path.shown(),
                );
            }
            opened.config().clone()
        }
    };
    let report = watched(|progress| build(&traces, &index, &config, &BuildOptions::default(), progress))?;
    let input = &report.input;
    if !input.files.is_empty() {
        tell(&format!(
            "indexed {}, {} records, into {}\n",
            plural(input.files.len() as u64, "file"),
            count(input.counts().records()),
            report.index.shown()
        ));
    }
    tell(&(faults(input) + &notes(&report)));
    Ok((Index::open(&index)?, outcome(input)))
}
