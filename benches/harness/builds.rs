//! Builds and exports traces of many shapes, compared with the time to inflate them.

use anyhow::Result;
use serde::Serialize;

use crate::bench::{Bench, agree, say};
use crate::dft::{BuildSettings, Facts};
use crate::inputs::{self, Traces};
use crate::process::Costs;
use crate::samples::Samples;

/// Names of inputs that have targets.
pub(crate) const HIGH: &str = "high cardinality";
pub(crate) const LOW: &str = "low cardinality";
pub(crate) const ONE_MEMBER: &str = "one gzip member";
pub(crate) const SMALL_FILES: &str = "many small files";
pub(crate) const FILE_PER_CALL: &str = "a file for each call";
pub(crate) const FILE_PER_CALL_LARGE: &str = "a file for each call, × 5";
pub(crate) const TELEMETRY: &str = "telemetry";
pub(crate) const AGGREGATED: &str = "aggregated records";

/// An input that was built and exported several times.
#[derive(Serialize)]
pub(crate) struct Build {
    pub(crate) name: &'static str,
    pub(crate) settings: BuildSettings,
    pub(crate) trace_bytes: u64,
    pub(crate) tables_bytes: u64,
    pub(crate) facts: Facts,
    /// Seconds to inflate the files with as many threads.
    pub(crate) floor: Samples,
    pub(crate) index: Costs,
    pub(crate) export: Costs,
    pub(crate) summary: Costs,
    /// Only the table `events`, and only full statistics, in Parquet; empty for most inputs.
    pub(crate) events: Costs,
    pub(crate) statistics: Costs,
}

impl Build {
    /// Returns the build's time divided by the floor's.
    pub(crate) fn over_floor(&self) -> f64 {
        self.index.seconds.median() / self.floor.median()
    }

    /// Returns the export's time divided by the floor's.
    pub(crate) fn export_over_floor(&self) -> f64 {
        self.export.seconds.median() / self.floor.median()
    }

    /// Returns the size of the index divided by that of the traces.
    pub(crate) fn index_over_traces(&self) -> f64 {
        self.facts.index_bytes as f64 / self.trace_bytes as f64
    }
}

#[derive(Serialize)]
pub(crate) struct Builds {
    pub(crate) builds: Vec<Build>,
    /// Costs of indexing the small files again, with nothing to do.
    pub(crate) again: Costs,
}

impl Builds {
    pub(crate) fn of(&self, name: &str) -> Option<&Build> {
        self.builds.iter().find(|build| build.name == name)
    }
}

/// An input.
struct Input {
    name: &'static str,
    records: u64,
    /// Other arguments of the generator.
    arguments: String,
    interval_ms: u64,
}

fn inputs(bench: &Bench) -> Vec<Input> {
    let input = |name, (whole, quick), arguments: &str| Input {
        name,
        records: bench.amount(whole, quick),
        arguments: arguments.to_owned(),
        interval_ms: 1000,
    };
    let high = (1_900_000, 190_000);
    let ten = (19_000_000, 380_000);
    let gigabyte = (4_760_000, 95_000);
    let members = format!("--shape one-member --members {}", bench.amount(gigabyte.0, gigabyte.1) / 20_000);
    let small_files = format!("--shape small-files --files {}", bench.amount(2000, 200));
    vec![
        input(HIGH, high, "--shape high-cardinality"),
        input(LOW, high, "--shape low-cardinality"),
        Input { interval_ms: 100, ..input("high cardinality, at 100 ms", high, "--shape high-cardinality") },
        Input { interval_ms: 10_000, ..input("high cardinality, at 10 s", high, "--shape high-cardinality") },
        input("high cardinality, × 10", ten, "--shape high-cardinality"),
        input("low cardinality, × 10", ten, "--shape low-cardinality"),
        input(ONE_MEMBER, gigabyte, "--shape one-member"),
        input("many gzip members", gigabyte, &members),
        input(SMALL_FILES, (400_000, 40_000), &small_files),
        input(AGGREGATED, high, "--shape aggregated"),
        input(TELEMETRY, (400_000, 40_000), "--shape telemetry"),
        input("telemetry, random", (1_000_000, 50_000), "--files 4 --generation 3 --kind telemetry"),
        input(FILE_PER_CALL, (1_000_000, 20_000), "--shape file-per-call"),
        input(FILE_PER_CALL_LARGE, (5_000_000, 50_000), "--shape file-per-call"),
    ]
}

pub(crate) fn measure(bench: &Bench) -> Result<Builds> {
    println!("\n── builds");
    let mut builds = Vec::new();
    let mut again = Costs::default();
    for input in inputs(bench) {
        if !bench.wants(input.name) {
            continue;
        }
        let traces = inputs::make(bench, input.records, &input.arguments)?;
        say(input.name);
        let settings = BuildSettings { interval_ms: input.interval_ms, ..BuildSettings::of(bench.threads) };
        builds.push(build(bench, input.name, &traces, settings)?);
        if input.name == SMALL_FILES {
            for _ in 0..bench.amount(9, 3) {
                again.push(bench.index_again(&[&traces], settings, &bench.scratch().join("index"))?);
            }
        }
    }
    Ok(Builds { builds, again })
}

/// Measures one input. Keeps the index.
fn build(bench: &Bench, name: &'static str, traces: &Traces, settings: BuildSettings) -> Result<Build> {
    let (index, tables) = (bench.scratch().join("index"), bench.scratch().join("tables"));
    let (mut floor, mut indexing, mut exporting) = (Samples::default(), Costs::default(), Costs::default());
    let (mut summary, mut events, mut statistics) = (Costs::default(), Costs::default(), Costs::default());
    let mut tables_bytes = 0;
    let large = traces.records > bench.amount(3_000_000, 300_000);
    for _ in 0..bench.amount(if large { 3 } else { 7 }, 3) {
        floor.push(bench.floor(&[traces], settings.threads)?);
        indexing.push(bench.index(&[traces], settings, &index)?);
        exporting.push(bench.export(&index, &tables, &[])?);
        tables_bytes = inputs::size(&tables)?;
        summary.push(bench.summary(&index)?);
        if name == HIGH {
            events.push(bench.export(&index, &tables, &["--table", "events"])?);
            statistics.push(bench.export(&index, &tables, &["--table", "aggregation"])?);
        }
    }
    let facts = bench.facts(&index)?;
    agree("records generated and indexed", traces.records, facts.records)?;
    Ok(Build {
        name,
        settings,
        trace_bytes: traces.bytes,
        tables_bytes,
        facts,
        floor,
        index: indexing,
        export: exporting,
        summary,
        events,
        statistics,
    })
}
