//! Status codes: stable, and never reused.

use std::borrow::Cow;

use dft_export::ExportError;
use dft_index::BuildError;
use dft_store::StoreError;

/// What a function returns.
pub type dft_status = i32;

/// It is done.
pub const DFT_OK: dft_status = 0;
/// An argument is NULL where it must not be, misaligned, of another type, or out of its range.
pub const DFT_INVALID_ARGUMENT: dft_status = 1;
/// A handle is none: it was freed, or is of another type, or never was one.
pub const DFT_INVALID_HANDLE: dft_status = 2;
/// A handle that is for one thread at a time is in use by another.
pub const DFT_BUSY: dft_status = 3;
/// There is no index at the path.
pub const DFT_NO_INDEX: dft_status = 4;
/// Another process writes the index.
pub const DFT_LOCKED: dft_status = 5;
/// The configuration is another one than the index's, or cannot be used.
pub const DFT_CONFIG: dft_status = 6;
/// The format is one that this library does not read.
pub const DFT_FORMAT: dft_status = 7;
/// An index, a bundle, a key or a value is damaged.
pub const DFT_DAMAGED: dft_status = 8;
/// The system refused: no such file, no permission, a full disk.
pub const DFT_SYSTEM: dft_status = 9;
/// A trace, or what comes from a source, is in already, with other contents.
pub const DFT_CHANGED: dft_status = 10;
/// There is no trace, or no bundle, where one was looked for.
pub const DFT_NOTHING_FOUND: dft_status = 11;
/// A record or a line is malformed.
pub const DFT_MALFORMED: dft_status = 12;
/// A number is past what its place holds.
pub const DFT_TOO_LARGE: dft_status = 13;
/// It was stopped, as asked.
pub const DFT_CANCELLED: dft_status = 14;
/// What was to be added is in the index, but then something failed: it may not survive a loss of power.
pub const DFT_COMMITTED: dft_status = 15;
/// A handle is of the process that this one was forked from, or this one was forked during a call: what was opened
/// before `fork()` is to be opened again.
pub const DFT_FORKED: dft_status = 16;
/// A defect of this library: the message says where. What the call was about may be of no use.
pub const DFT_PANIC: dft_status = 99;

/// What went wrong, with where it did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Detail {
    pub(crate) status: dft_status,
    pub(crate) message: String,
    pub(crate) path: String,
    pub(crate) key: String,
}

/// That something went wrong. It is small, for every function may return one and hardly any does.
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

    /// With a message that people may be shown.
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
            // A kind of a later version of the store.
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
            // An error that has no status here yet.
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
