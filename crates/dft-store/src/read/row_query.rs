//! Which rows to scan.

use std::cmp::Ordering;
use std::ops::Range;

use dft_codec::{SeriesId, SeriesKind};

/// Which rows to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowQuery {
    /// Series ids, end excluded.
    pub series: Range<SeriesId>,
    /// Buckets, in µs, end excluded; `None` for all.
    pub time: Option<Range<u64>>,
}

impl RowQuery {
    /// Returns a query for every row of a series kind.
    pub fn kind(kind: SeriesKind) -> Self {
        Self { series: SeriesId::first_of(kind as u8)..SeriesId::first_of(kind as u8 + 1), time: None }
    }

    /// Returns whether a window of time lies before, in or after the time range. Windows that overlap it are in it.
    pub(super) fn place_of_window(&self, start: u64, span: u64) -> Ordering {
        match &self.time {
            Some(time) if start.saturating_add(span) <= time.start => Ordering::Less,
            Some(time) if start >= time.end => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }

    /// Returns whether a bucket lies before, in or after the time range.
    #[inline]
    pub(super) fn place_of(&self, bucket: u64) -> Ordering {
        match &self.time {
            Some(time) if bucket < time.start => Ordering::Less,
            Some(time) if bucket >= time.end => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}
