//! The value of a telemetry row: the readings of one counter in one bucket.

use dft_metrics::FloatStats;

use crate::VALUE_VERSION;
use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};
use crate::rows::merge_sorted;
use crate::stats::{put_float, take_float};

/// The part of a telemetry row that does not depend on its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelemetryCore {
    /// The number of readings.
    pub readings: u64,
    /// The earliest `ts` of a reading, in µs.
    pub ts: i64,
    /// The latest `ts` of a reading, in µs.
    pub te: i64,
}

impl TelemetryCore {
    /// Returns a row without readings: the identity of [`TelemetryCore::merge`].
    pub fn empty() -> Self {
        Self { readings: 0, ts: i64::MAX, te: i64::MIN }
    }

    /// Adds the readings of another row.
    pub fn merge(&mut self, other: &Self) {
        self.readings += other.readings;
        self.ts = self.ts.min(other.ts);
        self.te = self.te.max(other.te);
    }
}

/// The value of a telemetry row, with metrics in byte order of their names.
#[derive(Clone, Debug, PartialEq)]
pub struct TelemetryValue {
    /// The part that does not depend on the metrics.
    pub core: TelemetryCore,
    /// The metrics by name.
    pub metrics: Vec<(String, FloatStats)>,
}

/// Appends the value of a telemetry row. `metrics` must be in byte order of their names, each once.
pub fn encode_telemetry<'a>(
    out: &mut Vec<u8>,
    bucket: u64,
    core: &TelemetryCore,
    metrics: impl ExactSizeIterator<Item = (&'a str, &'a FloatStats)>,
) {
    out.push(VALUE_VERSION);
    put_varint(out, core.readings.into());
    put_zigzag(out, i128::from(core.ts) - i128::from(bucket));
    put_varint(out, core.te.abs_diff(core.ts).into());
    put_varint(out, metrics.len() as u128);
    for (name, stats) in metrics {
        put_text(out, name);
        put_float(out, stats, core.readings.into());
    }
}

impl TelemetryValue {
    /// Returns a row without readings.
    pub fn empty() -> Self {
        Self { core: TelemetryCore::empty(), metrics: Vec::new() }
    }

    /// Encodes the value for a key with this bucket.
    pub fn encode(&self, bucket: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        encode_telemetry(&mut out, bucket, &self.core, self.metrics.iter().map(|(name, stats)| (name.as_str(), stats)));
        out
    }

    /// Decodes the value of a key with this bucket.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`encode_telemetry`].
    pub fn decode(bytes: &[u8], bucket: u64) -> Result<Self, DecodeError> {
        const PAST: DecodeError = DecodeError::Invalid("a time exceeds 64 bits");
        let mut reader = Reader::new(bytes);
        reader.version(VALUE_VERSION)?;
        let readings = reader.varint_u64()?;
        let ts = i128::from(bucket).checked_add(reader.zigzag()?).and_then(|ts| i64::try_from(ts).ok()).ok_or(PAST)?;
        let te = ts.checked_add_unsigned(reader.varint_u64()?).ok_or(PAST)?;
        let number = reader.count_of(2)?;
        let mut metrics: Vec<(String, FloatStats)> = Vec::with_capacity(number.min(64));
        for _ in 0..number {
            let name = reader.text()?;
            if metrics.last().is_some_and(|(last, _)| last.as_str() >= name) {
                return Err(DecodeError::Invalid("metrics are out of order"));
            }
            metrics.push((name.to_owned(), take_float(&mut reader, readings.into())?));
        }
        reader.finish()?;
        Ok(Self { core: TelemetryCore { readings, ts, te }, metrics })
    }

    /// Adds the readings of another row.
    pub fn merge(&mut self, other: Self) {
        self.core.merge(&other.core);
        merge_sorted(&mut self.metrics, other.metrics, |mine, theirs| mine.merge(&theirs));
    }
}
