//! Runs `dft`, and the floor: the minimum work of a build.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::inputs::{Traces, remove};
use crate::process::{self, Cost};

/// The settings of a build.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct BuildSettings {
    pub(crate) interval_ms: u64,
    pub(crate) threads: usize,
    pub(crate) memory_mib: u64,
}

impl BuildSettings {
    /// Returns the defaults of `dft index`, with `threads` threads.
    pub(crate) fn of(threads: usize) -> Self {
        Self { interval_ms: 1000, threads, memory_mib: 512 }
    }
}

/// Totals of an index and its tables, for comparisons between programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) calls: u64,
    /// The durations of the calls.
    pub(crate) time_us: u64,
    /// The bytes that the calls transferred.
    pub(crate) bytes: u64,
}

/// What `dft info` reports on an index.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Facts {
    pub(crate) records: u64,
    pub(crate) rows: u64,
    pub(crate) text_bytes: u64,
    pub(crate) index_bytes: u64,
}

impl Bench {
    /// Builds a new index.
    pub(crate) fn index(&self, traces: &[&Traces], settings: BuildSettings, index: &Path) -> Result<Cost> {
        remove(index)?;
        self.index_again(traces, settings, index)
    }

    /// Builds an index, which may exist and know the traces.
    pub(crate) fn index_again(&self, traces: &[&Traces], settings: BuildSettings, index: &Path) -> Result<Cost> {
        Ok(process::run(&mut self.index_command(traces, settings, index), &self.log())?.0)
    }

    /// Returns the command that builds an index.
    pub(crate) fn index_command(&self, traces: &[&Traces], settings: BuildSettings, index: &Path) -> Command {
        let mut dft = Command::new(&self.dft);
        dft.arg("index").args(traces.iter().map(|traces| &traces.directory)).arg("--index").arg(index);
        dft.arg("--interval").arg(format!("{}ms", settings.interval_ms));
        dft.arg("--threads").arg(settings.threads.to_string());
        dft.arg("--memory").arg(format!("{}M", settings.memory_mib));
        dft
    }

    /// Exports tables to a new directory.
    pub(crate) fn export(&self, index: &Path, tables: &Path, arguments: &[&str]) -> Result<Cost> {
        remove(tables)?;
        Ok(process::run(&mut self.export_command(index, tables, arguments), &self.log())?.0)
    }

    /// Returns the command that exports tables.
    pub(crate) fn export_command(&self, index: &Path, tables: &Path, arguments: &[&str]) -> Command {
        let mut dft = Command::new(&self.dft);
        dft.arg("export").arg(index).arg("--out").arg(tables).args(arguments);
        dft
    }

    /// Prints the summary of an index.
    pub(crate) fn summary(&self, index: &Path) -> Result<Cost> {
        let mut dft = Command::new(&self.dft);
        Ok(process::run(dft.arg("summary").arg(index), &self.log())?.0)
    }

    /// Returns the time to only read and inflate the files of the traces.
    pub(crate) fn floor(&self, traces: &[&Traces], threads: usize) -> Result<f64> {
        let (_, said) = self.run_floor(traces, threads, false)?;
        let seconds = said.split(' ').next().and_then(|text| text.parse().ok());
        seconds.with_context(|| format!("the floor says `{}`", said.trim()))
    }

    /// Returns the costs of a process that reads, inflates and, if asked, parses the files of the traces.
    pub(crate) fn floor_cost(&self, traces: &[&Traces], threads: usize, parse: bool) -> Result<Cost> {
        Ok(self.run_floor(traces, threads, parse)?.0)
    }

    fn run_floor(&self, traces: &[&Traces], threads: usize, parse: bool) -> Result<(Cost, String)> {
        let mut files: Vec<PathBuf> = Vec::new();
        for traces in traces {
            files.extend(traces.files()?);
        }
        let mut floor = Command::new(&self.floor);
        floor.args(parse.then_some("--parse")).arg(threads.to_string()).args(files);
        process::run(&mut floor, &self.log())
    }

    pub(crate) fn totals(&self, index: &Path) -> Result<Totals> {
        read_totals(&self.json("summary", index)?)
    }

    /// Returns the time from the first bucket to the last.
    pub(crate) fn span_us(&self, index: &Path) -> Result<u64> {
        #[derive(Deserialize)]
        struct Bounds {
            least_us: u64,
            greatest_us: u64,
        }
        #[derive(Deserialize)]
        struct Info {
            bounds: Bounds,
        }
        let info: Info = serde_json::from_str(&self.json("info", index)?)?;
        Ok(info.bounds.greatest_us - info.bounds.least_us)
    }

    pub(crate) fn facts(&self, index: &Path) -> Result<Facts> {
        #[derive(Deserialize)]
        struct File {
            text_bytes: u64,
        }
        #[derive(Deserialize)]
        struct Records {
            events: u64,
            profiles: u64,
            system: u64,
            telemetry: u64,
        }
        #[derive(Deserialize)]
        struct Rows {
            event: u64,
            profile: u64,
            system: u64,
            telemetry: u64,
        }
        #[derive(Deserialize)]
        struct Info {
            bytes: u64,
            files: Vec<File>,
            records: Records,
            rows: Rows,
        }
        let info: Info = serde_json::from_str(&self.json("info", index)?)?;
        let (records, rows) = (info.records, info.rows);
        Ok(Facts {
            records: records.events + records.profiles + records.system + records.telemetry,
            rows: rows.event + rows.profile + rows.system + rows.telemetry,
            text_bytes: info.files.iter().map(|file| file.text_bytes).sum(),
            index_bytes: info.bytes,
        })
    }

    /// Returns the number of calls and of metadata records.
    pub(crate) fn calls_and_metadata(&self, index: &Path) -> Result<u64> {
        #[derive(Deserialize)]
        struct Records {
            events: u64,
            metadata: u64,
        }
        #[derive(Deserialize)]
        struct Info {
            records: Records,
        }
        let Info { records: Records { events, metadata } } = serde_json::from_str(&self.json("info", index)?)?;
        Ok(events + metadata)
    }

    fn json(&self, command: &str, index: &Path) -> Result<String> {
        let mut dft = Command::new(&self.dft);
        dft.arg(command).arg("--json").arg(index);
        Ok(process::run(&mut dft, &self.log())?.1)
    }
}

/// Reads the totals of `dft summary --json`.
fn read_totals(summary: &str) -> Result<Totals> {
    /// Null where nothing was recorded, as without calls.
    #[derive(Deserialize)]
    struct Calls {
        calls: u64,
        time_us: Option<u64>,
        bytes: Option<u64>,
    }
    #[derive(Deserialize)]
    struct Summary {
        calls: Calls,
    }
    let Summary { calls: Calls { calls, time_us, bytes } } = serde_json::from_str(summary)?;
    Ok(Totals { calls, time_us: time_us.unwrap_or(0), bytes: bytes.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_of_telemetry_alone_are_zero() {
        let totals = |text| read_totals(text).expect("a summary");
        let none = totals(r#"{"calls": {"calls": 0, "time_us": 0, "bytes": null}, "hosts": 1}"#);
        assert_eq!(none, Totals::default());
        let some = totals(r#"{"calls": {"calls": 2, "time_us": 9, "bytes": 4096}}"#);
        assert_eq!(some, Totals { calls: 2, time_us: 9, bytes: 4096 });
    }
}
