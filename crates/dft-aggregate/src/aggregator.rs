//! Records to updates of the in-memory table: the rules.

use std::collections::HashSet;

use ahash::RandomState;
use dft_codec::{
    Bounds, Custom, Family, FileCounts, MetricName, NameKey, NameKind, RowCore, RowKey, SeriesId, SeriesIdentity,
    TelemetryCore, TelemetryKey, encode_row, encode_telemetry,
};
use dft_metrics::{FloatStats, SketchMapping};
use dft_trace::{Arg, ArgKey, Integer, MalformedReason, Phase, Record, TimeUnit, Value};
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::cells::{ByteOrders, Cell, Cells, Columns, Seal};
use crate::config::Config;
use crate::functions::is_transfer;
use crate::intern::{Interner, Symbol};
use crate::plan::{Plan, Plans, is_reserved};
use crate::run::{Run, RunError, RunWriter, Section};
use crate::sealed::TableRows;
use crate::spelling::{Spelling, Spellings};

/// A series' identity, in symbols.
#[derive(Clone, PartialEq, Eq, Hash)]
struct SeriesKey {
    family: Family,
    cat: Symbol,
    name: Symbol,
    pid: i64,
    tid: i64,
    hhash: Symbol,
    fhash: Symbol,
    extra: SmallVec<[Symbol; 2]>,
}

struct RowCell {
    core: RowCore,
    customs: Columns<Custom>,
}

impl Cell for RowCell {
    fn empty() -> Self {
        Self { core: RowCore::empty(), customs: Columns::new() }
    }

    fn reset(&mut self) {
        self.core = RowCore::empty();
        self.customs.clear();
    }

    fn heap(&self) -> usize {
        self.customs.capacity() * (size_of::<Custom>() + 4)
    }
}

struct TelemetryCell {
    core: TelemetryCore,
    metrics: Columns<FloatStats>,
}

impl Cell for TelemetryCell {
    fn empty() -> Self {
        Self { core: TelemetryCore::empty(), metrics: Columns::new() }
    }

    fn reset(&mut self) {
        self.core = TelemetryCore::empty();
        self.metrics.clear();
    }

    fn heap(&self) -> usize {
        self.metrics.capacity() * (size_of::<FloatStats>() + 4)
    }
}

/// Writes cells, whose names are symbols of the interner.
struct Sealer<'a> {
    interner: &'a Interner,
    orders: &'a mut ByteOrders,
}

impl Seal<RowCell> for Sealer<'_> {
    fn seal(&mut self, cell: &RowCell, bucket: u64, out: &mut Vec<u8>) {
        if cell.customs.len() == 0 {
            return encode_row(out, bucket, &cell.core, std::iter::empty());
        }
        let customs = cell.customs.sorted(self.interner, self.orders).map(|(usual, name, custom)| {
            let name = usual.map_or_else(|| MetricName::Other(self.interner.get(name)), MetricName::Usual);
            (name, custom)
        });
        encode_row(out, bucket, &cell.core, customs);
    }
}

impl Seal<TelemetryCell> for Sealer<'_> {
    fn seal(&mut self, cell: &TelemetryCell, bucket: u64, out: &mut Vec<u8>) {
        let metrics = cell.metrics.sorted(self.interner, self.orders);
        let metrics = metrics.map(|(_, name, stats)| (self.interner.get(name), stats));
        encode_telemetry(out, bucket, &cell.core, metrics);
    }
}

/// What is looked up once per series.
#[derive(Clone, Copy)]
struct KnownSeries {
    row: u32,
    transfer: bool,
}

/// The in-memory table of an aggregation, and the rules that feed it.
///
/// An aggregator is for one thread. Several are joined by [`merge_runs`](crate::merge_runs) over
/// what they give out.
pub struct Aggregator {
    config: Config,
    sketches: Option<SketchMapping>,
    interner: Interner,
    orders: ByteOrders,
    series: HashMap<SeriesKey, KnownSeries, RandomState>,
    /// Series by how records spell them: what most records need is one look here.
    spellings: Spellings<KnownSeries>,
    plans: Plans,
    rows: Cells<RowCell>,
    /// Lower-case symbols of categories, by the symbol of the trace's spelling.
    lower: HashMap<Symbol, Symbol, RandomState>,
    counters: HashMap<(Symbol, Symbol), u32, RandomState>,
    telemetry: Cells<TelemetryCell>,
    names: HashSet<(NameKind, Symbol, Symbol), RandomState>,
    bounds: Option<Bounds>,
    /// Scratch of pre-aggregated custom metrics.
    parts: Vec<(Symbol, Part, usize)>,
}

