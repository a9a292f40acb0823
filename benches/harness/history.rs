//! The results of every publication: `docs/benchmarks/history.csv`, one line for each version and target.
//!
//! Lines are appended and never changed, so a target that got worse can be seen.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::targets::Target;

const HEADER: &str = "version,commit date,target,value";

/// The version that is measured.
pub(crate) struct Version {
    /// The package's version and the commit.
    pub(crate) name: String,
    pub(crate) commit_date: String,
}

impl Version {
    /// Asks git for the commit of the workspace.
    pub(crate) fn of(workspace: &Path) -> Result<Self> {
        let output = Command::new("git")
            .current_dir(workspace)
            .args(["log", "-1", "--format=%h %cs"])
            .output()
            .context("git cannot be run")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let (commit, date) = said.trim().split_once(' ').context("this is no clone of a git repository")?;
        Ok(Self { name: format!("{}+{commit}", env!("CARGO_PKG_VERSION")), commit_date: date.to_owned() })
    }
}

/// A line of the history.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    version: String,
    commit_date: String,
    target: String,
    value: f64,
}

/// The results of earlier publications.
#[derive(Default)]
pub(crate) struct History(Vec<Line>);

impl History {
    /// Reads the history of a workspace.
    pub(crate) fn read(workspace: &Path) -> Result<Self> {
        let path = path(workspace);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            bail!("the first line is not `{HEADER}`");
        }
        let line = |line: &str| {
            let (version, rest) = line.split_once(',')?;
            let (commit_date, rest) = rest.split_once(',')?;
            let (target, value) = rest.rsplit_once(',')?;
            let target = target.strip_prefix('"').and_then(|target| target.strip_suffix('"')).unwrap_or(target);
            let target = target.replace("\"\"", "\"");
            Some(Line {
                version: version.to_owned(),
                commit_date: commit_date.to_owned(),
                target,
                value: value.parse().ok()?,
            })
        };
        let parsed = lines.enumerate().map(|(at, text)| line(text).with_context(|| format!("line {}", at + 2)));
        Ok(Self(parsed.collect::<Result<_>>()?))
    }

    /// Returns the value of a target in the last publication of another version.
    pub(crate) fn before(&self, version: &Version, target: &str) -> Option<f64> {
        let lines = self.0.iter().rev();
        lines.into_iter().find(|line| line.target == target && line.version != version.name).map(|line| line.value)
    }

    /// Appends the targets that were measured, unless this version has them already.
    pub(crate) fn append(&self, workspace: &Path, version: &Version, targets: &[Target]) -> Result<()> {
        let path = path(workspace);
        let text = self.lines(version, targets);
        let written = OpenOptions::new().append(true).open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.with_context(|| format!("cannot write {}", path.display()))
    }

    fn lines(&self, version: &Version, targets: &[Target]) -> String {
        let known = |target: &str| self.0.iter().any(|line| line.version == version.name && line.target == target);
        let new = targets.iter().filter(|target| !known(&target.what));
        new.filter_map(|Target { what, value, .. }| {
            let Version { name, commit_date } = version;
            Some(format!("{name},{commit_date},\"{}\",{}\n", what.replace('"', "\"\""), (*value)?))
        })
        .collect()
    }
}

fn path(workspace: &Path) -> PathBuf {
    workspace.join("docs/benchmarks/history.csv")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: &str) -> Version {
        Version { name: name.to_owned(), commit_date: "2026-11-26".to_owned() }
    }

    fn target(what: &str, value: Option<f64>) -> Target {
        Target { what: what.to_owned(), wanted: String::new(), unit: "", value, met: None }
    }

    #[test]
    fn what_is_appended_is_read_back_and_a_version_is_never_changed() {
        let targets =
            [target("index over the floor, high", Some(2.5)), target("say \"x\"", Some(-1.0)), target("none", None)];
        let empty = History::parse(&format!("{HEADER}\n")).expect("a history");
        let lines = empty.lines(&version("1+a"), &targets);
        assert_eq!(lines, "1+a,2026-11-26,\"index over the floor, high\",2.5\n1+a,2026-11-26,\"say \"\"x\"\"\",-1\n");
        let history = History::parse(&format!("{HEADER}\n{lines}")).expect("a history");
        // Another run of the version adds nothing that is there, and has nothing before it.
        let again = [target("index over the floor, high", Some(9.0)), target("none", Some(1.0))];
        assert_eq!(history.lines(&version("1+a"), &again), "1+a,2026-11-26,\"none\",1\n");
        assert_eq!(history.before(&version("1+a"), "index over the floor, high"), None);
        assert_eq!(history.before(&version("1+b"), "index over the floor, high"), Some(2.5));
        assert_eq!(history.before(&version("1+b"), "say \"x\""), Some(-1.0));
    }

    #[test]
    fn a_line_that_is_not_of_the_history_is_named() {
        let error = History::parse(&format!("{HEADER}\n1,2,3,4\n1,2,x\n")).err().expect("an error");
        assert_eq!(format!("{error:#}"), "line 3");
        assert!(History::parse("version\n").is_err());
    }

    #[test]
    fn the_history_of_this_workspace_can_be_read() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
        let history = History::read(workspace).expect("a history");
        assert!(history.0.iter().all(|line| line.value.is_finite() && line.commit_date.len() == 10));
    }
}
