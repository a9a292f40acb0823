//! The analysis of an index.

use std::ops::Range;

use dft_export::{Filter, View};
use dft_store::Index;

use crate::busy::{Tracks, unite_all};
use crate::by::{By, SeriesGroup};
use crate::collect::{Collected, Request, collect};
use crate::epochs::{epochs, process_epochs};
use crate::error::AnalyzeError;
use crate::findable::Findable;
use crate::findings::finding::Findings;
use crate::findings::{self, Rules};
use crate::groups::groups;
use crate::job;
use crate::layers;
use crate::matcher::Matcher;
use crate::names::ProcessNames;
use crate::preset::PresetChoice;
use crate::report::Analysis;

/// How an index is analyzed.
#[derive(Clone, Debug)]
pub struct AnalyzeOptions {
    /// The preset; by default, the first built-in one that fits what the trace has.
    pub preset: PresetChoice,
    /// What to group by; `None` for no groups.
    pub by: Option<By>,
    /// The length of a cell of time, in µs, if grouped by it; a multiple of the index's interval, which is the default.
    pub granularity_us: Option<u64>,
    /// Which calls to analyze.
    pub filter: Filter,
    /// The number of threads; by default, the number of cores. The result does not depend on it.
    pub threads: usize,
}

impl Default for AnalyzeOptions {
    fn default() -> Self {
        Self {
            preset: PresetChoice::default(),
            by: None,
            granularity_us: None,
            filter: Filter::default(),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// Analyzes an index.
///
/// # Errors
///
/// - [`AnalyzeError::NoBy`] if the index cannot be grouped like that.
/// - [`AnalyzeError::Export`] if the granularity is no multiple of the interval, or a query names what the index does
///   not have.
/// - If the index cannot be read.
pub fn analyze(index: &Index, options: &AnalyzeOptions) -> Result<Analysis, AnalyzeError> {
    let mut filter = options.filter.clone();
    // Calls that start before the time to analyze may reach into it, so time is looked at here.
    let time = filter.time.take();
    let view = View::new(index, None, filter.clone())?;
    view.load_ranks()?;
    let time = match time {
        None => None,
        Some(time) => Some(cells_of(&View::new(index, options.granularity_us, filter)?, &time)),
    };
    let (preset, chosen) = options.preset.choose(&view)?;
    let preset = preset.bound(&view)?;
    let rules = Rules::built_in()?;
    let group = SeriesGroup::of(options.by.as_ref(), &index.config().extra_group_keys)?;
    let cells_us = match (&options.by, options.granularity_us) {
        (Some(By::Time), granularity) => Some(View::new(index, granularity, Filter::default())?.granularity()),
        _ => None,
    };
    let request = Request {
        matcher: Matcher::new(&preset, rules.queries()),
        layers: preset.layers.len(),
        group,
        cells_us,
        time,
        threads: options.threads,
    };
    let mut found = collect(&view, &request)?;
    unite_all(&mut found, options.threads);
    let layers = preset.layers.len() + 1 + rules.queries().len();
    let tracks = Tracks::of(&found);
    let (together, processes) = tracks.together_and_each(layers, options.threads);
    let findable = Findable {
        names: ProcessNames::of(&found),
        processes,
        together,
        span: span(&found, request.time.as_ref()),
        accuracy: index.config().sketch_accuracy,
        preset: &preset,
        found: &found,
    };
    let epochs_of_processes = process_epochs(&findable);
    let reported = layers::layers(&findable);
    let overlaps = layers::overlaps(&findable);
    let groups = match &options.by {
        None => None,
        Some(by) => Some(groups(&findable, &tracks, by, &request, &epochs_of_processes)?),
    };
    let epochs = epochs(&findable, &tracks, &epochs_of_processes, options.threads);
    let job = job::job(&findable, index.config());
    let processes = job::processes(&findable);
    let findings = match findable.span {
        None => Findings::default(),
        Some(_) => findings::find(&rules, &findable, &job, &reported, index)?,
    };
    Ok(Analysis {
        format: "dft-analysis/1",
        preset: chosen,
        job,
        layers: reported,
        overlaps,
        processes,
        epochs,
        groups,
        findings,
    })
}

/// Returns the times of the first start and the last end of a call, within the time to analyze.
fn span(found: &Collected, time: Option<&Range<u64>>) -> Option<(i64, i64)> {
    let calls = found.facts.iter().map(|process| process.span);
    let Some(time) = time else { return unite_spans(calls) };
    // Calls that reach into the time are in progress there, also if they count outside.
    let busy =
        found.times.values().filter_map(|times| Some((times.intervals.first()?.start, times.intervals.last()?.end)));
    let (first, last) = unite_spans(calls.chain(busy))?;
    let signed = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    Some((first.max(signed(time.start)), last.min(signed(time.end))))
}

fn unite_spans(spans: impl Iterator<Item = (i64, i64)>) -> Option<(i64, i64)> {
    spans
        .filter(|(start, end)| start <= end)
        .reduce(|(start, end), (other_start, other_end)| (start.min(other_start), end.max(other_end)))
}

/// Returns the cells that overlap with a range of time, in µs of the tracer's clock.
fn cells_of(view: &View<'_>, time: &Range<u64>) -> Range<u64> {
    let absolute = |offset: u64| view.origin().saturating_add(offset);
    let start = absolute(time.start);
    let end = absolute(time.end).checked_next_multiple_of(view.granularity()).unwrap_or(u64::MAX);
    start - start % view.granularity()..end
}
