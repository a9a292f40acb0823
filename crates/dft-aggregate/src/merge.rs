//! Merging of runs to one sorted stream, in which entries of one key are merged.

use std::ops::Range;
use std::path::Path;

use dft_codec::{DecodeError, NameGivers, RowKey, RowValue, SeriesIdentity, TelemetryValue};

use crate::run::{Cursor, Run, RunError, RunWriter, Section};

/// The reason why runs cannot be merged.
#[derive(Debug, thiserror::Error)]
#[expect(clippy::exhaustive_enums, reason = "the receiver must take its own error out again")]
pub enum MergeError<E> {
    /// A run cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// An entry does not decode.
    #[error("an entry of the build's table does not decode: {0}")]
    Decode(#[from] DecodeError),
    /// Two scopes have one id: their 104-bit hashes collide.
    #[error("two series have the same id, so their rows cannot be told apart: {first:?} and {second:?}")]
    SeriesClash {
        /// One identity.
        first: Box<SeriesIdentity>,
        /// The other.
        second: Box<SeriesIdentity>,
    },
    /// The receiver of the stream failed.
    #[error("{0}")]
    Sink(E),
}

/// Passes the entries of a section of all runs to `sink`, in order of their keys, each key once with its merged value.
/// `partitions` restricts rows to a range of the [`PARTITIONS`](crate::PARTITIONS) partitions.
///
/// # Errors
///
/// [`MergeError`]. The stream is incomplete then.
pub fn merge_runs<E>(
    runs: &[Run],
    section: Section,
    partitions: Option<&Range<usize>>,
    mut sink: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<(), MergeError<E>> {
    let mut cursors = Vec::with_capacity(runs.len());
    for run in runs {
        let mut cursor = run.cursor(section, partitions)?;
        if cursor.advance()? {
            cursors.push(cursor);
        }
    }
    let mut heap = Heap::new(cursors);
    let (mut key, mut value) = (Vec::new(), Vec::new());
    loop {
        // The common case: the lowest key occurs once, and its bytes are passed on as they are.
        let Some(lowest) = heap.min() else { return Ok(()) };
        if lowest.is_last_of_key() && !heap.is_tied() {
            sink(lowest.key(), lowest.value()).map_err(MergeError::Sink)?;
            heap.advance_lowest()?;
            continue;
        }
        key.clear();
        key.extend_from_slice(lowest.key());
        value.clear();
        value.extend_from_slice(lowest.value());
        heap.advance_lowest()?;
        match heap.min() {
            Some(next) if next.key() == key => {}
            _ => {
                sink(&key, &value).map_err(MergeError::Sink)?;
                continue;
            }
        }
        let mut merger = Merger::new(section, &key, &value)?;
        while let Some(next) = heap.min()
            && next.key() == key
        {
            merger.add(next.value())?;
            heap.advance_lowest()?;
        }
        sink(&key, &merger.finish()).map_err(MergeError::Sink)?;
    }
}

/// Merges runs into one run in the file `path`, so that fewer files have to be open at once.
///
/// # Errors
///
/// [`MergeError`]. The file is useless then.
pub fn merge_into_one(runs: &[Run], path: &Path) -> Result<Run, MergeError<RunError>> {
    let mut writer = RunWriter::to_file(path)?;
    for section in Section::ALL {
        writer.begin(section)?;
        merge_runs(runs, section, None, |key, value| writer.put(key, value))?;
    }
    Ok(writer.finish()?)
}

/// The merged value of one key.
enum Merger {
    Row(u64, Box<RowValue>),
    Telemetry(u64, TelemetryValue),
    Series(Vec<u8>),
    Names(NameGivers),
}

impl Merger {
    fn new(section: Section, key: &[u8], value: &[u8]) -> Result<Self, DecodeError> {
        Ok(match section {
            Section::Rows => {
                let bucket = RowKey::decode(key)?.bucket;
                Self::Row(bucket, Box::new(RowValue::decode(value, bucket)?))
            }
            Section::Telemetry => {
                let bucket = key.last_chunk().ok_or(DecodeError::Truncated)?;
                let bucket = u64::from_be_bytes(*bucket);
                Self::Telemetry(bucket, TelemetryValue::decode(value, bucket)?)
            }
            Section::Series => Self::Series(value.to_vec()),
            Section::Names => Self::Names(NameGivers::decode(value)?),
        })
    }

    fn add<E>(&mut self, value: &[u8]) -> Result<(), MergeError<E>> {
        match self {
            Self::Row(bucket, row) => row.merge(RowValue::decode(value, *bucket)?),
            Self::Telemetry(bucket, row) => row.merge(TelemetryValue::decode(value, *bucket)?),
            Self::Series(first) if first != value => {
                return Err(MergeError::SeriesClash {
                    first: Box::new(SeriesIdentity::decode_scope(first)?),
                    second: Box::new(SeriesIdentity::decode_scope(value)?),
                });
            }
            Self::Series(_) => {}
            Self::Names(givers) => givers.merge(&NameGivers::decode(value)?),
        }
        Ok(())
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Row(bucket, row) => row.encode(bucket),
            Self::Telemetry(bucket, row) => row.encode(bucket),
            Self::Series(value) => value,
            Self::Names(givers) => givers.encode(),
        }
    }
}

/// A binary heap of cursors, with the lowest key on top.
struct Heap<'a> {
    cursors: Vec<Cursor<'a>>,
}

impl<'a> Heap<'a> {
    fn new(cursors: Vec<Cursor<'a>>) -> Self {
        let mut heap = Self { cursors };
        for at in (0..heap.cursors.len() / 2).rev() {
            heap.sift_down(at);
        }
        heap
    }

    fn min(&self) -> Option<&Cursor<'a>> {
        self.cursors.first()
    }

    /// Tells whether another cursor has the lowest key, too.
    #[inline]
    fn is_tied(&self) -> bool {
        // If any other cursor has it, so does a child of the top.
        let lowest = self.cursors[0].key();
        self.cursors[1..].iter().take(2).any(|cursor| cursor.key() == lowest)
    }

    fn advance_lowest(&mut self) -> Result<(), RunError> {
        if !self.cursors[0].advance()? {
            self.cursors.swap_remove(0);
        }
        self.sift_down(0);
        Ok(())
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let mut lowest = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.cursors.len() && self.cursors[child].key() < self.cursors[lowest].key() {
                    lowest = child;
                }
            }
            if lowest == at {
                return;
            }
            self.cursors.swap(at, lowest);
            at = lowest;
        }
    }
}
