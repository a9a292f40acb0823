//! The seal of a generation: its files and their contents.
//!
//! ```text
//! SEAL      dft seal 2, generation 7
//!           0123456789abcdef0123456789abcdef 4096 000012.sst
//!           …
//!           fedcba9876543210fedcba9876543210
//! ```
//!
//! Each file has one line, sorted by name: the XXH3-128 of its bytes, its size and its name. The last line is the
//! XXH3-128 of all lines before it, so no change to a generation goes unnoticed. RocksDB alone would read a manifest
//! whose last record is damaged as one that ends before it, and would replay a log that somebody added.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use xxhash_rust::xxh3::xxh3_128;

use crate::error::StoreError;
use crate::hashed::{FileHash, FileHashes};

const SEAL: &str = "SEAL";

/// The length of the last line, a hash, in bytes.
const HASH_LINE: usize = 33;

/// The size of an index on disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexSize {
    /// The bytes of all its files.
    pub bytes: u64,
    /// The number of its files.
    pub files: u64,
}

/// Returns whether a directory has a seal.
pub(crate) fn is_there(directory: &Path) -> bool {
    fs::symlink_metadata(directory.join(SEAL)).is_ok_and(|metadata| metadata.is_file())
}

/// The files of a generation that are hard links in the next one.
#[derive(Default)]
pub(crate) struct Linked {
    pub(crate) of: Option<Seal>,
    pub(crate) names: HashSet<String>,
}

impl Linked {
    fn get(&self, name: &str) -> Option<FileHash> {
        self.of.as_ref().filter(|_| self.names.contains(name))?.files.get(name).copied()
    }
}

/// The files of a generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seal {
    number: u64,
    files: BTreeMap<String, FileHash>,
}

impl Seal {
    /// Seals the files in a directory and makes them durable: first their bytes, then their names. Takes the hashes of
    /// hard links from the other generation's seal, and those in `hashed` from when the files were written. Returns the
    /// seal's hash.
    pub(crate) fn make(
        directory: &Path,
        number: u64,
        linked: &Linked,
        hashed: &[&FileHashes],
    ) -> Result<u128, StoreError> {
        let mut seal = Self { number, files: BTreeMap::new() };
        let mut unknown = Vec::new();
        for entry in fs::read_dir(directory).map_err(StoreError::io(directory))? {
            let entry = entry.map_err(StoreError::io(directory))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            match linked.get(&name) {
                _ if is_unsealed(&name) => {}
                Some(known) => {
                    seal.files.insert(name, known);
                }
                None => unknown.push(name),
            }
        }
        seal.files.extend(seal_files(directory, unknown, hashed)?);
        let text = seal.text();
        let path = directory.join(SEAL);
        let hash = xxh3_128(text.as_bytes());
        let write = || -> io::Result<()> {
            let mut file = dft_io::create_new(&path)?;
            file.write_all(format!("{text}{hash:032x}\n").as_bytes())?;
            file.sync_all()
        };
        write().map_err(StoreError::io(&path))?;
        dft_io::sync_directory(directory).map_err(StoreError::io(directory))?;
        Ok(hash)
    }

    /// Returns the size of all files.
    pub(crate) fn size(&self) -> IndexSize {
        IndexSize { bytes: self.files.values().map(|file| file.size).sum(), files: self.files.len() as u64 }
    }

    /// Returns the seal's own hash.
    pub(crate) fn hash(&self) -> u128 {
        xxh3_128(self.text().as_bytes())
    }

    fn text(&self) -> String {
        let mut text = format!("dft seal 2, generation {}\n", self.number);
        for (name, FileHash { size, hash }) in &self.files {
            text.push_str(&format!("{hash:032x} {size} {name}\n"));
        }
        text
    }

    /// Reads the seal of a generation.
    pub(crate) fn read(directory: &Path, number: u64) -> Result<Self, StoreError> {
        let path = directory.join(SEAL);
        let damaged = |what: &str| StoreError::Damaged { path: path.clone(), what: what.to_owned() };
        let mut bytes = Vec::new();
        dft_io::open_no_link(&path, File::options().read(true))
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(|error| unsealed(&path, error))?;
        let parse = || -> Option<Self> {
            let (text, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH_LINE)?)?;
            if hash != format!("{:032x}\n", xxh3_128(text)).as_bytes() {
                return None;
            }
            let mut lines = std::str::from_utf8(text).ok()?.lines();
            let number = lines.next()?.strip_prefix("dft seal 2, generation ")?.parse().ok()?;
            let mut files = BTreeMap::new();
            for line in lines {
                let (hash, rest) = line.split_once(' ')?;
                let (size, name) = rest.split_once(' ')?;
                let hash = u128::from_str_radix(hash, 16).ok()?;
                files.insert(name.to_owned(), FileHash { size: size.parse().ok()?, hash });
            }
            Some(Self { number, files })
        };
        match parse() {
            Some(seal) if seal.number == number => Ok(seal),
            Some(_) => Err(damaged("it belongs to another generation")),
            None => Err(damaged("its bytes differ from those that were written")),
        }
    }

    /// Checks what an opening has time for: the sizes of all files, and the contents of all files except SST files,
    /// whose blocks have checksums.
    pub(crate) fn check(&self, directory: &Path) -> Result<(), StoreError> {
        self.files.iter().try_for_each(|(name, sealed)| check(directory, name, *sealed, !is_sst(name)))?;
        self.check_logs(directory)
    }

    /// Checks every byte. Returns the faults, file by file.
    pub(crate) fn check_all(&self, directory: &Path) -> Vec<StoreError> {
        let files = self.files.iter().map(|(name, sealed)| check(directory, name, *sealed, true));
        files.chain([self.check_logs(directory)]).filter_map(Result::err).collect()
    }

    /// Returns the files in the directory that the seal does not list. They are not read.
    pub(crate) fn strays(&self, directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let mut strays = Vec::new();
        for entry in fs::read_dir(directory).map_err(StoreError::io(directory))? {
            let entry = entry.map_err(StoreError::io(directory))?;
            let name = entry.file_name();
            // NFS renames removed files that are still open to such names. A log is damage.
            let is_known = name
                .to_str()
                .is_some_and(|name| self.has(name) || is_unsealed(name) || name.starts_with(".nfs") || is_log(name));
            if !is_known {
                strays.push(entry.path());
            }
        }
        strays.sort();
        Ok(strays)
    }

    /// Returns whether a file belongs to the generation.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Refuses an unsealed log, because RocksDB would replay it.
    fn check_logs(&self, directory: &Path) -> Result<(), StoreError> {
        for entry in fs::read_dir(directory).map_err(StoreError::io(directory))? {
            let entry = entry.map_err(StoreError::io(directory))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_log(&name) && !self.has(&name) {
                let what = "it is not part of the index, but would be read as part of it".to_owned();
                return Err(StoreError::Damaged { path: entry.path(), what });
            }
        }
        Ok(())
    }
}

