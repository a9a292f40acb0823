//! Custom metrics of rows: their names and statistics.

use dft_metrics::{Combined, FloatStats, IntStats, Sketch, SketchMapping};

use crate::bytes::{DecodeError, Reader, put_varint};
use crate::stats::{put_float, put_int, put_sketch, read_int, take_float, take_sketch};

/// The statistics of one metric, such as a custom metric of a row. Integer and float samples are kept apart and
/// combined when read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Custom {
    /// The integer samples.
    pub ints: IntStats,
    /// The other samples.
    pub floats: Option<Box<FloatStats>>,
    /// A sketch of all samples, if percentiles are on.
    pub sketch: Option<Box<Sketch>>,
}

impl Custom {
    /// Returns the number of samples in the sums.
    pub fn n(&self) -> u128 {
        self.ints.n() + self.floats.as_ref().map_or(0, |floats| floats.n())
    }

    /// Returns the minimum and the maximum; of integers, as doubles that lie between them.
    pub fn extent(&self) -> Option<(f64, f64)> {
        match &self.floats {
            Some(_) => self.combined().extent(),
            None => self.ints.extent(),
        }
    }

    /// Returns the joint statistics of the integers and the other samples.
    pub fn combined(&self) -> Combined {
        let none = FloatStats::default();
        Combined::new(&self.ints, self.floats.as_deref().unwrap_or(&none))
    }

    /// Returns the sketch of all samples; `None` if there is none, or it lacks any, because the tracer summed them up.
    fn whole_sketch(&self) -> Option<&Sketch> {
        self.sketch.as_deref().filter(|sketch| !sketch.is_empty() && sketch.count() == self.n())
    }

    /// Returns a quantile, within the accuracy of the mapping; `None` if there is no sketch of all samples or `q` is
    /// not in 0 to 1.
    pub fn quantile(&self, mapping: &SketchMapping, q: f64) -> Option<f64> {
        self.whole_sketch()?.quantile(mapping, q, self.extent())
    }

    /// Returns the number of samples by power of two, as [`Sketch::powers_of_two`] does; `None` if there is no sketch
    /// of all samples.
    pub fn powers_of_two(&self, mapping: &SketchMapping) -> Option<Vec<(f64, u128)>> {
        Some(self.whole_sketch()?.powers_of_two(mapping, self.extent()))
    }

    /// Returns the number of heap bytes of the metric.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        let floats = self.floats.as_ref().map_or(0, |floats| size_of::<FloatStats>() + 16 + floats.heap_bytes());
        let sketch = self.sketch.as_ref().map_or(0, |sketch| size_of::<Sketch>() + 16 + sketch.heap_bytes());
        floats + sketch
    }

    /// Adds another metric.
    pub fn merge(&mut self, other: &Self) {
        self.ints.merge(&other.ints);
        if let Some(theirs) = &other.floats {
            self.floats.get_or_insert_default().merge(theirs);
        }
        if let Some(theirs) = &other.sketch {
            self.sketch.get_or_insert_default().merge(theirs);
        }
    }
}

/// The usual names of custom metrics, which rows encode as their index here.
const USUAL_NAMES: [&str; 9] = ["count", "fd", "level", "whence", "flags", "mode", "p_idx", "epoch", "step"];

/// A usual name of a custom metric, which rows encode as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsualName(u8);

impl UsualName {
    /// Returns the usual name that equals `name`, if any.
    pub fn of(name: &str) -> Option<Self> {
        USUAL_NAMES.iter().zip(0..).find(|(usual, _)| **usual == name).map(|(_, place)| Self(place))
    }
}

/// The name of a custom metric, as rows encode it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricName<'a> {
    /// A usual name.
    Usual(UsualName),
    /// Any other name.
    Other(&'a str),
}

impl<'a> MetricName<'a> {
    /// Returns the encoding of a name.
    pub fn of(name: &'a str) -> Self {
        UsualName::of(name).map_or(Self::Other(name), Self::Usual)
    }
}

#[inline]
pub(crate) fn put_name(out: &mut Vec<u8>, name: MetricName<'_>) {
    match name {
        MetricName::Usual(UsualName(place)) => out.push(place << 1 | 1),
        MetricName::Other(name) => {
            put_varint(out, (name.len() as u128) << 1);
            out.extend_from_slice(name.as_bytes());
        }
    }
}

pub(crate) fn take_name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let tag = reader.varint_u64()?;
    if tag & 1 != 0 {
        let name = usize::try_from(tag >> 1).ok().and_then(|place| USUAL_NAMES.get(place).copied());
        return name.ok_or(DecodeError::Invalid("unknown number of a usual metric name"));
    }
    let name = usize::try_from(tag >> 1).map_err(|_| DecodeError::Truncated)?;
    let name = std::str::from_utf8(reader.bytes(name)?).map_err(|_| DecodeError::NotUtf8)?;
    if UsualName::of(name).is_some() {
        return Err(DecodeError::Invalid("a usual metric name is spelt out"));
    }
    Ok(name)
}

const INTS: u8 = 1;
const FLOATS: u8 = 2;
const SKETCH: u8 = 4;
/// The integer statistics equal those of the row's sizes.
const INTS_OF_SIZE: u8 = 8;

/// Encodes a metric of a row with this many calls and these sizes.
pub(crate) fn put_custom(out: &mut Vec<u8>, custom: &Custom, count: u128, size: &IntStats) {
    let ints = if custom.ints.is_empty() {
        0
    } else if custom.ints == *size {
        INTS_OF_SIZE
    } else {
        INTS
    };
    let floats = if custom.floats.is_some() { FLOATS } else { 0 };
    let sketch = if custom.sketch.is_some() { SKETCH } else { 0 };
    out.push(ints | floats | sketch);
    if ints == INTS {
        put_int(out, &custom.ints, count);
    }
    if let Some(floats) = &custom.floats {
        put_float(out, floats, count);
    }
    if let Some(sketch) = &custom.sketch {
        put_sketch(out, sketch);
    }
}

/// Decodes a metric of a row with this many calls and these sizes.
pub(crate) fn take_custom(reader: &mut Reader<'_>, count: u128, size: &IntStats) -> Result<Custom, DecodeError> {
    let parts = reader.u8()?;
    let both = INTS | INTS_OF_SIZE;
    if parts & !(both | FLOATS | SKETCH) != 0 || parts & both == both {
        return Err(DecodeError::Invalid("a custom metric has unknown parts"));
    }
    let mut custom = Custom::default();
    if parts & INTS != 0 {
        read_int(&mut custom.ints, reader, count)?;
    }
    if parts & INTS_OF_SIZE != 0 {
        custom.ints = size.clone();
    }
    if parts & FLOATS != 0 {
        custom.floats = Some(Box::new(take_float(reader, count)?));
    }
    if parts & SKETCH != 0 {
        custom.sketch = Some(Box::new(take_sketch(reader)?));
    }
    Ok(custom)
}
