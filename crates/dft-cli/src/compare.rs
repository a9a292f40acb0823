//! `dft compare`.

use std::fmt::Write;

use anyhow::Result;
use dft_analyze::{Change, CompareOptions, ComparedRow, Comparison, RunNumbers, compare};
use dft_io::Show;
use dft_report::ComparedData;
use dft_store::Index;

use crate::Outcome;
use crate::analyze_args::CompareArgs;
use crate::export::filter;
use crate::output::{say, say_json, shortened, tell};
use crate::source;
use crate::table::{Align, is_narrow, table};
use dft_io::units::{bytes, count, duration, plural, three_digits};

/// The width of names.
const NAME: usize = 40;

pub(crate) fn run(args: &CompareArgs) -> Result<Outcome> {
    let options = CompareOptions {
        preset: args.preset.choice()?,
        by: args.by.as_ref().and_then(|by| by.parse().ok()),
        filter: filter(&args.filter)?,
        conditions: args.fail_if.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
        granularity_us: args.granularity,
        threads: args.threads.map_or(0, usize::from),
    };
    let mut indexes: Vec<(String, Index)> = Vec::new();
    let mut faults = false;
    for path in &args.runs {
        let (index, outcome) = source::open(path)?;
        faults |= outcome == Outcome::Faults;
        indexes.push((path.shown().to_string(), index));
    }
    let runs: Vec<(&str, &Index)> = indexes.iter().map(|(name, index)| (name.as_str(), index)).collect();
    let comparison = compare(&runs, &options)?;
    if let Some(path) = &args.report {
        let size = ComparedData::of(&runs, &options)?.write_file(path)?;
        tell(&format!("{}  {}; open it in a browser\n", path.shown(), bytes(size as f64)));
    }
    if args.json {
        say_json(&serde_json::to_value(&comparison)?)?;
    } else {
        say(&text(&comparison, args.top))?;
    }
    Ok(match (comparison.conditions.iter().any(|condition| condition.holds), faults) {
        (true, _) => Outcome::Condition,
        (false, true) => Outcome::Faults,
        (false, false) => Outcome::Done,
    })
}

/// Formats a change with its sign.
fn signed(change: f64, text: fn(f64) -> String) -> String {
    match change {
        0.0 => "0".to_owned(),
        change if change > 0.0 => format!("+{}", text(change)),
        change => format!("-{}", text(-change)),
    }
}

fn dash<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

fn text(comparison: &Comparison, top: usize) -> String {
    let preset = &comparison.preset;
    let mut text = String::new();
    for (at, run) in comparison.runs.iter().enumerate() {
        let _ = writeln!(text, "{}  {run}", letter(at));
    }
    let reason = preset.reason.as_ref().map_or(String::new(), |reason| format!(", because {}", reason.shown()));
    let _ = writeln!(text, "preset {} ({}){reason}\n", preset.name.shown(), preset.title.shown());
    let rows: Vec<&ComparedRow> = std::iter::once(&comparison.job).chain(comparison.rows.iter().take(top)).collect();
    text.push_str(&match comparison.runs.len() {
        2 => pairs(comparison, &rows),
        _ => many(comparison, &rows),
    });
    if comparison.rows.len() > top {
        let more = plural((comparison.rows.len() - top) as u64, "more row");
        let _ = writeln!(text, "and {more}; --top N shows more");
    }
    let sums = |row: &&&ComparedRow| row.runs.iter().flatten().any(|run| run.busy_us.is_none());
    if let Some(row) = rows.iter().find(sums) {
        let rows = if rows.iter().all(|row| sums(&row)) { "all rows" } else { "some rows" };
        let _ = writeln!(
            text,
            "time is the sum of durations in {rows}, such as {}: not every run knows when its calls were in progress",
            row.name.shown()
        );
    }
    for condition in &comparison.conditions {
        let verdict = if condition.holds { "holds" } else { "does not hold" };
        let values: Vec<String> = condition.values.iter().map(|value| three_digits(*value)).collect();
        let none = if condition.calls.iter().all(|&calls| calls == 0) { "; no run has such calls" } else { "" };
        let _ = writeln!(text, "\n{}: {verdict} ({}{none})", condition.condition.shown(), values.join(", "));
    }
    text
}

