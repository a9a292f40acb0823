//! Tables as CSV files, safe to open in spreadsheets.
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab, a carriage return or NUL as a formula
//! ([CWE-1236](https://cwe.mitre.org/data/definitions/1236.html)), and names in traces are whatever a program calls its
//! files. Text cells and column names that begin with one of these characters, or with `'`, are prefixed by `'`.
//! Removing one leading `'` restores each. Numbers are not changed.

use std::io::{BufWriter, Write};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, SchemaRef};
use csv::WriterBuilder;
use dft_io::account::{self, Chain, Stage};

use crate::error::ExportError;

/// Writes batches of one schema; returns the number of rows.
pub(crate) fn write(
    batches: impl Iterator<Item = Result<RecordBatch, ExportError>>,
    schema: &SchemaRef,
    file: impl Write,
    path: &Path,
) -> Result<u64, ExportError> {
    let failed = |error: csv::Error| ExportError::io(path)(error.into());
    let mut writer = WriterBuilder::new().from_writer(BufWriter::with_capacity(1 << 20, file));
    writer.write_record(schema.fields().iter().map(|field| guarded(field.name()))).map_err(failed)?;
    let (mut rows, chain) = (0, Chain::new());
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        let columns: Result<Vec<Column>, ArrowError> = batch.columns().iter().map(Column::of).collect();
        let columns = columns.map_err(|source| ExportError::Write { path: path.to_owned(), source })?;
        account::work(Stage::Write, chain, || {
            let mut buffers = (itoa::Buffer::new(), ryu::Buffer::new());
            (0..batch.num_rows()).try_for_each(|row| {
                columns.iter().try_for_each(|column| column.write(row, &mut buffers, &mut writer))?;
                // Ends the record.
                writer.write_record(None::<&[u8]>)
            })
        })
        .map_err(failed)?;
    }
    writer.flush().map_err(ExportError::io(path))?;
    Ok(rows)
}

/// A column of a batch.
enum Column {
    Integers(Int64Array),
    Floats(Float64Array),
    /// The numbers of texts, and the texts, which are guarded.
    Texts(Int32Array, StringArray),
}

impl Column {
    fn of(array: &ArrayRef) -> Result<Self, ArrowError> {
        if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
            return Ok(Self::Integers(integers.clone()));
        }
        if let Some(floats) = array.as_primitive_opt::<Float64Type>() {
            return Ok(Self::Floats(floats.clone()));
        }
        let texts = array.as_dictionary_opt::<Int32Type>();
        match texts.and_then(|texts| Some((texts.keys(), texts.values().as_string_opt::<i32>()?))) {
            // Each distinct text is guarded once, and mostly none has to be.
            Some((keys, values)) if values.iter().flatten().any(is_active) => {
                Ok(Self::Texts(keys.clone(), values.iter().map(|text| text.map(guarded)).collect()))
            }
            Some((keys, values)) => Ok(Self::Texts(keys.clone(), values.clone())),
            None => Err(ArrowError::CsvError(format!("no column can be of type {}", array.data_type()))),
        }
    }

    /// Writes the cell of a row, which is empty if it is null.
    fn write(
        &self,
        row: usize,
        (integer, float): &mut (itoa::Buffer, ryu::Buffer),
        writer: &mut csv::Writer<impl Write>,
    ) -> csv::Result<()> {
        let cell = match self {
            Self::Integers(values) if values.is_valid(row) => integer.format(values.value(row)),
            // The shortest text that is read as this double.
            Self::Floats(values) if values.is_valid(row) => float.format(values.value(row)),
            Self::Texts(keys, texts) if keys.is_valid(row) => texts.value(keys.value(row) as usize),
            _ => "",
        };
        writer.write_field(cell)
    }
}

/// Returns whether a text needs a `'` before it.
fn is_active(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0', '\''])
}

/// Returns a text that no spreadsheet runs.
fn guarded(text: &str) -> String {
    if is_active(text) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::DictionaryArray;
    use arrow_schema::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn text_that_looks_like_a_formula_gets_an_apostrophe_and_numbers_do_not() {
        let texts = ["=1+1", "+1", "-1", "@x", "\tx", "'x", "plain", "a=b", "", "with \"quotes\", and\nlines"];
        let column: DictionaryArray<Int32Type> = texts.into_iter().collect();
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("=name", dictionary, false),
            Field::new("number", DataType::Int64, false),
        ]));
        let numbers = Int64Array::from_iter_values((0..texts.len()).map(|at| -(at as i64)));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(column), Arc::new(numbers)]).expect("a batch");
        let mut file = Vec::new();
        assert_eq!(write([Ok(batch)].into_iter(), &schema, &mut file, Path::new("table")).expect("written"), 10);
        let text = String::from_utf8(file).expect("UTF-8");
        let wanted = "'=name,number\n'=1+1,0\n'+1,-1\n'-1,-2\n'@x,-3\n'\tx,-4\n''x,-5\nplain,-6\na=b,-7\n,-8\n\
                      \"with \"\"quotes\"\", and\nlines\",-9\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn numbers_are_in_their_shortest_form_and_nulls_are_empty() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("float", DataType::Float64, true),
            Field::new("integer", DataType::Int64, true),
        ]));
        let floats = [0.1, -0.0, 5.0, 1e15, 1e16, 1.5e300, 0.0001, 0.000_031, 1.2345678901234568e17, f64::NAN];
        let floats = Float64Array::from_iter(floats.into_iter().map(Some).chain([None, None]));
        let integers = [i64::MIN, i64::MAX, 0, 1, -1, 10, 100, 7, 8, 9];
        let integers = Int64Array::from_iter(integers.into_iter().map(Some).chain([Some(5), None]));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(floats), Arc::new(integers)]).expect("a batch");
        let mut file = Vec::new();
        assert_eq!(write([Ok(batch)].into_iter(), &schema, &mut file, Path::new("table")).expect("written"), 12);
        let wanted = "float,integer\n0.1,-9223372036854775808\n-0.0,9223372036854775807\n5.0,0\n\
                      1000000000000000.0,1\n1e16,-1\n1.5e300,10\n0.0001,100\n0.000031,7\n1.2345678901234568e17,8\nNaN,9\n\
                      ,5\n,\n";
        assert_eq!(String::from_utf8(file).expect("UTF-8"), wanted);
    }

    #[test]
    fn a_table_without_rows_has_a_header_and_a_column_of_another_type_is_an_error() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("flag", DataType::Boolean, false)]));
        let mut file = Vec::new();
        assert_eq!(write([].into_iter(), &schema, &mut file, Path::new("table")).expect("written"), 0);
        assert_eq!(file, b"flag\n");
        let flags = Arc::new(arrow_array::BooleanArray::from(vec![true]));
        let batch = RecordBatch::try_new(schema.clone(), vec![flags]).expect("a batch");
        let error = write([Ok(batch)].into_iter(), &schema, &mut file, Path::new("table")).expect_err("no such column");
        assert!(error.to_string().contains("table"), "{error}");
    }
}
