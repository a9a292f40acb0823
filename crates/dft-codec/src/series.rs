//! Series: who a row is about.

use xxhash_rust::xxh3::xxh3_128;

use crate::VALUE_VERSION;
use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};

/// The kind of an aggregated row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SeriesKind {
    /// Calls with a start and a duration.
    Call = 0,
    /// Statistics that the tracer aggregated over a period.
    AggregatedCall = 1,
    /// Such statistics of the system itself.
    HostStatistic = 2,
}

impl SeriesKind {
    /// Every family, in key order.
    pub const ALL: [Self; 3] = [Self::Call, Self::AggregatedCall, Self::HostStatistic];

    /// The family of a byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// The family's name, for people and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Call => "event",
            Self::AggregatedCall => "profile",
            Self::HostStatistic => "system",
        }
    }
}

/// The id of a series: the byte of its family, then 120 bits of a hash of its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub [u8; 16]);

impl SeriesId {
    /// The family of the series; `None` if the id is none that this program wrote.
    pub fn kind(&self) -> Option<SeriesKind> {
        SeriesKind::from_byte(self.0[0])
    }
}

/// The identity of a series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesIdentity<T = String> {
    /// The kind of its rows.
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
    /// The file's hash; empty where rows are not kept apart by file.
    pub file_hash: T,
    /// The values of the configured extra group keys, in their order; empty where absent.
    pub extra: Vec<T>,
}

impl<T: AsRef<str>> SeriesIdentity<T> {
    /// The identity's bytes.
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

    /// The id of the identity.
    pub fn id(&self) -> SeriesId {
        id_of(self.kind, &self.encode())
    }
}

/// The id of an encoded identity.
fn id_of(kind: SeriesKind, identity: &[u8]) -> SeriesId {
    let mut id = xxh3_128(identity).to_be_bytes();
    id[0] = kind as u8;
    SeriesId(id)
}

impl SeriesIdentity {
    /// An identity from its bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what [`SeriesIdentity::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let SeriesIdentity { kind, category, name, pid, tid, host_hash, file_hash, extra } =
            SeriesIdentity::borrow(bytes)?;
        let [category, name, host_hash, file_hash] = [category, name, host_hash, file_hash].map(str::to_owned);
        let extra = extra.into_iter().map(str::to_owned).collect();
        Ok(Self { kind, category, name, pid, tid, host_hash, file_hash, extra })
    }
}

impl<'a> SeriesIdentity<&'a str> {
    /// An identity in its bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what [`SeriesIdentity::encode`] writes.
    pub fn borrow(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VALUE_VERSION)?;
        let kind = SeriesKind::from_byte(reader.u8()?).ok_or(DecodeError::Invalid("a family of no known kind"))?;
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

    /// The id of an identity, and the identity in its bytes.
    ///
    /// # Errors
    ///
    /// Those of [`SeriesIdentity::borrow`].
    pub fn with_id(bytes: &'a [u8]) -> Result<(SeriesId, Self), DecodeError> {
        // An identity has one encoding.
        Self::borrow(bytes).map(|identity| (id_of(identity.kind, bytes), identity))
    }
}
