//! The report on the results, with tables and plots.

use std::path::Path;

use anyhow::Result;

use super::builds::Builds;
use super::exports::{Exports, WHOLE};
use super::micro::Step;
use super::page::Page;
use super::peers::{Comparison, Format, LIMIT, Measured, Outcome};
use super::plot::{self, Axis, Group, Line};
use super::process::Costs;
use super::samples::Samples;
use super::scaling::{Point, Scaling};
use super::words::{bytes, count, number, seconds};
use super::{Results, targets};

/// The report, to which each part of the bench adds a section.
struct Report {
    page: Page,
}

/// Writes the report to `folder`/`name`, and its plots to a directory from there.
pub(super) fn write(results: &Results, folder: &Path, name: &str, plots_in: &'static str) -> Result<()> {
    let mut report = Report { page: Page::new(plots_in) };
    report.opening(results);
    report.targets(results);
    if let Some(comparisons) = &results.peers {
        report.peers(comparisons);
    }
    if let Some(builds) = &results.builds {
        report.builds(builds);
    }
    if let Some(scaling) = &results.scaling {
        report.scaling(scaling);
    }
    if let Some(exports) = &results.exports {
        report.exports(exports);
    }
    if let Some(steps) = &results.micro {
        report.micro(steps);
    }
    report.page.write(folder, name)
}

/// Formats the median, the minimum and the maximum.
fn spread(samples: &Samples) -> String {
    format!("{} ({}–{})", seconds(samples.median()), seconds(samples.min()), seconds(samples.max()))
}

/// Formats a mark of an axis.
fn whole(value: f64) -> String {
    count(value as u64)
}

/// The way from traces to tables with one of the tools.
struct Job<'r> {
    name: &'r str,
    seconds: &'r Samples,
    /// Its time divided by ours; `None` if they are not comparable.
    ratio: Option<f64>,
    /// The format of our tables that it is compared with.
    to: Format,
    cost: &'r Costs,
    /// 0 if it makes no index.
    index_bytes: u64,
    rows: u64,
}

impl Job<'_> {
    /// Returns its row of the table, with a remark on its totals.
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

impl Report {
    fn opening(&mut self, results: &Results) {
        let command = if results.quick { "cargo xtask bench --quick" } else { "cargo xtask bench" };
        self.page.say(&format!(
            "# Benchmarks\n\nWritten by `{command}` in one run. Compared programs ran alternately, many times."
        ));
        self.page.say("Seconds depend on the machine and its other load; compare the ratios, which are of medians.");
        self.page.say("Parentheses hold the minimum and the maximum.");
        if results.quick {
            self.page.say("\n**Small inputs and few repetitions: these numbers only show that the bench works.**");
        }
        let machine = &results.machine;
        self.page.head(&["", ""]);
        let memory = machine.memory_bytes.map_or("unknown".to_owned(), |value| bytes(value as f64));
        let load = machine.load.map_or("unknown".to_owned(), |load| format!("{load} processes"));
        for (name, value) in [
            ("processor", &machine.processor),
            ("cores", &machine.cores.to_string()),
            ("memory", &memory),
            ("system", &machine.system),
            ("compiler", &machine.compiler),
            ("load before", &load),
        ] {
            self.page.row(&[name.to_owned(), value.clone()]);
        }
    }

    fn targets(&mut self, results: &Results) {
        self.page.say("\n## Targets");
        if results.quick {
            self.page.say("\nThe targets are set for the inputs of the full bench; these results are of small inputs.");
        }
        self.page.head(&["", "what", "wanted", "measured", ""]);
        for target in targets::judge(results) {
            let met = match target.met {
                Some(true) => "met",
                Some(false) => "**not met**",
                None => "–",
            };
            self.page.row(&[target.number.to_string(), target.what, target.wanted, target.measured, met.to_owned()]);
        }
    }

