//! Series: what a row is about.

use xxhash_rust::xxh3::xxh3_128;

use crate::SCOPE_VERSION;
use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};
use crate::file_id::FileId;

/// The kind of a series. The query language calls it `family`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "each kind has a table of its own")]
#[repr(u8)]
pub enum SeriesKind {
    /// Calls with a start and a duration.
    Call = 0,
    /// Calls that the tracer summed up over a period.
    AggregatedCall = 1,
    /// Telemetry that the tracer summed up over a period.
    HostStatistic = 2,
}

impl SeriesKind {
    /// All kinds, in key order.
    pub const ALL: [Self; 3] = [Self::Call, Self::AggregatedCall, Self::HostStatistic];

    /// Returns the kind that a byte encodes.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Returns the kind's name in queries, tables and messages: `event`, `profile` or `system`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Call => "event",
            Self::AggregatedCall => "profile",
            Self::HostStatistic => "system",
        }
    }
}

/// The id of a series: the id of its scope and slice, then the id of its file.
///
/// ```text
/// kind, 1 byte │ slice, 1 byte │ 104 bits of a hash of the scope │ file id, 9 bytes
/// ```
///
/// The slice is that of the file, so the rows and the names of a file are in the same of 256 parts of their column
/// families. Without a file, the slice is a part of the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub [u8; Self::LENGTH]);

impl SeriesId {
    /// The length of an id, in bytes.
    pub const LENGTH: usize = 24;

    /// The last id that is possible; no series has it.
    pub const LAST: Self = Self([0xff; Self::LENGTH]);

    /// Returns the id of a scope's series of a file.
    #[inline]
    pub fn new(scope: ScopeHash, file: FileId) -> Self {
        let mut id = [0; Self::LENGTH];
        id[0] = scope.0[0];
        id[1] = if file.is_none() { scope.0[1] } else { file.slice() };
        id[2..15].copy_from_slice(&scope.0[1..]);
        id[15..].copy_from_slice(&file.encode());
        Self(id)
    }

    /// Returns the lowest id of the series kind with this number. The number after the last kind gives an id above all
    /// others.
    pub fn first_of(kind: u8) -> Self {
        let mut id = [0; Self::LENGTH];
        id[0] = kind;
        Self(id)
    }

    /// Returns the kind of the series; `None` if this program did not write the id.
    pub fn kind(&self) -> Option<SeriesKind> {
        SeriesKind::from_byte(self.0[0])
    }

    /// Returns the id of the scope and slice.
    #[inline]
    pub fn scope(&self) -> ScopeId {
        let mut scope = [0; ScopeId::LENGTH];
        scope.copy_from_slice(&self.0[..ScopeId::LENGTH]);
        ScopeId(scope)
    }

    /// Returns the file's id.
    ///
    /// # Errors
    ///
    /// If this program did not write the id.
    #[inline]
    pub fn file(&self) -> Result<FileId, DecodeError> {
        let mut file = [0; FileId::LENGTH];
        file.copy_from_slice(&self.0[ScopeId::LENGTH..]);
        let file = FileId::decode(file)?;
        let slice = if file.is_none() { self.0[2] } else { file.slice() };
        if self.0[1] != slice {
            return Err(DecodeError::Invalid("a series is in another slice than its file"));
        }
        Ok(file)
    }

    /// Returns the id after this one; itself if it is the last.
    #[must_use]
    pub fn next(mut self) -> Self {
        let last = self;
        for byte in self.0.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                return self;
            }
        }
        last
    }
}

/// The id of a scope within a slice: the first bytes of the ids of its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(pub [u8; Self::LENGTH]);

impl ScopeId {
    /// The length of an id, in bytes.
    pub const LENGTH: usize = SeriesId::LENGTH - FileId::LENGTH;

    /// Returns the lowest id that a series of the scope can have.
    pub fn first_series(&self) -> SeriesId {
        let mut id = [0; SeriesId::LENGTH];
        id[..Self::LENGTH].copy_from_slice(&self.0);
        SeriesId(id)
    }

