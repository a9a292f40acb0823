//! Aggregated calls: records in which the tracer summed up the calls of a period.

use dft_codec::{FileCounts, SeriesKind};
use dft_trace::{Arg, ArgKey, Clock, MalformedReason, Record};

use super::aggregated_call::{self, Calls, MetricSums, Origin, TransferSizes};
use crate::aggregator::Aggregator;
use crate::arg_plan::{PartRules, is_reserved};
use crate::config::{CounterPeriod, CustomMetrics};
use crate::table::{CellEncoder, MetricPart, sketch_bytes};

impl Aggregator {
    /// Adds an aggregated call or a host statistic.
    pub(crate) fn aggregated(
        &mut self,
        record: &Record<'_>,
        clock: Clock,
        counts: &mut FileCounts,
        origin: Origin,
    ) -> Result<(), MalformedReason> {
        let ts = Self::times(record, clock.unit)?.ts;
        let system = record.cat.text().eq_ignore_ascii_case(b"sys");
        let kind = if system { SeriesKind::HostStatistic } else { SeriesKind::AggregatedCall };
        let args = self.plans.call_args(record);
        let dft_cnt = Self::field(args.dft_cnt(record), "dft_cnt")?;
        let plain_count = if dft_cnt.is_none() { Self::field(args.count(record), "count")? } else { None };
        let count = dft_cnt.or(plain_count).and_then(|count| u64::try_from(count).ok()).unwrap_or(1);
        let calls = Calls { count, origin };
        let [duration, offset] = args.times_and_offsets(record, clock.unit, calls)?;
        let plan = self.plans.of(record, &self.config, &mut self.interner);
        let series = self.series_of(kind, record, &plan)?;
        let TransferSizes { size, failed, consistent } = match series.transfer {
            true => args.sizes(record, calls, series.items)?,
            false => TransferSizes { size: MetricSums::nothing(count), failed: false, consistent: true },
        };
        let closes = origin == Origin::CounterOrAggregated && !system && !self.counter_starts(clock);
        // A time on a boundary belongs to the period that it closes.
        let bucket = self.bucket(if closes { (ts - 1).max(0) } else { ts });
        let count_is_plain = dft_cnt.is_none() && plain_count.is_some();
        self.find_parts(record, PartRules { count_is_plain, items: series.items });
        let not_finite = record.args.iter().filter(|arg| arg.value.is_not_finite() && is_reserved(arg.key)).count();
        counts.not_finite += not_finite as u64 + u64::from(record.dur.is_not_finite());
        let mut encoder = CellEncoder { interner: &self.interner, orders: &mut self.orders };
        let cell = self.rows.cell(series.row, bucket, &mut encoder);
        cell.core.count += u128::from(count);
        cell.core.span(ts, ts);
        let core = &mut cell.core;
        for (stats, part) in [(&mut core.duration, &duration), (&mut core.size, &size), (&mut core.offset, &offset)] {
            stats.summed(part.n, part.sum, part.min, part.max);
            if part.doubtful {
                stats.doubt_count();
            }
        }
        let mut added_bytes = 0;
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
            added_bytes += sketch_bytes(cell.core.sketches.as_deref()) - before;
        }
        let before = cell.customs.heap();
        let mut consistent = consistent && !duration.doubtful && !offset.doubtful;
        for group in self.parts.chunk_by(|a, b| a.0 == b.0) {
            let value_of =
                |part| group.iter().find(|(_, other, _)| *other == part).map(|&(.., at)| &record.args[at].value);
            let plain = value_of(MetricPart::Plain);
            let n = calls.samples(value_of(MetricPart::Sum).is_some(), plain.is_some());
            let values = [MetricPart::Sum, MetricPart::Min, MetricPart::Max].map(|part| value_of(part).or(plain));
            let custom = cell.customs.entry(group[0].0);
            let bytes_before = custom.heap_bytes();
            let added = aggregated_call::add_custom(custom, n, values, self.sketches.as_ref());
            added_bytes += custom.heap_bytes().saturating_sub(bytes_before);
            counts.not_finite += added.not_finite;
            consistent &= added.consistent;
        }
        added_bytes += cell.customs.heap() - before;
        cell.heap_bytes += added_bytes;
        self.rows.add_heap_bytes(added_bytes);
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

    /// Tells whether the `ts` of a counter of phase `C` is the start of its period.
    pub(crate) fn counter_starts(&self, clock: Clock) -> bool {
        match self.config.counter_period {
            None => clock.counter_starts,
            Some(period) => period == CounterPeriod::Start,
        }
    }

    /// Groups the args of a record as [`group_parts`](Self::group_parts) does, once for each layout.
    fn find_parts(&mut self, record: &Record<'_>, rules: PartRules) {
        if let Some(parts) = self.plans.parts(record, rules) {
            self.parts.clear();
            self.parts.extend_from_slice(parts);
        } else {
            self.group_parts(&record.args, rules);
            self.plans.keep_parts(record, rules, &self.parts);
        }
    }

    /// Groups the numeric args that are parts of custom metrics by metric. For functions that count `items`, the size
    /// of an item is not a custom metric.
    fn group_parts(&mut self, args: &[Arg<'_>], rules: PartRules) {
        use ArgKey::{Count, Size, SizeMax, SizeMin, SizeSum};
        let keep_sizes = !rules.items || self.config.custom_metrics != CustomMetrics::On;
        self.parts.clear();
        for (at, arg) in args.iter().enumerate() {
            if !arg.value.is_number() || is_reserved(arg.key) || (rules.count_is_plain && arg.key == Count) {
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
}
