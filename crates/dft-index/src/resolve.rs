//! Which traces a build would read.

use std::path::{Path, PathBuf};

use dft_store::{Index, StoreError, TraceNames};
use dft_trace::{TextScan, discover};

use crate::error::BuildError;
use crate::known::KnownTraces;
use crate::plan::plan;

/// How a trace stands to an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceState {
    /// It is in.
    Known,
    /// It is not in.
    New,
    /// It is in, and is longer now.
    Grown,
    /// It is in, and is not what it was: an error of a build that does not make the index anew.
    Changed,
    /// It cannot be read.
    Unreadable,
    /// It looks like a trace in a container that is not read.
    NotRead,
}

/// How each of some traces (files, directories, globs) stands to an index, by path; where there is no index,
/// all that can be read are new. Which new ones have a trace that is in, only a build tells: no trace is read but
/// those that are not what is known of them, or have another date.
///
/// # Errors
///
/// [`BuildError`] where the traces cannot be listed, or the index cannot be read.
pub fn resolve(traces: &[PathBuf], index: &Path) -> Result<Vec<(PathBuf, TraceState)>, BuildError> {
    let found = discover(traces)?;
    let opened = match Index::open(index) {
        Ok(opened) => Some(opened),
        Err(StoreError::NoIndex(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let known = KnownTraces::of_index(opened.as_ref(), TraceNames::of(index))?;
    let plan = plan(&found.files, &known)?;
    let mut states: Vec<(PathBuf, TraceState)> = Vec::new();
    states.extend(plan.known.into_iter().map(|file| (file.path, TraceState::Known)));
    states.extend(plan.duplicates.into_iter().map(|(path, _)| (path, TraceState::Known)));
    for file in plan.unclassified {
        let Some(own) = file.own else {
            states.push((file.path, TraceState::New));
            continue;
        };
        let text = own.identity.text;
        let scan = TextScan::of(&file.path, |_| vec![text.length], |_| true);
        let state = match scan.map_err(|source| BuildError::Read { path: file.path.clone(), source })? {
            Some(scan) if scan.text == text => TraceState::Known,
            Some(scan) if scan.starts_with(&text) => TraceState::Grown,
            _ => TraceState::Changed,
        };
        states.push((file.path, state));
    }
    states.extend(plan.changed.into_iter().map(|path| (path, TraceState::Changed)));
    states.extend(plan.unreadable.into_iter().map(|file| (file.path, TraceState::Unreadable)));
    states.extend(plan.read.into_iter().map(|file| {
        let state = if file.before.is_some() { TraceState::Grown } else { TraceState::New };
        (file.path, state)
    }));
    states.extend(found.unreadable.into_iter().map(|(path, _)| (path, TraceState::Unreadable)));
    states.extend(found.not_read.into_iter().map(|not_read| (not_read.path, TraceState::NotRead)));
    states.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(states)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use dft_aggregate::Config;

    use super::*;
    use crate::{BuildOptions, Progress, build};

    #[test]
    fn a_trace_is_new_then_known_then_grown_or_changed() {
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
            states.into_iter().map(|(_, state)| state).collect::<Vec<_>>()
        };
        use TraceState::{Changed, Grown, Known, New};
        assert_eq!(states(), [New; 3]);
        build(std::slice::from_ref(&root), &index, &Config::default(), &BuildOptions::default(), &Progress::default())
            .expect("built");
        assert_eq!(states(), [Known; 3]);
        fs::write(root.join("b.pfw"), line(2) + &line(6)).expect("written");
        fs::write(root.join("c.pfw"), "").expect("written");
        fs::write(root.join("d.pfw"), line(7)).expect("written");
        assert_eq!(states(), [Known, Grown, Changed, New]);
    }
}
