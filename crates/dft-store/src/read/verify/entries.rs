//! Reads the entries of an index and checks them against each other.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dft_codec::{
    Bounds, DecodeError, FileCounts, FileEntry, FileHashKey, NameGivers, NameKey, NamePageCursor, NamePageKey, ScopeId,
    SeriesIdentity, SeriesKind, TelemetryKey, TelemetryValue,
};

use crate::column_families;
use crate::error::StoreError;
use crate::read::index::Index;
use crate::read::verify::report::Verification;
use crate::threads::join;
use crate::trace_names::TraceNames;

/// The sums of the counts of rows and readings; calls modulo 2⁶⁴, like the counts of files.
#[derive(Default)]
pub(super) struct RowTotals {
    pub(super) calls: [u64; SeriesKind::ALL.len()],
    readings: u64,
}

pub(super) struct Verifier<'a> {
    pub(super) index: &'a Index,
    pub(super) found: Verification,
    bounds: Option<Bounds>,
    pub(super) sums: RowTotals,
    /// The number of entries of each staged family.
    pub(super) entries: [u64; column_families::STAGED.len()],
}

pub(super) const OUT_OF_ORDER: DecodeError = DecodeError::Invalid("keys out of order");

/// The number of threads that read.
const MOST_THREADS: usize = 8;

/// Returns consecutive ranges of the keys of rows and series, about equal in size, for a number of threads.
fn ranges(threads: usize) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    // After its kind, an id is a hash.
    let start = |family: u8, part: usize| [family, (part * 256 / threads) as u8];
    let parts = SeriesKind::ALL.into_iter().flat_map(|family| (0..threads).map(move |part| (family as u8, part)));
    let starts: Vec<Vec<u8>> = match threads {
        1 => vec![Vec::new()],
        _ => parts.map(|(family, part)| start(family, part).to_vec()).collect(),
    };
    let ends: Vec<_> = starts.iter().skip(1).cloned().map(Some).chain([None]).collect();
    starts
        .into_iter()
        .zip(ends)
        .enumerate()
        .map(|(at, (from, to))| (if at == 0 { Vec::new() } else { from }, to))
        .collect()
}

/// The position of the series among the staged families.
pub(super) const SERIES_AT: usize = 2;

/// Reads all entries of a bundle's SST files and checks them against the bundle's manifest. `check` receives the number
/// of entries of each staged family.
pub(crate) fn verify_bundle(
    index: &Index,
    counts: &FileCounts,
    threads: usize,
    check: impl FnOnce([u64; column_families::STAGED.len()]) -> Result<(), StoreError>,
) -> Verification {
    let mut reading = Verifier::new(index, Verification::default());
    reading.read_entries(threads);
    if reading.found.is_sound()
        && let Err(fault) = check(reading.entries)
    {
        reading.found.fault(fault);
    }
    reading.compare(counts);
    reading.found
}

impl<'a> Verifier<'a> {
    pub(super) fn new(index: &'a Index, found: Verification) -> Self {
        Self { index, found, bounds: None, sums: RowTotals::default(), entries: Default::default() }
    }

