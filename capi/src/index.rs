//! An index, opened for reading.

use std::ffi::{c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use ::dft_index::{BuildError, TemporaryIndex, index_location};
use dft_codec::{NameKind, SeriesKind};
use dft_store::Index;

use crate::arguments::{Growing, dft_text, give, list, out, paths};
use crate::boundary::boundary;
use crate::config::{ConfigTexts, dft_config};
use crate::handles::{self, Object};
use crate::status::{DFT_TOO_LARGE, Failure, dft_status};

/// An index opened for reading: a snapshot that no writer changes. Any number of threads may use it at
/// once. Made by dft_index_open() or dft_aggregator_into_index(), freed by dft_index_free().
pub struct dft_index {
    _private: [u8; 0],
}

/// An index, wherever it is.
pub(crate) enum Source {
    Stored(Index),
    Temporary(TemporaryIndex),
}

impl std::ops::Deref for Source {
    type Target = Index;

    fn deref(&self) -> &Index {
        match self {
            Self::Stored(index) => index,
            Self::Temporary(index) => index,
        }
    }
}

/// What a handle of an index holds. Cursors and streams hold the index too, so it may be freed before
/// them.
pub(crate) struct Opened {
    source: Arc<Source>,
    /// The configuration as C sees it, whose texts are of `texts`.
    config: dft_config,
    _texts: ConfigTexts,
}

// SAFETY: the pointers of the configuration are of texts that the handle owns and nobody changes.
unsafe impl Send for Opened {}

// SAFETY: as above: they are only ever read.
unsafe impl Sync for Opened {}

impl Opened {
    pub(crate) fn new(source: Source) -> Self {
        let texts = ConfigTexts::of(source.config());
        Self { config: texts.config(source.config()), source: Arc::new(source), _texts: texts }
    }

    pub(crate) fn temporary(index: TemporaryIndex) -> Self {
        Self::new(Source::Temporary(index))
    }
}

impl Object for Opened {
    const KIND: u8 = 2;
    const NAME: &'static str = "dft_index";
    const SHARED: bool = true;
}

/// Hash tables: of files.
pub const DFT_NAMES_FILE: u32 = 0;
/// Of hosts.
pub const DFT_NAMES_HOST: u32 = 1;
/// Of strings.
pub const DFT_NAMES_STRING: u32 = 2;

/// Families of rows: calls.
pub const DFT_SERIES_CALL: u32 = 0;
/// Calls that a tracer aggregated over a period.
pub const DFT_SERIES_AGGREGATED_CALL: u32 = 1;
/// Statistics of the system itself that a tracer aggregated.
pub const DFT_SERIES_HOST_STATISTIC: u32 = 2;

pub(crate) fn kind(number: u32) -> Result<SeriesKind, Failure> {
    match number {
        DFT_SERIES_CALL => Ok(SeriesKind::Call),
        DFT_SERIES_AGGREGATED_CALL => Ok(SeriesKind::AggregatedCall),
        DFT_SERIES_HOST_STATISTIC => Ok(SeriesKind::HostStatistic),
        other => Err(Failure::argument(format!("{other} is no family"))),
    }
}

fn name_kind(number: u32) -> Result<NameKind, Failure> {
    match number {
        DFT_NAMES_FILE => Ok(NameKind::File),
        DFT_NAMES_HOST => Ok(NameKind::Host),
        DFT_NAMES_STRING => Ok(NameKind::String),
        other => Err(Failure::argument(format!("{other} is no hash table"))),
    }
}

/// What an index is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_index_info {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The length of a time bucket, in µs.
    pub interval_us: u64,
    /// A hash of its configuration: two indexes of one configuration have one.
    pub config_hash: u64,
    /// The least bucket over rows and telemetry, in µs; 0 where there is neither.
    pub min_bucket_us: u64,
    /// The greatest bucket, in µs.
    pub max_bucket_us: u64,
    /// 1 where the bounds above are of something, 0 where the index has neither rows nor telemetry.
    pub has_bounds: u32,
    /// 1 where rows are kept apart by file.
    pub group_by_file: u32,
    /// Bytes that it takes on disk.
    pub bytes: u64,
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers.
unsafe impl Growing for dft_index_info {}

/// How much is in an index.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_index_counts {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Rows of calls.
    pub event_rows: u64,
    /// Rows of calls that a tracer aggregated.
    pub profile_rows: u64,
    /// Rows of system statistics that a tracer aggregated.
    pub system_rows: u64,
    /// Rows of telemetry.
    pub telemetry_rows: u64,
    /// Series.
    pub series: u64,
    /// Trace files and live sources.
    pub files: u64,
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers.
unsafe impl Growing for dft_index_counts {}

/// Sees a hash and its name; not 0 ends the walk.
pub type dft_visit_name = Option<unsafe extern "C" fn(context: *mut c_void, hash: dft_text, name: dft_text) -> i32>;

/// Opens an index. It needs no lock, and sees the index as it is now for as long as it is open, while
/// others write it.
///
/// `path`: the index's directory. `index`: where the handle is put, to be freed by dft_index_free().
/// DFT_NO_INDEX, DFT_FORMAT, DFT_DAMAGED. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_open(path: dft_text, index: *mut *mut dft_index) -> dft_status {
    boundary("dft_index_open", || {
        let place = out("index", index)?;
        let source = Source::Stored(Index::open(path.path("path")?)?);
        *place = handles::put(Opened::new(source))?;
        Ok(())
    })
}

