//! Tables as streams of record batches.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::error::ExportError;

/// The most rows of a batch, unless the view sets another length.
const BATCH_ROWS: usize = 8 << 10;

/// The most cells of a batch: batches of many columns are shorter.
const BATCH_CELLS: usize = 1 << 20;

/// Returns the rows of a batch with this many columns.
pub(crate) fn default_batch_rows(columns: usize) -> usize {
    (BATCH_CELLS / columns.max(1)).clamp(8, BATCH_ROWS)
}

/// A table as a stream of record batches.
pub trait Batches {
    /// Returns the schema of every batch.
    fn schema(&self) -> SchemaRef;

    /// Returns the next batch, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read, or if a number does not fit its column.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError>;
}

impl<B: Batches + ?Sized> Batches for Box<B> {
    fn schema(&self) -> SchemaRef {
        (**self).schema()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        (**self).next_batch()
    }
}

/// How the dictionaries of string columns relate from batch to batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dictionaries {
    /// Each batch has its own dictionaries with the strings that it contains.
    #[default]
    PerBatch,
    /// All batches share dictionaries with all strings of the table, as the Arrow IPC file format requires.
    Whole,
}
