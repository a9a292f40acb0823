//! Finds which traces a build would read.

use std::path::{Path, PathBuf};

use dft_codec::ContentHash;
use dft_store::{Index, StoreError, TraceNames};
use dft_trace::{TextHashes, discover};

use crate::error::BuildError;
use crate::known::KnownTraces;
use crate::outcome::FileState;
use crate::plan::plan;

/// The state of a trace relative to an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceState {
    /// It is indexed.
    Known,
    /// It is not indexed.
    New,
    /// It is indexed, and has grown since.
    Grown,
    /// It is indexed, and has changed since. A build fails unless it rebuilds the index.
    Changed,
    /// It cannot be read.
    Unreadable,
    /// It looks like a trace in a container that is not read.
    NotRead,
    /// It is indexed, and its file no longer exists. Its records stay in the index until a rebuild.
    Gone,
}

/// A trace and its state relative to an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedTrace {
    /// The file.
    pub path: PathBuf,
    /// Its state.
    pub state: TraceState,
}

/// Returns the state of each of some traces (files, directories, globs) relative to an index, by path. If there is no
/// index, all traces that can be read are new.
///
/// The traces of the index whose files no longer exist are [`Gone`](TraceState::Gone), whichever traces are asked for.
/// Those of a named source are not looked up, because they may be on other machines.
///
/// Only files whose size or date differ from the indexed ones are read. So a new file that is a duplicate of an indexed
/// trace is [`New`](TraceState::New); only a build finds that out.
///
/// # Errors
///
/// Returns a [`BuildError`] if the traces cannot be listed or the index cannot be read.
pub fn resolve(traces: &[PathBuf], index: &Path) -> Result<Vec<ResolvedTrace>, BuildError> {
    let found = discover(traces)?;
    let opened = match Index::open(index) {
        Ok(opened) => Some(opened),
        Err(StoreError::NoIndex(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let known = KnownTraces::of_index(opened.as_ref(), TraceNames::of(index))?;
    let mut plan = plan(&found.files, &known)?;
    plan.add_found(found.unreadable, found.not_read);
    let mut traces = Vec::new();
    let mut add = |path, state| traces.push(ResolvedTrace { path, state });
    for outcome in plan.outcomes {
        let state = match outcome.state {
            FileState::Known { .. } | FileState::Duplicate { .. } => TraceState::Known,
            FileState::Changed => TraceState::Changed,
            FileState::Unreadable(_) => TraceState::Unreadable,
            FileState::NotRead(_) => TraceState::NotRead,
            FileState::Read { .. } | FileState::PieceRead { .. } => unreachable!("a plan reads nothing"),
        };
        add(outcome.path, state);
    }
    for file in plan.unclassified {
        let state = match file.own {
            None => TraceState::New,
            Some(own) => state_of_changed(&file.path, &own.identity.text)?,
        };
        add(file.path, state);
    }
    for file in plan.read {
        add(file.path, if file.before.is_some() { TraceState::Grown } else { TraceState::New });
    }
    for name in known.gone(&found.files).files {
        add(known.names.path_of(&name), TraceState::Gone);
    }
    traces.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(traces)
}

/// The state of a file whose bytes are not those that were indexed. The same text may be compressed differently.
fn state_of_changed(path: &Path, indexed: &ContentHash) -> Result<TraceState, BuildError> {
    let hashes = TextHashes::of(path, |_| vec![indexed.length], |_| true);
    Ok(match hashes.map_err(|source| BuildError::Read { path: path.to_owned(), source })? {
        Some(hashes) if hashes.text == *indexed => TraceState::Known,
        Some(hashes) if hashes.starts_with(indexed) => TraceState::Grown,
        _ => TraceState::Changed,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use dft_aggregate::Config;

    use super::*;
    use crate::{BuildOptions, Progress, build};

    #[test]
    fn a_trace_is_new_then_known_then_grown_or_changed_or_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        let index = root.join("index");
        let line = |ts: u32| {
            format!("{{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":{ts},\"dur\":1,\"ph\":\"X\"}}\n")
        };
        for (ts, name) in [(1, "a.pfw"), (2, "b.pfw"), (3, "c.pfw")] {
            fs::write(root.join(name), line(ts)).expect("written");
        }
        let states = || {
            let states = resolve(std::slice::from_ref(&root), &index).expect("resolved");
            states.into_iter().map(|trace| trace.state).collect::<Vec<_>>()
        };
        use TraceState::{Changed, Gone, Grown, Known, New};
        assert_eq!(states(), [New; 3]);
        build(std::slice::from_ref(&root), &index, &Config::default(), &BuildOptions::default(), &Progress::default())
            .expect("built");
        assert_eq!(states(), [Known; 3]);
        fs::write(root.join("b.pfw"), line(2) + &line(6)).expect("written");
        fs::write(root.join("c.pfw"), "").expect("written");
        fs::write(root.join("d.pfw"), line(7)).expect("written");
        assert_eq!(states(), [Known, Grown, Changed, New]);
        fs::remove_file(root.join("a.pfw")).expect("removed");
        assert_eq!(states(), [Gone, Grown, Changed, New]);
        let one = resolve(&[root.join("d.pfw")], &index).expect("resolved");
        let found: Vec<_> = one.iter().map(|trace| (trace.path.clone(), trace.state)).collect();
        assert_eq!(found, [(root.join("a.pfw"), Gone), (root.join("d.pfw"), New)]);
    }
}
