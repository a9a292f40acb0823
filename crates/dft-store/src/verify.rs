//! Reading everything that an index holds, to see whether it is what was written and agrees with itself.

use std::path::Path;

use dft_codec::{
    Bounds, DecodeError, Family, FileCounts, FileEntry, NameGivers, NameKey, RowKey, RowValue, SeriesId,
    SeriesIdentity, TelemetryKey, TelemetryValue,
};

use crate::current::{self, Current};
use crate::error::StoreError;
use crate::families;
use crate::index::Index;
use crate::seal::Seal;
use crate::trace_names::TraceNames;

/// Most faults that are told one by one: a damaged index may have as many as it has rows.
const MOST: usize = 100;

/// What reading everything has shown.
#[derive(Debug, Default)]
pub struct Verification {
    /// The first faults.
    pub faults: Vec<StoreError>,
    /// How many faults there were more.
    pub more_faults: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Telemetry rows that were read.
    pub telemetry: u64,
    /// Series that were read.
    pub series: u64,
    /// Entries of hash tables that were read.
    pub names: u64,
    /// Trace files that were read of.
    pub files: u64,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, fault: StoreError) {
        if self.faults.len() < MOST {
            self.faults.push(fault);
        } else {
            self.more_faults += 1;
        }
    }
}

/// Reads everything in the index of a directory: every byte against its seal, every value by its
/// decoder, series against their ids, rows against the time bounds, and files' counts against rows.
///
/// # Errors
///
/// [`StoreError::NoIndex`] where there is none. What is wrong with one is no error, but a fault.
pub fn verify(path: &Path) -> Result<Verification, StoreError> {
    loop {
        let current = match current::read(path) {
            Ok(Some(current)) => current,
            Ok(None) => return Err(StoreError::NoIndex(path.to_owned())),
            Err(fault) => return Ok(Verification { faults: vec![fault], ..Verification::default() }),
        };
        let found = verify_generation(path, current)?;
        // A writer may have replaced the generation, and removed it; then the new one is to be read.
        let replaced = || current::read(path).is_ok_and(|now| now.is_some_and(|now| now != current));
        if found.is_sound() || !replaced() {
            return Ok(found);
        }
    }
}

fn verify_generation(path: &Path, current: Current) -> Result<Verification, StoreError> {
    let mut verification = Verification::default();
    let directory = current::generation(path, current.number);
    let mut strays = Vec::new();
    match Seal::read(&directory, current.number) {
        Ok(seal) => {
            seal.check_all(&directory).into_iter().for_each(|fault| verification.fault(fault));
            strays = seal.strays(&directory)?;
        }
        Err(fault) => verification.fault(fault),
    }
    // What is not what was written need not be asked whether it agrees with itself.
    if verification.is_sound() {
        match Index::open_generation(path, current) {
            Ok(index) => verification = Reading::new(&index, verification).read(),
            Err(fault) => verification.fault(fault),
        }
    }
    strays.into_iter().for_each(|stray| verification.fault(StoreError::Stray(stray)));
    Ok(verification)
}

/// What the counts of rows and readings add up to; calls modulo 2⁶⁴, as files count them.
#[derive(Default)]
struct Sums {
    calls: [u64; Family::ALL.len()],
    readings: u64,
}

struct Reading<'a> {
    index: &'a Index,
    found: Verification,
    bounds: Option<Bounds>,
    sums: Sums,
    /// How many entries each family has that comes in sorted files.
    entries: [u64; families::STAGED.len()],
}

/// Reads all entries that came in the sorted files of a bundle, and compares them with what the bundle says of them.
/// `check` sees how many each of the staged families has.
pub(crate) fn verify_bundle(
    index: &Index,
    counts: &FileCounts,
    check: impl FnOnce([u64; families::STAGED.len()]) -> Result<(), StoreError>,
) -> Verification {
    let mut reading = Reading::new(index, Verification::default());
    reading.read_entries();
    if reading.found.is_sound()
        && let Err(fault) = check(reading.entries)
    {
        reading.found.fault(fault);
    }
    reading.compare(counts);
    reading.found
}

impl<'a> Reading<'a> {
    fn new(index: &'a Index, found: Verification) -> Self {
        Self { index, found, bounds: None, sums: Sums::default(), entries: Default::default() }
    }

