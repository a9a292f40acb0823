//! The end of a staged build: bundles of a shared directory into an index.

use std::path::Path;

use dft_store::{Index, IndexWriter, IngestReport, bundle_config};

use crate::error::BuildError;

/// Takes the bundles of a directory into an index, which is made with their configuration if it is not
/// there. Bundles that are in are removed, unless `keep`.
///
/// # Errors
///
/// [`BuildError`]; the index is then what it was.
pub fn ingest(index: &Path, shared: &Path, keep: bool) -> Result<IngestReport, BuildError> {
    let config = if Index::exists(index)? {
        Index::open(index)?.config().clone()
    } else {
        bundle_config(shared)?.ok_or_else(|| BuildError::NoBundles(shared.to_owned()))?
    };
    Ok(IndexWriter::open(index, &config, false)?.ingest(shared, keep)?)
}
