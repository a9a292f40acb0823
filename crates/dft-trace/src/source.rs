//! Reads the bytes of a trace file and hashes them on the way.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use crate::gzip::MAGIC;
use crate::other_content::{LOOKED_AT, other_content};
use crate::summary::Snapshot;
use dft_codec::{ContentHash, ContentHasher};

/// Reads a file from some place on, and hashes what it reads.
pub(crate) struct HashingFile {
    file: io::Take<File>,
    hash: ContentHasher,
    /// The place in the file where the hashed bytes start.
    hash_from: u64,
    /// The place in the file that is read next.
    at: u64,
    /// The place in the file where hashing ends.
    hash_to: u64,
}

impl HashingFile {
    /// Creates a reader of the first `size` bytes of a file.
    pub(crate) fn new(file: File, size: u64) -> Self {
        Self { file: file.take(size), hash: ContentHasher::default(), hash_from: 0, at: 0, hash_to: size }
    }

    /// Creates a reader of a piece of a file.
    pub(crate) fn piece(file: File, piece: &Range<u64>) -> io::Result<Self> {
        let (hash_from, hash_to) = (piece.start, piece.end);
        let mut hashed = Self { file: file.take(0), hash: ContentHasher::default(), hash_from, at: 0, hash_to };
        hashed.seek(hash_from, hash_to)?;
        Ok(hashed)
    }

    /// Reads all bytes, and returns whether they are `size` bytes with this hash.
    pub(crate) fn is(&mut self, size: u64, fingerprint: u128) -> io::Result<bool> {
        io::copy(self, &mut io::sink())?;
        Ok(self.at == size && self.hash.digest().checksums() == fingerprint)
    }

    /// Reads all of the file, for its hash.
    pub(crate) fn read_all(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }

    /// Seeks to a place that was read already, to continue to the end of a file that now has `size` bytes.
    pub(crate) fn grow(&mut self, place: u64, size: u64) -> io::Result<()> {
        self.hash_to = size;
        self.seek(place, size)
    }

    /// Returns the place in the file that is read next.
    pub(crate) fn position(&self) -> u64 {
        self.at
    }

    /// Seeks to a place, not after the end of the hashed bytes, to read up to `end`.
    pub(crate) fn seek(&mut self, place: u64, end: u64) -> io::Result<()> {
        self.file.get_mut().seek(SeekFrom::Start(place))?;
        self.file.set_limit(end - place);
        self.at = place;
        Ok(())
    }

    /// Reads the rest of the bytes to hash, and returns the hash.
    pub(crate) fn finish(mut self) -> io::Result<ContentHash> {
        self.file.set_limit(self.hash_to.saturating_sub(self.at));
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.hash.digest())
    }
}

impl Read for HashingFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.at += read as u64;
        // Bytes that were read before are in the hash already.
        let new = self.at.saturating_sub(self.hash_from + self.hash.length()).min(read as u64) as usize;
        self.hash.update(&buffer[read - new..read]);
        Ok(read)
    }
}

/// Opens a regular file, and refuses anything else without blocking.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, Snapshot)> {
    let file = dft_io::open_regular(path)?;
    let snapshot = Snapshot::of(&file.metadata()?);
    Ok((file, snapshot))
}

/// Whether the file is gzip, by its first bytes; by its name, if these are only the start of the gzip magic.
///
/// # Errors
///
/// The system's error, and [`io::ErrorKind::InvalidData`] if the file has [other content](other_content).
pub(crate) fn is_gzip(file: &mut File, path: &Path) -> io::Result<bool> {
    let mut first = Vec::with_capacity(LOOKED_AT);
    Read::by_ref(file).take(LOOKED_AT as u64).read_to_end(&mut first)?;
    file.rewind()?;
    let named_gzip = path.extension().is_some_and(|extension| extension == "gz");
    if first.starts_with(&MAGIC) || (named_gzip && MAGIC.starts_with(&first)) {
        return Ok(true);
    }
    match other_content(&first) {
        Some(what) => Err(io::Error::new(io::ErrorKind::InvalidData, what)),
        None => Ok(false),
    }
}

/// Returns the hash of the first `size` bytes of a file as it is on disk, as in
/// [`SourceSummary::fingerprint`](crate::SourceSummary::fingerprint).
///
/// # Errors
///
/// The system's error.
pub fn fingerprint(path: &Path, size: u64) -> io::Result<u128> {
    Ok(HashingFile::new(open_regular(path)?.0, size).finish()?.checksums())
}
