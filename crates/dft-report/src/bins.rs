//! Bins of time: what a screen can show of a job's time.

use dft_export::View;

/// Bins of one length, from a start on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bins {
    /// The start of the first bin, in µs of the tracer's clock.
    pub(crate) start: u64,
    /// The length of a bin, in µs: a multiple of the index's interval.
    pub(crate) length: u64,
    pub(crate) count: usize,
}

impl Bins {
    /// Divides the time that a view shows into at most `most` bins, or the part of it that is in `span`, in µs of the
    /// tracer's clock.
    pub(crate) fn of(view: &View<'_>, most: u64, span: Option<(u64, u64)>) -> Self {
        let interval = view.index().config().interval_us;
        let Some(bounds) = view.index().bounds() else { return Self { start: 0, length: interval, count: 0 } };
        let (mut start, mut end) = (view.origin(), bounds.max.saturating_add(interval));
        if let Some((first, last)) = span {
            (start, end) = (start.max(first - first % interval), end.min(last.saturating_add(1)));
        }
        if let Some(time) = &view.filter().time {
            let shown = |offset: u64| view.origin().saturating_add(offset);
            (start, end) = (start.max(shown(time.start) / interval * interval), end.min(shown(time.end)));
        }
        Self::between(start, end, interval, most)
    }

    fn between(start: u64, end: u64, interval: u64, most: u64) -> Self {
        let cells = end.saturating_sub(start).div_ceil(interval);
        let length = interval.saturating_mul(nice(cells.div_ceil(most)));
        Self { start, length, count: end.saturating_sub(start).div_ceil(length) as usize }
    }

    /// Returns the bin of a time; `None` if it is in none.
    #[inline]
    pub(crate) fn bin(&self, time: u64) -> Option<usize> {
        let bin = (time.checked_sub(self.start)? / self.length) as usize;
        (bin < self.count).then_some(bin)
    }
}

/// Returns the first of 1, 2, 5, 10, 20, … that is at least `number`.
fn nice(number: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [1, 2, 5] {
            let nice = power.saturating_mul(step);
            if nice >= number {
                return nice;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_few_and_cover_the_time() {
        for (start, end, interval) in
            [(0, 0, 1), (5, 6, 1), (0, 600, 1), (0, 601, 1), (1_000, 9_999_000, 1_000), (0, u64::MAX, 7)]
        {
            let bins = Bins::between(start, end, interval, 600);
            assert!(bins.count <= 600, "{bins:?}");
            assert!(bins.length.is_multiple_of(interval) || bins.length == u64::MAX, "{bins:?}");
            if start < end {
                assert_eq!(bins.bin(start), Some(0));
                assert_eq!(bins.bin(end - 1), Some(bins.count - 1));
            }
            assert_eq!(start.checked_sub(1).and_then(|before| bins.bin(before)), None);
        }
        assert_eq!(Bins::between(0, 601, 1, 600), Bins { start: 0, length: 2, count: 301 });
    }
}
