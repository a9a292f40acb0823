//! The seal of a generation: which files it has, and what is in them.
//!
//! ```text
//! SEAL      dft seal 1, generation 7
//!           0123456789abcdef0123456789abcdef 4096 000012.sst
//!           …
//! ```
//!
//! One line a file, by name: the XXH3-128 of its bytes, its size and its name. `CURRENT` holds the
//! seal's own hash, so that nothing of a generation can change unseen: RocksDB alone would take a
//! manifest whose last record is damaged for one that ends before it, and replay a log that somebody
//! put there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::error::StoreError;
use crate::index::IndexSize;

const SEAL: &str = "SEAL";

/// What a file of a generation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sealed {
    size: u64,
    hash: u128,
}

/// Which files of a generation have second names in the next one.
#[derive(Default)]
pub(crate) struct Linked {
    pub(crate) of: Option<Seal>,
    pub(crate) names: HashSet<String>,
}

impl Linked {
    fn get(&self, name: &str) -> Option<Sealed> {
        self.of.as_ref().filter(|_| self.names.contains(name))?.files.get(name).copied()
    }
}

/// The files of a generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seal {
    number: u64,
    files: BTreeMap<String, Sealed>,
}

impl Seal {
    /// Seals what is in a directory, and makes it durable: every file's bytes, then their names.
    /// Files that are second names of those of another generation are known by its seal, and some were
    /// hashed when they were written. Returns the seal's hash.
    pub(crate) fn make(directory: &Path, number: u64, linked: &Linked, hashed: &[&Hashed]) -> Result<u128, StoreError> {
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
        let write = || -> io::Result<()> {
            let mut file = File::create(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(StoreError::io(&path))?;
        dft_io::sync_directory(directory).map_err(StoreError::io(directory))?;
        Ok(xxh3_128(text.as_bytes()))
    }

    /// What the files take.
    pub(crate) fn size(&self) -> IndexSize {
        IndexSize { bytes: self.files.values().map(|file| file.size).sum(), files: self.files.len() as u64 }
    }

    fn text(&self) -> String {
        let mut text = format!("dft seal 1, generation {}\n", self.number);
        for (name, Sealed { size, hash }) in &self.files {
            text.push_str(&format!("{hash:032x} {size} {name}\n"));
        }
        text
    }

    /// Reads the seal of a generation, which must have a hash.
    pub(crate) fn read(directory: &Path, number: u64, hash: u128) -> Result<Self, StoreError> {
        let path = directory.join(SEAL);
        let damaged = |what: &str| StoreError::Damaged { path: path.clone(), what: what.to_owned() };
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => damaged("it is missing"),
            _ => StoreError::io(&path)(error),
        })?;
        if xxh3_128(&bytes) != hash {
            return Err(damaged("it is not what CURRENT says of it"));
        }
        let parse = || -> Option<Self> {
            let mut lines = std::str::from_utf8(&bytes).ok()?.lines();
            let number = lines.next()?.strip_prefix("dft seal 1, generation ")?.parse().ok()?;
            let mut files = BTreeMap::new();
            for line in lines {
                let (hash, rest) = line.split_once(' ')?;
                let (size, name) = rest.split_once(' ')?;
                let hash = u128::from_str_radix(hash, 16).ok()?;
                files.insert(name.to_owned(), Sealed { size: size.parse().ok()?, hash });
            }
            Some(Self { number, files })
        };
        match parse() {
            Some(seal) if seal.number == number => Ok(seal),
            Some(_) => Err(damaged("it is of another generation")),
            None => Err(damaged("it is no seal that this program reads")),
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

    /// A log that is not sealed would be replayed.
    fn check_logs(&self, directory: &Path) -> Result<(), StoreError> {
        for entry in fs::read_dir(directory).map_err(StoreError::io(directory))? {
            let entry = entry.map_err(StoreError::io(directory))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(".log") && !self.files.contains_key(&*name) {
                let what = "it is no part of the index, but would be read as one".to_owned();
                return Err(StoreError::Damaged { path: entry.path(), what });
            }
        }
        Ok(())
    }
}

fn check(directory: &Path, name: &str, sealed: Sealed, contents: bool) -> Result<(), StoreError> {
    let path = directory.join(name);
    let damaged = |what: String| StoreError::Damaged { path: path.clone(), what };
    let system = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => damaged("it is missing".to_owned()),
        _ => StoreError::io(&path)(error),
    };
    let size = fs::metadata(&path).map_err(system)?.len();
    if size != sealed.size {
        return Err(damaged(format!("it has {size} bytes, not the {} that it was sealed with", sealed.size)));
    }
    if contents && File::open(&path).and_then(|mut file| hash_of(&mut file)).map_err(system)? != sealed {
        return Err(damaged("its bytes are not those that it was sealed with".to_owned()));
    }
    Ok(())
}

fn is_sorted_file(name: &str) -> bool {
    name.ends_with(".sst")
}

/// Files that whoever opens the generation may write.
fn is_unsealed(name: &str) -> bool {
    name == SEAL || name == "LOCK" || name.starts_with("LOG")
}

/// The size and the hash of a file's bytes from where it stands.
fn hash_of(file: &mut File) -> io::Result<Sealed> {
    let mut bytes = Bytes::default();
    bytes.add_rest(file)?;
    Ok(bytes.sealed())
}

/// What was read of a file.
struct Bytes {
    hash: Xxh3,
    size: u64,
    buffer: Vec<u8>,
}

impl Default for Bytes {
    fn default() -> Self {
        Self { hash: Xxh3::new(), size: 0, buffer: vec![0; 256 << 10] }
    }
}

impl Bytes {
    /// Adds what the file has from where it stands.
    fn add_rest(&mut self, file: &mut File) -> io::Result<()> {
        loop {
            match file.read(&mut self.buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    self.hash.update(&self.buffer[..read]);
                    self.size += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn sealed(&self) -> Sealed {
        Sealed { size: self.size, hash: self.hash.digest128() }
    }
}

/// A file that somebody else writes, from its start to its end, and that is hashed as it grows: RocksDB lets
/// go of the pages of what it has written, so to read it afterwards is to wait for the disk.
pub(crate) struct Growing {
    file: File,
    bytes: Bytes,
}

impl Growing {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, bytes: Bytes::default() })
    }

