//! Measures the time per record and the peak memory with more records, fewer threads and less memory.

use anyhow::Result;
use serde::Serialize;

use crate::bench::{Bench, say};
use crate::dft::BuildSettings;
use crate::inputs::{self, Traces};
use crate::process::Costs;

#[derive(Serialize)]
pub(crate) struct Scaling {
    /// 1, 3, 10 and 30 times as many records.
    pub(crate) records: Vec<Point>,
    pub(crate) threads: Vec<Point>,
    /// The same traces with increasing memory budgets.
    pub(crate) memory: Vec<Point>,
}

/// A measured build.
#[derive(Serialize)]
pub(crate) struct Point {
    pub(crate) records: u64,
    pub(crate) settings: BuildSettings,
    pub(crate) cost: Costs,
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
    say("memory");
    // Fewer repetitions, since peaks vary less than seconds.
    let memory = points(bench, bench.amount(3, 2), &budgets.map(|settings| of(3, settings)))?;
    Ok(Scaling { records, threads, memory })
}

/// Runs the builds alternately, many times.
fn points(bench: &Bench, times: usize, builds: &[(&Traces, BuildSettings)]) -> Result<Vec<Point>> {
    let index = bench.scratch().join("index");
    let point = |(traces, settings): &(&Traces, BuildSettings)| Point {
        records: traces.records,
        settings: *settings,
        cost: Costs::default(),
    };
    let mut points: Vec<Point> = builds.iter().map(point).collect();
    for _ in 0..times {
        for (point, (traces, settings)) in points.iter_mut().zip(builds) {
            point.cost.push(bench.index(&[traces], *settings, &index)?);
        }
    }
    Ok(points)
}
