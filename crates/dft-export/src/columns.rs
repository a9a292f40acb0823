//! Columns in the making.

use std::collections::HashMap;
use std::iter::repeat_n;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, DictionaryArray, Int32Array, PrimitiveArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Int32Type};

use crate::error::ExportError;

/// The type of string columns: `dictionary<int32, utf8>`.
pub(crate) fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// A column that always has a value.
pub(crate) fn required(name: impl Into<String>, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

/// A column that is null where nothing was recorded.
pub(crate) fn optional(name: impl Into<String>, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

/// A string column: its distinct strings, and which one each row has.
#[derive(Default)]
pub(crate) struct StringColumn {
    numbers: HashMap<String, i32, ahash::RandomState>,
    strings: Vec<String>,
    keys: Vec<i32>,
    /// The rows that are null.
    nulls: Vec<usize>,
    /// The strings of all batches, where those share them.
    whole: Option<ArrayRef>,
}

impl StringColumn {
    /// A column whose batches share these strings.
    pub(crate) fn whole(mut strings: Vec<String>) -> Self {
        strings.sort_unstable();
        strings.dedup();
        let numbers = strings.iter().zip(0..).map(|(string, number)| (string.clone(), number)).collect();
        let whole: ArrayRef = Arc::new(StringArray::from_iter_values(&strings));
        Self { numbers, strings: Vec::new(), keys: Vec::new(), nulls: Vec::new(), whole: Some(whole) }
    }

    /// The number of a string in the batch.
    pub(crate) fn number(&mut self, string: &str) -> i32 {
        if let Some(&number) = self.numbers.get(string) {
            return number;
        }
        // Each batch has far fewer rows than this could count.
        let number = self.strings.len() as i32;
        self.strings.push(string.to_owned());
        self.numbers.insert(string.to_owned(), number);
        number
    }

    /// Adds a row that has the string of this number.
    #[inline]
    pub(crate) fn push(&mut self, number: i32) {
        self.keys.push(number);
    }

    /// Adds a row that has no string.
    pub(crate) fn push_null(&mut self) {
        self.nulls.push(self.keys.len());
        self.keys.push(0);
    }

    /// Adds so many of them.
    pub(crate) fn push_rows(&mut self, number: i32, rows: usize) {
        self.keys.extend(repeat_n(number, rows));
    }

    /// The rows so far; numbers of strings are then new, unless batches share them.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ExportError> {
        let keys = std::mem::take(&mut self.keys);
        let valid = (!self.nulls.is_empty()).then(|| {
            let mut valid = vec![true; keys.len()];
            self.nulls.drain(..).for_each(|row| valid[row] = false);
            NullBuffer::from(valid)
        });
        let keys = Int32Array::new(keys.into(), valid);
        let values = match &self.whole {
            Some(whole) => whole.clone(),
            None => {
                self.numbers.clear();
                Arc::new(StringArray::from_iter_values(std::mem::take(&mut self.strings)))
            }
        };
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
    }
}

/// A column of numbers that is null where nothing was recorded. Which rows are is a byte each until the end, when
/// Arrow packs them to bits: its builders do that row by row, which takes a fifth of making a table.
pub(crate) struct OptionalColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    valid: Vec<bool>,
}

impl<T: ArrowPrimitiveType> OptionalColumn<T> {
    /// A column that so many rows will be added to.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { values: Vec::with_capacity(rows), valid: Vec::with_capacity(rows) }
    }

    /// Adds a row.
    #[inline]
    pub(crate) fn push(&mut self, value: Option<T::Native>) {
        self.values.push(value.unwrap_or_default());
        self.valid.push(value.is_some());
    }

    /// The column.
    pub(crate) fn finish(self) -> ArrayRef {
        let nulls = Some(NullBuffer::from(self.valid)).filter(|nulls| nulls.null_count() > 0);
        Arc::new(PrimitiveArray::<T>::new(self.values.into(), nulls))
    }
}

/// A number that must fit a column of 64 bits; `row` says what it is of.
#[inline(always)]
pub(crate) fn int64<T: Copy + ToString>(
    value: T,
    table: &'static str,
    column: &str,
    row: impl FnOnce() -> String,
) -> Result<i64, ExportError>
where
    i64: TryFrom<T>,
{
    // What is never called is not compiled into every row's way.
    #[cold]
    fn too_large(value: impl ToString, table: &'static str, column: &str, row: impl FnOnce() -> String) -> ExportError {
        ExportError::TooLarge { table, row: row(), column: column.to_owned(), value: value.to_string() }
    }
    i64::try_from(value).map_err(|_| too_large(value, table, column, row))
}

/// Names for columns of data behind `fixed` ones: the data's own, or, where such a name is taken, a
/// marked one. A NUL is `\u0000`, as names of Arrow's C interface end with one.
pub(crate) fn column_names(fixed: &[String], names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut taken: std::collections::HashSet<String> = fixed.iter().cloned().collect();
    let mut columns = Vec::new();
    for name in names {
        let mut column = if name.contains('\0') { name.replace('\0', "\\u0000") } else { name };
        while !taken.insert(column.clone()) {
            column.insert_str(0, "metric:");
        }
        columns.push(column);
    }
    columns
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn optional_columns_are_those_that_arrow_makes() {
        for rows in [0, 1, 63, 64, 65, 200] {
            for null in [1, 3, 64, 1_000] {
                let values: Vec<Option<i64>> = (0..rows).map(|row| (row % null != 0).then_some(row)).collect();
                let mut column = OptionalColumn::<Int64Type>::with_capacity(10);
                values.iter().for_each(|value| column.push(*value));
                let made = column.finish();
                assert_eq!(made.nulls().is_some(), values.contains(&None));
                assert_eq!(made.to_data(), Int64Array::from(values).to_data());
            }
        }
    }

    #[test]
    fn data_never_takes_the_name_of_a_fixed_column() {
        let fixed = ["count", "ts"].map(String::from);
        let names = ["a", "count", "metric:count"].map(String::from);
        assert_eq!(column_names(&fixed, names), ["a", "metric:count", "metric:metric:count"]);
        let names = ["a\0b", "a\\u0000b"].map(String::from);
        assert_eq!(column_names(&fixed, names), ["a\\u0000b", "metric:a\\u0000b"]);
    }

    #[test]
    fn numbers_past_64_bits_are_an_error_that_names_the_row() {
        assert_eq!(int64(7_u128, "events", "count", String::new).ok(), Some(7));
        let error = int64(1_i128 << 64, "events", "size", || "read".to_owned()).expect_err("too large");
        assert_eq!(
            error.to_string(),
            "table events, row read: size is 18446744073709551616, past the 64 bits of its column"
        );
    }
}
