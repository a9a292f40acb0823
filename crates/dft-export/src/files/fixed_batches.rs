//! Batches of a fixed length, however long the batches are that they are made of.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::coalesce::BatchCoalescer;

use crate::error::ExportError;

/// Joins batches to batches of `rows` rows, except the last one. Files show where batches end, and must not depend on
/// how many threads made them.
pub(crate) struct FixedBatches<I> {
    batches: I,
    /// `None` after the last batch.
    coalescer: Option<BatchCoalescer>,
    path: PathBuf,
}

impl<I> FixedBatches<I> {
    pub(crate) fn new(batches: I, schema: SchemaRef, rows: usize, path: &Path) -> Self {
        Self { batches, coalescer: Some(BatchCoalescer::new(schema, rows)), path: path.to_owned() }
    }
}

impl<I: Iterator<Item = Result<RecordBatch, ExportError>>> Iterator for FixedBatches<I> {
    type Item = Result<RecordBatch, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let coalescer = self.coalescer.as_mut()?;
            if let Some(batch) = coalescer.next_completed_batch() {
                return Some(Ok(batch));
            }
            let pushed = match self.batches.next() {
                Some(Ok(batch)) => coalescer.push_batch(batch),
                Some(Err(error)) => {
                    self.coalescer = None;
                    return Some(Err(error));
                }
                None => {
                    let mut coalescer = self.coalescer.take()?;
                    let finished = coalescer.finish_buffered_batch();
                    return match finished {
                        Ok(()) => coalescer.next_completed_batch().map(Ok),
                        Err(source) => Some(Err(ExportError::Write { path: self.path.clone(), source })),
                    };
                }
            };
            if let Err(source) = pushed {
                self.coalescer = None;
                return Some(Err(ExportError::Write { path: self.path.clone(), source }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;
    use arrow_array::{DictionaryArray, StringArray};
    use arrow_schema::{Field, Schema};

    use super::*;
    use crate::columns::dictionary_type;

    #[test]
    fn batches_have_the_asked_length_and_the_rows_of_the_given_ones() {
        let schema = Arc::new(Schema::new(vec![Field::new("name", dictionary_type(), false)]));
        for lengths in [vec![], vec![0], vec![3, 1, 0, 9, 2], vec![5, 5], vec![23]] {
            let mut row = 0;
            let batches: Vec<_> = lengths
                .iter()
                .map(|&length| {
                    let names: Vec<String> = (row..row + length).map(|row| format!("n{}", row % 7)).collect();
                    row += length;
                    let names: DictionaryArray<Int32Type> = names.iter().map(String::as_str).collect();
                    Ok(RecordBatch::try_new(schema.clone(), vec![Arc::new(names)]).expect("a batch"))
                })
                .collect();
            let fixed = FixedBatches::new(batches.into_iter(), schema.clone(), 5, Path::new("x"));
            let fixed: Vec<RecordBatch> = fixed.map(|batch| batch.expect("a batch")).collect();
            let (last, full) = fixed.split_last().map_or((0, &[][..]), |(last, full)| (last.num_rows(), full));
            assert!(full.iter().all(|batch| batch.num_rows() == 5), "{lengths:?}");
            assert_eq!(full.len() * 5 + last, row as usize, "{lengths:?}");
            let names: Vec<&str> = fixed
                .iter()
                .flat_map(|batch| {
                    batch.column(0).as_dictionary::<Int32Type>().downcast_dict::<StringArray>().expect("texts")
                })
                .map(|name| name.expect("a name"))
                .collect();
            assert!(names.into_iter().eq((0..row).map(|row| format!("n{}", row % 7))), "{lengths:?}");
        }
    }
}
