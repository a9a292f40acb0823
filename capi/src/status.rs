//! Status codes. They are stable and never reused.

use std::borrow::Cow;

use dft_export::ExportError;
use dft_index::BuildError;
use dft_store::StoreError;

/// The status that a function returns: DFT_OK, or the reason for a failure.
pub type dft_status = i32;

/// Success.
pub const DFT_OK: dft_status = 0;
/// An argument is NULL where NULL is not allowed, misaligned, not UTF-8 where UTF-8 is required, or out of range.
pub const DFT_INVALID_ARGUMENT: dft_status = 1;
/// A handle was freed, has another type, or never was a handle.
pub const DFT_INVALID_HANDLE: dft_status = 2;
/// The object allows one thread at a time and is in use, or is to be freed while it is in use.
pub const DFT_BUSY: dft_status = 3;
/// There is no index at the path.
pub const DFT_NO_INDEX: dft_status = 4;
/// Another writer is changing the index. Try again later.
pub const DFT_LOCKED: dft_status = 5;
/// The configuration differs from the index's, or is invalid.
pub const DFT_CONFIG: dft_status = 6;
/// The index or bundle has a format that this library does not read.
pub const DFT_FORMAT: dft_status = 7;
/// An index, a bundle, a key or a value is damaged.
pub const DFT_DAMAGED: dft_status = 8;
/// The operating system reported an error, such as no such file, no permission, or a full disk.
pub const DFT_SYSTEM: dft_status = 9;
/// A trace has changed since it was indexed, staged or planned, or the index already has the source.
pub const DFT_CHANGED: dft_status = 10;
/// No trace or bundle was found, or no trace has a record.
pub const DFT_NOTHING_FOUND: dft_status = 11;
/// A record or a line is malformed.
pub const DFT_MALFORMED: dft_status = 12;
/// A number or a result is too large for the place that receives it.
pub const DFT_TOO_LARGE: dft_status = 13;
/// A callback stopped the work.
pub const DFT_CANCELLED: dft_status = 14;
/// Everything was added to the index, but a later step failed: the change may be lost if the power fails.
pub const DFT_COMMITTED: dft_status = 15;
/// A handle was opened by the process that this one was forked from, or this process was forked during a call. Open the
/// object again in this process.
pub const DFT_FORKED: dft_status = 16;
/// A bug in the library; the message states where. The objects that the call used may be unusable.
pub const DFT_PANIC: dft_status = 99;

/// The parts of a failure: the status, the message, and what it concerns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Detail {
    pub(crate) status: dft_status,
    pub(crate) message: String,
    pub(crate) path: String,
    pub(crate) key: String,
}

/// A failure. It is boxed to be small, because every function may return one and few do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failure(Box<Detail>);

impl std::ops::Deref for Failure {
    type Target = Detail;

    fn deref(&self) -> &Detail {
        &self.0
    }
}

impl From<Detail> for Failure {
    fn from(detail: Detail) -> Self {
        Self(Box::new(detail))
    }
}

impl Failure {
    #[cold]
    pub(crate) fn new(status: dft_status, message: impl Into<String>) -> Self {
        Detail { status, message: message.into(), ..Detail::default() }.into()
    }

