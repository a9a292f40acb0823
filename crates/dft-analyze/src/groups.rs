//! Groups of calls.

use std::collections::{BTreeMap, HashMap};

use crate::busy::{Tracks, in_parallel};
use crate::by::By;
use crate::collect::{CallTimes, Part, PartKey, Request, TimesKey};
use crate::epochs::{ProcessEpochs, epoch_groups};
use crate::error::AnalyzeError;
use crate::findable::Findable;
use crate::group::{group, layer_times};
use crate::job::Times;
use crate::report::{Group, Groups};
use crate::sums::Sums;
use crate::sweep::{Durations, Track, sweep};

/// The most cells of time of a report.
const MOST_CELLS: u64 = 1_000_000;

/// Returns the groups.
pub(crate) fn groups(
    findable: &Findable<'_>,
    tracks: &Tracks<'_>,
    by: &By,
    request: &Request<'_>,
    epochs: &[ProcessEpochs],
) -> Result<Groups, AnalyzeError> {
    let groups = match request.cells_us {
        Some(cells_us) => cells(findable, tracks, cells_us, request.threads)?,
        None if request.group.is_none() => epoch_groups(findable, tracks, epochs, request.threads),
        None => named_groups(findable, by, request.threads),
    };
    Ok(Groups { by: by.to_string(), groups })
}

/// The sums of each layer, and of all calls at the end.
fn sums_of_layers<'p>(findable: &Findable<'_>, parts: impl Iterator<Item = (u32, &'p Sums)>) -> Vec<Sums> {
    let layers = findable.all() + 1;
    let mut all = vec![Sums::default(); layers];
    for (class, sums) in parts {
        for layer in findable.found.classes.values[class as usize].layers.iter().filter(|layer| *layer < layers) {
            all[layer].merge(sums);
        }
    }
    all
}

/// Returns the groups of what series have in common, most time first.
fn named_groups(findable: &Findable<'_>, by: &By, threads: usize) -> Vec<Group> {
    let found = findable.found;
    let mut members: BTreeMap<u32, Vec<(&PartKey, &Part)>> = BTreeMap::new();
    found.parts.iter().for_each(|(key, part)| members.entry(key.group).or_default().push((key, part)));
    let mut times_of: HashMap<u32, Vec<(&TimesKey, &CallTimes)>> = HashMap::new();
    found.times.iter().for_each(|(key, times)| times_of.entry(key.group).or_default().push((key, times)));
    let layers = findable.all() + 1;
    let work = |(number, parts): (u32, Vec<(&PartKey, &Part)>)| {
        let sums = sums_of_layers(findable, parts.iter().map(|(key, part)| (key.class, &part.sums)));
        if sums[layers - 1].calls == 0 {
            return None;
        }
        let mut tracks: Vec<Track<'_>> = times_of
            .get(&number)
            .into_iter()
            .flatten()
            .flat_map(|(key, times)| {
                let mut track_layers = found.layers.values[key.layers as usize];
                // Layers of findings are not reported by group.
                track_layers.keep_below(layers);
                times.tracks(key.process, track_layers)
            })
            .collect();
        tracks.sort_unstable_by_key(|track| track.process);
        let mut by_process = Vec::new();
        for of_process in tracks.chunk_by(|a, b| a.process == b.process) {
            let own: Vec<Track<'_>> = of_process.iter().map(|track| Track { process: 0, ..*track }).collect();
            by_process.push(sweep(&own, layers, &[]));
        }
        let together = match by_process.as_slice() {
            [one] => one.clone(),
            _ => {
                // Numbered from 0, because a sweep counts by process.
                for (number, of_process) in tracks.chunk_by_mut(|a, b| a.process == b.process).enumerate() {
                    of_process.iter_mut().for_each(|track| track.process = number as u32);
                }
                sweep(&tracks, layers, &[])
            }
        };
        let times = |layer: usize| {
            let time = |durations: &Durations| durations.time(|set| set.has(layer));
            Times {
                any_us: time(&together),
                sum_us: by_process.iter().map(time).sum(),
                calls: Some(together.tracks_of(layer)),
            }
        };
        let name = &found.groups.values[number as usize];
        let name = match by {
            By::Process => parts.first().map(|(key, _)| findable.names.names[key.process as usize].clone()),
            _ => Some(name.clone()),
        };
        Some(group(findable, name.unwrap_or_default(), None, Some(&sums), times))
    };
    let mut groups: Vec<Group> =
        in_parallel(members.into_iter().collect(), threads, work).into_iter().flatten().collect();
    let is_numeric = matches!(by, By::Rank | By::Epoch);
    groups.sort_by(|a, b| {
        let number = |group: &Group| group.name.parse::<i64>().map_or((1, 0), |number| (0, number));
        match is_numeric {
            true => number(a).cmp(&number(b)).then_with(|| a.name.cmp(&b.name)),
            false => b.all.time_us.cmp(&a.all.time_us).then_with(|| a.name.cmp(&b.name)),
        }
    });
    groups
}

/// Returns the cells of time in which calls were in progress or counted.
fn cells(
    findable: &Findable<'_>,
    tracks: &Tracks<'_>,
    cells_us: u64,
    threads: usize,
) -> Result<Vec<Group>, AnalyzeError> {
    let Some((start, end)) = findable.span else { return Ok(Vec::new()) };
    let first = start.unsigned_abs() / cells_us * cells_us;
    let number = (end.unsigned_abs() - first) / cells_us + 1;
    if number > MOST_CELLS {
        return Err(AnalyzeError::TooManyCells { cells: number, most: MOST_CELLS });
    }
    let layers = findable.all() + 1;
    let edges: Vec<i64> = (1..number).map(|cell| (first + cell * cells_us) as i64).collect();
    let together = tracks.together_of(layers, threads, &edges);
    let mut by_process = Durations::default();
    tracks.by_process_of(layers, threads, |_| edges.clone()).iter().for_each(|process| by_process.merge(process));
    let mut sums: BTreeMap<u64, Vec<(u32, &Sums)>> = BTreeMap::new();
    for ((start, class), of_cell) in &findable.found.cells {
        sums.entry(*start).or_default().push((*class, of_cell));
    }
    let (any, sum) = (layer_times(&together, layers), layer_times(&by_process, layers));
    let mut groups = Vec::new();
    for cell in 0..number {
        let start = first + cell * cells_us;
        let window = cell as u32;
        let (any, sum) = (any.get(&window), sum.get(&window));
        let of_cell = sums.get(&start);
        if any.is_none() && of_cell.is_none() {
            continue;
        }
        let of_cell = sums_of_layers(findable, of_cell.into_iter().flatten().copied());
        let time = |times: Option<&Vec<u64>>, layer: usize| times.map_or(0, |times| times[layer]);
        groups.push(group(findable, String::new(), Some(start as i64), Some(&of_cell), |layer| Times {
            any_us: time(any, layer),
            sum_us: time(sum, layer),
            calls: Some(together.tracks_in(window, layer)),
        }));
    }
    Ok(groups)
}
