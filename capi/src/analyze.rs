//! Analyses and comparisons: what `dft analyze` and `dft compare` print.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::path::Path;

use dft_analyze::{AnalyzeError, AnalyzeOptions, By, CompareOptions, Preset, PresetChoice, analyze, compare};
use dft_export::Filter;
use dft_store::Index;
use serde::Serialize;

use crate::arguments::{dft_text, given, growing, list};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::index::{dft_index, source};
use crate::notes::{dft_note, dft_on_note};
use crate::status::{DFT_INVALID_ARGUMENT, DFT_SYSTEM, DFT_TOO_LARGE, Failure, dft_status};
use crate::view::{asked, dft_view};

/// What to analyze or compare, and how. Set `size`; zeros elsewhere are the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_analyze_request {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Which calls, and the granularity of groups by time; its `size` must be set; NULL for all.
    pub view: *const dft_view,
    /// Which calls belong to which layer: the name of a built-in preset (posix, dlio, dlio-prev, generic), or the path
    /// of a TOML file, which has a `/` or a `.`; empty or `auto` to choose a built-in one by what the trace has.
    pub preset: dft_text,
    /// What to group by: time, process, host, rank, file, directory, pattern, function, epoch or a group key of the
    /// index; empty for no groups.
    pub by: dft_text,
    /// Conditions of a comparison, such as `time > 1.2x where cat = posix`. NULL with length 0 for none. Must be empty
    /// for an analysis.
    pub conditions: *const dft_text,
    /// The number of conditions.
    pub conditions_length: u64,
}

growing!(dft_analyze_request);

impl From<AnalyzeError> for Failure {
    fn from(error: AnalyzeError) -> Self {
        match error {
            AnalyzeError::Export(error) => error.into(),
            AnalyzeError::Store(error) => error.into(),
            AnalyzeError::Threads(_) => Self::new(DFT_SYSTEM, error.to_string()),
            _ => Self::new(DFT_INVALID_ARGUMENT, error.to_string()),
        }
    }
}

/// The parts of a request that analyses and comparisons share.
struct Given {
    request: dft_analyze_request,
    preset: PresetChoice,
    by: Option<By>,
    filter: Filter,
    granularity_us: Option<u64>,
}

fn request(request: *const dft_analyze_request) -> Result<Given, Failure> {
    let request = if request.is_null() { dft_analyze_request::default() } else { given("request", request)? };
    let preset = match request.preset.utf8("request.preset")? {
        "" | "auto" => PresetChoice::default(),
        name if name.contains(['/', '.']) => Preset::read(Path::new(name), &BTreeMap::new())?.into(),
        name => Preset::built_in(name, &BTreeMap::new())?.into(),
    };
    let by = match request.by.utf8("request.by")? {
        "" => None,
        by => by.parse().ok(),
    };
    let (filter, granularity_us) = asked(request.view)?.into_filter();
    Ok(Given { request, preset, by, filter, granularity_us })
}

fn pass(on_text: &Callback<dft_note>, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::new(DFT_TOO_LARGE, format!("the numbers cannot be written as JSON: {error}")))?;
    on_text.pass(&dft_note::new(&[], &text));
    Ok(())
}

/// Analyzes where the time of a job went: layers with their busy times and overlaps, processes, epochs, groups and
/// findings, as a JSON object: see `dft_analyze::Analysis`. Times are in µs and sizes in bytes; null is not known.
///
/// `request`: what to analyze; its `size` must be set; NULL for all. `on_text`: receives the text once, with an empty
/// path, on the caller's thread; not NULL. `context`: passed to it; may be NULL.
///
/// Returns DFT_INVALID_ARGUMENT if anything in the request is invalid, or names a preset or a group that does not
/// exist, and DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_analyze(
    index: *const dft_index,
    request: *const dft_analyze_request,
    on_text: dft_on_note,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_analyze", || {
        let on_text = Callback::required("on_text", on_text, context)?;
        let Given { request, preset, by, filter, granularity_us } = self::request(request)?;
        if request.conditions_length > 0 {
            return Err(Failure::argument("an analysis has no conditions: use dft_compare".to_owned()));
        }
        let source = source(index)?;
        let options = AnalyzeOptions { preset, by, filter, granularity_us, ..AnalyzeOptions::default() };
        pass(&on_text, &analyze(&source, &options)?)
    })
}

/// Compares runs with the first of them: layers or groups side by side, with changes, and whether these are beyond
/// noise, as a JSON object: see `dft_analyze::Comparison`.
///
/// `indexes`, `names`: the runs and what they are called in the result; two or more of each. `request`: what to
/// compare; its `size` must be set; NULL for the layers of all calls. `on_text`, `context`: as for `dft_analyze`.
///
/// Returns DFT_INVALID_ARGUMENT if anything in the request is invalid, or if there are not two runs, and DFT_DAMAGED or
/// DFT_SYSTEM if an index cannot be read. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_compare(
    indexes: *const *const dft_index,
    names: *const dft_text,
    length: u64,
    request: *const dft_analyze_request,
    on_text: dft_on_note,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_compare", || {
        let on_text = Callback::required("on_text", on_text, context)?;
        let Given { request, preset, by, filter, granularity_us } = self::request(request)?;
        let sources: Vec<_> =
            list("indexes", indexes, length)?.iter().map(|&index| source(index)).collect::<Result<_, _>>()?;
        let names: Vec<&str> =
            list("names", names, length)?.iter().map(|name| name.utf8("names")).collect::<Result<_, _>>()?;
        let conditions = list("request.conditions", request.conditions, request.conditions_length)?;
        let conditions = conditions.iter().map(|text| Ok(text.utf8("request.conditions")?.parse()?));
        let conditions = conditions.collect::<Result<_, Failure>>()?;
        let options = CompareOptions { preset, by, filter, granularity_us, conditions, ..CompareOptions::default() };
        let runs: Vec<(&str, &Index)> = names.into_iter().zip(sources.iter().map(|source| &***source)).collect();
        pass(&on_text, &compare(&runs, &options)?)
    })
}
