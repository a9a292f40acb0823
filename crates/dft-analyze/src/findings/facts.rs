//! The facts that findings are about: numbers of a job, and where they come from.

use std::collections::BTreeMap;

use dft_io::units;
use dft_store::{Index, TraceNames};
use serde::Deserialize;

use crate::error::AnalyzeError;
use crate::findable::Findable;
use crate::kind::CallKind;
use crate::layers::{LayerSums, compute};
use crate::report::{Job, Layer};
use crate::sums::Sums;

/// What a number is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    /// From 0 to 1.
    Share,
    /// How many times.
    Factor,
    Count,
    Bytes,
    /// In µs.
    Time,
}

impl Unit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Factor => "factor",
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Time => "time",
        }
    }

    /// Formats a number for people.
    pub(super) fn shown(self, number: f64) -> String {
        match self {
            Self::Share => format!("{} %", units::three_digits(100.0 * number)),
            Self::Factor => units::three_digits(number),
            Self::Count => units::count(number as i128),
            Self::Bytes => units::bytes(number),
            Self::Time => units::duration(number),
        }
    }
}

/// The facts of a job.
pub(super) struct Facts {
    numbers: BTreeMap<&'static str, f64>,
    places: BTreeMap<&'static str, String>,
    /// Why facts are not known.
    unknown: BTreeMap<&'static str, String>,
}

use Unit::{Bytes, Count, Factor, Time};

impl Facts {
    /// The numbers, and what they are. Times are in µs.
    pub(super) const NUMBERS: [(&'static str, Unit); 36] = [
        ("job_time", Time),
        ("processes", Count),
        ("hosts", Count),
        // The calls `io` of the rules, by kind; times are sums of durations.
        ("reads", Count),
        ("small_reads", Count),
        ("mean_read", Bytes),
        ("writes", Count),
        ("small_writes", Count),
        ("mean_write", Bytes),
        ("opens", Count),
        ("syncs", Count),
        ("sync_time", Time),
        ("io_time", Time),
        ("metadata_time", Time),
        ("io_bytes", Bytes),
        ("stdio_bytes", Bytes),
        // The time in which any process is busy with I/O.
        ("io_busy", Time),
        // And in which no process is busy with compute.
        ("exposed_io", Time),
        ("top_process_bytes", Bytes),
        // Files with and without less than 1 MiB moved.
        ("moved_files", Count),
        ("small_files", Count),
        // Bytes of reads at known offsets, and what of them is beyond the files' extents.
        ("placed_bytes", Bytes),
        ("reread_bytes", Bytes),
        ("first_read_bytes", Bytes),
        // The maximum of the layers that take at least 5 % of the job.
        ("imbalance", Factor),
        // Busy times of layers, summed over processes.
        ("communication", Time),
        ("compute", Time),
        // The slowest call that is I/O, and the mean of its kind.
        ("slowest", Time),
        ("slowest_mean", Time),
        ("failed_transfers", Count),
        ("lost_records", Count),
        // The time between the end of one host and the start of another.
        ("hosts_apart", Time),
        ("open_files", Count),
        ("calls", Count),
        ("aggregated_calls", Count),
        ("unknown_calls", Count),
    ];

    /// The facts that name a place.
    #[cfg(test)]
    pub(super) const PLACES: [&'static str; 15] = [
        "reads_place",
        "writes_place",
        "metadata_place",
        "opens_place",
        "syncs_place",
        "stdio_place",
        "small_files_place",
        "reread_place",
        "top_process",
        "imbalance_place",
        "exposed_place",
        "slowest_place",
        "failed_place",
        "lost_place",
        "hosts_apart_place",
    ];

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.numbers.get(name).copied()
    }

    /// Returns a number for people.
    pub(super) fn shown(&self, name: &str) -> Option<String> {
        let (_, unit) = Self::NUMBERS.iter().find(|(known, _)| *known == name)?;
        self.number(name).map(|number| unit.shown(number))
    }

