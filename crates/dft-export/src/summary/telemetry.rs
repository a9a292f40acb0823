//! The telemetry of an index added up.

use std::collections::{BTreeMap, HashSet};

use dft_metrics::FloatStats;

use super::Metric;
use super::calls::{TimeSpan, host_id};
use crate::error::ExportError;
use crate::view::View;

/// Returns every metric of telemetry. Adds hosts and times.
pub(super) fn telemetry(
    view: &View<'_>,
    hosts: &mut HashSet<u128>,
    span: &mut TimeSpan,
) -> Result<Vec<Metric>, ExportError> {
    let mut metrics: BTreeMap<(String, String, String), FloatStats> = BTreeMap::new();
    view.each_reading(|key, value| {
        hosts.insert(host_id(&key.host_hash));
        span.add(value.core.ts, value.core.te);
        for (metric, stats) in &value.metrics {
            metrics.entry((key.name.clone(), key.category().to_owned(), metric.clone())).or_default().merge(stats);
        }
    })?;
    let metric = |((counter, category, metric), stats): ((String, String, String), FloatStats)| Metric {
        counter,
        category,
        metric,
        readings: stats.n(),
        mean: stats.mean(),
        min: stats.min(),
        max: stats.max(),
    };
    Ok(metrics.into_iter().map(metric).collect())
}