/// Says where the index of some traces is put if nothing else is asked for: in `.dftagg` in their
/// directory, or in the innermost directory that holds all of them. Written to `buffer` as dft_index_name()
/// does.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_location(
    traces: *const dft_text,
    traces_length: u64,
    buffer: *mut c_char,
    capacity: u64,
    length: *mut u64,
) -> dft_status {
    boundary("dft_index_location", || {
        let traces = paths("traces", traces, traces_length)?;
        let place = index_location(&traces).map_err(BuildError::from)?;
        write(place.as_os_str().as_bytes(), buffer, capacity, length)
    })
}

/// Frees the handle of an index. Cursors and streams of it stay good. NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_free(index: *mut dft_index) -> dft_status {
    boundary("dft_index_free", || handles::free::<Opened, _>(index))
}

/// The index that a handle is of, shared.
pub(crate) fn source(index: *const dft_index) -> Result<Arc<Source>, Failure> {
    handles::with(index, |opened: &Opened| Ok(opened.source.clone()))
}

/// Says what an index is: its configuration, its time bounds, its size. At once.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_describe(index: *const dft_index, info: *mut dft_index_info) -> dft_status {
    boundary("dft_index_describe", || {
        let source = source(index)?;
        let bounds = source.bounds();
        let described = dft_index_info {
            size: 0,
            interval_us: source.config().interval_us,
            config_hash: source.config().hash(),
            min_bucket_us: bounds.map_or(0, |bounds| bounds.min),
            max_bucket_us: bounds.map_or(0, |bounds| bounds.max),
            has_bounds: bounds.is_some().into(),
            group_by_file: source.config().group_by_file.into(),
            bytes: source.size().bytes,
        };
        give("info", info, &described)
    })
}

/// Gives the configuration that an index was made with, such as to build with it. Its lists are valid until
/// the index's handle is freed.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_config(index: *const dft_index, config: *mut dft_config) -> dft_status {
    boundary("dft_index_config", || handles::with(index, |opened: &Opened| give("config", config, &opened.config)))
}

/// Counts what is in an index. It reads all keys, so it takes as long as there are rows.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_count(index: *const dft_index, counts: *mut dft_index_counts) -> dft_status {
    boundary("dft_index_count", || {
        let source = source(index)?;
        let counted = dft_index_counts {
            size: 0,
            event_rows: source.count_rows(SeriesKind::Call)?,
            profile_rows: source.count_rows(SeriesKind::AggregatedCall)?,
            system_rows: source.count_rows(SeriesKind::HostStatistic)?,
            telemetry_rows: source.count_telemetry()?,
            series: source.count_series()?,
            files: source.files()?.len() as u64,
        };
        give("counts", counts, &counted)
    })
}

/// Shows every hash of a table, and its name, to `visit`, by hash: the least name in byte order where a
/// hash has several. `kind` is one of DFT_NAMES_…; `context` is handed on.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_names(
    index: *const dft_index,
    kind: u32,
    visit: dft_visit_name,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_index_names", || {
        let visit = visit.ok_or_else(|| Failure::argument("visit is NULL"))?;
        for (hash, name) in source(index)?.names(name_kind(kind)?)?.iter() {
            // SAFETY: the caller must ensure that the function has this type. The texts stay valid during the call.
            if unsafe { visit(context, dft_text::of(hash), dft_text::of(name)) } != 0 {
                break;
            }
        }
        Ok(())
    })
}

/// Looks up the name of a hash. `length` is set to the name's length, 0 where the hash resolves to nothing,
/// and the name is written to `buffer` if it fits in `capacity` bytes, else DFT_TOO_LARGE.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_name(
    index: *const dft_index,
    kind: u32,
    hash: dft_text,
    buffer: *mut c_char,
    capacity: u64,
    length: *mut u64,
) -> dft_status {
    boundary("dft_index_name", || {
        let name = source(index)?.name(name_kind(kind)?, hash.utf8("hash")?)?.unwrap_or_default();
        write(name.as_bytes(), buffer, capacity, length)
    })
}

/// Writes bytes to a caller's buffer, if they fit.
pub(crate) fn write(bytes: &[u8], buffer: *mut c_char, capacity: u64, length: *mut u64) -> Result<(), Failure> {
    *out("length", length)? = bytes.len() as u64;
    // The same checks as of what is read.
    list("buffer", buffer.cast_const(), capacity)?;
    if bytes.len() as u64 > capacity {
        return Err(Failure::new(DFT_TOO_LARGE, format!("the buffer is too small: {} bytes are needed", bytes.len())));
    }
    if !bytes.is_empty() {
        // SAFETY: the buffer has at least so many bytes, by the caller's word, and is not what is copied.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast(), bytes.len()) };
    }
    Ok(())
}
