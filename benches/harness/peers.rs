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

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use crate::bench::{Bench, agree, say};
use crate::dft::{BuildSettings, Facts, Totals};
use crate::inputs::{self, Traces};
use crate::process::{self, Costs};
use crate::samples::Samples;

/// The time limit of a peer for one input.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

struct Peer {
    name: &'static str,
    /// The version of its package; none for the package of this project, which is used as built.
    version: Option<&'static str>,
    /// Other packages that it needs.
    packages: &'static [&'static str],
    script: &'static str,
    /// Whether it reads only inflated text.
    text: bool,
    /// Whether it makes a table to compare with ours, instead of an index.
    table: bool,
    /// The format of `dft export` that it is compared with.
    beside: Format,
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

const PEERS: [Peer; 5] = [
    Peer {
        name: "dftracer-utils",
        version: Some("0.0.14"),
        packages: &["pandas==3.1.1", "pyarrow==26.0.1"],
        script: "dftracer_utils_0_0_14.py",
        text: false,
        table: false,
        beside: Format::Arrow,
    },
    Peer {
        name: "dftracer-utils",
        version: Some("0.0.12"),
        packages: &["pyarrow==26.0.1"],
        script: "dftracer_utils_0_0_12.py",
        text: false,
        table: false,
        beside: Format::Arrow,
    },
    Peer {
        name: "polars",
        version: Some("2.1.0"),
        packages: &[],
        script: "polars_table.py",
        text: true,
        table: true,
        beside: Format::Parquet,
    },
    Peer {
        name: "duckdb",
        version: Some("2.0.1"),
        packages: &[],
        script: "duckdb_table.py",
        text: false,
        table: true,
        beside: Format::Parquet,
    },
    Peer {
        name: "dft-utils for Python",
        version: None,
        packages: &["pyarrow==26.0.1"],
        script: "dft_utils_python.py",
        text: false,
        table: false,
        beside: Format::Parquet,
    },
];

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