    pub(super) fn read(mut self) -> Verification {
        self.read_entries(thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS));
        match self.files() {
            Ok(counts) => self.compare(&counts),
            Err(fault) => self.found.fault(fault),
        }
        self.found
    }

    /// Reads the entries of the staged families.
    fn read_entries(&mut self, threads: usize) {
        let ranges = ranges(threads);
        let index = self.index;
        let next = AtomicUsize::new(0);
        let work = || -> Vec<(usize, Verifier<'_>)> {
            let mut parts = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some((from, to)) = ranges.get(at) else { return parts };
                let mut part = Verifier::new(index, Verification::default());
                part.record_fault(|part| part.rows(from, to.as_deref()));
                parts.push((at, part));
            }
        };
        let mut parts = thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            self.record_fault(Self::names);
            self.record_fault(Self::telemetry);
            let mut parts = work();
            parts.extend(others.into_iter().flat_map(join));
            parts
        });
        parts.sort_by_key(|(at, _)| *at);
        parts.into_iter().for_each(|(_, part)| self.add(part));
    }

    fn record_fault(&mut self, read: impl FnOnce(&mut Self) -> Result<(), StoreError>) {
        if let Err(fault) = read(self) {
            self.found.fault(fault);
        }
    }

    /// Adds the results of another range.
    fn add(&mut self, part: Verifier<'_>) {
        let Verifier { found, bounds, sums, entries, .. } = part;
        found.faults.into_iter().for_each(|fault| self.found.fault(fault));
        self.found.more_faults += found.more_faults;
        self.found.rows += found.rows;
        self.found.series += found.series;
        self.bounds = self.bounds.into_iter().chain(bounds).reduce(Bounds::union);
        self.sums.calls.iter_mut().zip(sums.calls).for_each(|(mine, more)| *mine = mine.wrapping_add(more));
        self.entries.iter_mut().zip(entries).for_each(|(mine, more)| *mine += more);
    }

    fn each(
        &mut self,
        family: &'static str,
        check: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), StoreError> {
        self.each_of(family, b"", None, check)
    }

    pub(super) fn each_of(
        &mut self,
        family: &'static str,
        from: &[u8],
        to: Option<&[u8]>,
        mut check: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), StoreError> {
        let index = self.index;
        let mut last: Vec<u8> = Vec::new();
        let mut entries = 0;
        let read = index.each(family, from, |key, value| {
            if to.is_some_and(|to| key >= to) {
                return Ok(false);
            }
            if entries > 0 && key <= &last[..] {
                return Err(OUT_OF_ORDER);
            }
            entries += 1;
            last.clear();
            last.extend_from_slice(key);
            if let Err(error) = check(self, key, value) {
                self.found.fault(index.entry(family, key, error));
            }
            Ok(true)
        });
        if let Some(at) = column_families::STAGED.iter().position(|staged| *staged == family) {
            self.entries[at] += entries;
        }
        read
    }

    pub(super) fn series(&mut self, key: &[u8], value: &[u8]) -> Result<(), DecodeError> {
        let (hash, scope) = SeriesIdentity::scope_with_hash(value)?;
        let id = ScopeId(key.try_into().map_err(|_| DecodeError::Truncated)?);
        if !id.is_of(hash) {
            return Err(DecodeError::Invalid("the series has another id"));
        }
        if scope.extra.len() != self.index.config().extra_group_keys.len() {
            return Err(DecodeError::Invalid("the series has other group keys than the configuration"));
        }
        Ok(())
    }

    fn names(&mut self) -> Result<(), StoreError> {
        self.each(column_families::NAMES, |this, key, value| {
            if key.first() == Some(&FileHashKey::TAG) {
                FileHashKey::decode(key)?;
            } else if NamePageKey::is_page(key) {
                let mut names = NamePageCursor::begin(NamePageKey::decode(key)?, value)?;
                while names.advance()? {
                    this.found.names += 1;
                    names.name()?;
                }
                return Ok(());
            } else {
                this.found.names += 1;
                NameKey::decode(key)?;
            }
            NameGivers::decode(value).map(drop)
        })
    }

    fn telemetry(&mut self) -> Result<(), StoreError> {
        self.each(column_families::TELEMETRY, |this, key, value| {
            this.found.telemetry += 1;
            let key = TelemetryKey::decode(key)?;
            let row = TelemetryValue::decode(value, key.bucket)?;
            let extra = this.index.config().extra_group_keys.len();
            if key.scope.as_ref().is_some_and(|scope| scope.extra.len() != extra) {
                return Err(DecodeError::Invalid("the counter has other group keys than the configuration"));
            }
            this.bucket(key.bucket)?;
            this.sums.readings = this.sums.readings.wrapping_add(row.core.readings);
            Ok(())
        })
    }

    pub(super) fn bucket(&mut self, bucket: u64) -> Result<(), DecodeError> {
        self.bounds = Some(self.bounds.map_or(Bounds::of(bucket), |bounds| bounds.union(Bounds::of(bucket))));
        if !bucket.is_multiple_of(self.index.config().interval_us) {
            return Err(DecodeError::Invalid("the bucket is not on the time grid"));
        }
        Ok(())
    }

    fn files(&mut self) -> Result<FileCounts, StoreError> {
        let mut counts = FileCounts::default();
        self.each(column_families::FILES, |this, _, value| {
            this.found.files += 1;
            counts.add(&FileEntry::decode(value)?.counts);
            Ok(())
        })?;
        for (name, entry) in self.index.duplicates()? {
            if self.index.file(&entry.of)?.is_none() {
                let (name, of) = (TraceNames::shown(&name), TraceNames::shown(&entry.of));
                self.found.fault(self.index.damaged(&format!("{name} is a duplicate of {of}, which it does not have")));
            }
        }
        Ok(counts)
    }

    /// Checks the sums against the index's counts and bounds.
    fn compare(&mut self, counts: &FileCounts) {
        let [events, profiles, systems] = self.sums.calls;
        for (what, files, rows) in [
            ("events", counts.events, events),
            ("calls in profiles", counts.profile_calls, profiles),
            ("calls in system statistics", counts.system_calls, systems),
            ("readings", counts.telemetry, self.sums.readings),
        ] {
            if files != rows {
                let what = format!("its files have {files} {what}, its rows {rows}");
                self.found.fault(self.index.damaged(&what));
            }
        }
        if self.bounds != self.index.bounds() {
            let say = |bounds: Option<Bounds>| match bounds {
                None => "none".to_owned(),
                Some(Bounds { min, max }) => format!("{min} to {max} µs"),
            };
            let what =
                format!("its time bounds are {}, those of its rows {}", say(self.index.bounds()), say(self.bounds));
            self.found.fault(self.index.damaged(&what));
        }
    }
}
