//! Keys of rows and telemetry, which sort as the values they encode.

use crate::bytes::DecodeError;
use crate::ordered_bytes::{put_ordered, take_ordered, utf8};
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
    /// If the counter has a process although its category is [`HOST_WIDE`], or none although it is not; if there are
    /// too many group keys; or if the bucket exceeds 63 bits.
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

fn bucket_of(rest: &[u8]) -> Result<u64, DecodeError> {
    match <[u8; 8]>::try_from(rest) {
        Ok(bucket) => Ok(u64::from_be_bytes(bucket)),
        Err(_) if rest.len() < 8 => Err(DecodeError::Truncated),
        Err(_) => Err(DecodeError::Trailing(rest.len() - 8)),
    }
}