    fn peers(&mut self, comparisons: &[Comparison]) {
        self.page.say("\n## Compared with other tools\n");
        self.page.say(
            "From traces to the statistics of each series and second. `dft` and Python packages of dftracer-utils",
        );
        self.page.say(
            "build an index first. Polars and DuckDB make the same events table, including names, with every statistic of",
        );
        self.page.say("the index (count, sum, extrema, mean and deviation of 12 metrics), and no index.");
        self.page.say(
            "Packages of dftracer-utils pass Arrow tables in memory; `dft export` writes files: Arrow tables, to compare with",
        );
        self.page.say("those packages, or Parquet, as Polars and DuckDB do.");
        self.page.say("A peer measures its own seconds, without Python's start; those of `dft` are of two processes.");
        self.page.say(
            "Polars gets inflated text; inflating is not counted. Times are compared only if the totals, and the values of",
        );
        self.page.say(&format!(
            "those tables, are equal. A tool that takes more than {} min is killed.",
            LIMIT.as_secs() / 60
        ));
        for comparison in comparisons {
            let facts = &comparison.dft.facts;
            self.page.say(&format!(
                "\n### {}: {} records, {} of gzip, {} rows",
                comparison.input,
                count(facts.records),
                bytes(comparison.trace_bytes as f64),
                count(facts.rows)
            ));
            self.page.head(&["", "time", "× dft", "of dft to", "CPU", "peak memory", "index", "rows", "totals"]);
            for to in Format::ALL {
                let cost = comparison.dft.cost(to);
                let (seconds, index_bytes, rows) = (&cost.seconds, facts.index_bytes, facts.rows);
                self.page.row(
                    &Job { name: "dft", seconds, ratio: Some(1.0), to, cost, index_bytes, rows }.cells("the records'"),
                );
            }
            for outcome in &comparison.peers {
                self.peer(comparison, outcome);
            }
            let floor = comparison.floor.median() / comparison.dft.cost(Format::Parquet).seconds.median();
            self.page.say(&format!("\nInflating alone takes {} of the time of `dft`, to Parquet.", number(floor)));
        }
        let groups = comparisons.iter().map(|comparison| Group {
            name: comparison.input.to_owned(),
            bars: std::iter::once(("dft".to_owned(), 1.0))
                .chain(comparison.peers.iter().filter_map(|o| Some((o.peer.clone(), comparison.ratio(o)?))))
                .collect(),
        });
        let plot = plot::bars("Traces to tables: time, × dft", " ×", &groups.collect::<Vec<_>>());
        self.page.plot("peers", "Time of each tool over that of dft", plot);
    }

