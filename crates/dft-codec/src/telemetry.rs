//! The value of a telemetry row: the readings of one counter in one bucket.

use dft_metrics::FloatStats;

use crate::VALUE_VERSION;
use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};
use crate::custom::Custom;
use crate::rows::merge_sorted;
use crate::stats::{put_float, read_float};

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

/// Returns names of metrics, encoded. They must be in byte order, each once.
pub fn encode_metric_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut out = Vec::new();
    names.for_each(|name| put_text(&mut out, name));
    out
}

/// Appends the value of a telemetry row: its metrics' [encoded names](encode_metric_names), and their statistics.
pub fn encode_telemetry<'a>(
    out: &mut Vec<u8>,
    bucket: u64,
    core: &TelemetryCore,
    names: &[u8],
    metrics: impl ExactSizeIterator<Item = &'a FloatStats>,
) {
    out.push(VALUE_VERSION);
    put_varint(out, core.readings.into());
    put_zigzag(out, i128::from(core.ts) - i128::from(bucket));
    put_varint(out, core.te.abs_diff(core.ts).into());
    put_varint(out, metrics.len() as u128);
    put_varint(out, names.len() as u128);
    out.extend_from_slice(names);
    metrics.for_each(|stats| put_float(out, stats, core.readings.into()));
}

const OUT_OF_ORDER: DecodeError = DecodeError::Invalid("metrics are out of order");

/// Decodes what comes before the statistics of the metrics, with the number of metrics and their encoded names.
fn take_core<'a>(reader: &mut Reader<'a>, bucket: u64) -> Result<(TelemetryCore, usize, &'a [u8]), DecodeError> {
    const PAST: DecodeError = DecodeError::Invalid("a time exceeds 64 bits");
    reader.version(VALUE_VERSION)?;
    let readings = reader.varint_u64()?;
    let ts = i128::from(bucket).checked_add(reader.zigzag()?).and_then(|ts| i64::try_from(ts).ok()).ok_or(PAST)?;
    let te = ts.checked_add_unsigned(reader.varint_u64()?).ok_or(PAST)?;
    let number = reader.count_of(2)?;
    let length = usize::try_from(reader.varint_u64()?).map_err(|_| DecodeError::Truncated)?;
    Ok((TelemetryCore { readings, ts, te }, number, reader.bytes(length)?))
}

impl TelemetryValue {
    /// Returns a row without readings.
    pub fn empty() -> Self {
        Self { core: TelemetryCore::empty(), metrics: Vec::new() }
    }

    /// Encodes the value for a key with this bucket.
    pub fn encode(&self, bucket: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let names = encode_metric_names(self.metrics.iter().map(|(name, _)| name.as_str()));
        encode_telemetry(&mut out, bucket, &self.core, &names, self.metrics.iter().map(|(_, stats)| stats));
        out
    }

    /// Decodes the value of a key with this bucket.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`encode_telemetry`].
    pub fn decode(bytes: &[u8], bucket: u64) -> Result<Self, DecodeError> {
        let mut value = Self::empty();
        value.read(bytes, bucket)?;
        Ok(value)
    }

    /// Decodes the value of a key with this bucket into `self`, and reuses its memory.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`encode_telemetry`]. The value is unspecified then.
    pub fn read(&mut self, bytes: &[u8], bucket: u64) -> Result<(), DecodeError> {
        let mut reader = Reader::new(bytes);
        let (core, number, names) = take_core(&mut reader, bucket)?;
        self.core = core;
        self.metrics.truncate(number);
        // Names that are read must not be compared with names out of order.
        if let Err(error) = self.read_names(names, number) {
            self.metrics.clear();
            return Err(error);
        }
        for (_, stats) in &mut self.metrics {
            read_float(&mut reader, core.readings.into(), stats)?;
        }
        reader.finish()
    }

    /// Reads the names of the metrics. Those of the last row that was read mostly are the same.
    fn read_names(&mut self, names: &[u8], number: usize) -> Result<(), DecodeError> {
        let mut names = Reader::new(names);
        let same = self.metrics.iter().take_while(|(known, _)| names.skip_text(known)).count();
        for at in same..number {
            let name = names.text()?;
            if at > 0 && self.metrics[at - 1].0.as_str() >= name {
                return Err(OUT_OF_ORDER);
            }
            match self.metrics.get_mut(at) {
                Some((known, _)) => {
                    known.clear();
                    known.push_str(name);
                }
                None => self.metrics.push((name.to_owned(), FloatStats::default())),
            }
        }
        names.finish()
    }

    /// Returns the names of the metrics of an encoded value, encoded. Equal names have equal bytes.
    ///
    /// # Errors
    ///
    /// If the bytes do not start as the output of [`encode_telemetry`].
    pub fn encoded_names(bytes: &[u8]) -> Result<&[u8], DecodeError> {
        // The bucket only moves times.
        take_core(&mut Reader::new(bytes), 0).map(|(_, _, names)| names)
    }

    /// Passes [encoded names](Self::encoded_names) to `visit`, in byte order.
    ///
    /// # Errors
    ///
    /// If the bytes are no names.
    pub fn each_name(names: &[u8], mut visit: impl FnMut(&str)) -> Result<(), DecodeError> {
        let mut names = Reader::new(names);
        while names.left() > 0 {
            visit(names.text()?);
        }
        Ok(())
    }

    /// Adds the readings of another row.
    pub fn merge(&mut self, other: Self) {
        self.core.merge(&other.core);
        merge_sorted(&mut self.metrics, other.metrics, |mine, theirs| mine.merge(&theirs));
    }

    /// Returns the statistics of a metric; `None` if it was not recorded.
    pub fn metric(&self, name: &str) -> Option<Custom> {
        let at = self.metrics.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        Some(Custom { floats: Some(Box::new(self.metrics[at].1.clone())), ..Custom::default() })
    }

    /// Sets the statistics of a metric. Telemetry has doubles without a sketch: returns `false`, and changes nothing,
    /// if there are integers or a sketch.
    #[must_use]
    pub fn set_metric(&mut self, name: &str, stats: Custom) -> bool {
        let Custom { ints, floats, sketch } = stats;
        if !ints.is_empty() || sketch.is_some() {
            return false;
        }
        let floats = floats.map_or_else(FloatStats::default, |floats| *floats);
        match self.metrics.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
            Ok(at) => self.metrics[at].1 = floats,
            Err(at) => self.metrics.insert(at, (name.to_owned(), floats)),
        }
        true
    }
}
