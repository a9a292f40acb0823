//! What an analysis found, before it is reported.

use crate::collect::Collected;
use crate::names::ProcessNames;
use crate::preset::Preset;
use crate::sweep::Durations;

/// What was found, before it is reported.
pub(crate) struct Findable<'a> {
    pub(crate) preset: &'a Preset,
    pub(crate) found: &'a Collected,
    pub(crate) names: ProcessNames,
    /// The durations of each process, and of all together.
    pub(crate) processes: Vec<Durations>,
    pub(crate) together: Durations,
    /// The accuracy of the index's sketches, if it has any.
    pub(crate) accuracy: Option<f64>,
    /// The first start and the last end of a call.
    pub(crate) span: Option<(i64, i64)>,
}

impl Findable<'_> {
    /// The number of the layer that has all calls.
    pub(crate) fn all(&self) -> usize {
        self.preset.layers.len()
    }

    /// The start of the job, in µs of the tracer's clock.
    pub(crate) fn start_us(&self) -> i64 {
        self.span.map_or(0, |(start, _)| start)
    }

    /// The length of the job, in µs.
    pub(crate) fn job_us(&self) -> u64 {
        self.span.map_or(0, |(start, end)| end.abs_diff(start))
    }
}

/// Whether an index knows when calls were in progress; otherwise, why not.
pub(crate) fn why_unknown(config: &dft_aggregate::Config, aggregated: u128, calls: u128) -> Option<String> {
    if !config.occupancy {
        return Some(
            "the index was built without occupancy: rebuild it without --no-occupancy for busy times and overlaps"
                .to_owned(),
        );
    }
    match aggregated {
        0 => None,
        _ if aggregated == calls => {
            Some(format!("the tracer summed up all {calls} calls, so it is not known when they were in progress"))
        }
        _ => Some(format!(
            "the tracer summed up {aggregated} of {calls} calls: busy times and overlaps are without them"
        )),
    }
}
