//! When the calls of a row were in progress: the union of their intervals of time.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::bytes::{DecodeError, Reader, put_varint};

/// A time during which calls were in progress, in µs. The end is excluded, and later than the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// The start.
    pub start: i64,
    /// The end.
    pub end: i64,
}

impl Interval {
    /// Returns the length, in µs.
    pub fn length_us(self) -> u64 {
        self.end.abs_diff(self.start)
    }
}

/// When the calls of a row were in progress: the union of their intervals of time. Calls without a duration add nothing
/// to it.
///
/// Busy time and overlap follow from unions, and unions cannot be computed from sums. So a row keeps the union of its
/// calls' intervals: disjoint intervals that do not touch. A union is associative, commutative and idempotent, so parts
/// of a row merge in any order.
///
/// A row of up to [`EXACT_CALLS`](Self::EXACT_CALLS) calls is exact. Of a row with more calls, gaps that are shorter
/// than a [resolution](Self::resolution_us) are filled, so that the number of intervals is bounded. The resolution
/// depends on the number of calls alone and grows with it. So it does not matter when gaps are filled: a gap of the
/// whole row that is at least as long as the resolution lies within a gap of each part, which is no shorter, and the
/// resolution of a part is no coarser.
#[derive(Clone, Debug, Default)]
pub struct Occupancy {
    intervals: SmallVec<[Interval; 1]>,
    /// How many of the intervals are disjoint and in order. The others were added late.
    ordered: usize,
}

/// The resolution of rows with up to twice [`Occupancy::EXACT_CALLS`] calls, in µs.
const FIRST_RESOLUTION: i64 = 16;

/// The number of late intervals at which a small union is put in order.
const MOST_LATE: usize = 64;

impl PartialEq for Occupancy {
    fn eq(&self, other: &Self) -> bool {
        self.in_order(0) == other.in_order(0)
    }
}

impl Occupancy {
    /// The number of calls up to which the union of a row is exact.
    pub const EXACT_CALLS: u128 = 1 << 16;

    /// Returns the resolution of a row with this many calls, in µs: gaps that are shorter are filled. It is 0 for up to
    /// [`EXACT_CALLS`](Self::EXACT_CALLS), then 16, and four times as much for each doubling of the calls.
    #[inline]
    pub fn resolution_us(calls: u128) -> i64 {
        if calls <= Self::EXACT_CALLS { 0 } else { Self::coarse_resolution(calls) }
    }

    #[cold]
    fn coarse_resolution(calls: u128) -> i64 {
        let doublings = ((calls - 1) / Self::EXACT_CALLS).ilog2();
        let factor = 1_i64.checked_shl(2 * doublings).filter(|_| doublings < 29);
        factor.and_then(|factor| FIRST_RESOLUTION.checked_mul(factor)).unwrap_or(i64::MAX)
    }

    /// Adds a call. `calls` is the number of calls of the row, including this one.
    #[inline]
    pub fn add(&mut self, start: i64, end: i64, calls: u128) {
        if end <= start {
            return;
        }
        // Intervals that touch are joined, too.
        let joined = Self::resolution_us(calls).max(1);
        let is_ordered = self.ordered == self.intervals.len();
        match self.intervals.last_mut() {
            Some(last) if !is_ordered || start < last.start => self.add_late(Interval { start, end }, calls),
            Some(last) if start - last.end < joined => last.end = last.end.max(end),
            _ => {
                self.intervals.push(Interval { start, end });
                self.ordered += 1;
            }
        }
    }

    #[cold]
    fn add_late(&mut self, interval: Interval, calls: u128) {
        self.intervals.push(interval);
        // Each sorting doubles what is in order, or halves what is not, so that it costs little for each call.
        if self.intervals.len() - self.ordered > self.ordered.max(MOST_LATE) {
            self.put_in_order(calls);
        }
    }

    /// Adds the intervals of another union. `calls` is the number of calls of both rows.
    pub fn merge(&mut self, other: &Self, calls: u128) {
        self.intervals.extend_from_slice(&other.intervals);
        self.put_in_order(calls);
    }

