//! The size and the hash of a file, taken from the whole file or while it grows.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use xxhash_rust::xxh3::Xxh3;

/// The size and the hash of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHash {
    pub(crate) size: u64,
    /// The XXH3-128 of the file's bytes.
    pub(crate) hash: u128,
}

impl FileHash {
    /// Hashes a file from its current position.
    pub(crate) fn of(file: File) -> io::Result<Self> {
        let mut all = GrowingFile::of(file);
        all.catch_up()?;
        Ok(all.sealed())
    }
}

/// A file that another writer fills from start to end, hashed as it grows. RocksDB drops the pages that it has written
/// from the cache, so reading the file afterwards would wait for the disk.
pub(crate) struct GrowingFile {
    file: File,
    size: u64,
    hash: Xxh3,
    buffer: Vec<u8>,
}

impl GrowingFile {
    pub(crate) fn of(file: File) -> Self {
        Self { file, size: 0, hash: Xxh3::new(), buffer: vec![0; 256 << 10] }
    }

    /// Hashes the bytes written since the last call.
    pub(crate) fn catch_up(&mut self) -> io::Result<()> {
        loop {
            match self.file.read(&mut self.buffer) {
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

    fn sealed(&self) -> FileHash {
        FileHash { size: self.size, hash: self.hash.digest128() }
    }
}

/// The hashes of files that were hashed as they were written, independent of their current names.
#[derive(Debug, Default)]
pub(crate) struct FileHashes(HashMap<FileId, FileHash>);

/// Device, inode and modification time (seconds and ns). A file that reuses the inode of a removed one has another
/// time.
type FileId = (u64, u64, i64, i64);

fn identity(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

impl FileHashes {
    /// Adds a file that is complete.
    pub(crate) fn add(&mut self, mut file: GrowingFile) -> io::Result<()> {
        file.catch_up()?;
        self.0.insert(identity(&file.file.metadata()?), file.sealed());
        Ok(())
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(crate) fn get(&self, metadata: &Metadata) -> Option<FileHash> {
        self.0.get(&identity(metadata)).copied().filter(|known| known.size == metadata.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_hashed_as_it_grows_is_recognized_under_another_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, linked) = (folder.path().join("a"), folder.path().join("b"));
        let mut file = File::create(&path).expect("made");
        let mut growing = GrowingFile::of(File::open(&path).expect("opened"));
        for length in [0, 1, 300_000, 7] {
            file.write_all(&vec![length as u8; length]).expect("written");
            growing.catch_up().expect("read");
        }
        file.write_all(b"the end").expect("written");
        let mut hashed = FileHashes::default();
        hashed.add(growing).expect("read");
        fs::hard_link(&path, &linked).expect("linked");
        fs::remove_file(&path).expect("removed");
        let whole = FileHash::of(File::open(&linked).expect("opened")).expect("read");
        assert_eq!((whole.size, hashed.get(&fs::metadata(&linked).expect("there"))), (300_015, Some(whole)));

        // A copy, which may reuse the freed inode, and then a changed file.
        let copied = folder.path().join("c");
        fs::copy(&linked, &copied).expect("copied");
        assert_eq!(hashed.get(&fs::metadata(&copied).expect("there")), None);
        file.write_all(b"!").expect("written");
        assert_eq!(hashed.get(&fs::metadata(&linked).expect("there")), None);
    }
}
