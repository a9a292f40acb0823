//! Tables to files.

mod csv;
pub(crate) mod directory;
mod parquet;
pub(crate) mod temporary;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, Scope};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;

use crate::error::ExportError;

use crate::export::TablePart;
use crate::files::temporary::Temporary;
use crate::view::{Dictionaries, View};

/// The format of table files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet, zstd.
    #[default]
    Parquet,
    /// Arrow IPC, the file format.
    Arrow,
    /// CSV with a header; null is an empty field. Text that a spreadsheet would take for a formula has a `'` before
    /// it, and so has text that begins with `'`.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Parquet, Self::Arrow, Self::Csv];

    /// How the names of its files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Csv => "csv",
        }
    }

    pub(crate) fn dictionaries(self) -> Dictionaries {
        match self {
            Self::Arrow => Dictionaries::Whole,
            Self::Parquet | Self::Csv => Dictionaries::PerBatch,
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == name)
            .ok_or_else(|| format!("there is no format {name:?}; the formats are parquet, arrow, csv"))
    }
}

/// Batches that are made ahead of the one that is being written.
const AHEAD: usize = 4;

/// Writes a table to a file, which is to be renamed to `path` when all are written. Its parts, of which there is one at least, have one schema; they
/// are made on so many threads, and written on this one, or, where that takes long, on as many. Returns the
/// rows.
pub(crate) fn write(
    parts: Vec<TablePart<'_>>,
    threads: usize,
    view: &View<'_>,
    format: Format,
    path: &Path,
) -> Result<(Temporary, u64), ExportError> {
    dft_io::failpoint("export:before a table is written").map_err(ExportError::io(path))?;
    let temporary = Temporary::create(path)?;
    let file = temporary.file().map_err(ExportError::io(path))?;
    let refusal = Arc::new(Mutex::new(None));
    let file = Noting { file, refusal: refusal.clone() };
    let schema = parts.first().map_or_else(|| Arc::new(Schema::empty()), |part| part.batches.schema());
    let written = thread::scope(|scope| {
        let batches = spawn(scope, parts, threads).into_iter().flatten();
        match format {
            Format::Parquet => parquet::write(batches, schema, view, threads, file, path),
            Format::Arrow => write_arrow(batches, schema, file, path),
            Format::Csv => csv::write(batches, &schema, file, path),
        }
    });
    let refusal = refusal.lock().ok().and_then(|mut refusal| refusal.take());
    match (written, refusal) {
        (Ok(rows), _) => Ok((temporary, rows)),
        // Not every writer hands on what the system says.
        (Err(_), Some(source)) => Err(ExportError::io(path)(source)),
        (Err(error), None) => Err(error),
    }
}

/// Makes the batches of parts, on so many threads, and those beside them; each part has a receiver.
fn spawn<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    parts: Vec<TablePart<'env>>,
    threads: usize,
) -> Vec<Receiver<Made>> {
    let threads = threads.clamp(1, parts.len().max(1));
    let (senders, receivers): (Vec<_>, Vec<_>) = parts.iter().map(|_| sync_channel(AHEAD)).unzip();
    // They are begun in the order in which they are waited for.
    let next = Arc::new(Mutex::new(parts.into_iter().zip(senders)));
    for _ in 0..threads {
        let next = next.clone();
        scope.spawn(move || {
            let next = || next.lock().ok().and_then(|mut next| next.next());
            while let Some((TablePart { mut batches, beside }, sender)) = next() {
                if let Some(beside) = beside {
                    scope.spawn(beside);
                }
                while let Some(batch) = batches.next_batch().transpose() {
                    let failed = batch.is_err();
                    // Where the writer has gone, it says why.
                    if sender.send(batch).is_err() || failed {
                        return;
                    }
                }
            }
        });
    }
    receivers
}

/// Keeps what the system says of a write that failed.
struct Noting {
    file: File,
    refusal: Arc<Mutex<Option<io::Error>>>,
}

impl Noting {
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && let Some(code) = error.raw_os_error()
            && error.kind() != io::ErrorKind::Interrupted
            && let Ok(mut refusal) = self.refusal.lock()
        {
            refusal.get_or_insert(io::Error::from_raw_os_error(code));
        }
        result
    }
}

impl Write for Noting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.note(flushed)
    }
}

/// What a table is made of.
type Made = Result<RecordBatch, ExportError>;

fn write_arrow(
    batches: impl Iterator<Item = Made>,
    schema: SchemaRef,
    file: Noting,
    path: &Path,
) -> Result<u64, ExportError> {
    let failed = |source: ArrowError| ExportError::Write { path: path.to_owned(), source };
    let mut writer = FileWriter::try_new_buffered(file, &schema).map_err(failed)?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    let mut file = writer.into_inner().map_err(failed)?;
    file.flush().map_err(ExportError::io(path))?;
    Ok(rows)
}
