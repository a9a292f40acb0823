//! Keys, which sort as the values they encode.

use std::borrow::Cow;

use crate::bytes::DecodeError;
use crate::file_id::FileId;
use crate::series::SeriesId;

/// The key of a row: a series and a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The series of the row.
    pub series: SeriesId,
    /// The bucket, in µs.
    pub bucket: u64,
}

impl RowKey {
    /// The length of a row's key, in bytes.
    pub const LENGTH: usize = SeriesId::LENGTH + 8;

    /// Encodes the key.
    #[inline]
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut key = [0; Self::LENGTH];
        key[..SeriesId::LENGTH].copy_from_slice(&self.series.0);
        key[SeriesId::LENGTH..].copy_from_slice(&self.bucket.to_be_bytes());
        key
    }

    /// Decodes a key.
    ///
    /// # Errors
    ///
    /// If there are more or fewer than 32 bytes.
    #[inline]
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let (series, rest) = key.split_first_chunk().ok_or(DecodeError::Truncated)?;
        Ok(Self { series: SeriesId(*series), bucket: bucket_of(rest)? })
    }
}

/// The category of host-wide counters: those of a host as a whole, whichever process read them.
pub const HOST_WIDE: &str = "sys";

/// The key of a telemetry row. The rows of one counter are adjacent, in order of time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TelemetryKey {
    /// The host's hash, as the trace has it.
    pub host_hash: String,
    /// The counter's name.
    pub name: String,
    /// What tells the counter apart from others of that host and name; `None` if it is host-wide.
    pub scope: Option<CounterScope>,
    /// The bucket, in µs; less than 2⁶³.
    pub bucket: u64,
}

/// What tells the counters of one host and name apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterScope {
    /// Category, in lower case.
    pub category: String,
    /// The process that the counter is about; `None` if the category is [`HOST_WIDE`].
    pub pid: Option<i64>,
    /// The values of the configured extra group keys, in their order; empty if absent.
    pub extra: Vec<String>,
}

/// The byte before a scope. No bucket starts with it, so host-wide counters come first.
const SCOPED: u8 = 0xff;

impl TelemetryKey {
    /// Creates the key of a counter. An empty category stands for [`HOST_WIDE`].
    ///
    /// # Errors
    ///
    /// If the counter has a process although its category is [`HOST_WIDE`], or none although it is not; if there are too
    /// many group keys; or if the bucket exceeds 63 bits.
    pub fn new(host_hash: String, name: String, scope: CounterScope, bucket: u64) -> Result<Self, DecodeError> {
        let CounterScope { mut category, pid, extra } = scope;
        category.make_ascii_lowercase();
        if category.is_empty() {
            category.push_str(HOST_WIDE);
        }
        if (category == HOST_WIDE) != pid.is_none() {
            return Err(DecodeError::Invalid("a counter of category sys is about a host, every other about a process"));
        }
        if u16::try_from(extra.len()).is_err() {
            return Err(DecodeError::Invalid("a counter has more than 65,535 group keys"));
        }
        if bucket >> 63 != 0 {
            return Err(DecodeError::Invalid("a telemetry bucket exceeds 63 bits"));
        }
        let scope = CounterScope { category, pid, extra };
        Ok(Self { host_hash, name, scope: (!scope.is_the_host()).then_some(scope), bucket })
    }

    /// Returns the start of the keys of all counters of this host and name.
    pub fn prefix(host_hash: &str, name: &str) -> Vec<u8> {
        let mut key = Vec::with_capacity(host_hash.len() + name.len() + 12);
        put_ordered(&mut key, host_hash.as_bytes());
        put_ordered(&mut key, name.as_bytes());
        key
    }

