//! The tables that the tool prints, as cells.

use super::{DfanalyzerReport, LayerNumbers, ViewNumbers};
use dft_io::units::count;

/// A table that the tool prints.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DfanalyzerTable {
    /// The title.
    pub title: String,
    /// The header and the rows.
    pub rows: Vec<Vec<String>>,
}

/// The tool's MB, in bytes.
const MB: f64 = 1_048_576.0;

/// The number of columns of the breakdown.
const COLUMNS: [&str; 6] = ["Layer", "Time (s)", "Ops", "Ops/sec", "Size (MB)", "Bandwidth (MB/s)"];

impl DfanalyzerReport {
    /// Returns the tables that the tool prints, in its order: by the names of the views, a summary and a breakdown of
    /// each.
    pub fn tables(&self) -> Vec<DfanalyzerTable> {
        let mut views: Vec<&ViewNumbers> = self.views.iter().filter(|view| view.printed_by_tool).collect();
        views.sort_by_key(|view| view.view.title());
        views.into_iter().flat_map(|view| [self.summary(view), self.breakdown(view)]).collect()
    }

    fn summary(&self, view: &ViewNumbers) -> DfanalyzerTable {
        let raw = &self.raw_stats;
        let whole = |number: u128| count(number as i128);
        let row = |metric: &str, unit: &str, value: String| vec![metric.to_owned(), unit.to_owned(), value];
        let job = raw.job_time_s.map_or_else(|| "nan".to_owned(), |time| format!("{time:.3}"));
        let mut rows = vec![
            row("Metric", "Unit", "Value".to_owned()),
            row("Job Time", "seconds", job),
            row("Trace Count", "count", whole(raw.trace_event_count)),
            row("Profile Count", "count", whole(raw.profile_event_count)),
            row("Total Count", "count", whole(raw.total_event_count)),
            row("Total Files", "count", whole(raw.unique_file_count as u128)),
            row("Total Nodes", "count", whole(raw.unique_host_count as u128)),
            row("Total Processes", "count", whole(raw.unique_process_count as u128)),
        ];
        for (layer, title) in self.with_calls(view) {
            rows.push(row(&format!("{title} Count"), "count", whole(layer.count)));
            if let Some(size) = shown_size(layer).filter(|size| *size > 0) {
                let mb = |bytes: Option<f64>| format!("{:.3}", bytes.unwrap_or(0.0) / MB);
                rows.push(row(&format!("{title} Size"), "MB", mb(Some(size as f64))));
                rows.push(row(&format!("{title} Bandwidth"), "MB/s", mb(layer.bandwidth_bytes_per_s)));
                rows.push(row(&format!("{title} Avg Transfer Size"), "MB", mb(layer.avg_transfer_size_bytes)));
            }
        }
        DfanalyzerTable { title: format!("{} Summary", view.view.title()), rows }
    }

    fn breakdown(&self, view: &ViewNumbers) -> DfanalyzerTable {
        let several = self.layers.len() > 1;
        let mut rows = vec![COLUMNS.map(str::to_owned).to_vec()];
        for (layer, title) in self.with_calls(view) {
            let with = |text: String, value: f64, overlap: Option<f64>| match several {
                true => format!("{text} {}", percent(overlap.filter(|_| value > 0.0))),
                false => text,
            };
            let or_dash = |value: f64| if value == 0.0 { "-".to_owned() } else { format!("{value:.3}") };
            let time = layer.time_s.unwrap_or(0.0);
            let calls = layer.count as f64;
            let size = shown_size(layer);
            rows.push(vec![
                title.to_owned(),
                with(or_dash(time), time, layer.overlap_time),
                with(count(layer.count as i128), calls, layer.overlap_count),
                layer.ops_per_s.map_or_else(|| "nan".to_owned(), |rate| format!("{rate:.3}")),
                match size {
                    None => "-".to_owned(),
                    Some(size) => with(or_dash(size as f64 / MB), size as f64, layer.overlap_size),
                },
                match size {
                    None => "-".to_owned(),
                    Some(_) => format!("{:.3}", layer.bandwidth_bytes_per_s.unwrap_or(0.0) / MB),
                },
            ]);
        }
        let title = if several { "Layer Breakdown (w/ overlap %)" } else { "Layer Breakdown" };
        DfanalyzerTable { title: title.to_owned(), rows }
    }

    /// Returns the layers that have calls, with their titles.
    fn with_calls<'r>(&'r self, view: &'r ViewNumbers) -> impl Iterator<Item = (&'r LayerNumbers, &'r str)> {
        let titles = self.layers.iter().map(|layer| layer.title.as_str());
        view.layers.iter().zip(titles).filter(|(layer, _)| layer.count > 0)
    }
}

/// Returns the bytes that the tool prints: only those of layers with `posix` in their names.
fn shown_size(layer: &LayerNumbers) -> Option<i128> {
    layer.size_bytes.filter(|_| layer.name.contains("posix"))
}

/// Formats an overlap; a half is rounded to the even number.
fn percent(overlap: Option<f64>) -> String {
    match overlap {
        None => "(----)".to_owned(),
        Some(overlap) => format!("({:>3}%)", (100.0 * overlap).round_ties_even()),
    }
}
