//! Groups as a table.

use std::cmp::Ordering;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};

use crate::batches::Batches;
use crate::columns::{StringColumn, dictionary_type, optional};
use crate::error::ExportError;
use crate::files;
use crate::files::format::Format;
use crate::group::by::GroupBy;
use crate::group::grouping::Grouping;
use crate::group::statistic::{Metric, MetricStatistic, Quantity, Statistic, StatisticKind};
use crate::group::sums::{GroupSums, Needs};
use crate::group::value::Value;
use crate::tables::{OpenPart, TablePart, TableParts};
use crate::view::View;

/// A column of a [`GroupTable`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputColumn {
    /// The name.
    pub name: String,
    /// What its numbers measure.
    pub quantity: Quantity,
    kind: ColumnKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnKind {
    Text,
    Int,
    Float,
}

impl OutputColumn {
    fn of_key(by: &GroupBy) -> Self {
        let kind = if by.is_text() { ColumnKind::Text } else { ColumnKind::Int };
        let quantity = match by {
            GroupBy::SizeBin => Quantity::Bytes,
            _ => Quantity::Label,
        };
        Self { name: by.name().to_owned(), quantity, kind }
    }

    fn of_statistic(statistic: &Statistic) -> Self {
        let kind = match &statistic.kind {
            StatisticKind::OfMetric(metric, of) => match (metric, of) {
                (_, MetricStatistic::Histogram) => ColumnKind::Text,
                (_, MetricStatistic::Samples) => ColumnKind::Int,
                (_, MetricStatistic::Mean | MetricStatistic::Deviation | MetricStatistic::Quantile(_)) => {
                    ColumnKind::Float
                }
                (Metric::Custom(_), _) => ColumnKind::Float,
                _ => ColumnKind::Int,
            },
            _ => ColumnKind::Int,
        };
        Self { name: statistic.name().to_owned(), quantity: statistic.quantity(), kind }
    }

    /// Whether the column contains texts.
    pub fn is_text(&self) -> bool {
        self.kind == ColumnKind::Text
    }
}

/// Groups of rows, in memory: what the rows were grouped by, then the statistics.
#[derive(Clone, Debug)]
pub struct GroupTable {
    columns: Vec<OutputColumn>,
    rows: Vec<Vec<Value>>,
    batch_rows: usize,
}

impl GroupTable {
    pub(super) fn new(
        view: &View<'_>,
        grouping: &Grouping,
        mut groups: Vec<(Vec<Value>, GroupSums)>,
        needs: &Needs,
    ) -> Result<Self, ExportError> {
        let keys = grouping.by.iter().map(OutputColumn::of_key);
        let columns: Vec<OutputColumn> =
            keys.chain(grouping.statistics.iter().map(OutputColumn::of_statistic)).collect();
        groups.sort_unstable_by(|a, b| order_of_keys(&a.0, &b.0));
        let mut rows = Vec::with_capacity(groups.len());
        for (key, sums) in groups {
            let describe = || format!("of group {}", shown(&key));
            let values: Vec<Value> = grouping
                .statistics
                .iter()
                .map(|statistic| sums.value(statistic, needs, describe))
                .collect::<Result<_, _>>()?;
            rows.push(key.into_iter().chain(values).collect());
        }
        let sort: Vec<(usize, bool)> = grouping
            .sort
            .iter()
            .filter_map(|sort| Some((columns.iter().position(|column| column.name == sort.column)?, sort.descending)))
            .collect();
        // The sort is stable, so groups that are equal stay in the order of their keys.
        rows.sort_by(|a: &Vec<Value>, b: &Vec<Value>| {
            let orders = sort.iter().map(|&(at, descending)| a[at].order_for_reader(&b[at], descending));
            orders.fold(Ordering::Equal, Ordering::then)
        });
        rows.truncate(grouping.limit.unwrap_or(usize::MAX));
        let batch_rows = view.batch_rows(columns.len());
        Ok(Self { columns, rows, batch_rows })
    }

    /// Returns the columns.
    pub fn columns(&self) -> &[OutputColumn] {
        &self.columns
    }

    /// Returns the rows: for each, the values of the columns.
    pub fn rows(&self) -> &[Vec<Value>] {
        &self.rows
    }