    fn put_in_order(&mut self, calls: u128) {
        // A stable sort merges runs that are in order.
        self.intervals.sort();
        let resolution = Self::resolution_us(calls);
        let mut kept = 0;
        for at in 1..self.intervals.len() {
            let next = self.intervals[at];
            let last = &mut self.intervals[kept];
            if next.start <= last.end || next.start - last.end < resolution {
                last.end = last.end.max(next.end);
            } else {
                kept += 1;
                self.intervals[kept] = next;
            }
        }
        self.intervals.truncate(kept + 1);
        self.ordered = self.intervals.len();
    }

    /// Returns the intervals of a row with this many calls, disjoint and in order.
    pub fn in_order(&self, calls: u128) -> Cow<'_, [Interval]> {
        if self.ordered == self.intervals.len() && calls <= Self::EXACT_CALLS {
            return Cow::Borrowed(&self.intervals);
        }
        let mut ordered = self.clone();
        ordered.put_in_order(calls);
        Cow::Owned(ordered.intervals.into_vec())
    }

    /// Returns the intervals of a decoded or merged row: disjoint and in order.
    #[inline]
    pub fn intervals(&self) -> &[Interval] {
        debug_assert_eq!(self.ordered, self.intervals.len(), "decoding and merging leave no late intervals");
        &self.intervals
    }

    /// Returns the length of the union, in µs.
    pub fn busy_us(&self) -> u128 {
        self.intervals().iter().map(|interval| u128::from(interval.length_us())).sum()
    }

    /// Returns by how much the union of a row with this many calls may be too long, in µs: 0 if it is exact.
    pub fn excess_us(&self, calls: u128) -> u128 {
        match Self::resolution_us(calls) {
            0 => 0,
            resolution => {
                // Each filled gap is shorter than the resolution, and joins two calls.
                let filled = calls.saturating_sub(self.intervals.len() as u128);
                filled.saturating_mul(resolution as u128 - 1).min(self.busy_us())
            }
        }
    }

    /// Returns the number of heap bytes.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        if self.intervals.spilled() { self.intervals.capacity() * size_of::<Interval>() } else { 0 }
    }

    /// Whether the union follows from the span of its row.
    pub(crate) fn is_whole(intervals: &[Interval], ts: i64, te: i64) -> bool {
        match intervals {
            [] => ts >= te,
            [only] => *only == Interval { start: ts, end: te },
            _ => false,
        }
    }

    /// Appends the intervals of a row that spans `ts` to `te`: the length in bytes, then the lengths of the busy times
    /// and gaps from `ts` on. The last busy time ends at `te`. The first and the last one may be empty. Gaps are
    /// written less one.
    pub(crate) fn put(out: &mut Vec<u8>, intervals: &[Interval], ts: i64, te: i64) {
        // A place for the length, which mostly is one byte.
        let start = out.len();
        out.push(0);
        let (mut at, mut is_first) = (ts, true);
        for interval in intervals {
            if !is_first || interval.start > ts {
                if is_first {
                    put_varint(out, 0);
                }
                put_varint(out, u128::from(interval.start.abs_diff(at)) - 1);
            }
            is_first = false;
            at = interval.end;
            put_varint(out, interval.length_us().into());
        }
        if is_first {
            put_varint(out, 0);
        }
        match at < te {
            // After the last gap, the busy time up to `te` is empty.
            true => put_varint(out, u128::from(te.abs_diff(at)) - 1),
            // The last busy time follows from `te`.
            false => {
                let last = intervals.last().map_or(0, |last| last.length_us());
                out.truncate(out.len() - varint_length(last));
            }
        }
        let length = out.len() - start - 1;
        if length < 0x80 {
            out[start] = length as u8;
            return;
        }
        let mut head = Vec::new();
        put_varint(&mut head, length as u128);
        out.splice(start..=start, head);
    }

    /// Reads what [`put`](Self::put) appends, into `self`, whose memory is reused.
    pub(crate) fn take(
        &mut self,
        reader: &mut Reader<'_>,
        (ts, te): (i64, i64),
        calls: u128,
    ) -> Result<(), DecodeError> {
        const PAST: DecodeError = DecodeError::Invalid("busy times exceed the row's span");
        self.intervals.clear();
        let mut reader = Reader::new(Self::bytes(reader)?);
        let resolution = Self::resolution_us(calls).max(1) as u64;
        let mut start = ts;
        let step = |from: i64, by: u64| from.checked_add_unsigned(by).filter(|to| *to <= te).ok_or(PAST);
        if reader.left() == 0 {
            return Err(DecodeError::Invalid("a row's busy times have no gap"));
        }
        while reader.left() > 0 {
            let busy = reader.varint_u64()?;
            if busy == 0 && start > ts {
                return Err(DecodeError::Invalid("a busy time between two gaps is empty"));
            }
            let end = step(start, busy)?;
            if busy > 0 {
                self.intervals.push(Interval { start, end });
            }
            let gap = reader.varint_u64()?.checked_add(1).ok_or(PAST)?;
            start = step(end, gap)?;
            let is_between = !self.intervals.is_empty() && (reader.left() > 0 || start < te);
            if is_between && gap < resolution {
                return Err(DecodeError::Invalid("a gap is shorter than the row's resolution"));
            }
        }
        if start < te {
            self.intervals.push(Interval { start, end: te });
        }
        self.ordered = self.intervals.len();
        Ok(())
    }

    /// Sets the union to the span of a row.
    pub(crate) fn become_whole(&mut self, ts: i64, te: i64) {
        self.intervals.clear();
        if ts < te {
            self.intervals.push(Interval { start: ts, end: te });
        }
        self.ordered = self.intervals.len();
    }

    /// Returns the encoded intervals, without decoding them.
    pub(crate) fn bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(reader.varint_u64()?).map_err(|_| DecodeError::Truncated)?;
        reader.bytes(length)
    }
}

