//! `dft info`.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;
use dft_codec::{FORMAT_VERSION, Fact, FileCounts, FileFault, NameKind, SeriesKind};
use dft_index::{LostRecords, MORE_PROCESSES, describe_lost, gone_traces, lost_records};
use dft_io::Show;
use dft_store::{Index, TraceNames};
use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::args::InfoArgs;
use crate::output::{say, say_json};
use crate::source;
use crate::table::{Align, table};
use dft_io::units::{bytes, count, duration, plural};

/// The maximum number of files to list.
const SHOWN: usize = 20;

pub(crate) fn run(args: &InfoArgs) -> Result<Outcome> {
    let (index, outcome) = source::open(&args.index)?;
    let facts = Facts::of(&index)?;
    if args.json {
        say_json(&facts.json(&index))?
    } else {
        say(&facts.text(&index))?
    }
    Ok(outcome)
}

struct Facts {
    files: Vec<(String, dft_codec::FileEntry)>,
    /// The lost records of each file.
    lost: Vec<Vec<LostRecords>>,
    /// Files that are not counted, and the trace that each one duplicates.
    duplicates: Vec<(String, String)>,
    gone: Vec<String>,
    totals: FileCounts,
    rows: [(SeriesKind, u64); 3],
    telemetry: u64,
    series: u64,
    names: [(&'static str, u64, u64); 3],
    bytes: u64,
}

impl Facts {
    fn of(index: &Index) -> Result<Self> {
        let files = index.files()?;
        let mut lost = lost_records(index)?;
        let lost = files.iter().map(|(path, _)| lost.remove(path).unwrap_or_default()).collect();
        let files: Vec<_> = files.into_iter().map(|(path, entry)| (TraceNames::shown(&path), entry)).collect();
        let mut totals = FileCounts::default();
        files.iter().for_each(|(_, entry)| totals.add(&entry.counts));
        let mut rows = SeriesKind::ALL.map(|family| (family, 0));
        for (family, rows) in &mut rows {
            *rows = index.count_rows(*family)?;
        }
        let mut names = [("file", NameKind::File), ("host", NameKind::Host), ("string", NameKind::String)]
            .map(|(name, kind)| (name, kind, 0, 0));
        for (_, kind, all, ambiguous) in &mut names {
            let table = index.names(*kind)?;
            (*all, *ambiguous) = (table.len() as u64, table.ambiguous() as u64);
        }
        let duplicates = index.duplicates()?.into_iter();
        Ok(Self {
            files,
            lost,
            duplicates: duplicates.map(|(name, of)| (TraceNames::shown(&name), TraceNames::shown(&of.of))).collect(),
            gone: gone_traces(index)?,
            totals,
            rows,
            telemetry: index.count_telemetry()?,
            series: index.count_series()?,
            names: names.map(|(name, _, all, ambiguous)| (name, all, ambiguous)),
            bytes: index.size().bytes,
        })
    }

    /// Returns the number of processes, and how many of them have a rank.
    fn processes(&self) -> (u64, u64) {
        let mut ranks: BTreeMap<_, Fact<i64>> = BTreeMap::new();
        for (_, entry) in &self.files {
            for (key, facts) in entry.processes.clone().joined() {
                ranks.entry(key).or_default().merge(facts.rank);
            }
        }
        (ranks.len() as u64, ranks.values().filter(|rank| rank.known().is_some()).count() as u64)
    }

    fn text(&self, index: &Index) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<10} {value}");
        };
        line("index", index.path().shown().to_string());
        line("format", FORMAT_VERSION.to_string());
        line("config", index.config().to_string());
        line(
            "bounds",
            match index.bounds() {
                None => "no rows".to_owned(),
                Some(bounds) => {
                    let interval = index.config().interval_us;
                    let span = (bounds.max - bounds.min).saturating_add(interval);
                    format!("buckets {} to {} µs, {}", bounds.min, bounds.max, duration(span as f64))
                }
            },
        );
        let rows: Vec<String> =
            self.rows.iter().map(|(family, rows)| format!("{} {}", count(*rows), family.name())).collect();
        line("rows", format!("{}, {} telemetry", rows.join(", "), count(self.telemetry)));
        line("series", count(self.series));
        let names: Vec<String> = self
            .names
            .iter()
            .map(|(kind, all, ambiguous)| {
                let note = if *ambiguous > 0 {
                    format!(" ({} with more than one name)", count(*ambiguous))
                } else {
                    String::new()
                };
                format!("{}{note}", plural(*all, kind))
            })
            .collect();
        line("hashes", names.join(", "));
        line("size", bytes(self.bytes as f64));
        let (processes, ranks) = self.processes();
        line("processes", format!("{}, {} with a rank", count(processes), count(ranks)));
        line("files", format!("{}, {}", count(self.files.len() as u64), plural(self.totals.records(), "record")));
        let mut rows = Vec::new();
        // Those with faults first: they are what a reader looks for.
        let faulty = |entry: &dft_codec::FileEntry, lost: &[LostRecords]| {
            let of_lines = entry.counts.malformed > 0 || entry.counts.skipped > 0;
            entry.fault.is_some()
                || entry.time_fault.is_some()
                || of_lines
                || entry.processes.has_more()
                || !lost.is_empty()
        };
        let files = self.files.iter().zip(&self.lost);
        let (with, without): (Vec<_>, Vec<_>) = files.partition(|((_, entry), lost)| faulty(entry, lost));
        for ((path, entry), lost) in with.into_iter().chain(without).take(SHOWN) {
            let fault = match &entry.fault {
                None => String::new(),
                Some(FileFault::Empty) => "empty".to_owned(),
                Some(fault) => fault.to_string(),
            };
            let lost = describe_lost(lost);
            let more = entry.processes.has_more().then(|| MORE_PROCESSES.to_owned());
            let faults: Vec<String> =
                Some(fault).filter(|fault| !fault.is_empty()).into_iter().chain(lost).chain(more).collect();
            let malformed = match entry.counts.malformed {
                0 => String::new(),
                lines => format!("{} malformed", count(lines)),
            };
            let skipped = match entry.counts.skipped {
                0 => String::new(),
                records => format!("{} skipped", count(records)),
            };
            rows.push(vec![
                path.clone(),
                bytes(entry.size as f64),
                plural(entry.counts.records(), "record"),
                malformed,
                skipped,
                faults.join("; "),
                entry.time_fault.map_or(String::new(), |fault| fault.to_string()),
            ]);
        }
        use Align::{Left, Right};
        text.push_str(&table(&[Left, Right, Right, Right, Right, Left, Left], &rows, 2));
        if self.files.len() > SHOWN {
            let _ = writeln!(text, "  and {} more", count((self.files.len() - SHOWN) as u64));
        }
        if !self.gone.is_empty() {
            let _ = writeln!(text, "{:<10} {}, still counted", "gone", plural(self.gone.len() as u64, "trace file"));
            text.push_str(&listed(&self.gone, Clone::clone));
        }
        if !self.duplicates.is_empty() {
            let _ =
                writeln!(text, "{:<10} {}, not counted", "duplicates", plural(self.duplicates.len() as u64, "file"));
            text.push_str(&listed(&self.duplicates, |(name, of)| format!("{name}, of {of}")));
        }
        text
    }

    fn json(&self, index: &Index) -> Value {
        let config = index.config();
        let customs = match config.custom_metrics.names() {
            Some(names) => json!(names),
            None => json!(config.custom_metrics.to_string()),
        };
        let files: Vec<Value> = self
            .files
            .iter()
            .zip(&self.lost)
            .map(|((path, entry), lost)| {
                let lost: u128 = lost.iter().map(|lost| lost.lost).sum();
                json!({
                    "path": path,
                    "bytes": entry.size,
                    "text_bytes": entry.consumed.text,
                    "fault": entry.fault.as_ref().map(FileFault::word),
                    "time_fault": entry.time_fault.map(|fault| fault.to_string()),
                    "lost_records": u64::try_from(lost).unwrap_or(u64::MAX),
                    "processes": entry.processes.len(),
                    "records": counts(&entry.counts),
                })
            })
            .collect();
        let rows: Map<String, Value> = self
            .rows
            .iter()
            .map(|(family, rows)| (family.name().to_owned(), json!(rows)))
            .chain([("telemetry".to_owned(), json!(self.telemetry))])
            .collect();
        let names: Map<String, Value> = self
            .names
            .iter()
            .map(|(kind, all, ambiguous)| ((*kind).to_owned(), json!({"hashes": all, "ambiguous": ambiguous})))
            .collect();
        json!({
            "index": index.path().to_string_lossy(),
            "format": FORMAT_VERSION,
            "config": {
                "hash": format!("{:016x}", config.hash()),
                "interval_us": config.interval_us,
                "group_keys": config.extra_group_keys,
                "custom_metrics": customs,
                "percentiles": config.sketch_accuracy,
                "group_by_file": config.group_by_file,
                "time_unit": config.time_unit.name(),
            },
            "bounds": index.bounds().map(|bounds| json!({"least_us": bounds.min, "greatest_us": bounds.max})),
            "rows": rows,
            "series": self.series,
            "names": names,
            "bytes": self.bytes,
            "records": counts(&self.totals),
            "processes": self.processes().0,
            "files": files,
            "gone": self.gone,
            "duplicates": self.duplicates.iter().map(|(name, of)| json!({"path": name, "of": of})).collect::<Vec<_>>(),
        })
    }
}

/// Formats the first few items of a list, one per line.
fn listed<T>(all: &[T], line: impl Fn(&T) -> String) -> String {
    let mut text: String = all.iter().take(SHOWN).map(|one| format!("  {}\n", line(one).shown())).collect();
    if all.len() > SHOWN {
        let _ = writeln!(text, "  and {} more", count((all.len() - SHOWN) as u64));
    }
    text
}

pub(crate) fn counts(counts: &FileCounts) -> Value {
    json!({
        "events": counts.events,
        "profiles": counts.profiles,
        "system": counts.systems,
        "telemetry": counts.telemetry,
        "metadata": counts.metadata,
        "skipped": counts.skipped,
        "malformed": counts.malformed,
        "failed_transfers": counts.failed_transfers,
        "not_finite": counts.not_finite,
        "inconsistent": counts.inconsistent,
    })
}
