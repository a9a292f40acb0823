//! `dft summary`.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;
use dft_aggregate::IoCategory;
use dft_codec::{FileCounts, HOST_WIDE};
use dft_export::{Filter, Layer, Metric, Summary, Totals, View};
use dft_index::{gone_traces, lost_records};
use dft_io::Show;
use dft_store::Index;
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::SummaryArgs;
use crate::info::counts;
use crate::input::gone;
use crate::output::{say_json, say_titled, shortened, tell};
use crate::source;
use crate::table::{Align, table};
use crate::terminal::{has_unicode, sparkline, width};
use dft_io::units::{bytes, count, duration, plural, three_digits};

/// The width of names.
const NAME: usize = 48;

/// The most layers to show.
const MOST_LAYERS: usize = 16;

/// The width of a terminal with room for bars over time.
const WIDE: usize = 120;

/// The titles of sections.
const LAYERS: &str = "layer, kind of I/O";
const FUNCTIONS: &str = "top functions, by time";
const FILES: &str = "top files, by bytes";
const TELEMETRY: &str = "telemetry";
pub(crate) const TITLES: [&str; 4] = [LAYERS, FUNCTIONS, FILES, TELEMETRY];

/// The columns of sections about calls. The title of the section takes the place of the first.
const COLUMNS: [&str; 6] = ["", "calls", "time", "mean", "bytes", "bandwidth"];

/// The maximum numbers of metrics of a counter, and of counters, to show.
const METRICS: usize = 3;
const COUNTERS: usize = 4;

pub(crate) fn run(args: &SummaryArgs) -> Result<Outcome> {
    let (index, outcome) = source::open(&args.index)?;
    let gone_traces = gone_traces(&index)?;
    tell(&gone(&gone_traces));
    if !args.json {
        say_titled(&of(&index, args.top)?, &TITLES)?;
        return Ok(outcome);
    }
    let summary = Summary::of(&View::new(&index, None, Filter::default())?, args.top)?;
    let (traces, records, lost) = read(&index)?;
    summary.check_int64()?;
    let mut value = serde_json::to_value(&summary)?;
    if let Value::Object(fields) = &mut value {
        fields.insert("traces".to_owned(), json!(traces));
        fields.insert("records".to_owned(), counts(&records));
        fields.insert("lost_records".to_owned(), json!(lost));
        fields.insert("gone".to_owned(), json!(gone_traces));
    }
    say_json(&value)?;
    Ok(outcome)
}

/// Summarizes an index for people.
pub(crate) fn of(index: &Index, top: usize) -> Result<String> {
    let summary = Summary::of(&View::new(index, None, Filter::default())?, top)?;
    let (traces, records, lost) = read(index)?;
    Ok(text(&summary, index, traces, &records, lost))
}

/// Returns the number of traces, and the numbers of their records and of lost ones.
pub(crate) fn read(index: &Index) -> Result<(usize, FileCounts, u64)> {
    let files = index.files()?;
    let lost = lost_records(index)?.into_values().flatten().map(|lost| lost.lost).sum::<u128>();
    let mut records = FileCounts::default();
    files.iter().for_each(|(_, entry)| records.add(&entry.counts));
    Ok((files.len(), records, u64::try_from(lost).unwrap_or(u64::MAX)))
}

fn text(summary: &Summary, index: &Index, traces: usize, records: &FileCounts, lost: u64) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}: {}, {}",
        index.path().shown(),
        plural(traces as u64, "trace file"),
        plural(records.records(), "record")
    );
    let Some((first, last)) = summary.first_us.zip(summary.last_us) else {
        text.push_str("no calls and no telemetry\n");
        return text;
    };
    let _ = writeln!(
        text,
        "span {}, {}, {}, {}, {}",
        duration((i128::from(last) - i128::from(first)) as f64),
        plural(summary.hosts as u64, "host"),
        match summary.processes {
            1 => "1 process".to_owned(),
            processes => format!("{} processes", count(processes as u64)),
        },
        plural(summary.threads as u64, "thread"),
        plural(summary.files as u64, "file"),
    );
    // All sections are one table, so that their columns line up.
    let mut rows: Vec<Vec<String>> = Vec::new();
    if summary.calls.calls > 0 {
        layers(&mut rows, summary);
        let all = summary.top_functions.iter().map(|function| {
            let name = format!("{} {}", function.name.category, function.name.function);
            row(&shortened(&name, NAME), &function.totals)
        });
        section(&mut rows, FUNCTIONS, all);
        let all = summary.top_files.iter().map(|file| row(&shortened(&file.name, NAME), &file.totals));
        section(&mut rows, FILES, all);
    }
    let more = telemetry(&mut rows, &summary.telemetry);
    use Align::{Left, Right};
    text.push_str(&table(&[Left, Right, Right, Right, Right, Right, Left], &rows, 0));
    if more > 0 {
        let _ = writeln!(text, "and {}; --json has all", plural(more as u64, "more counter"));
    }
    let notes =
        [(records.malformed, "malformed line"), (records.failed_transfers, "failed transfer"), (lost, "lost record")];
    let notes: Vec<String> =
        notes.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| plural(number, what)).collect();
    if !notes.is_empty() {
        let _ = writeln!(text, "\n{}", notes.join(", "));
    }
    text
}