    pub(super) fn place(&self, name: &str) -> Option<String> {
        self.places.get(name).cloned()
    }

    pub(super) fn why_unknown(&self, name: &str) -> Option<String> {
        self.unknown.get(name).cloned()
    }

    /// Collects the facts of a job. `calls` returns the number of the calls of a name that facts are about.
    pub(super) fn of(
        calls: impl Fn(&str) -> Option<usize>,
        findable: &Findable<'_>,
        job: &Job,
        layers: &[Layer],
        index: &Index,
    ) -> Result<Self, AnalyzeError> {
        let mut facts = Self { numbers: BTreeMap::new(), places: BTreeMap::new(), unknown: BTreeMap::new() };
        for (name, value) in [
            ("job_time", job.time_us as f64),
            ("processes", job.processes as f64),
            ("hosts", job.hosts as f64),
            ("calls", job.calls as f64),
            ("aggregated_calls", job.aggregated_calls as f64),
            ("unknown_calls", job.unknown_calls as f64),
        ] {
            facts.numbers.insert(name, value);
        }
        let layer = |name: &str| calls(name).map(|at| findable.all() + 1 + at);
        if let Some(io) = layer("io") {
            facts.io(findable, io);
            facts.busy(findable, io, job);
            facts.slowest(findable, io);
        }
        if let Some(stdio) = layer("stdio") {
            let of_stdio = LayerSums::of(findable, stdio);
            facts.numbers.insert("stdio_bytes", of_stdio.sums.size.sum() as f64);
            facts.of_most(findable, "stdio_place", stdio, |_| true, |sums| sums.size.sum());
        }
        facts.files(findable);
        facts.layers(findable, layers, job);
        facts.traces(index)?;
        facts.hosts(findable);
        Ok(facts)
    }

    fn io(&mut self, findable: &Findable<'_>, io: usize) {
        let of_io = LayerSums::of(findable, io);
        let of = |wanted: fn(CallKind) -> bool| of_io.of_kinds(wanted);
        let (reads, writes) = (of(|kind| kind == CallKind::Read), of(|kind| kind == CallKind::Write));
        let (opens, syncs) = (of(|kind| kind == CallKind::Open), of(|kind| kind == CallKind::Sync));
        let metadata = of(CallKind::is_metadata);
        for (name, value) in [
            ("reads", reads.calls as f64),
            ("writes", writes.calls as f64),
            ("opens", opens.calls as f64),
            ("syncs", syncs.calls as f64),
            ("sync_time", syncs.duration.sum() as f64),
            ("io_time", of_io.sums.duration.sum() as f64),
            ("metadata_time", metadata.duration.sum() as f64),
            ("io_bytes", of_io.sums.size.sum() as f64),
            ("open_files", findable.found.files.opened.files as f64),
        ] {
            self.numbers.insert(name, value);
        }
        for (sums, small, mean) in [(&reads, "small_reads", "mean_read"), (&writes, "small_writes", "mean_write")] {
            self.numbers.extend(sums.size.mean().map(|value| (mean, value)));
            // Rows with small and large requests do not say how many of each; the lower bound decides.
            self.numbers.insert(small, sums.small as f64);
        }
        self.of_most(findable, "reads_place", io, |kind| kind == CallKind::Read, |sums| sums.small as i128);
        self.of_most(findable, "writes_place", io, |kind| kind == CallKind::Write, |sums| sums.small as i128);
        self.of_most(findable, "metadata_place", io, CallKind::is_metadata, |sums| sums.duration.sum());
        self.of_most(findable, "opens_place", io, |kind| kind == CallKind::Open, |sums| sums.calls as i128);
        self.of_most(findable, "syncs_place", io, |kind| kind == CallKind::Sync, |sums| sums.calls as i128);
        if let Some((_, bytes)) = self.of_most(findable, "top_process", io, |_| true, |sums| sums.size.sum()) {
            self.numbers.insert("top_process_bytes", bytes as f64);
        }
    }

