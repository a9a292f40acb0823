//! Series: who a row is about.

use xxhash_rust::xxh3::xxh3_128;

use crate::VALUE_VERSION;
use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};

/// The kind of an aggregated row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// Calls with a start and a duration.
    Event = 0,
    /// Statistics that the tracer aggregated over a period.
    Profile = 1,
    /// Such statistics of the system itself.
    System = 2,
}

impl Family {
    /// Every family, in key order.
    pub const ALL: [Self; 3] = [Self::Event, Self::Profile, Self::System];

    /// The family of a byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|family| *family as u8 == byte)
    }

    /// The family's name, for people and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Profile => "profile",
            Self::System => "system",
        }
    }
}

/// The id of a series: the byte of its family, then 120 bits of a hash of its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub [u8; 16]);

impl SeriesId {
    /// The family of the series; `None` if the id is none that this program wrote.
    pub fn family(&self) -> Option<Family> {
        Family::from_byte(self.0[0])
    }
}

/// The identity of a series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesIdentity<T = String> {
    /// The kind of its rows.
    pub family: Family,
    /// Category, in lower case.
    pub cat: T,
    /// Function or counter name.
    pub name: T,
    /// Process.
    pub pid: i64,
    /// Thread.
    pub tid: i64,
    /// The host's hash.
    pub hhash: T,
    /// The file's hash; empty where rows are not kept apart by file.
    pub fhash: T,
    /// The values of the configured extra group keys, in their order; empty where absent.
    pub extra: Vec<T>,
}

impl<T: AsRef<str>> SeriesIdentity<T> {
    /// The identity's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VALUE_VERSION, self.family as u8];
        put_text(&mut out, self.cat.as_ref());
        put_text(&mut out, self.name.as_ref());
        put_zigzag(&mut out, self.pid.into());
        put_zigzag(&mut out, self.tid.into());
        put_text(&mut out, self.hhash.as_ref());
        put_text(&mut out, self.fhash.as_ref());
        put_varint(&mut out, self.extra.len() as u128);
        for extra in &self.extra {
            put_text(&mut out, extra.as_ref());
        }
        out
    }

    /// The id of the identity.
    pub fn id(&self) -> SeriesId {
        id_of(self.family, &self.encode())
    }
}

/// The id of an encoded identity.
fn id_of(family: Family, identity: &[u8]) -> SeriesId {
    let mut id = xxh3_128(identity).to_be_bytes();
    id[0] = family as u8;
    SeriesId(id)
}

impl SeriesIdentity {
    /// An identity from its bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what [`SeriesIdentity::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let SeriesIdentity { family, cat, name, pid, tid, hhash, fhash, extra } = SeriesIdentity::borrow(bytes)?;
        let [cat, name, hhash, fhash] = [cat, name, hhash, fhash].map(str::to_owned);
        let extra = extra.into_iter().map(str::to_owned).collect();
        Ok(Self { family, cat, name, pid, tid, hhash, fhash, extra })
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
        let family = Family::from_byte(reader.u8()?).ok_or(DecodeError::Invalid("a family of no known kind"))?;
        let [cat, name] = [reader.text()?, reader.text()?];
        let [pid, tid] = [reader.zigzag_i64()?, reader.zigzag_i64()?];
        let [hhash, fhash] = [reader.text()?, reader.text()?];
        let count = reader.count_of(1)?;
        let mut extra = Vec::with_capacity(count);
        for _ in 0..count {
            extra.push(reader.text()?);
        }
        reader.finish()?;
        Ok(Self { family, cat, name, pid, tid, hhash, fhash, extra })
    }

    /// The id of an identity, and the identity in its bytes.
    ///
    /// # Errors
    ///
    /// Those of [`SeriesIdentity::borrow`].
    pub fn with_id(bytes: &'a [u8]) -> Result<(SeriesId, Self), DecodeError> {
        // An identity has one encoding.
        Self::borrow(bytes).map(|identity| (id_of(identity.family, bytes), identity))
    }
}
