//! Partitions: ranges of row keys that threads merge concurrently.

/// The number of partitions of a run's rows: sixteen ranges of ids for each kind of series.
pub const PARTITIONS: usize = 48;

/// Returns the partition of a row's key. Partitions are in key order.
#[inline]
pub(crate) fn partition_of(key: &[u8]) -> usize {
    let kind = usize::from(key.first().copied().unwrap_or(0)).min(2);
    kind * 16 + usize::from(key.get(1).copied().unwrap_or(0) >> 4)
}
