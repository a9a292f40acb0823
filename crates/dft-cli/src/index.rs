//! `dft index`.

use std::fmt::Write;

use anyhow::Result;
use dft_index::{BuildError, BuildReport, build, index_location};
use dft_io::Show;

use crate::Outcome;
use crate::args::IndexArgs;
use crate::build_progress::watched;
use crate::input::{faults, lines, notes, outcome, read};
use crate::output::{fields, say, tell};
use dft_io::units::{count, plural};

pub(crate) fn run(args: &IndexArgs) -> Result<Outcome> {
    let config = args.config.config();
    config.check().map_err(BuildError::from)?;
    let index = match &args.index {
        Some(index) => index.clone(),
        None => index_location(&args.traces)?,
    };
    let options = args.reading.options(args.rebuild);
    let report = watched(|progress| build(&args.traces, &index, &config, &options, progress))?;
    tell(&(faults(&report.input) + &notes(&report)));
    say(&describe(&report))?;
    Ok(outcome(&report.input))
}

/// Describes the report in a few lines.
fn describe(report: &BuildReport) -> String {
    let input = &report.input;
    let index = report.index.shown().to_string();
    // The text of a duplicate is indexed as well.
    let known = input.known.len() + input.duplicates.len();
    if input.files.is_empty() && known > 0 {
        let files = match known {
            1 => "the file is".to_owned(),
            files => format!("all {} files are", count(files as u64)),
        };
        return format!("nothing to do: {files} already in {index}\n");
    }
    let mut text = String::new();
    let _ = writeln!(text, "indexed {}", read(input));
    let mut fields_of = lines(input);
    fields_of.push(("hashes", format!("{} with more than one name", count(report.ambiguous_hashes))));
    if !input.known.is_empty() {
        fields_of.push(("known", format!("{} already in the index", plural(input.known.len() as u64, "file"))));
    }
    fields_of.push(("index", index));
    text + &fields(&fields_of)
}
