//! The series or counter of a record.

use dft_codec::{HOST_WIDE, NameKind, SeriesKind};
use dft_trace::{ArgKey, MalformedReason, Record, Value};
use smallvec::SmallVec;

use crate::aggregator::Aggregator;
use crate::arg_plan::ArgPlan;
use crate::functions::{counts_items, is_transfer};
use crate::intern::Symbol;
use crate::series_cache::RawSeriesKey;
use crate::table::{CounterKey, Giver, KnownSeries, SeriesKey};

/// The kind of counters in the series cache, where series have their series kind.
pub(crate) const COUNTER: u8 = 0xff;

impl Aggregator {
    #[inline]
    pub(crate) fn series_of(
        &mut self,
        kind: SeriesKind,
        record: &Record<'_>,
        plan: &ArgPlan,
    ) -> Result<KnownSeries, MalformedReason> {
        let (mut host_hash, mut file_hash) = (plan.hhash.of(record), &Value::Null);
        if !host_hash.has_text() {
            host_hash = plan.hostname.of(record);
        }
        if self.config.group_by_file {
            file_hash = plan.fhash.of(record);
            if !file_hash.has_text() {
                file_hash = plan.fname.of(record);
            }
        }
        let mut extra = SmallVec::<[Value<'_>; 4]>::new();
        for key in &self.config.extra_group_keys {
            extra.push(*extra_arg(record, key));
        }
        let usual = [&record.name, &record.cat, &record.pid, &record.tid, host_hash, file_hash];
        let raw_key = RawSeriesKey { kind: kind as u8, usual, extra: &extra };
        if let Some(series) = self.series_cache.get(&raw_key) {
            return Ok(series);
        }
        let series = self.series_of_identity(kind, record, host_hash, file_hash)?;
        self.series_cache.insert(&raw_key, series);
        Ok(series)
    }

    pub(crate) fn series_of_identity(
        &mut self,
        kind: SeriesKind,
        record: &Record<'_>,
        host: &Value<'_>,
        file: &Value<'_>,
    ) -> Result<KnownSeries, MalformedReason> {
        let by_name = |key| !record.arg(key).has_text();
        let cat = self.interner.intern(&record.cat.text());
        let key = SeriesKey {
            kind,
            cat: self.lower_case(cat),
            name: self.interner.intern(&record.name.text()),
            pid: Self::field(&record.pid, "pid")?.unwrap_or(0),
            tid: Self::field(&record.tid, "tid")?.unwrap_or(0),
            host_hash: self.identity_of(host, by_name(ArgKey::Hhash), NameKind::Host),
            file_hash: self.identity_of(file, by_name(ArgKey::Fhash), NameKind::File),
            extra: self.extra_of(record),
        };
        if let Some(&series) = self.series.get(&key) {
            return Ok(series);
        }
        let name = self.interner.get(key.name);
        let transfer = is_transfer(self.interner.get(key.cat), name);
        let series = KnownSeries { row: self.rows.add_series(), transfer, items: transfer && counts_items(name) };
        self.series.insert(key, series);
        Ok(series)
    }

    /// Returns the number of a record's counter in the telemetry.
    pub(crate) fn counter_of(&mut self, record: &Record<'_>) -> Result<u32, MalformedReason> {
        let mut host_hash = record.arg(ArgKey::Hhash);
        let by_name = !host_hash.has_text();
        if by_name {
            host_hash = record.arg(ArgKey::Hostname);
        }
        let mut extra = SmallVec::<[Value<'_>; 4]>::new();
        extra.extend(self.config.extra_group_keys.iter().map(|key| *extra_arg(record, key)));
        let usual = [&record.name, &record.cat, &record.pid, &Value::Null, host_hash, &Value::Null];
        let raw_key = RawSeriesKey { kind: COUNTER, usual, extra: &extra };
        if let Some(counter) = self.series_cache.get(&raw_key) {
            return Ok(counter.row);
        }
        let cat = self.interner.intern(&record.cat.text());
        let cat = self.lower_case(cat);
        // A system counter is host-wide, whichever process read it.
        let host_wide = self.interner.get(cat) == HOST_WIDE;
        let pid = Self::field(&record.pid, "pid")?.unwrap_or(0);
        let key = CounterKey {
            host_hash: self.identity_of(host_hash, by_name, NameKind::Host),
            name: self.interner.intern(&record.name.text()),
            cat,
            pid: (!host_wide).then_some(pid),
            extra: self.extra_of(record),
        };
        let telemetry = &mut self.telemetry;
        let row = *self.counters.entry(key).or_insert_with(|| telemetry.add_series());
        self.series_cache.insert(&raw_key, KnownSeries { row, transfer: false, items: false });
        Ok(row)
    }

    /// Returns the hash of a host or file as the trace has it. With `by_name`, the value is a name, as the first tracers
    /// wrote it; the name is its own hash then.
    pub(crate) fn identity_of(&mut self, value: &Value<'_>, by_name: bool, kind: NameKind) -> Symbol {
        match value {
            Value::Text(name) if by_name && !name.is_empty() => {
                let symbol = self.interner.intern(name);
                self.names.insert((kind, symbol, symbol, Giver::Nobody));
                symbol
            }
            _ if by_name => Symbol::EMPTY,
            hash => self.interner.intern(&hash.text()),
        }
    }

    /// Returns the record's values of the extra group keys.
    pub(crate) fn extra_of(&mut self, record: &Record<'_>) -> SmallVec<[Symbol; 2]> {
        let Self { config, interner, .. } = self;
        let values = config.extra_group_keys.iter().map(|key| match extra_arg(record, key) {
            Value::Bool(true) => interner.intern(b"true"),
            Value::Bool(false) => interner.intern(b"false"),
            other => interner.intern(&other.text()),
        });
        values.collect()
    }

    pub(crate) fn lower_case(&mut self, cat: Symbol) -> Symbol {
        if let Some(&lower) = self.lower.get(&cat) {
            return lower;
        }
        let text = self.interner.get(cat).to_ascii_lowercase();
        let lower = self.interner.intern(text.as_bytes());
        self.lower.insert(cat, lower);
        lower
    }
}

fn extra_arg<'r, 'a>(record: &'r Record<'a>, key: &str) -> &'r Value<'a> {
    record.args.iter().find(|arg| *arg.name == *key.as_bytes()).map_or(&Value::Null, |arg| &arg.value)
}
