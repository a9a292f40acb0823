//! Columns that tables are built from.

use std::collections::HashSet;
use std::iter::repeat_n;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, ArrowPrimitiveType, DictionaryArray, Int32Array, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field};

use crate::error::ExportError;
use crate::string_dictionary::{StringDictionary, WholeDictionary};

/// Returns the type of string columns: `dictionary<int32, utf8>`.
pub(crate) fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Describes a column without nulls.
pub(crate) fn required(name: impl Into<String>, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

/// Describes a column that is null where nothing was recorded.
pub(crate) fn optional(name: impl Into<String>, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

/// Builds a string column: its distinct strings, and the number of the string in each row.
#[derive(Clone, Default)]
pub(crate) struct StringColumn {
    strings: StringDictionary,
    keys: Vec<i32>,
    /// The positions of the rows that are null.
    nulls: Vec<usize>,
    /// The strings of all batches, if batches share dictionaries.
    whole: Option<Whole>,
}

#[derive(Clone)]
struct Whole {
    dictionary: Arc<WholeDictionary>,
    array: ArrayRef,
    /// The number that was found last. The next string is mostly the one after it.
    last: i32,
}

impl StringColumn {
    /// Creates a column whose batches share these strings.
    pub(crate) fn whole(dictionary: Arc<WholeDictionary>) -> Self {
        let array = Arc::new(dictionary.strings().clone());
        Self { whole: Some(Whole { dictionary, array, last: -1 }), ..Self::default() }
    }

    /// Returns the number of a string in the batch.
    pub(crate) fn number(&mut self, string: &str) -> i32 {
        let Some(Whole { dictionary, last, .. }) = &mut self.whole else { return self.strings.number(string) };
        // A first pass over the same rows found all strings. If one were missing, its number would be refused with the
        // batch.
        *last = dictionary.number(string, *last + 1).unwrap_or(-1);
        *last
    }

    /// Adds a row with the string of this number.
    #[inline]
    pub(crate) fn push(&mut self, number: i32) {
        self.keys.push(number);
    }

    /// Adds a row with this string.
    pub(crate) fn push_string(&mut self, string: &str) {
        let number = self.number(string);
        self.push(number);
    }

    /// Adds a row that is null.
    pub(crate) fn push_null(&mut self) {
        self.nulls.push(self.keys.len());
        self.keys.push(0);
    }

    /// Adds a row like the last one, which must be in the same batch.
    pub(crate) fn push_again(&mut self) {
        let row = self.keys.len();
        if self.nulls.last().is_some_and(|&null| null + 1 == row) {
            self.push_null();
        } else if let Some(&number) = self.keys.last() {
            self.push(number);
        }
    }

    /// Adds rows with the string of this number.
    pub(crate) fn push_rows(&mut self, number: i32, rows: usize) {
        self.keys.extend(repeat_n(number, rows));
    }

    /// Returns the rows so far and starts a new batch; strings are numbered from 0 again unless batches
    /// share dictionaries.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ExportError> {
        let keys = std::mem::take(&mut self.keys);
        let valid = (!self.nulls.is_empty()).then(|| {
            let mut valid = vec![true; keys.len()];
            self.nulls.drain(..).for_each(|row| valid[row] = false);
            NullBuffer::from(valid)
        });
        let keys = Int32Array::new(keys.into(), valid);
        let values = match &self.whole {
            Some(whole) => whole.array.clone(),
            None => Arc::new(self.strings.take_array()?),
        };
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
    }
}

/// Builds a column of numbers that is null where nothing was recorded. Validity takes a byte per row until the end,
/// when Arrow packs it to bits. Arrow's own builders pack row by row, which takes a fifth of the time of a table.
pub(crate) struct OptionalColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    valid: Vec<bool>,
}

impl<T: ArrowPrimitiveType> OptionalColumn<T> {
    /// Creates a column with room for rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { values: Vec::with_capacity(rows), valid: Vec::with_capacity(rows) }
    }

    /// Adds a row.
    #[inline]
    pub(crate) fn push(&mut self, value: Option<T::Native>) {
        self.values.push(value.unwrap_or_default());
        self.valid.push(value.is_some());
    }

    /// Returns the column.
    pub(crate) fn finish(self) -> ArrayRef {
        let nulls = Some(NullBuffer::from(self.valid)).filter(|nulls| nulls.null_count() > 0);
        Arc::new(PrimitiveArray::<T>::new(self.values.into(), nulls))
    }
}

/// Returns names for data columns after the `fixed` ones: the data's own names, prefixed by `metric:` where a name is
/// already used. A NUL becomes `\u0000`, because names in Arrow's C interface end with a NUL.
pub(crate) fn column_names(fixed: &[String], names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut used: HashSet<String> = fixed.iter().cloned().collect();
    let mut columns = Vec::new();
    for name in names {
        let mut column = if name.contains('\0') { name.replace('\0', "\\u0000") } else { name };
        while !used.insert(column.clone()) {
            column.insert_str(0, "metric:");
        }
        columns.push(column);
    }
    columns
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int64Type;
    use arrow_array::{Array, Int64Array};

    use super::*;

    #[test]
    fn optional_columns_equal_those_that_arrow_builds() {
        for rows in [0, 1, 63, 64, 65, 200] {
            for null in [1, 3, 64, 1_000] {
                let values: Vec<Option<i64>> = (0..rows).map(|row| (row % null != 0).then_some(row)).collect();
                let mut column = OptionalColumn::<Int64Type>::with_capacity(10);
                values.iter().for_each(|value| column.push(*value));
                let built = column.finish();
                assert_eq!(built.nulls().is_some(), values.contains(&None));
                assert_eq!(built.to_data(), Int64Array::from(values).to_data());
            }
        }
    }

    #[test]
    fn data_columns_never_have_the_name_of_a_fixed_column() {
        let fixed = ["count", "ts"].map(String::from);
        let names = ["a", "count", "metric:count"].map(String::from);
        assert_eq!(column_names(&fixed, names), ["a", "metric:count", "metric:metric:count"]);
        let names = ["a\0b", "a\\u0000b"].map(String::from);
        assert_eq!(column_names(&fixed, names), ["a\\u0000b", "metric:a\\u0000b"]);
    }
}
