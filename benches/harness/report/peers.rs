//! The section on other tools.

use crate::page::Page;
use crate::peer::{Format, LIMIT};
use crate::peers::{Comparison, Measured, Outcome};
use crate::plot::{self, Group};
use crate::process::Costs;
use crate::report::cells::spread;
use crate::samples::Samples;
use crate::words::{bytes, count, number, seconds};

/// A run from traces to tables, by one of the tools.
struct Job<'r> {
    name: &'r str,
    seconds: &'r Samples,
    /// Its time over that of `dft`; `None` if they must not be compared.
    ratio: Option<f64>,
    /// The format of the `dft` run that it is compared with.
    to: Format,
    cost: &'r Costs,
    /// 0 if it makes no index.
    index_bytes: u64,
    rows: u64,
}

impl Job<'_> {
    /// The cells of its table row; `totals` describes its totals.
    fn cells(&self, totals: &str) -> [String; 9] {
        [
            self.name.to_owned(),
            spread(self.seconds),
            self.ratio.map_or("not compared".to_owned(), number),
            self.to.name().to_owned(),
            seconds(self.cost.cpu_seconds.median()),
            bytes(self.cost.peak_bytes.max()),
            if self.index_bytes == 0 { "none".to_owned() } else { bytes(self.index_bytes as f64) },
            count(self.rows),
            totals.to_owned(),
        ]
    }
}

pub(crate) fn write(page: &mut Page, comparisons: &[Comparison]) {
    page.say("\n## Compared with other tools\n");
    page.say(
        "From traces to the statistics of each series and second. `dft` and the Python packages of dftracer-utils",
    );
    page.say(
        "make an index first. Polars and DuckDB make the same events table, including names, with every statistic of",
    );
    page.say("the index (count, sum, extrema, mean and deviation of each metric), and no index. For telemetry,");
    page.say("the table has the mean of every metric of a counter.");
    page.say("The packages of dftracer-utils return Arrow tables in memory. `dft export` writes its tables to files:");
    page.say("Arrow for the comparison with those packages, Parquet for the comparison with Polars and DuckDB.");
    page.say(
        "The seconds of a peer are those that it measures itself, without the start of Python; those of `dft` include",
    );
    page.say(
        "two processes. Polars is given inflated text, and the time to inflate it is not counted. Totals and the values of",
    );
    page.say(&format!(
        "those tables are compared before times are. A tool that takes more than {} min is stopped.",
        LIMIT.as_secs() / 60
    ));
    for comparison in comparisons {
        let facts = &comparison.dft.facts;
        page.say(&format!(
            "\n### {}: {} records, {} of gzip, {} rows",
            comparison.input,
            count(facts.records),
            bytes(comparison.trace_bytes as f64),
            count(facts.rows)
        ));
        page.head(&["", "time", "× dft", "dft writes", "CPU", "peak memory", "index", "rows", "totals"]);
        for to in Format::ALL {
            let cost = comparison.dft.cost(to);
            let (seconds, index_bytes, rows) = (&cost.seconds, facts.index_bytes, facts.rows);
            page.row(&Job { name: "dft", seconds, ratio: Some(1.0), to, cost, index_bytes, rows }.cells("as recorded"));
        }
        for outcome in &comparison.peers {
            peer(page, comparison, outcome);
        }
        let floor = comparison.floor.median() / comparison.dft.cost(Format::Parquet).seconds.median();
        page.say(&format!("\nInflating alone takes {} of the time of `dft` to Parquet.", number(floor)));
    }
    let groups = comparisons.iter().map(|comparison| Group {
        name: comparison.input.to_owned(),
        bars: std::iter::once(("dft".to_owned(), 1.0))
            .chain(comparison.peers.iter().filter_map(|o| Some((o.peer.clone(), comparison.ratio(o)?))))
            .collect(),
    });
    let plot = plot::bars("Traces to tables: time, × dft", " ×", &groups.collect::<Vec<_>>());
    page.plot("peers", "Time of each tool over that of dft", plot);
}

fn peer(page: &mut Page, comparison: &Comparison, outcome: &Outcome) {
    match &outcome.result {
        Ok(measured) => {
            let totals = comparison.dft.totals;
            let ratio = comparison.ratio(outcome);
            let differences = measured.differences.as_deref().unwrap_or_default();
            let same = if ratio.is_some() {
                let values = if measured.differences.is_some() { ", and every value" } else { "" };
                format!("the same{values}")
            } else if !differences.is_empty() {
                format!("other values: {differences}")
            } else {
                let theirs = measured.totals;
                let differ = |name: &str, own: u64, theirs: u64| {
                    (own != theirs).then(|| format!("{name}: {} instead of {}", count(theirs), count(own)))
                };
                let differences = [
                    differ("calls", totals.calls, theirs.calls),
                    differ("µs", totals.time_us, theirs.time_us),
                    differ("bytes", totals.bytes, theirs.bytes),
                ];
                differences.into_iter().flatten().collect::<Vec<_>>().join(", ")
            };
            let Measured { seconds, cost, rows, index_bytes, .. } = measured;
            let (name, to) = (&*outcome.peer, outcome.beside);
            page.row(&Job { name, seconds, ratio, to, cost, index_bytes: *index_bytes, rows: *rows }.cells(&same));
        }
        Err(skipped) => {
            let mut cells = vec![outcome.peer.clone(), format!("skipped: {}", skipped.0.replace(['\n', '|'], " "))];
            cells.resize(9, String::new());
            page.row(&cells);
        }
    }
}
