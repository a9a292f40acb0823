//! Builds: traces into an index, staged builds, verification.

use std::ffi::c_void;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use ::dft_index::{
    BuildError, BuildOptions, InputReport, Part, Piece, PieceSize, Progress, ProgressState, StageReport, StageTo,
    TraceState, build, ingest, plan_pieces, resolve, stage, stage_pieces,
};
use dft_store::{IngestReport, SharedProcesses, verify};

use crate::arguments::{Growing, check_place, dft_text, give, given, given_list, paths};
use crate::boundary::boundary;
use crate::config::{config, dft_config};
use crate::log::{DFT_LOG_WARNING, log};
use crate::status::{DFT_DAMAGED, Detail, Failure, dft_status};

/// How a build is done, which does not show in its result. NULL, or zeros, for the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_build_options {
    /// The size of this struct, which the caller sets.
    pub size: u64,
    /// What the tables may take in memory, in bytes; 0 for 512 MiB, or a quarter of what the process may have.
    pub memory: u64,
    /// Threads; 0 for as many as the machine has cores.
    pub threads: u32,
    /// 1: faults of the input are an error (DFT_MALFORMED), and nothing is stored.
    pub strict: u32,
    /// 1: the index is made anew, whatever is in it.
    pub rebuild: u32,
    /// 0.
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

// SAFETY: it is `repr(C)`, starts with its size, and is made of numbers and a text.
unsafe impl Growing for dft_build_options {}

/// How far a build is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_progress {
    /// The size of this struct.
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
    /// 0.
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
    /// The size of this struct, which the caller sets.
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

// SAFETY: it is `repr(C)`, starts with its size, and is made of numbers.
unsafe impl Growing for dft_build_summary {}

pub(crate) fn threads(given: u32) -> usize {
    /// More than any machine that this runs on has.
    const MOST: u32 = 1024;
    if given == 0 { BuildOptions::default().threads } else { given.min(MOST) as usize }
}

