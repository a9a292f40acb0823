//! `dft report`.

use anyhow::Result;
use dft_export::{View, replace_file};
use dft_index::BuildOptions;
use dft_io::Show;
use dft_report::ReportData;

use crate::Outcome;
use crate::args::{FilterArgs, ReportArgs};
use crate::export::filter;
use crate::output::{say, say_json};
use crate::source;
use crate::units::{bytes, duration};

pub(crate) fn run(args: &ReportArgs) -> Result<Outcome> {
    let shown = filter(&args.filter)?;
    let (index, outcome) = source::open(&args.index)?;
    let view = View::new(&index, None, shown)?;
    let report = ReportData::of(&view, described(&args.filter).as_deref(), BuildOptions::default().threads)?;
    if args.json {
        say_json(&serde_json::to_value(&report)?)?;
        return Ok(outcome);
    }
    let mut page = Vec::new();
    report.write_html(&mut page)?;
    replace_file(&args.out, &page)?;
    say(&format!("{}  {}; open it in a browser\n", args.out.shown(), bytes(page.len() as f64)))?;
    Ok(outcome)
}

/// Describes a filter; `None` if it passes everything.
fn described(args: &FilterArgs) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(time) = &args.time {
        let end = if time.end == u64::MAX { "the end".to_owned() } else { duration(time.end as f64) };
        parts.push(format!("time from {} to {end}", duration(time.start as f64)));
    }
    let texts = [
        ("category", &args.cat),
        ("function", &args.name),
        ("host", &args.host),
        ("file", &args.file),
        ("query", &args.query),
    ];
    parts.extend(texts.into_iter().filter_map(|(what, text)| Some(format!("{what} {}", text.as_ref()?))));
    for (what, numbers) in [("process", &args.pid), ("rank", &args.rank)] {
        if !numbers.is_empty() {
            let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
            parts.push(format!("{what} {}", numbers.join(", ")));
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
