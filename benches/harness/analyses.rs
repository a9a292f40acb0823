//! Analyses: `dft analyze` beside dfanalyzer, and of a large index.
//!
//! dfanalyzer's time goes by the layers and columns of its preset, not by calls, so it gets a small real trace. Its seconds
//! are those of its analysis alone: its script measures them after Python's imports and the start of the Dask cluster.
//! Those of `dft` are of whole processes. Both start from traces without an index; `dft` also from an index, as for a
//! second look.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::bench::{Bench, agree, say};
use crate::dft::{BuildSettings, Facts};
use crate::environment;
use crate::inputs;
use crate::process::{self, Cost, Costs};
use crate::samples::Samples;

/// The time limit of dfanalyzer for one preset.
const LIMIT: Duration = Duration::from_secs(300);

/// dfanalyzer, and the release of the C++ library whose helpers it imports.
const PACKAGES: [&str; 2] = ["dftracer-analyzer==0.0.9", "dftracer-utils==0.0.12"];

/// A package that it needs and that has no wheel.
const FROM_SOURCE: &str = "antlr4-python3-runtime";

/// The trace set of the comparison, in `tests/data`.
const TRACES: &str = "tracer-3-events";

/// The preset that targets compare: that of training jobs.
pub(crate) const PRESET: &str = "dlio";

#[derive(Serialize)]
pub(crate) struct Analyses {
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) large: Large,
}

/// The analysis of a small trace with a preset.
#[derive(Serialize)]
pub(crate) struct Comparison {
    pub(crate) preset: &'static str,
    /// Calls and metadata records.
    pub(crate) records: u64,
    pub(crate) from_traces: Costs,
    pub(crate) from_index: Costs,
    /// What dfanalyzer took, or why it was not measured.
    pub(crate) dfanalyzer: Result<Other, String>,
}

impl Analyses {
    /// Returns the time of dfanalyzer over that of `dft analyze` of an index and of traces; `None` if it was not measured.
    pub(crate) fn ratios(&self, preset: &str) -> Option<[f64; 2]> {
        self.comparisons.iter().find(|comparison| comparison.preset == preset)?.ratios()
    }
}

impl Comparison {
    /// Returns the time of dfanalyzer over that of `dft analyze` of an index and of traces; `None` if it was not measured.
    pub(crate) fn ratios(&self) -> Option<[f64; 2]> {
        let other = self.dfanalyzer.as_ref().ok()?.seconds.median();
        Some([&self.from_index, &self.from_traces].map(|costs| other / costs.seconds.median()))
    }
}

impl Large {
    /// Returns the seconds of an analysis and of a report for five million rows.
    pub(crate) fn seconds(&self) -> [f64; 2] {
        [&self.analyze, &self.report].map(|costs| costs.seconds.median() * 5e6 / self.facts.rows as f64)
    }
}

/// The costs of dfanalyzer.
#[derive(Serialize)]
pub(crate) struct Other {
    /// The seconds of its analysis, without imports and the start of its cluster.
    pub(crate) seconds: Samples,
    /// The costs of whole processes.
    pub(crate) cost: Costs,
}

/// The analysis of a large index.
#[derive(Serialize)]
pub(crate) struct Large {
    pub(crate) facts: Facts,
    pub(crate) analyze: Costs,
    pub(crate) report: Costs,
}

/// The last line of the script.
#[derive(Deserialize)]
struct Said {
    seconds: std::collections::BTreeMap<String, f64>,
    calls: u64,
}

pub(crate) fn measure(bench: &Bench) -> Result<Analyses> {
    println!("\n── analyses");
    let comparisons = ["posix", PRESET].map(|preset| compare(bench, preset)).into_iter().collect::<Result<_>>()?;
    Ok(Analyses { comparisons, large: large(bench)? })
}

fn compare(bench: &Bench, preset: &'static str) -> Result<Comparison> {
    say(&format!("{TRACES}, {preset}"));
    let source = bench.workspace.join("tests/data").join(TRACES);
    let traces = bench.scratch().join("analyzed");
    let analyze = || -> Result<Cost> {
        let mut dft = Command::new(&bench.dft);
        Ok(process::run(dft.arg("analyze").arg(&traces).args(["--preset", preset]), &bench.log())?.0)
    };
    let (mut from_traces, mut from_index) = (Costs::default(), Costs::default());
    let mut records = 0;
    for _ in 0..bench.amount(11, 3) {
        // A copy without an index, because both write theirs next to the traces.
        copy(&source, &traces)?;
        from_traces.push(analyze()?);
        from_index.push(analyze()?);
        records = bench.calls_and_metadata(&traces)?;
    }
    let other = || -> Result<Other> {
        let packages = PACKAGES.map(str::to_owned);
        let python = environment::python(&bench.tools, "dfanalyzer", &packages, &[FROM_SOURCE])?;
        let mut other = Other { seconds: Samples::default(), cost: Costs::default() };
        for _ in 0..bench.amount(3, 1) {
            copy(&source, &traces)?;
            let mut script = bench.script(&python, "dfanalyzer.py");
            script.arg(&traces).args(["--preset", preset, "--threads", &bench.threads.to_string()]);
            // It needs a name for its work directory.
            script.env("USER", "bench");
            let (cost, text) = process::run_within(&mut script, &bench.log(), LIMIT)?;
            let last = text.lines().last().unwrap_or_default();
            let said: Said = serde_json::from_str(last).with_context(|| format!("it printed `{last}`"))?;
            // It counts metadata records as calls.
            agree("records that dft and dfanalyzer count", records, said.calls)?;
            other.seconds.push(said.seconds.values().sum());
            other.cost.push(cost);
        }
        Ok(other)
    };
    let dfanalyzer = if preset != PRESET && bench.quick {
        Err("left out of a quick run".to_owned())
    } else {
        other().map_err(|error| format!("{error:#}"))
    };
    Ok(Comparison { preset, records, from_traces, from_index, dfanalyzer })
}

/// Copies the files of a directory to a new one.
fn copy(from: &Path, to: &Path) -> Result<()> {
    inputs::remove(to)?;
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            bail!("{} is not a file", entry.path().display());
        }
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn large(bench: &Bench) -> Result<Large> {
    // About seven rows per ten calls, at 100 ms.
    let calls = bench.amount(8_000_000, 282_000);
    let traces = inputs::make(bench, calls, "--files 4 --generation 3 --records-per-row 1 --series 20000")?;
    say("a large index");
    let index = bench.scratch().join("index");
    let settings = BuildSettings { interval_ms: 100, ..BuildSettings::of(bench.threads) };
    bench.index(&[&traces], settings, &index)?;
    let facts = bench.facts(&index)?;
    let page = bench.scratch().join("report.html");
    let (mut analyze, mut report) = (Costs::default(), Costs::default());
    for _ in 0..bench.amount(7, 3) {
        let mut dft = Command::new(&bench.dft);
        analyze.push(process::run(dft.arg("analyze").arg(&index), &bench.log())?.0);
        let mut dft = Command::new(&bench.dft);
        report.push(process::run(dft.arg("report").arg(&index).arg("--out").arg(&page), &bench.log())?.0);
    }
    Ok(Large { facts, analyze, report })
}