fn options(place: *const dft_build_options) -> Result<BuildOptions, Failure> {
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
fn watched<T>(
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

fn summary(input: &InputReport) -> dft_build_summary {
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
fn tell(on_text: dft_on_text, context: *mut c_void, path: &Path, text: &str) {
    log(DFT_LOG_WARNING, &format!("{}: {text}", path.to_string_lossy()));
    if let Some(on_text) = on_text {
        // SAFETY: the caller gave a function of this type; the texts live through the call.
        unsafe { on_text(context, dft_text::of_bytes(path.as_os_str().as_bytes()), dft_text::of(text)) };
    }
}

/// Logs the traces that have the same processes.
fn warn_of(shared: &[SharedProcesses]) {
    shared.iter().for_each(|shared| log(DFT_LOG_WARNING, &shared.to_string()));
}

/// Tells the caller what was wrong with each file.
fn tell_faults(input: &InputReport, on_fault: dft_on_text, context: *mut c_void) {
    let tell = |path: &Path, text: &str| tell(on_fault, context, path, text);
    for unreadable in &input.unreadable {
        tell(&unreadable.path, &format!("cannot be read, left out: {}", unreadable.error));
    }
    for duplicate in &input.duplicates {
        tell(Path::new(&duplicate.trace), &duplicate.what());
    }
    for not_read in &input.not_read {
        tell(&not_read.path, &format!("not read: {}", not_read.container));
    }
    for file in input.faulty() {
        use dft_codec::FileFault as Fault;
        match &file.fault {
            None => {}
            Some(Fault::Empty) => tell(&file.path, "empty: the file has no byte"),
            Some(Fault::Truncated(place)) => tell(&file.path, &format!("truncated: {place}")),
            Some(Fault::Damaged(reason)) => tell(&file.path, &format!("damaged: {reason}")),
        }
        if let Some(fault) = &file.time_fault {
            tell(&file.path, &fault.to_string());
        }
        let skipped = file.skipped_records();
        if skipped > 0 {
            let first = file.skipped.as_ref();
            let first =
                first.map_or(String::new(), |first| format!("; the first: {}: {first}", file.place_of(first.line)));
            let what = if skipped == 1 { "record" } else { "records" };
            tell(&file.path, &format!("{skipped} {what} of unknown phase skipped{first}"));
        }
        for lost in &file.lost {
            tell(&file.path, &lost.to_string());
        }
        if file.more_processes {
            tell(&file.path, "it has more processes than facts are kept of");
        }
        let (lines, shown) = (file.malformed_lines(), &file.malformed);
        if lines > 0 {
            let first =
                shown.iter().map(|malformed| format!("; {}: {}", file.place_of(malformed.line), malformed.reason));
            let more = if lines > shown.len() as u64 && !shown.is_empty() { "; and more" } else { "" };
            let what = if lines == 1 { "malformed line" } else { "malformed lines" };
            tell(&file.path, &format!("{lines} {what}{}{more}", first.collect::<String>()));
        }
    }
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

/// Stages one machine's part of a build: traces to bundles in a directory that all machines share, each
/// there whole or not at all. What is in a bundle already is left out.
///
/// `staging`: a directory of this machine, for the work. `shared`: where the bundles go, which may be the
/// same. `part` of `parts`, counted from 0, of the traces, about equal in bytes: the same on every machine
/// that sees the same files. The other arguments are those of dft_build().
#[unsafe(no_mangle)]
pub extern "C" fn dft_stage(
    traces: *const dft_text,
    traces_length: u64,
    staging: dft_text,
    shared: dft_text,
    part: u32,
    parts: u32,
    config: *const dft_config,
    options: *const dft_build_options,
    on_progress: dft_on_progress,
    on_fault: dft_on_text,
    context: *mut c_void,
    done: *mut dft_build_summary,
) -> dft_status {
    boundary("dft_stage", || {
        check_place("done", done)?;
        let traces = paths("traces", traces, traces_length)?;
        let to = StageTo { staging: staging.path("staging")?.to_owned(), shared: shared.path("shared")?.to_owned() };
        let part = Part::new(part, parts)
            .ok_or_else(|| Failure::argument(format!("there is no part {part} of {parts}: they count from 0")))?;
        let (config, options) = (self::config(config)?, self::options(options)?);
        let report = watched(on_progress, context, |progress| stage(&traces, &to, part, &config, &options, progress))?;
        staged(&report, on_fault, context, done)
    })
}

/// Tells the caller what a staging did.
fn staged(
    report: &StageReport,
    on_fault: dft_on_text,
    context: *mut c_void,
    done: *mut dft_build_summary,
) -> Result<(), Failure> {
    tell_faults(&report.input, on_fault, context);
    for piece in &report.unchained {
        tell(on_fault, context, &piece.trace, &format!("{}: stage it whole", piece.unchained));
    }
    if done.is_null() { Ok(()) } else { give("done", done, &summary(&report.input)) }
}

/// A piece of a trace: bytes of the file as it is on disk. A file that is not cut is one, from 0 to its size.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_piece {
    /// The size of this struct, which the caller sets.
    pub size: u64,
    /// The trace.
    pub path: dft_text,
    /// The first byte.
    pub start: u64,
    /// The byte behind the last.
    pub end: u64,
    /// The size that the file had when it was cut.
    pub file_size: u64,
}

impl Default for dft_piece {
    fn default() -> Self {
        Self { size: size_of::<Self>() as u64, path: dft_text::of(""), start: 0, end: 0, file_size: 0 }
    }
}

// SAFETY: it is `repr(C)`, starts with its size, and is made of numbers and a text.
unsafe impl Growing for dft_piece {}

/// Sees a piece of a plan; valid during the call. Not 0 ends the planning, which then returns DFT_CANCELLED.
pub type dft_on_piece = Option<unsafe extern "C" fn(context: *mut c_void, piece: *const dft_piece) -> i32>;

/// Cuts traces into pieces of about one size, for several machines to stage: at lines, or at members of gzip
/// files. A file that is not much larger, or cannot be cut, is one piece. Hardly anything of the files is
/// read.
///
/// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs. `piece_size`: in bytes, as they
/// are on disk; 0 for 1 GiB. `on_piece`: sees each piece, by path and place, on the caller's thread.
/// `context`: handed on. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_plan(
    traces: *const dft_text,
    traces_length: u64,
    piece_size: u64,
    on_piece: dft_on_piece,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_plan", || {
        let traces = paths("traces", traces, traces_length)?;
        let on_piece = on_piece.ok_or_else(|| Failure::argument("on_piece is NULL"))?;
        let piece_size = if piece_size == 0 { ::dft_index::PIECE } else { piece_size };
        for Piece { path, start, end, file_size } in plan_pieces(&traces, PieceSize::Bytes(piece_size))? {
            let path = dft_text::of_bytes(path.as_os_str().as_bytes());
            let piece = dft_piece { size: size_of::<dft_piece>() as u64, path, start, end, file_size };
            // SAFETY: the caller gave a function of this type; the piece and its text live through the call.
            if unsafe { on_piece(context, &piece) } != 0 {
                return Err(BuildError::Cancelled.into());
            }
        }
        Ok(())
    })
}

