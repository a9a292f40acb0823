//! The bytes of the index: every key and value layout, its version, and the types they hold.
//!
//! Keys sort as their meaning sorts: `memcmp` order is tuple order. Values start with a format
//! version ([`VALUE_VERSION`]); integers are varints; a presence set says what follows. Every
//! decoder rejects truncated, over-long and trailing bytes with a [`DecodeError`], never panics,
//! and allocates no more than the bytes it was given justify.
//!
//! This crate does no I/O and does not depend on RocksDB. [`dft_metrics`] has the math of what it encodes. The types
//! that trace readers and the index share are here: [`Clock`], [`Consumed`], [`FileFault`], [`ContentHash`].
//!
//! # Primitives
//!
//! ```text
//! varint    LEB128: seven bits a byte, least first, high bit = more follow; shortest form only
//! zigzag    signed as varint: 0 -1 1 -2 2 … become 0 1 2 3 4 …
//! text      varint length, then that many bytes of UTF-8
//! ```
//!
//! # Keys
//!
//! ```text
//! aggregation     ┌─ series id, 16 bytes ─────────┬─ bucket, u64 big-endian ─┐
//!                 │ family │ 120 bits of a hash   │ µs                       │
//!                 └────────┴──────────────────────┴──────────────────────────┘
//!                 that of a row, and of a chunk of rows, whose bucket is that of its start
//! system_metrics  ordered(host hash)  ordered(counter name)  [scope]  bucket, u64 big-endian
//!   scope         FF │ ordered(category) │ 0, or 1 and the process, i64 big-endian with its sign inverted
//!                 │ n, u16 big-endian │ n × ordered(extra); a counter of the host as a whole has none
//! series          series id, 16 bytes
//! names           kind: 'F' file, 'H' host, 'S' string │ ordered(hash) │ name, to the end
//! files           what the trace is called: the path's bytes, where a source was named behind that and 00
//! meta            a word: "config", "bounds", "format", "bundle:<id>" for each that was taken in, and
//!                 "duplicate:<name>" for each file that has the trace of another one
//!
//! ordered(s)      the bytes of s, each 00 as 00 FF, then 00 00
//! ```
//!
//! A series id is the first byte of its family and 120 bits of the XXH3-128 of its identity: the
//! same on every machine, and a family is one contiguous range. The `series` value holds the
//! identity itself, so two identities under one id are seen and refused.
//!
//! # Values
//!
//! ```text
//! aggregation     chunks of the rows of a series, of 16 neighbouring intervals each, from a multiple of that on:
//!                 version │ varint interval, µs │ n × (varint place, varint length, row)
//!   place         (bucket − chunk's bucket) / interval, ascending
//!   row           version │ presence │ varint count │ zigzag ts − bucket │ varint te − ts
//!                 │ [duration] [size] [offset]     integer statistics, as present
//!                 │ [varint n, n × (name, custom)]
//!                 │ [3 sketches: duration, size, offset]
//!   presence      1 duration · 2 size · 4 offset · 8 customs · 16 sketches
//!   name          varint 2 × length, then the name; or varint 2 × place + 1 of a usual one:
//!                 count, fd, level, whence, flags, mode, p_idx, epoch, step
//!   custom        parts │ [integer statistics] [float statistics] [sketch]    parts: 1 · 2 · 4,
//!                 and 8 rather than 1 where the integers are those of the row's sizes
//! system_metrics  version │ varint readings │ zigzag ts − bucket │ varint te − ts
//!                 │ varint n, n × (text name, float statistics)
//! series          version │ family │ text cat │ text name │ zigzag pid │ zigzag tid
//!                 │ text host_hash │ text file_hash │ varint n, n × text extra
//! names           version │ varint n │ n × the id of a process that gave the name, 8 bytes, ascending
//! files           see [`FileEntry`]
//! duplicates      see [`DuplicateEntry`]
//! bounds          version │ varint least bucket │ varint greatest − least
//!
//! integer statistics
//!   flags         1 has a sum · 2 its n is the row's count · 4 one exact sample · 8 has extrema
//!                 16 squares are known · 32 squares are past 128 bits · 64 samples of one value
//!                 128 the number of samples is in doubt
//!                 [varint n] [zigzag sum] [varint squares, low] [varint squares, high]
//!                 [zigzag min, varint max − min]
//!                 One exact sample is its sum alone; samples of one value are [varint n] and zigzag of it.
//! float statistics
//!   flags         1 has a sum · 2 its n is the row's count · 4 one exact sample · 8 has extrema
//!                 16 squares are known · 32 left out some that were not finite
//!                 [varint n] [exact sum] [exact squares] [f64 min, f64 max] [varint not finite]
//!                 One exact sample is eight bytes, the double itself, little-endian.
//! exact           zigzag weight w │ varint length │ two's complement, little-endian: × 2^(8w)
//! sketch          varint zeros │ 2 × (varint n, n × (zigzag index step, varint count))
//! ```
//!
//! A change of any of these changes [`VALUE_VERSION`], [`ROW_VERSION`], [`CHUNK_VERSION`], [`FILE_VERSION`],
//! [`DUPLICATE_VERSION`] or [`FORMAT_VERSION`]; golden vectors in the tests hold them still.
//!
//! # Example
//!
//! ```
//! use dft_codec::{RowKey, RowValue, SeriesId};
//!
//! let key = RowKey { series: SeriesId([7; 16]), bucket: 1_000_000 };
//! assert_eq!(RowKey::decode(&key.encode()), Ok(key));
//! assert!(RowValue::decode(&[9, 9], key.bucket).is_err());
//! ```

