//! An analysis on one screen.

use std::fmt::Write;
use std::path::Path;

use dft_analyze::{Analysis, Busy, Epoch, Groups, Layer, LayerTotals, ProcessTime};
use dft_io::Show;

use crate::output::shortened;
use crate::table::{Align, is_narrow, table};
use dft_io::units::{bytes, count, duration, plural, three_digits};

/// The width of names.
const NAME: usize = 40;

pub(super) fn text(analysis: &Analysis, path: &Path, top: usize) -> String {
    let mut text = head(analysis, path);
    if analysis.job.calls == 0 {
        text.push_str("no calls\n");
        return text;
    }
    text.push('\n');
    text.push_str(&layers(analysis));
    text.push_str(&balance(analysis));
    text.push_str(&epochs(&analysis.epochs, top));
    if let Some(groups) = &analysis.groups {
        text.push_str(&group_table(groups, analysis.job.time_us, top));
    }
    text.push_str(&findings(analysis));
    text
}

fn head(analysis: &Analysis, path: &Path) -> String {
    let job = &analysis.job;
    let preset = &analysis.preset;
    let mut text = format!("{}: preset {} ({})", path.shown(), preset.name.shown(), preset.title.shown());
    if let Some(reason) = &preset.reason {
        let _ = write!(text, ", because {}", reason.shown());
    }
    text.push('\n');
    let processes = match job.ranks {
        0 if job.processes == 1 => "1 process".to_owned(),
        0 => format!("{} processes", count(job.processes as u64)),
        ranks if ranks == job.processes => plural(ranks as u64, "rank"),
        ranks => format!("{}, {} processes", plural(ranks as u64, "rank"), count(job.processes as u64)),
    };
    let mut parts = vec![
        format!("job {}", duration(job.time_us as f64)),
        processes,
        plural(job.threads as u64, "thread"),
        plural(job.hosts as u64, "host"),
        plural(job.files, "file"),
        format!("{} {}", big(job.calls), if job.calls == 1 { "call" } else { "calls" }),
    ];
    parts.extend(job.bytes.map(|total| bytes(total as f64)));
    text.push_str(&parts.join(", "));
    if let Some(busy) = job.busy_us {
        let _ = write!(text, "; a call is in progress for {}", share(busy as f64, job.time_us));
    }
    text.push('\n');
    if let Some(reason) = &job.unknown_because {
        let _ = writeln!(text, "{reason}");
    }
    text
}

/// Formats a share of a time.
fn share(part: f64, of: u64) -> String {
    if of == 0 { "-".to_owned() } else { format!("{} %", three_digits(100.0 * part / of as f64)) }
}

fn big(number: u128) -> String {
    count(i128::try_from(number).unwrap_or(i128::MAX))
}

fn dash<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

/// A column: its title, whether a narrow screen has it, and its text.
type Column<'a> = (&'a str, bool, Box<dyn Fn(&Layer) -> String + 'a>);

/// The most calls in progress at once. It is marked where it is not exact.
fn at_once(busy: &Busy) -> String {
    let mark = if busy.peak_is_exact { "" } else { "~" };
    dash(busy.peak_calls_in_progress, |peak| format!("{mark}{}", count(peak)))
}