    /// Returns the part of the key before the bucket. The caller must pass no `pid` if the category is [`HOST_WIDE`].
    pub fn prefix_of<'a>(
        host_hash: &str,
        name: &str,
        category: &str,
        pid: Option<i64>,
        extra: impl Iterator<Item = &'a str> + Clone,
    ) -> Vec<u8> {
        let mut key = Self::prefix(host_hash, name);
        if category == HOST_WIDE && pid.is_none() && extra.clone().all(str::is_empty) {
            return key;
        }
        key.push(SCOPED);
        put_ordered(&mut key, category.as_bytes());
        key.push(pid.is_some().into());
        if let Some(pid) = pid {
            // Negative numbers sort first.
            key.extend_from_slice(&(pid as u64 ^ 1 << 63).to_be_bytes());
        }
        // No configuration has more keys than 16 bits allow.
        let number = u16::try_from(extra.clone().count()).unwrap_or(u16::MAX);
        key.extend_from_slice(&number.to_be_bytes());
        for extra in extra.take(number.into()) {
            put_ordered(&mut key, extra.as_bytes());
        }
        key
    }

    /// Returns the counter's category.
    pub fn category(&self) -> &str {
        self.scope.as_ref().map_or(HOST_WIDE, |scope| &scope.category)
    }

    /// Returns the process that the counter is about; `None` if it is host-wide.
    pub fn pid(&self) -> Option<i64> {
        self.scope.as_ref().and_then(|scope| scope.pid)
    }

    /// Returns the value of the extra group key at an index; `None` if the counter's records do not have it.
    pub fn extra(&self, at: usize) -> Option<&str> {
        self.scope.as_ref().and_then(|scope| scope.extra.get(at)).map(String::as_str).filter(|extra| !extra.is_empty())
    }

    /// Tells whether the other key is of the same counter.
    pub fn is_same_counter(&self, other: &Self) -> bool {
        (&self.host_hash, &self.name, &self.scope) == (&other.host_hash, &other.name, &other.scope)
    }

    /// Returns the part of the key before the bucket, which all keys of the counter share.
    pub fn counter(&self) -> Vec<u8> {
        match &self.scope {
            None => Self::prefix(&self.host_hash, &self.name),
            Some(CounterScope { category, pid, extra }) => {
                Self::prefix_of(&self.host_hash, &self.name, category, *pid, extra.iter().map(String::as_str))
            }
        }
    }

    /// Encodes the key.
    pub fn encode(&self) -> Vec<u8> {
        let mut key = self.counter();
        key.extend_from_slice(&self.bucket.to_be_bytes());
        key
    }

    /// Decodes a key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`TelemetryKey::encode`].
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let (host_hash, rest) = take_ordered(key)?;
        let (name, rest) = take_ordered(rest)?;
        let (scope, rest) = match rest {
            [SCOPED, rest @ ..] => {
                let (scope, rest) = CounterScope::take(rest)?;
                (Some(scope), rest)
            }
            rest => (None, rest),
        };
        let bucket = bucket_of(rest)?;
        if bucket >> 63 != 0 {
            return Err(DecodeError::Invalid("a telemetry bucket exceeds 63 bits"));
        }
        Ok(Self { host_hash: utf8(host_hash)?, name: utf8(name)?, scope, bucket })
    }
}

impl CounterScope {
    /// Decodes the scope at the start of some bytes. Returns the bytes after it, too: the bucket.
    fn take(rest: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let (category, rest) = take_ordered(rest)?;
        let (&has_pid, mut rest) = rest.split_first().ok_or(DecodeError::Truncated)?;
        let pid = match has_pid {
            0 => None,
            1 => {
                let (pid, after) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
                rest = after;
                Some((u64::from_be_bytes(*pid) ^ 1 << 63) as i64)
            }
            _ => return Err(DecodeError::Invalid("a counter's process flag is neither 0 nor 1")),
        };
        let (number, mut rest) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        let mut extra = Vec::new();
        for _ in 0..u16::from_be_bytes(*number) {
            let (value, after) = take_ordered(rest)?;
            extra.push(utf8(value)?);
            rest = after;
        }
        let scope = Self { category: utf8(category)?, pid, extra };
        if (scope.category == HOST_WIDE) != scope.pid.is_none() || scope.is_the_host() {
            return Err(DecodeError::Invalid("a counter's scope is redundant or contradicts its category"));
        }
        Ok((scope, rest))
    }

    /// Tells whether the counter is host-wide, so that it must have no scope.
    fn is_the_host(&self) -> bool {
        self.pid.is_none() && self.extra.iter().all(String::is_empty)
    }
}

/// The kind of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NameKind {
    /// File hashes (`FH`).
    File,
    /// Host hashes (`HH`).
    Host,
    /// String hashes (`SH`).
    String,
}

impl NameKind {
    /// All kinds, in key order.
    pub const ALL: [Self; 3] = [Self::File, Self::Host, Self::String];

    /// Returns the kind's byte in a key.
    pub fn tag(self) -> u8 {
        match self {
            Self::File => b'F',
            Self::Host => b'H',
            Self::String => b'S',
        }
    }
}

/// The key of one name of one hash. The names of a hash are in byte order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey {
    /// The kind of the name.
    pub kind: NameKind,
    /// The hash, as the trace has it.
    pub hash: String,
    /// One of its names.
    pub name: String,
}

impl NameKey {
    /// Returns the part of the key before the name.
    pub fn prefix(kind: NameKind, hash: &str) -> Vec<u8> {
        if kind == NameKind::File {
            let mut key = Vec::new();
            Self::put_file_prefix(FileId::of(hash.as_bytes()), hash, &mut key);
            return key;
        }
        let mut key = vec![kind.tag()];
        put_ordered(&mut key, hash.as_bytes());
        key
    }

    /// Appends the part of the key before the name, for a file's hash and its id.
    pub fn put_file_prefix(id: FileId, hash: &str, key: &mut Vec<u8>) {
        key.extend_from_slice(&[NameKind::File.tag(), id.slice()]);
        key.extend_from_slice(&id.encode());
        if id.needs_text() {
            put_ordered(key, hash.as_bytes());
        }
    }