mod bytes;
mod chunk;
mod clock;
mod consumed;
mod content_hash;
mod fault;
mod file_entry;
mod identity;
mod keys;
mod name_givers;
mod opening;
mod piece_entry;
mod process;
mod rows;
mod sample;
mod series;
mod stats;
mod telemetry;
mod time_fault;

pub use bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};
pub use chunk::{CHUNK_INTERVALS, ChunkCursor, ChunkWriter, RowChunk};
pub use clock::{Clock, TimeUnit};
pub use consumed::{Consumed, Head};
pub use content_hash::{ContentHash, ContentHasher};
pub use fault::{FileFault, OpenEnd};
pub use file_entry::{FileCounts, FileEntry};
pub use identity::{DuplicateEntry, Identity};
pub use keys::{CounterScope, HOST_WIDE, NameKey, NameKind, RowKey, TelemetryKey, put_ordered};
pub use name_givers::{NameGivers, ProcessId};
pub use opening::Opening;
pub use piece_entry::{PieceEntry, Unchained};
pub use process::{
    Fact, LONGEST_HOST, LONGEST_TEXT, MOST_PROCESSES, ProcessFacts, ProcessKey, Processes, StartFacts, StartText,
};
pub use rows::{Custom, MetricName, RowCore, RowParts, RowValue, UsualName, encode_row};
pub use sample::{Sample, SampledRecord};
pub use series::{SeriesId, SeriesIdentity, SeriesKind};
pub use telemetry::{TelemetryCore, TelemetryValue, encode_telemetry};
pub use time_fault::TimeFault;

/// The version of the index as a whole: its column families and their keys, and how files are hashed.
pub const FORMAT_VERSION: u32 = 6;

/// The version that values start with, but for rows, their chunks and files.
pub const VALUE_VERSION: u8 = 1;

/// The version that rows start with.
pub const ROW_VERSION: u8 = 2;

/// The version that chunks of rows start with.
pub const CHUNK_VERSION: u8 = 1;

/// The version that the entries of files start with. Version 1 did not say how far a file was read.
pub const FILE_VERSION: u8 = 4;

/// The version that the entries of duplicates start with.
pub const DUPLICATE_VERSION: u8 = 1;

/// The lowest and highest bucket over rows and telemetry, in µs. Bounds only ever widen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The lowest bucket.
    pub min: u64,
    /// The highest bucket.
    pub max: u64,
}

impl Bounds {
    /// Bounds that hold one bucket.
    pub fn of(bucket: u64) -> Self {
        Self { min: bucket, max: bucket }
    }

    /// Bounds that hold all that either holds.
    #[inline(always)]
    pub fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// The bounds' bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VALUE_VERSION];
        put_varint(&mut out, self.min.into());
        put_varint(&mut out, (self.max - self.min).into());
        out
    }

    /// Bounds from their bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what [`Bounds::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VALUE_VERSION)?;
        let min = reader.varint_u64()?;
        let span = reader.varint_u64()?;
        reader.finish()?;
        let max = min.checked_add(span).ok_or(DecodeError::Invalid("bounds past 64 bits"))?;
        Ok(Self { min, max })
    }
}
