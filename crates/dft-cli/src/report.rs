//! `dft report`.

use anyhow::Result;
use dft_export::View;
use dft_index::BuildOptions;
use dft_io::Show;
use dft_report::ReportData;

use crate::Outcome;
use crate::args::ReportArgs;
use crate::export::filter;
use crate::output::{say, say_json};
use crate::source;
use dft_io::units::bytes;

pub(crate) fn run(args: &ReportArgs) -> Result<Outcome> {
    let shown = filter(&args.filter)?;
    let (index, outcome) = source::open(&args.index)?;
    let view = View::new(&index, None, shown)?;
    let report = ReportData::of(&view, args.preset.choice()?, BuildOptions::default().threads)?;
    if args.json {
        say_json(&serde_json::to_value(&report)?)?;
        return Ok(outcome);
    }
    let size = report.write_file(&args.out)?;
    say(&format!("{}  {}; open it in a browser\n", args.out.shown(), bytes(size as f64)))?;
    Ok(outcome)
}
