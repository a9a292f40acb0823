//! Telemetry: readings of counters.

use dft_codec::{FileCounts, TelemetryCore};
use dft_trace::{Arg, ArgKey, MalformedReason, Record, TimeUnit};

use super::times::Times;
use crate::aggregator::Aggregator;
use crate::table::{CellEncoder, CounterMetrics};

impl Aggregator {
    pub(crate) fn telemetry(
        &mut self,
        record: &Record<'_>,
        unit: TimeUnit,
        counts: &mut FileCounts,
    ) -> Result<(), MalformedReason> {
        let Times { ts, dur } = Self::times(record, unit)?;
        let series = self.counter_of(record)?;
        let bucket = self.bucket(ts + dur.unwrap_or(0) / 2);
        self.learn_metrics(series, record);
        let mut encoder = CellEncoder { interner: &self.interner, orders: &mut self.orders };
        let cell = self.telemetry.cell(series, bucket, &mut encoder);
        let mut names = self.counter_metrics[series as usize].names.iter();
        cell.core.merge(&TelemetryCore { readings: 1, ts, te: ts });
        let before = cell.metrics.heap();
        let mut added_bytes = 0;
        for arg in &record.args {
            if is_metric(arg)
                && let Some((value, decimals)) = arg.value.float_and_decimals()
                && let Some(&name) = names.next()
            {
                counts.not_finite += u64::from(!value.is_finite());
                let stats = cell.metrics.entry(name);
                let bytes_before = stats.heap_bytes();
                stats.sample_with_decimals(value, decimals);
                added_bytes += stats.heap_bytes() - bytes_before;
            }
        }
        added_bytes += cell.metrics.heap() - before;
        cell.heap_bytes += added_bytes;
        self.telemetry.add_heap_bytes(added_bytes);
        counts.not_finite += u64::from(record.dur.is_not_finite());
        counts.telemetry += 1;
        Ok(())
    }

    /// Makes the names of a record's metrics those of its counter. They mostly are already.
    fn learn_metrics(&mut self, counter: u32, record: &Record<'_>) {
        let Self { counter_metrics, interner, .. } = self;
        if counter_metrics.len() <= counter as usize {
            counter_metrics.resize_with(counter as usize + 1, CounterMetrics::default);
        }
        let CounterMetrics { names, layout } = &mut counter_metrics[counter as usize];
        // Records of one layout have metrics of the same names.
        if layout.is_some() && *layout == record.layout {
            return;
        }
        *layout = record.layout;
        for (number, arg) in record.args.iter().filter(|arg| is_metric(arg)).enumerate() {
            if names.get(number).is_none_or(|&name| interner.get(name).as_bytes() != arg.name) {
                names.truncate(number);
                names.push(interner.intern(arg.name));
            }
        }
    }
}

/// Tells whether an arg is a reading: all numbers but hashes are.
fn is_metric(arg: &Arg<'_>) -> bool {
    arg.value.is_number() && !matches!(arg.key, ArgKey::Hhash | ArgKey::Fhash)
}
