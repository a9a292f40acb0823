//! Calls: records with a start and a duration.

use dft_codec::{FileCounts, SeriesKind};
use dft_trace::{Integer, MalformedReason, Record, TimeUnit, Value};

use super::aggregated_call;
use super::times::Times;
use crate::aggregator::Aggregator;
use crate::arg_index::ArgIndex;
use crate::config::CustomMetrics;
use crate::functions::is_transfer;
use crate::table::{CellEncoder, sketch_bytes};

impl Aggregator {
    pub(crate) fn event(
        &mut self,
        record: &Record<'_>,
        unit: TimeUnit,
        counts: &mut FileCounts,
    ) -> Result<(), MalformedReason> {
        let Times { ts, dur } = Self::times(record, unit)?;
        let plan = self.plans.of(record, &self.config, &mut self.interner);
        let ret = plan.ret.of(record).integer();
        let offset = Self::field(plan.offset.of(record), "offset")?;
        if ret == Integer::OutOfRange && transfers(record) {
            return Err(MalformedReason("ret exceeds 63 bits".to_owned()));
        }
        let series = self.series_of(SeriesKind::Call, record, &plan)?;
        let ret = match ret {
            Integer::Some(ret) if series.transfer => Some(ret),
            _ => None,
        };
        let failed = ret.is_some_and(|ret| ret < 0);
        let mut size = ret.filter(|_| !failed);
        let mut label = ArgIndex::NONE;
        if series.items {
            size = size.map(|items| aggregated_call::bytes_of_items(items, plan.size.of(record))).transpose()?;
            if self.config.custom_metrics == CustomMetrics::On {
                label = plan.size;
            }
        }
        let bucket = self.bucket(ts + dur.unwrap_or(0) / 2);
        let mut encoder = CellEncoder { interner: &self.interner, orders: &mut self.orders };
        let cell = self.rows.cell(series.row, bucket, &mut encoder);
        cell.core.count += 1;
        let end = ts + dur.unwrap_or(0);
        cell.core.span(ts, end);
        let mut added_bytes = 0;
        if self.config.occupancy {
            added_bytes += cell.occupy(ts, end);
        }
        // Only a field that gave no sample can have a value that is not finite.
        let mut count_not_finite = |value: &Value<'_>| counts.not_finite += u64::from(value.is_not_finite());
        match dur {
            Some(dur) => cell.core.duration.sample(dur),
            None => count_not_finite(&record.dur),
        }
        match offset {
            Some(offset) => cell.core.offset.sample(offset),
            None => count_not_finite(plan.offset.of(record)),
        }
        if ret.is_none() {
            count_not_finite(plan.ret.of(record));
        }
        counts.failed_transfers += u64::from(failed);
        if let Some(size) = size {
            cell.core.size.sample(size);
        }
        if let Some(mapping) = &self.sketches {
            let before = sketch_bytes(cell.core.sketches.as_deref());
            let sketches = cell.core.sketches.get_or_insert_default();
            for (sketch, sample) in sketches.iter_mut().zip([dur, size, offset]) {
                if let Some(sample) = sample {
                    sketch.add(mapping, sample as f64);
                }
            }
            added_bytes += sketch_bytes(Some(sketches)) - before;
        }
        counts.events += 1;
        let custom_metrics = self.plans.custom_metrics(&plan);
        let before = cell.customs.heap();
        for (index, name) in custom_metrics {
            if *index == label {
                continue;
            }
            let custom = cell.customs.entry(*name);
            let value = index.of(record);
            let integer = value.integer_literal();
            // Integers alone take no heap bytes.
            let grows = integer.is_none() || self.sketches.is_some();
            let bytes_before = if grows { custom.heap_bytes() } else { 0 };
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
                added_bytes += custom.heap_bytes().saturating_sub(bytes_before);
            }
        }
        added_bytes += cell.customs.heap() - before;
        cell.heap_bytes += added_bytes;
        self.rows.add_heap_bytes(added_bytes);
        Ok(())
    }
}

/// Tells whether the record's function is a transfer, for the few records whose series is not known yet.
fn transfers(record: &Record<'_>) -> bool {
    let text = |value: &Value<'_>| String::from_utf8_lossy(&value.text()).into_owned();
    is_transfer(&text(&record.cat).to_ascii_lowercase(), &text(&record.name))
}
