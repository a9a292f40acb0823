//! `dft stage` and `dft ingest`: building an index on many machines.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::Result;
use dft_index::{BuildError, StageReport, StageTo, ingest, lost_records, stage};
use dft_io::Show;
use dft_store::{BundleFailure, Index, IngestReport, IngestedBundle};

use crate::Outcome;
use crate::args::{IngestArgs, StageArgs};
use crate::build_progress::watched;
use crate::input::{faults, files_and_pieces, lines, outcome, read};
use crate::output::{fields, say, tell};
use dft_io::units::{count, plural};

pub(crate) fn run_stage(args: &StageArgs) -> Result<Outcome> {
    let config = args.config.config();
    config.check().map_err(BuildError::from)?;
    let to = StageTo { staging: args.staging.clone(), shared: args.shared_staging.clone() };
    let options = args.reading.options(false);
    let part = args.piece_size.map_or(args.part, |bytes| args.part.of_pieces(bytes));
    let report = watched(|progress| stage(&args.traces, &to, part, &config, &options, progress))?;
    tell(&faults(&report.input));
    for piece in &report.unchained {
        tell(&format!("warning: {}: {}: stage it whole\n", piece.trace.shown(), piece.unchained));
    }
    say(&describe_stage(&report))?;
    Ok(if report.unchained.is_empty() { outcome(&report.input) } else { Outcome::Faults })
}

fn describe_stage(report: &StageReport) -> String {
    let input = &report.input;
    if input.files.is_empty() {
        return match input.known.len() {
            0 => "nothing to do: this part has no files\n".to_owned(),
            _ => format!("nothing to do: {} of this part already in bundles\n", files_and_pieces(&input.known)),
        };
    }
    let mut text = String::new();
    let _ = writeln!(text, "staged {}", read(input));
    let mut summary = lines(input);
    if !input.known.is_empty() {
        summary.push(("known", format!("{} already in bundles", files_and_pieces(&input.known))));
    }
    summary.extend(report.bundles.iter().map(|bundle| ("bundle", bundle.shown().to_string())));
    text + &fields(&summary)
}

pub(crate) fn run_ingest(args: &IngestArgs) -> Result<Outcome> {
    let report = ingest(&args.index, &args.shared_staging, args.keep)?;
    if let Some(no_lock) = &report.no_lock {
        tell(&format!("warning: {no_lock}\n"));
    }
    for refused in &report.refused {
        tell(&format!("refused: {}\n", refused.error));
    }
    for unchained in &report.unchained {
        tell(&format!("refused: {unchained}\n"));
    }
    for waiting in &report.waiting {
        tell(&format!("waiting: {waiting}\n"));
    }
    for duplicate in &report.duplicates {
        tell(&format!("warning: {duplicate}\n"));
    }
    for shared in &report.shared_processes {
        tell(&format!("warning: {shared}\n"));
    }
    for BundleFailure { bundle, error } in &report.not_removed {
        tell(&format!("warning: {}: ingested, but not removed: {error}\n", bundle.shown()));
    }
    for bundle in &report.unfinished {
        tell(&format!("unfinished: {}: still being written, or its worker died: then remove it\n", bundle.shown()));
    }
    // Only now are all pieces of a trace and all traces of a process available to count lost records.
    let lost = if report.taken.is_empty() { Default::default() } else { lost_records(&Index::open(&args.index)?)? };
    for (trace, lost) in &lost {
        for lost in lost {
            tell(&format!("warning: {}: {lost}\n", trace.shown()));
        }
    }
    say(&describe_ingest(&report, args))?;
    let all_well = lost.is_empty()
        && report.refused.is_empty()
        && report.unchained.is_empty()
        && report.waiting.is_empty()
        && report.duplicates.is_empty()
        && report.not_removed.is_empty();
    Ok(if all_well { Outcome::Done } else { Outcome::Faults })
}

fn describe_ingest(report: &IngestReport, args: &IngestArgs) -> String {
    let mut text = String::new();
    let traces = |bundles: &[IngestedBundle]| {
        let wholes = bundles.iter().flat_map(|bundle| bundle.traces.iter().map(|(trace, _)| trace));
        let pieces = bundles.iter().filter_map(|bundle| bundle.piece.as_ref().map(|piece| &piece.trace));
        plural(wholes.chain(pieces).collect::<BTreeSet<_>>().len() as u64, "trace")
    };
    if report.taken.is_empty() {
        let _ = writeln!(text, "nothing to do: no new bundles in {}", args.shared_staging.shown());
    } else {
        let _ = writeln!(text, "ingested {}, {}", plural(report.taken.len() as u64, "bundle"), traces(&report.taken));
    }
    let mut summary = Vec::new();
    if !report.taken.is_empty() {
        let written = &report.written;
        summary.push(("rows", format!("{}, and {} of telemetry", count(written.rows), count(written.telemetry))));
    }
    if !report.known.is_empty() {
        summary.push((
            "known",
            format!("{}, {}, already in the index", plural(report.known.len() as u64, "bundle"), traces(&report.known)),
        ));
    }
    if !report.duplicates.is_empty() {
        summary.push(("duplicates", format!("{}, not counted", plural(report.duplicates.len() as u64, "file"))));
    }
    let unchained: usize = report.unchained.iter().map(|trace| trace.bundles.len()).sum();
    let waiting: usize = report.waiting.iter().map(|trace| trace.bundles.len()).sum();
    for (what, bundles) in [("refused", report.refused.len() + unchained), ("waiting", waiting)] {
        if bundles > 0 {
            summary.push((what, format!("{}, left in place", plural(bundles as u64, "bundle"))));
        }
    }
    summary.push(("index", args.index.shown().to_string()));
    text + &fields(&summary)
}