    /// Escapes active characters in the message.
    pub(crate) fn shown(mut self) -> Self {
        if let Cow::Owned(shown) = dft_io::shown_lines(&self.0.message) {
            self.0.message = shown;
        }
        self
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(DFT_INVALID_ARGUMENT, message)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        use StoreError as E;
        let (status, path) = match &error {
            E::NoIndex(path) | E::NotAnIndex { path, .. } => (DFT_NO_INDEX, Some(path)),
            E::NoRecords(path) => (DFT_NOTHING_FOUND, Some(path)),
            E::Locked(path) | E::Changed(path) => (DFT_LOCKED, Some(path)),
            E::Config { path, .. } | E::BundleConfig { path, .. } => (DFT_CONFIG, Some(path)),
            E::Format { path, .. } | E::BundleFormat { path, .. } => (DFT_FORMAT, Some(path)),
            E::Entry { path, .. } | E::Damaged { path, .. } | E::Bundle { path, .. } | E::Stray(path) => {
                (DFT_DAMAGED, Some(path))
            }
            E::BundleChanged { path, .. } | E::BundleOverlaps { path, .. } | E::BundleDuplicates { path, .. } => {
                (DFT_CHANGED, Some(path))
            }
            E::Rocks { path, .. } | E::Io { path, .. } => (DFT_SYSTEM, Some(path)),
            E::Committed { path, .. } => (DFT_COMMITTED, Some(path)),
            E::SeriesClash { .. } | E::Table(_) => (DFT_DAMAGED, None),
            E::Forked => (DFT_FORKED, None),
            E::NoRoom { .. } => (DFT_SYSTEM, None),
            E::Run(_) | E::Threads(_) => (DFT_SYSTEM, None),
            // An error that the store may add later.
            _ => (DFT_SYSTEM, None),
        };
        let key = match &error {
            E::Entry { key, .. } => key.clone(),
            _ => String::new(),
        };
        let path = path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        Detail { status, message: error.to_string(), path, key }.into()
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        use BuildError as E;
        let message = error.to_string();
        let (status, path) = match error {
            E::Store(error) => return error.into(),
            E::Discover(_) => (DFT_NOTHING_FOUND, None),
            E::NoTraces(paths) | E::NotTraces(paths) | E::NoneReadable { traces: paths, .. } => {
                (DFT_NOTHING_FOUND, paths.into_iter().next())
            }
            E::NoRecords(files) => (DFT_NOTHING_FOUND, files.into_iter().next().map(|file| file.path)),
            E::ChangedSincePlanned(paths) => (DFT_CHANGED, paths.into_iter().next()),
            E::NoPiece { path, .. } => (DFT_INVALID_ARGUMENT, Some(path)),
            E::NoBundles(path) => (DFT_NOTHING_FOUND, Some(path)),
            E::Config(_) | E::OtherConfig { .. } => (DFT_CONFIG, None),
            E::Changed { paths, .. } | E::ChangedSinceStaged { paths, .. } => (DFT_CHANGED, paths.into_iter().next()),
            E::SourceKnown { index, .. } => (DFT_CHANGED, Some(index)),
            E::BecameDuplicate { path, .. } => (DFT_CHANGED, Some(path)),
            E::Source { .. } => (DFT_INVALID_ARGUMENT, None),
            E::Read { path, .. } | E::Scratch { path, .. } => (DFT_SYSTEM, Some(path)),
            E::Strict { path, .. } => (DFT_MALFORMED, Some(path)),
            E::Malformed(_) => (DFT_MALFORMED, None),
            E::Run(_) | E::Merge(_) | E::Threads(_) => (DFT_SYSTEM, None),
            E::Cancelled => (DFT_CANCELLED, None),
            // An error that has no status of its own yet.
            _ => (DFT_SYSTEM, None),
        };
        let path = path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        Detail { status, message, path, key: String::new() }.into()
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        use ExportError as E;
        let message = error.to_string();
        match error {
            E::Store(error) => error.into(),
            E::TooLarge { row, .. } => Detail { status: DFT_TOO_LARGE, message, key: row, path: String::new() }.into(),
            E::Io { path, .. } | E::Parquet { path, .. } | E::Write { path, .. } => {
                let path = path.to_string_lossy().into_owned();
                Detail { status: DFT_SYSTEM, message, path, key: String::new() }.into()
            }
            E::NotExported(paths) => {
                let path = paths.first().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
                Detail { status: DFT_INVALID_ARGUMENT, message, path, key: String::new() }.into()
            }
            E::List(path) => {
                let path = path.to_string_lossy().into_owned();
                Detail { status: DFT_DAMAGED, message, path, key: String::new() }.into()
            }
            E::Threads(_) => Self::new(DFT_SYSTEM, message),
            _ => Self::argument(message),
        }
    }
}

impl From<dft_codec::DecodeError> for Failure {
    fn from(error: dft_codec::DecodeError) -> Self {
        Self::new(DFT_DAMAGED, error.to_string())
    }
}
