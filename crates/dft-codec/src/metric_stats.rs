//! The statistics of one metric as a value of its own: sampled, merged and encoded outside of a row.

use dft_metrics::{IntStats, SketchMapping};

use crate::VALUE_VERSION;
use crate::bytes::{DecodeError, Reader};
use crate::custom::{Custom, put_custom, take_custom};

/// The statistics of one metric, with the accuracy of its sketch. Merging is associative and commutative to the bit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricStats {
    /// The statistics.
    pub custom: Custom,
    mapping: Option<SketchMapping>,
}

impl MetricStats {
    /// Creates statistics without samples. `accuracy` is that of a sketch; `None` keeps no sketch. Returns `None`
    /// unless 0.00001 ≤ `accuracy` < 1.
    pub fn new(accuracy: Option<f64>) -> Option<Self> {
        Self::of(Custom::default(), accuracy)
    }

    /// Creates statistics of a metric whose sketch has this accuracy. Without one, the sketch cannot be read and is
    /// dropped. Returns `None` unless 0.00001 ≤ `accuracy` < 1.
    pub fn of(mut custom: Custom, accuracy: Option<f64>) -> Option<Self> {
        let mapping = match accuracy {
            Some(accuracy) => Some(SketchMapping::new(accuracy)?),
            None => {
                custom.sketch = None;
                None
            }
        };
        Some(Self { custom, mapping })
    }

    /// Returns the accuracy of the sketch; `None` if there is no sketch.
    pub fn accuracy(&self) -> Option<f64> {
        self.mapping.map(|mapping| mapping.accuracy())
    }

    /// Adds an integer sample.
    pub fn sample_int(&mut self, value: i64) {
        self.custom.ints.sample(value);
        self.sketch(value as f64);
    }

    /// Adds a sample. NaN and infinities are counted and left out.
    pub fn sample_float(&mut self, value: f64) {
        self.custom.floats.get_or_insert_default().sample(value);
        self.sketch(value);
    }

    fn sketch(&mut self, value: f64) {
        if let Some(mapping) = &self.mapping {
            self.custom.sketch.get_or_insert_default().add(mapping, value);
        }
    }

    /// Adds all samples of another. Returns `false`, and adds nothing, if the accuracy of its sketch differs.
    #[must_use]
    pub fn merge(&mut self, other: &Self) -> bool {
        if self.mapping != other.mapping {
            return false;
        }
        self.custom.merge(&other.custom);
        true
    }

    /// Returns a quantile, within the accuracy of the sketch; `None` if there is no sketch of all samples, or `q` is
    /// not in 0 to 1.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.custom.quantile(self.mapping.as_ref()?, q)
    }

    /// Returns the number of samples by power of two; `None` if there is no sketch of all samples.
    pub fn powers_of_two(&self) -> Option<Vec<(f64, u128)>> {
        self.custom.powers_of_two(self.mapping.as_ref()?)
    }

    /// Encodes the statistics: the version, the accuracy as the bits of a double (0 without a sketch), least
    /// significant byte first, then the metric as a row without calls encodes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VALUE_VERSION];
        out.extend_from_slice(&self.accuracy().unwrap_or(0.0).to_le_bytes());
        put_custom(&mut out, &self.custom, 0, &IntStats::default());
        out
    }

    /// Decodes statistics.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`MetricStats::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VALUE_VERSION)?;
        let mut accuracy = [0; 8];
        accuracy.copy_from_slice(reader.bytes(8)?);
        let accuracy = f64::from_le_bytes(accuracy);
        let custom = take_custom(&mut reader, 0, &IntStats::default())?;
        reader.finish()?;
        // The bits of 0.0 are the only spelling of "no sketch".
        let accuracy = (accuracy.to_bits() != 0).then_some(accuracy);
        if accuracy.is_none() && custom.sketch.is_some() {
            return Err(DecodeError::Invalid("a sketch has no accuracy"));
        }
        Self::of(custom, accuracy).ok_or(DecodeError::Invalid("a sketch has an impossible accuracy"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> MetricStats {
        let mut stats = MetricStats::new(Some(0.01)).expect("an accuracy");
        [4, 4096, -3].into_iter().for_each(|value| stats.sample_int(value));
        [0.5, f64::NAN].into_iter().for_each(|value| stats.sample_float(value));
        stats
    }

    #[test]
    fn encoded_statistics_are_decoded_and_cut_or_changed_bytes_are_refused() {
        let stats = samples();
        let bytes = stats.encode();
        assert_eq!(MetricStats::decode(&bytes), Ok(stats));
        for length in 0..bytes.len() {
            assert!(MetricStats::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        assert!(MetricStats::decode(&[&bytes[..], &[0]].concat()).is_err());
        let mut finer = bytes.clone();
        finer[1..9].copy_from_slice(&1e-6_f64.to_le_bytes());
        assert!(MetricStats::decode(&finer).is_err());
        let mut without = bytes;
        without[1..9].fill(0);
        assert_eq!(MetricStats::decode(&without), Err(DecodeError::Invalid("a sketch has no accuracy")));
    }

    #[test]
    fn the_bytes_of_statistics_are_these() {
        let mut stats = MetricStats::new(None).expect("none");
        assert_eq!(stats.encode(), [2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        stats.sample_int(5);
        assert_eq!(stats.encode(), [2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 10]);
    }

    #[test]
    fn merged_statistics_are_those_of_all_samples() {
        let (mut a, mut b, mut all) = (samples(), samples(), samples());
        b.sample_int(77);
        assert!(a.merge(&b));
        [4, 4096, -3, 77].into_iter().for_each(|value| all.sample_int(value));
        [0.5, f64::NAN].into_iter().for_each(|value| all.sample_float(value));
        assert_eq!(a, all);
        assert_eq!(a.custom.n(), 9);
        assert_eq!(a.quantile(1.0), Some(4096.0));
        assert!(!a.merge(&MetricStats::new(Some(0.02)).expect("an accuracy")));
        assert_eq!(a, all);
    }
}
