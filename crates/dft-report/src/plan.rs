//! What a pass over the calls adds up: found in the scopes of the index beforehand, so that memory is bounded by the
//! page and not by the job.

use std::collections::HashMap;
use std::hash::Hash;

use ahash::RandomState;
use dft_aggregate::IoCategory;
use dft_codec::{ProcessKey, SeriesKind};
use dft_export::View;
use dft_metrics::SketchMapping;

use crate::bins::Bins;
use crate::data::HeatRow;
use crate::error::ReportError;
use crate::job::Ranks;

/// The kinds of series that are calls.
pub(crate) const CALLS: [SeriesKind; 2] = [SeriesKind::Call, SeriesKind::AggregatedCall];

/// The most bins of a timeline: half a screen has no more pixels for points that can be told apart.
const TIME_BINS: u64 = 500;

/// The most bins of a heat map.
const HEAT_BINS: u64 = 120;

/// The most rows of a heat map.
const HEAT_ROWS: usize = 128;

/// The most layers of a heat map.
pub(crate) const HEAT_LAYERS: usize = 3;

/// The categories of I/O calls, from the lowest layer up. A call of a higher one makes calls of a lower one, so they
/// are never added.
const IO_LAYERS: [&str; 6] = ["posix", "stdio", "mpi-io", "mpiio", "hdf5", "io"];

/// Distinct values, numbered in order.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    pub(crate) values: Vec<T>,
    numbers: HashMap<T, u32, RandomState>,
}

impl<T: Clone + Eq + Hash + Ord> Numbered<T> {
    fn new(mut values: Vec<T>) -> Self {
        values.sort_unstable();
        values.dedup();
        let numbers = values.iter().cloned().zip(0..).collect();
        Self { values, numbers }
    }

    /// Returns the number of a value; that of the first if it is none of them.
    pub(crate) fn number(&self, value: &T) -> u32 {
        self.numbers.get(value).copied().unwrap_or_default()
    }

