//! Measures the time per record and the peak memory with more records, other numbers of threads and less memory.

use anyhow::Result;
use serde::Serialize;

use crate::bench::{Bench, agree, say};
use crate::dft::BuildSettings;
use crate::inputs::{self, Traces};
use crate::process::Costs;

#[derive(Serialize)]
pub(crate) struct Scaling {
    /// 1, 3, 10 and 30 times as many records.
    pub(crate) records: Vec<Point>,
    /// One and two threads.
    pub(crate) threads: Vec<Point>,
    /// Two threads and more, in the order of [`THREADS`], for traces in 4 and in 16 files.
    pub(crate) contention: Vec<Vec<Point>>,
    /// The same traces with increasing memory budgets.
    pub(crate) memory: Vec<Point>,
    /// 100 million records.
    pub(crate) huge: Option<Huge>,
}

/// The numbers of threads whose contention is measured.
pub(crate) const THREADS: [usize; 3] = [2, 8, 32];

/// A measured build.
#[derive(Serialize)]
pub(crate) struct Point {
    pub(crate) records: u64,
    pub(crate) files: u64,
    pub(crate) settings: BuildSettings,
    pub(crate) cost: Costs,
}

/// A build of 100 million records.
#[derive(Serialize)]
pub(crate) struct Huge {
    /// A fiftieth of the records, with as many in each row.
    pub(crate) small: Point,
    pub(crate) whole: Point,
    pub(crate) export: Costs,
}

impl Point {
    /// Returns the nanoseconds per record.
    pub(crate) fn per_record_ns(&self) -> f64 {
        self.cost.seconds.median() / self.records as f64 * 1e9
    }
}

pub(crate) fn measure(bench: &Bench) -> Result<Scaling> {
    println!("\n── scaling");
    let sizes = bench.amount([633_000, 1_900_000, 6_330_000, 19_000_000], [38_000, 114_000, 380_000, 1_140_000]);
    let traces = sizes.map(|records| inputs::make(bench, records, "--files 4"));
    let traces = traces.into_iter().collect::<Result<Vec<_>>>()?;
    let settings = BuildSettings::of(bench.threads);
    let of = |at: usize, settings| (&traces[at], settings);
    let budgets = [64, 128, 256, 512, 1024, 2048].map(|memory_mib| BuildSettings { memory_mib, ..settings });
    say("records");
    let times = bench.amount(5, 2);
    let records = points(bench, times, &[0, 1, 2, 3].map(|at| of(at, settings)))?;
    say("threads");
    let threads = points(bench, times, &[1, 2].map(|threads| of(1, BuildSettings { threads, ..settings })))?;
    let contention = contention(bench, times, settings)?;
    say("memory");
    // Fewer repetitions, since peaks vary less than seconds.
    let memory = points(bench, bench.amount(3, 2), &budgets.map(|settings| of(3, settings)))?;
    let huge = if bench.huge { Some(huge(bench, settings)?) } else { None };
    Ok(Scaling { records, threads, contention, memory, huge })
}

fn contention(bench: &Bench, times: usize, settings: BuildSettings) -> Result<Vec<Vec<Point>>> {
    let mut contention = Vec::new();
    for files in [4, 16] {
        say(&format!("more threads than cores, {files} files"));
        let traces = inputs::make(bench, bench.amount(1_900_000, 114_000), &format!("--files {files}"))?;
        let builds = THREADS.map(|threads| (&traces, BuildSettings { threads, ..settings }));
        contention.push(points(bench, times, &builds)?);
    }
    Ok(contention)
}

/// Builds and exports 100 million records once. Their traces are removed afterwards.
fn huge(bench: &Bench, settings: BuildSettings) -> Result<Huge> {
    say("100 million records");
    let records = bench.amount(100_000_000, 2_000_000);
    let small = inputs::make(bench, records / 50, "--shape huge")?;
    let whole = inputs::make(bench, records, "--shape huge")?;
    let (index, tables) = (bench.scratch().join("index"), bench.scratch().join("tables"));
    let measured = || -> Result<Huge> {
        let mut small = points(bench, bench.amount(5, 2), &[(&small, settings)])?;
        let mut whole = points(bench, 1, &[(&whole, settings)])?;
        let mut export = Costs::default();
        export.push(bench.export(&index, &tables, &[])?);
        agree("records generated and indexed", records, bench.facts(&index)?.records)?;
        Ok(Huge { small: small.remove(0), whole: whole.remove(0), export })
    };
    let measured = measured();
    for directory in [&index, &tables] {
        inputs::remove(directory)?;
    }
    inputs::forget(bench, &whole)?;
    measured
}

/// Runs the builds alternately, many times.
fn points(bench: &Bench, times: usize, builds: &[(&Traces, BuildSettings)]) -> Result<Vec<Point>> {
    let index = bench.scratch().join("index");
    let point = |(traces, settings): &(&Traces, BuildSettings)| -> Result<Point> {
        let files = traces.files()?.len() as u64;
        Ok(Point { records: traces.records, files, settings: *settings, cost: Costs::default() })
    };
    let mut points = builds.iter().map(point).collect::<Result<Vec<_>>>()?;
    for _ in 0..times {
        for (point, (traces, settings)) in points.iter_mut().zip(builds) {
            point.cost.push(bench.index(&[traces], *settings, &index)?);
        }
    }
    Ok(points)
}