/// Which part of a pre-aggregated metric an arg is, in the order in which they are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Plain,
    Sum,
    Min,
    Max,
}

/// The fields that every record but metadata has, checked.
struct Times {
    ts: i64,
    dur: Option<i64>,
}

fn hasher(salt: u64) -> RandomState {
    // Fixed seeds: speed must not change from run to run, and no result depends on this order.
    RandomState::with_seeds(salt, 0x7365_7269, 0x6573_2062, 0x7563_6b65)
}

impl Aggregator {
    /// An empty table for a configuration, which must be [usable](Config::check).
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            sketches: config.percentiles.and_then(SketchMapping::new),
            interner: Interner::new(),
            orders: ByteOrders::default(),
            series: HashMap::with_hasher(hasher(1)),
            spellings: Spellings::new(),
            plans: Plans::default(),
            rows: Cells::new(),
            lower: HashMap::with_hasher(hasher(2)),
            counters: HashMap::with_hasher(hasher(3)),
            telemetry: Cells::new(),
            names: HashSet::with_hasher(hasher(4)),
            bounds: None,
            parts: Vec::new(),
        }
    }

    /// Adds a record, and counts it as what it is.
    ///
    /// # Errors
    ///
    /// Why the record is malformed; then it is nowhere, and the caller counts it.
    pub fn record(
        &mut self,
        record: &Record<'_>,
        unit: TimeUnit,
        counts: &mut FileCounts,
    ) -> Result<(), MalformedReason> {
        match record.phase {
            Phase::Unknown => counts.skipped += 1,
            Phase::Metadata => {
                self.metadata(record);
                counts.metadata += 1;
            }
            Phase::Complete => self.event(record, unit, counts)?,
            Phase::Counter => self.telemetry(record, unit, counts)?,
            Phase::Aggregated => self.aggregated(record, unit, counts, None)?,
            Phase::LetterCounter => {
                let numeric =
                    |keys: &[ArgKey]| record.args.iter().any(|arg| keys.contains(&arg.key) && arg.value.is_number());
                let counted = numeric(&[ArgKey::DftCnt, ArgKey::Count]);
                let timed = || numeric(&[ArgKey::Dur, ArgKey::DurSum, ArgKey::DurMin, ArgKey::DurMax]);
                let system = record.cat.text().eq_ignore_ascii_case(b"sys");
                if counted || (!system && timed()) {
                    // Its ts is the period's end, so a boundary belongs to the period it closes.
                    let back = if system { 0 } else { 1 };
                    self.aggregated(record, unit, counts, Some(back))?;
                } else {
                    self.telemetry(record, unit, counts)?;
                }
            }
        }
        Ok(())
    }

    fn metadata(&mut self, record: &Record<'_>) {
        let kind = match record.name {
            Value::Text(b"FH") => NameKind::File,
            Value::Text(b"HH") => NameKind::Host,
            Value::Text(b"SH") => NameKind::String,
            _ => return,
        };
        let has = |key| record.args.iter().any(|arg| arg.key == key);
        if has(ArgKey::Name) && has(ArgKey::Value) {
            let hash = self.interner.intern(&record.arg(ArgKey::Value).text());
            let name = self.interner.intern(&record.arg(ArgKey::Name).text());
            self.names.insert((kind, hash, name));
        }
    }

    #[inline(always)]
    fn times(record: &Record<'_>, unit: TimeUnit) -> Result<Times, MalformedReason> {
        let malformed = |reason: &str| Err(MalformedReason(reason.to_owned()));
        let ts = match record.ts.integer() {
            Integer::Some(ts) if ts >= 0 => ts,
            Integer::Some(_) => return malformed("ts is negative"),
            Integer::OutOfRange => return malformed("ts is past 64 bits"),
            Integer::None if record.ts == Value::Null => return malformed("ts is missing"),
            Integer::None => return malformed("ts is not an integer"),
        };
        let dur = match record.dur.integer() {
            Integer::Some(dur) if dur >= 0 => Some(dur),
            Integer::Some(_) => return malformed("dur is negative"),
            Integer::OutOfRange => return malformed("dur is past 64 bits"),
            Integer::None => None,
        };
        let past = || MalformedReason("ts or dur is past 64 bits in µs".to_owned());
        let ts = unit.to_us(ts).ok_or_else(past)?;
        let dur = dur.map(|dur| unit.to_us(dur).ok_or_else(past)).transpose()?;
        ts.checked_add(dur.unwrap_or(0)).ok_or_else(past)?;
        Ok(Times { ts, dur })
    }

    /// An integer field: absent, or of 64 bits.
    #[inline(always)]
    fn field(value: &Value<'_>, name: &str) -> Result<Option<i64>, MalformedReason> {
        match value.integer() {
            Integer::Some(value) => Ok(Some(value)),
            Integer::None => Ok(None),
            Integer::OutOfRange => Err(MalformedReason(format!("{name} is past 64 bits"))),
        }
    }

    fn bucket(&mut self, time: i64) -> u64 {
        // Times are never negative.
        let time = time as u64;
        let bucket = time - time % self.config.interval_us;
        self.bounds = Some(self.bounds.map_or(Bounds::of(bucket), |bounds| bounds.union(Bounds::of(bucket))));
        bucket
    }

    /// The hash of a host or file: as the trace has it, or, `by_name`, the name that generation 0
    /// gives, which then resolves to itself.
    fn identity_of(&mut self, value: &Value<'_>, by_name: bool, kind: NameKind) -> Symbol {
        match value {
            Value::Text(name) if by_name && !name.is_empty() => {
                let symbol = self.interner.intern(name);
                self.names.insert((kind, symbol, symbol));
                symbol
            }
            _ if by_name => Symbol::EMPTY,
            hash => self.interner.intern(&hash.text()),
        }
    }

    #[inline]
    fn series_of(&mut self, family: Family, record: &Record<'_>, plan: &Plan) -> Result<KnownSeries, MalformedReason> {
        let (mut hhash, mut fhash) = (plan.hhash.of(record), &Value::Null);
        if !hhash.has_text() {
            hhash = plan.hostname.of(record);
        }
        if self.config.group_by_file {
            fhash = plan.fhash.of(record);
            if !fhash.has_text() {
                fhash = plan.fname.of(record);
            }
        }
        let mut extra = SmallVec::<[Value<'_>; 4]>::new();
        for key in &self.config.extra_group_keys {
            extra.push(*extra_arg(record, key));
        }
        let usual = [&record.name, &record.cat, &record.pid, &record.tid, hhash, fhash];
        let spelling = Spelling { family: family as u8, usual, extra: &extra };
        if let Some(known) = self.spellings.get(&spelling) {
            return Ok(known);
        }
        let known = self.series_of_identity(family, record, hhash, fhash)?;
        self.spellings.insert(&spelling, known);
        Ok(known)
    }

    fn series_of_identity(
        &mut self,
        family: Family,
        record: &Record<'_>,
        host: &Value<'_>,
        file: &Value<'_>,
    ) -> Result<KnownSeries, MalformedReason> {
        let by_name = |key| !record.arg(key).has_text();
        let cat = self.interner.intern(&record.cat.text());
        let key = SeriesKey {
            family,
            cat: self.lower_case(cat),
            name: self.interner.intern(&record.name.text()),
            pid: Self::field(&record.pid, "pid")?.unwrap_or(0),
            tid: Self::field(&record.tid, "tid")?.unwrap_or(0),
            hhash: self.identity_of(host, by_name(ArgKey::Hhash), NameKind::Host),
            fhash: self.identity_of(file, by_name(ArgKey::Fhash), NameKind::File),
            extra: self
                .config
                .extra_group_keys
                .iter()
                .map(|key| match extra_arg(record, key) {
                    Value::Bool(true) => self.interner.intern(b"true"),
                    Value::Bool(false) => self.interner.intern(b"false"),
                    other => self.interner.intern(&other.text()),
                })
                .collect(),
        };
        if let Some(&known) = self.series.get(&key) {
            return Ok(known);
        }
        let transfer = is_transfer(self.interner.get(key.cat), self.interner.get(key.name));
        let known = KnownSeries { row: self.rows.add_series(), transfer };
        self.series.insert(key, known);
        Ok(known)
    }

    fn lower_case(&mut self, cat: Symbol) -> Symbol {
        if let Some(&lower) = self.lower.get(&cat) {
            return lower;
        }
        let text = self.interner.get(cat).to_ascii_lowercase();
        let lower = self.interner.intern(text.as_bytes());
        self.lower.insert(cat, lower);
        lower
    }

    fn event(&mut self, record: &Record<'_>, unit: TimeUnit, counts: &mut FileCounts) -> Result<(), MalformedReason> {
        let Times { ts, dur } = Self::times(record, unit)?;
        let plan = self.plans.of(record, &self.config, &mut self.interner);
        let ret = plan.ret.of(record).integer();
        let offset = Self::field(plan.offset.of(record), "offset")?;
        if ret == Integer::OutOfRange && transfers(record) {
            return Err(MalformedReason("ret is past 64 bits".to_owned()));
        }
        let known = self.series_of(Family::Event, record, &plan)?;
        let ret = match ret {
            Integer::Some(ret) if known.transfer => Some(ret),
            _ => None,
        };
        let bucket = self.bucket(ts + dur.unwrap_or(0) / 2);
        let mut sealer = Sealer { interner: &self.interner, orders: &mut self.orders };
        let cell = self.rows.cell(known.row, bucket, &mut sealer);
        cell.core.count += 1;
        cell.core.span(ts, ts + dur.unwrap_or(0));
        if let Some(dur) = dur {
            cell.core.duration.sample(dur);
        }
        let size = ret.filter(|&ret| ret >= 0);
        counts.failed_transfers += u64::from(ret.is_some() && size.is_none());
        if let Some(size) = size {
            cell.core.size.sample(size);
        }
        if let Some(offset) = offset {
            cell.core.offset.sample(offset);
        }
        if let Some(mapping) = &self.sketches {
            let sketches = cell.core.sketches.get_or_insert_default();
            for (sketch, sample) in sketches.iter_mut().zip([dur, size, offset]) {
                if let Some(sample) = sample {
                    sketch.add(mapping, sample as f64);
                }
            }
        }
        counts.events += 1;
        for (place, name) in self.plans.customs(&plan) {
            let custom = cell.customs.entry(*name);
            let value = place.of(record);
            let float = match value.integer_literal() {
                Some(value) => {
                    custom.ints.sample(value);
                    value as f64
                }
                None => {
                    let value = value.float().unwrap_or(f64::NAN);
                    counts.not_finite += u64::from(!value.is_finite());
                    custom.floats.get_or_insert_default().sample(value);
                    value
                }
            };
            if let Some(mapping) = &self.sketches {
                custom.sketch.get_or_insert_default().add(mapping, float);
            }
        }
        Ok(())
    }

    /// A record that stands for a period's calls. `letter` is set for a counter of generation 2, to
    /// how far its ts lies past the period.
    fn aggregated(
        &mut self,
        record: &Record<'_>,
        unit: TimeUnit,
        counts: &mut FileCounts,
        letter: Option<i64>,
    ) -> Result<(), MalformedReason> {
        let ts = Self::times(record, unit)?.ts;
        let system = record.cat.text().eq_ignore_ascii_case(b"sys");
        let family = if system { Family::System } else { Family::Profile };
        let dft_cnt = Self::field(record.arg(ArgKey::DftCnt), "dft_cnt")?;
        let plain_count = if dft_cnt.is_none() { Self::field(record.arg(ArgKey::Count), "count")? } else { None };
        let count = dft_cnt.or(plain_count).and_then(|count| u64::try_from(count).ok()).unwrap_or(1);
        let metric = |names: [(ArgKey, &str); 4], scale: TimeUnit| -> Result<[Option<i64>; 3], MalformedReason> {
            let read = |(key, name): (ArgKey, &str)| -> Result<Option<i64>, MalformedReason> {
                let value = Self::field(record.arg(key), name)?;
                let past = || MalformedReason(format!("{name} is past 64 bits in µs"));
                value.map(|value| scale.to_us(value).ok_or_else(past)).transpose()
            };
            let plain = read(names[0])?;
            Ok([read(names[1])?.or(plain), read(names[2])?.or(plain), read(names[3])?.or(plain)])
        };
        use ArgKey::{
            Dur, DurMax, DurMin, DurSum, Offset, OffsetMax, OffsetMin, OffsetSum, Ret, RetMax, RetMin, RetSum,
        };
        let duration = metric([(Dur, "dur"), (DurSum, "dur_sum"), (DurMin, "dur_min"), (DurMax, "dur_max")], unit)?;
        let size = if transfers(record) {
            metric([(Ret, "ret"), (RetSum, "ret_sum"), (RetMin, "ret_min"), (RetMax, "ret_max")], TimeUnit::Us)?
        } else {
            [None; 3]
        };
        let offset = metric(
            [(Offset, "offset"), (OffsetSum, "offset_sum"), (OffsetMin, "offset_min"), (OffsetMax, "offset_max")],
            TimeUnit::Us,
        )?;
        let plan = self.plans.of(record, &self.config, &mut self.interner);
        let known = self.series_of(family, record, &plan)?;
        let bucket = self.bucket((ts - letter.unwrap_or(0)).max(0));
        let count_is_plain = dft_cnt.is_none() && plain_count.is_some();
        self.group_parts(&record.args, count_is_plain);
        let mut sealer = Sealer { interner: &self.interner, orders: &mut self.orders };
        let cell = self.rows.cell(known.row, bucket, &mut sealer);
        cell.core.count += u128::from(count);
        cell.core.span(ts, ts);
        let core = &mut cell.core;
        let metrics = [(&mut core.duration, duration), (&mut core.size, size), (&mut core.offset, offset)];
        for (stats, [sum, low, high]) in metrics {
            stats.summed(count, sum, low, high);
        }
        if let Some(mapping) = &self.sketches
            && count == 1
        {
            let sketches = cell.core.sketches.get_or_insert_default();
            for (sketch, [sum, ..]) in sketches.iter_mut().zip([duration, size, offset]) {
                if let Some(sum) = sum {
                    sketch.add(mapping, sum as f64);
                }
            }
        }
        for group in self.parts.chunk_by(|a, b| a.0 == b.0) {
            let value_of =
                |part| group.iter().find(|(_, have, _)| *have == part).map(|&(.., at)| &record.args[at].value);
            let plain = value_of(Part::Plain);
            let values = [Part::Sum, Part::Min, Part::Max].map(|part| value_of(part).or(plain));
            counts.not_finite += add_summed(cell.customs.entry(group[0].0), count, values, self.sketches.as_ref());
        }
        match family {
            Family::System => {
                counts.systems += 1;
                counts.system_calls = counts.system_calls.wrapping_add(count);
            }
            _ => {
                counts.profiles += 1;
                counts.profile_calls = counts.profile_calls.wrapping_add(count);
            }
        }
        Ok(())
    }

    /// Groups the numeric args that are parts of custom metrics by the metric.
    fn group_parts(&mut self, args: &[Arg<'_>], count_is_plain: bool) {
        self.parts.clear();
        for (at, arg) in args.iter().enumerate() {
            if !arg.value.is_number() || is_reserved(arg.key) || (count_is_plain && arg.key == ArgKey::Count) {
                continue;
            }
            let (base, part) = match arg.name.split_last_chunk::<4>() {
                Some((base, b"_sum")) if !base.is_empty() => (base, Part::Sum),
                Some((base, b"_min")) if !base.is_empty() => (base, Part::Min),
                Some((base, b"_max")) if !base.is_empty() => (base, Part::Max),
                _ => (arg.name, Part::Plain),
            };
            if self.config.custom_metrics.takes(base) {
                self.parts.push((self.interner.intern(base), part, at));
            }
        }
        self.parts.sort_unstable();
    }

    fn telemetry(
        &mut self,
        record: &Record<'_>,
        unit: TimeUnit,
        counts: &mut FileCounts,
    ) -> Result<(), MalformedReason> {
        let Times { ts, dur } = Self::times(record, unit)?;
        let hhash = record.arg(ArgKey::Hhash);
        let by_name = !hhash.has_text();
        let host = if by_name { record.arg(ArgKey::Hostname) } else { hhash };
        let key = (self.identity_of(host, by_name, NameKind::Host), self.interner.intern(&record.name.text()));
        let telemetry = &mut self.telemetry;
        let series = *self.counters.entry(key).or_insert_with(|| telemetry.add_series());
        let bucket = self.bucket(ts + dur.unwrap_or(0) / 2);
        let mut sealer = Sealer { interner: &self.interner, orders: &mut self.orders };
        let cell = self.telemetry.cell(series, bucket, &mut sealer);
        cell.core.merge(&TelemetryCore { readings: 1, ts, te: ts });
        for arg in &record.args {
            if let Some(value) = arg.value.float()
                && !matches!(arg.key, ArgKey::Hhash | ArgKey::Fhash)
            {
                counts.not_finite += u64::from(!value.is_finite());
                cell.metrics.entry(self.interner.intern(arg.name)).sample(value);
            }
        }
        counts.telemetry += 1;
        Ok(())
    }

    /// About how many bytes the table takes.
    pub fn memory(&self) -> usize {
        self.interner.memory()
            + self.rows.memory()
            + self.telemetry.memory()
            + self.series.capacity() * (size_of::<(SeriesKey, KnownSeries)>() + 1)
            + self.spellings.memory()
            + self.plans.memory()
            + self.counters.capacity() * 16
            + self.names.capacity() * 16
            // What writing the table out needs for a while.
            + self.series.len() * 32
    }

    /// Whether nothing was added since the table was last written out.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.counters.is_empty() && self.names.is_empty()
    }

    /// The least and greatest bucket that was ever touched.
    pub fn bounds(&self) -> Option<Bounds> {
        self.bounds
    }

    /// Gives the table out as a run in memory. Its rows stay where they are.
    pub fn into_run(mut self) -> Run {
        let series = self.series_by_id();
        let mut writer = RunWriter::in_memory();
        let written = self
            .write_identities(&series, &mut writer)
            .and_then(|()| self.write_telemetry(&mut writer))
            .and_then(|()| writer.finish());
        let mut sealer = Sealer { interner: &self.interner, orders: &mut self.orders };
        let rows = series.iter().map(|&(id, row)| (id, self.rows.take(row, &mut sealer))).collect();
        match written {
            Ok(run) => run.with_rows(TableRows::new(rows)),
            // Memory takes every byte.
            Err(error) => unreachable!("a run in memory: {error}"),
        }
    }

    /// Writes the table out as a run in the file `path`, and goes on with an empty one.
    ///
    /// # Errors
    ///
    /// What the system says of the file.
    pub fn spill(&mut self, path: &std::path::Path) -> Result<Run, RunError> {
        let run = RunWriter::to_file(path).and_then(|mut writer| {
            let series = self.series_by_id();
            self.write_identities(&series, &mut writer)?;
            self.write_rows(&series, &mut writer)?;
            self.write_telemetry(&mut writer)?;
            writer.finish()
        });
        if run.is_err() {
            // It takes room, and the table is still whole.
            let _ = std::fs::remove_file(path);
        }
        let run = run?;
        let bounds = self.bounds;
        *self = Self::new(&self.config);
        self.bounds = bounds;
        Ok(run)
    }

    /// Ids and numbers of all series, by id.
    fn series_by_id(&self) -> Vec<(SeriesId, u32)> {
        let mut series: Vec<_> = self.series.iter().map(|(key, known)| (self.identity(key).id(), known.row)).collect();
        series.sort_unstable();
        series
    }

    /// Writes who the series are, and names.
    fn write_identities(&self, series: &[(SeriesId, u32)], out: &mut RunWriter) -> Result<(), RunError> {
        let mut keys: Vec<Option<&SeriesKey>> = vec![None; self.series.len()];
        for (key, known) in &self.series {
            keys[known.row as usize] = Some(key);
        }
        out.begin(Section::Series)?;
        for &(id, row) in series {
            if let Some(key) = keys[row as usize] {
                out.put(&id.0, &self.identity(key).encode())?;
            }
        }
        out.begin(Section::Names)?;
        let text = |symbol| self.interner.get(symbol);
        let mut names: Vec<Vec<u8>> = self
            .names
            .iter()
            .map(|&(kind, hash, name)| {
                NameKey { kind, hash: text(hash).to_owned(), name: text(name).to_owned() }.encode()
            })
            .collect();
        names.sort_unstable();
        for name in names {
            out.put(&name, &[dft_codec::VALUE_VERSION])?;
        }
        Ok(())
    }

    fn write_rows(&mut self, series: &[(SeriesId, u32)], out: &mut RunWriter) -> Result<(), RunError> {
        out.begin(Section::Rows)?;
        let mut sealer = Sealer { interner: &self.interner, orders: &mut self.orders };
        for &(id, row) in series {
            for (bucket, value) in self.rows.finish(row, &mut sealer).values() {
                out.put(&RowKey { series: id, bucket }.encode(), value)?;
            }
        }
        Ok(())
    }

    fn write_telemetry(&mut self, out: &mut RunWriter) -> Result<(), RunError> {
        out.begin(Section::Telemetry)?;
        let text = |symbol| self.interner.get(symbol);
        let mut sealer = Sealer { interner: &self.interner, orders: &mut self.orders };
        let mut counters: Vec<(Vec<u8>, u32)> = self
            .counters
            .iter()
            .map(|(&(hhash, name), &series)| (TelemetryKey::prefix(text(hhash), text(name)), series))
            .collect();
        counters.sort_unstable();
        for (mut key, series) in counters {
            let prefix = key.len();
            for (bucket, value) in self.telemetry.finish(series, &mut sealer).values() {
                key.truncate(prefix);
                key.extend_from_slice(&bucket.to_be_bytes());
                out.put(&key, value)?;
            }
        }
        Ok(())
    }

    fn identity(&self, key: &SeriesKey) -> SeriesIdentity<&str> {
        let text = |symbol| self.interner.get(symbol);
        SeriesIdentity {
            family: key.family,
            cat: text(key.cat),
            name: text(key.name),
            pid: key.pid,
            tid: key.tid,
            hhash: text(key.hhash),
            fhash: text(key.fhash),
            extra: key.extra.iter().map(|&symbol| text(symbol)).collect(),
        }
    }
}

