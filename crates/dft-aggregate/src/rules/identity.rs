//! The series or counter of a record.

use dft_codec::{HOST_WIDE, NameKind, SeriesKind};
use dft_trace::{ArgKey, MalformedReason, Record, Value};
use smallvec::SmallVec;

use crate::aggregator::Aggregator;
use crate::arg_plan::ArgPlan;
use crate::files::FileNumber;
use crate::functions::{counts_items, is_transfer};
use crate::intern::Symbol;
use crate::series_cache::RawSeriesKey;
use crate::table::{CounterKey, KnownScope, KnownSeries, ScopeKey, SeriesKey};

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
        let raw_scope =
            RawSeriesKey { usual: [usual[0], usual[1], usual[2], usual[3], host_hash, &Value::Null], ..raw_key };
        let scope = match self.scope_cache.get(&raw_scope) {
            Some(scope) => scope,
            None => {
                let scope = self.scope_of(kind, record, host_hash)?;
                self.scope_cache.insert(&raw_scope, scope);
                scope
            }
        };
        let file = self.file_of(record, file_hash);
        let (series, is_new) = self.series_of_key(scope, file);
        if !is_new {
            // A series that occurs once, as in a job that reads each file once, would only displace others.
            self.series_cache.insert(&raw_key, series);
        }
        Ok(series)
    }

    /// Returns the series of a scope and a file, and whether it is new.
    #[inline]
    fn series_of_key(&mut self, scope: KnownScope, file: FileNumber) -> (KnownSeries, bool) {
        let KnownScope { number, transfer, items } = scope;
        let key = SeriesKey { scope: number, file };
        let hash = |key: SeriesKey| {
            let product = (u64::from(key.scope) << 32 | u64::from(key.file.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            product ^ (product >> 32)
        };
        let Self { series, series_table, rows, .. } = self;
        if let Some(&row) = series_table.find(hash(key), |&row| series[row as usize] == key) {
            return (KnownSeries { row, transfer, items }, false);
        }
        let row = rows.add_series();
        series.push(key);
        series_table.insert_unique(hash(key), row, |&row| hash(series[row as usize]));
        (KnownSeries { row, transfer, items }, true)
    }

    /// Returns the number of a record's file.
    fn file_of(&mut self, record: &Record<'_>, file: &Value<'_>) -> FileNumber {
        match file {
            _ if !file.has_text() => FileNumber::NONE,
            Value::Text(name) if !record.arg(ArgKey::Fhash).has_text() => {
                self.files.add_name(name, name, None, &mut self.interner);
                self.files.number(name, &mut self.interner)
            }
            _ if !record.arg(ArgKey::Fhash).has_text() => FileNumber::NONE,
            hash => self.files.number(&hash.text(), &mut self.interner),
        }
    }

    fn scope_of(
        &mut self,
        kind: SeriesKind,
        record: &Record<'_>,
        host: &Value<'_>,
    ) -> Result<KnownScope, MalformedReason> {
        let by_name = !record.arg(ArgKey::Hhash).has_text();
        let cat = self.interner.intern(&record.cat.text());
        let key = ScopeKey {
            kind,
            cat: self.lower_case(cat),
            name: self.interner.intern(&record.name.text()),
            pid: Self::field(&record.pid, "pid")?.unwrap_or(0),
            tid: Self::field(&record.tid, "tid")?.unwrap_or(0),
            host_hash: self.host_of(host, by_name),
            extra: self.extra_of(record),
        };
        if let Some(&scope) = self.scopes.get(&key) {
            return Ok(scope);
        }
        let name = self.interner.get(key.name);
        let transfer = is_transfer(self.interner.get(key.cat), name);
        let number = self.scopes.len() as u32;
        let scope = KnownScope { number, transfer, items: transfer && counts_items(name) };
        self.scopes.insert(key, scope);
        Ok(scope)
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
            host_hash: self.host_of(host_hash, by_name),
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

    /// Returns the hash of a host as the trace has it. With `by_name`, the value is a name, as the first tracers wrote
    /// it; the name is its own hash then.
    pub(crate) fn host_of(&mut self, value: &Value<'_>, by_name: bool) -> Symbol {
        match value {
            Value::Text(name) if by_name && !name.is_empty() => {
                let symbol = self.interner.intern(name);
                self.names.add(NameKind::Host, symbol, symbol, None);
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
