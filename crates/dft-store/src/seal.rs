//! The seal of a generation: which files it has, and what is in them.
//!
//! ```text
//! SEAL      dft seal 2, generation 7
//!           0123456789abcdef0123456789abcdef 4096 000012.sst
//!           …
//!           fedcba9876543210fedcba9876543210
//! ```
//!
//! One line a file, by name: the XXH3-128 of its bytes, its size and its name. The last line is the XXH3-128 of
//! all lines before it, so that nothing of a generation can change unseen: RocksDB alone would take a
//! manifest whose last record is damaged for one that ends before it, and replay a log that somebody
//! put there.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use xxhash_rust::xxh3::xxh3_128;

use crate::error::StoreError;
use crate::hashed::{FileHash, FileHashes};

const SEAL: &str = "SEAL";

/// The bytes of the last line: a hash.
const HASH_LINE: usize = 33;

/// What an index takes on disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexSize {
    /// Bytes of all its files.
    pub bytes: u64,
    /// How many files.
    pub files: u64,
}

/// Whether a directory has the seal of a generation.
pub(crate) fn is_there(directory: &Path) -> bool {
    fs::symlink_metadata(directory.join(SEAL)).is_ok_and(|metadata| metadata.is_file())
}

/// Removes a generation; its seal last, by which it is known to be one.
pub(crate) fn remove_generation(directory: &Path) -> io::Result<()> {
    dft_io::remove_tree(directory, SEAL)
}

/// Which files of a generation have second names in the next one.
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
    /// Seals what is in a directory, and makes it durable: every file's bytes, then their names.
    /// Files that are second names of those of another generation are known by its seal, and some were
    /// hashed when they were written. Returns the seal's hash.
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

    /// What the files take.
    pub(crate) fn size(&self) -> IndexSize {
        IndexSize { bytes: self.files.values().map(|file| file.size).sum(), files: self.files.len() as u64 }
    }

    /// The seal's own hash.
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
        let bytes = look(&path).and_then(|_| dft_io::read_regular(&path)).map_err(|error| unsealed(&path, error))?;
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
            Some(_) => Err(damaged("it is of another generation")),
            None => Err(damaged("its bytes are not those that were written")),
        }
    }

    /// Checks, as far as an opening may take time: every file has its size, and those that RocksDB is
    /// described in have their contents. Blocks of sorted files have checksums of their own.
    pub(crate) fn check(&self, directory: &Path) -> Result<(), StoreError> {
        self.files.iter().try_for_each(|(name, sealed)| check(directory, name, *sealed, !is_sorted_file(name)))?;
        self.check_logs(directory)
    }

    /// Checks every byte; what is wrong, file by file.
    pub(crate) fn check_all(&self, directory: &Path) -> Vec<StoreError> {
        let files = self.files.iter().map(|(name, sealed)| check(directory, name, *sealed, true));
        files.chain([self.check_logs(directory)]).filter_map(Result::err).collect()
    }

    /// What lies among the files, but is none of them. It is not read.
    pub(crate) fn strays(&self, directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let mut strays = Vec::new();
        for entry in fs::read_dir(directory).map_err(StoreError::io(directory))? {
            let entry = entry.map_err(StoreError::io(directory))?;
            let name = entry.file_name();
            // NFS keeps files so that were removed while somebody had them open. Logs are damage.
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

    /// Whether a file is one of the generation.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// A log that is not sealed would be replayed.
    fn check_logs(&self, directory: &Path) -> Result<(), StoreError> {
        for entry in fs::read_dir(directory).map_err(StoreError::io(directory))? {
            let entry = entry.map_err(StoreError::io(directory))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_log(&name) && !self.has(&name) {
                let what = "it is no part of the index, but would be read as one".to_owned();
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
        return Err(damaged(format!("it has {size} bytes, not the {} that it was sealed with", sealed.size)));
    }
    if contents && dft_io::open_regular(&path).and_then(FileHash::of).map_err(system)? != sealed {
        return Err(damaged("its bytes are not those that it was sealed with".to_owned()));
    }
    Ok(())
}

/// The size of a file, of which no link is followed.
fn look(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    dft_io::refuse_others(metadata.file_type())?;
    Ok(metadata.len())
}

/// The error that a file cannot be read that was sealed: it is damage where the file is gone or something else.
fn unsealed(path: &Path, error: io::Error) -> StoreError {
    let what = match error.kind() {
        io::ErrorKind::NotFound => "it is missing".to_owned(),
        // Nothing but what is no regular file is said so.
        io::ErrorKind::InvalidInput => error.to_string(),
        _ => return StoreError::io(path)(error),
    };
    StoreError::Damaged { path: path.to_owned(), what }
}

fn is_log(name: &str) -> bool {
    name.ends_with(".log")
}

fn is_sorted_file(name: &str) -> bool {
    name.ends_with(".sst")
}

/// Files that whoever opens the generation may write.
fn is_unsealed(name: &str) -> bool {
    name == SEAL || name == "LOCK" || name.starts_with("LOG")
}

/// Threads that seal files: mostly they wait for the disk, which makes several files durable at once.
const SEALING: usize = 4;

/// What files of a directory are, which are made durable.
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

/// What a file is, whose bytes are made durable; some were hashed when they were written.
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
    use std::fs::File;

    use super::*;
    use crate::hashed::GrowingFile;

    #[test]
    fn a_file_that_was_hashed_as_it_was_written_is_sealed_as_if_it_were_read() {
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
