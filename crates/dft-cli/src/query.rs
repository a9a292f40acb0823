//! `dft query`.

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::{Result, bail};
use dft_codec::SeriesKind;
use dft_export::{Format, GroupTable, Grouping, OutputColumn, Quantity, Value, View, replace_file};
use dft_index::BuildOptions;
use dft_io::Show;
use serde_json::{Map, Number};

use crate::Outcome;
use crate::args::QueryArgs;
use crate::export::filter;
use crate::output::{say, say_json};
use crate::query_format::QueryFormat;
use crate::source;
use crate::table::{Align, table};
use dft_io::units::{bytes, count, duration, plural, three_digits};

pub(crate) fn run(args: &QueryArgs) -> Result<Outcome> {
    let mut grouping = Grouping::parse(&args.group_by, &args.stats, &args.sort, args.limit)?;
    grouping.threads = BuildOptions::default().threads;
    if !args.tables.is_empty() {
        grouping.kinds = SeriesKind::ALL.into_iter().filter(|kind| args.tables.contains(kind)).collect();
    }
    let filter = filter(&args.filter)?;
    let (index, outcome) = source::open(&args.index)?;
    let view = View::new(&index, args.granularity, filter)?;
    let groups = view.group(&grouping)?;
    let Some(out) = &args.out else {
        match args.format.unwrap_or(QueryFormat::Table) {
            QueryFormat::Table => say(&text(&groups))?,
            QueryFormat::Json => say_json(&json(&groups))?,
            QueryFormat::File(Format::Csv) => groups.write_csv(io::stdout().lock(), Path::new("standard output"))?,
            QueryFormat::File(format) => {
                bail!("{} is not written to standard output: name a file with --out", format.extension())
            }
        }
        return Ok(outcome);
    };
    let rows = plural(groups.rows().len() as u64, "row");
    match args.format.unwrap_or_else(|| QueryFormat::of_file(out)) {
        QueryFormat::Table => replace_file(out, text(&groups).as_bytes())?,
        QueryFormat::Json => replace_file(out, format!("{:#}\n", json(&groups)).as_bytes())?,
        QueryFormat::File(format) => groups.write_file(&view, format, out)?,
    }
    say(&format!("{}  {rows}\n", out.shown()))?;
    Ok(outcome)
}

/// Formats the groups for people.
fn text(groups: &GroupTable) -> String {
    let columns = groups.columns();
    let is_number = |column: &OutputColumn| !column.is_text();
    let align: Vec<Align> =
        columns.iter().map(|column| if is_number(column) { Align::Right } else { Align::Left }).collect();
    let mut rows = vec![columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>()];
    for row in groups.rows() {
        rows.push(row.iter().zip(columns).map(|(value, column)| shown(value, column.quantity)).collect());
    }
    let text = table(&align, &rows, 0);
    if groups.rows().is_empty() && io::stdout().is_terminal() { text + "no rows\n" } else { text }
}

/// Formats a value for people.
fn shown(value: &Value, quantity: Quantity) -> String {
    let number = match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Text(text) => return text.clone(),
        _ => return "-".to_owned(),
    };
    match (quantity, value) {
        (Quantity::Label, Value::Int(label)) => label.to_string(),
        (Quantity::Count, Value::Int(value)) => count(*value),
        (Quantity::Microseconds, _) => duration(number),
        (Quantity::Bytes, _) => bytes(number),
        _ => three_digits(number),
    }
}

/// Returns the groups as an array of objects.
fn json(groups: &GroupTable) -> serde_json::Value {
    let value = |value: &Value, column: &OutputColumn| match value {
        Value::Int(value) => serde_json::Value::from(*value),
        Value::Float(value) => Number::from_f64(*value).map_or(serde_json::Value::Null, serde_json::Value::Number),
        Value::Text(text) if column.quantity == Quantity::Histogram => {
            serde_json::from_str(text).unwrap_or_else(|_| text.clone().into())
        }
        Value::Text(text) => text.clone().into(),
        _ => serde_json::Value::Null,
    };
    let row = |row: &Vec<Value>| {
        let fields = row.iter().zip(groups.columns());
        serde_json::Value::Object(
            fields.map(|(cell, column)| (column.name.clone(), value(cell, column))).collect::<Map<_, _>>(),
        )
    };
    groups.rows().iter().map(row).collect()
}