/// Stages pieces of traces to bundles in a directory that all machines share, each there whole or not at
/// all. What is in a bundle already is left out, so a piece whose machine died is staged again. An ingest
/// takes a trace when all of its pieces are there.
///
/// `pieces`: of dft_plan(). The size of each is that of the first. A trace that has not the size that it had
/// when it was cut gives DFT_CHANGED: plan again. The other arguments are those of dft_stage(). A piece that
/// turns out not to end where it was to is said by `on_fault`; the next ingest names the trace, too.
#[unsafe(no_mangle)]
pub extern "C" fn dft_stage_pieces(
    pieces: *const dft_piece,
    pieces_length: u64,
    staging: dft_text,
    shared: dft_text,
    config: *const dft_config,
    options: *const dft_build_options,
    on_progress: dft_on_progress,
    on_fault: dft_on_text,
    context: *mut c_void,
    done: *mut dft_build_summary,
) -> dft_status {
    boundary("dft_stage_pieces", || {
        check_place("done", done)?;
        let pieces: Vec<dft_piece> = given_list("pieces", pieces, pieces_length)?;
        let piece = |piece: &dft_piece| -> Result<Piece, Failure> {
            let dft_piece { start, end, file_size, .. } = *piece;
            Ok(Piece { path: piece.path.path("pieces")?.to_owned(), start, end, file_size })
        };
        let pieces: Vec<Piece> = pieces.iter().map(piece).collect::<Result<_, _>>()?;
        let to = StageTo { staging: staging.path("staging")?.to_owned(), shared: shared.path("shared")?.to_owned() };
        let (config, options) = (self::config(config)?, self::options(options)?);
        let report = watched(on_progress, context, |progress| stage_pieces(&pieces, &to, &config, &options, progress))?;
        staged(&report, on_fault, context, done)
    })
}

/// How a trace stands to an index: it is in.
pub const DFT_TRACE_KNOWN: u32 = 0;
/// It is not in.
pub const DFT_TRACE_NEW: u32 = 1;
/// It is in, and is longer now.
pub const DFT_TRACE_GROWN: u32 = 2;
/// It is in, and is not what it was: dft_build() refuses it, unless the index is made anew.
pub const DFT_TRACE_CHANGED: u32 = 3;
/// It cannot be read.
pub const DFT_TRACE_UNREADABLE: u32 = 4;
/// It looks like a trace in a container that is not read, such as one of zstd.
pub const DFT_TRACE_NOT_READ: u32 = 5;

/// Sees a trace, and how it stands to an index: one of DFT_TRACE_…; not 0 ends the walk.
pub type dft_visit_trace = Option<unsafe extern "C" fn(context: *mut c_void, path: dft_text, state: u32) -> i32>;

/// Shows each of some traces, and how it stands to an index, to `visit`, by path: what dft_build() would
/// read. Where there is no index, all that can be read are new. Nothing is written.
///
/// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs. `context` is handed on.
#[unsafe(no_mangle)]
pub extern "C" fn dft_resolve(
    traces: *const dft_text,
    traces_length: u64,
    index: dft_text,
    visit: dft_visit_trace,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_resolve", || {
        let visit = visit.ok_or_else(|| Failure::argument("visit is NULL"))?;
        let traces = paths("traces", traces, traces_length)?;
        for trace in resolve(&traces, index.path("index")?)? {
            let state = match trace.state {
                TraceState::Known => DFT_TRACE_KNOWN,
                TraceState::New => DFT_TRACE_NEW,
                TraceState::Grown => DFT_TRACE_GROWN,
                TraceState::Changed => DFT_TRACE_CHANGED,
                TraceState::Unreadable => DFT_TRACE_UNREADABLE,
                TraceState::NotRead => DFT_TRACE_NOT_READ,
                state => return Err(Failure::argument(format!("a trace is in a state without a number: {state:?}"))),
            };
            let path = dft_text::of_bytes(trace.path.as_os_str().as_bytes());
            // SAFETY: the caller gave a function of this type; the text lives through the call.
            if unsafe { visit(context, path, state) } != 0 {
                break;
            }
        }
        Ok(())
    })
}

/// What an ingest did.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_ingest_summary {
    /// The size of this struct, which the caller sets.
    pub size: u64,
    /// Bundles that were taken in.
    pub taken: u64,
    /// Bundles that were in already.
    pub known: u64,
    /// Bundles that were refused, and stay where they are.
    pub refused: u64,
    /// Bundles that are in but could not be removed.
    pub not_removed: u64,
    /// Bundles that are on their way, or whose worker died.
    pub unfinished: u64,
    /// Traces of which some pieces are there, which wait for the others.
    pub waiting_traces: u64,
    /// Traces whose pieces do not make them: they are to be staged whole.
    pub unchained_traces: u64,
    /// Files that have the trace of another one, of which nothing is counted; the log names them.
    pub duplicate_files: u64,
}

