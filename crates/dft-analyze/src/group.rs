//! One group of calls.

use std::collections::BTreeMap;

use crate::findable::Findable;
use crate::job::totals;
use crate::report::Group;
use crate::sums::Sums;
use crate::sweep::Durations;

/// Returns a group with these sums. `busy` returns the times in which any process is busy in a layer, and their sum.
pub(crate) fn group(
    findable: &Findable<'_>,
    name: String,
    start_us: Option<i64>,
    sums: Option<&[Sums]>,
    busy: impl Fn(usize) -> (u64, u64),
) -> Group {
    let of = |layer: usize, name: &str| {
        let (any, sum) = busy(layer);
        totals(name, sums.map(|sums| &sums[layer]), any, sum)
    };
    let is_there = |layer: &usize| sums.is_some_and(|sums| sums[*layer].calls > 0) || busy(*layer).0 > 0;
    Group {
        name,
        start_us,
        all: of(findable.all(), ""),
        layers: (0..findable.all())
            .filter(is_there)
            .map(|layer| of(layer, &findable.preset.layers[layer].name))
            .collect(),
    }
}

/// Returns the busy times of layers by window.
pub(crate) fn layer_times(durations: &Durations, layers: usize) -> BTreeMap<u32, Vec<u64>> {
    let mut times: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for ((window, set), time) in &durations.by_set {
        let of_window = times.entry(*window).or_insert_with(|| vec![0; layers]);
        set.iter().filter(|layer| *layer < layers).for_each(|layer| of_window[layer] += time);
    }
    times
}
