//! Lists of intervals of time: in order, united, clipped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dft_codec::Interval;

/// Puts intervals in order and joins those that overlap or touch.
pub(crate) fn unite(intervals: &mut Vec<Interval>) {
    if intervals.windows(2).all(|pair| pair[0].end < pair[1].start) {
        return;
    }
    // Intervals of a series are in order, and a stable sort merges such runs.
    intervals.sort();
    let mut kept = 0;
    for at in 1..intervals.len() {
        let next = intervals[at];
        let last = &mut intervals[kept];
        if next.start <= last.end {
            last.end = last.end.max(next.end);
        } else {
            kept += 1;
            intervals[kept] = next;
        }
    }
    intervals.truncate(kept + 1);
}

/// Puts intervals in order and joins those that overlap or touch, like [`unite`]. Returns what that loses: the times in
/// which at least two intervals overlap, at least three, and so on, each as disjoint intervals in order.
pub(crate) fn unite_by_depth(intervals: &mut Vec<Interval>) -> Vec<Vec<Interval>> {
    intervals.sort();
    if intervals.windows(2).all(|pair| pair[0].end <= pair[1].start) {
        unite(intervals);
        return Vec::new();
    }
    // The ends of the intervals in progress, the first one on top.
    let mut open = BinaryHeap::<Reverse<i64>>::new();
    let (mut kept, mut deeper) = (0, Vec::<Vec<Interval>>::new());
    for at in 0..intervals.len() {
        let next = intervals[at];
        while let Some(end) = open.peek().filter(|end| end.0 <= next.start).map(|end| end.0) {
            open.pop();
            match open.len() {
                0 => intervals[kept - 1].end = end,
                depth => end_last(&mut deeper[depth - 1], end),
            }
        }
        let opened = Interval { start: next.start, end: next.start };
        match open.len() {
            0 if kept > 0 && intervals[kept - 1].end == next.start => {}
            0 => {
                intervals[kept] = opened;
                kept += 1;
            }
            depth if deeper.len() < depth => deeper.push(vec![opened]),
            depth if deeper[depth - 1].last().is_some_and(|last| last.end == next.start) => {}
            depth => deeper[depth - 1].push(opened),
        }
        open.push(Reverse(next.end));
    }
    while let Some(Reverse(end)) = open.pop() {
        match open.len() {
            0 => intervals[kept - 1].end = end,
            depth => end_last(&mut deeper[depth - 1], end),
        }
    }
    intervals.truncate(kept);
    deeper.iter_mut().for_each(Vec::shrink_to_fit);
    deeper
}

/// Sets the end of the last interval.
fn end_last(intervals: &mut [Interval], end: i64) {
    if let Some(last) = intervals.last_mut() {
        last.end = end;
    }
}

/// Returns the part of ordered, disjoint intervals within a range of time.
pub(crate) fn clipped(intervals: &[Interval], range: Interval) -> impl Iterator<Item = Interval> + '_ {
    let first = intervals.partition_point(|interval| interval.end <= range.start);
    intervals[first..]
        .iter()
        .take_while(move |interval| interval.start < range.end)
        .map(move |interval| Interval { start: interval.start.max(range.start), end: interval.end.min(range.end) })
        .filter(|interval| interval.start < interval.end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn clipping_keeps_what_is_within(
            mut list in prop::collection::vec((0_i64..100, 1_i64..20), 0..20), start in 0_i64..120, length in 0_i64..60,
        ) {
            let mut intervals: Vec<Interval> =
                list.drain(..).map(|(start, length)| Interval { start, end: start + length }).collect();
            unite(&mut intervals);
            let range = Interval { start, end: start + length };
            let inside = |list: &[Interval], at: i64| list.iter().any(|part| part.start <= at && at < part.end);
            let found: Vec<Interval> = clipped(&intervals, range).collect();
            for at in 0..200 {
                prop_assert_eq!(inside(&found, at), inside(&intervals, at) && inside(&[range], at));
            }
            prop_assert!(found.iter().all(|part| part.start < part.end));
        }
    }
}
