//! Tables as files.

mod arrow_ipc;
pub(crate) mod csv;
pub(crate) mod directory;
mod fixed_batches;
pub(crate) mod format;
mod parquet;
pub(crate) mod temporary;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, Scope};

use arrow_array::RecordBatch;
use dft_io::account::{self, Chain, Stage};

use fixed_batches::FixedBatches;
use format::Format;
use temporary::TemporaryFile;

use crate::error::ExportError;
use crate::tables::{OpenPart, TablePart, TableParts};
use crate::view::View;

/// Batches that are read ahead of the one that is being written.
const BATCHES_AHEAD: usize = 4;

/// Writes a table to a temporary file next to `path`, which the caller renames. Returns the file and the number of
/// rows.
///
/// Up to `threads` threads read the parts. This thread
/// writes them; encoding Parquet also takes up to `threads` threads.
pub(crate) fn write(
    parts: TableParts<'_>,
    threads: usize,
    view: &View<'_>,
    format: Format,
    path: &Path,
) -> Result<(TemporaryFile, u64), ExportError> {
    dft_io::failpoint("export:before a table is written").map_err(ExportError::io(path))?;
    let temporary = TemporaryFile::create(path)?;
    let file = temporary.file().map_err(ExportError::io(path))?;
    let system_error = Arc::new(Mutex::new(None));
    let file = ErrorRecorder { file, system_error: system_error.clone() };
    let TableParts { schema, parts } = parts;
    let written = thread::scope(|scope| {
        let is_one_part = parts.len() == 1;
        let batches = spawn(scope, parts, threads).into_iter().flatten();
        // The batches of one part have the length already.
        let batches: Box<dyn Iterator<Item = _>> = match is_one_part {
            true => Box::new(batches),
            false => {
                let rows = view.batch_rows(schema.fields().len());
                Box::new(FixedBatches::new(batches, schema.clone(), rows, path))
            }
        };
        match format {
            Format::Parquet => parquet::write(batches, schema, view, threads, file, path),
            Format::Arrow => arrow_ipc::write(batches, &schema, file, path),
            Format::Csv => csv::write(batches, &schema, file, path),
        }
    });
    let system_error = system_error.lock().ok().and_then(|mut error| error.take());
    match (written, system_error) {
        (Ok(rows), _) => Ok((temporary, rows)),
        // Not every writer passes on the system's error.
        (Err(_), Some(source)) => Err(ExportError::io(path)(source)),
        (Err(error), None) => Err(error),
    }
}

/// Reads the batches of parts on up to `threads` threads, next to which the parts' prefetches run. Returns a receiver
/// per part.
fn spawn<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    parts: Vec<TablePart<'env>>,
    threads: usize,
) -> Vec<Receiver<Result<RecordBatch, ExportError>>> {
    let threads = threads.clamp(1, parts.len().max(1));
    let (senders, receivers): (Vec<_>, Vec<_>) = parts.iter().map(|_| sync_channel(BATCHES_AHEAD)).unzip();
    // Parts are begun in the order in which the writer waits for them.
    let next = Arc::new(Mutex::new(parts.into_iter().zip(senders)));
    for _ in 0..threads {
        let next = next.clone();
        scope.spawn(move || {
            let next = || next.lock().ok().and_then(|mut next| next.next());
            while let Some((part, sender)) = next() {
                let OpenPart { mut batches, prefetch } = match account::work(Stage::Prepare, Chain::new(), part) {
                    Ok(part) => part,
                    Err(error) => {
                        let _ = sender.send(Err(error));
                        return;
                    }
                };
                if let Some(prefetch) = prefetch {
                    scope.spawn(|| account::work(Stage::Read, Chain::new(), prefetch));
                }
                let chain = Chain::new();
                let mut next_batch = || account::work(Stage::Batch, chain, || batches.next_batch());
                while let Some(batch) = next_batch().transpose() {
                    let failed = batch.is_err();
                    // If the writer is gone, it has returned its own error.
                    if sender.send(batch).is_err() || failed {
                        return;
                    }
                }
            }
        });
    }
    receivers
}

/// A file that records the first error of the system when it is written.
struct ErrorRecorder {
    file: File,
    system_error: Arc<Mutex<Option<io::Error>>>,
}

impl ErrorRecorder {
    fn record<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && let Some(code) = error.raw_os_error()
            && error.kind() != io::ErrorKind::Interrupted
            && let Ok(mut first) = self.system_error.lock()
        {
            first.get_or_insert(io::Error::from_raw_os_error(code));
        }
        result
    }
}

impl Write for ErrorRecorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.record(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.record(flushed)
    }
}