    /// Returns the part of a key that all names of its hash share. Of a [`FileHashKey`], this is the whole key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the start of a key.
    pub fn hash_part(key: &[u8]) -> Result<&[u8], DecodeError> {
        let rest = match key {
            [FileHashKey::TAG, ..] => &[],
            [b'F', ..] => match FileNameKey::decode_id(key)? {
                (id, rest) if id.needs_text() => take_ordered(rest)?.1,
                (_, rest) => rest,
            },
            [b'H' | b'S', rest @ ..] => take_ordered(rest)?.1,
            _ => return Err(DecodeError::Invalid("unknown kind of name")),
        };
        Ok(&key[..key.len() - rest.len()])
    }

    /// Encodes the key.
    pub fn encode(&self) -> Vec<u8> {
        let mut key = Self::prefix(self.kind, &self.hash);
        key.extend_from_slice(self.name.as_bytes());
        key
    }

    /// Decodes a key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`NameKey::encode`].
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let (&tag, rest) = key.split_first().ok_or(DecodeError::Truncated)?;
        let kind = NameKind::ALL
            .into_iter()
            .find(|kind| kind.tag() == tag)
            .ok_or(DecodeError::Invalid("unknown kind of name"))?;
        if kind == NameKind::File {
            let FileNameKey { hash, name, .. } = FileNameKey::decode(key)?;
            return Ok(Self { kind, hash: hash.into_owned(), name: name.to_owned() });
        }
        let (hash, name) = take_ordered(rest)?;
        Ok(Self { kind, hash: utf8(hash)?, name: utf8(name.to_vec())? })
    }
}

/// The key of a file's name, which borrows the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNameKey<'a> {
    /// The file.
    pub id: FileId,
    /// The file's hash, as the trace has it.
    pub hash: Cow<'a, str>,
    /// One of its names.
    pub name: &'a str,
}

impl<'a> FileNameKey<'a> {
    /// Decodes a key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`NameKey::encode`] for a file.
    pub fn decode(key: &'a [u8]) -> Result<Self, DecodeError> {
        let (id, rest) = Self::decode_id(key)?;
        let (hash, name) = match id.needs_text() {
            true => {
                let (hash, name) = take_ordered(rest)?;
                let hash = utf8(hash)?;
                if FileId::of(hash.as_bytes()) != id {
                    return Err(DecodeError::Invalid("a file's hash has another id"));
                }
                (hash, name)
            }
            false => {
                let mut hash = String::new();
                id.put_text(&mut hash);
                (hash, rest)
            }
        };
        let name = std::str::from_utf8(name).map_err(|_| DecodeError::NotUtf8)?;
        Ok(Self { id, hash: Cow::Owned(hash), name })
    }

    /// Decodes the file's id. Returns the bytes after it, too: the name, or the hash and the name if the id
    /// [needs a text](FileId::needs_text).
    ///
    /// # Errors
    ///
    /// If the bytes are not the start of a file's key.
    pub fn decode_id(key: &'a [u8]) -> Result<(FileId, &'a [u8]), DecodeError> {
        let Some(([tag, slice], rest)) = key.split_first_chunk() else { return Err(DecodeError::Truncated) };
        let (id, rest) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        let id = FileId::decode(*id)?;
        if *tag != NameKind::File.tag() || *slice != id.slice() {
            return Err(DecodeError::Invalid("a file's name is in another slice"));
        }
        Ok((id, rest))
    }
}

/// The key of the text of a file's hash, for ids that [need one](FileId::needs_text).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHashKey {
    /// The hash, as the trace has it.
    pub hash: String,
}

impl FileHashKey {
    /// The first byte of keys.
    pub const TAG: u8 = b'I';

    /// Encodes the key.
    pub fn encode(&self) -> Vec<u8> {
        let id = FileId::of(self.hash.as_bytes());
        let mut key = Self::prefix(id);
        key.extend_from_slice(self.hash.as_bytes());
        key
    }

    /// Returns the part of the key before the text.
    pub fn prefix(id: FileId) -> Vec<u8> {
        let mut key = vec![Self::TAG, id.slice()];
        key.extend_from_slice(&id.encode());
        key
    }

    /// Decodes a key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`FileHashKey::encode`].
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let hash = key.get(2 + FileId::LENGTH..).ok_or(DecodeError::Truncated)?;
        let hash = Self { hash: utf8(hash.to_vec())? };
        if !FileId::of(hash.hash.as_bytes()).needs_text() || hash.encode() != key {
            return Err(DecodeError::Invalid("a file's hash has another id"));
        }
        Ok(hash)
    }
}

/// Appends bytes, escaped and terminated so that they sort as the original bytes do, whatever follows.
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
            (Some(0), Some(_)) => return Err(DecodeError::Invalid("a zero byte is not escaped")),
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
