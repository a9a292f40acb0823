//! The numbers of dfanalyzer (dftracer-analyzer 0.0.9), by its formulas, for comparison with that tool.
//!
//! [`dfanalyzer()`] returns a [`DfanalyzerReport`], whose [`tables`](DfanalyzerReport::tables) are those that the tool
//! prints. Fields that end in `_s` are in seconds, and those that end in `_bytes` in bytes.
//!
//! The tool's terms have meanings of their own:
//!
//! - *Time* is a sum over ranges of time: of each range, the summed durations of the busiest thread. A call counts
//!   completely in the range in which the first call of its row starts. Nested and parallel calls add up.
//! - *Overlap* is the share of that time that does not exceed the compute time of the busiest thread in the same range.
//!   Intervals are not intersected, and the two threads may differ.
//! - A *process* is a thread.
//!
//! [`analyze`](crate::analyze()) has the exact numbers; this module reproduces the tool's, to the last digit.

mod category;
mod collect;
mod text;
mod view;

use std::str::FromStr;

use dft_export::{Filter, View};
use dft_store::Index;
use serde::Serialize;

pub use text::DfanalyzerTable;
pub use view::{LayerNumbers, RowNumbers, ViewNumbers};

use crate::error::AnalyzeError;
use crate::preset::{ChosenPreset, PresetChoice};
use collect::collect;

/// A view of the tool: what its rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DfanalyzerView {
    /// Ranges of time.
    TimeRange,
    /// Threads, which the tool calls processes.
    ProcName,
    /// Files.
    FileName,
}

impl DfanalyzerView {
    /// Returns the title of the view.
    pub fn title(self) -> &'static str {
        match self {
            Self::TimeRange => "Time Period",
            Self::ProcName => "Process",
            Self::FileName => "File",
        }
    }
}

impl FromStr for DfanalyzerView {
    type Err = AnalyzeError;

    /// Parses the tool's name of a view, or what `--by` calls it.
    fn from_str(name: &str) -> Result<Self, AnalyzeError> {
        match name {
            "time_range" | "time" => Ok(Self::TimeRange),
            "proc_name" | "process" => Ok(Self::ProcName),
            "file_name" | "file" => Ok(Self::FileName),
            _ => Err(AnalyzeError::NoDfanalyzerView(name.to_owned())),
        }
    }
}

/// Statistics of all calls, before any is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RawStatistics {
    /// The time from the first start to the last end of calls that are not aggregated; `None` if there are none.
    pub job_time_s: Option<f64>,
    /// The number of calls.
    pub trace_event_count: u128,
    /// The number of calls that the tracer summed up.
    pub profile_event_count: u128,
    /// Both.
    pub total_event_count: u128,
    /// The number of distinct file hashes of calls.
    pub unique_file_count: usize,
    /// The number of distinct hosts of calls.
    pub unique_host_count: usize,
    /// The number of distinct process numbers of calls, whatever their hosts are.
    pub unique_process_count: usize,
    /// The length of a range, in seconds.
    pub time_granularity_s: f64,
}

/// A layer of the tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DfanalyzerLayer {
    /// The name.
    pub name: String,
    /// The title.
    pub title: String,
    /// The layer that it is in.
    pub parent: Option<String>,
    /// Whether it may run concurrently with compute.
    #[serde(rename = "async")]
    pub is_async: bool,
    /// Whether it has sizes.
    pub has_size: bool,
}

/// The tool's report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DfanalyzerReport {
    /// The preset.
    pub preset: ChosenPreset,
    /// Statistics of all calls.
    pub raw_stats: RawStatistics,
    /// The layers, in the order of tables.
    pub layers: Vec<DfanalyzerLayer>,
    /// The views that were asked for, and that of threads, which the tool always computes.
    pub views: Vec<ViewNumbers>,
}

/// How the tool's report is computed.
#[derive(Clone, Debug, Default)]
pub struct DfanalyzerOptions {
    /// The preset.
    pub preset: PresetChoice,
    /// The views that the tool is asked for (`view_types`); it always has threads, too. Without any, ranges of time.
    pub views: Vec<DfanalyzerView>,
    /// The length of a range, in µs; 1 s if it is 0.
    pub granularity_us: u64,
    /// Which calls are analyzed.
    pub filter: Filter,
}

/// Computes the tool's report. Cells are those of the index, as the tool reads them.
///
/// # Errors
///
/// If the index cannot be read, or the filter does not fit it.
pub fn dfanalyzer(index: &Index, options: &DfanalyzerOptions) -> Result<DfanalyzerReport, AnalyzeError> {
    let view = View::new(index, None, options.filter.clone())?;
    let (preset, chosen) = options.preset.choose(&view)?;
    let views = match options.views.as_slice() {
        [] => vec![DfanalyzerView::TimeRange],
        views => views.to_vec(),
    };
    let granularity = if options.granularity_us == 0 { 1_000_000 } else { options.granularity_us };
    let collected = collect(&view, preset, &views, granularity)?;
    let mut all: Vec<ViewNumbers> = views.iter().map(|of| view::numbers(&collected, *of, true)).collect();
    if !views.contains(&DfanalyzerView::ProcName) {
        all.push(view::numbers(&collected, DfanalyzerView::ProcName, false));
    }
    Ok(DfanalyzerReport { preset: chosen, raw_stats: collected.raw, layers: collected.layers, views: all })
}
