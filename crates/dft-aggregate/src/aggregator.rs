//! Records to updates of the in-memory table: the rules.

use std::collections::HashSet;

use ahash::RandomState;
use dft_codec::{
    Bounds, Custom, FileCounts, HOST_WIDE, MetricName, NameKind, ProcessId, RowCore, SeriesKind, TelemetryCore,
    encode_row, encode_telemetry,
};
use dft_metrics::{FloatStats, Sketch, SketchMapping};
use dft_trace::{Arg, ArgKey, Clock, Integer, MalformedReason, Phase, Record, TimeUnit, Value};
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::aggregated_call::{self, CallMetrics, Calls, Origin};
use crate::arg_plan::{ArgIndex, ArgPlan, ArgPlans, is_reserved};
use crate::cells::{ByteOrders, Cells, Columns, EncodeCell, TableCell};
use crate::config::{Config, CounterPeriod, CustomMetrics};
use crate::functions::{counts_items, is_transfer};
use crate::intern::{Interner, Symbol};
use crate::series_cache::{RawSeriesKey, SeriesCache};

mod output;

/// A series' identity, in symbols.
#[derive(Clone, PartialEq, Eq, Hash)]
struct SeriesKey {
    kind: SeriesKind,
    cat: Symbol,
    name: Symbol,
    pid: i64,
    tid: i64,
    host_hash: Symbol,
    file_hash: Symbol,
    extra: SmallVec<[Symbol; 2]>,
}

struct RowCell {
    core: RowCore,
    customs: Columns<Custom>,
    held: usize,
}

/// The bytes of sketches outside of their row.
fn sketch_bytes(sketches: Option<&[Sketch; 3]>) -> usize {
    sketches.map_or(0, |sketches| size_of::<[Sketch; 3]>() + sketches.iter().map(Sketch::heap_bytes).sum::<usize>())
}

impl TableCell for RowCell {
    fn empty() -> Self {
        Self { core: RowCore::empty(), customs: Columns::new(), held: 0 }
    }

    fn reset(&mut self) {
        self.core = RowCore::empty();
        self.customs.clear();
        self.held = self.customs.heap();
    }

    fn held(&self) -> usize {
        self.held
    }
}

struct TelemetryCell {
    core: TelemetryCore,
    metrics: Columns<FloatStats>,
    held: usize,
}

impl TableCell for TelemetryCell {
    fn empty() -> Self {
        Self { core: TelemetryCore::empty(), metrics: Columns::new(), held: 0 }
    }

    fn reset(&mut self) {
        self.core = TelemetryCore::empty();
        self.metrics.clear();
        self.held = self.metrics.heap();
    }

    fn held(&self) -> usize {
        self.held
    }
}

/// Writes cells, whose names are symbols of the interner.
struct CellEncoder<'a> {
    interner: &'a Interner,
    orders: &'a mut ByteOrders,
}

impl EncodeCell<RowCell> for CellEncoder<'_> {
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

impl EncodeCell<TelemetryCell> for CellEncoder<'_> {
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
    /// Whether the function returns what it moved: bytes or items.
    transfer: bool,
    /// Whether it returns items.
    items: bool,
}

/// The identity of a counter, in symbols.
#[derive(Clone, PartialEq, Eq, Hash)]
struct CounterKey {
    host_hash: Symbol,
    name: Symbol,
    cat: Symbol,
    /// `None` of a counter of the host as a whole.
    pid: Option<i64>,
    extra: SmallVec<[Symbol; 2]>,
}

/// What spellings of counters have in the place of a family.
const COUNTER: u8 = 0xff;

/// Who gave a name to a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Giver {
    /// No process that is known.
    Nobody,
    Process(ProcessId),
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
    spellings: SeriesCache<KnownSeries>,
    plans: ArgPlans,
    rows: Cells<RowCell>,
    /// Lower-case symbols of categories, by the symbol of the trace's spelling.
    lower: HashMap<Symbol, Symbol, RandomState>,
    counters: HashMap<CounterKey, u32, RandomState>,
    telemetry: Cells<TelemetryCell>,
    names: HashSet<(NameKind, Symbol, Symbol, Giver), RandomState>,
    /// The process that gave the last name: mostly it gives the next one, too.
    last_giver: Option<((Symbol, i64), Giver)>,
    bounds: Option<Bounds>,
    /// Scratch of pre-aggregated custom metrics.
    parts: Vec<(Symbol, MetricPart, usize)>,
}

