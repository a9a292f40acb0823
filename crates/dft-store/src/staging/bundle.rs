//! A bundle on disk.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use dft_aggregate::Config;
use dft_codec::{Bounds, DuplicateEntry, FORMAT_VERSION};

use crate::error::StoreError;
use crate::hashed::FileHash;
use crate::seal::{check_file, seal_file};
use crate::staging::manifest::{BundleFile, Contents, MAGIC, MANIFEST, Manifest, ManifestError};
use crate::write::sorter::SstFiles;

/// The prefixes of complete bundles, and of bundles that are being moved.
pub(crate) const WHOLE: &str = "bundle-";
pub(crate) const INCOMING: &str = ".incoming-";

/// The description of a new bundle.
pub(crate) struct BundleDescription {
    pub(crate) contents: Contents,
    pub(crate) source: Option<String>,
    pub(crate) duplicates: Vec<(PathBuf, DuplicateEntry)>,
    pub(crate) bounds: Option<Bounds>,
}

/// The path of a bundle, and the bundle or why it cannot be read.
pub(crate) type ListedBundle = (PathBuf, Result<Bundle, StoreError>);

/// A complete bundle.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bundle {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
}

impl Bundle {
    /// Turns a directory of SST files into a bundle by writing its manifest there, durably. Returns the bundle's name.
    pub(crate) fn describe(
        folder: &Path,
        sorted: &SstFiles,
        description: BundleDescription,
        config: &Config,
    ) -> Result<String, StoreError> {
        let BundleDescription { contents, source, duplicates, bounds } = description;
        let mut files = Vec::new();
        for (family, path) in &sorted.files {
            let FileHash { size, hash } = seal_file(path, &[&sorted.hashed])?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push(BundleFile { family, name, size, hash });
        }
        let written = sorted.written;
        let manifest = Manifest { config: config.clone(), bounds, written, contents, source, duplicates, files };
        let path = folder.join(MANIFEST);
        let write = || -> io::Result<()> {
            dft_io::failpoint("stage:before the manifest is written")?;
            let mut file = dft_io::create_new(&path)?;
            file.write_all(&manifest.encode())?;
            file.sync_all()?;
            dft_io::sync_directory(folder)
        };
        write().map_err(StoreError::io(&path))?;
        Ok(format!("{WHOLE}{:032x}", manifest.id()))
    }

    /// Returns the bundles in a directory, by name, or why one cannot be read.
    pub(crate) fn list(shared: &Path) -> Result<Vec<ListedBundle>, StoreError> {
        Self::list_others(shared, &BTreeSet::new())
    }

    /// Returns the bundles in a directory except those in `but`.
    pub(crate) fn list_others(shared: &Path, but: &BTreeSet<PathBuf>) -> Result<Vec<ListedBundle>, StoreError> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(shared).map_err(StoreError::io(shared))? {
            let entry = entry.map_err(StoreError::io(shared))?;
            if entry.file_name().to_string_lossy().starts_with(WHOLE) {
                paths.push(entry.path());
            }
        }
        paths.sort();
        paths.retain(|path| !but.contains(path));
        Ok(paths.into_iter().map(|path| (path.clone(), Self::open(path))).collect())
    }

    /// Opens a bundle without reading its SST files.
    pub(crate) fn open(path: PathBuf) -> Result<Self, StoreError> {
        let manifest = path.join(MANIFEST);
        let bytes = match read_manifest(&path, &manifest) {
            Ok(bytes) => bytes,
            Err(error) => {
                let (path, what) = match error.kind() {
                    io::ErrorKind::NotFound => (path, "it has no manifest".to_owned()),
                    io::ErrorKind::NotADirectory => (path, error.to_string()),
                    io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => (manifest, error.to_string()),
                    _ => return Err(StoreError::io(&manifest)(error)),
                };
                return Err(StoreError::Bundle { path, what });
            }
        };
        match Manifest::decode(&bytes) {
            Ok(manifest) => Ok(Self { path, manifest }),
            Err(ManifestError::Format(found)) => Err(StoreError::BundleFormat { path, found, known: FORMAT_VERSION }),
            Err(ManifestError::Damaged(error)) => Err(StoreError::Bundle { path, what: error.to_string() }),
        }
    }

    /// Returns the bundle's file name.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns the id of the bundle's contents, as in its name.
    pub(crate) fn id(&self) -> String {
        format!("{:032x}", self.manifest.id())
    }

    /// Refuses a bundle that contains anything its manifest does not list: such a file belongs to somebody, and must
    /// not be removed with the bundle.
    pub(crate) fn refuse_strangers(&self) -> Result<(), StoreError> {
        for entry in fs::read_dir(&self.path).map_err(StoreError::io(&self.path))? {
            let entry = entry.map_err(StoreError::io(&self.path))?;
            let name = entry.file_name();
            // A network file system removes what it keeps of an open file by itself.
            let is_known = name == MANIFEST
                || name.as_bytes().starts_with(b".nfs")
                || self.manifest.files.iter().any(|file| name == file.name.as_str());
            if !is_known {
                let what = "it is not part of the bundle that contains it".to_owned();
                return Err(StoreError::Bundle { path: entry.path(), what });
            }
        }
        Ok(())
    }

    /// Checks every byte of the SST files, and that nothing else is there.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.refuse_strangers()?;
        for file in &self.manifest.files {
            check_file(&self.path, &file.name, file.size, file.hash).map_err(|error| match error {
                StoreError::Damaged { path, what } => StoreError::Bundle { path, what },
                other => other,
            })?;
        }
        Ok(())
    }

    /// Creates hard links to the SST files in a directory, or copies if the file system has no hard links.
    pub(crate) fn link(&self, folder: &Path) -> Result<SstFiles, StoreError> {
        // An earlier attempt may have left files, and a file must never be copied onto itself.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        let mut sorted = SstFiles { written: self.manifest.written, ..SstFiles::default() };
        for file in &self.manifest.files {
            let (source, target) = (self.path.join(&file.name), folder.join(&file.name));
            dft_io::failpoint("ingest:before a file is linked").map_err(StoreError::io(&target))?;
            if fs::hard_link(&source, &target).is_err() {
                dft_io::copy_regular(&source, &target).map_err(StoreError::io(&target))?;
            }
            sorted.files.push((file.family, target));
        }
        Ok(sorted)
    }
}

