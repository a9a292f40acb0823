//! Telemetry: readings of counters.

use dft_codec::{FileCounts, TelemetryCore};
use dft_trace::{ArgKey, MalformedReason, Record, TimeUnit};

use super::times::Times;
use crate::aggregator::Aggregator;
use crate::table::CellEncoder;

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
        let mut encoder = CellEncoder { interner: &self.interner, orders: &mut self.orders };
        let cell = self.telemetry.cell(series, bucket, &mut encoder);
        cell.core.merge(&TelemetryCore { readings: 1, ts, te: ts });
        let before = cell.metrics.heap();
        let mut added_bytes = 0;
        for arg in &record.args {
            if let Some(value) = arg.value.float()
                && !matches!(arg.key, ArgKey::Hhash | ArgKey::Fhash)
            {
                counts.not_finite += u64::from(!value.is_finite());
                let stats = cell.metrics.entry(self.interner.intern(arg.name));
                let bytes_before = stats.heap_bytes();
                stats.sample(value);
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
}
