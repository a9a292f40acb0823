//! The names of the files in an index directory.

use std::path::{Path, PathBuf};

/// The marker by which a directory is an index.
pub(crate) const MARKER: &str = "DFT_INDEX";

/// The file that the writer locks.
pub(crate) const LOCK: &str = "LOCK";

/// Returns the directory of a generation.
pub(crate) fn generation(index: &Path, number: u64) -> PathBuf {
    index.join(name(number))
}

fn name(number: u64) -> String {
    format!("gen-{number:06}")
}

/// Returns the number in a generation's name; `None` for any other name or spelling.
pub(crate) fn number_of(of: &str) -> Option<u64> {
    let number = of.strip_prefix("gen-")?.parse().ok()?;
    (name(number) == of).then_some(number)
}