/// Returns the bytes of a manifest. Follows no link to the manifest or its bundle, and reads nothing but manifests.
fn read_manifest(bundle: &Path, manifest: &Path) -> io::Result<Vec<u8>> {
    /// An upper limit for the size of a manifest, in bytes.
    const MOST: u64 = 1 << 30;
    let invalid = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    let kind = fs::symlink_metadata(bundle)?.file_type();
    if !kind.is_dir() {
        let what = if kind.is_symlink() { "it is a symbolic link" } else { "it is not a directory" };
        return Err(io::Error::new(io::ErrorKind::NotADirectory, what));
    }
    let file = dft_io::open_no_link(manifest, fs::File::options().read(true))?;
    if file.metadata()?.len() > MOST {
        return invalid("it is larger than any manifest");
    }
    let mut bytes = Vec::new();
    (&file).take(MAGIC.len() as u64).read_to_end(&mut bytes)?;
    if bytes != MAGIC {
        return invalid("it is not a bundle's manifest");
    }
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Removes a bundle, complete or not. The manifest goes last, because it identifies the directory as a bundle. Also
/// removes an empty directory; leaves anything else unchanged.
pub(crate) fn remove_bundle(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return Ok(());
    }
    let begins = |mut file: fs::File| -> io::Result<bool> {
        let mut start = [0; MAGIC.len()];
        match file.read_exact(&mut start) {
            Ok(()) => Ok(start == MAGIC),
            // A copy of the manifest may be incomplete.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
            Err(error) => Err(error),
        }
    };
    let open = |path: &Path| dft_io::open_no_link(path, fs::File::options().read(true));
    let manifest = path.join(MANIFEST);
    match fs::symlink_metadata(&manifest) {
        Ok(metadata) if metadata.is_file() && begins(open(&manifest)?)? => dft_io::remove_tree(path, MANIFEST),
        Ok(_) => Ok(()),
        Err(_) => fs::remove_dir(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staging::manifest::tests::manifest;

    #[test]
    fn linking_a_bundle_again_leaves_the_bundle_intact() {
        let folder = tempfile::tempdir().expect("a folder");
        let bundle = Bundle { path: folder.path().join("bundle"), manifest: manifest() };
        fs::create_dir(&bundle.path).expect("made");
        fs::write(bundle.path.join("rows.0000.sst"), b"12345").expect("written");
        for _ in 0..2 {
            let sorted = bundle.link(&folder.path().join("scratch")).expect("linked");
            assert_eq!(fs::read(&sorted.files[0].1).expect("read"), b"12345");
            assert_eq!(fs::read(bundle.path.join("rows.0000.sst")).expect("read"), b"12345");
        }
    }
}