    /// Hashes what was written since.
    pub(crate) fn catch_up(&mut self) -> io::Result<()> {
        self.bytes.add_rest(&mut self.file)
    }
}

/// What files are that were hashed as they were written, whatever they are called by now.
#[derive(Debug, Default)]
pub(crate) struct Hashed(HashMap<Identity, Sealed>);

/// Device, inode and date (seconds and ns): a file that has got the inode of one that is gone has another
/// date.
type Identity = (u64, u64, i64, i64);

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

impl Hashed {
    /// Adds a file that has all its bytes.
    pub(crate) fn add(&mut self, mut file: Growing) -> io::Result<()> {
        file.catch_up()?;
        self.0.insert(identity(&file.file.metadata()?), file.bytes.sealed());
        Ok(())
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    fn get(&self, metadata: &Metadata) -> Option<Sealed> {
        self.0.get(&identity(metadata)).copied().filter(|known| known.size == metadata.len())
    }
}

/// Threads that seal files: mostly they wait for the disk, which makes several files durable at once.
const SEALING: usize = 4;

/// What files of a directory are, which are made durable.
fn seal_files(directory: &Path, names: Vec<String>, hashed: &[&Hashed]) -> Result<Vec<(String, Sealed)>, StoreError> {
    let threads = SEALING.min(names.len());
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<_>, StoreError> {
        let mut sealed = Vec::new();
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (size, hash) = seal_file(&directory.join(name), hashed)?;
            sealed.push((name.clone(), Sealed { size, hash }));
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

/// The XXH3-128 and the size of a file's bytes, which are made durable.
pub(crate) fn seal_file(path: &Path, hashed: &[&Hashed]) -> Result<(u64, u128), StoreError> {
    let sealed = File::open(path).and_then(|mut file| {
        file.sync_all()?;
        let metadata = file.metadata()?;
        match hashed.iter().find_map(|hashed| hashed.get(&metadata)) {
            Some(known) => Ok(known),
            None => hash_of(&mut file),
        }
    });
    let Sealed { size, hash } = sealed.map_err(StoreError::io(path))?;
    Ok((size, hash))
}

/// Checks a file's size and hash.
pub(crate) fn check_file(directory: &Path, name: &str, size: u64, hash: u128) -> Result<(), StoreError> {
    check(directory, name, Sealed { size, hash }, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_hashed_as_it_grows_is_known_by_what_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, linked) = (folder.path().join("a"), folder.path().join("b"));
        let mut file = File::create(&path).expect("made");
        let mut growing = Growing::open(&path).expect("opened");
        for length in [0, 1, 300_000, 7] {
            file.write_all(&vec![length as u8; length]).expect("written");
            growing.catch_up().expect("read");
        }
        file.write_all(b"the end").expect("written");
        let mut hashed = Hashed::default();
        hashed.add(growing).expect("read");
        fs::hard_link(&path, &linked).expect("linked");
        fs::remove_file(&path).expect("removed");
        let metadata = fs::metadata(&linked).expect("there");
        let wanted = hash_of(&mut File::open(&linked).expect("opened")).expect("read");
        assert_eq!(hashed.get(&metadata), Some(wanted));
        assert_eq!(seal_file(&linked, &[&hashed]).expect("sealed"), (wanted.size, wanted.hash));

        // Another one, which may have the inode that is free now; and one that was changed.
        let copied = folder.path().join("c");
        fs::copy(&linked, &copied).expect("copied");
        assert_eq!(hashed.get(&fs::metadata(&copied).expect("there")), None);
        file.write_all(b"!").expect("written");
        assert_eq!(hashed.get(&fs::metadata(&linked).expect("there")), None);
        let changed = hash_of(&mut File::open(&linked).expect("opened")).expect("read");
        assert_eq!(seal_file(&linked, &[&hashed]).expect("sealed"), (changed.size, changed.hash));
    }
}
