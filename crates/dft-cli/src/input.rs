//! Reports on traces that were read: how much was read, and its faults.

use std::fmt::Write;

use dft_codec::FileFault;
use dft_index::{BuildReport, FileReport, InputReport, MORE_PROCESSES, describe_lost};
use dft_io::Show;
use dft_store::SharedProcesses;
use dft_trace::NotRead;

use crate::Outcome;
use dft_io::units::{bytes, count, plural, rate};

/// The maximum number of faulty files to describe one by one.
const SHOWN: usize = 50;

pub(crate) fn outcome(input: &InputReport) -> Outcome {
    if input.has_faults() { Outcome::Faults } else { Outcome::Done }
}

/// Describes how much was read, and how fast.
pub(crate) fn read(input: &InputReport) -> String {
    let records = input.counts().records();
    let seconds = input.elapsed.as_secs_f64();
    format!(
        "{} in {seconds:.2} s: {}, {}, {} of {} text",
        files_and_pieces(&input.files),
        plural(records, "record"),
        rate(records as f64 / seconds.max(1e-6)),
        bytes(input.bytes as f64),
        bytes(input.text_bytes as f64),
    )
}

/// Counts files and pieces of files.
pub(crate) fn files_and_pieces(reports: &[FileReport]) -> String {
    let pieces = reports.iter().filter(|report| report.piece.is_some()).count();
    match (reports.len() - pieces, pieces) {
        (files, 0) => plural(files as u64, "file"),
        (0, pieces) => plural(pieces as u64, "piece"),
        (files, pieces) => format!("{} and {}", plural(files as u64, "file"), plural(pieces as u64, "piece")),
    }
}

/// Counts records, rows, lines and files by kind.
pub(crate) fn lines(input: &InputReport) -> Vec<(&'static str, String)> {
    let counts = input.counts();
    let faulty = |is: fn(&FileFault) -> bool| {
        count(input.files.iter().filter(|file| file.fault.as_ref().is_some_and(is)).count() as u64)
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
        ("rows", format!("{}, and {} of telemetry", count(input.written.rows), count(input.written.telemetry))),
        ("lines", format!("{} malformed, {} of unknown phase skipped", count(counts.malformed), count(counts.skipped))),
        (
            "files",
            format!(
                "{} truncated, {} damaged, {} empty, {} unreadable, {} not read",
                faulty(|fault| matches!(fault, FileFault::Truncated(_))),
                faulty(|fault| matches!(fault, FileFault::Damaged(_))),
                faulty(|fault| matches!(fault, FileFault::Empty)),
                count(input.unreadable.len() as u64),
                count(input.not_read.len() as u64),
            ),
        ),
        ("transfers", format!("{} failed", count(counts.failed_transfers))),
    ];
    if counts.not_finite > 0 {
        lines.push(("values", format!("{} ignored: NaN or infinite", count(counts.not_finite))));
    }
    if counts.inconsistent > 0 {
        let first = input.files.iter().find_map(|file| Some((file, file.inconsistent?)));
        let first = first.map_or(String::new(), |(file, line)| {
            format!("; the first: {}, {}", file.path.shown(), file.place_of(line))
        });
        let inconsistent = count(counts.inconsistent);
        lines.push((
            "sums",
            format!("{inconsistent} inconsistent with their counts, so their means are unknown{first}"),
        ));
    }
    if input.spilled_tables > 0 {
        lines.push(("memory", format!("{} spilled and merged", plural(input.spilled_tables, "table"))));
    }
    if !input.duplicates.is_empty() {
        lines.push(("duplicates", format!("{}, not counted", plural(input.duplicates.len() as u64, "file"))));
    }
    let grown = input.files.iter().filter(|file| file.before.is_some()).count();
    if grown > 0 {
        lines.push(("grown", format!("{} resumed where reading ended before", plural(grown as u64, "file"))));
    }
    lines
}

