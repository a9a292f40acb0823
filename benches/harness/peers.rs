//! Compares `dft` with other tools that turn traces into the statistics of each series and bucket.
//!
//! Each peer is a script in `benches/peers`, which runs in a separate virtual environment with pinned packages. It
//! measures its seconds itself, without Python's start and imports; those of `dft` are of its whole processes. Memory and
//! CPU time are of whole processes for all.
//!
//! A peer without an index makes a table of everything that our index holds, and is compared value by value. One that
//! takes too long is killed, and the report states it.
//!
//! A peer is compared with the `dft export` to its format: dftracer-utils passes Arrow tables, which ours has to write to
//! files, and the others write Parquet.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

use crate::bench::{Bench, agree, say};
use crate::dft::{BuildSettings, Facts, Totals};
use crate::inputs::{self, Traces};
use crate::peer::{Content, Format, PEERS, Peer};
use crate::process::{self, Costs};
use crate::samples::Samples;
use crate::text_traces::inflated;

/// The peer whose environment has the packages for the comparison of tables.
const COMPARER: &str = "polars";

/// The results of `dft` and its peers for one input.
#[derive(Serialize)]
pub(crate) struct Comparison {
    pub(crate) input: &'static str,
    pub(crate) settings: BuildSettings,
    pub(crate) trace_bytes: u64,
    pub(crate) floor: Samples,
    pub(crate) dft: Own,
    pub(crate) peers: Vec<Outcome>,
}

#[derive(Serialize)]
pub(crate) struct Own {
    /// The costs of an index and Arrow tables.
    pub(crate) arrow: Costs,
    /// The costs of an index and Parquet tables.
    pub(crate) parquet: Costs,
    pub(crate) facts: Facts,
    pub(crate) totals: Totals,
}

impl Own {
    /// Returns the costs of an index and tables in a format.
    pub(crate) fn cost(&self, format: Format) -> &Costs {
        match format {
            Format::Arrow => &self.arrow,
            Format::Parquet => &self.parquet,
        }
    }
}

/// The result of a peer.
#[derive(Serialize)]
pub(crate) struct Outcome {
    pub(crate) peer: String,
    /// The format of `dft export` that it is compared with.
    pub(crate) beside: Format,
    pub(crate) result: Result<Measured, Skipped>,
}

/// Why a peer was not measured.
#[derive(Serialize)]
pub(crate) struct Skipped(pub(crate) String);

#[derive(Default, Serialize)]
pub(crate) struct Measured {
    /// The seconds from traces to tables, as the peer measures them.
    pub(crate) seconds: Samples,
    /// The costs of whole processes.
    pub(crate) cost: Costs,
    pub(crate) totals: Totals,
    pub(crate) rows: u64,
    /// 0 if the peer makes no index.
    pub(crate) index_bytes: u64,
    /// How its table differs from ours; empty if it does not, `None` if it was not compared.
    pub(crate) differences: Option<String>,
}

impl Comparison {
    /// Returns the time of a peer divided by ours; `None` if it was not measured or has other totals.
    pub(crate) fn ratio(&self, outcome: &Outcome) -> Option<f64> {
        let measured = outcome.result.as_ref().ok()?;
        let same = measured.totals == self.dft.totals && measured.differences.as_ref().is_none_or(String::is_empty);
        same.then(|| measured.seconds.median() / self.dft.cost(outcome.beside).seconds.median())
    }

    pub(crate) fn outcome(&self, peer: &str) -> Option<&Outcome> {
        self.peers.iter().find(|outcome| outcome.peer == peer)
    }
}

impl Bench {
    /// Returns how the table of a peer differs from those of an index; empty if it does not.
    fn differences(&self, python: &Path, index: &Path, content: Content) -> Result<String> {
        let tables = self.scratch().join("same");
        let (arguments, script): (&[&str], _) = match content {
            Content::Calls => (&["--table", "events", "--table", "aggregation"], "same_table.py"),
            Content::Telemetry => (&["--table", "system"], "same_telemetry.py"),
        };
        self.export(index, &tables, arguments)?;
        let mut command = self.script(python, script);
        Ok(process::run(command.arg(tables).arg(self.peer_tables()), &self.log())?.1.trim().to_owned())
    }
}

/// The peers that have targets, in the order of the report, and the format of `dft export` that each is compared with.
pub(crate) fn others() -> impl Iterator<Item = (String, Format)> {
    PEERS.iter().filter(|peer| peer.version.is_some()).map(|peer| (peer.title(), peer.beside))
}

/// This project's package for Python.
pub(crate) fn python() -> Option<String> {
    PEERS.iter().find(|peer| peer.version.is_none()).map(Peer::title)
}

type Environments<'p> = [(&'p Peer, Result<PathBuf>)];

