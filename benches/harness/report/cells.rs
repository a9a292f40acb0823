//! Cells of tables and labels of plots.

use crate::samples::Samples;
use crate::words::{count, seconds};

/// The median, with the minimum and the maximum.
pub(crate) fn spread(samples: &Samples) -> String {
    format!("{} ({}–{})", seconds(samples.median()), seconds(samples.min()), seconds(samples.max()))
}

/// The label of an axis mark.
pub(crate) fn whole(value: f64) -> String {
    count(value as u64)
}
