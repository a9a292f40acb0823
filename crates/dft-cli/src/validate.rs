//! `dft validate`.

use std::fmt::Write;

use anyhow::Result;
use dft_codec::FileFault;
use dft_index::{BuildOptions, FileReport, ValidateReport, validate};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::ValidateArgs;
use crate::build_progress::watched;
use crate::info::counts;
use crate::input::{faults, lines, outcome, read, shared};
use crate::output::{fields, say, say_json, tell};

pub(crate) fn run(args: &ValidateArgs) -> Result<Outcome> {
    let config = args.config();
    let options = BuildOptions {
        threads: args.threads.map_or(BuildOptions::default().threads, usize::from),
        ..BuildOptions::default()
    };
    let report = watched(|progress| validate(&args.traces, &config, &options, progress))?;
    if args.json {
        say_json(&json(&report))?;
    } else {
        tell(&(faults(&report.input) + &shared(&report.shared_processes)));
        say(&describe(&report))?;
    }
    Ok(outcome(&report.input))
}

fn describe(report: &ValidateReport) -> String {
    let input = &report.input;
    let mut text = String::new();
    let _ = writeln!(text, "read {}", read(input));
    // Nothing is written, so there are no rows.
    let all: Vec<_> = lines(input).into_iter().filter(|(name, _)| *name != "rows").collect();
    text + &fields(&all)
}

fn json(report: &ValidateReport) -> Value {
    let input = &report.input;
    let of_file = |file: &FileReport| {
        let fault = match &file.fault {
            None => Value::Null,
            Some(FileFault::Empty) => json!({"kind": "empty"}),
            Some(FileFault::Truncated(place)) => json!({"kind": "truncated", "place": place.to_string()}),
            Some(FileFault::Damaged(reason)) => json!({"kind": "damaged", "reason": reason}),
            Some(other) => json!({"kind": other.word()}),
        };
        let malformed: Vec<Value> =
            file.malformed.iter().map(|line| json!({"line": line.line, "reason": line.reason})).collect();
        let skipped = file.skipped.as_ref().map(|skipped| json!({"line": skipped.line, "reason": skipped.to_string()}));
        let lost: u128 = file.lost.iter().map(|lost| lost.lost).sum();
        json!({
            "path": file.path.to_string_lossy(),
            "records": counts(&file.counts),
            "faulty": file.is_faulty(),
            "fault": fault,
            "time_fault": file.time_fault.map(|fault| fault.to_string()),
            "first_malformed": malformed,
            "first_skipped": skipped,
            "first_inconsistent_line": file.inconsistent,
            "lost_records": u64::try_from(lost).unwrap_or(u64::MAX),
        })
    };
    let unreadable = input.unreadable.iter();
    let not_read = input.not_read.iter();
    json!({
        "bytes": input.bytes,
        "text_bytes": input.text_bytes,
        "seconds": input.elapsed.as_secs_f64(),
        "records": counts(&input.counts()),
        "has_faults": input.has_faults(),
        "files": input.files.iter().map(of_file).collect::<Vec<_>>(),
        "duplicates": input.duplicates.iter().map(|one| json!({"path": one.trace, "of": one.of})).collect::<Vec<_>>(),
        "unreadable": unreadable
            .map(|one| json!({"path": one.path.to_string_lossy(), "reason": one.error.to_string()}))
            .collect::<Vec<_>>(),
        "not_read": not_read
            .map(|one| json!({"path": one.path.to_string_lossy(), "reason": one.container.to_string()}))
            .collect::<Vec<_>>(),
        "shared_processes": report.shared_processes.iter().map(|one| one.to_string()).collect::<Vec<_>>(),
    })
}
