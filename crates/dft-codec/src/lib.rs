//! The bytes of the index: the layout and version of every key and value, and the types that they encode.
//!
//! Keys sort as the values they encode: `memcmp` order is tuple order. Values start with the version of their layout,
//! such as [`VALUE_VERSION`]; integers are varints, and a set of presence bits tells which parts follow. Every decoder
//! rejects truncated, over-long and trailing bytes with a [`DecodeError`], never panics, and allocates no more than
//! the length of its input justifies. The index as a whole has [`FORMAT_VERSION`].
//!
//! - A [`SeriesIdentity`] states what a row is about, and its hash is the [`SeriesId`].
//! - A [`RowKey`] with a [`RowValue`] is a row, and its [`Occupancy`] is when its calls were in progress. Rows are
//!   stored in chunks, which [`ChunkWriter`] writes and [`ChunkCursor`] walks.
//! - A [`TelemetryKey`] with a [`TelemetryValue`] is a row of telemetry.
//! - A [`Custom`] has the statistics of one metric, and [`MetricStats`] are these as a value of their own, outside of a
//!   row.
//! - A [`NameKey`] maps a hash to a name, and [`NameGivers`] are the processes that gave the name.
//! - A [`FileEntry`] is what the index knows of a trace, a [`PieceEntry`] what a bundle knows of a piece, and a
//!   [`DuplicateEntry`] marks a file that is not counted.
//! - [`Processes`] holds the [`ProcessFacts`] of the processes of a trace.
//!
//! This crate does no I/O and does not depend on RocksDB. [`dft_metrics`] has the math of the encoded statistics.
//! This crate also defines the types that trace readers and the index share: [`Clock`], [`Consumed`], [`FileFault`],
//! [`ContentHash`].
//!
//! # Primitives
//!
//! ```text
//! varint    LEB128: seven bits a byte, lowest first, high bit = more follow; shortest form only
//! zigzag    signed as varint: 0 -1 1 -2 2 … become 0 1 2 3 4 …
//! text      varint length, then that many bytes of UTF-8
//! ```
//!
//! # Keys
//!
//! ```text
//! aggregation     ┌─ series id, 24 bytes ─────────────────────────────┬─ bucket, u64 big-endian ─┐
//!                 │ kind │ slice │ scope, 104 bits of a hash │ file id │ µs                       │
//!                 └──────┴───────┴───────────────────────────┴─────────┴──────────────────────────┘
//!                 the key of a row, and of a chunk of rows, whose bucket is the start of the chunk
//!                 kind + 80 (hexadecimal) │ slice │ scope │ first byte of the file ids │ window, u64 big-endian:
//!                 a page of rows
//!   file id       9 bytes: see FileId
//!   slice         a byte that follows from the file id; without a file, the first byte of the scope's hash
//! system_metrics  ordered(host hash)  ordered(counter name)  [scope]  bucket, u64 big-endian
//!   scope         FF │ ordered(category) │ 0, or 1 and the process, i64 big-endian with its sign inverted
//!                 │ n, u16 big-endian │ n × ordered(extra); a host-wide counter has no scope
//! series          the first 15 bytes of a series id: a scope in a slice
//! names           'F' │ slice │ first byte of the file ids │ four bits of the ids: a page of names of files
//!                 'I' │ slice │ file id │ hash, to the end: a file's hash that does not follow from its id
//!                 'H' host, 'S' string │ ordered(hash) │ name, to the end
//! files           the trace's name: the bytes of its path; if it has a source: the source, 00, the path
//! meta            "config", "bounds", "format", "bundle:<id>" for each ingested bundle, and
//!                 "duplicate:<name>" for each duplicate
//!
//! ordered(s)      the bytes of s, each 00 as 00 FF, then 00 00
//! ```
//!
//! The rows of a series are in *chunks*, or, if a series has few in a long time, in a *page* with those of other series of
//! the scope; [`RowPageKey`] and [`NamePageKey`] draw pages. A row may be partly in a chunk and partly in a page.
//! Readers merge the parts.
//!
//! A *scope* is the identity of a series without its file. A job with a million files has a million series, but only a
//! few hundred scopes. A series id has 104 bits of the XXH3-128 of the scope, and the file's id. It is the same on
//! every machine, and each kind is one contiguous range of ids. The `series` value holds the scope itself, so a
//! collision of two scopes is detected and rejected. The rows and the names of a file are in the same of 256 *slices*,
//! so a reader that goes from slice to slice needs the names of one slice at a time.
//!
//! # Values
//!
//! ```text
//! aggregation     chunks of rows of one series, each of 16 adjacent intervals that start at a multiple of 16:
//!                 version │ varint interval, µs │ n × (varint place, varint length, row)
//!   place         (bucket − chunk's bucket) / interval, ascending
//!   row           version │ presence │ varint count │ zigzag ts − bucket │ varint te − ts
//!                 │ [duration] [size] [offset]     integer statistics, as present
//!                 │ [busy times]
//!                 │ [varint n, n × (name, custom)]
//!                 │ [3 sketches: duration, size, offset]
//!   presence      1 duration · 2 size · 4 offset · 8 customs · 16 sketches · 32 the union of the calls' intervals
//!                 is known · 64 it has gaps · 128 the duration of the only call is te − ts
//!   busy times    varint length in bytes │ n × (varint busy µs, varint gap µs − 1): from ts on, calls were in
//!                 progress, then there was a gap, and so on; after the last gap, they were in progress until te. The
//!                 first and the last busy time may be empty. Without gaps, calls were in progress from ts to te.
//!   name          varint 2 × length, then the name; or varint 2 × place + 1 of a usual name:
//!                 count, fd, level, whence, flags, mode, p_idx, epoch, step
//!   custom        parts │ [integer statistics] [float statistics] [sketch]    parts: 1 · 2 · 4,
//!                 and 8 instead of 1 if the integer statistics equal those of the row's sizes
//! system_metrics  version │ varint readings │ zigzag ts − bucket │ varint te − ts
//!                 │ varint n │ varint length of the names in bytes │ n × text name │ n × float statistics
//! series          version │ kind │ text cat │ text name │ zigzag pid │ zigzag tid
//!                 │ text host_hash │ varint n, n × text extra
//!                 a page: see RowPageKey
//! names           version │ varint n │ n × id of a process that gave the name, 8 bytes, ascending
//!                 a page: see NamePageKey
//! files           see FileEntry
//! duplicates      see DuplicateEntry
//! bounds          version │ varint lowest bucket │ varint highest − lowest
//!
//! integer statistics
//!   flags         1 has a sum · 2 n is the row's count · 4 one exact sample · 8 has extrema
//!                 16 squares are known · 32 squares exceed 128 bits · 64 all samples are equal
//!                 128 the number of samples is doubtful
//!                 [varint n] [zigzag sum] [varint squares, low] [varint squares, high]
//!                 [zigzag min, varint max − min]
//!                 One exact sample is its sum alone; equal samples are [varint n] and the zigzag value.
//! float statistics
//!   flags         1 has a sum · 2 n is the row's count · 4 one sample · 8 has extrema
//!                 16 squares are known · 32 some samples were not finite and are left out · 64 a few samples
//!                 [varint n] [exact sum] [exact squares] [f64 min, f64 max] [varint not finite]
//!                 Of up to 16 finite samples, and nothing else: [varint n] n × sample, ascending.
//! sample          varint 16 × zigzag m + e, e ≤ 14: the double nearest to m × 10^−e, |m| < 2⁵³;
//!                 or the byte 15, and the double, eight bytes, little-endian
//! exact           zigzag weight w │ varint length │ two's complement, little-endian: × 2^(8w)
//! metric stats    version │ f64 accuracy, 0 without a sketch │ custom metric of a row without calls
//! sketch          varint zeros │ 2 × (varint n, n × (zigzag index step, varint count))
//! ```
//!
//! [`FileId`], [`FileEntry`], [`DuplicateEntry`], [`PieceEntry`], [`Processes`] and [`Identity`] draw their own
//! layouts.
//!
//! Every change of a layout must change [`VALUE_VERSION`], [`SCOPE_VERSION`], [`ROW_VERSION`], [`CHUNK_VERSION`],
//! [`PAGE_VERSION`], [`FILE_VERSION`], [`DUPLICATE_VERSION`] or [`FORMAT_VERSION`]. Golden vectors in the tests detect changes.
//!
//! # Limits
//!
//! Buckets have up to 64 bits of µs, and those of telemetry 63. Counts and sums have up to 128 bits. A trace file keeps
//! the facts of up to [`MOST_PROCESSES`] processes, with texts of up to [`LONGEST_TEXT`] bytes.
//!
//! # Example
//!
//! ```
//! use dft_codec::{RowKey, RowValue, SeriesId};
//!
//! let key = RowKey { series: SeriesId([7; 24]), bucket: 1_000_000 };
//! assert_eq!(RowKey::decode(&key.encode()), Ok(key));
//! assert!(RowValue::decode(&[9, 9], key.bucket).is_err());
//! ```