    /// Tells whether a scope with this hash has the id, in any slice.
    pub fn is_of(&self, scope: ScopeHash) -> bool {
        self.0[0] == scope.0[0] && self.0[2..] == scope.0[1..]
    }
}

/// The byte of the series kind, and 104 bits of a hash of the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeHash([u8; 14]);

/// The identity of a series: a scope (all fields but the file) and a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesIdentity<T = String> {
    /// The kind of the series.
    pub kind: SeriesKind,
    /// Category, in lower case.
    pub category: T,
    /// Function or counter name.
    pub name: T,
    /// Process.
    pub pid: i64,
    /// Thread.
    pub tid: i64,
    /// The host's hash.
    pub host_hash: T,
    /// The file's hash; empty if rows are not grouped by file.
    pub file_hash: T,
    /// The values of the configured extra group keys, in their order; empty if absent.
    pub extra: Vec<T>,
}

impl<T: AsRef<str>> SeriesIdentity<T> {
    /// Encodes the scope: the identity without the file.
    pub fn encode_scope(&self) -> Vec<u8> {
        let mut out = vec![SCOPE_VERSION, self.kind as u8];
        put_text(&mut out, self.category.as_ref());
        put_text(&mut out, self.name.as_ref());
        put_zigzag(&mut out, self.pid.into());
        put_zigzag(&mut out, self.tid.into());
        put_text(&mut out, self.host_hash.as_ref());
        put_varint(&mut out, self.extra.len() as u128);
        for extra in &self.extra {
            put_text(&mut out, extra.as_ref());
        }
        out
    }

    /// Returns the id of the series.
    pub fn id(&self) -> SeriesId {
        SeriesId::new(ScopeHash::of(self.kind, &self.encode_scope()), FileId::of(self.file_hash.as_ref().as_bytes()))
    }
}

impl ScopeHash {
    /// Returns the hash of an [encoded](SeriesIdentity::encode_scope) scope.
    pub fn of(kind: SeriesKind, scope: &[u8]) -> Self {
        let hash = xxh3_128(scope).to_be_bytes();
        let mut bytes = [kind as u8; 14];
        bytes[1..].copy_from_slice(&hash[..13]);
        Self(bytes)
    }
}

impl SeriesIdentity {
    /// Decodes a scope. The file's hash is empty.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`SeriesIdentity::encode_scope`].
    pub fn decode_scope(bytes: &[u8]) -> Result<Self, DecodeError> {
        let SeriesIdentity { kind, category, name, pid, tid, host_hash, extra, .. } =
            SeriesIdentity::borrow_scope(bytes)?;
        let [category, name, host_hash] = [category, name, host_hash].map(str::to_owned);
        let extra = extra.into_iter().map(str::to_owned).collect();
        Ok(Self { kind, category, name, pid, tid, host_hash, file_hash: String::new(), extra })
    }
}

impl<'a> SeriesIdentity<&'a str> {
    /// Decodes a scope that borrows its texts from the bytes. The file's hash is empty.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`SeriesIdentity::encode_scope`].
    pub fn borrow_scope(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(SCOPE_VERSION)?;
        let kind = SeriesKind::from_byte(reader.u8()?).ok_or(DecodeError::Invalid("unknown series kind"))?;
        let [category, name] = [reader.text()?, reader.text()?];
        let [pid, tid] = [reader.zigzag_i64()?, reader.zigzag_i64()?];
        let host_hash = reader.text()?;
        let count = reader.count_of(1)?;
        let mut extra = Vec::with_capacity(count);
        for _ in 0..count {
            extra.push(reader.text()?);
        }
        reader.finish()?;
        Ok(Self { kind, category, name, pid, tid, host_hash, file_hash: "", extra })
    }

    /// Decodes a scope as [`SeriesIdentity::borrow_scope`] does, and returns its hash too.
    ///
    /// # Errors
    ///
    /// Those of [`SeriesIdentity::borrow_scope`].
    pub fn scope_with_hash(bytes: &'a [u8]) -> Result<(ScopeHash, Self), DecodeError> {
        // A scope has one encoding, so the bytes can be hashed as they are.
        Self::borrow_scope(bytes).map(|scope| (ScopeHash::of(scope.kind, bytes), scope))
    }
}