/// Which part of a pre-aggregated metric an arg is, in the order in which they are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum MetricPart {
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
            sketches: config.sketch_accuracy.and_then(SketchMapping::new),
            interner: Interner::new(),
            orders: ByteOrders::default(),
            series: HashMap::with_hasher(hasher(1)),
            spellings: SeriesCache::new(),
            plans: ArgPlans::default(),
            rows: Cells::new(),
            lower: HashMap::with_hasher(hasher(2)),
            counters: HashMap::with_hasher(hasher(3)),
            telemetry: Cells::new(),
            names: HashSet::with_hasher(hasher(4)),
            last_giver: None,
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
        clock: Clock,
        counts: &mut FileCounts,
    ) -> Result<(), MalformedReason> {
        match record.phase {
            Phase::Unknown => counts.skipped += 1,
            Phase::Metadata => {
                self.metadata(record);
                counts.metadata += 1;
            }
            Phase::Complete => self.event(record, clock.unit, counts)?,
            Phase::Counter => self.telemetry(record, clock.unit, counts)?,
            Phase::Aggregated => self.aggregated(record, clock, counts, Origin::Aggregated)?,
            Phase::LetterCounter => {
                let numeric =
                    |keys: &[ArgKey]| record.args.iter().any(|arg| keys.contains(&arg.key) && arg.value.is_number());
                let counted = numeric(&[ArgKey::DftCnt, ArgKey::Count]);
                let timed = || numeric(&[ArgKey::Dur, ArgKey::DurSum, ArgKey::DurMin, ArgKey::DurMax]);
                let system = record.cat.text().eq_ignore_ascii_case(b"sys");
                if counted || (!system && timed()) {
                    self.aggregated(record, clock, counts, Origin::LetterCounter)?;
                } else {
                    self.telemetry(record, clock.unit, counts)?;
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
            let giver = self.giver_of(record);
            self.names.insert((kind, hash, name, giver));
        }
    }

    /// The process of a record that gives a name.
    fn giver_of(&mut self, record: &Record<'_>) -> Giver {
        let mut host_hash = record.arg(ArgKey::Hhash);
        if !host_hash.has_text() {
            host_hash = record.arg(ArgKey::Hostname);
        }
        let Integer::Some(pid) = record.pid.integer() else { return Giver::Nobody };
        let process = (self.interner.intern(&host_hash.text()), pid);
        if let Some((last, giver)) = self.last_giver
            && last == process
        {
            return giver;
        }
        let giver = Giver::Process(ProcessId::of(self.interner.get(process.0), pid));
        self.last_giver = Some((process, giver));
        giver
    }

    #[inline(always)]
    fn times(record: &Record<'_>, unit: TimeUnit) -> Result<Times, MalformedReason> {
        let malformed = |reason: &str| Err(MalformedReason(reason.to_owned()));
        let ts = match record.ts.integer() {
            Integer::Some(ts) if ts >= 0 => ts,
            Integer::Some(_) => return malformed("ts is negative"),
            Integer::OutOfRange => return malformed("ts is past 63 bits"),
            Integer::None if record.ts == Value::Null => return malformed("ts is missing"),
            Integer::None => return malformed("ts is not an integer"),
        };
        let dur = match record.dur.integer() {
            Integer::Some(dur) if dur >= 0 => Some(dur),
            Integer::Some(_) => return malformed("dur is negative"),
            Integer::OutOfRange => return malformed("dur is past 63 bits"),
            Integer::None => None,
        };
        let past = || MalformedReason("ts or dur is past 63 bits in µs".to_owned());
        let ts = unit.to_us(ts).ok_or_else(past)?;
        let dur = dur.map(|dur| unit.to_us(dur).ok_or_else(past)).transpose()?;
        ts.checked_add(dur.unwrap_or(0)).ok_or_else(past)?;
        Ok(Times { ts, dur })
    }

    /// An integer field: absent, or of 63 bits and a sign.
    #[inline(always)]
    fn field(value: &Value<'_>, name: &str) -> Result<Option<i64>, MalformedReason> {
        match value.integer() {
            Integer::Some(value) => Ok(Some(value)),
            Integer::None => Ok(None),
            Integer::OutOfRange => Err(MalformedReason(format!("{name} is past 63 bits"))),
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
                self.names.insert((kind, symbol, symbol, Giver::Nobody));
                symbol
            }
            _ if by_name => Symbol::EMPTY,
            hash => self.interner.intern(&hash.text()),
        }
    }

    #[inline]
    fn series_of(
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
        let spelling = RawSeriesKey { kind: kind as u8, usual, extra: &extra };
        if let Some(known) = self.spellings.get(&spelling) {
            return Ok(known);
        }
        let known = self.series_of_identity(kind, record, host_hash, file_hash)?;
        self.spellings.insert(&spelling, known);
        Ok(known)
    }

    fn series_of_identity(
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
        if let Some(&known) = self.series.get(&key) {
            return Ok(known);
        }
        let name = self.interner.get(key.name);
        let transfer = is_transfer(self.interner.get(key.cat), name);
        let known = KnownSeries { row: self.rows.add_series(), transfer, items: transfer && counts_items(name) };
        self.series.insert(key, known);
        Ok(known)
    }

    /// The values of the extra group keys.
    fn extra_of(&mut self, record: &Record<'_>) -> SmallVec<[Symbol; 2]> {
        let Self { config, interner, .. } = self;
        let values = config.extra_group_keys.iter().map(|key| match extra_arg(record, key) {
            Value::Bool(true) => interner.intern(b"true"),
            Value::Bool(false) => interner.intern(b"false"),
            other => interner.intern(&other.text()),
        });
        values.collect()
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
            return Err(MalformedReason("ret is past 63 bits".to_owned()));
        }
        let known = self.series_of(SeriesKind::Call, record, &plan)?;
        let ret = match ret {
            Integer::Some(ret) if known.transfer => Some(ret),
            _ => None,
        };
        let failed = ret.is_some_and(|ret| ret < 0);
        let mut size = ret.filter(|_| !failed);
        let mut label = ArgIndex::NONE;
        if known.items {
            size = size.map(|items| aggregated_call::bytes_of_items(items, plan.size.of(record))).transpose()?;
            if self.config.custom_metrics == CustomMetrics::On {
                label = plan.size;
            }
        }
        let bucket = self.bucket(ts + dur.unwrap_or(0) / 2);
        let mut sealer = CellEncoder { interner: &self.interner, orders: &mut self.orders };
        let cell = self.rows.cell(known.row, bucket, &mut sealer);
        cell.core.count += 1;
        cell.core.span(ts, ts + dur.unwrap_or(0));
        // Only where a field gave no sample may it hold what is not finite.
        let mut left_out = |value: &Value<'_>| counts.not_finite += u64::from(value.is_not_finite());
        match dur {
            Some(dur) => cell.core.duration.sample(dur),
            None => left_out(&record.dur),
        }
        match offset {
            Some(offset) => cell.core.offset.sample(offset),
            None => left_out(plan.offset.of(record)),
        }
        if ret.is_none() {
            left_out(plan.ret.of(record));
        }
        counts.failed_transfers += u64::from(failed);
        if let Some(size) = size {
            cell.core.size.sample(size);
        }
        let mut grown = 0;
        if let Some(mapping) = &self.sketches {
            let before = sketch_bytes(cell.core.sketches.as_deref());
            let sketches = cell.core.sketches.get_or_insert_default();
            for (sketch, sample) in sketches.iter_mut().zip([dur, size, offset]) {
                if let Some(sample) = sample {
                    sketch.add(mapping, sample as f64);
                }
            }
            grown += sketch_bytes(Some(sketches)) - before;
        }
        counts.events += 1;
        let customs = self.plans.customs(&plan);
        let before = cell.customs.heap();
        for (place, name) in customs {
            if *place == label {
                continue;
            }
            let custom = cell.customs.entry(*name);
            let value = place.of(record);
            let integer = value.integer_literal();
            // Integers alone hold nothing outside of the metric.
            let grows = integer.is_none() || self.sketches.is_some();
            let held = if grows { custom.heap_bytes() } else { 0 };
            let float = match integer {
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
            if grows {
                grown += custom.heap_bytes().saturating_sub(held);
            }
        }
        grown += cell.customs.heap() - before;
        cell.held += grown;
        self.rows.grew(grown);
        Ok(())
    }

    /// A record that stands for a period's calls.
    fn aggregated(
        &mut self,
        record: &Record<'_>,
        clock: Clock,
        counts: &mut FileCounts,
        origin: Origin,
    ) -> Result<(), MalformedReason> {
        let ts = Self::times(record, clock.unit)?.ts;
        let system = record.cat.text().eq_ignore_ascii_case(b"sys");
        let kind = if system { SeriesKind::HostStatistic } else { SeriesKind::AggregatedCall };
        let dft_cnt = Self::field(record.arg(ArgKey::DftCnt), "dft_cnt")?;
        let plain_count = if dft_cnt.is_none() { Self::field(record.arg(ArgKey::Count), "count")? } else { None };
        let count = dft_cnt.or(plain_count).and_then(|count| u64::try_from(count).ok()).unwrap_or(1);
        let calls = Calls { count, origin };
        let CallMetrics { duration, size, offset, failed, consistent } =
            aggregated_call::of_call(record, clock.unit, calls)?;
        let plan = self.plans.of(record, &self.config, &mut self.interner);
        let known = self.series_of(kind, record, &plan)?;
        let closes = origin == Origin::LetterCounter && !system && !self.counter_starts(clock);
        // The end of a period on a boundary belongs to the period that it closes.
        let bucket = self.bucket(if closes { (ts - 1).max(0) } else { ts });
        let count_is_plain = dft_cnt.is_none() && plain_count.is_some();
        self.group_parts(&record.args, count_is_plain, known.items);
        let own = record.args.iter().filter(|arg| is_reserved(arg.key)).map(|arg| &arg.value).chain([&record.dur]);
        counts.not_finite += own.filter(|value| value.is_not_finite()).count() as u64;
        let mut sealer = CellEncoder { interner: &self.interner, orders: &mut self.orders };
        let cell = self.rows.cell(known.row, bucket, &mut sealer);
        cell.core.count += u128::from(count);
        cell.core.span(ts, ts);
        let core = &mut cell.core;
        for (stats, part) in [(&mut core.duration, &duration), (&mut core.size, &size), (&mut core.offset, &offset)] {
            stats.summed(part.n, part.sum, part.min, part.max);
            if part.doubtful {
                stats.doubt_count();
            }
        }
        let mut grown = 0;
        if let Some(mapping) = &self.sketches {
            let before = sketch_bytes(cell.core.sketches.as_deref());
            let exact = [duration, size, offset].map(|part| part.sum.filter(|_| part.n == 1 && !part.doubtful));
            if exact.iter().any(Option::is_some) {
                let sketches = cell.core.sketches.get_or_insert_default();
                for (sketch, sample) in sketches.iter_mut().zip(exact) {
                    if let Some(sample) = sample {
                        sketch.add(mapping, sample as f64);
                    }
                }
            }
            grown += sketch_bytes(cell.core.sketches.as_deref()) - before;
        }
        let before = cell.customs.heap();
        let mut consistent = consistent;
        for group in self.parts.chunk_by(|a, b| a.0 == b.0) {
            let value_of =
                |part| group.iter().find(|(_, have, _)| *have == part).map(|&(.., at)| &record.args[at].value);
            let plain = value_of(MetricPart::Plain);
            let n = calls.samples(value_of(MetricPart::Sum).is_some(), plain.is_some());
            let values = [MetricPart::Sum, MetricPart::Min, MetricPart::Max].map(|part| value_of(part).or(plain));
            let custom = cell.customs.entry(group[0].0);
            let held = custom.heap_bytes();
            let added = aggregated_call::add_custom(custom, n, values, self.sketches.as_ref());
            grown += custom.heap_bytes().saturating_sub(held);
            counts.not_finite += added.not_finite;
            consistent &= added.consistent;
        }
        grown += cell.customs.heap() - before;
        cell.held += grown;
        self.rows.grew(grown);
        counts.failed_transfers += u64::from(failed);
        counts.inconsistent += u64::from(!consistent);
        match kind {
            SeriesKind::HostStatistic => {
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

    /// Whether the `ts` of a letter-`C` counter is the start of its period.
    fn counter_starts(&self, clock: Clock) -> bool {
        match self.config.counter_period {
            None => clock.counter_starts,
            Some(period) => period == CounterPeriod::Start,
        }
    }

    /// Groups the numeric args that are parts of custom metrics by the metric. Of functions that count `items`,
    /// the size of an item is none.
    fn group_parts(&mut self, args: &[Arg<'_>], count_is_plain: bool, items: bool) {
        use ArgKey::{Count, Size, SizeMax, SizeMin, SizeSum};
        let keep_sizes = !items || self.config.custom_metrics != CustomMetrics::On;
        self.parts.clear();
        for (at, arg) in args.iter().enumerate() {
            if !arg.value.is_number() || is_reserved(arg.key) || (count_is_plain && arg.key == Count) {
                continue;
            }
            if !keep_sizes && matches!(arg.key, Size | SizeSum | SizeMin | SizeMax) {
                continue;
            }
            let (base, part) = match arg.name.split_last_chunk::<4>() {
                Some((base, b"_sum")) if !base.is_empty() => (base, MetricPart::Sum),
                Some((base, b"_min")) if !base.is_empty() => (base, MetricPart::Min),
                Some((base, b"_max")) if !base.is_empty() => (base, MetricPart::Max),
                _ => (arg.name, MetricPart::Plain),
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
        let series = self.counter_of(record)?;
        let bucket = self.bucket(ts + dur.unwrap_or(0) / 2);
        let mut sealer = CellEncoder { interner: &self.interner, orders: &mut self.orders };
        let cell = self.telemetry.cell(series, bucket, &mut sealer);
        cell.core.merge(&TelemetryCore { readings: 1, ts, te: ts });
        let before = cell.metrics.heap();
        let mut grown = 0;
        for arg in &record.args {
            if let Some(value) = arg.value.float()
                && !matches!(arg.key, ArgKey::Hhash | ArgKey::Fhash)
            {
                counts.not_finite += u64::from(!value.is_finite());
                let stats = cell.metrics.entry(self.interner.intern(arg.name));
                let held = stats.heap_bytes();
                stats.sample(value);
                grown += stats.heap_bytes() - held;
            }
        }
        grown += cell.metrics.heap() - before;
        cell.held += grown;
        self.telemetry.grew(grown);
        counts.not_finite += u64::from(record.dur.is_not_finite());
        counts.telemetry += 1;
        Ok(())
    }

    /// The number of a counter among those of the telemetry.
    fn counter_of(&mut self, record: &Record<'_>) -> Result<u32, MalformedReason> {
        let mut host_hash = record.arg(ArgKey::Hhash);
        let by_name = !host_hash.has_text();
        if by_name {
            host_hash = record.arg(ArgKey::Hostname);
        }
        let mut extra = SmallVec::<[Value<'_>; 4]>::new();
        extra.extend(self.config.extra_group_keys.iter().map(|key| *extra_arg(record, key)));
        let usual = [&record.name, &record.cat, &record.pid, &Value::Null, host_hash, &Value::Null];
        let spelling = RawSeriesKey { kind: COUNTER, usual, extra: &extra };
        if let Some(known) = self.spellings.get(&spelling) {
            return Ok(known.row);
        }
        let cat = self.interner.intern(&record.cat.text());
        let cat = self.lower_case(cat);
        // A counter of the system is its host's, whichever process read it.
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
        self.spellings.insert(&spelling, KnownSeries { row, transfer: false, items: false });
        Ok(row)
    }

    /// About how many bytes the table takes.
    pub fn memory(&self) -> usize {
        self.interner.memory()
            + self.rows.memory()
            + self.telemetry.memory()
            + self.series.capacity() * (size_of::<(SeriesKey, KnownSeries)>() + 1)
            + self.spellings.memory()
            + self.plans.memory()
            + self.counters.capacity() * (size_of::<(CounterKey, u32)>() + 1)
            + self.names.capacity() * (size_of::<(NameKind, Symbol, Symbol, Giver)>() + 1)
            + self.lower.capacity() * (size_of::<(Symbol, Symbol)>() + 1)
            + self.orders.memory()
            // What writing the table out needs for a while.
            + self.series.len() * 32
            + self.counters.len() * 256
            + self.names.len() * size_of::<(NameKind, Symbol, Symbol, Giver)>()
    }

    /// Whether nothing was added since the table was last written out.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.counters.is_empty() && self.names.is_empty()
    }

    /// The least and greatest bucket that was ever touched.
    pub fn bounds(&self) -> Option<Bounds> {
        self.bounds
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

#[cfg(test)]
mod tests {
    use dft_trace::{Line, Parser};

    use super::*;

    fn counts_of(text: &str) -> FileCounts {
        let (mut table, mut counts) = (Aggregator::new(&Config::default()), FileCounts::default());
        Parser::new().parse(text.as_bytes(), 1, Clock::default(), |line| match line {
            Line::Record { record, clock, .. } => table.record(record, clock, &mut counts).expect("well-formed"),
            Line::Malformed { line, reason } => panic!("line {line}: {reason}"),
        });
        counts
    }

    #[test]
    fn a_value_that_is_not_finite_is_counted_wherever_it_stands() {
        let call =
            r#"{"name":"read","cat":"POSIX","ts":5,"dur":-nan,"ph":"X","args":{"ret":inf,"offset":nan,"x":NaN,"y":1}}"#;
        let counts = counts_of(call);
        assert_eq!((counts.events, counts.not_finite), (1, 4));
        let reading = r#"{"name":"cpu","cat":"sys","ts":5,"dur":nan,"ph":2,"args":{"user":-inf,"idle":1}}"#;
        let counts = counts_of(reading);
        assert_eq!((counts.telemetry, counts.not_finite), (1, 2));
        let period = r#"{"name":"read","cat":"POSIX","ts":5,"ph":3,"args":{"dft_cnt":2,"dur_sum":nan,"ret_max":inf,"x_sum":nan}}"#;
        let counts = counts_of(period);
        assert_eq!((counts.profiles, counts.not_finite), (1, 3));
    }

    #[test]
    fn times_reach_63_bits_and_a_fault_says_so() {
        let mut table = Aggregator::new(&Config::default());
        let mut fault = |fields: &str| {
            let mut faults = Vec::new();
            let line = format!("{{\"name\":\"x\",\"ph\":1,{fields}}}");
            Parser::new().parse(line.as_bytes(), 1, Clock::default(), |line| {
                if let Line::Record { record, .. } = line {
                    let fault = table.record(record, Clock::default(), &mut FileCounts::default()).err();
                    faults.push(fault.map(|MalformedReason(reason)| reason));
                }
            });
            faults.pop().flatten()
        };
        assert_eq!(fault(r#""ts":9223372036854775807"#), None);
        assert_eq!(fault(r#""ts":9223372036854775808"#).as_deref(), Some("ts is past 63 bits"));
        assert_eq!(fault(r#""ts":1,"dur":9223372036854775807"#).as_deref(), Some("ts or dur is past 63 bits in µs"));
        assert_eq!(fault(r#""ts":1,"pid":9223372036854775808"#).as_deref(), Some("pid is past 63 bits"));
    }
}