    fn find(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

/// The heat map's rows and layers.
#[derive(Debug)]
pub(crate) struct HeatPlan {
    pub(crate) bins: Bins,
    pub(crate) rows: usize,
    /// The row of each process, by its number.
    pub(crate) row_of_process: Vec<u32>,
    /// The numbers of the categories shown.
    pub(crate) layers: Vec<u32>,
}

/// A process with what a report says about it.
#[derive(Clone, Debug)]
pub(crate) struct KnownProcess {
    /// The host's name, or else its hash.
    pub(crate) host: String,
    pub(crate) pid: i64,
    pub(crate) rank: Option<i64>,
}

/// What a pass over the calls adds up.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) bins: Bins,
    pub(crate) categories: Numbered<String>,
    /// Host hash and number.
    pub(crate) processes: Numbered<(String, i64)>,
    /// Number of the process, and number of the thread.
    pub(crate) threads: Numbered<(u32, i64)>,
    /// Number of the category, and name.
    pub(crate) functions: Numbered<(u32, String)>,
    /// By number of the process.
    pub(crate) known: Vec<KnownProcess>,
    /// The numbers of processes by rank, host and number: the order of rows.
    pub(crate) order: Vec<u32>,
    pub(crate) heat: HeatPlan,
    /// The number of the category whose processes, files and requests are shown.
    pub(crate) io_layer: Option<u32>,
    /// The mapping of sketches, if the index has them.
    pub(crate) mapping: Option<SketchMapping>,
}

impl Plan {
    /// Plans a pass. Bins of time cover `span`, in µs of the tracer's clock, or else all that the view shows.
    pub(crate) fn of(view: &View<'_>, ranks: &Ranks, span: Option<(u64, u64)>) -> Result<Self, ReportError> {
        let (mut categories, mut processes, mut scopes) = (Vec::new(), HashMap::new(), Vec::new());
        for kind in CALLS {
            view.each_scope(kind, |series| {
                let identity = &series.identity;
                let process = (identity.host_hash.clone(), identity.pid);
                let host = [&series.host_name, &identity.host_hash].into_iter().find(|name| !name.is_empty());
                let host = host.map_or("unknown", String::as_str);
                processes.entry(process.clone()).or_insert_with(|| host.to_owned());
                categories.push(identity.category.clone());
                scopes.push((identity.category.clone(), identity.name.clone(), process, identity.tid));
                if scopes.len().is_power_of_two() {
                    // A scope is visited once for each slice that it is in.
                    scopes.sort_unstable();
                    scopes.dedup();
                    categories.sort_unstable();
                    categories.dedup();
                }
            })?;
        }
        let categories = Numbered::new(categories);
        let hosts = processes;
        let processes = Numbered::new(hosts.keys().cloned().collect());
        let number = |process: &(String, i64)| processes.number(process);
        let threads = Numbered::new(scopes.iter().map(|(.., process, tid)| (number(process), *tid)).collect());
        let functions =
            Numbered::new(scopes.iter().map(|(cat, name, ..)| (categories.number(cat), name.clone())).collect());
        let known: Vec<KnownProcess> = processes
            .values
            .iter()
            .map(|process| KnownProcess {
                host: hosts.get(process).cloned().unwrap_or_default(),
                pid: process.1,
                rank: ranks.get(&ProcessKey { host_hash: process.0.clone(), pid: process.1 }).copied(),
            })
            .collect();
        let mut order: Vec<u32> = (0..processes.len() as u32).collect();
        order.sort_by_key(|&number| {
            let KnownProcess { host, pid, rank } = &known[number as usize];
            (rank.is_none(), *rank, host, *pid)
        });
        let has_io = |category: &u32| {
            functions.values.iter().any(|(of, name)| of == category && IoCategory::of(name) != IoCategory::Other)
        };
        let io_layers: Vec<u32> =
            IO_LAYERS.iter().filter_map(|name| categories.find(&(*name).to_owned())).filter(has_io).collect();
        let io_layer = io_layers.first().copied();
        let mut others: Vec<u32> =
            (0..categories.len() as u32).filter(|category| !io_layers.contains(category)).collect();
        // Those with the most scopes are called by the most threads and functions.
        let mut number_of_scopes = vec![0_usize; categories.len()];
        scopes.iter().for_each(|(category, ..)| number_of_scopes[categories.number(category) as usize] += 1);
        others.sort_by_key(|&category| std::cmp::Reverse(number_of_scopes[category as usize]));
        let layers = io_layers.iter().copied().chain(others).take(HEAT_LAYERS).collect();
        // Rows of equally many processes can be compared.
        let in_a_row = processes.len().div_ceil(HEAT_ROWS).max(1);
        let rows = processes.len().div_ceil(in_a_row);
        let mut row_of_process = vec![0; processes.len()];
        for (place, &process) in order.iter().enumerate() {
            row_of_process[process as usize] = (place / in_a_row) as u32;
        }
        Ok(Self {
            bins: Bins::of(view, TIME_BINS, span),
            heat: HeatPlan { bins: Bins::of(view, HEAT_BINS, span), rows, row_of_process, layers },
            categories,
            processes,
            threads,
            functions,
            known,
            order,
            io_layer,
            mapping: view.index().config().sketch_accuracy.and_then(SketchMapping::new),
        })
    }

    /// Returns what each row of the heat map is.
    pub(crate) fn heat_rows(&self) -> Vec<HeatRow> {
        let mut rows: Vec<Vec<&KnownProcess>> = vec![Vec::new(); self.heat.rows];
        for &process in &self.order {
            let row = self.heat.row_of_process[process as usize];
            rows[row as usize].push(&self.known[process as usize]);
        }
        rows.into_iter()
            .map(|processes| {
                let (first, last) = (processes.first(), processes.last());
                let name = match (first, last) {
                    (Some(first), Some(last)) if processes.len() > 1 => match (first.rank, last.rank) {
                        (Some(first), Some(last)) => format!("ranks {first} to {last}"),
                        _ => format!("{} to {}", process_name(first), process_name(last)),
                    },
                    (Some(only), _) => match only.rank {
                        Some(rank) => format!("rank {rank}"),
                        None => process_name(only),
                    },
                    _ => String::new(),
                };
                let host = first.map(|first| &first.host);
                let host = host.filter(|host| processes.iter().all(|process| process.host == **host));
                HeatRow { name, host: host.cloned().unwrap_or_default(), processes: processes.len() }
            })
            .collect()
    }
}

fn process_name(process: &KnownProcess) -> String {
    format!("{} {}", process.host, process.pid)
}
