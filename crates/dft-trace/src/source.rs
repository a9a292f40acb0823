//! The bytes of a trace file, hashed as they pass.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use crate::gzip::MAGIC;
use crate::other_content::{LOOKED_AT, other_content};
use crate::summary::Snapshot;
use dft_codec::{ContentHash, ContentHasher};

/// Reads a file from some place on, and hashes what passes through.
pub(crate) struct HashingFile {
    file: io::Take<File>,
    hash: ContentHasher,
    /// Where in the file the hashed bytes start.
    hash_from: u64,
    /// The place in the file that is read next.
    at: u64,
    /// Up to where the file is hashed in the end.
    hash_to: u64,
}

impl HashingFile {
    /// Of a file's first `size` bytes.
    pub(crate) fn new(file: File, size: u64) -> Self {
        Self { file: file.take(size), hash: ContentHasher::default(), hash_from: 0, at: 0, hash_to: size }
    }

    /// Of a piece of a file.
    pub(crate) fn piece(file: File, piece: &Range<u64>) -> io::Result<Self> {
        let (hash_from, hash_to) = (piece.start, piece.end);
        let mut hashed = Self { file: file.take(0), hash: ContentHasher::default(), hash_from, at: 0, hash_to };
        hashed.seek(hash_from, hash_to)?;
        Ok(hashed)
    }

    /// Reads what there is, and says whether it is `size` bytes with this hash.
    pub(crate) fn is(&mut self, size: u64, fingerprint: u128) -> io::Result<bool> {
        io::copy(self, &mut io::sink())?;
        Ok(self.at == size && self.hash.digest().checksums() == fingerprint)
    }

    /// Reads all of the file, for its hash.
    pub(crate) fn read_all(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }

    /// Goes to a place in what was read, to go on to the end of a file that now has `size` bytes.
    pub(crate) fn grow(&mut self, place: u64, size: u64) -> io::Result<()> {
        self.hash_to = size;
        self.seek(place, size)
    }

    /// The place in the file that is read next.
    pub(crate) fn position(&self) -> u64 {
        self.at
    }

    /// Goes to another place, not behind what is in the hash, to read up to `end`.
    pub(crate) fn seek(&mut self, place: u64, end: u64) -> io::Result<()> {
        self.file.get_mut().seek(SeekFrom::Start(place))?;
        self.file.set_limit(end - place);
        self.at = place;
        Ok(())
    }

    /// Reads what is left to hash; the hash.
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
        // What was read before is in the hash already.
        let new = self.at.saturating_sub(self.hash_from + self.hash.length()).min(read as u64) as usize;
        self.hash.update(&buffer[read - new..read]);
        Ok(read)
    }
}

/// Opens a regular file, without waiting for anything else of that name.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, Snapshot)> {
    let file = dft_io::open_regular(path)?;
    let snapshot = Snapshot::of(&file.metadata()?);
    Ok((file, snapshot))
}

/// Whether the file is gzip, by its first bytes; and by its name, where they could be those of gzip.
///
/// # Errors
///
/// What the system says, and [`io::ErrorKind::InvalidData`] where the file is [something else](other_content).
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

/// The hash of a file's first `size` bytes, as [`SourceSummary::fingerprint`](crate::SourceSummary::fingerprint) has it.
///
/// # Errors
///
/// What the system says.
pub fn fingerprint(path: &Path, size: u64) -> io::Result<u128> {
    Ok(HashingFile::new(open_regular(path)?.0, size).finish()?.checksums())
}