/// Returns the letter of a run.
fn letter(at: usize) -> String {
    match u8::try_from(at) {
        Ok(at @ 0..26) => char::from(b'A' + at).to_string(),
        _ => (at + 1).to_string(),
    }
}

/// A table of two runs.
fn pairs(comparison: &Comparison, rows: &[&ComparedRow]) -> String {
    let narrow = is_narrow();
    let mut head = vec![comparison.by.clone()];
    head.extend(["A time", "B time", "change", "ratio", "mean"].map(str::to_owned));
    if !narrow {
        head.extend(["A calls", "B calls", "A bytes", "B bytes"].map(str::to_owned));
    }
    head.push("beyond noise".to_owned());
    let mut all = vec![head];
    for row in rows {
        let (Some(a), Some(b), Some(change)) = (row.runs.first(), row.runs.get(1), row.changes.first()) else {
            continue;
        };
        let mut cells = vec![
            shortened(&row.name, NAME),
            time(a.as_ref()),
            time(b.as_ref()),
            dash(change.time_us, |change| signed(change as f64, duration)),
            dash(change.time_ratio, |ratio| format!("{}x", three_digits(ratio))),
            dash(change.mean_ratio, |ratio| format!("{}x", three_digits(ratio))),
        ];
        if !narrow {
            let calls = |run: &Option<RunNumbers>| dash(run.as_ref().and_then(|run| run.calls), big);
            let moved =
                |run: &Option<RunNumbers>| dash(run.as_ref().and_then(|run| run.bytes), |total| bytes(total as f64));
            cells.extend([calls(a), calls(b), moved(a), moved(b)]);
        }
        cells.push(noise(a.as_ref(), b.as_ref(), change));
        all.push(cells);
    }
    let mut align = vec![Align::Left];
    align.resize(all[0].len() - 1, Align::Right);
    align.push(Align::Left);
    table(&align, &all, 0)
}

fn big(number: u128) -> String {
    count(i128::try_from(number).unwrap_or(i128::MAX))
}

/// The time of a row: busy, or the sum of durations.
fn time(run: Option<&RunNumbers>) -> String {
    dash(run.and_then(|run| run.busy_us.map(i128::from).or(run.time_us)), |time| duration(time as f64))
}

/// Says whether the mean duration changed by more than chance.
fn noise(a: Option<&RunNumbers>, b: Option<&RunNumbers>, change: &Change) -> String {
    match (a, b, change.welch) {
        (None, Some(_), _) => "only in B".to_owned(),
        (Some(_), None, _) => "only in A".to_owned(),
        (_, _, None) => "-".to_owned(),
        (_, _, Some(welch)) => {
            let verdict = if welch.is_more_than_noise() { "yes" } else { "no" };
            let p = if welch.p < 1e-4 { "p < 0.0001".to_owned() } else { format!("p = {:.4}", welch.p) };
            format!("{verdict} ({p}, d = {:.2})", welch.effect_size)
        }
    }
}

/// A table of several runs: the time of each.
fn many(comparison: &Comparison, rows: &[&ComparedRow]) -> String {
    let mut head = vec![comparison.by.clone()];
    for at in 0..comparison.runs.len() {
        head.push(letter(at));
        if at > 0 {
            head.push(format!("{}/A", letter(at)));
        }
    }
    let align: Vec<Align> = (0..head.len()).map(|at| if at == 0 { Align::Left } else { Align::Right }).collect();
    let mut all = vec![head];
    for row in rows {
        let mut cells = vec![shortened(&row.name, NAME)];
        for (at, run) in row.runs.iter().enumerate() {
            cells.push(time(run.as_ref()));
            if at > 0 {
                let ratio = row.changes.get(at - 1).and_then(|change| change.time_ratio);
                cells.push(dash(ratio, |ratio| format!("{}x", three_digits(ratio))));
            }
        }
        all.push(cells);
    }
    table(&align, &all, 0)
}