fn layers(analysis: &Analysis) -> String {
    let job = analysis.job.time_us;
    let busy = |text: fn(&Busy) -> String| move |layer: &Layer| dash(layer.busy.as_ref(), text);
    let all: Vec<Column<'_>> = vec![
        ("busy", true, Box::new(busy(|busy| duration(busy.any_us as f64)))),
        ("of job", true, Box::new(move |layer| dash(layer.busy.as_ref(), |busy| share(busy.any_us as f64, job)))),
        ("per process", true, Box::new(busy(|busy| duration(busy.mean_us)))),
        (
            "own",
            false,
            Box::new(|layer| {
                dash(layer.busy.as_ref(), |busy| duration(busy.own_us as f64 / layer.processes.max(1) as f64))
            }),
        ),
        (
            "hidden",
            true,
            Box::new(busy(|busy| {
                dash(busy.hidden.as_ref(), |hidden| share(hidden.same_process_us as f64, busy.sum_us))
            })),
        ),
        (
            "by any",
            false,
            Box::new(busy(|busy| {
                dash(busy.hidden.as_ref(), |hidden| share(hidden.any_process_us as f64, busy.any_us))
            })),
        ),
        ("calls", true, Box::new(|layer| big(layer.calls))),
        ("at once", false, Box::new(busy(at_once))),
        ("mean", false, Box::new(|layer| dash(layer.duration_us.mean, duration))),
        ("p99", false, Box::new(|layer| dash(layer.duration_us.p99, duration))),
        ("bytes", true, Box::new(|layer| dash(layer.bytes, |total| bytes(total as f64)))),
        (
            "bandwidth",
            true,
            Box::new(busy(|busy| dash(busy.bandwidth_bytes_per_s, |rate| format!("{}/s", bytes(rate))))),
        ),
        ("size", false, Box::new(|layer| dash(layer.size_bytes.as_ref().and_then(|size| size.mean), bytes))),
    ];
    let narrow = is_narrow();
    let has_text = |column: &Column<'_>| analysis.layers.iter().any(|layer| (column.2)(layer) != "-");
    let columns: Vec<&Column<'_>> = all.iter().filter(|column| (column.1 || !narrow) && has_text(column)).collect();
    let mut rows = vec![
        std::iter::once("layer").chain(columns.iter().map(|column| column.0)).map(str::to_owned).collect::<Vec<_>>(),
    ];
    for (depth, layer) in as_tree(analysis) {
        let name = format!("{}{}", "  ".repeat(depth), layer.title);
        rows.push(
            std::iter::once(shortened(&name, NAME)).chain(columns.iter().map(|column| (column.2)(layer))).collect(),
        );
    }
    let mut align = vec![Align::Left];
    align.resize(columns.len() + 1, Align::Right);
    let mut text = table(&align, &rows, 0);
    let excess: u128 = analysis.layers.iter().filter_map(|layer| layer.busy.as_ref()).map(|busy| busy.excess_us).sum();
    if excess > 0 {
        let _ = writeln!(
            text,
            "busy times are at most {} too long, over all processes and layers: rows have very many calls",
            duration(excess as f64)
        );
    }
    text
}

/// Returns the layers, each followed by those within it, with their depths. A layer whose parent has no calls is an
/// outermost one.
fn as_tree(analysis: &Analysis) -> Vec<(usize, &Layer)> {
    let layers = &analysis.layers;
    let number = |name: &String| layers.iter().position(|layer| layer.name == *name);
    let parents: Vec<Option<usize>> = layers.iter().map(|layer| layer.parent.as_ref().and_then(number)).collect();
    let children = |of: Option<usize>| (0..layers.len()).rev().filter(|at| parents[*at] == of).collect::<Vec<_>>();
    let mut tree = Vec::new();
    let mut open: Vec<(usize, usize)> = children(None).into_iter().map(|at| (0, at)).collect();
    while let Some((depth, at)) = open.pop() {
        tree.push((depth, &layers[at]));
        open.extend(children(Some(at)).into_iter().map(|child| (depth + 1, child)));
    }
    tree
}

/// The best and the worst process of each layer that several processes have.
fn balance(analysis: &Analysis) -> String {
    let busy = |layer: &'_ Layer| layer.busy.clone().filter(|busy| layer.processes > 1 && busy.sum_us > 0);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let process = |time: &ProcessTime| shortened(&time.process, NAME);
    let mut layers: Vec<(&Layer, Busy)> =
        analysis.layers.iter().filter_map(|layer| busy(layer).map(|busy| (layer, busy))).collect();
    layers.sort_by(|a, b| b.1.imbalance.max_over_mean.total_cmp(&a.1.imbalance.max_over_mean));
    for (layer, busy) in layers.into_iter().filter(|(_, busy)| busy.share_of_job >= 0.01).take(6) {
        let imbalance = &busy.imbalance;
        rows.push(vec![
            shortened(&layer.title, NAME),
            three_digits(imbalance.max_over_mean),
            format!("{} %", three_digits(100.0 * imbalance.coefficient_of_variation)),
            process(&imbalance.most),
            duration(imbalance.most.time_us as f64),
            process(&imbalance.least),
            duration(imbalance.least.time_us as f64),
        ]);
    }
    if rows.is_empty() {
        return String::new();
    }
    let head = ["balance of processes", "max/mean", "deviation", "most", "", "least", ""];
    rows.insert(0, head.map(str::to_owned).to_vec());
    use Align::{Left, Right};
    format!("\n{}", table(&[Left, Right, Right, Left, Right, Left, Right], &rows, 0))
}