    fn read(mut self) -> Verification {
        self.read_entries();
        match self.files() {
            Ok(counts) => self.compare(&counts),
            Err(fault) => self.found.fault(fault),
        }
        self.found
    }

    /// Reads what comes in sorted files.
    fn read_entries(&mut self) {
        for read in [Self::series, Self::names, Self::rows, Self::telemetry] {
            if let Err(fault) = read(self) {
                self.found.fault(fault);
            }
        }
    }

    fn each(
        &mut self,
        family: &'static str,
        mut check: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), StoreError> {
        let index = self.index;
        let mut last: Vec<u8> = Vec::new();
        let mut entries = 0;
        let read = index.each(family, b"", |key, value| {
            if entries > 0 && key <= &last[..] {
                return Err(DecodeError::Invalid("keys out of order"));
            }
            entries += 1;
            last.clear();
            last.extend_from_slice(key);
            if let Err(error) = check(self, key, value) {
                self.found.fault(index.entry(family, key, error));
            }
            Ok(true)
        });
        if let Some(at) = families::STAGED.iter().position(|staged| *staged == family) {
            self.entries[at] = entries;
        }
        read
    }

    fn series(&mut self) -> Result<(), StoreError> {
        self.each(families::SERIES, |this, key, value| {
            this.found.series += 1;
            let identity = SeriesIdentity::decode(value)?;
            if identity.id().0 != key {
                return Err(DecodeError::Invalid("the series has another id"));
            }
            if identity.extra.len() != this.index.config().extra_group_keys.len() {
                return Err(DecodeError::Invalid("the series has other group keys than the configuration"));
            }
            Ok(())
        })
    }

    fn names(&mut self) -> Result<(), StoreError> {
        self.each(families::NAMES, |this, key, value| {
            this.found.names += 1;
            NameKey::decode(key)?;
            NameGivers::decode(value).map(drop)
        })
    }

    /// The rows, and beside them the series, which come in the same order.
    fn rows(&mut self) -> Result<(), StoreError> {
        let index = self.index;
        let mut series = index.series(SeriesId([0; 16])..SeriesId([0xff; 16]))?.peekable();
        let mut last = None;
        self.each(families::ROWS, |this, key, chunk| {
            let key = RowKey::decode(key)?;
            let family = key.series.family().ok_or(DecodeError::Invalid("a row of no known family"))?;
            let mut rows = index.chunk(key, chunk)?;
            while let Some((key, place)) = rows.advance(chunk)? {
                this.found.rows += 1;
                let row = RowValue::decode(&chunk[place], key.bucket);
                match row.and_then(|row| this.bucket(key.bucket).map(|()| row)) {
                    Ok(row) => {
                        let calls = &mut this.sums.calls[family as usize];
                        *calls = calls.wrapping_add(row.core.count as u64);
                    }
                    Err(error) => this.found.fault(index.bad_row(&key, error)),
                }
            }
            if last != Some(key.series) {
                last = Some(key.series);
                // What is wrong with a series is told of the series.
                while series.next_if(|next| next.as_ref().map_or(true, |(id, _)| *id < key.series)).is_some() {}
                if series.peek().and_then(|next| next.as_ref().ok()).is_none_or(|(id, _)| *id != key.series) {
                    return Err(DecodeError::Invalid("the row's series is not known"));
                }
            }
            Ok(())
        })
    }

    fn telemetry(&mut self) -> Result<(), StoreError> {
        self.each(families::TELEMETRY, |this, key, value| {
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

    fn bucket(&mut self, bucket: u64) -> Result<(), DecodeError> {
        self.bounds = Some(self.bounds.map_or(Bounds::of(bucket), |bounds| bounds.union(Bounds::of(bucket))));
        if !bucket.is_multiple_of(self.index.config().interval_us) {
            return Err(DecodeError::Invalid("the bucket is not on the time grid"));
        }
        Ok(())
    }

    fn files(&mut self) -> Result<FileCounts, StoreError> {
        let mut counts = FileCounts::default();
        self.each(families::FILES, |this, _, value| {
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

    /// Compares the whole with what the index says of it.
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
                Some(Bounds { least, greatest }) => format!("{least} to {greatest} µs"),
            };
            let what = format!("its time bounds are {}, its rows' {}", say(self.index.bounds()), say(self.bounds));
            self.found.fault(self.index.damaged(&what));
        }
    }
}
