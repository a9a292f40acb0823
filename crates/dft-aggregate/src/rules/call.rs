//! Calls: records with a start and a duration.

use dft_codec::{FileCounts, SeriesKind};
use dft_trace::{Integer, MalformedReason, Record, TimeUnit, Value};

use super::aggregated_call;
use super::times::Times;
use crate::aggregator::Aggregator;
use crate::arg_plan::ArgIndex;
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
}

/// Whether the record's function returns the bytes it moved; for the few that ask before they have a series.
fn transfers(record: &Record<'_>) -> bool {
    let text = |value: &Value<'_>| String::from_utf8_lossy(&value.text()).into_owned();
    is_transfer(&text(&record.cat).to_ascii_lowercase(), &text(&record.name))
}