    fn peer(&mut self, comparison: &Comparison, outcome: &Outcome) {
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
                self.page
                    .row(&Job { name, seconds, ratio, to, cost, index_bytes: *index_bytes, rows: *rows }.cells(&same));
            }
            Err(skipped) => {
                let mut cells = vec![outcome.peer.clone(), format!("skipped: {}", skipped.0.replace(['\n', '|'], " "))];
                cells.resize(9, String::new());
                self.page.row(&cells);
            }
        }
    }

    fn builds(&mut self, builds: &Builds) {
        self.page.say("\n## Builds\n");
        self.page.say(
            "`dft index` and `dft export` (all tables), compared with the floor: the time to only read and inflate the same",
        );
        self.page.say("files with as many threads.");
        self.page.head(&[
            "input",
            "records",
            "rows",
            "trace",
            "index",
            "tables",
            "floor",
            "index: time",
            "× floor",
            "per record",
            "CPU",
            "peak memory",
            "export: time",
            "× floor",
            "peak memory",
        ]);
        for build in &builds.builds {
            let (facts, index, export) = (&build.facts, &build.index, &build.export);
            self.page.row(&[
                build.name.to_owned(),
                count(facts.records),
                count(facts.rows),
                bytes(build.trace_bytes as f64),
                bytes(facts.index_bytes as f64),
                bytes(build.tables_bytes as f64),
                seconds(build.floor.median()),
                spread(&index.seconds),
                number(build.over_floor()),
                seconds(index.seconds.median() / facts.records as f64),
                seconds(index.cpu_seconds.median()),
                bytes(index.peak_bytes.max()),
                spread(&export.seconds),
                number(export.seconds.median() / build.floor.median()),
                bytes(export.peak_bytes.max()),
            ]);
        }
        self.page.say(&format!(
            "\nIndexing the small files again, with nothing to do: {}, peak memory {}.",
            spread(&builds.again.seconds),
            bytes(builds.again.peak_bytes.max())
        ));
        let bars = builds.builds.iter().map(|build| (build.name.to_owned(), build.over_floor())).collect();
        let group = Group { name: String::new(), bars };
        self.page.plot(
            "builds",
            "Time of a build over inflating",
            plot::bars("dft index: time, × inflating", " ×", &[group]),
        );
    }

    fn scaling(&mut self, scaling: &Scaling) {
        self.page.say("\n## Scaling\n");
        self.page.say(
            "`dft index` on traces of high cardinality. The time per record should stay constant; memory should follow the",
        );
        self.page.say("budget, not the trace.");
        let points = [&scaling.records, &scaling.threads, &scaling.memory];
        self.page.head(&["records", "threads", "budget", "time", "per record", "× the first", "CPU", "peak memory"]);
        for points in points {
            let first = points.first().map_or(f64::NAN, Point::per_record_ns);
            for point in points {
                self.page.row(&[
                    count(point.records),
                    point.settings.threads.to_string(),
                    format!("{} MiB", point.settings.memory_mib),
                    spread(&point.cost.seconds),
                    seconds(point.per_record_ns() / 1e9),
                    number(point.per_record_ns() / first),
                    seconds(point.cost.cpu_seconds.median()),
                    bytes(point.cost.peak_bytes.max()),
                ]);
            }
        }
        let records = Axis { name: "records", show: whole, logarithmic: true };
        let nanoseconds = Axis { name: "ns per record", show: whole, logarithmic: false };
        let cost = |point: &Point| (point.records as f64, point.per_record_ns());
        let line = Line { name: "dft index", points: scaling.records.iter().map(cost).collect(), bound: false };
        let plot = plot::lines("Time per record", &records, &nanoseconds, &[line]);
        self.page.plot("scaling-records", "Nanoseconds per record, by records", plot);
        let budget = Axis { name: "budget, MiB", show: whole, logarithmic: true };
        let peak = Axis { name: "peak, MiB", show: whole, logarithmic: true };
        let mib = |value: f64| value / f64::from(1 << 20);
        let of = |at: &dyn Fn(&Point) -> f64| {
            scaling.memory.iter().map(|point| (point.settings.memory_mib as f64, at(point))).collect()
        };
        let lines = [
            Line { name: "dft index", points: of(&|point| mib(point.cost.peak_bytes.max())), bound: false },
            Line { name: "budget + 150 MB", points: of(&|p| p.settings.memory_mib as f64 + mib(150e6)), bound: true },
        ];
        self.page.plot("scaling-memory", "Peak memory, by budget", plot::lines("Peak memory", &budget, &peak, &lines));
    }

    fn exports(&mut self, exports: &Exports) {
        let facts = &exports.facts;
        self.page.say(&format!(
            "\n## Exports\n\nTables of an index of {} rows, {}.",
            count(facts.rows),
            bytes(facts.index_bytes as f64)
        ));
        self.page.head(&["", "arguments", "time", "of the whole", "CPU", "peak memory", "tables"]);
        let whole = exports.of(WHOLE).map_or(f64::NAN, |export| export.cost.seconds.median());
        for export in &exports.exports {
            self.page.row(&[
                export.name.to_owned(),
                format!("`{}`", export.arguments).replace("``", ""),
                spread(&export.cost.seconds),
                number(export.cost.seconds.median() / whole),
                seconds(export.cost.cpu_seconds.median()),
                bytes(export.cost.peak_bytes.max()),
                bytes(export.bytes as f64),
            ]);
        }
    }

    fn micro(&mut self, steps: &[Step]) {
        self.page.say("\n## Single steps\n");
        self.page
            .say("On one thread, measured by criterion: the median of one iteration and its 95 % confidence interval.");
        self.page.head(&["group", "step", "time", "rate"]);
        for step in steps {
            let rate = match (step.bytes_per_second(), step.elements) {
                (Some(rate), _) => format!("{} GB/s", number(rate / 1e9)),
                (None, Some(elements)) => format!("{} each", seconds(step.ns / elements as f64 / 1e9)),
                (None, None) => String::new(),
            };
            let [median, low, high] = [step.ns, step.ns_low, step.ns_high].map(|ns| seconds(ns / 1e9));
            self.page.row(&[step.group.clone(), step.name.clone(), format!("{median} ({low}–{high})"), rate]);
        }
        let groups = (0..4).map(|generation| {
            let records = steps.iter().filter(|step| step.group == "records");
            let bar = |step: &Step| {
                let (parser, of) = step.name.split_once(", ")?;
                let rate = step.bytes_per_second()? / 1e9;
                (of == generation.to_string()).then(|| (parser.to_owned(), rate))
            };
            Group { name: format!("generation {generation}"), bars: records.filter_map(bar).collect() }
        });
        let plot = plot::bars("Parsing, one thread", " GB/s", &groups.collect::<Vec<_>>());
        self.page.plot("parsing", "Parsing rates, by tracer generation and parser", plot);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::dft::BuildSettings;
    use super::super::machine::Machine;
    use super::super::process::Cost;
    use super::*;

    fn point(records: u64) -> Point {
        let mut cost = Costs::default();
        cost.push(Cost { seconds: records as f64 / 4e6, cpu_seconds: 1.0, peak_bytes: 100 << 20 });
        Point { records, settings: BuildSettings::of(2), cost }
    }

    #[test]
    fn every_plot_is_where_the_report_links_it() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let points = || vec![point(1_000_000), point(3_000_000)];
        let scaling = Some(Scaling { records: points(), threads: points(), memory: points() });
        let machine = Machine::describe();
        let results = Results { machine, quick: false, micro: None, peers: None, builds: None, scaling, exports: None };
        write(&results, folder.path(), "benchmarks.md", "benchmarks").expect("a report");
        let text = fs::read_to_string(folder.path().join("benchmarks.md")).expect("a report");
        assert!(text.contains(&results.machine.processor));
        let links: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert_eq!(links, ["benchmarks/scaling-records.svg", "benchmarks/scaling-memory.svg"]);
        for link in links {
            assert!(fs::read_to_string(folder.path().join(link)).expect("a plot").starts_with("<svg"));
        }
    }
}
