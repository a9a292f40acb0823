//! Other tools: their versions, scripts and environments, and how they are run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::dft::{BuildSettings, Totals};
use crate::environment;
use crate::inputs::{self, Traces};
use crate::process;

/// The time limit of a peer for one input.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// The version of its package; none for the package of this project, which is used as built.
    pub(crate) version: Option<&'static str>,
    /// Other packages that it needs.
    packages: &'static [&'static str],
    /// Its script for calls.
    script: &'static str,
    /// Its script for telemetry, if it supports that.
    telemetry: Option<&'static str>,
    /// Whether it reads only inflated text.
    pub(crate) text: bool,
    /// Whether it makes a table to compare with ours, instead of an index.
    pub(crate) table: bool,
    /// The format of `dft export` that it is compared with.
    pub(crate) beside: Format,
}

/// What the traces of a comparison hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Calls,
    Telemetry,
}

/// A format of `dft export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Format {
    Arrow,
    Parquet,
}

impl Format {
    pub(crate) const ALL: [Self; 2] = [Self::Arrow, Self::Parquet];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arrow => "Arrow",
            Self::Parquet => "Parquet",
        }
    }
}

pub(crate) const PEERS: [Peer; 5] = [
    Peer {
        name: "dftracer-utils",
        version: Some("0.0.14"),
        packages: &["pandas==3.1.1", "pyarrow==26.0.1"],
        script: "dftracer_utils_0_0_14.py",
        telemetry: Some("dftracer_utils_0_0_14.py"),
        text: false,
        table: false,
        beside: Format::Arrow,
    },
    Peer {
        name: "dftracer-utils",
        version: Some("0.0.12"),
        packages: &["pyarrow==26.0.1"],
        script: "dftracer_utils_0_0_12.py",
        telemetry: Some("dftracer_utils_0_0_12.py"),
        text: false,
        table: false,
        beside: Format::Arrow,
    },
    Peer {
        name: "polars",
        version: Some("2.1.0"),
        packages: &[],
        script: "polars_table.py",
        telemetry: Some("polars_telemetry.py"),
        text: true,
        table: true,
        beside: Format::Parquet,
    },
    Peer {
        name: "duckdb",
        version: Some("2.0.1"),
        packages: &[],
        script: "duckdb_table.py",
        telemetry: Some("duckdb_telemetry.py"),
        text: false,
        table: true,
        beside: Format::Parquet,
    },
    Peer {
        name: "dft-utils for Python",
        version: None,
        packages: &["pyarrow==26.0.1"],
        script: "dft_utils_python.py",
        telemetry: Some("dft_utils_python.py"),
        text: false,
        table: false,
        beside: Format::Parquet,
    },
];

/// The output of a peer's script.
#[derive(Deserialize)]
pub(crate) struct Fact {
    pub(crate) seconds: std::collections::BTreeMap<String, f64>,
    pub(crate) totals: Totals,
    pub(crate) rows: u64,
    pub(crate) index_bytes: u64,
}

impl Peer {
    pub(crate) fn title(&self) -> String {
        [Some(self.name), self.version].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Returns the script for traces of this content; `None` if the peer does not support it.
    pub(crate) fn script(&self, content: Content) -> Option<&'static str> {
        match content {
            Content::Calls => Some(self.script),
            Content::Telemetry => self.telemetry,
        }
    }

    /// Returns the peer's Python, with its packages.
    pub(crate) fn python(&self, tools: &Path) -> Result<PathBuf> {
        let mut packages: Vec<String> =
            self.version.iter().map(|version| format!("{}=={version}", self.name)).collect();
        packages.extend(self.packages.iter().map(|&package| package.to_owned()));
        environment::python(tools, &self.title().replace(' ', "-"), &packages, &[])
    }

    pub(crate) fn run(
        &self,
        bench: &Bench,
        python: &Path,
        traces: &Traces,
        content: Content,
        settings: BuildSettings,
    ) -> Result<(f64, Fact, process::Cost)> {
        let out = bench.peer_tables();
        inputs::remove(&out)?;
        fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        let mut command = bench.script(python, self.script(content).context("it has no script for this")?);
        command.arg(&traces.directory).arg(&out);
        command.arg("--interval-ms").arg(settings.interval_ms.to_string());
        command.arg("--threads").arg(settings.threads.to_string());
        // Polars reads it when it is loaded.
        command.env("POLARS_MAX_THREADS", settings.threads.to_string());
        if self.version.is_none() {
            command.env("PYTHONPATH", bench.workspace.join("python/src")).env("DFT_UTILS_LIBRARY", &bench.library);
        }
        let (cost, said) = process::run_within(&mut command, &bench.log(), LIMIT)?;
        let last = said.lines().last().unwrap_or_default();
        let said: Fact = serde_json::from_str(last).with_context(|| format!("{} printed `{last}`", self.title()))?;
        Ok((said.seconds.values().sum(), said, cost))
    }
}

impl Bench {
    /// Returns the directory that a peer writes to.
    pub(crate) fn peer_tables(&self) -> PathBuf {
        self.scratch().join("peer")
    }

    pub(crate) fn script(&self, python: &Path, name: &str) -> Command {
        let mut command = Command::new(python);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(self.workspace.join("benches/peers").join(name));
        command
    }
}