/// An input of a comparison.
struct Input {
    name: &'static str,
    records: u64,
    /// Other arguments of the generator.
    arguments: String,
    content: Content,
    rounds: usize,
}

/// Names of inputs that have targets.
pub(crate) const HIGH: &str = "high cardinality";
pub(crate) const FILE_PER_CALL: &str = "a file for each call";
pub(crate) const TELEMETRY: &str = "telemetry";

fn inputs(bench: &Bench) -> Vec<Input> {
    let input = |name, records: (u64, u64), arguments: &str, rounds| Input {
        name,
        records: bench.amount(records.0, records.1),
        arguments: arguments.to_owned(),
        content: Content::Calls,
        rounds: bench.amount(rounds, 2),
    };
    let mut inputs = vec![
        input(HIGH, (1_900_000, 190_000), "--shape high-cardinality", 5),
        input("low cardinality", (1_900_000, 190_000), "--shape low-cardinality", 5),
        // Fewer rounds, because the slowest peers take a minute.
        input(FILE_PER_CALL, (1_000_000, 20_000), "--shape file-per-call", 3),
        input(
            "many small files",
            (400_000, 40_000),
            &format!("--shape small-files --files {}", bench.amount(2000, 200)),
            3,
        ),
        // In the form that both versions of dftracer-utils can read.
        Input {
            content: Content::Telemetry,
            ..input(TELEMETRY, (400_000, 40_000), "--shape telemetry --generation 2", 3)
        },
    ];
    if !bench.quick {
        // Once, since the slowest peers take minutes.
        inputs.push(input("high cardinality, × 10", (19_000_000, 0), "--shape high-cardinality", 1));
    }
    inputs.retain(|input| bench.wants(input.name));
    inputs
}

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Comparison>> {
    println!("\n── peers");
    let environments: Vec<(&Peer, Result<PathBuf>)> =
        PEERS.iter().map(|peer| (peer, peer.python(&bench.tools))).collect();
    let mut comparisons = Vec::new();
    for input in inputs(bench) {
        let traces = inputs::make(bench, input.records, &input.arguments)?;
        comparisons.push(compare(bench, &input, &traces, &environments)?);
    }
    Ok(comparisons)
}

fn compare(bench: &Bench, input: &Input, traces: &Traces, environments: &Environments<'_>) -> Result<Comparison> {
    say(input.name);
    let settings = BuildSettings::of(bench.threads);
    let text = inflated(traces)?;
    let (index, tables) = (bench.scratch().join("index"), bench.scratch().join("tables"));
    let comparer = environments.iter().find(|(peer, _)| peer.name == COMPARER).and_then(|(_, at)| at.as_ref().ok());
    let (mut floor, mut arrow, mut parquet) = (Samples::default(), Costs::default(), Costs::default());
    let mut outcomes: Vec<Outcome> = environments
        .iter()
        .map(|(peer, python)| {
            let result = match python {
                Err(error) => Err(Skipped(format!("it cannot be installed: {error:#}"))),
                Ok(_) if peer.script(input.content).is_none() => Err(Skipped("it cannot do this".to_owned())),
                Ok(_) => Ok(Measured::default()),
            };
            Outcome { peer: peer.title(), beside: peer.beside, result }
        })
        .collect();
    for round in 0..input.rounds {
        floor.push(bench.floor(&[traces], settings.threads)?);
        let indexing = bench.index(&[traces], settings, &index)?;
        for (costs, format) in [(&mut arrow, "arrow"), (&mut parquet, "parquet")] {
            costs.push(indexing.then(bench.export(&index, &tables, &["--format", format])?));
        }
        for ((peer, python), outcome) in environments.iter().zip(&mut outcomes) {
            let (Ok(python), Ok(measured)) = (python, &mut outcome.result) else { continue };
            match peer.run(bench, python, if peer.text { &text } else { traces }, input.content, settings) {
                Ok((seconds, said, cost)) => {
                    measured.seconds.push(seconds);
                    measured.cost.push(cost);
                    (measured.totals, measured.rows, measured.index_bytes) = (said.totals, said.rows, said.index_bytes);
                    if let (0, true, Some(python)) = (round, peer.table, comparer) {
                        measured.differences = Some(bench.differences(python, &index, input.content)?);
                    }
                }
                Err(error) => outcome.result = Err(Skipped(format!("{error:#}"))),
            }
        }
    }
    let facts = bench.facts(&index)?;
    // Readings count as calls, in the totals of peers, too.
    let totals = Totals { calls: facts.records, ..bench.totals(&index)? };
    let dft = Own { arrow, parquet, facts, totals };
    agree("records generated and counted", traces.records, facts.records)?;
    Ok(Comparison { input: input.name, settings, trace_bytes: traces.bytes, floor, dft, peers: outcomes })
}
