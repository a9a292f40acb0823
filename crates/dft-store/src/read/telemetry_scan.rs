//! Scans of telemetry in key order. Each step lends a row until the next step.

use std::fmt;
use std::ops::Range;

use dft_codec::{TelemetryKey, put_ordered};
use rocksdb::DBRawIterator;

use crate::column_families;
use crate::error::StoreError;
use crate::read::index::Index;

impl Index {
    /// Scans telemetry.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn telemetry(&self, query: TelemetryQuery) -> Result<TelemetryScan<'_>, StoreError> {
        let cursor =
            self.db.raw_iterator_cf_opt(self.family(column_families::TELEMETRY)?, column_families::scan_options());
        Ok(TelemetryScan { index: self, cursor, query, started: false, key: None, counter: Vec::new() })
    }
}

/// Which telemetry to scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TelemetryQuery {
    /// The hash of a host; `None` for all.
    pub host_hash: Option<String>,
    /// The name of a counter, on each host; `None` for all.
    pub name: Option<String>,
    /// Buckets, in µs, end excluded; `None` for all.
    pub time: Option<Range<u64>>,
    /// Where keys start and end, the end excluded; `None` for all. See [`TelemetryKey::prefix`].
    pub keys: Option<Range<Vec<u8>>>,
}

impl TelemetryQuery {
    /// Returns the start of a host's keys.
    fn host_start(host_hash: &str) -> Vec<u8> {
        let mut key = Vec::new();
        put_ordered(&mut key, host_hash.as_bytes());
        key
    }

    /// Returns the first key that may match.
    fn start(&self) -> Vec<u8> {
        let start = self.start_of_counters();
        match &self.keys {
            Some(keys) if keys.start > start => keys.start.clone(),
            _ => start,
        }
    }

    fn start_of_counters(&self) -> Vec<u8> {
        match (&self.host_hash, &self.name) {
            (Some(host_hash), Some(name)) => seek_key(&TelemetryKey::prefix(host_hash, name), self.time.as_ref()),
            (Some(host_hash), None) => Self::host_start(host_hash),
            (None, _) => Vec::new(),
        }
    }

    /// Returns the key to seek from one that does not match; `None` if no later key matches.
    fn skip(&self, key: &TelemetryKey) -> Option<Vec<u8>> {
        if let Some(host_hash) = &self.host_hash
            && key.host_hash != *host_hash
        {
            return (key.host_hash < *host_hash).then(|| self.start());
        }
        if let Some(name) = &self.name
            && key.name != *name
        {
            return if key.name < *name {
                Some(seek_key(&TelemetryKey::prefix(&key.host_hash, name), self.time.as_ref()))
            } else {
                Some(successor(Self::host_start(&key.host_hash)))
            };
        }
        let prefix = key.counter();
        match &self.time {
            Some(time) if key.bucket < time.start => Some(seek_key(&prefix, Some(time))),
            _ => Some(successor(prefix)),
        }
    }

    fn matches(&self, key: &TelemetryKey) -> bool {
        self.host_hash.as_ref().is_none_or(|host_hash| key.host_hash == *host_hash)
            && self.name.as_ref().is_none_or(|name| key.name == *name)
            && self.time.as_ref().is_none_or(|time| time.contains(&key.bucket))
    }
}

fn seek_key(prefix: &[u8], time: Option<&Range<u64>>) -> Vec<u8> {
    [prefix, &time.map_or(0, |time| time.start).to_be_bytes()].concat()
}

/// Returns the first key after all that start with a prefix. The prefix must have a byte that is not FF.
fn successor(mut prefix: Vec<u8>) -> Vec<u8> {
    while prefix.last() == Some(&0xff) {
        prefix.pop();
    }
    if let Some(last) = prefix.last_mut() {
        *last += 1;
    }
    prefix
}

/// Walks telemetry in key order: by host, counter and time. Skips rows that do not match by seeking.
pub struct TelemetryScan<'a> {
    index: &'a Index,
    cursor: DBRawIterator<'a>,
    query: TelemetryQuery,
    started: bool,
    /// The key of the current row.
    key: Option<TelemetryKey>,
    /// The bytes of that key before its bucket, which mostly are those of the next row's key, too.
    counter: Vec<u8>,
}

impl fmt::Debug for TelemetryScan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryScan").field("index", &self.index).field("query", &self.query).finish_non_exhaustive()
    }
}

impl TelemetryScan<'_> {
    /// Returns the next row's key and value; `None` at the end.
    ///
    /// # Errors
    ///
    /// If the index cannot be read, or a value cannot be merged.
    #[expect(clippy::should_implement_trait, reason = "what it lends ends with the next step")]
    pub fn next(&mut self) -> Result<Option<(&TelemetryKey, &[u8])>, StoreError> {
        if self.started {
            self.cursor.next();
        } else {
            self.started = true;
            self.cursor.seek(self.query.start());
        }
        loop {
            let Some(bytes) = self.cursor.key() else {
                self.cursor.status().map_err(|error| self.index.read_error(error))?;
                return Ok(None);
            };
            if self.query.keys.as_ref().is_some_and(|keys| bytes >= &keys.end[..]) {
                return Ok(None);
            }
            match (&mut self.key, bytes.split_last_chunk()) {
                // A bucket has 63 bits. Other bytes are rejected by the decoder.
                (Some(key), Some((counter, bucket))) if counter == self.counter && bucket[0] < 0x80 => {
                    key.bucket = u64::from_be_bytes(*bucket);
                }
                _ => {
                    let key = TelemetryKey::decode(bytes)
                        .map_err(|error| self.index.entry(column_families::TELEMETRY, bytes, error))?;
                    self.counter.clear();
                    self.counter.extend_from_slice(&bytes[..bytes.len() - 8]);
                    self.key = Some(key);
                }
            }
            let Some(key) = &self.key else { return Ok(None) };
            if self.query.matches(key) {
                break;
            }
            match self.query.skip(key) {
                Some(next) => self.cursor.seek(next),
                None => return Ok(None),
            }
        }
        Ok(self.key.as_ref().zip(self.cursor.value()))
    }

    /// Returns the value of the current row; `None` before the first and after the last.
    pub fn value(&self) -> Option<&[u8]> {
        self.cursor.value().filter(|_| self.started)
    }
}