/// Whether the record's function returns the bytes it moved; for the few that ask before they have a series.
fn transfers(record: &Record<'_>) -> bool {
    let text = |value: &Value<'_>| String::from_utf8_lossy(&value.text()).into_owned();
    is_transfer(&text(&record.cat).to_ascii_lowercase(), &text(&record.name))
}

fn extra_arg<'r, 'a>(record: &'r Record<'a>, key: &str) -> &'r Value<'a> {
    record.args.iter().find(|arg| *arg.name == *key.as_bytes()).map_or(&Value::Null, |arg| &arg.value)
}

/// Adds a pre-aggregated contribution, each part to the statistics of its type; how many parts were
/// not finite.
fn add_summed(
    custom: &mut Custom,
    count: u64,
    values: [Option<&Value<'_>>; 3],
    sketches: Option<&SketchMapping>,
) -> u64 {
    let ints = values.map(|value| value.and_then(Value::integer_literal));
    let mut floats = [None; 3];
    for (float, (value, int)) in floats.iter_mut().zip(values.into_iter().zip(ints)) {
        if int.is_none() {
            *float = value.and_then(Value::float);
        }
    }
    custom.ints.summed(count, ints[0], ints[1], ints[2]);
    if floats.iter().any(Option::is_some) {
        custom.floats.get_or_insert_default().summed(count, floats[0], floats[1], floats[2]);
    }
    if let Some(mapping) = sketches
        && count == 1
        && let Some(sum) = ints[0].map(|sum| sum as f64).or(floats[0])
    {
        custom.sketch.get_or_insert_default().add(mapping, sum);
    }
    u64::from(floats[0].is_some_and(|sum| !sum.is_finite()))
}
