//! The section on analyses.

use crate::analyses::{Analyses, Comparison};
use crate::page::Page;
use crate::process::Costs;
use crate::report::cells::spread;
use crate::words::{bytes, count, number, seconds};

pub(crate) fn write(page: &mut Page, all: &Analyses) {
    page.say("\n## Analyses\n");
    page.say(
        "`dft analyze` beside dfanalyzer, on a small real trace: dfanalyzer's time goes by layers and columns, not by",
    );
    page.say(
        "calls. Its seconds are those of its analysis and its printing, on one Dask worker in its process, without",
    );
    page.say(
        "imports and the start of the cluster; those of `dft` are of whole processes. Both make their index of the",
    );
    page.say("traces first, except where `dft` has one. Both counted the same records.");
    page.head(&["preset", "records", "program", "time", "over dft, traces", "over dft, index", "CPU", "peak memory"]);
    for comparison in &all.comparisons {
        comparison_rows(page, comparison);
    }
    let large = &all.large;
    page.say(&format!("\nAn index of {} rows, {}:", count(large.facts.rows), bytes(large.facts.index_bytes as f64)));
    page.head(&["", "time", "for each million rows", "CPU", "peak memory"]);
    for (name, costs) in [("`dft analyze`", &large.analyze), ("`dft report`", &large.report)] {
        page.row(&[
            name.to_owned(),
            spread(&costs.seconds),
            seconds(costs.seconds.median() * 1e6 / large.facts.rows as f64),
            seconds(costs.cpu_seconds.median()),
            bytes(costs.peak_bytes.max()),
        ]);
    }
}

fn comparison_rows(page: &mut Page, comparison: &Comparison) {
    let start = || [comparison.preset.to_owned(), count(comparison.records)].to_vec();
    let own = |name: &str, costs: &Costs| {
        let mut cells = start();
        cells.extend([name.to_owned(), spread(&costs.seconds), String::new(), String::new()]);
        cells.extend([seconds(costs.cpu_seconds.median()), bytes(costs.peak_bytes.max())]);
        cells
    };
    page.row(&own("dft, from traces", &comparison.from_traces));
    page.row(&own("dft, from an index", &comparison.from_index));
    let mut cells = start();
    cells.push("dfanalyzer 0.0.9".to_owned());
    match (&comparison.dfanalyzer, comparison.ratios()) {
        (Ok(other), Some([index, traces])) => cells.extend([
            spread(&other.seconds),
            number(traces),
            number(index),
            seconds(other.cost.cpu_seconds.median()),
            bytes(other.cost.peak_bytes.max()),
        ]),
        (Err(why), _) => cells.extend([why.clone()].into_iter().chain(vec![String::new(); 4])),
        (Ok(_), None) => cells.extend(vec![String::new(); 5]),
    }
    page.row(&cells);
}