/// Adds the layers with their kinds of I/O: those that do I/O first. A layer's calls contain calls of others, so there
/// is no sum of layers.
fn layers(all: &mut Vec<Vec<String>>, summary: &Summary) {
    let does_io = |layer: &Layer| layer.kinds.iter().any(|kind| kind.name != IoCategory::Other.name());
    let (io, others): (Vec<&Layer>, Vec<&Layer>) = summary.layers.iter().partition(|layer| does_io(layer));
    let draws = has_unicode() && width().is_none_or(|width| width >= WIDE);
    let mut rows = Vec::new();
    for layer in io.into_iter().chain(others).take(MOST_LAYERS) {
        let mut cells = row(&shortened(&layer.category, NAME), &layer.totals);
        if draws {
            let moves = layer.totals.bytes.is_some_and(|bytes| bytes > 0);
            let of = |totals: &Totals| if moves { totals.bytes.unwrap_or(0) as f64 } else { totals.calls as f64 };
            cells.push(sparkline(&layer.over_time.iter().map(of).collect::<Vec<_>>()));
        }
        rows.push(cells);
        if layer.kinds.len() > 1 {
            rows.extend(layer.kinds.iter().map(|kind| row(&format!("  {}", kind.name), &kind.totals)));
        }
    }
    let mut header = COLUMNS.map(String::from).to_vec();
    header[0] = LAYERS.to_owned();
    if draws {
        header.push(format!("over time, {} a mark", duration(summary.part_us as f64)));
    }
    if summary.layers.len() > MOST_LAYERS {
        rows.push(vec![format!(
            "and {}; --json has all",
            plural((summary.layers.len() - MOST_LAYERS) as u64, "more layer")
        )]);
    }
    add_section(all, header, rows);
}

/// Adds rows below a title, with an empty row before it.
fn section(all: &mut Vec<Vec<String>>, title: &str, rows: impl Iterator<Item = Vec<String>>) {
    let mut header = COLUMNS.map(String::from).to_vec();
    header[0] = title.to_owned();
    add_section(all, header, rows.collect());
}

fn add_section(all: &mut Vec<Vec<String>>, header: Vec<String>, rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        all.extend([vec![String::new()], header]);
        all.extend(rows);
    }
}

fn row(name: &str, totals: &Totals) -> Vec<String> {
    let mean = if totals.calls == 0 { 0.0 } else { totals.time_us as f64 / totals.calls as f64 };
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        name.to_owned(),
        count(i128::try_from(totals.calls).unwrap_or(i128::MAX)),
        duration(totals.time_us as f64),
        duration(mean),
        or_nothing(totals.bytes.map(|total| bytes(total as f64))),
        or_nothing(totals.bandwidth().map(|rate| format!("{}/s", bytes(rate)))),
    ]
}

/// Adds counters whose readings changed and their metrics that changed, those with the highest mean first. Leaves
/// out `cpu-0`, `cpu-1`, … where there is `cpu`. Returns how many counters are left out.
fn telemetry(all: &mut Vec<Vec<String>>, metrics: &[Metric]) -> usize {
    let mut counters: BTreeMap<String, Vec<&Metric>> = BTreeMap::new();
    for metric in metrics {
        let counter = if metric.category == HOST_WIDE {
            metric.counter.clone()
        } else {
            format!("{} {}", metric.category, metric.counter)
        };
        counters.entry(counter).or_default().push(metric);
    }
    let is_part = |name: &str| {
        name.rsplit_once('-').is_some_and(|(whole, part)| {
            counters.contains_key(whole) && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let moves = |metrics: &[&Metric]| metrics.iter().any(|metric| metric.min != metric.max);
    let (wholes, others): (Vec<_>, Vec<_>) =
        counters.iter().partition(|(name, metrics)| !is_part(name) && (moves(metrics) || counters.len() <= COUNTERS));
    let mut rows = Vec::new();
    for (counter, metrics) in wholes.iter().take(COUNTERS) {
        let mut moved: Vec<&&Metric> = metrics.iter().filter(|metric| metric.min != metric.max).collect();
        if moved.is_empty() {
            moved = metrics.iter().collect();
        }
        moved.sort_by(|a, b| {
            b.mean.unwrap_or(0.0).total_cmp(&a.mean.unwrap_or(0.0)).then_with(|| a.metric.cmp(&b.metric))
        });
        for metric in moved.into_iter().take(METRICS) {
            let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), three_digits);
            rows.push(vec![
                shortened(&format!("{counter} {}", metric.metric), NAME),
                count(i128::try_from(metric.readings).unwrap_or(i128::MAX)),
                number(metric.mean),
                number(metric.min),
                number(metric.max),
            ]);
        }
    }
    if rows.is_empty() {
        return 0;
    }
    add_section(all, [TELEMETRY, "readings", "mean", "min", "max"].map(String::from).to_vec(), rows);
    others.len() + wholes.len().saturating_sub(COUNTERS)
}