mod bytes;
mod chunk;
mod clock;
mod consumed;
mod content_hash;
mod custom;
mod duplicate_entry;
mod fault;
mod file_entry;
mod file_id;
mod float_sample;
mod identity;
mod keys;
mod metric_stats;
mod name_givers;
mod name_keys;
mod name_page;
mod occupancy;
mod opening;
mod ordered_bytes;
mod piece_entry;
mod places;
mod process;
mod process_bytes;
mod processes;
mod row_metric;
mod row_page;
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
pub use custom::{Custom, MetricName, UsualName};
pub use duplicate_entry::DuplicateEntry;
pub use fault::{FileFault, OpenEnd, Truncation};
pub use file_entry::{FileCounts, FileEntry};
pub use file_id::FileId;
pub use identity::Identity;
pub use keys::{CounterScope, HOST_WIDE, RowKey, TelemetryKey};
pub use metric_stats::MetricStats;
pub use name_givers::{NameGivers, ProcessId};
pub use name_keys::{FileHashKey, FileNameKey, NameKey, NameKind};
pub use name_page::{NamePageCursor, NamePageKey, NamePageWriter, merge_name_pages};
pub use occupancy::{Interval, Occupancy};
pub use opening::Opening;
pub use ordered_bytes::put_ordered;
pub use piece_entry::{PieceEntry, Unchained};
pub use process::{
    Fact, LONGEST_TEXT, MOST_PROCESSES, MOST_WITH_LONG_TEXTS, ProcessFacts, ProcessKey, SHORT_TEXT, StartFacts,
    StartText,
};
pub use processes::Processes;
pub use row_metric::RowMetric;
pub use row_page::{PAGE_INTERVALS, RowPageCursor, RowPageKey, RowPageWriter, merge_row_pages, merge_rows};
pub use rows::{RowCore, RowParts, RowValue, encode_row};
pub use sample::{Sample, SampledRecord};
pub use series::{ScopeHash, ScopeId, SeriesId, SeriesIdentity, SeriesKind};
pub use telemetry::{TelemetryCore, TelemetryValue, encode_metric_names, encode_telemetry};
pub use time_fault::TimeFault;

