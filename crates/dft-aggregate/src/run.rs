//! Runs: tables written out as sorted keys and values, in memory or in a file.
//!
//! ```text
//! run       the sections, in the order of [`Section`]
//! section   entries in order of their keys; a key may occur several times
//! entry     varint key length │ key │ varint value length │ value
//! ```
//!
//! A run does not outlive the build that wrote it, so it has no version.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use dft_codec::{Reader, put_varint};
use dft_io::Show;

use crate::encoded_cells::{TableCursor, TableRows};
use crate::partition::{PARTITIONS, partition_of};

/// A section of a run: the part of the index that entries belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Section {
    /// Series ids and identities.
    Series,
    /// Names of hashes.
    Names,
    /// Rows.
    Rows,
    /// Telemetry.
    Telemetry,
}

impl Section {
    /// All sections, in the order of a run.
    pub const ALL: [Self; 4] = [Self::Series, Self::Names, Self::Rows, Self::Telemetry];
}

/// The reason why a run's file cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The system reports an error.
    #[error("{}: {source}, in a temporary file of the build{}", .path.shown(), dft_io::advice(.source))]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The file does not have the bytes that were written to it.
    #[error("{}: the build's temporary file was changed while it was in use", .path.shown())]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
}

enum Store {
    Memory(Vec<u8>),
    File(PathBuf),
}

/// The sorted entries of a table. A run in a file removes the file when it is dropped.
pub struct Run {
    store: Store,
    /// The start of each section, and the end of the last one.
    starts: [u64; 5],
    /// The start of each partition of the rows, and the end of the last one.
    partitions: Box<[u64]>,
    /// The rows, if they are not in the store.
    rows: Option<TableRows>,
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Store::File(path) = &self.store {
            // Errors do not matter: the build removes the whole directory at its end, too.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match &self.store {
            Store::Memory(_) => None,
            Store::File(path) => Some(path),
        };
        f.debug_struct("Run").field("path", &path).field("starts", &self.starts).finish_non_exhaustive()
    }
}

impl Run {
    /// Returns the run with the rows of a table in place of its own.
    pub(crate) fn with_rows(mut self, rows: TableRows) -> Self {
        self.partitions = rows.bytes();
        self.rows = Some(rows);
        self
    }

    /// Returns the number of bytes of a section.
    pub fn section_bytes(&self, section: Section) -> u64 {
        if section == Section::Rows {
            return self.partition_bytes(&(0..PARTITIONS));
        }
        self.starts[section as usize + 1] - self.starts[section as usize]
    }

    /// Returns the number of bytes of the rows in a range of partitions.
    pub fn partition_bytes(&self, range: &std::ops::Range<usize>) -> u64 {
        self.partitions[range.end] - self.partitions[range.start]
    }

    /// Returns a cursor over a section, or over some partitions of the rows.
    pub(crate) fn cursor(
        &self,
        section: Section,
        partitions: Option<&std::ops::Range<usize>>,
    ) -> Result<Cursor<'_>, RunError> {
        if section == Section::Rows
            && let Some(rows) = &self.rows
        {
            return Ok(Cursor::Table(rows.cursor(partitions.unwrap_or(&(0..PARTITIONS)))));
        }
        let (start, end) = match partitions {
            Some(range) => (self.partitions[range.start], self.partitions[range.end]),
            None => (self.starts[section as usize], self.starts[section as usize + 1]),
        };
        match &self.store {
            Store::Memory(bytes) => {
                Ok(Cursor::Memory { rest: &bytes[start as usize..end as usize], key: &[], value: &[] })
            }
            Store::File(path) => {
                let io = |source| RunError::Io { path: path.clone(), source };
                let mut file = File::open(path).map_err(io)?;
                file.seek(SeekFrom::Start(start)).map_err(io)?;
                let reader = BufReader::with_capacity(64 << 10, file.take(end - start));
                Ok(Cursor::File { reader, path, left: end - start, key: Vec::new(), value: Vec::new() })
            }
        }
    }
}