/// Returns the number of bytes of a varint.
fn varint_length(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The union of calls by marking every µs.
    fn marked(calls: &[(i64, i64)]) -> Vec<Interval> {
        let end = calls.iter().map(|call| call.1).max().unwrap_or(0);
        let mut intervals: Vec<Interval> = Vec::new();
        for at in (0..end).filter(|at| calls.iter().any(|(start, end)| start <= at && at < end)) {
            match intervals.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => intervals.push(Interval { start: at, end: at + 1 }),
            }
        }
        intervals
    }

    fn of(calls: &[(i64, i64)], first: u128) -> Occupancy {
        let mut occupancy = Occupancy::default();
        calls.iter().zip(first..).for_each(|((start, end), at)| occupancy.add(*start, *end, at));
        occupancy
    }

    fn calls() -> impl Strategy<Value = Vec<(i64, i64)>> {
        let call = (0_i64..400, prop_oneof![Just(0), 0_i64..12, 0_i64..200]);
        prop::collection::vec(call, 0..300)
            .prop_map(|calls| calls.into_iter().map(|(start, length)| (start, start + length)).collect())
    }

    fn encoded(occupancy: &Occupancy, (ts, te): (i64, i64), calls: u128) -> Vec<u8> {
        let mut bytes = Vec::new();
        Occupancy::put(&mut bytes, &occupancy.in_order(calls), ts, te);
        bytes
    }

    proptest! {
        #[test]
        fn a_union_is_what_marking_every_microsecond_gives(calls in calls()) {
            let occupancy = of(&calls, 1);
            prop_assert_eq!(&occupancy.in_order(300)[..], &marked(&calls)[..]);
            let mut sorted = calls.clone();
            sorted.sort_unstable();
            prop_assert_eq!(of(&sorted, 1), occupancy);
        }

        #[test]
        fn parts_merge_in_any_order_to_the_union_of_all(
            calls in calls(), at in any::<prop::sample::Index>(), before in prop_oneof![Just(0_u128), 60_000_u128..600_000],
        ) {
            // With many calls before them, gaps are filled at different resolutions.
            let at = at.index(calls.len() + 1);
            let (a, b) = (of(&calls[..at], before), of(&calls[at..], 0));
            let total = before + calls.len() as u128;
            let mut all = of(&calls, 0);
            all.put_in_order(total);
            for (mine, theirs) in [(&a, &b), (&b, &a)] {
                let mut merged = mine.clone();
                merged.merge(theirs, total);
                prop_assert_eq!(merged.intervals(), all.intervals());
                merged.merge(theirs, total);
                prop_assert_eq!(merged.intervals(), all.intervals());
            }
            let exact: u128 = marked(&calls).iter().map(|interval| u128::from(interval.length_us())).sum();
            prop_assert!(all.busy_us() >= exact && all.busy_us() - all.excess_us(total) <= exact);
            prop_assert!(total > Occupancy::EXACT_CALLS || all.busy_us() == exact);
        }

        #[test]
        fn unions_round_trip_and_no_other_bytes_decode(
            calls in calls(), before in 0_i64..3, after in 0_i64..3, number in prop_oneof![Just(1_u128), Just(70_000)],
        ) {
            let occupancy = of(&calls, number);
            let intervals = occupancy.in_order(number);
            let ts = intervals.first().map_or(5, |first| first.start) - before;
            let te = intervals.last().map_or(5, |last| last.end) + after;
            if Occupancy::is_whole(&intervals, ts, te) {
                return Ok(());
            }
            let bytes = encoded(&occupancy, (ts, te), number);
            let mut read = Occupancy::default();
            let mut reader = Reader::new(&bytes);
            read.take(&mut reader, (ts, te), number).expect("it decodes");
            prop_assert_eq!(read.intervals(), &intervals[..]);
            prop_assert_eq!(reader.left(), 0);
            for cut in 0..bytes.len() {
                prop_assert!(read.take(&mut Reader::new(&bytes[..cut]), (ts, te), number).is_err());
            }
            // Whatever decodes is the encoding of what it decodes to.
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 1 << (at % 7);
                if read.take(&mut Reader::new(&other), (ts, te), number).is_ok() && !Occupancy::is_whole(read.intervals(), ts, te) {
                    let again = encoded(&read, (ts, te), number);
                    prop_assert_eq!(&again[..], &other[..again.len()]);
                }
            }
        }
    }

    #[test]
    fn the_resolution_grows_with_the_calls_and_bounds_the_intervals_of_a_bucket() {
        let exact = Occupancy::EXACT_CALLS;
        let resolutions = [1, exact, exact + 1, 2 * exact, 2 * exact + 1, 4 * exact, 8 * exact, u128::MAX];
        let wanted = [0, 0, 16, 16, 64, 64, 256, i64::MAX];
        assert_eq!(resolutions.map(Occupancy::resolution_us), wanted);
        // Calls of 1 µs every 3 µs: all gaps are filled as soon as there are too many calls.
        let mut occupancy = Occupancy::default();
        for at in 0..200_000_i64 {
            occupancy.add(3 * at, 3 * at + 1, at as u128 + 1);
        }
        let intervals = occupancy.in_order(200_000);
        assert_eq!(&intervals[..], &[Interval { start: 0, end: 599_998 }]);
        // Every 20 µs: they stay apart up to 2 × EXACT_CALLS.
        let mut occupancy = Occupancy::default();
        for at in 0..130_000_i64 {
            occupancy.add(20 * at, 20 * at + 2, at as u128 + 1);
        }
        assert_eq!(occupancy.in_order(130_000).len(), 130_000);
        assert_eq!(occupancy.in_order(132_000).len(), 1);
    }

    #[test]
    fn calls_in_reverse_order_are_added_in_little_more_than_linear_time() {
        let mut occupancy = Occupancy::default();
        for at in (0..60_000_i64).rev() {
            occupancy.add(3 * at, 3 * at + 1, 1);
            assert!(occupancy.intervals.len() <= 2 * 60_000);
        }
        assert_eq!(occupancy.in_order(60_000).len(), 60_000);
    }
}