/// The version of the index as a whole: its column families and their keys, and how files are hashed.
pub const FORMAT_VERSION: u32 = 9;

/// The version of scopes. Version 1 included the file.
pub const SCOPE_VERSION: u8 = 2;

/// The version of all values except scopes, rows, chunks, pages, files and duplicates. Version 1 had exact sums of a few
/// float samples.
pub const VALUE_VERSION: u8 = 2;

/// The version of rows. Version 3 had the duration of a single call in addition to its span.
pub const ROW_VERSION: u8 = 4;

/// The version of chunks of rows.
pub const CHUNK_VERSION: u8 = 1;

/// The version of pages of rows and names.
pub const PAGE_VERSION: u8 = 1;

/// The version of file entries. Version 4 recorded in words, not as a number, that a file ends within a line.
pub const FILE_VERSION: u8 = 5;

/// The version of duplicate entries.
pub const DUPLICATE_VERSION: u8 = 1;

/// The lowest and the highest bucket of all rows and telemetry, in µs. Bounds never shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The lowest bucket.
    pub min: u64,
    /// The highest bucket.
    pub max: u64,
}

impl Bounds {
    /// Returns the bounds of one bucket.
    pub fn of(bucket: u64) -> Self {
        Self { min: bucket, max: bucket }
    }

    /// Returns the bounds of the buckets in either.
    #[inline(always)]
    pub fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// Encodes the bounds.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VALUE_VERSION];
        put_varint(&mut out, self.min.into());
        put_varint(&mut out, (self.max - self.min).into());
        out
    }

    /// Decodes bounds.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`Bounds::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VALUE_VERSION)?;
        let min = reader.varint_u64()?;
        let span = reader.varint_u64()?;
        reader.finish()?;
        let max = min.checked_add(span).ok_or(DecodeError::Invalid("bounds exceed 64 bits"))?;
        Ok(Self { min, max })
    }
}
