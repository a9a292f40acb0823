//! The tool's cells: sums by layer, thread and what its views have rows for.

use std::collections::{BTreeSet, HashMap, HashSet};

use ahash::RandomState;
use dft_codec::{RowParts, SeriesKind};
use dft_export::{Series, View};

use super::category::{is_left_out, with_suffixes};
use super::{DfanalyzerLayer, DfanalyzerView, RawStatistics};
use crate::collect::Numbered;
use crate::error::AnalyzeError;
use crate::preset::{LayerSpec, Preset, categories};

/// Calls of one layer, thread, and range and file if the views have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CellKey {
    pub(super) layer: u32,
    pub(super) place: Place,
}

/// A thread, and a range and a file if the views have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) thread: u32,
    pub(super) range: i64,
    pub(super) file: u32,
}

/// Sums over calls.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) time_us: i128,
    pub(super) count: u128,
    pub(super) size: i128,
}

/// What the views are computed from.
pub(super) struct Collected {
    pub(super) raw: RawStatistics,
    pub(super) layers: Vec<DfanalyzerLayer>,
    /// The layer that others are compared with, and the layers of each one's children.
    pub(super) compute: Option<usize>,
    pub(super) children: Vec<Vec<usize>>,
    pub(super) cells: HashMap<CellKey, Sums, RandomState>,
    pub(super) threads: Numbered<String>,
    pub(super) files: Numbered<String>,
}

/// Which calls belong to a layer of the tool.
enum Membership {
    All,
    /// A category, or one within it.
    Category(String),
    Query(Box<LayerSpec>),
}

