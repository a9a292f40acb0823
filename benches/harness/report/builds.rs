//! The section on builds and exports of traces of many shapes.

use crate::builds::Builds;
use crate::page::Page;
use crate::plot::{self, Group};
use crate::report::cells::spread;
use crate::words::{bytes, count, number, seconds};

pub(crate) fn write(page: &mut Page, builds: &Builds) {
    page.say("\n## Builds\n");
    page.say(
        "`dft index` and `dft export` (all tables), compared with the floor: the time that as many threads take to",
    );
    page.say("read and inflate the same files, and nothing else.");
    page.head(&[
        "input",
        "records",
        "rows",
        "trace",
        "index",
        "tables",
        "floor",
        "index: time",
        "× floor",
        "per record",
        "CPU",
        "peak memory",
        "export: time",
        "× floor",
        "peak memory",
        "summary",
    ]);
    for build in &builds.builds {
        let (facts, index, export) = (&build.facts, &build.index, &build.export);
        page.row(&[
            build.name.to_owned(),
            count(facts.records),
            count(facts.rows),
            bytes(build.trace_bytes as f64),
            bytes(facts.index_bytes as f64),
            bytes(build.tables_bytes as f64),
            seconds(build.floor.median()),
            spread(&index.seconds),
            number(build.over_floor()),
            seconds(index.seconds.median() / facts.records as f64),
            seconds(index.cpu_seconds.median()),
            bytes(index.peak_bytes.max()),
            spread(&export.seconds),
            number(build.export_over_floor()),
            bytes(export.peak_bytes.max()),
            seconds(build.summary.seconds.median()),
        ]);
    }
    for build in builds.builds.iter().filter(|build| build.statistics.seconds.median().is_finite()) {
        page.say(&format!(
            "\nFull statistics of {} to Parquet: {}; its events table alone: {}.",
            build.name,
            spread(&build.statistics.seconds),
            spread(&build.events.seconds)
        ));
    }
    page.say(&format!(
        "\nIndexing the small files again, with nothing to do: {}, peak memory {}.",
        spread(&builds.again.seconds),
        bytes(builds.again.peak_bytes.max())
    ));
    let bars = builds.builds.iter().map(|build| (build.name.to_owned(), build.over_floor())).collect();
    let group = Group { name: String::new(), bars };
    page.plot("builds", "Time of a build over inflating", plot::bars("dft index: time, × inflating", " ×", &[group]));
}
