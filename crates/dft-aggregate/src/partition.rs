//! Partitions: ranges of row keys that threads merge concurrently.

/// The number of partitions of a run's rows: for each kind of series, the 256 slices of files in 16 ranges of scopes.
/// Scopes count because all rows may be of one file.
pub const PARTITIONS: usize = 3 * 4096;

/// Returns the partition of a row's key. Partitions are in key order.
#[inline]
pub(crate) fn partition_of(key: &[u8]) -> usize {
    let byte = |at: usize| usize::from(key.get(at).copied().unwrap_or(0));
    byte(0).min(2) * 4096 + byte(1) * 16 + (byte(2) >> 4)
}
