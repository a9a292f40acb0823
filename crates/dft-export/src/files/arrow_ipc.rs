//! Tables as Arrow IPC files.

use std::io::Write;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, SchemaRef};
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
    let mut writer = FileWriter::try_new_buffered(file, schema).map_err(failed)?;
    let (mut rows, chain) = (0, Chain::new());
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        account::work(Stage::Write, chain, || writer.write(&batch)).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    let mut file = writer.into_inner().map_err(failed)?;
    file.flush().map_err(ExportError::io(path))?;
    Ok(rows)
}