/// A cursor over the entries of a section.
pub(crate) enum Cursor<'a> {
    Memory { rest: &'a [u8], key: &'a [u8], value: &'a [u8] },
    Table(TableCursor<'a>),
    File { reader: BufReader<io::Take<File>>, path: &'a Path, left: u64, key: Vec<u8>, value: Vec<u8> },
}

impl Cursor<'_> {
    /// Moves to the next entry. Returns false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, RunError> {
        match self {
            Cursor::Memory { rest, key, value } => {
                if rest.is_empty() {
                    return Ok(false);
                }
                let mut reader = Reader::new(rest);
                let mut field = || {
                    let length = reader.varint_u64()?;
                    reader.bytes(length as usize)
                };
                let (Ok(k), Ok(v)) = (field(), field()) else {
                    return Err(RunError::Corrupt { path: PathBuf::from("(in memory)") });
                };
                *rest = &rest[rest.len() - reader.left()..];
                (*key, *value) = (k, v);
                Ok(true)
            }
            Cursor::Table(cursor) => Ok(cursor.advance()),
            Cursor::File { reader, path, left, key, value } => {
                if *left == 0 {
                    return Ok(false);
                }
                for field in [key, value] {
                    let mut length = 0_u64;
                    let mut shift = 0;
                    loop {
                        let mut byte = [0];
                        reader
                            .read_exact(&mut byte)
                            .map_err(|source| RunError::Io { path: path.to_owned(), source })?;
                        *left = left.saturating_sub(1);
                        length |= u64::from(byte[0] & 0x7f) << shift;
                        shift += 7;
                        if byte[0] < 0x80 || shift > 56 {
                            break;
                        }
                    }
                    if length > *left {
                        return Err(RunError::Corrupt { path: path.to_owned() });
                    }
                    field.resize(length as usize, 0);
                    reader.read_exact(field).map_err(|source| RunError::Io { path: path.to_owned(), source })?;
                    *left -= length;
                }
                Ok(true)
            }
        }
    }

    /// Tells whether the next entry is known to have another key.
    #[inline]
    pub(crate) fn is_last_of_key(&self) -> bool {
        match self {
            Cursor::Table(cursor) => cursor.is_last_of_key(),
            Cursor::Memory { .. } | Cursor::File { .. } => false,
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Cursor::Memory { key, .. } => key,
            Cursor::Table(cursor) => &cursor.key,
            Cursor::File { key, .. } => key,
        }
    }

    #[inline]
    pub(crate) fn value(&self) -> &[u8] {
        match self {
            Cursor::Memory { value, .. } => value,
            Cursor::Table(cursor) => cursor.value,
            Cursor::File { value, .. } => value,
        }
    }
}

enum Sink {
    Memory(Vec<u8>),
    File(BufWriter<File>, PathBuf),
}

/// A writer of a run. The caller must write the sections in order, and the entries of each in order of their keys.
pub(crate) struct RunWriter {
    sink: Sink,
    at: u64,
    section: usize,
    starts: [u64; 5],
    next_partition: usize,
    partitions: Box<[u64]>,
    scratch: Vec<u8>,
}

impl RunWriter {
    pub(crate) fn in_memory() -> Self {
        Self::new(Sink::Memory(Vec::new()))
    }

    pub(crate) fn to_file(path: &Path) -> Result<Self, RunError> {
        let file = dft_io::failpoint("build:before a table is written out")
            .and_then(|()| File::create_new(path))
            .map_err(|source| RunError::Io { path: path.to_owned(), source })?;
        Ok(Self::new(Sink::File(BufWriter::with_capacity(256 << 10, file), path.to_owned())))
    }

    fn new(sink: Sink) -> Self {
        Self {
            sink,
            at: 0,
            section: 0,
            starts: [0; 5],
            next_partition: 0,
            partitions: vec![0; PARTITIONS + 1].into_boxed_slice(),
            scratch: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self, section: Section) -> Result<(), RunError> {
        self.end_partitions();
        // Including sections that are skipped.
        self.starts[self.section + 1..].fill(self.at);
        self.section = section as usize;
        if section == Section::Rows {
            self.next_partition = 0;
        }
        Ok(())
    }

    fn end_partitions(&mut self) {
        if self.section == Section::Rows as usize {
            self.partitions[self.next_partition..].fill(self.at);
        }
    }

    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), RunError> {
        if self.section == Section::Rows as usize {
            let partition = partition_of(key);
            while self.next_partition <= partition {
                self.partitions[self.next_partition] = self.at;
                self.next_partition += 1;
            }
        }
        let head = &mut self.scratch;
        head.clear();
        put_varint(head, key.len() as u128);
        head.extend_from_slice(key);
        put_varint(head, value.len() as u128);
        self.at += (head.len() + value.len()) as u64;
        match &mut self.sink {
            Sink::Memory(bytes) => {
                bytes.extend_from_slice(head);
                bytes.extend_from_slice(value);
                Ok(())
            }
            Sink::File(file, path) => file
                .write_all(head)
                .and_then(|()| file.write_all(value))
                .map_err(|source| RunError::Io { path: path.clone(), source }),
        }
    }

    pub(crate) fn finish(mut self) -> Result<Run, RunError> {
        self.end_partitions();
        self.starts[self.section + 1..].fill(self.at);
        let store = match self.sink {
            Sink::Memory(bytes) => Store::Memory(bytes),
            Sink::File(mut file, path) => match file.flush() {
                Ok(()) => Store::File(path),
                Err(source) => return Err(RunError::Io { path, source }),
            },
        };
        Ok(Run { store, starts: self.starts, partitions: self.partitions, rows: None })
    }
}
