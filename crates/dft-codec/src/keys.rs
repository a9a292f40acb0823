//! Keys: their order is their meaning's order.

use crate::bytes::DecodeError;
use crate::series::SeriesId;

/// The key of a row: a series and a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// Whose row it is.
    pub series: SeriesId,
    /// The start of its interval, in µs.
    pub bucket: u64,
}

impl RowKey {
    /// How many bytes a row's key has.
    pub const LENGTH: usize = 24;

    /// The key's bytes.
    #[inline]
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut key = [0; Self::LENGTH];
        key[..16].copy_from_slice(&self.series.0);
        key[16..].copy_from_slice(&self.bucket.to_be_bytes());
        key
    }

    /// A key from its bytes.
    ///
    /// # Errors
    ///
    /// Where there are more or fewer than 24 bytes.
    #[inline]
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let (series, rest) = key.split_first_chunk().ok_or(DecodeError::Truncated)?;
        Ok(Self { series: SeriesId(*series), bucket: bucket_of(rest)? })
    }
}

/// The key of a telemetry row: one counter of one host is one range in time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TelemetryKey {
    /// The host's hash, as the trace has it.
    pub hhash: String,
    /// The counter's name.
    pub name: String,
    /// The start of its interval, in µs.
    pub bucket: u64,
}

impl TelemetryKey {
    /// The part of the key before the bucket.
    pub fn prefix(hhash: &str, name: &str) -> Vec<u8> {
        let mut key = Vec::with_capacity(hhash.len() + name.len() + 12);
        put_ordered(&mut key, hhash.as_bytes());
        put_ordered(&mut key, name.as_bytes());
        key
    }

    /// The key's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut key = Self::prefix(&self.hhash, &self.name);
        key.extend_from_slice(&self.bucket.to_be_bytes());
        key
    }

    /// A key from its bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what [`TelemetryKey::encode`] writes.
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let (hhash, rest) = take_ordered(key)?;
        let (name, rest) = take_ordered(rest)?;
        Ok(Self { hhash: utf8(hhash)?, name: utf8(name)?, bucket: bucket_of(rest)? })
    }
}

/// Which hash table a name is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// File hashes (`FH`).
    File,
    /// Host hashes (`HH`).
    Host,
    /// String hashes (`SH`).
    String,
}

impl NameKind {
    /// Every kind, in key order.
    pub const ALL: [Self; 3] = [Self::File, Self::Host, Self::String];

    /// The kind's byte in a key.
    pub fn tag(self) -> u8 {
        match self {
            Self::File => b'F',
            Self::Host => b'H',
            Self::String => b'S',
        }
    }
}

/// The key of one name of one hash. The least name of a hash comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey {
    /// The table.
    pub kind: NameKind,
    /// The hash, as the trace has it.
    pub hash: String,
    /// One of its names.
    pub name: String,
}

impl NameKey {
    /// The part of the key before the name.
    pub fn prefix(kind: NameKind, hash: &str) -> Vec<u8> {
        let mut key = vec![kind.tag()];
        put_ordered(&mut key, hash.as_bytes());
        key
    }

    /// The key's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut key = Self::prefix(self.kind, &self.hash);
        key.extend_from_slice(self.name.as_bytes());
        key
    }

    /// A key from its bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are not what [`NameKey::encode`] writes.
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let (&tag, rest) = key.split_first().ok_or(DecodeError::Truncated)?;
        let kind = NameKind::ALL
            .into_iter()
            .find(|kind| kind.tag() == tag)
            .ok_or(DecodeError::Invalid("a hash table of no known kind"))?;
        let (hash, name) = take_ordered(rest)?;
        Ok(Self { kind, hash: utf8(hash)?, name: utf8(name.to_vec())? })
    }
}

/// Appends bytes so that what is appended sorts as they do, whatever follows.
pub fn put_ordered(key: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        key.push(byte);
        if byte == 0 {
            key.push(0xff);
        }
    }
    key.extend_from_slice(&[0, 0]);
}

fn take_ordered(key: &[u8]) -> Result<(Vec<u8>, &[u8]), DecodeError> {
    let mut bytes = Vec::new();
    let mut at = 0;
    loop {
        match (key.get(at), key.get(at + 1)) {
            (Some(0), Some(0)) => return Ok((bytes, &key[at + 2..])),
            (Some(0), Some(0xff)) => {
                bytes.push(0);
                at += 2;
            }
            (Some(0), Some(_)) => return Err(DecodeError::Invalid("a zero byte that is not escaped")),
            (Some(&byte), _) if byte != 0 => {
                bytes.push(byte);
                at += 1;
            }
            _ => return Err(DecodeError::Truncated),
        }
    }
}

fn bucket_of(rest: &[u8]) -> Result<u64, DecodeError> {
    match <[u8; 8]>::try_from(rest) {
        Ok(bucket) => Ok(u64::from_be_bytes(bucket)),
        Err(_) if rest.len() < 8 => Err(DecodeError::Truncated),
        Err(_) => Err(DecodeError::Trailing(rest.len() - 8)),
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, DecodeError> {
    String::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)
}
