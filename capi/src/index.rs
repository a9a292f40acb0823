//! Indexes opened for reading.

use std::ffi::c_void;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use ::dft_index::{BuildError, TemporaryIndex, index_location};
use dft_codec::{NameKind, SeriesKind};
use dft_store::Index;

use crate::arguments::{dft_buffer, dft_text, give, growing, out, paths, write};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::config::{ConfigTexts, dft_config};
use crate::handles::{self, Object};
use crate::status::{Failure, dft_status};

/// An index opened for reading: a snapshot that no writer changes. Any number of threads may use it at once. Created by
/// dft_index_open() or dft_aggregator_into_index(), freed by dft_index_free().
#[derive(Debug)]
pub struct dft_index {
    _private: [u8; 0],
}

/// An index on disk, or one that is removed when it is dropped.
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

/// The object of an index handle. Cursors and streams share the index, so the handle may be freed before them.
pub(crate) struct Opened {
    source: Arc<Source>,
    /// The configuration as a C struct. Its lists point into `_texts`.
    config: dft_config,
    _texts: ConfigTexts,
}

// SAFETY: the pointers in the configuration point to texts that this object owns and that do not change.
unsafe impl Send for Opened {}

// SAFETY: as above; the texts are only read.
unsafe impl Sync for Opened {}

impl Opened {
    pub(crate) fn new(source: Source) -> Result<Self, Failure> {
        let texts = ConfigTexts::of(source.config());
        Ok(Self { config: texts.config(source.config())?, source: Arc::new(source), _texts: texts })
    }

    pub(crate) fn temporary(index: TemporaryIndex) -> Result<Self, Failure> {
        Self::new(Source::Temporary(index))
    }
}

impl Object for Opened {
    const KIND: u8 = 2;
    const NAME: &'static str = "dft_index";
    const SHARED: bool = true;
}

/// Hash table: file hashes.
pub const DFT_NAMES_FILE: u32 = 0;
/// Hash table: host hashes.
pub const DFT_NAMES_HOST: u32 = 1;
/// Hash table: hashes of other strings.
pub const DFT_NAMES_STRING: u32 = 2;

/// Series kind: calls.
pub const DFT_SERIES_CALL: u32 = 0;
/// Series kind: aggregated calls.
pub const DFT_SERIES_AGGREGATED_CALL: u32 = 1;
/// Series kind: host statistics.
pub const DFT_SERIES_HOST_STATISTIC: u32 = 2;

pub(crate) fn kind(number: u32) -> Result<SeriesKind, Failure> {
    match number {
        DFT_SERIES_CALL => Ok(SeriesKind::Call),
        DFT_SERIES_AGGREGATED_CALL => Ok(SeriesKind::AggregatedCall),
        DFT_SERIES_HOST_STATISTIC => Ok(SeriesKind::HostStatistic),
        other => Err(Failure::argument(format!("{other} is not a series kind, one of DFT_SERIES_…"))),
    }
}

fn name_kind(number: u32) -> Result<NameKind, Failure> {
    match number {
        DFT_NAMES_FILE => Ok(NameKind::File),
        DFT_NAMES_HOST => Ok(NameKind::Host),
        DFT_NAMES_STRING => Ok(NameKind::String),
        other => Err(Failure::argument(format!("{other} is not a hash table, one of DFT_NAMES_…"))),
    }
}

/// The properties of an index.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_index_info {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The length of a time bucket, in µs.
    pub interval_us: u64,
    /// A hash of the configuration. Indexes with the same configuration have the same hash.
    pub config_hash: u64,
    /// The lowest bucket of rows and telemetry, in µs; 0 if there is neither.
    pub min_bucket_us: u64,
    /// The highest bucket of rows and telemetry, in µs; 0 if there is neither.
    pub max_bucket_us: u64,
    /// 1 if the index has rows or telemetry, 0 if it has neither.
    pub has_bounds: u32,
    /// Reserved: 0.
    pub reserved: u32,
    /// The size on disk, in bytes.
    pub bytes: u64,
}

growing!(dft_index_info);

/// The number of entries in an index.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_index_counts {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The number of rows of calls.
    pub event_rows: u64,
    /// The number of rows of aggregated calls.
    pub profile_rows: u64,
    /// The number of rows of host statistics.
    pub system_rows: u64,
    /// The number of rows of telemetry.
    pub telemetry_rows: u64,
    /// The number of series.
    pub series: u64,
    /// The number of trace files and live sources.
    pub files: u64,
}

growing!(dft_index_counts);

/// A hash and its name. Its texts are valid during the callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_name {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// The hash.
    pub hash: dft_text,
    /// The name.
    pub name: dft_text,
}

