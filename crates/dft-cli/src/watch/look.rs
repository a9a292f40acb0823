//! What a look at a running job sees.

use std::time::Instant;

use anyhow::Result;
use dft_aggregate::IoCategory;
use dft_export::{Filter, Grouping, Summary, Totals, Value, View};
use dft_store::Index;

use crate::summary;

/// A category and a kind of I/O, or a category whose calls do no I/O.
#[derive(Clone, Debug)]
pub(super) struct LayerLook {
    /// The category, and the kind of I/O if it has several.
    pub(super) name: String,
    pub(super) totals: Totals,
}

/// A process.
#[derive(Clone, Debug)]
pub(super) struct ProcessLook {
    /// The rank, or else the host and the number.
    pub(super) name: String,
    pub(super) calls: u64,
    /// The latest time of a call, in µs of the tracer's clock.
    pub(super) last_us: i64,
}

/// What a running job has done so far.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) at: Instant,
    pub(super) traces: usize,
    pub(super) records: u64,
    /// From the first call to the last, in µs.
    pub(super) span_us: i128,
    pub(super) hosts: usize,
    /// Layers that do I/O first.
    pub(super) layers: Vec<LayerLook>,
    /// The bytes that the first layer moved, over time.
    pub(super) bytes_over_time: Vec<u64>,
    /// The length of a part of that time, in µs.
    pub(super) part_us: u64,
    /// Those whose last call is the longest ago first.
    pub(super) processes: Vec<ProcessLook>,
}

impl Look {
    /// Looks at an index.
    pub(super) fn at(index: &Index, at: Instant) -> Result<Self> {
        let view = View::new(index, None, Filter::default())?;
        let mut all = Summary::of(&view, 0)?;
        let (traces, counts, _) = summary::read(index)?;
        all.layers.sort_by_key(|layer| !layer.kinds.iter().any(|kind| kind.name != IoCategory::Other.name()));
        let first = all.layers.first();
        let bytes = |totals: &Totals| totals.bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        let bytes_over_time = first.map(|layer| layer.over_time.iter().map(bytes).collect()).unwrap_or_default();
        let layers = all.layers.iter().flat_map(|layer| {
            let has_kinds = layer.kinds.len() > 1;
            let whole = LayerLook { name: layer.category.clone(), totals: layer.totals.clone() };
            let kinds = layer.kinds.iter().filter(move |_| has_kinds);
            let kinds = kinds.map(|kind| LayerLook { name: format!("  {}", kind.name), totals: kind.totals.clone() });
            std::iter::once(whole).chain(kinds)
        });
        Ok(Self {
            at,
            traces,
            records: counts.records(),
            span_us: all.first_us.zip(all.last_us).map_or(0, |(first, last)| i128::from(last) - i128::from(first)),
            hosts: all.hosts,
            layers: layers.collect(),
            bytes_over_time,
            part_us: all.part_us,
            processes: processes(&view)?,
        })
    }

    /// Returns the totals of a layer.
    pub(super) fn layer(&self, name: &str) -> Option<&Totals> {
        self.layers.iter().find(|layer| layer.name == name).map(|layer| &layer.totals)
    }

    /// Returns how long ago each process made its last call, when the last process did, in µs, and the process.
    pub(super) fn behind(&self) -> impl Iterator<Item = (i64, &ProcessLook)> {
        let latest = self.processes.last().map_or(0, |process| process.last_us);
        self.processes.iter().map(move |process| (latest.saturating_sub(process.last_us), process))
    }
}

fn processes(view: &View<'_>) -> Result<Vec<ProcessLook>> {
    let grouping = Grouping::parse("rank,host_name,pid", "count,time_end", "time_end", None)?;
    let groups = view.group(&grouping)?;
    let look = |row: &Vec<Value>| {
        let [rank, host, pid, calls, last] = row.as_slice() else { return None };
        let name = match (rank, host, pid) {
            (Value::Int(rank), ..) => format!("rank {rank}"),
            (_, Value::Text(host), Value::Int(pid)) if !host.is_empty() => format!("{host} {pid}"),
            (.., Value::Int(pid)) => format!("process {pid}"),
            _ => return None,
        };
        let (&Value::Int(calls), &Value::Int(last_us)) = (calls, last) else { return None };
        Some(ProcessLook { name, calls: calls.unsigned_abs(), last_us })
    };
    Ok(groups.rows().iter().filter_map(look).collect())
}

/// What changed between two updates, per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    pub(super) calls: f64,
    /// `None` if no call recorded a size.
    pub(super) bytes: Option<f64>,
}

impl Rates {
    /// Returns the rates of a layer since the look before; `None` without one.
    pub(super) fn of(name: &str, look: &Look, before: Option<&Look>) -> Option<Self> {
        let before = before?;
        let (now, then) = (look.layer(name)?, before.layer(name));
        let seconds = look.at.duration_since(before.at).as_secs_f64().max(1e-3);
        let calls = now.calls - then.map_or(0, |then| then.calls).min(now.calls);
        let bytes = now.bytes.map(|bytes| bytes - then.and_then(|then| then.bytes).unwrap_or(0));
        Some(Self { calls: calls as f64 / seconds, bytes: bytes.map(|bytes| bytes as f64 / seconds) })
    }
}
