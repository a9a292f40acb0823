//! One group of calls.

use std::collections::BTreeMap;

use crate::findable::Findable;
use crate::job::{Times, totals};
use crate::report::Group;
use crate::sums::Sums;
use crate::sweep::Durations;

/// Returns a group with these sums. `times` says when calls of a layer were in progress.
pub(crate) fn group(
    findable: &Findable<'_>,
    name: String,
    start_us: Option<i64>,
    sums: Option<&[Sums]>,
    times: impl Fn(usize) -> Times,
) -> Group {
    let of = |layer: usize, name: &str| totals(name, sums.map(|sums| &sums[layer]), times(layer));
    let is_there = |layer: &usize| sums.is_some_and(|sums| sums[*layer].calls > 0) || times(*layer).any_us > 0;
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
