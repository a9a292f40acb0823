//! Tables as CSV files, safe to open in spreadsheets.
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab, a carriage return or NUL as a formula
//! ([CWE-1236](https://cwe.mitre.org/data/definitions/1236.html)), and names in traces are whatever a program calls its
//! files. Text cells and column names that begin with one of these characters, or with `'`, are prefixed by `'`.
//! Removing one leading `'` restores each. Numbers are not changed.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, RecordBatch, StringArray};
use arrow_csv as csv;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use dft_io::account::{self, Chain, Stage};

use crate::error::ExportError;

/// Writes batches of one schema; returns the number of rows.
pub(crate) fn write(
    batches: impl Iterator<Item = Result<RecordBatch, ExportError>>,
    schema: &SchemaRef,
    file: impl Write,
    path: &Path,
) -> Result<u64, ExportError> {
    let failed = |source: ArrowError| ExportError::Write { path: path.to_owned(), source };
    let schema = guarded_names(schema);
    let mut writer = csv::WriterBuilder::new().with_header(true).build(BufWriter::with_capacity(1 << 20, file));
    let (mut rows, chain) = (0, Chain::new());
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        let columns = batch.columns().iter().map(guarded).collect();
        let batch = RecordBatch::try_new(schema.clone(), columns).map_err(failed)?;
        account::work(Stage::Write, chain, || writer.write(&batch)).map_err(failed)?;
    }
    if rows == 0 {
        // The header is written with the first batch, and a table without rows needs one too.
        writer.write(&RecordBatch::new_empty(schema)).map_err(failed)?;
    }
    writer.into_inner().flush().map_err(ExportError::io(path))?;
    Ok(rows)
}

/// Returns whether a text needs a `'` before it.
fn is_active(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0', '\''])
}

fn guarded_names(schema: &Schema) -> SchemaRef {
    let guarded = |field: &Arc<Field>| match is_active(field.name()) {
        true => Arc::new(field.as_ref().clone().with_name(format!("'{}", field.name()))),
        false => field.clone(),
    };
    Arc::new(Schema::new(schema.fields().iter().map(guarded).collect::<Vec<_>>()))
}

/// Returns a column with guarded strings. Strings are in dictionaries, so each distinct string is checked once.
fn guarded(column: &ArrayRef) -> ArrayRef {
    if !matches!(column.data_type(), DataType::Dictionary(..)) {
        return column.clone();
    }
    let column = column.as_dictionary::<Int32Type>();
    let Some(values) = column.values().as_string_opt::<i32>() else { return Arc::new(column.clone()) };
    if !values.iter().flatten().any(is_active) {
        return Arc::new(column.clone());
    }
    let guard = |text: &str| if is_active(text) { format!("'{text}") } else { text.to_owned() };
    let values: StringArray = values.iter().map(|text| text.map(guard)).collect();
    Arc::new(DictionaryArray::new(column.keys().clone(), Arc::new(values)))
}

#[cfg(test)]
mod tests {
    use arrow_array::Int64Array;

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
}