/// Receives a hash and its name, valid during the callback. A result other than 0 ends the iteration.
pub type dft_visit_name = Option<unsafe extern "C" fn(context: *mut c_void, name: *const dft_name) -> i32>;

/// Opens an index for reading. It takes no lock. The handle shows the index as it is now, even if others change it
/// later.
///
/// `path`: the directory of the index; not empty. `index`: receives the handle, which dft_index_free() frees; not NULL.
/// Returns DFT_NO_INDEX if there is no index, DFT_FORMAT if this library does not read its format, DFT_DAMAGED if it is
/// damaged, DFT_SYSTEM for errors of the system, and DFT_TOO_LARGE if 65,536 handles are open. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_open(path: dft_text, index: *mut *mut dft_index) -> dft_status {
    boundary("dft_index_open", || {
        let place = out("index", index)?;
        let source = Source::Stored(Index::open(path.path("path")?)?);
        *place = handles::put(Opened::new(source)?)?;
        Ok(())
    })
}

/// Writes the default place of the index of some traces: `.dftagg` in their directory, or in the innermost directory
/// that holds all of them.
///
/// `traces`: files, directories or globs; `traces_length` of them. `location`: receives the path; not NULL. Returns
/// DFT_TOO_LARGE if the path does not fit, and DFT_NOTHING_FOUND if the traces cannot be listed. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_location(
    traces: *const dft_text,
    traces_length: u64,
    location: *mut dft_buffer,
) -> dft_status {
    boundary("dft_index_location", || {
        let traces = paths("traces", traces, traces_length)?;
        let place = index_location(&traces).map_err(BuildError::from)?;
        write("location", place.as_os_str().as_bytes(), location)
    })
}

/// Frees the handle of an index. Cursors and streams of it stay valid. `index`: NULL does nothing. Returns DFT_BUSY if
/// the handle is in use, and DFT_INVALID_HANDLE if it was freed before. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_free(index: *mut dft_index) -> dft_status {
    boundary("dft_index_free", || handles::free::<Opened, _>(index))
}

/// Returns the index of a handle, shared.
pub(crate) fn source(index: *const dft_index) -> Result<Arc<Source>, Failure> {
    handles::with(index, |opened: &Opened| Ok(opened.source.clone()))
}

/// Describes an index: configuration, time bounds, size. It reads no rows.
///
/// `info`: receives the description; its `size` must be set; not NULL. Any number of threads.
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
            reserved: 0,
            bytes: source.size().bytes,
        };
        give("info", info, &described)
    })
}

/// Returns the configuration of an index, for example to build with the same one.
///
/// `config`: receives the configuration; its `size` must be set; not NULL. Its lists are valid until the handle of the
/// index is freed. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_config(index: *const dft_index, config: *mut dft_config) -> dft_status {
    boundary("dft_index_config", || handles::with(index, |opened: &Opened| give("config", config, &opened.config)))
}

/// Counts the entries of an index. It reads all keys, so its time grows with the number of rows.
///
/// `counts`: receives the counts; its `size` must be set; not NULL. Returns DFT_DAMAGED or DFT_SYSTEM if the index
/// cannot be read. Any number of threads.
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

/// Iterates over a hash table in the order of the hashes. If a hash has several names, the first in byte order is
/// reported.
///
/// `kind`: one of DFT_NAMES_…. `visit`: receives each hash and its name on the caller's thread; not NULL. `context`:
/// passed to it; may be NULL. Returns DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_names(
    index: *const dft_index,
    kind: u32,
    visit: dft_visit_name,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_index_names", || {
        let visit = Callback::required("visit", visit, context)?;
        for (hash, name) in source(index)?.names(name_kind(kind)?)?.iter() {
            let size = size_of::<dft_name>() as u64;
            if !visit.pass(&dft_name { size, hash: dft_text::of(hash), name: dft_text::of(name) }) {
                break;
            }
        }
        Ok(())
    })
}

/// Looks up the name of a hash.
///
/// `kind`: one of DFT_NAMES_…. `hash`: the hash, in UTF-8. `name`: receives the name, with the length 0 if the hash has
/// no name; not NULL.
///
/// Returns DFT_TOO_LARGE if the name does not fit, and DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any
/// number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_name(
    index: *const dft_index,
    kind: u32,
    hash: dft_text,
    name: *mut dft_buffer,
) -> dft_status {
    boundary("dft_index_name", || {
        let found = source(index)?.name(name_kind(kind)?, hash.utf8("hash")?)?.unwrap_or_default();
        write("name", found.as_bytes(), name)
    })
}
