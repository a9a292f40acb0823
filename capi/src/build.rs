//! Builds: adding traces to an index.

use std::ffi::c_void;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use ::dft_index::{BuildError, BuildOptions, InputReport, Progress, ProgressState, build};

use crate::arguments::{check_place, dft_text, give, given, growing, paths};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::config::{config, dft_config};
use crate::log::{DFT_LOG_WARNING, log};
use crate::notes::{Notes, dft_on_note, warn_of};
use crate::status::{Failure, dft_status};

/// What to build, and how. Set `size`, `traces` and `index`; zeros elsewhere are the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_build_request {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Files, directories (searched for *.pfw and *.pfw.gz) or globs.
    pub traces: *const dft_text,
    /// The number of texts in `traces`.
    pub traces_length: u64,
    /// The directory of the index, which is created if it does not exist and removed again if nothing is added. Not
    /// empty.
    pub index: dft_text,
    /// How to aggregate; NULL for the default.
    pub config: *const dft_config,
    /// Where the traces come from, such as the name of a node, in UTF-8; empty for none. It distinguishes traces on
    /// node-local disks, which have the same path on every node.
    pub source: dft_text,
    /// The memory budget of the tables of all threads, in bytes; 0 for 512 MiB, and at most a quarter of the process's
    /// limit (`ulimit -v`).
    pub memory: u64,
    /// The number of threads, limited to 1,024; 0 for the number of cores.
    pub threads: u32,
    /// If not 0, faults of the input are an error (DFT_MALFORMED), and nothing is stored.
    pub strict: u32,
    /// If not 0, the index is rebuilt, whatever it holds.
    pub rebuild: u32,
    /// Reserved: 0.
    pub reserved: u32,
    /// Receives the progress on a thread of the library; may be NULL.
    pub on_progress: dft_on_progress,
    /// Receives each fault of a file on the caller's thread, before the function returns; may be NULL. A result other
    /// than 0 ends the reports, not the build.
    pub on_fault: dft_on_note,
    /// Passed to both callbacks; may be NULL.
    pub context: *mut c_void,
}

growing!(dft_build_request);

/// The progress of a build.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_progress {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// The number of files to read.
    pub files: u64,
    /// The number of files that were read.
    pub files_read: u64,
    /// The bytes to read, in size on disk.
    pub bytes: u64,
    /// The bytes that were read, in size on disk.
    pub bytes_read: u64,
    /// The number of records that were read.
    pub records: u64,
    /// The stage: 0 listing files, 1 reading, 2 writing the index.
    pub stage: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

/// Receives the progress of a build: before it starts, about ten times a second, and at its end. It runs on a thread of
/// the library. `progress`: valid during the callback. A result other than 0 stops the build, which then returns
/// DFT_CANCELLED and leaves the index unchanged.
pub type dft_on_progress = Option<unsafe extern "C" fn(context: *mut c_void, progress: *const dft_progress) -> i32>;

/// What a build or a staging read and wrote.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_build_summary {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The number of files that were read.
    pub files: u64,
    /// The number of files that were already indexed or staged.
    pub known_files: u64,
    /// The number of files with faults, including duplicates, files that cannot be read, and files that look like
    /// traces in an unsupported container.
    pub faulty_files: u64,
    /// The number of records that were read.
    pub records: u64,
    /// The number of malformed lines.
    pub malformed_lines: u64,
    /// The number of rows that were written.
    pub rows: u64,
    /// The number of telemetry rows that were written.
    pub telemetry_rows: u64,
    /// The size of the text that was read, in bytes, uncompressed.
    pub text_bytes: u64,
    /// The number of skipped records: those of unknown phase, which are in no row.
    pub skipped_records: u64,
    /// The number of duplicates: files with the text of another trace. Nothing in them is counted.
    pub duplicate_files: u64,
}

growing!(dft_build_summary);

pub(crate) fn threads(given: u32) -> usize {
    /// The maximum number of threads.
    const MOST: u32 = 1024;
    if given == 0 { BuildOptions::default().threads } else { given.min(MOST) as usize }
}

