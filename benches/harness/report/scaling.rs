//! The section on more records, other numbers of threads and less memory.

use crate::page::Page;
use crate::plot::{self, Axis, Line};
use crate::report::cells::{spread, whole};
use crate::scaling::{Huge, Point, Scaling};
use crate::words::{bytes, count, number, seconds};

pub(crate) fn write(page: &mut Page, scaling: &Scaling) {
    page.say("\n## Scaling\n");
    page.say(
        "`dft index` on traces of high cardinality. The cost of a record should be constant; memory should follow",
    );
    page.say("the budget, not the trace.");
    let tables = [&scaling.records, &scaling.threads].into_iter().chain(&scaling.contention).chain([&scaling.memory]);
    page.head(&["records", "files", "threads", "budget", "time", "per record", "× the first", "CPU", "peak memory"]);
    for points in tables {
        let first = points.first().map_or(f64::NAN, Point::per_record_ns);
        for point in points {
            page.row(&[
                count(point.records),
                count(point.files),
                point.settings.threads.to_string(),
                format!("{} MiB", point.settings.memory_mib),
                spread(&point.cost.seconds),
                seconds(point.per_record_ns() / 1e9),
                number(point.per_record_ns() / first),
                seconds(point.cost.cpu_seconds.median()),
                bytes(point.cost.peak_bytes.max()),
            ]);
        }
    }
    if let Some(huge) = &scaling.huge {
        write_huge(page, huge);
    }
    let records = Axis { name: "records", show: whole, logarithmic: true };
    let nanoseconds = Axis { name: "ns per record", show: whole, logarithmic: false };
    let cost = |point: &Point| (point.records as f64, point.per_record_ns());
    let line = Line { name: "dft index", points: scaling.records.iter().map(cost).collect(), bound: false };
    let plot = plot::lines("Cost of a record", &records, &nanoseconds, &[line]);
    page.plot("scaling-records", "Nanoseconds per record, by records", plot);
    let budget = Axis { name: "budget, MiB", show: whole, logarithmic: true };
    let peak = Axis { name: "peak, MiB", show: whole, logarithmic: true };
    let mib = |value: f64| value / f64::from(1 << 20);
    let of = |at: &dyn Fn(&Point) -> f64| {
        scaling.memory.iter().map(|point| (point.settings.memory_mib as f64, at(point))).collect()
    };
    let lines = [
        Line { name: "dft index", points: of(&|point| mib(point.cost.peak_bytes.max())), bound: false },
        Line { name: "budget + 150 MB", points: of(&|p| p.settings.memory_mib as f64 + mib(150e6)), bound: true },
    ];
    page.plot("scaling-memory", "Peak memory, by budget", plot::lines("Peak memory", &budget, &peak, &lines));
}

fn write_huge(page: &mut Page, huge: &Huge) {
    let Huge { small, whole, export } = huge;
    page.say(&format!(
        "\n{} records in {} files: {} for each record, {} × that of {} records; peak memory {}. Its export: {}, peak memory \
         {}.",
        count(whole.records),
        whole.files,
        seconds(whole.per_record_ns() / 1e9),
        number(whole.per_record_ns() / small.per_record_ns()),
        count(small.records),
        bytes(whole.cost.peak_bytes.max()),
        seconds(export.seconds.median()),
        bytes(export.peak_bytes.max())
    ));
}
