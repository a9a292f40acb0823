//! Tables as Arrow IPC files.

use std::io::Write;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;

use crate::error::ExportError;

/// Writes batches of one schema as batches of `batch_rows` rows, so that the file does not depend on how many threads
/// made them; returns the number of rows.
pub(crate) fn write(
    batches: impl Iterator<Item = Result<RecordBatch, ExportError>>,
    schema: &SchemaRef,
    batch_rows: usize,
    file: impl Write,
    path: &Path,
) -> Result<u64, ExportError> {
    let failed = |source: ArrowError| ExportError::Write { path: path.to_owned(), source };
    let mut writer = FileWriter::try_new_buffered(file, schema).map_err(failed)?;
    let mut rows = 0;
    let mut coalescer = BatchCoalescer::new(schema.clone(), batch_rows);
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        coalescer.push_batch(batch).map_err(failed)?;
        while let Some(batch) = coalescer.next_completed_batch() {
            writer.write(&batch).map_err(failed)?;
        }
    }
    coalescer.finish_buffered_batch().map_err(failed)?;
    while let Some(batch) = coalescer.next_completed_batch() {
        writer.write(&batch).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    let mut file = writer.into_inner().map_err(failed)?;
    file.flush().map_err(ExportError::io(path))?;
    Ok(rows)
}
