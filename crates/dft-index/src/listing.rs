//! Lists the traces to read.

use std::path::PathBuf;

use dft_io::Show;
use dft_trace::{Discovered, discover};

use crate::error::BuildError;

/// Lists traces. It is an error if none of them can be read.
pub(crate) fn list(traces: &[PathBuf]) -> Result<Discovered, BuildError> {
    let found = discover(traces)?;
    if !found.files.is_empty() {
        return Ok(found);
    }
    let unreadable = found.unreadable.iter().map(|found| format!("{}: {}", found.path.shown(), found.error));
    let not_read = found.not_read.iter().map(|not_read| format!("{}: {}", not_read.path.shown(), not_read.container));
    let mut reasons = unreadable.chain(not_read);
    match reasons.next() {
        None => Err(BuildError::NoTraces(traces.to_vec())),
        Some(first) => Err(BuildError::NoneReadable { traces: traces.to_vec(), first, more: reasons.count() }),
    }
}
