//! The section on single steps.

use crate::micro::Step;
use crate::page::Page;
use crate::plot::{self, Group};
use crate::words::{number, seconds};

pub(crate) fn write(page: &mut Page, steps: &[Step]) {
    page.say("\n## Single steps\n");
    page.say("On one thread, by criterion: the median of one iteration, and its 95 % confidence interval.");
    page.head(&["group", "step", "time", "rate"]);
    for step in steps {
        let rate = match (step.bytes_per_second(), step.elements) {
            (Some(rate), _) => format!("{} GB/s", number(rate / 1e9)),
            (None, Some(elements)) => format!("{} each", seconds(step.ns / elements as f64 / 1e9)),
            (None, None) => String::new(),
        };
        let [median, low, high] = [step.ns, step.ns_low, step.ns_high].map(|ns| seconds(ns / 1e9));
        page.row(&[step.group.clone(), step.name.clone(), format!("{median} ({low}–{high})"), rate]);
    }
    let groups = (0..4).map(|generation| {
        let records = steps.iter().filter(|step| step.group == "records");
        let bar = |step: &Step| {
            let (parser, of) = step.name.split_once(", ")?;
            let rate = step.bytes_per_second()? / 1e9;
            (of == generation.to_string()).then(|| (parser.to_owned(), rate))
        };
        Group { name: format!("generation {generation}"), bars: records.filter_map(bar).collect() }
    });
    let plot = plot::bars("Parsing, one thread", " GB/s", &groups.collect::<Vec<_>>());
    page.plot("parsing", "Parsing rates, by tracer generation and parser", plot);
}