// SAFETY: it is `repr(C)`, starts with its size, and is made of numbers.
unsafe impl Growing for dft_ingest_summary {}

/// Brings the bundles of a shared directory into an index, in any order, each once; those that are in are
/// removed, unless `keep` is not 0.
///
/// `index`: made, with the bundles' configuration, if it is not there. `on_refused`: sees why a bundle was
/// refused, or not removed, and which traces are to be staged whole, for their pieces do not make them; on
/// the caller's thread; may be NULL. `done`: may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn dft_ingest(
    index: dft_text,
    shared: dft_text,
    keep: u32,
    on_refused: dft_on_text,
    context: *mut c_void,
    done: *mut dft_ingest_summary,
) -> dft_status {
    boundary("dft_ingest", || {
        check_place("done", done)?;
        let report = ingest(index.path("index")?, shared.path("shared")?, keep != 0)?;
        ingested(&report, on_refused, on_refused, context, done)
    })
}

/// dft_ingest(), with what becomes of traces whose pieces were staged.
///
/// `on_waiting`: sees each trace of which some pieces are there, and what is missing. `on_unchained`: sees
/// each trace whose pieces do not make it, and why: it is to be staged whole, by dft_stage(), and then
/// ingested. Both on the caller's thread; either may be NULL. The other arguments are those of dft_ingest().
#[unsafe(no_mangle)]
pub extern "C" fn dft_ingest_pieces(
    index: dft_text,
    shared: dft_text,
    keep: u32,
    on_refused: dft_on_text,
    on_waiting: dft_on_text,
    on_unchained: dft_on_text,
    context: *mut c_void,
    done: *mut dft_ingest_summary,
) -> dft_status {
    boundary("dft_ingest_pieces", || {
        check_place("done", done)?;
        let report = ingest(index.path("index")?, shared.path("shared")?, keep != 0)?;
        for waiting in &report.waiting {
            tell(on_waiting, context, &waiting.trace, &waiting.what());
        }
        ingested(&report, on_refused, on_unchained, context, done)
    })
}

/// Tells the caller what an ingest did.
fn ingested(
    report: &IngestReport,
    on_refused: dft_on_text,
    on_unchained: dft_on_text,
    context: *mut c_void,
    done: *mut dft_ingest_summary,
) -> Result<(), Failure> {
    for (bundle, error) in report.refused.iter().chain(&report.not_removed) {
        tell(on_refused, context, bundle, &error.to_string());
    }
    for unchained in &report.unchained {
        tell(on_unchained, context, &unchained.trace, &unchained.what());
    }
    report.duplicates.iter().for_each(|duplicate| log(DFT_LOG_WARNING, &duplicate.to_string()));
    warn_of(&report.shared_processes);
    report.no_lock.iter().for_each(|no_lock| log(DFT_LOG_WARNING, &no_lock.to_string()));
    let unchained: usize = report.unchained.iter().map(|trace| trace.bundles.len()).sum();
    let summary = dft_ingest_summary {
        size: 0,
        taken: report.taken.len() as u64,
        known: report.known.len() as u64,
        refused: (report.refused.len() + unchained) as u64,
        not_removed: report.not_removed.len() as u64,
        unfinished: report.unfinished.len() as u64,
        waiting_traces: report.waiting.len() as u64,
        unchained_traces: report.unchained.len() as u64,
        duplicate_files: report.duplicates.len() as u64,
    };
    if done.is_null() { Ok(()) } else { give("done", done, &summary) }
}

/// Reads everything in an index and checks that it is what was written and agrees with itself; DFT_DAMAGED
/// where it does not.
///
/// `on_fault`: sees each fault, on the caller's thread; may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn dft_verify(index: dft_text, on_fault: dft_on_text, context: *mut c_void) -> dft_status {
    boundary("dft_verify", || {
        let path = index.path("index")?;
        let found = verify(path)?;
        for fault in &found.faults {
            tell(on_fault, context, path, &fault.to_string());
        }
        match found.faults.first() {
            None => Ok(()),
            Some(fault) => {
                let message = fault.to_string();
                Err(Detail {
                    status: DFT_DAMAGED,
                    message,
                    path: path.to_string_lossy().into_owned(),
                    ..Detail::default()
                }
                .into())
            }
        }
    })
}