/// Describes the faults of the input, file by file.
pub(crate) fn faults(report: &InputReport) -> String {
    let mut text = String::new();
    for unreadable in report.unreadable.iter().take(SHOWN) {
        let _ = writeln!(text, "warning: {}: cannot be read, left out: {}", unreadable.path.shown(), unreadable.error);
    }
    for duplicate in report.duplicates.iter().take(SHOWN) {
        let _ = writeln!(text, "warning: {duplicate}");
    }
    for NotRead { path, container } in report.not_read.iter().take(SHOWN) {
        let _ = writeln!(text, "warning: {}: not read: {container}", path.shown());
    }
    for file in report.faulty().take(SHOWN) {
        describe_fault(file, &mut text);
    }
    let more = [report.faulty().count(), report.unreadable.len(), report.not_read.len(), report.duplicates.len()];
    let more: usize = more.into_iter().map(|files| files.saturating_sub(SHOWN)).sum();
    if more > 0 {
        let _ = writeln!(
            text,
            "warning: and {} with faults; `dft info` lists those in the index",
            plural(more as u64, "more file")
        );
    }
    text
}

/// Describes what else is notable about the traces of an index, such as files that moved or are gone.
pub(crate) fn notes(report: &BuildReport) -> String {
    let mut text = String::new();
    if let Some(no_lock) = &report.no_lock {
        let _ = writeln!(text, "warning: {no_lock}");
    }
    for moved in report.moved.iter().take(SHOWN) {
        let _ = writeln!(text, "note: {}: moved from {}", moved.path.shown(), moved.name.shown());
    }
    if report.moved.len() > SHOWN {
        let _ = writeln!(text, "note: and {}", plural((report.moved.len() - SHOWN) as u64, "more moved trace"));
    }
    text.push_str(&gone(&report.gone));
    text.push_str(&shared(&report.shared_processes));
    text
}

/// Describes traces that share records of processes.
pub(crate) fn shared(all: &[SharedProcesses]) -> String {
    let mut text = String::new();
    for shared in all.iter().take(SHOWN) {
        let _ = writeln!(text, "warning: {shared}");
    }
    if all.len() > SHOWN {
        let more = plural((all.len() - SHOWN) as u64, "more trace");
        let _ = writeln!(text, "warning: and {more} with processes that are likely indexed twice");
    }
    text
}

/// Describes the indexed traces whose files are gone.
pub(crate) fn gone(gone: &[String]) -> String {
    /// The maximum number of traces to name.
    const SHOWN: usize = 5;
    let mut text = String::new();
    for name in gone.iter().take(SHOWN) {
        let _ = writeln!(text, "note: {}: the file is gone, but its trace is still counted", name.shown());
    }
    if gone.len() > SHOWN {
        let _ = writeln!(
            text,
            "note: and {} that {} gone",
            plural((gone.len() - SHOWN) as u64, "more file"),
            if gone.len() - SHOWN == 1 { "is" } else { "are" }
        );
    }
    text
}

fn describe_fault(file: &FileReport, text: &mut String) {
    let path = file.path.shown();
    let _ = match &file.fault {
        None => Ok(()),
        Some(FileFault::Empty) => writeln!(text, "warning: {path}: empty: the file has no byte"),
        Some(FileFault::Truncated(place)) => {
            writeln!(
                text,
                "warning: {path}: truncated: {place}; whole records are counted, the rest when it is written"
            )
        }
        Some(FileFault::Damaged(reason)) => {
            writeln!(text, "warning: {path}: damaged: {reason}; everything before is counted")
        }
        Some(other) => writeln!(text, "warning: {path}: {other}"),
    };
    if let Some(fault) = &file.time_fault {
        let _ = writeln!(text, "warning: {path}: {fault}");
    }
    for lost in describe_lost(&file.lost) {
        let _ = writeln!(text, "warning: {path}: {lost}");
    }
    if file.more_processes {
        let _ = writeln!(text, "warning: {path}: {}", MORE_PROCESSES);
    }
    let within = file.piece.as_ref().map_or(String::new(), |piece| format!(", bytes {} to {}", piece.start, piece.end));
    if file.skipped_records() > 0 {
        let skipped = plural(file.skipped_records(), "record");
        let first = file.skipped.as_ref();
        let first = first.map_or(String::new(), |first| format!("; the first: {}: {first}", file.place_of(first.line)));
        let _ = writeln!(text, "warning: {path}{within}: {skipped} of unknown phase skipped{first}");
    }
    if file.malformed_lines() == 0 {
        return;
    }
    let _ = writeln!(text, "warning: {path}{within}: {}", plural(file.malformed_lines(), "malformed line"));
    for malformed in &file.malformed {
        let _ = writeln!(text, "  {}: {}", file.place_of(malformed.line), malformed.reason);
    }
    let more = file.malformed_lines() - file.malformed.len() as u64;
    if more > 0 && !file.malformed.is_empty() {
        let _ = writeln!(text, "  and {} more", count(more));
    }
}
