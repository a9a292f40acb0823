//! The section on exports of a large index.

use crate::exports::{Exports, WHOLE};
use crate::page::Page;
use crate::report::cells::spread;
use crate::words::{bytes, count, number, seconds};

pub(crate) fn write(page: &mut Page, exports: &Exports) {
    let facts = &exports.facts;
    page.say(&format!(
        "\n## Exports\n\nTables of an index of {} rows, {}.",
        count(facts.rows),
        bytes(facts.index_bytes as f64)
    ));
    page.head(&["", "arguments", "time", "of the whole", "CPU", "peak memory", "tables"]);
    let whole = exports.of(WHOLE).map_or(f64::NAN, |export| export.cost.seconds.median());
    for export in &exports.exports {
        page.row(&[
            export.name.to_owned(),
            format!("`{}`", export.arguments).replace("``", ""),
            spread(&export.cost.seconds),
            number(export.cost.seconds.median() / whole),
            seconds(export.cost.cpu_seconds.median()),
            bytes(export.cost.peak_bytes.max()),
            bytes(export.bytes as f64),
        ]);
    }
}
