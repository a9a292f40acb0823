//! Copies of the files of a generation.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::error::StoreError;
use crate::seal::Seal;

/// Copies a generation: SST files to `to`, the others to `database`, which may be the same directory. SST files are
/// never changed in place, so hard links are enough; without hard links they are copied. Returns the names of the
/// links.
pub(super) fn clone_generation(
    from: &Path,
    seal: &Seal,
    to: &Path,
    database: &Path,
) -> Result<HashSet<String>, StoreError> {
    let mut names = HashSet::new();
    for entry in fs::read_dir(from).map_err(StoreError::io(from))? {
        let entry = entry.map_err(StoreError::io(from))?;
        let name = entry.file_name();
        // Files that are not part of the generation stay behind.
        if !name.to_str().is_some_and(|name| seal.has(name)) {
            continue;
        }
        let source = entry.path();
        let is_sst = source.extension().is_some_and(|extension| extension == "sst");
        let target = if is_sst { to } else { database }.join(&name);
        let metadata = fs::symlink_metadata(&source).map_err(StoreError::io(&source))?;
        dft_io::refuse_others(metadata.file_type()).map_err(StoreError::io(&source))?;
        if is_sst && fs::hard_link(&source, &target).is_ok() {
            names.extend(name.into_string());
        } else {
            dft_io::failpoint("publish:before a file is copied").map_err(StoreError::io(&target))?;
            dft_io::copy_regular(&source, &target).map_err(StoreError::io(&target))?;
        }
    }
    Ok(names)
}

/// Returns whether a file belongs to one opening of a generation, not to its contents.
fn is_of_an_opening(name: &OsStr) -> bool {
    name == "LOCK" || name == "SEAL" || name.to_string_lossy().starts_with("LOG")
}

/// Copies what RocksDB wrote in addition to its SST files.
pub(super) fn copy_small_files(from: &Path, to: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(from).map_err(StoreError::io(from))? {
        let entry = entry.map_err(StoreError::io(from))?;
        let name = entry.file_name();
        if is_of_an_opening(&name) || name == dft_io::OWNER {
            continue;
        }
        let target = to.join(&name);
        dft_io::copy_regular(&entry.path(), &target).map_err(StoreError::io(&target))?;
    }
    Ok(())
}
