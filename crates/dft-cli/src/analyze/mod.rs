//! `dft analyze`.

mod csv;
mod dfanalyzer;
mod text;

use anyhow::Result;
use dft_analyze::{AnalyzeOptions, analyze};

use crate::Outcome;
use crate::analyze_args::{AnalyzeArgs, ReportAs};
use crate::export::filter;
use crate::output::{say, say_json};
use crate::source;

/// How many groups a screen has.
const GROUPS: usize = 10;

pub(crate) fn run(args: &AnalyzeArgs) -> Result<Outcome> {
    if args.report == ReportAs::Dfanalyzer {
        return dfanalyzer::run(args);
    }
    let mut options = AnalyzeOptions {
        preset: args.preset.choice()?,
        by: args.by.as_ref().and_then(|by| by.parse().ok()),
        granularity_us: args.granularity,
        filter: filter(&args.filter)?,
        ..AnalyzeOptions::default()
    };
    if let Some(threads) = args.threads {
        options.threads = threads.into();
    }
    let (index, outcome) = source::open_all(&args.inputs)?;
    let mut analysis = analyze(&index, &options)?;
    // A screen says how many groups it leaves out.
    if (args.json || args.csv)
        && let (Some(groups), Some(top)) = (&mut analysis.groups, args.top)
    {
        groups.groups.truncate(top);
    }
    if args.json {
        say_json(&serde_json::to_value(&analysis)?)?;
    } else if args.csv {
        say(&csv::text(&analysis))?;
    } else {
        say(&text::text(&analysis, index.path(), args.top.unwrap_or(GROUPS)))?;
    }
    Ok(outcome)
}
