//! An analysis as CSV: its groups if there are any, else its layers.

use dft_analyze::{Analysis, Group, Layer, LayerTotals};

/// Returns the lines, with a header.
pub(super) fn text(analysis: &Analysis) -> String {
    let rows = match &analysis.groups {
        Some(groups) => {
            let head = [
                &groups.by,
                "start_us",
                "layer",
                "calls",
                "time_us",
                "bytes",
                "busy_us",
                "busy_sum_us",
                "calls_in_progress",
                "peak_calls_in_progress",
            ];
            let rows = groups.groups.iter().flat_map(|group| {
                std::iter::once(&group.all).chain(&group.layers).map(move |totals| group_row(group, totals))
            });
            std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect::<Vec<_>>()
        }
        None => {
            let rows = analysis.layers.iter().map(layer_row);
            std::iter::once(LAYER_COLUMNS.map(str::to_owned).to_vec()).chain(rows).collect()
        }
    };
    rows.iter().map(|row| row.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(",") + "\n").collect()
}

const LAYER_COLUMNS: [&str; 26] = [
    "layer",
    "title",
    "parent",
    "calls",
    "unknown_calls",
    "time_us",
    "bytes",
    "processes",
    "files",
    "busy_us",
    "share_of_job",
    "busy_sum_us",
    "busy_mean_us",
    "own_us",
    "calls_in_progress",
    "peak_calls_in_progress",
    "bandwidth_bytes_per_s",
    "hidden_us",
    "exposed_us",
    "max_over_mean",
    "coefficient_of_variation",
    "most_process",
    "least_process",
    "duration_mean_us",
    "duration_max_us",
    "size_mean_bytes",
];

/// Formats a number; nothing if it is not known.
fn number<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn group_row(group: &Group, totals: &LayerTotals) -> Vec<String> {
    vec![
        group.name.clone(),
        number(group.start_us),
        totals.layer.clone(),
        number(totals.calls),
        number(totals.time_us),
        number(totals.bytes),
        number(totals.busy_us),
        number(totals.busy_sum_us),
        number(totals.calls_in_progress),
        number(totals.peak_calls_in_progress),
    ]
}

fn layer_row(layer: &Layer) -> Vec<String> {
    let busy = layer.busy.as_ref();
    let hidden = busy.and_then(|busy| busy.hidden.as_ref());
    vec![
        layer.name.clone(),
        layer.title.clone(),
        layer.parent.clone().unwrap_or_default(),
        layer.calls.to_string(),
        layer.unknown_calls.to_string(),
        layer.time_us.to_string(),
        number(layer.bytes),
        layer.processes.to_string(),
        layer.files.to_string(),
        number(busy.map(|busy| busy.any_us)),
        number(busy.map(|busy| busy.share_of_job)),
        number(busy.map(|busy| busy.sum_us)),
        number(busy.map(|busy| busy.mean_us)),
        number(busy.map(|busy| busy.own_us)),
        number(busy.and_then(|busy| busy.calls_in_progress)),
        number(busy.and_then(|busy| busy.peak_calls_in_progress)),
        number(busy.and_then(|busy| busy.bandwidth_bytes_per_s)),
        number(hidden.map(|hidden| hidden.same_process_us)),
        number(hidden.map(|hidden| hidden.exposed_us)),
        number(busy.map(|busy| busy.imbalance.max_over_mean)),
        number(busy.map(|busy| busy.imbalance.coefficient_of_variation)),
        busy.map(|busy| busy.imbalance.most.process.clone()).unwrap_or_default(),
        busy.map(|busy| busy.imbalance.least.process.clone()).unwrap_or_default(),
        number(layer.duration_us.mean),
        number(layer.duration_us.max),
        number(layer.size_bytes.as_ref().and_then(|size| size.mean)),
    ]
}

/// Returns a field as CSV. A text that a spreadsheet would run as a formula gets an apostrophe, as in exports.
fn quoted(field: &str) -> String {
    let is_number = field.parse::<f64>().is_ok();
    let field = match field.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
        true => format!("'{field}"),
        false => field.to_owned(),
    };
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_if_necessary() {
        for (field, text) in [
            ("a", "a"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("-5", "-5"),
            ("-a", "'-a"),
        ] {
            assert_eq!(quoted(field), text);
        }
    }
}
