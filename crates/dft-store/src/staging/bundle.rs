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
use crate::write::sorter::SortedFiles;

/// How the names of whole bundles begin, and of those that are on their way.
pub(crate) const WHOLE: &str = "bundle-";
pub(crate) const INCOMING: &str = ".incoming-";

/// What is said of what a bundle holds, when it is made.
pub(crate) struct BundleDescription {
    pub(crate) contents: Contents,
    pub(crate) source: Option<String>,
    pub(crate) duplicates: Vec<(PathBuf, DuplicateEntry)>,
    pub(crate) bounds: Option<Bounds>,
}

/// Where a bundle is, and the bundle, or why it cannot be read.
pub(crate) type ListedBundle = (PathBuf, Result<Bundle, StoreError>);

/// A whole bundle.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bundle {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
}

impl Bundle {
    /// Makes a bundle of sorted files that lie in a directory: describes them there, durably. Returns
    /// its name.
    pub(crate) fn describe(
        folder: &Path,
        sorted: &SortedFiles,
        held: BundleDescription,
        config: &Config,
    ) -> Result<String, StoreError> {
        let BundleDescription { contents, source, duplicates, bounds } = held;
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

    /// The bundles in a directory, by name; for those that cannot be read, why.
    pub(crate) fn list(shared: &Path) -> Result<Vec<ListedBundle>, StoreError> {
        Self::list_others(shared, &BTreeSet::new())
    }

    /// The bundles in a directory but for some.
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

    /// Opens a bundle, without looking at its sorted files.
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

    /// The bundle's name.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What the bundle holds, as its name says it.
    pub(crate) fn id(&self) -> String {
        format!("{:032x}", self.manifest.id())
    }

    /// Refuses a bundle in which something is that its manifest does not name: it is somebody's, and is not to be
    /// removed with the bundle.
    pub(crate) fn refuse_strangers(&self) -> Result<(), StoreError> {
        for entry in fs::read_dir(&self.path).map_err(StoreError::io(&self.path))? {
            let entry = entry.map_err(StoreError::io(&self.path))?;
            let name = entry.file_name();
            // What a network file system keeps of a file that is open goes by itself.
            let is_known = name == MANIFEST
                || name.as_bytes().starts_with(b".nfs")
                || self.manifest.files.iter().any(|file| name == file.name.as_str());
            if !is_known {
                let what = "it is no part of the bundle that it lies in".to_owned();
                return Err(StoreError::Bundle { path: entry.path(), what });
            }
        }
        Ok(())
    }

    /// Checks every byte of the sorted files, and that nothing else is there.
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

    /// Second names for the sorted files in a directory, or copies where the file system has none.
    pub(crate) fn link(&self, folder: &Path) -> Result<SortedFiles, StoreError> {
        // A first try may have left something, and a file must never be copied onto itself.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        let mut sorted = SortedFiles { written: self.manifest.written, ..SortedFiles::default() };
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

/// The bytes of a manifest. No link is followed, neither to it nor to its bundle, and nothing is read that is none.
fn read_manifest(bundle: &Path, manifest: &Path) -> io::Result<Vec<u8>> {
    /// More bytes than any manifest has.
    const MOST: u64 = 1 << 30;
    let invalid = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    let kind = fs::symlink_metadata(bundle)?.file_type();
    if !kind.is_dir() {
        let what = if kind.is_symlink() { "it is a symbolic link" } else { "it is no directory" };
        return Err(io::Error::new(io::ErrorKind::NotADirectory, what));
    }
    dft_io::refuse_others(fs::symlink_metadata(manifest)?.file_type())?;
    let file = dft_io::open_regular(manifest)?;
    if file.metadata()?.len() > MOST {
        return invalid("it is larger than any manifest");
    }
    let mut bytes = Vec::new();
    (&file).take(MAGIC.len() as u64).read_to_end(&mut bytes)?;
    if bytes != MAGIC {
        return invalid("it is no bundle's manifest");
    }
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Removes a bundle, whole or begun; its manifest last, by which it is known to be one. An empty directory will do,
/// and nothing else: it is left as it is.
pub(crate) fn remove_bundle(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return Ok(());
    }
    let begins = |mut file: fs::File| -> io::Result<bool> {
        let mut start = [0; MAGIC.len()];
        match file.read_exact(&mut start) {
            Ok(()) => Ok(start == MAGIC),
            // A copy of it may have been begun.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
            Err(error) => Err(error),
        }
    };
    let manifest = path.join(MANIFEST);
    match fs::symlink_metadata(&manifest) {
        Ok(metadata) if metadata.is_file() && begins(dft_io::open_regular(&manifest)?)? => {
            dft_io::remove_tree(path, MANIFEST)
        }
        Ok(_) => Ok(()),
        Err(_) => fs::remove_dir(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staging::manifest::tests::manifest;

    #[test]
    fn linking_a_bundle_again_leaves_it_whole() {
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
