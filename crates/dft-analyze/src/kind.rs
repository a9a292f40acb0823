//! Kinds of calls: the kinds of I/O, with metadata calls told apart.

use dft_aggregate::IoCategory;
use serde::Serialize;

/// What a call does: the kinds of I/O of [`IoCategory`], with metadata divided further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallKind {
    /// Reads data.
    Read,
    /// Writes data.
    Write,
    /// Opens or creates a file.
    Open,
    /// Closes a file.
    Close,
    /// Moves the position in a file.
    Seek,
    /// Asks for attributes of a file.
    Stat,
    /// Other work on names and attributes of files.
    Metadata,
    /// Waits until data is stored.
    Sync,
    /// Controls or talks to other processes.
    Process,
    /// Anything else.
    Other,
}

impl CallKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::Write,
        Self::Open,
        Self::Close,
        Self::Seek,
        Self::Stat,
        Self::Metadata,
        Self::Sync,
        Self::Process,
        Self::Other,
    ];

    /// Returns the kind of a function's calls.
    pub fn of(function: &str) -> Self {
        match IoCategory::of(function) {
            IoCategory::Read => Self::Read,
            IoCategory::Write => Self::Write,
            IoCategory::Sync => Self::Sync,
            IoCategory::Pctl | IoCategory::Ipc => Self::Process,
            IoCategory::Metadata => Self::of_metadata(function),
            _ => Self::Other,
        }
    }

    fn of_metadata(function: &str) -> Self {
        if function.contains("dir") {
            Self::Metadata
        } else if function.contains("open") || function.contains("creat") {
            Self::Open
        } else if function.contains("close") {
            Self::Close
        } else if function.contains("seek") || function.contains("tell") || function == "rewind" {
            Self::Seek
        } else if function.contains("stat") && !function.contains("statfs") && !function.contains("statvfs") {
            Self::Stat
        } else {
            Self::Metadata
        }
    }

    /// Whether calls of this kind work on metadata.
    pub(crate) fn is_metadata(self) -> bool {
        matches!(self, Self::Open | Self::Close | Self::Seek | Self::Stat | Self::Metadata)
    }

    /// Returns the name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Open => "open",
            Self::Close => "close",
            Self::Seek => "seek",
            Self::Stat => "stat",
            Self::Metadata => "other metadata",
            Self::Sync => "sync",
            Self::Process => "process",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_the_kind_of_what_they_do() {
        for (function, kind) in [
            ("pread64", CallKind::Read),
            ("fwrite", CallKind::Write),
            ("open64", CallKind::Open),
            ("fdopen", CallKind::Open),
            ("creat", CallKind::Open),
            ("opendir", CallKind::Metadata),
            ("fclose", CallKind::Close),
            ("closedir", CallKind::Metadata),
            ("lseek64", CallKind::Seek),
            ("ftell", CallKind::Seek),
            ("__fxstat64", CallKind::Stat),
            ("statvfs", CallKind::Metadata),
            ("unlink", CallKind::Metadata),
            ("fsync", CallKind::Sync),
            ("fork", CallKind::Process),
            ("Model.forward", CallKind::Other),
        ] {
            assert_eq!(CallKind::of(function), kind, "{function}");
        }
    }
}