impl Membership {
    fn has(&self, series: &Series, category: &str) -> bool {
        match self {
            Self::All => true,
            Self::Category(own) => {
                category.strip_prefix(own.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            Self::Query(layer) => layer.query.matches(series),
        }
    }
}

/// Collects the cells of an index.
pub(super) fn collect(
    view: &View<'_>,
    preset: Preset,
    views: &[DfanalyzerView],
    granularity: u64,
) -> Result<Collected, AnalyzeError> {
    let (raw, origin, categories) = raw_statistics(view, granularity)?;
    let (layers, members) = layers(preset, view, &categories)?;
    let number = |name: &Option<String>| {
        name.as_ref().and_then(|name| layers.iter().position(|layer: &DfanalyzerLayer| layer.name == *name))
    };
    let parents: Vec<Option<usize>> = layers.iter().map(|layer| number(&layer.parent)).collect();
    let children = (0..layers.len()).map(|at| (0..layers.len()).filter(|child| parents[*child] == Some(at)).collect());
    let mut collected = Collected {
        children: children.collect(),
        compute: layers.iter().position(|layer| layer.name == "compute"),
        raw,
        layers,
        cells: HashMap::default(),
        threads: Numbered::default(),
        files: Numbered::default(),
    };
    let has = |wanted: DfanalyzerView| views.contains(&wanted);
    // The keys of calls, by which the tool drops aggregated calls.
    let mut known: HashSet<(u32, Place, String, String), RandomState> = HashSet::default();
    let with_profiles = collected.raw.profile_event_count > 0;
    for kind in [SeriesKind::Call, SeriesKind::AggregatedCall] {
        let mut cells = view.cells(kind, RowParts::Core)?;
        let (mut serial, mut of_layers, mut category) = (0, None, String::new());
        let (mut thread, mut file) = (0, 0);
        while cells.advance()? {
            let Some(cell) = cells.cell() else { break };
            let (series, core) = (cell.series, &cell.row.core);
            if serial != cell.serial {
                serial = cell.serial;
                let is_out = kind == SeriesKind::Call && is_left_out(&series.identity.name, &series.file_name);
                category = with_suffixes(&series.identity.category, &series.file_name).into_owned();
                thread = collected.threads.number(&series.process_name());
                file = if has(DfanalyzerView::FileName) { collected.files.number(&series.file_name) } else { 0 };
                of_layers = (!is_out).then(|| {
                    (0..members.len()).filter(|layer| members[*layer].has(series, &category)).collect::<Vec<_>>()
                });
            }
            let Some(of_layers) = &of_layers else { continue };
            let range = match kind {
                // A cell is where its first call starts, from the first start of all calls.
                SeriesKind::Call => (i128::from(core.ts) - i128::from(origin)).div_euclid(granularity.into()) as i64,
                _ => (cell.start.saturating_sub(view.origin()) / view.granularity()) as i64,
            };
            let place = Place { thread, range: if has(DfanalyzerView::TimeRange) { range } else { 0 }, file };
            let sums = Sums { time_us: core.duration.sum(), count: core.count, size: core.size.sum() };
            for &layer in of_layers {
                let key = CellKey { layer: layer as u32, place };
                if with_profiles {
                    let whole = (layer as u32, place, category.clone(), series.identity.name.clone());
                    match kind {
                        SeriesKind::Call => drop(known.insert(whole)),
                        // The tool drops calls that were summed up where a call has the same key.
                        _ if known.contains(&whole) => continue,
                        _ => {}
                    }
                }
                let all = collected.cells.entry(key).or_default();
                all.time_us += sums.time_us;
                all.count += sums.count;
                all.size += sums.size;
            }
        }
    }
    Ok(collected)
}

/// Returns statistics of all calls, the first start in µs, and the categories with their suffixes of calls that are not
/// left out.
fn raw_statistics(view: &View<'_>, granularity: u64) -> Result<(RawStatistics, i64, BTreeSet<String>), AnalyzeError> {
    let mut raw = RawStatistics { time_granularity_s: granularity as f64 / 1e6, ..RawStatistics::default() };
    let mut span: Option<(i64, i64)> = None;
    let (mut files, mut hosts, mut pids) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut categories = BTreeSet::new();
    let mut cells = view.cells(SeriesKind::Call, RowParts::Core)?;
    let mut serial = 0;
    while cells.advance()? {
        let Some(cell) = cells.cell() else { break };
        let core = &cell.row.core;
        if serial != cell.serial {
            serial = cell.serial;
            let identity = &cell.series.identity;
            if !identity.file_hash.is_empty() {
                files.insert(identity.file_hash.clone());
            }
            hosts.insert(identity.host_hash.clone());
            pids.insert(identity.pid);
            if !is_left_out(&identity.name, &cell.series.file_name) {
                categories.insert(with_suffixes(&identity.category, &cell.series.file_name).into_owned());
            }
        }
        raw.trace_event_count += core.count;
        span = Some(span.map_or((core.ts, core.te), |(start, end)| (start.min(core.ts), end.max(core.te))));
    }
    let mut cells = view.cells(SeriesKind::AggregatedCall, RowParts::Core)?;
    while cells.advance()? {
        raw.profile_event_count += cells.cell().map_or(0, |cell| cell.row.core.count);
    }
    raw.total_event_count = raw.trace_event_count + raw.profile_event_count;
    raw.job_time_s = span.map(|(start, end)| end.abs_diff(start) as f64 / 1e6);
    (raw.unique_file_count, raw.unique_host_count, raw.unique_process_count) = (files.len(), hosts.len(), pids.len());
    Ok((raw, span.map_or(0, |(start, _)| start), categories))
}

/// Returns the layers of a preset, and which calls belong to them.
fn layers(
    preset: Preset,
    view: &View<'_>,
    categories: &BTreeSet<String>,
) -> Result<(Vec<DfanalyzerLayer>, Vec<Membership>), AnalyzeError> {
    if !preset.is_by_category() {
        let preset = preset.bound(view)?;
        let name = |layer: &LayerSpec| layer.parent.map(|parent| preset.layers[parent].name.clone());
        let layers = preset.layers.iter().map(|layer| DfanalyzerLayer {
            name: layer.name.clone(),
            title: layer.title.clone(),
            parent: name(layer),
            is_async: layer.asynchronous,
            has_size: layer.bytes,
        });
        let layers = layers.collect();
        let members = preset.layers.into_iter().map(|layer| Membership::Query(Box::new(layer))).collect();
        return Ok((layers, members));
    }
    let own: BTreeSet<String> =
        categories.iter().filter(|category| !category.is_empty() && *category != "dftracer").cloned().collect();
    let all: Vec<String> = categories::with_prefixes(&own).into_iter().collect();
    let names = categories::layer_names(all.iter().map(String::as_str));
    let app = DfanalyzerLayer {
        name: "app".to_owned(),
        title: "App".to_owned(),
        parent: None,
        is_async: false,
        has_size: false,
    };
    let (mut layers, mut members) = (vec![app], vec![Membership::All]);
    for (category, name) in all.iter().zip(&names) {
        let above = category.rsplit_once('.').and_then(|(above, _)| all.iter().position(|other| other == above));
        layers.push(DfanalyzerLayer {
            name: name.clone(),
            title: categories::title(name),
            parent: Some(above.map_or_else(|| "app".to_owned(), |at| names[at].clone())),
            is_async: false,
            has_size: category.starts_with("posix") || category.starts_with("stdio"),
        });
        members.push(Membership::Category(category.clone()));
    }
    Ok((layers, members))
}
