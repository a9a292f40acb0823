//! Builds: traces into an index.

use std::ffi::c_void;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use ::dft_index::{BuildError, BuildOptions, InputReport, Progress, ProgressState, build};
use dft_store::SharedProcesses;

use crate::arguments::{Growing, check_place, dft_text, give, given, paths};
use crate::boundary::boundary;
use crate::config::{config, dft_config};
use crate::log::{DFT_LOG_WARNING, log};
use crate::status::{Failure, dft_status};

/// How a build is done, which does not show in its result. NULL, or zeros, for the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_build_options {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// What the tables may take in memory, in bytes; 0 for 512 MiB, or a quarter of what the process may have.
    pub memory: u64,
    /// Threads; 0 for as many as the machine has cores.
    pub threads: u32,
    /// 1: faults of the input are an error (DFT_MALFORMED), and nothing is stored.
    pub strict: u32,
    /// 1: the index is made anew, whatever is in it.
    pub rebuild: u32,
    /// Reserved: 0.
    pub reserved: u32,
    /// Where the traces come from, such as the name of a node: traces of node-local disks have the same path on every
    /// node, and are kept apart by it. Empty for none.
    pub source: dft_text,
}

impl Default for dft_build_options {
    fn default() -> Self {
        Self {
            size: size_of::<Self>() as u64,
            memory: 0,
            threads: 0,
            strict: 0,
            rebuild: 0,
            reserved: 0,
            source: dft_text::default(),
        }
    }
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers and a text.
unsafe impl Growing for dft_build_options {}

/// How far a build is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_progress {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// Files to read.
    pub files: u64,
    /// Files that were read.
    pub files_read: u64,
    /// Bytes to read, as they are on disk.
    pub bytes: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Records that were read.
    pub records: u64,
    /// 0 listing files, 1 reading, 2 writing the index.
    pub stage: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

/// Sees how far a build is: before it begins, some ten times a second, and when it is done, on a thread of the
/// library; not 0 stops the build,
/// which then returns DFT_CANCELLED and leaves the index as it was.
pub type dft_on_progress = Option<unsafe extern "C" fn(context: *mut c_void, progress: *const dft_progress) -> i32>;

/// Sees a text, such as a fault of a file or of an index; valid during the call.
pub type dft_on_text = Option<unsafe extern "C" fn(context: *mut c_void, path: dft_text, text: dft_text)>;

/// What was read and written.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_build_summary {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Files that were read.
    pub files: u64,
    /// Files that were in already.
    pub known_files: u64,
    /// Files with faults, those that could not be read, or look like traces in another container, included.
    pub faulty_files: u64,
    /// Records that were read.
    pub records: u64,
    /// Lines that are no record.
    pub malformed_lines: u64,
    /// Rows that were written.
    pub rows: u64,
    /// Telemetry rows that were written.
    pub telemetry_rows: u64,
    /// Bytes of text that were read, inflated.
    pub text_bytes: u64,
    /// Records of unknown phase, which are in no row.
    pub skipped_records: u64,
    /// Files that have the trace of another one, of which nothing is counted; they are in `faulty_files`, too.
    pub duplicate_files: u64,
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers.
unsafe impl Growing for dft_build_summary {}

pub(crate) fn threads(given: u32) -> usize {
    /// More than any machine that this runs on has.
    const MOST: u32 = 1024;
    if given == 0 { BuildOptions::default().threads } else { given.min(MOST) as usize }
}

pub(crate) fn options(place: *const dft_build_options) -> Result<BuildOptions, Failure> {
    let given = if place.is_null() { dft_build_options::default() } else { given("options", place)? };
    let memory = if given.memory == 0 { BuildOptions::default().memory } else { given.memory };
    let source = given.source.utf8("options.source")?;
    let source = (!source.is_empty()).then(|| source.to_owned());
    let (strict, rebuild) = (given.strict != 0, given.rebuild != 0);
    Ok(BuildOptions { threads: threads(given.threads), memory, strict, rebuild, source })
}

/// A caller's pointer, handed on to the caller's own function on another thread.
#[derive(Clone, Copy)]
struct Context(*mut c_void);

// SAFETY: it is never followed here; that its functions may be called on another thread is said of them.
unsafe impl Send for Context {}

impl Context {
    fn get(self) -> *mut c_void {
        self.0
    }
}

/// Does a build, and tells the caller how far it is: before it begins, some ten times a second, and when it
/// is done.
pub(crate) fn watched<T>(
    on_progress: dft_on_progress,
    context: *mut c_void,
    work: impl FnOnce(&Progress) -> Result<T, BuildError>,
) -> Result<T, BuildError> {
    let progress = Progress::default();
    let Some(on_progress) = on_progress else { return work(&progress) };
    let context = Context(context);
    let (done, watch) = channel::<()>();
    let (begun, begins) = channel::<()>();
    thread::scope(|scope| {
        let progress = &progress;
        scope.spawn(move || {
            let tell = || {
                // SAFETY: the caller gave a function of this type, which may be called on any thread.
                if unsafe { on_progress(context.get(), &said(&progress.state())) } != 0 {
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
        // Nothing is sent: it ends when the caller was told.
        let _ = begins.recv();
        let result = work(progress);
        drop(done);
        result
    })
}

fn said(state: &ProgressState) -> dft_progress {
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

/// Tells the caller, and the log, what is wrong with something at a path.
pub(crate) fn tell(on_text: dft_on_text, context: *mut c_void, path: &Path, text: &str) {
    log(DFT_LOG_WARNING, &format!("{}: {text}", path.to_string_lossy()));
    if let Some(on_text) = on_text {
        // SAFETY: the caller must ensure that the function has this type. The texts stay valid during the call.
        unsafe { on_text(context, dft_text::of_bytes(path.as_os_str().as_bytes()), dft_text::of(text)) };
    }
}

/// Logs the traces that have the same processes.
pub(crate) fn warn_of(shared: &[SharedProcesses]) {
    shared.iter().for_each(|shared| log(DFT_LOG_WARNING, &shared.to_string()));
}

/// Reports what was wrong with each file to the caller.
pub(crate) fn tell_faults(input: &InputReport, on_fault: dft_on_text, context: *mut c_void) {
    input.each_fault(|path, text| tell(on_fault, context, path, text));
}

/// Brings traces into an index: those that it does not have yet, and what others have grown by; all at
/// once, or nothing.
///
/// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs. `index`: the directory, made
/// if it is not there, and removed again where nothing comes in. DFT_NOTHING_FOUND where no trace has a record
/// and there is no index yet. `config`, `options`: NULL for the defaults. `on_progress`: may be NULL.
/// `on_fault`: sees what is wrong with each file, before this returns, on the caller's thread; may be
/// NULL. `context`: handed on to both. `done`: may be NULL. Faults of the input are no error unless
/// `options.strict`. Any thread; another build of the same index meanwhile gives DFT_LOCKED.
#[unsafe(no_mangle)]
pub extern "C" fn dft_build(
    traces: *const dft_text,
    traces_length: u64,
    index: dft_text,
    config: *const dft_config,
    options: *const dft_build_options,
    on_progress: dft_on_progress,
    on_fault: dft_on_text,
    context: *mut c_void,
    done: *mut dft_build_summary,
) -> dft_status {
    boundary("dft_build", || {
        check_place("done", done)?;
        let traces = paths("traces", traces, traces_length)?;
        let (index, config, options) = (index.path("index")?, self::config(config)?, self::options(options)?);
        let report = watched(on_progress, context, |progress| build(&traces, index, &config, &options, progress))?;
        tell_faults(&report.input, on_fault, context);
        warn_of(&report.shared_processes);
        report.no_lock.iter().for_each(|no_lock| log(DFT_LOG_WARNING, &no_lock.to_string()));
        if done.is_null() { Ok(()) } else { give("done", done, &summary(&report.input)) }
    })
}
