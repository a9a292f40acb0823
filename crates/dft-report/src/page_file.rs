//! Writes a page to a file and replaces an older page, but nothing else.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use dft_export::{ExportError, replace_file};
use dft_io::open_regular;

use crate::error::ReportError;

/// The first lines of every page. A file that starts otherwise is no page of this program and is never replaced.
pub(crate) const START: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                                <meta name=\"generator\" content=\"dft report\">\n";

/// Writes a page to a file. Returns its size in bytes.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), ReportError>,
) -> Result<u64, ReportError> {
    if !may_replace(path).map_err(|source| ExportError::Io { path: path.to_owned(), source })? {
        return Err(ReportError::NotAReport { path: path.to_owned() });
    }
    let mut page = Vec::new();
    write(&mut page)?;
    replace_file(path, &page)?;
    Ok(page.len() as u64)
}

/// Returns whether a page may take this name: if nothing has it, or a page, an empty file or a link. The link is
/// replaced, not what it leads to.
fn may_replace(path: &Path) -> io::Result<bool> {
    let kind = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    if !kind.is_file() {
        return Ok(kind.is_symlink());
    }
    let mut start = Vec::new();
    open_regular(path)?.take(START.len() as u64).read_to_end(&mut start)?;
    Ok(start.is_empty() || start == START.as_bytes())
}
