//! `dft index`.

use std::fmt::Write;

use anyhow::Result;
use dft_codec::FileFault;
use dft_index::{BuildError, BuildOptions, BuildReport, FileReport, default_index};

use crate::Outcome;
use crate::args::IndexArgs;
use crate::output::say;
use crate::units::{bytes, count, plural, rate};
use crate::watch::build_watched;

/// How many faulty files are shown line by line.
const SHOWN: usize = 50;

pub(crate) fn run(args: &IndexArgs) -> Result<Outcome> {
    let config = args.config.config();
    config.check().map_err(BuildError::from)?;
    let index = match &args.index {
        Some(index) => index.clone(),
        None => default_index(&args.traces)?,
    };
    let defaults = BuildOptions::default();
    let options = BuildOptions {
        threads: args.threads.map_or(defaults.threads, usize::from),
        memory: args.memory,
        strict: args.strict,
        rebuild: args.rebuild,
    };
    let report = build_watched(&args.traces, &index, &config, &options)?;
    eprint!("{}", faults(&report));
    say(&describe(&report))?;
    Ok(outcome(&report))
}

pub(crate) fn outcome(report: &BuildReport) -> Outcome {
    if report.has_faults() { Outcome::Faults } else { Outcome::Done }
}

/// The report, in a few lines.
fn describe(report: &BuildReport) -> String {
    let mut text = String::new();
    if report.files.is_empty() && !report.known.is_empty() {
        let _ = writeln!(
            text,
            "nothing to do: {} in {} already",
            match report.known.len() {
                1 => "the file is".to_owned(),
                files => format!("all {} files are", count(files as u64)),
            },
            report.index.display()
        );
        return text;
    }
    let counts = report.counts();
    let seconds = report.elapsed.as_secs_f64();
    let _ = writeln!(
        text,
        "indexed {} in {seconds:.2} s: {} records, {}, {} of {} text",
        plural(report.files.len() as u64, "file"),
        count(counts.records()),
        rate(counts.records() as f64 / seconds.max(1e-6)),
        bytes(report.bytes as f64),
        bytes(report.text_bytes as f64),
    );
    let faulty = |is: fn(&FileFault) -> bool| {
        count(report.files.iter().filter(|file| file.fault.as_ref().is_some_and(is)).count() as u64)
    };
    let mut lines = vec![
        (
            "records",
            format!(
                "{} events, {} profiles, {} system, {} telemetry, {} metadata",
                count(counts.events),
                count(counts.profiles),
                count(counts.systems),
                count(counts.telemetry),
                count(counts.metadata)
            ),
        ),
        ("rows", format!("{}, and {} of telemetry", count(report.rows), count(report.telemetry_rows))),
        ("lines", format!("{} malformed, {} of unknown phase skipped", count(counts.malformed), count(counts.skipped))),
        (
            "files",
            format!(
                "{} truncated, {} damaged, {} empty, {} unreadable",
                faulty(|fault| matches!(fault, FileFault::Truncated(_))),
                faulty(|fault| matches!(fault, FileFault::Damaged(_))),
                faulty(|fault| matches!(fault, FileFault::Empty)),
                count(report.unreadable.len() as u64),
            ),
        ),
        ("hashes", format!("{} with more than one name", count(report.ambiguous_hashes))),
        ("transfers", format!("{} failed", count(counts.failed_transfers))),
    ];
    if counts.not_finite > 0 {
        lines.push(("values", format!("{} left out: NaN or infinite", count(counts.not_finite))));
    }
    if report.spilled_tables > 0 {
        lines.push(("memory", format!("{} written out and merged", plural(report.spilled_tables, "table"))));
    }
    if !report.known.is_empty() {
        lines.push(("known", format!("{} in the index already", plural(report.known.len() as u64, "file"))));
    }
    lines.push(("index", report.index.display().to_string()));
    for (name, line) in lines {
        let _ = writeln!(text, "  {name:<10} {line}");
    }
    text
}

/// What was wrong with the input, file by file.
pub(crate) fn faults(report: &BuildReport) -> String {
    let mut text = String::new();
    for unreadable in report.unreadable.iter().take(SHOWN) {
        let _ =
            writeln!(text, "warning: {}: cannot be read, left out: {}", unreadable.path.display(), unreadable.error);
    }
    for file in report.faulty().take(SHOWN) {
        describe_fault(file, &mut text);
    }
    let more = report.faulty().count().saturating_sub(SHOWN) + report.unreadable.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(
            text,
            "warning: and {} with faults; `dft info` lists those in the index",
            plural(more as u64, "more file")
        );
    }
    text
}

fn describe_fault(file: &FileReport, text: &mut String) {
    let path = file.path.display();
    let _ = match &file.fault {
        None => Ok(()),
        Some(FileFault::Empty) => writeln!(text, "warning: {path}: empty: the file has no byte"),
        Some(FileFault::Truncated(place)) => {
            writeln!(text, "warning: {path}: truncated: {place}; what it held before is in")
        }
        Some(FileFault::Damaged(reason)) => {
            writeln!(text, "warning: {path}: damaged: {reason}; what came before is in")
        }
    };
    if file.counts.malformed == 0 {
        return;
    }
    let _ = writeln!(text, "warning: {path}: {}", plural(file.counts.malformed, "malformed line"));
    for malformed in &file.malformed {
        let _ = writeln!(text, "  line {}: {}", malformed.line, malformed.reason);
    }
    let more = file.counts.malformed - file.malformed.len() as u64;
    if more > 0 && !file.malformed.is_empty() {
        let _ = writeln!(text, "  and {} more", count(more));
    }
}
