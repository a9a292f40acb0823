//! Single steps, measured by criterion and read from its files.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::inputs;

/// A micro bench.
#[derive(Serialize)]
pub(crate) struct Step {
    pub(crate) group: String,
    pub(crate) name: String,
    /// The median of one iteration, and the bounds of its confidence interval.
    pub(crate) ns: f64,
    pub(crate) ns_low: f64,
    pub(crate) ns_high: f64,
    /// The amount of work of one iteration; either may be unknown.
    pub(crate) bytes: Option<u64>,
    pub(crate) elements: Option<u64>,
}

impl Step {
    pub(crate) fn bytes_per_second(&self) -> Option<f64> {
        Some(self.bytes? as f64 / self.ns * 1e9)
    }
}

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Step>> {
    let home = bench.folder.join("criterion");
    inputs::remove(&home)?;
    // `cargo xtask` has set what cargo needs.
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&bench.workspace).env("CRITERION_HOME", &home);
    // The whole workspace, as in every release build: another selection may build RocksDB again.
    cargo.args(["bench", "--workspace", "--bench", "*", "--"]);
    if bench.quick {
        cargo.args(["--sample-size", "10", "--warm-up-time", "0.2", "--measurement-time", "0.5"]);
    }
    println!("\n── cargo bench");
    let status = cargo.status().context("cargo cannot be run")?;
    if !status.success() {
        bail!("cargo bench: failed ({status})");
    }
    let mut steps = Vec::new();
    collect(&home, &mut steps)?;
    steps.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    Ok(steps)
}

/// Reads the estimates of every bench below a directory.
fn collect(directory: &Path, steps: &mut Vec<Step>) -> Result<()> {
    #[derive(Deserialize)]
    struct Interval {
        lower_bound: f64,
        upper_bound: f64,
    }
    #[derive(Deserialize)]
    struct Estimate {
        point_estimate: f64,
        confidence_interval: Interval,
    }
    #[derive(Deserialize)]
    struct Estimates {
        median: Estimate,
    }
    #[derive(Deserialize)]
    struct Description {
        group_id: String,
        function_id: Option<String>,
        value_str: Option<String>,
        /// A pair of a unit and a number.
        throughput: Option<BTreeMap<String, u64>>,
    }
    if directory.ends_with("new") {
        let read = |name: &str| {
            let path = directory.join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let described: Description = serde_json::from_str(&read("benchmark.json")?)?;
        let estimates: Estimates = serde_json::from_str(&read("estimates.json")?)?;
        let worked_on = |unit: &str| described.throughput.as_ref()?.get(unit).copied();
        let name: Vec<String> = described.function_id.into_iter().chain(described.value_str).collect();
        steps.push(Step {
            group: described.group_id,
            name: name.join(", "),
            ns: estimates.median.point_estimate,
            ns_low: estimates.median.confidence_interval.lower_bound,
            ns_high: estimates.median.confidence_interval.upper_bound,
            bytes: worked_on("Bytes"),
            elements: worked_on("Elements"),
        });
        return Ok(());
    }
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, steps)?;
        }
    }
    Ok(())
}
