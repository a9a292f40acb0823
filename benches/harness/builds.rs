//! Builds and exports traces of many kinds, compared with the time to inflate them.

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
pub(crate) const NEW_FILES: &str = "a file for each call";

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
}

impl Build {
    /// Returns the build's time divided by the floor's.
    pub(crate) fn over_floor(&self) -> f64 {
        self.index.seconds.median() / self.floor.median()
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

/// An input: its name, its number of records, other arguments of the generator, and the interval in ms.
type Input = (&'static str, u64, String, u64);

fn inputs(bench: &Bench) -> Vec<Input> {
    let records = |whole: u64, quick: u64| bench.amount(whole, quick);
    let plain = |text: &str| text.to_owned();
    let high = records(1_900_000, 190_000);
    // 210 bytes per record.
    let gigabyte = records(4_760_000, 95_000);
    let new_files = records(5_000_000, 50_000);
    vec![
        (HIGH, high, plain("--files 4"), 1000),
        (LOW, high, plain("--files 4 --cardinality low"), 1000),
        ("high cardinality, at 100 ms", high, plain("--files 4"), 100),
        ("high cardinality, at 10 s", high, plain("--files 4"), 10_000),
        ("high cardinality, × 10", records(19_000_000, 380_000), plain("--files 4"), 1000),
        ("low cardinality, × 10", records(19_000_000, 380_000), plain("--files 4 --cardinality low"), 1000),
        (ONE_MEMBER, gigabyte, plain("--files 1"), 1000),
        ("many gzip members", gigabyte, format!("--files 1 --members {}", gigabyte / 20_000), 1000),
        (SMALL_FILES, records(400_000, 40_000), format!("--files {} --series 26000", records(2000, 200)), 1000),
        ("aggregated records", high, plain("--files 4 --generation 3 --kind aggregated"), 1000),
        ("telemetry", records(1_000_000, 50_000), plain("--files 4 --generation 3 --kind telemetry"), 1000),
        (NEW_FILES, new_files, format!("--files 1 --new-files --series {}", new_files * 10), 1000),
    ]
}

pub(crate) fn measure(bench: &Bench) -> Result<Builds> {
    println!("\n── builds");
    let mut builds = Vec::new();
    let mut again = Costs::default();
    for input in inputs(bench) {
        let traces = inputs::make(bench, input.1, &input.2)?;
        say(input.0);
        let settings = BuildSettings { interval_ms: input.3, ..BuildSettings::of(bench.threads) };
        builds.push(build(bench, input.0, &traces, settings)?);
        if input.0 == SMALL_FILES {
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
    let large = traces.records > bench.amount(3_000_000, 300_000);
    for _ in 0..bench.amount(if large { 3 } else { 7 }, 3) {
        floor.push(bench.floor(&[traces], settings.threads)?);
        indexing.push(bench.index(&[traces], settings, &index)?);
        exporting.push(bench.export(&index, &tables, &[])?);
    }
    let facts = bench.facts(&index)?;
    agree("records generated and indexed", traces.records, facts.records)?;
    let tables_bytes = inputs::size(&tables)?;
    Ok(Build {
        name,
        settings,
        trace_bytes: traces.bytes,
        tables_bytes,
        facts,
        floor,
        index: indexing,
        export: exporting,
    })
}
