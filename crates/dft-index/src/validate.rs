//! Reads traces and judges them, without an index.

use std::path::{Path, PathBuf};
use std::time::Instant;

use dft_aggregate::Config;
use dft_store::{SharedProcesses, TraceNames};

use crate::error::BuildError;
use crate::faults::{refuse_empty, report_lost};
use crate::file_changes::FileChanges;
use crate::known::KnownTraces;
use crate::listing::list;
use crate::lost;
use crate::not_traces::leave_out_other_files;
use crate::options::BuildOptions;
use crate::plan::plan;
use crate::progress::Progress;
use crate::reading::read_planned;
use crate::report::{InputReport, ValidateReport};

/// Reads traces (files, directories, globs) as [`build`](crate::build()) reads them for a new index, and reports what
/// they hold and every fault. Nothing is written.
///
/// The rules that judge a record are those that aggregate it. So records are aggregated, into one bucket of all time,
/// and the rows are discarded. Of the configuration, only the time unit and the counters' period matter.
///
/// # Errors
///
/// Returns a [`BuildError`] if the traces cannot be listed or hold no record, or if the options are strict and there is
/// a fault.
pub fn validate(
    traces: &[PathBuf],
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<ValidateReport, BuildError> {
    let start = Instant::now();
    let config = Config {
        interval_us: i64::MAX as u64,
        group_by_file: false,
        time_unit: config.time_unit,
        counter_period: config.counter_period,
        // A bucket has all calls of a trace.
        occupancy: false,
        ..Config::default()
    };
    options.check()?;
    let found = list(traces)?;
    // Without an index, traces are named by their paths.
    let names = TraceNames::of(Path::new("")).with_source(options.source.as_deref());
    let known = KnownTraces::of_index(None, names)?;
    let mut plan = plan(&found.files, &known)?;
    plan.add_found(found.unreadable, found.not_read);
    if leave_out_other_files(&mut plan) {
        return Err(BuildError::NotTraces(found.files));
    }
    let reading = read_planned(plan, &known, None, &config, options, progress, BuildError::ChangedWhileRead)?;
    refuse_empty(&reading.outcomes)?;
    let (bytes, text_bytes) = (reading.bytes.on_disk, reading.bytes.text);
    let mut input = InputReport { bytes, text_bytes, ..InputReport::default() };
    let traces = FileChanges::of(&known, reading.outcomes, &known.gone(&found.files), &mut input).traces;
    let lost = lost::find(traces.iter().map(|(name, entry)| (name.as_slice(), entry)), true);
    report_lost(&lost, &known.names, &mut input.files, &mut input.known, options.strict)?;
    let shared_processes = SharedProcesses::among(&known.names, traces.iter());
    input.elapsed = start.elapsed();
    Ok(ValidateReport { input, shared_processes })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use dft_codec::FileFault;

    use super::*;
    use crate::build;

    fn line(ts: u64) -> String {
        format!("{{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":{ts},\"dur\":1,\"ph\":\"X\"}}\n")
    }

    #[test]
    fn traces_are_judged_as_a_build_judges_them_and_nothing_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        let traces = root.join("traces");
        fs::create_dir(&traces).expect("created");
        let many: String = (0..50_000).map(|at| line(at * 1_000_000)).collect();
        fs::write(traces.join("a.pfw"), &many).expect("written");
        fs::write(traces.join("b.pfw"), line(7) + "oops\n" + &line(8).replace("\"X\"", "\"?\"")).expect("written");
        fs::write(traces.join("c.pfw"), "").expect("written");
        fs::write(traces.join("copy.pfw"), &many).expect("written");
        let before: Vec<_> = fs::read_dir(&traces).expect("listed").count().to_le_bytes().to_vec();
        let options = BuildOptions { memory: 1, ..BuildOptions::default() };
        let found = validate(std::slice::from_ref(&traces), &Config::default(), &options, &Progress::default());
        let found = found.expect("validated");
        let after: Vec<_> = fs::read_dir(&traces).expect("listed").count().to_le_bytes().to_vec();
        assert_eq!(after, before);
        let index = root.join("index");
        let built = build(&[traces], &index, &Config::default(), &BuildOptions::default(), &Progress::default())
            .expect("built");
        assert_eq!(found.input.counts(), built.input.counts());
        assert_eq!(found.input.counts().events, 50_001);
        assert_eq!(found.input.duplicates.len(), 1);
        assert!(found.input.has_faults());
        let faults: Vec<_> =
            found.input.files.iter().map(|file| (&file.malformed, &file.skipped, &file.fault)).collect();
        let wanted: Vec<_> =
            built.input.files.iter().map(|file| (&file.malformed, &file.skipped, &file.fault)).collect();
        assert_eq!(faults, wanted);
        assert!(faults.iter().any(|(.., fault)| **fault == Some(FileFault::Empty)));
    }
}
