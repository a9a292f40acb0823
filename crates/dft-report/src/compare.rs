//! What a report on several runs shows: side by side, differences first.

use std::io::Write;
use std::path::Path;

use dft_analyze::{AnalyzeError, By, CompareOptions, Comparison, compare};
use dft_export::{Filter, View};
use dft_store::Index;
use serde::Serialize;

use crate::data::{Job, Layer, ReportData, Timeline};
use crate::error::ReportError;
use crate::html::write_page;
use crate::page_file;
use crate::text::shortened;

/// The most functions and layers that a page compares.
const MOST_ROWS: usize = 200;

/// The longest name, in characters.
const LONGEST_NAME: usize = 160;

/// What a report on several runs shows.
#[derive(Clone, Debug, Serialize)]
pub struct ComparedData {
    /// The version of this program.
    pub version: &'static str,
    /// The filter, as text; `None` if everything is compared.
    pub filter: Option<String>,
    /// Layers, those with the greatest change of the job's time first.
    pub layers: Comparison,
    /// Functions, in the same order.
    pub functions: Comparison,
    /// The number of functions that are left out.
    pub more_functions: usize,
    /// The runs.
    pub runs: Vec<RunData>,
}

/// One of the runs.
#[derive(Clone, Debug, Serialize)]
pub struct RunData {
    /// Its name.
    pub name: String,
    /// The job.
    pub job: Job,
    /// The faults of its input.
    pub faults: Vec<String>,
    /// Categories with their distributions.
    pub layers: Vec<Layer>,
    /// The category of I/O whose requests are shown.
    pub io_layer: Option<String>,
    /// Calls over time.
    pub timeline: Timeline,
    /// What stands out in it.
    pub findings: dft_analyze::Findings,
}

impl ComparedData {
    /// Compares runs with the first of them.
    ///
    /// # Errors
    ///
    /// Those of [`compare`] and of [`ReportData::of`].
    pub fn of(runs: &[(&str, &Index)], options: &CompareOptions) -> Result<Self, ReportError> {
        let layers = shown(compare(runs, options)?).0;
        let by_function = CompareOptions { by: Some(By::Function), conditions: Vec::new(), ..options.clone() };
        let (functions, more_functions) = shown(compare(runs, &by_function)?);
        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        };
        let [(_, first), ..] = runs else { return Err(AnalyzeError::OneRun.into()) };
        let (preset, _) = options.preset.choose(&View::new(first, None, Filter::default())?)?;
        let run = |(name, index): &(&str, &Index)| {
            let view = View::new(index, None, options.filter.clone())?;
            let report = ReportData::of(&view, preset.clone().into(), threads)?;
            let ReportData { job, faults, layers, io_layer, timeline, analysis, .. } = report;
            Ok(RunData {
                name: shortened(name, LONGEST_NAME),
                job,
                faults,
                layers,
                io_layer,
                timeline,
                findings: analysis.findings,
            })
        };
        let filter: &Filter = &options.filter;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            filter: filter.described(),
            layers,
            functions,
            more_functions,
            runs: runs.iter().map(run).collect::<Result<_, ReportError>>()?,
        })
    }

    /// Writes the report as an HTML page that needs no other file and no network.
    ///
    /// # Errors
    ///
    /// If the page cannot be written.
    pub fn write_html(&self, out: impl Write) -> Result<(), ReportError> {
        let names: Vec<&str> = self.runs.iter().map(|run| run.name.as_str()).collect();
        write_page(&names.join(", "), &serde_json::to_string(self)?, out)
    }

    /// Writes the page to a file, which is complete as soon as it has its name. Returns its size in bytes.
    ///
    /// # Errors
    ///
    /// Those of [`ReportData::write_file`](crate::ReportData::write_file).
    pub fn write_file(&self, path: &Path) -> Result<u64, ReportError> {
        page_file::replace(path, |page| self.write_html(page))
    }
}

/// Returns the part of a comparison that a page shows, and how many rows are left out.
fn shown(mut comparison: Comparison) -> (Comparison, usize) {
    let more = comparison.rows.len().saturating_sub(MOST_ROWS);
    comparison.rows.truncate(MOST_ROWS);
    for row in &mut comparison.rows {
        row.name = shortened(&row.name, LONGEST_NAME);
    }
    (comparison, more)
}