/// The output of a peer's script.
#[derive(Deserialize)]
struct Fact {
    seconds: std::collections::BTreeMap<String, f64>,
    totals: Totals,
    rows: u64,
    index_bytes: u64,
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

impl Peer {
    fn title(&self) -> String {
        [Some(self.name), self.version].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Returns the peer's Python, with its packages.
    fn python(&self, tools: &Path) -> Result<PathBuf> {
        let directory = tools.join("peers").join(self.title().replace(' ', "-"));
        let python = directory.join("bin/python");
        let mut packages: Vec<String> =
            self.version.iter().map(|version| format!("{}=={version}", self.name)).collect();
        packages.extend(self.packages.iter().map(|&package| package.to_owned()));
        // Written last, so an incomplete environment has no stamp.
        let stamp = directory.join("packages");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == packages.join("\n")) {
            return Ok(python);
        }
        say(&format!("fetching {}", packages.join(", ")));
        inputs::remove(&directory)?;
        let succeeds = |command: &mut Command| -> Result<()> {
            let output =
                command.output().with_context(|| format!("{} cannot be run", command.get_program().display()))?;
            if !output.status.success() {
                bail!("{}", String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or("failed"));
            }
            Ok(())
        };
        succeeds(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
        succeeds(Command::new(&python).args(install).args(&packages))?;
        fs::write(&stamp, packages.join("\n")).with_context(|| format!("cannot write {}", stamp.display()))?;
        Ok(python)
    }

    fn run(
        &self,
        bench: &Bench,
        python: &Path,
        traces: &Traces,
        settings: BuildSettings,
    ) -> Result<(f64, Fact, process::Cost)> {
        let out = bench.peer_tables();
        inputs::remove(&out)?;
        fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        let mut command = bench.script(python, self.script);
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
    fn peer_tables(&self) -> PathBuf {
        self.scratch().join("peer")
    }

    fn script(&self, python: &Path, name: &str) -> Command {
        let mut command = Command::new(python);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(self.workspace.join("benches/peers").join(name));
        command
    }

    /// Returns how the table of a peer differs from those of an index; empty if it does not.
    fn differences(&self, python: &Path, index: &Path) -> Result<String> {
        let tables = self.scratch().join("same");
        self.export(index, &tables, &["--table", "events", "--table", "aggregation"])?;
        let mut command = self.script(python, "same_table.py");
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

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Comparison>> {
    println!("\n── peers");
    let environments: Vec<(&Peer, Result<PathBuf>)> =
        PEERS.iter().map(|peer| (peer, peer.python(&bench.tools))).collect();
    let records = bench.amount(1_900_000, 190_000);
    let mut inputs = vec![
        ("high cardinality", records, "--files 4", bench.amount(5, 3)),
        ("low cardinality", records, "--files 4 --cardinality low", bench.amount(5, 3)),
    ];
    if !bench.quick {
        // Once, since the slowest peers take minutes.
        inputs.push(("high cardinality, × 10", 10 * records, "--files 4", 1));
    }
    let mut comparisons = Vec::new();
    for (input, records, arguments, rounds) in inputs {
        let traces = inputs::make(bench, records, arguments)?;
        comparisons.push(compare(bench, input, &traces, rounds, &environments, &comparisons)?);
    }
    Ok(comparisons)
}

fn compare(
    bench: &Bench,
    input: &'static str,
    traces: &Traces,
    rounds: usize,
    environments: &Environments<'_>,
    before: &[Comparison],
) -> Result<Comparison> {
    say(input);
    let settings = BuildSettings::of(bench.threads);
    let text = inflated(traces)?;
    let (index, tables) = (bench.scratch().join("index"), bench.scratch().join("tables"));
    let comparer = environments.iter().find(|(peer, _)| peer.name == COMPARER).and_then(|(_, at)| at.as_ref().ok());
    let (mut floor, mut arrow, mut parquet) = (Samples::default(), Costs::default(), Costs::default());
    let mut outcomes: Vec<Outcome> = environments
        .iter()
        .map(|(peer, python)| {
            let (peer, beside) = (peer.title(), peer.beside);
            let failed = before.iter().any(|input| input.outcome(&peer).is_some_and(|outcome| outcome.result.is_err()));
            let result = match python {
                Err(error) => Err(Skipped(format!("it cannot be installed: {error:#}"))),
                Ok(_) if failed => Err(Skipped("it failed before, on other traces".to_owned())),
                Ok(_) => Ok(Measured::default()),
            };
            Outcome { peer, beside, result }
        })
        .collect();
    for round in 0..rounds {
        floor.push(bench.floor(&[traces], settings.threads)?);
        let indexing = bench.index(&[traces], settings, &index)?;
        for (costs, format) in [(&mut arrow, "arrow"), (&mut parquet, "parquet")] {
            costs.push(indexing.then(bench.export(&index, &tables, &["--format", format])?));
        }
        for ((peer, python), outcome) in environments.iter().zip(&mut outcomes) {
            let (Ok(python), Ok(measured)) = (python, &mut outcome.result) else { continue };
            match peer.run(bench, python, if peer.text { &text } else { traces }, settings) {
                Ok((seconds, said, cost)) => {
                    measured.seconds.push(seconds);
                    measured.cost.push(cost);
                    (measured.totals, measured.rows, measured.index_bytes) = (said.totals, said.rows, said.index_bytes);
                    if let (0, true, Some(python)) = (round, peer.table, comparer) {
                        measured.differences = Some(bench.differences(python, &index)?);
                    }
                }
                Err(error) => outcome.result = Err(Skipped(format!("{error:#}"))),
            }
        }
    }
    let dft = Own { arrow, parquet, facts: bench.facts(&index)?, totals: bench.totals(&index)? };
    agree("records generated and counted", traces.records, dft.totals.calls)?;
    Ok(Comparison { input, settings, trace_bytes: traces.bytes, floor, dft, peers: outcomes })
}

/// Makes text files of the traces, without the brackets around them, which are an error to Polars.
fn inflated(traces: &Traces) -> Result<Traces> {
    let name = format!("{}-text", traces.name);
    let directory = traces.directory.with_file_name(&name);
    let bytes = inputs::size(&directory).unwrap_or_default();
    if bytes > traces.bytes {
        return Ok(Traces { name, directory, records: traces.records, bytes });
    }
    // Under another name until it is complete.
    let unfinished = traces.directory.with_file_name(format!("{name}-unfinished"));
    inputs::remove(&unfinished)?;
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(&unfinished)?;
        for file in fs::read_dir(&traces.directory)? {
            let file = file?;
            let mut text = BufWriter::new(File::create(unfinished.join(file.file_name()).with_extension(""))?);
            let lines = BufReader::new(MultiGzDecoder::new(File::open(file.path())?)).split(b'\n');
            for line in lines {
                let line = line?;
                if line.starts_with(b"{") {
                    text.write_all(&line)?;
                    text.write_all(b"\n")?;
                }
            }
            text.flush()?;
        }
        fs::rename(&unfinished, &directory)
    };
    write().with_context(|| format!("cannot write {}", directory.display()))?;
    let bytes = inputs::size(&directory)?;
    Ok(Traces { name, directory, records: traces.records, bytes })
}