    /// Returns the table as record batches. String columns are dictionaries; every column may have nulls.
    pub fn into_batches(self) -> GroupBatches {
        let field = |column: &OutputColumn| {
            let data_type = match column.kind {
                ColumnKind::Text => dictionary_type(),
                ColumnKind::Int => DataType::Int64,
                ColumnKind::Float => DataType::Float64,
            };
            optional(column.name.replace('\0', "\\u0000"), data_type)
        };
        let schema = Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()));
        GroupBatches { schema, columns: self.columns, rows: self.rows.into_iter(), batch_rows: self.batch_rows }
    }

    /// Writes the table to a file, which appears whole or not at all, and replaces an earlier one.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written, and if the path is a link, a device or anything else but a regular file,
    /// because the new file would replace it.
    pub fn write_file(self, view: &View<'_>, format: Format, path: &Path) -> Result<(), ExportError> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => dft_io::refuse_others(metadata.file_type()).map_err(ExportError::io(path))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(ExportError::io(path)(error)),
        }
        let mut batches = self.into_batches();
        if format == Format::Arrow {
            // The batches of such a file share their dictionaries.
            batches.batch_rows = usize::MAX;
        }
        let schema = batches.schema();
        let part: TablePart<'_> = Box::new(|| Ok(OpenPart { batches: Box::new(batches), prefetch: None }));
        let (file, _) = files::write(TableParts { schema, parts: vec![part] }, 1, view, format, path)?;
        file.rename()
    }

    /// Writes the table as CSV, as [`Format::Csv`] does. `name` names the output in errors.
    ///
    /// # Errors
    ///
    /// Fails if the output cannot be written.
    pub fn write_csv(self, output: impl Write, name: &Path) -> Result<(), ExportError> {
        let mut batches = self.into_batches();
        let schema = batches.schema();
        let batches = std::iter::from_fn(|| batches.next_batch().transpose());
        files::csv::write(batches, &schema, output, name).map(drop)
    }
}

fn order_of_keys(a: &[Value], b: &[Value]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.order(b)).fold(Ordering::Equal, Ordering::then)
}

/// Describes a group in messages.
fn shown(key: &[Value]) -> String {
    let value = |value: &Value| match value {
        Value::Null => "null".to_owned(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => text.clone(),
    };
    key.iter().map(value).collect::<Vec<_>>().join(", ")
}

/// A [`GroupTable`] as record batches.
#[derive(Debug)]
pub struct GroupBatches {
    schema: SchemaRef,
    columns: Vec<OutputColumn>,
    rows: std::vec::IntoIter<Vec<Value>>,
    batch_rows: usize,
}

/// Builds a column.
enum Builder {
    Text(StringColumn),
    Int(Int64Builder),
    Float(Float64Builder),
}

impl Builder {
    fn new(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => Self::Text(StringColumn::default()),
            ColumnKind::Int => Self::Int(Int64Builder::new()),
            ColumnKind::Float => Self::Float(Float64Builder::new()),
        }
    }

    fn push(&mut self, value: Value) {
        match (self, value) {
            (Self::Text(column), Value::Text(text)) => column.push_string(&text),
            (Self::Text(column), _) => column.push_null(),
            (Self::Int(column), Value::Int(value)) => column.append_value(value),
            (Self::Int(column), _) => column.append_null(),
            (Self::Float(column), Value::Float(value)) => column.append_value(value),
            (Self::Float(column), _) => column.append_null(),
        }
    }

    fn finish(self) -> Result<ArrayRef, ExportError> {
        match self {
            Self::Text(mut column) => column.finish(),
            Self::Int(mut column) => Ok(Arc::new(column.finish())),
            Self::Float(mut column) => Ok(Arc::new(column.finish())),
        }
    }
}

impl Batches for GroupBatches {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let mut builders: Vec<Builder> = self.columns.iter().map(|column| Builder::new(column.kind)).collect();
        let mut rows = 0;
        for row in self.rows.by_ref().take(self.batch_rows) {
            builders.iter_mut().zip(row).for_each(|(builder, value)| builder.push(value));
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let arrays = builders.into_iter().map(Builder::finish).collect::<Result<_, _>>()?;
        Ok(Some(RecordBatch::try_new(self.schema.clone(), arrays)?))
    }
}