    /// Finds the process with most of something, and names it as a place.
    fn of_most(
        &mut self,
        findable: &Findable<'_>,
        place: &'static str,
        layer: usize,
        wanted: impl Fn(CallKind) -> bool,
        value: impl Fn(&Sums) -> i128,
    ) -> Option<(usize, i128)> {
        let found = findable.found;
        let mut by_process: Vec<i128> = vec![0; found.processes.values.len()];
        for (key, part) in &found.parts {
            let class = &found.classes.values[key.class as usize];
            if class.layers.has(layer) && wanted(class.kind) {
                by_process[key.process as usize] += value(&part.sums);
            }
        }
        // Among equal ones, the first in the order of the report.
        let order = findable.names.order.iter().rev();
        let most = order.map(|at| (*at, by_process[*at])).max_by_key(|(_, value)| *value)?;
        if most.1 > 0 {
            let name = &findable.names.names[most.0];
            let share = most.1 as f64 / by_process.iter().sum::<i128>().max(1) as f64;
            self.places.insert(place, format!("{name}: {} of it", Unit::Share.shown(share)));
        }
        Some(most)
    }

    fn busy(&mut self, findable: &Findable<'_>, io: usize, job: &Job) {
        let reason = match &job.unknown_because {
            Some(reason) if job.unknown_calls > 0 => Some(reason.clone()),
            _ => None,
        };
        let compute = compute(findable);
        match reason {
            Some(reason) => {
                for name in ["io_busy", "exposed_io", "imbalance", "communication", "compute"] {
                    self.unknown.insert(name, reason.clone());
                }
            }
            None => {
                let io_busy = findable.together.time(|set| set.has(io));
                self.numbers.insert("io_busy", io_busy as f64);
                if findable.together.time(|set| set.meets(&compute)) > 0 {
                    let exposed = findable.together.time(|set| set.has(io) && !set.meets(&compute));
                    self.numbers.insert("exposed_io", exposed as f64);
                    let of_process = |at: usize| findable.processes[at].time(|set| set.has(io) && !set.meets(&compute));
                    let most = (0..findable.processes.len()).max_by_key(|at| of_process(*at));
                    self.places.extend(most.map(|at| ("exposed_place", findable.names.names[at].clone())));
                } else {
                    let none = format!("preset {}: the trace has no compute", findable.preset.name);
                    self.unknown.insert("exposed_io", none);
                }
            }
        }
    }

    fn slowest(&mut self, findable: &Findable<'_>, io: usize) {
        let found = findable.found;
        let of_io = LayerSums::of(findable, io);
        let is_io = |class: u32| found.classes.values[class as usize].layers.has(io);
        let slowest = found.slowest.iter().filter(|(class, _)| is_io(**class)).max_by_key(|(_, slowest)| *slowest);
        if let Some((class, slowest)) = slowest {
            let kind = found.classes.values[*class as usize].kind;
            let of_kind = of_io.of_kinds(|other| other == kind);
            self.numbers.insert("slowest", slowest.duration_us as f64);
            self.numbers.extend(of_kind.duration.mean().map(|mean| ("slowest_mean", mean)));
            let process = &findable.names.names[slowest.process as usize];
            let start = units::duration((i128::from(slowest.start_us) - i128::from(findable.start_us())) as f64);
            self.places
                .insert("slowest_place", format!("{} in {process}, about {start} into the job", slowest.function));
        }
    }

