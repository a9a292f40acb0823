//! Why traces could not be generated.

use std::io;
use std::path::PathBuf;

use dft_io::Show;

/// Why traces could not be generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenTraceError {
    /// The text is not arguments of `gen-trace`.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// Tracers of the generation never wrote this.
    #[error("{0}")]
    Generation(&'static str),
    /// The output directory has files.
    #[error("{} is not empty: traces of two runs would mix; remove it or choose another --out", out.shown())]
    NotEmpty {
        /// The output directory.
        out: PathBuf,
    },
    /// The system refused a file or a directory.
    #[error("cannot {what} {}: {source}", path.shown())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The answer of the system.
        source: io::Error,
    },
    /// A thread that writes files panicked.
    #[error("a thread that writes traces panicked")]
    Panicked,
}

impl GenTraceError {
    /// Returns a function that makes an [`GenTraceError::Io`] of what was tried with a path.
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.into(), source }
    }
}