fn check(directory: &Path, name: &str, sealed: FileHash, contents: bool) -> Result<(), StoreError> {
    let path = directory.join(name);
    let damaged = |what: String| StoreError::Damaged { path: path.clone(), what };
    let system = |error: io::Error| unsealed(&path, error);
    let size = look(&path).map_err(system)?;
    if size != sealed.size {
        return Err(damaged(format!("it has {size} bytes, not the {} recorded in the seal", sealed.size)));
    }
    let open = || dft_io::open_no_link(&path, File::options().read(true));
    if contents && open().and_then(FileHash::of).map_err(system)? != sealed {
        return Err(damaged("its bytes differ from those that were sealed".to_owned()));
    }
    Ok(())
}

/// Returns the size of a regular file, without following links.
fn look(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    dft_io::refuse_others(metadata.file_type())?;
    Ok(metadata.len())
}

/// Returns the error for a sealed file that cannot be read. It is damage if the file is missing or not a regular file.
fn unsealed(path: &Path, error: io::Error) -> StoreError {
    let what = match error.kind() {
        io::ErrorKind::NotFound => "it is missing".to_owned(),
        // This kind is used only for files that are not regular.
        io::ErrorKind::InvalidInput => error.to_string(),
        _ => return StoreError::io(path)(error),
    };
    StoreError::Damaged { path: path.to_owned(), what }
}

fn is_log(name: &str) -> bool {
    name.ends_with(".log")
}

fn is_sst(name: &str) -> bool {
    name.ends_with(".sst")
}

/// Returns whether a reader may write the file.
fn is_unsealed(name: &str) -> bool {
    name == SEAL || name == "LOCK" || name.starts_with("LOG")
}

/// Threads that seal files. They mostly wait for the disk, which syncs several files at once.
const SEALING: usize = 4;

/// Makes files of a directory durable and returns their sizes and hashes.
fn seal_files(
    directory: &Path,
    names: Vec<String>,
    hashed: &[&FileHashes],
) -> Result<Vec<(String, FileHash)>, StoreError> {
    let threads = SEALING.min(names.len());
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<_>, StoreError> {
        let mut sealed = Vec::new();
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            sealed.push((name.clone(), seal_file(&directory.join(name), hashed)?));
        }
        Ok(sealed)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut sealed = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(part) => sealed.extend(part?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(sealed)
    })
}

/// Makes a file durable and returns its size and hash, which may be known from when it was written.
pub(crate) fn seal_file(path: &Path, hashed: &[&FileHashes]) -> Result<FileHash, StoreError> {
    let sealed = dft_io::open_regular(path).and_then(|file| {
        file.sync_all()?;
        let metadata = file.metadata()?;
        match hashed.iter().find_map(|hashed| hashed.get(&metadata)) {
            Some(known) => Ok(known),
            None => FileHash::of(file),
        }
    });
    sealed.map_err(StoreError::io(path))
}

/// Checks a file's size and hash.
pub(crate) fn check_file(directory: &Path, name: &str, size: u64, hash: u128) -> Result<(), StoreError> {
    check(directory, name, FileHash { size, hash }, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashed::GrowingFile;

    #[test]
    fn a_hash_taken_while_writing_equals_one_taken_by_reading() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        fs::write(&path, b"what is in it").expect("written");
        let mut hashed = FileHashes::default();
        hashed.add(GrowingFile::of(File::open(&path).expect("opened"))).expect("read");
        let read = || FileHash::of(File::open(&path).expect("opened")).expect("read");
        assert_eq!(seal_file(&path, &[&hashed]).expect("sealed"), read());
        fs::write(&path, b"what is in it now").expect("written");
        assert_eq!(seal_file(&path, &[&hashed]).expect("sealed"), read());
    }
}
