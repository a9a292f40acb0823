//! The end of a staged build: adds the bundles of a shared directory to an index.

use std::path::Path;

use dft_store::{Index, IndexWriter, IngestReport, bundle_config};

use crate::error::BuildError;

/// Adds the bundles of a directory to an index. If there is no index, it is created with the bundles' configuration.
/// Ingested bundles are removed, unless `keep` is set.
///
/// # Errors
///
/// Returns a [`BuildError`]. The index is unchanged then, except after
/// [`StoreError::Committed`](dft_store::StoreError::Committed): everything was added, but may not survive a power loss.
pub fn ingest(index: &Path, shared: &Path, keep: bool) -> Result<IngestReport, BuildError> {
    let config = if Index::exists(index)? {
        Index::open(index)?.config().clone()
    } else {
        bundle_config(shared)?.ok_or_else(|| BuildError::NoBundles(shared.to_owned()))?
    };
    Ok(IndexWriter::open(index, &config, false)?.ingest(shared, keep)?)
}
