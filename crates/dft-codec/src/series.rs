//! Series: what a row is about.

use xxhash_rust::xxh3::xxh3_128;

use crate::VALUE_VERSION;
use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};

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

    /// Returns the kind's name, for people and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Call => "event",
            Self::AggregatedCall => "profile",
            Self::HostStatistic => "system",
        }
    }
}

/// The id of a series: the byte of its kind, then 120 bits of a hash of its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub [u8; 16]);

impl SeriesId {
    /// Returns the kind of the series; `None` if this program did not write the id.
    pub fn kind(&self) -> Option<SeriesKind> {
        SeriesKind::from_byte(self.0[0])
    }
}

/// The identity of a series.
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
    /// Encodes the identity.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VALUE_VERSION, self.kind as u8];
        put_text(&mut out, self.category.as_ref());
        put_text(&mut out, self.name.as_ref());
        put_zigzag(&mut out, self.pid.into());
        put_zigzag(&mut out, self.tid.into());
        put_text(&mut out, self.host_hash.as_ref());
        put_text(&mut out, self.file_hash.as_ref());
        put_varint(&mut out, self.extra.len() as u128);
        for extra in &self.extra {
            put_text(&mut out, extra.as_ref());
        }
        out
    }

    /// Returns the id of the series.
    pub fn id(&self) -> SeriesId {
        id_of(self.kind, &self.encode())
    }
}

/// Returns the id of an encoded identity.
fn id_of(kind: SeriesKind, identity: &[u8]) -> SeriesId {
    let mut id = xxh3_128(identity).to_be_bytes();
    id[0] = kind as u8;
    SeriesId(id)
}

impl SeriesIdentity {
    /// Decodes an identity.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`SeriesIdentity::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let SeriesIdentity { kind, category, name, pid, tid, host_hash, file_hash, extra } =
            SeriesIdentity::borrow(bytes)?;
        let [category, name, host_hash, file_hash] = [category, name, host_hash, file_hash].map(str::to_owned);
        let extra = extra.into_iter().map(str::to_owned).collect();
        Ok(Self { kind, category, name, pid, tid, host_hash, file_hash, extra })
    }
}

impl<'a> SeriesIdentity<&'a str> {
    /// Decodes an identity that borrows its texts from the bytes.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`SeriesIdentity::encode`].
    pub fn borrow(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VALUE_VERSION)?;
        let kind = SeriesKind::from_byte(reader.u8()?).ok_or(DecodeError::Invalid("unknown series kind"))?;
        let [category, name] = [reader.text()?, reader.text()?];
        let [pid, tid] = [reader.zigzag_i64()?, reader.zigzag_i64()?];
        let [host_hash, file_hash] = [reader.text()?, reader.text()?];
        let count = reader.count_of(1)?;
        let mut extra = Vec::with_capacity(count);
        for _ in 0..count {
            extra.push(reader.text()?);
        }
        reader.finish()?;
        Ok(Self { kind, category, name, pid, tid, host_hash, file_hash, extra })
    }

    /// Decodes an identity as [`SeriesIdentity::borrow`] does, and returns its id too.
    ///
    /// # Errors
    ///
    /// Those of [`SeriesIdentity::borrow`].
    pub fn with_id(bytes: &'a [u8]) -> Result<(SeriesId, Self), DecodeError> {
        // An identity has one encoding, so the bytes can be hashed as they are.
        Self::borrow(bytes).map(|identity| (id_of(identity.kind, bytes), identity))
    }
}