fn epochs(epochs: &[Epoch], top: usize) -> String {
    if epochs.is_empty() {
        return String::new();
    }
    let mut names: Vec<(u64, String)> = Vec::new();
    for layer in epochs.iter().flat_map(|epoch| &epoch.layers) {
        match names.iter_mut().find(|(_, name)| *name == layer.layer) {
            Some((sum, _)) => *sum += layer.busy_sum_us,
            None => names.push((layer.busy_sum_us, layer.layer.clone())),
        }
    }
    names.sort_by(|a, b| b.cmp(a));
    names.truncate(if is_narrow() { 3 } else { 6 });
    let mut rows = vec![
        ["epoch", "mean", "longest"]
            .map(str::to_owned)
            .into_iter()
            .chain(names.iter().map(|(_, name)| name.clone()))
            .collect::<Vec<_>>(),
    ];
    for epoch in epochs.iter().take(top) {
        let busy = |name: &String| {
            let layer = epoch.layers.iter().find(|layer| layer.layer == *name);
            dash(layer, |layer| duration(layer.busy_sum_us as f64 / epoch.processes.max(1) as f64))
        };
        let mut row = vec![epoch.number.to_string(), duration(epoch.mean_us), duration(epoch.max_us as f64)];
        row.extend(names.iter().map(|(_, name)| busy(name)));
        rows.push(row);
    }
    format!("\n{}{}", table(&vec![Align::Right; names.len() + 3], &rows, 0), more(epochs.len(), top, "epoch"))
}

/// Says how many rows a table leaves out.
fn more(rows: usize, top: usize, what: &str) -> String {
    match rows.saturating_sub(top) {
        0 => String::new(),
        more => format!("and {}; --top N shows more\n", plural(more as u64, &format!("more {what}"))),
    }
}

fn group_table(groups: &Groups, job: u64, top: usize) -> String {
    let origin = groups.groups.first().and_then(|group| group.start_us).unwrap_or(0);
    // The layers with most time have columns of their own.
    let mut layers: Vec<(u64, String)> = Vec::new();
    for totals in groups.groups.iter().flat_map(|group| &group.layers) {
        let busy = totals.busy_sum_us.unwrap_or(0);
        match layers.iter_mut().find(|(_, name)| *name == totals.layer) {
            Some((sum, _)) => *sum += busy,
            None => layers.push((busy, totals.layer.clone())),
        }
    }
    layers.sort_by(|a, b| b.cmp(a));
    layers.truncate(if is_narrow() { 1 } else { 4 });
    let mut head: Vec<String> =
        [&groups.by, "calls", "time", "busy", "of job", "bytes"].into_iter().map(str::to_owned).collect();
    head.extend(layers.iter().map(|(_, name)| format!("{name} busy")));
    let mut rows = vec![head];
    for group in groups.groups.iter().take(top) {
        let name = match group.start_us {
            Some(start) if group.name.is_empty() => format!("{} into it", duration((start - origin) as f64)),
            _ if group.name.is_empty() => format!("(no {})", groups.by),
            _ => group.name.clone(),
        };
        let all = &group.all;
        let busy = |totals: &LayerTotals| dash(totals.busy_us, |busy| duration(busy as f64));
        let mut row = vec![
            shortened(&name, NAME),
            dash(all.calls, big),
            dash(all.time_us, |time| duration(time as f64)),
            busy(all),
            dash(all.busy_us, |busy| share(busy as f64, job)),
            dash(all.bytes, |total| bytes(total as f64)),
        ];
        row.extend(layers.iter().map(|(_, name)| {
            group.layers.iter().find(|totals| totals.layer == *name).map_or_else(|| "-".to_owned(), busy)
        }));
        rows.push(row);
    }
    let mut align = vec![Align::Left];
    align.resize(layers.len() + 6, Align::Right);
    format!("\n{}{}", table(&align, &rows, 0), more(groups.groups.len(), top, "group"))
}

fn findings(analysis: &Analysis) -> String {
    let mut text = String::new();
    for finding in &analysis.findings.found {
        let _ = writeln!(text, "\n! {}: {}", finding.title, finding.text.shown());
        if let Some(place) = &finding.place {
            let _ = writeln!(text, "  where   {}", place.shown());
        }
        let _ = writeln!(text, "  advice  {}", finding.advice);
    }
    if analysis.findings.found.is_empty() {
        text.push_str("\nnothing stands out\n");
    }
    // Findings that need the same are told together.
    let mut unknown: Vec<(&str, Vec<&str>)> = Vec::new();
    for finding in &analysis.findings.unknown {
        match unknown.iter_mut().find(|(reason, _)| *reason == finding.reason) {
            Some((_, titles)) => titles.push(&finding.title),
            None => unknown.push((&finding.reason, vec![&finding.title])),
        }
    }
    if !unknown.is_empty() {
        text.push_str("\nnot judged:\n");
    }
    for (reason, titles) in unknown {
        let _ = writeln!(text, "  {}: {}", titles.join("; "), reason.shown());
    }
    text
}