/// Returns the options that a request states.
pub(crate) fn options(memory: u64, given: u32, strict: u32, source: dft_text) -> Result<BuildOptions, Failure> {
    let memory = if memory == 0 { BuildOptions::default().memory } else { memory };
    let source = source.utf8("request.source")?;
    let source = (!source.is_empty()).then(|| source.to_owned());
    Ok(BuildOptions { threads: threads(given), memory, strict: strict != 0, rebuild: false, source })
}

/// Runs a build and reports its progress to the caller: before it starts, about ten times a second, and at its end.
pub(crate) fn watched<T>(
    on_progress: &Callback<dft_progress>,
    work: impl FnOnce(&Progress) -> Result<T, BuildError>,
) -> Result<T, BuildError> {
    let progress = Progress::default();
    if !on_progress.is_some() {
        return work(&progress);
    }
    let (done, watch) = channel::<()>();
    let (begun, begins) = channel::<()>();
    thread::scope(|scope| {
        let progress = &progress;
        scope.spawn(move || {
            let tell = || {
                if !on_progress.pass(&shown(&progress.state())) {
                    progress.cancel();
                }
            };
            tell();
            drop(begun);
            while watch.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                tell();
            }
            tell();
        });
        // Nothing is sent: the channel closes after the first report.
        let _ = begins.recv();
        let result = work(progress);
        drop(done);
        result
    })
}

fn shown(state: &ProgressState) -> dft_progress {
    dft_progress {
        size: size_of::<dft_progress>() as u64,
        files: state.files,
        files_read: state.files_read,
        bytes: state.bytes,
        bytes_read: state.bytes_read,
        records: state.records,
        stage: state.phase.number(),
        reserved: 0,
    }
}

pub(crate) fn summary(input: &InputReport) -> dft_build_summary {
    let counts = input.counts();
    dft_build_summary {
        size: 0,
        files: input.files.len() as u64,
        known_files: input.known.len() as u64,
        faulty_files: (input.faulty().count() + input.unreadable.len() + input.not_read.len() + input.duplicates.len())
            as u64,
        records: counts.records(),
        malformed_lines: counts.malformed,
        rows: input.written.rows,
        telemetry_rows: input.written.telemetry,
        text_bytes: input.text_bytes,
        skipped_records: counts.skipped,
        duplicate_files: input.duplicates.len() as u64,
    }
}

/// Adds traces to an index: traces that it does not have yet, and what known traces have grown by. Adds all or nothing.
///
/// `request`: what to build; its `size` must be set; not NULL. `done`: receives what was done; its `size` must be set;
/// may be NULL.
///
/// Faults of the input are not an error, unless `strict` is set: then DFT_MALFORMED. Returns DFT_NOTHING_FOUND if there
/// is no trace, or no trace has a record and there is no index yet; DFT_CONFIG if `config` is invalid or differs from
/// the index's; DFT_CHANGED if an indexed trace has changed other than by growing, unless `rebuild` is set; DFT_LOCKED
/// if another writer is changing the index; DFT_FORMAT or DFT_DAMAGED if the index cannot be used; DFT_CANCELLED if
/// `on_progress` stopped the build; DFT_SYSTEM for errors of the system. The index is unchanged then. After
/// DFT_COMMITTED, the traces are in the index. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_build(request: *const dft_build_request, done: *mut dft_build_summary) -> dft_status {
    boundary("dft_build", || {
        check_place("done", done)?;
        let asked = given("request", request)?;
        let traces = paths("request.traces", asked.traces, asked.traces_length)?;
        let (index, config) = (asked.index.path("request.index")?, self::config(asked.config)?);
        let mut options = self::options(asked.memory, asked.threads, asked.strict, asked.source)?;
        options.rebuild = asked.rebuild != 0;
        let on_progress = Callback::new(asked.on_progress, asked.context);
        let report = watched(&on_progress, |progress| build(&traces, index, &config, &options, progress))?;
        Notes::new(Callback::new(asked.on_fault, asked.context)).tell_faults(&report.input);
        warn_of(&report.shared_processes);
        report.no_lock.iter().for_each(|no_lock| log(DFT_LOG_WARNING, &no_lock.to_string()));
        if done.is_null() { Ok(()) } else { give("done", done, &summary(&report.input)) }
    })
}
