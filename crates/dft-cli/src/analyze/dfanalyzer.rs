//! `dft analyze --as dfanalyzer`.

use anyhow::Result;
use dft_analyze::dfanalyzer::{DfanalyzerOptions, DfanalyzerReport, dfanalyzer};

use crate::Outcome;
use crate::analyze_args::AnalyzeArgs;
use crate::export::filter;
use crate::output::{say, say_json};
use crate::source;
use crate::table::{Align, table};

/// What the tool's words mean.
const MEANING: &str = "As dfanalyzer 0.0.9 computes it: `time` is the sum, over ranges, of the busiest thread's summed \
                       durations in that range; `overlap` is the share of it that is no more than the busiest thread's \
                       compute in the same range, no intersection; a `process` is a thread; MB are 2^20 bytes. \
                       `dft analyze` without --as has exact busy times and overlaps.";

pub(super) fn run(args: &AnalyzeArgs) -> Result<Outcome> {
    let options = DfanalyzerOptions {
        preset: args.preset.choice()?,
        views: args.by.iter().map(|by| by.parse()).collect::<Result<_, _>>()?,
        granularity_us: args.granularity.unwrap_or(0),
        filter: filter(&args.filter)?,
    };
    let (index, outcome) = source::open_all(&args.inputs)?;
    let report = dfanalyzer(&index, &options)?;
    if args.json {
        say_json(&serde_json::to_value(&report)?)?;
    } else {
        say(&text(&report))?;
    }
    Ok(outcome)
}

fn text(report: &DfanalyzerReport) -> String {
    let mut text = String::new();
    for shown in report.tables() {
        let columns = shown.rows.first().map_or(0, Vec::len);
        let align: Vec<Align> = (0..columns).map(|at| if at == 0 { Align::Left } else { Align::Right }).collect();
        text.push_str(&format!("{}\n{}\n", shown.title, table(&align, &shown.rows, 0)));
    }
    text + MEANING + "\n"
}
