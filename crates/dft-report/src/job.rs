//! What traces say about a job as a whole.

use std::collections::{BTreeMap, HashMap};

use ahash::RandomState;
use dft_codec::{FileFault, ProcessKey};
use dft_export::View;
use dft_index::{gone_traces, lost_records};
use dft_io::Show;
use dft_store::{Index, TraceNames};

use crate::data::{Job, Share, Shares};
use crate::error::ReportError;
use crate::text::shortened;

/// The most texts of one kind.
const TOP: usize = 4;

/// The longest text, in characters.
const LONGEST_TEXT: usize = 600;

/// The most faults that a page lists.
const MOST_FAULTS: usize = 20;

/// How many processes have each text.
#[derive(Default)]
struct Counted(BTreeMap<String, u64>);

impl Counted {
    fn add(&mut self, text: Option<String>) {
        if let Some(text) = text {
            *self.0.entry(text).or_default() += 1;
        }
    }

    fn shares(self) -> Shares {
        let mut all: Vec<(String, u64)> = self.0.into_iter().collect();
        all.sort_by_key(|(_, processes)| std::cmp::Reverse(*processes));
        let more = all.len().saturating_sub(TOP);
        all.truncate(TOP);
        let share = |(text, processes): (String, u64)| Share { text: shortened(&text, LONGEST_TEXT), processes };
        Shares { top: all.into_iter().map(share).collect(), more }
    }
}

/// The ranks of processes.
pub(crate) type Ranks = HashMap<ProcessKey, i64, RandomState>;

/// What traces say about a job, without what its calls say.
pub(crate) struct KnownJob {
    pub(crate) job: Job,
    pub(crate) ranks: Ranks,
    /// The earliest and latest time of a process, in µs of the tracer's clock.
    pub(crate) span: Option<(u64, u64)>,
}

/// Returns what traces say about a job.
pub(crate) fn job(view: &View<'_>) -> Result<KnownJob, ReportError> {
    let [mut commands, mut executables, mut directories, mut versions, mut hosts] = <[Counted; 5]>::default();
    let mut ranks = Ranks::default();
    let mut span = None;
    view.each_process(|process| {
        commands.add(process.command);
        executables.add(process.executable);
        directories.add(process.working_directory);
        versions.add(process.tracer_version);
        hosts.add(process.host_name);
        if let Some((Ok(first), Ok(last))) = process.span_us.map(|(a, b)| (u64::try_from(a), u64::try_from(b))) {
            span = Some(span.map_or((first, last), |(a, b): (u64, u64)| (a.min(first), b.max(last))));
        }
        if let Some(rank) = process.rank {
            ranks.insert(ProcessKey { host_hash: process.host_hash, pid: process.pid }, rank);
        }
        Ok(())
    })?;
    let files = view.index().files()?;
    let job = Job {
        origin_us: view.origin(),
        ranks: ranks.len(),
        traces: files.len(),
        records: files.iter().map(|(_, file)| file.counts.records()).sum(),
        commands: commands.shares(),
        executables: executables.shares(),
        working_directories: directories.shares(),
        tracer_versions: versions.shares(),
        host_names: hosts.shares(),
        interval_us: view.index().config().interval_us,
        has_sketches: view.index().config().sketch_accuracy.is_some(),
        ..Job::default()
    };
    Ok(KnownJob { job, ranks, span })
}

/// Returns the faults of the input, one sentence each, and how many more there are.
pub(crate) fn faults(index: &Index) -> Result<(Vec<String>, usize), ReportError> {
    let mut lost = lost_records(index)?;
    let mut all = Vec::new();
    for (path, file) in index.files()? {
        let name = TraceNames::shown(&path);
        let name = name.shown();
        match &file.fault {
            None => {}
            Some(FileFault::Empty) => all.push(format!("{name}: the file is empty")),
            Some(fault) => all.push(format!("{name}: {fault}")),
        }
        if let Some(fault) = file.time_fault {
            all.push(format!("{name}: {fault}"));
        }
        let lines = [(file.counts.malformed, "malformed lines"), (file.counts.skipped, "records of unknown phase")];
        all.extend(
            lines.into_iter().filter(|(lines, _)| *lines > 0).map(|(lines, of)| format!("{name}: {lines} {of}")),
        );
        all.extend(lost.remove(&path).unwrap_or_default().iter().map(|lost| format!("{name}: {lost}")));
    }
    all.extend(gone_traces(index)?.iter().map(|name| format!("{}: the file is gone, but counted", name.shown())));
    let duplicates = index.duplicates()?;
    all.extend(duplicates.into_iter().map(|(name, of)| {
        format!("{}: not counted, a copy of {}", TraceNames::shown(&name).shown(), TraceNames::shown(&of.of).shown())
    }));
    let more = all.len().saturating_sub(MOST_FAULTS);
    all.truncate(MOST_FAULTS);
    Ok((all.into_iter().map(|fault| shortened(&fault, LONGEST_TEXT)).collect(), more))
}
