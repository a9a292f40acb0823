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
use dft_io::units::plural;

/// Opens an index. Traces are indexed first, into an index next to them, with its configuration if it exists.
pub(crate) fn open(path: &Path) -> Result<(Index, Outcome)> {
    open_all(&[path.to_owned()])
}

/// Opens an index, which is given alone, or one of several traces.
pub(crate) fn open_all(paths: &[PathBuf]) -> Result<(Index, Outcome)> {
    for path in paths {
        if Index::exists(path)? {
            match paths {
                [_] => return Ok((Index::open(path)?, Outcome::Done)),
                _ => bail!("{} is an index: give one index, or traces only", path.shown()),
            }
        }
    }
    let traces = paths;
    let others: Vec<PathBuf> = traces.iter().filter(|path| path.is_file() && !may_be_a_trace(path)).cloned().collect();
    if !others.is_empty() {
        return Err(BuildError::NotTraces(others).into());
    }
    let given = traces.iter().map(|path| path.shown().to_string()).collect::<Vec<_>>().join(" ");
    let index = index_location(traces)?;
    let config = match Index::exists(&index)? {
        false => Config::default(),
        true => {
            let opened = Index::open(&index)?;
            let others = other_traces(&opened, traces)?;
            if let Some(other) = others.first() {
                let more = match others.len() - 1 {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                bail!(
                    "{}: {} also has other traces: {}{more}; give {} for all of them, or build a separate index: \
                     `dft index {} --index DIR`",
                    given,
                    index.shown(),
                    other.shown(),
                    index.shown(),
                    given,
                );
            }
            opened.config().clone()
        }
    };
    let report = watched(|progress| build(traces, &index, &config, &BuildOptions::default(), progress))?;
    let input = &report.input;
    if !input.files.is_empty() {
        tell(&format!(
            "indexed {}, {}, into {}\n",
            plural(input.files.len() as u64, "file"),
            plural(input.counts().records(), "record"),
            report.index.shown()
        ));
    }
    tell(&(faults(input) + &notes(&report)));
    Ok((Index::open(&index)?, outcome(input)))
}