    fn files(&mut self, findable: &Findable<'_>) {
        let files = &findable.found.files;
        self.numbers.insert("moved_files", files.moved.files as f64);
        self.numbers.insert("small_files", files.small.files as f64);
        let worst = |files: &crate::files::SomeFiles| files.worst.first().map(|(_, name)| name.clone());
        self.places.extend(worst(&files.small).map(|name| ("small_files_place", format!("such as {name}"))));
        if files.read.files > 0 {
            self.numbers.insert("placed_bytes", files.read.bytes as f64);
            self.numbers.insert("reread_bytes", files.reread.bytes as f64);
            self.numbers.insert("first_read_bytes", files.read.bytes.saturating_sub(files.reread.bytes) as f64);
            self.places.extend(worst(&files.reread).map(|name| ("reread_place", format!("most of {name}"))));
        } else if self.number("reads").is_some_and(|reads| reads > 0.0) {
            let reason = "reads have no offsets, so data that is read again is not seen".to_owned();
            self.unknown.insert("reread_bytes", reason);
        }
    }

    fn layers(&mut self, findable: &Findable<'_>, layers: &[Layer], job: &Job) {
        if job.unknown_calls > 0 {
            return;
        }
        let worst = layers
            .iter()
            .filter_map(|layer| layer.busy.as_ref().map(|busy| (layer, busy)))
            .filter(|(layer, busy)| busy.share_of_job >= 0.05 && layer.processes > 1)
            .max_by(|a, b| a.1.imbalance.max_over_mean.total_cmp(&b.1.imbalance.max_over_mean));
        if let Some((layer, busy)) = worst {
            self.numbers.insert("imbalance", busy.imbalance.max_over_mean);
            let most = &busy.imbalance.most;
            let text =
                format!("{}: {} is busy for {}", layer.title, most.process, units::duration(most.time_us as f64));
            self.places.insert("imbalance_place", text);
        }
        let sum = |name: &str| {
            layers.iter().find(|layer| layer.name == name).and_then(|layer| layer.busy.as_ref()).map(|busy| busy.sum_us)
        };
        let compute = compute(findable);
        let computing: u64 = findable.processes.iter().map(|process| process.time(|set| set.meets(&compute))).sum();
        self.numbers.insert("communication", sum("comm").unwrap_or(0) as f64);
        self.numbers.insert("compute", computing as f64);
    }

    /// Adds what is known of the traces as a whole.
    fn traces(&mut self, index: &Index) -> Result<(), AnalyzeError> {
        let files = index.files()?;
        let failed = |entry: &dft_codec::FileEntry| entry.counts.failed_transfers;
        let all: u64 = files.iter().map(|(_, entry)| failed(entry)).sum();
        self.numbers.insert("failed_transfers", all as f64);
        if let Some((name, entry)) = files.iter().max_by_key(|(name, entry)| (failed(entry), std::cmp::Reverse(name))) {
            let text = format!("{} of them in {}", units::count(failed(entry)), TraceNames::shown(name));
            self.places.insert("failed_place", text);
        }
        let lost = dft_index::lost_records(index)?;
        let of_file = |lost: &Vec<dft_index::LostRecords>| lost.iter().map(|lost| lost.lost).sum::<u128>();
        self.numbers.insert("lost_records", lost.values().map(of_file).sum::<u128>() as f64);
        if let Some((name, most)) = lost.iter().max_by_key(|(_, lost)| of_file(lost)) {
            let text = format!("{} of them of {}", units::count(of_file(most) as i128), TraceNames::shown(name));
            self.places.insert("lost_place", text);
        }
        Ok(())
    }

    /// Adds whether hosts were active at the same time.
    fn hosts(&mut self, findable: &Findable<'_>) {
        let mut spans: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for (host, facts) in findable.names.hosts.iter().zip(&findable.found.facts) {
            let (start, end) = facts.span;
            if start <= end && !host.is_empty() {
                let span = spans.entry(host).or_insert((start, end));
                *span = (span.0.min(start), span.1.max(end));
            }
        }
        let first_end = spans.iter().min_by_key(|(_, span)| span.1);
        let last_start = spans.iter().max_by_key(|(_, span)| span.0);
        if let (Some((early, (_, end))), Some((late, (start, _)))) = (first_end, last_start) {
            self.numbers.insert("hosts_apart", (start - end).max(0) as f64);
            self.places.insert("hosts_apart_place", format!("{early} and {late}"));
        }
    }
}
