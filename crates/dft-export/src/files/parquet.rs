//! Tables as Parquet files, whose columns are encoded on several threads.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema, SchemaRef};
use dft_io::account::{self, Chain, Stage};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use crate::error::ExportError;
use crate::view::View;

/// The most rows of a row group. It is fixed, so that a file does not depend on the number of threads.
const ROW_GROUP: usize = 256 << 10;

/// The most cells of a row group, which limits the rows of tables with many columns: until a page is full, each cell
/// takes some bytes, even if it is null.
const GROUP_CELLS: usize = 64 << 20;

/// Returns the rows of a row group with this many columns. The minimum bounds the number of groups, because each takes
/// memory per column.
fn group_rows(columns: usize) -> usize {
    let cells = if columns > WIDE { WIDE_GROUP_CELLS } else { GROUP_CELLS };
    (cells / columns.max(1)).clamp(64, ROW_GROUP)
}

/// A table with more columns than this is wide. Its columns are written uncompressed: a column's compressor and buffers
/// take about 20 KB, and the columns have few values each.
const WIDE: usize = 1000;

/// The most cells of a row group of a wide table, which is in memory until it is written.
const WIDE_GROUP_CELLS: usize = 8 << 20;

/// How many columns of a wide table are encoded at once. A column takes about 6 KB while it is encoded, even if it has
/// no value.
const COLUMNS_AT_ONCE: usize = 256;

/// Batches that are queued for a thread ahead of the one that it encodes.
const BATCHES_AHEAD: usize = 4;

/// The most threads that encode: only a few columns take long.
const ENCODERS: usize = 4;

/// Writes batches of flat columns on up to `threads` threads; returns the number of rows.
pub(crate) fn write(
    batches: impl Iterator<Item = Result<RecordBatch, ExportError>>,
    schema: SchemaRef,
    view: &View<'_>,
    threads: usize,
    file: impl Write + Send,
    path: &Path,
) -> Result<u64, ExportError> {
    let failed = |source: ParquetError| ExportError::Parquet { path: path.to_owned(), source };
    let properties = properties(&schema, view).map_err(failed)?;
    write_groups(batches, schema, properties, threads, file, failed)
}

/// Writes batches in row groups of the length that the properties set.
fn write_groups(
    batches: impl Iterator<Item = Result<RecordBatch, ExportError>>,
    schema: SchemaRef,
    properties: WriterProperties,
    threads: usize,
    file: impl Write + Send,
    failed: impl Fn(ParquetError) -> ExportError,
) -> Result<u64, ExportError> {
    let group_rows = properties.max_row_group_row_count().unwrap_or(usize::MAX);
    let file = BufWriter::with_capacity(1 << 20, file);
    let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties.clone())).map_err(&failed)?;
    let (writer, columns) = writer.into_serialized_writer().map_err(&failed)?;
    let chains = (0..threads.clamp(1, ENCODERS)).map(|_| Chain::new()).collect();
    let is_wide = schema.fields().len() > WIDE;
    let strips = if is_wide { strips(&schema, &properties).map_err(&failed)? } else { Vec::new() };
    let mut file =
        ParquetFile { writer, columns, strips, schema: &schema, encoders: chains, written: Chain::new(), groups: 0 };
    let mut batches = batches.peekable();
    let mut rest = None;
    let mut rows = 0;
    while rest.is_some() || batches.peek().is_some() {
        let group = RowGroup { batches: &mut batches, rest: &mut rest, left: group_rows, failed: None };
        rows += if is_wide { file.write_wide_group(group, &failed)? } else { file.write_group(group, &failed)? };
    }
    file.writer.close().map_err(&failed)?;
    Ok(rows)
}

fn properties(schema: &Schema, view: &View<'_>) -> Result<WriterProperties, ParquetError> {
    let is_wide = schema.fields().len() > WIDE;
    let compression = if is_wide { Compression::UNCOMPRESSED } else { Compression::ZSTD(ZstdLevel::try_new(1)?) };
    let mut properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(group_rows(schema.fields().len())))
        .set_statistics_enabled(if is_wide { EnabledStatistics::None } else { EnabledStatistics::Chunk })
        .set_offset_index_disabled(is_wide)
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(vec![
            KeyValue::new("dft.origin_us".to_owned(), view.origin().to_string()),
            KeyValue::new("dft.granularity_us".to_owned(), view.granularity().to_string()),
        ]));
    for field in schema.fields() {
        // Numbers are mostly distinct, so the writer would build a dictionary of them only to abandon it.
        let column = ColumnPath::from(field.name().as_str());
        match field.data_type() {
            // Rows are in order of hashes, so the min and max string of a row group are of no use.
            DataType::Dictionary(..) => {
                properties = properties
                    .set_column_dictionary_enabled(column.clone(), true)
                    .set_column_statistics_enabled(column, EnabledStatistics::None);
            }
            // Adjacent values are of one series and similar: their differences are short, and zstd would take much
            // time to make them slightly shorter.
            DataType::Int64 if !is_wide => {
                properties = properties
                    .set_column_encoding(column.clone(), Encoding::DELTA_BINARY_PACKED)
                    .set_column_compression(column, Compression::UNCOMPRESSED);
            }
            _ => {}
        }
    }
    Ok(properties.build())
}

/// Adjacent columns of a wide table, which are encoded at once.
struct Strip {
    first: usize,
    schema: SchemaRef,
    columns: ArrowRowGroupWriterFactory,
}

/// Divides the columns of a wide table.
fn strips(schema: &Schema, properties: &WriterProperties) -> Result<Vec<Strip>, ParquetError> {
    let firsts = (0..schema.fields().len()).step_by(COLUMNS_AT_ONCE);
    let strip = |first: usize| {
        let end = schema.fields().len().min(first + COLUMNS_AT_ONCE);
        let schema: SchemaRef = Arc::new(Schema::new(schema.fields()[first..end].to_vec()));
        // A factory is made only with a writer, and one makes the writers of all its columns at once.
        let options = ArrowWriterOptions::new().with_properties(properties.clone()).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(std::io::sink(), schema.clone(), options)?;
        let (_, columns) = writer.into_serialized_writer()?;
        Ok(Strip { first, schema, columns })
    };
    firsts.map(strip).collect()
}

struct ParquetFile<'s, W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: ArrowRowGroupWriterFactory,
    /// The columns of a wide table.
    strips: Vec<Strip>,
    schema: &'s Schema,
    /// The work of each thread that encodes.
    encoders: Vec<Chain>,
    /// The work of writing to the file.
    written: Chain,
    /// The number of row groups that were written.
    groups: usize,
}

/// The batches of a row group, up to its length.
struct RowGroup<'b, I> {
    batches: &'b mut I,
    /// The rows of a batch that did not fit the previous group or do not fit this one.
    rest: &'b mut Option<RecordBatch>,
    /// The number of rows that still fit.
    left: usize,
    failed: Option<ExportError>,
}

impl<I: Iterator<Item = Result<RecordBatch, ExportError>>> Iterator for RowGroup<'_, I> {
    type Item = RecordBatch;

    fn next(&mut self) -> Option<RecordBatch> {
        if self.left == 0 {
            return None;
        }
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => match self.batches.next()? {
                Ok(batch) => batch,
                Err(error) => {
                    self.failed = Some(error);
                    return None;
                }
            },
        };
        let rows = batch.num_rows().min(self.left);
        self.left -= rows;
        if rows == batch.num_rows() {
            return Some(batch);
        }
        *self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
        Some(batch.slice(0, rows))
    }
}

/// The columns of a row group that one thread encodes, by their position in the schema.
struct ColumnEncoder<'s> {
    schema: &'s Schema,
    columns: Vec<(usize, ArrowColumnWriter)>,
    chain: Chain,
}

/// Encoded columns, by their position in the schema.
type Encoded = Vec<(usize, ArrowColumnChunk)>;

impl ColumnEncoder<'_> {
    fn encode(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let Self { schema, columns, chain } = self;
        account::work(Stage::Encode, *chain, || {
            for (at, writer) in columns {
                for leaf in compute_leaves(schema.field(*at), batch.column(*at))? {
                    writer.write(&leaf)?;
                }
            }
            Ok(())
        })
    }

    fn finish(self) -> Result<Encoded, ParquetError> {
        account::work(Stage::Encode, self.chain, || {
            self.columns.into_iter().map(|(at, writer)| Ok((at, writer.close()?))).collect()
        })
    }

    fn encode_all(mut self, batches: Receiver<RecordBatch>) -> Result<Encoded, ParquetError> {
        for batch in batches {
            self.encode(&batch)?;
        }
        self.finish()
    }
}

impl<'s, W: Write + Send> ParquetFile<'s, W> {
    /// Writes a row group; returns the number of its rows.
    fn write_group<I>(
        &mut self,
        mut group: RowGroup<'_, I>,
        failed: &impl Fn(ParquetError) -> ExportError,
    ) -> Result<u64, ExportError>
    where
        I: Iterator<Item = Result<RecordBatch, ExportError>>,
    {
        let schema = self.schema;
        let columns = self.columns.create_column_writers(self.groups).map_err(failed)?;
        let encoder = |&chain: &Chain| ColumnEncoder { schema, columns: Vec::new(), chain };
        let mut others: Vec<_> = self.encoders.iter().map(encoder).collect();
        let mut own = others.remove(0);
        // Columns are assigned round-robin, because adjacent ones take about equally long.
        for (at, column) in columns.into_iter().enumerate() {
            let encoder = (at % self.encoders.len()).checked_sub(1).map_or(&mut own, |other| &mut others[other]);
            encoder.columns.push((at, column));
        }
        let mut rows = 0;
        let encoded = thread::scope(|scope| -> Result<Encoded, ParquetError> {
            let spawn = |encoder: ColumnEncoder<'s>| {
                let (sender, receiver) = sync_channel(BATCHES_AHEAD);
                (sender, scope.spawn(move || encoder.encode_all(receiver)))
            };
            let (senders, threads): (Vec<_>, Vec<_>) = others.into_iter().map(spawn).unzip();
            for batch in &mut group {
                rows += batch.num_rows() as u64;
                for sender in &senders {
                    // If the thread ended early, joining it returns the error.
                    let _ = sender.send(batch.clone());
                }
                own.encode(&batch)?;
            }
            drop(senders);
            let mut encoded = own.finish()?;
            for thread in threads {
                encoded.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(encoded)
        });
        if let Some(error) = group.failed.take() {
            return Err(error);
        }
        let mut encoded = encoded.map_err(failed)?;
        encoded.sort_unstable_by_key(|(at, _)| *at);
        account::work(Stage::Write, self.written, || {
            let mut to = self.writer.next_row_group()?;
            encoded.into_iter().try_for_each(|(_, chunk)| chunk.append_to_row_group(&mut to))?;
            to.close()
        })
        .map_err(failed)?;
        self.groups += 1;
        Ok(rows)
    }

    /// Writes a row group of a wide table, a few columns at a time; returns the number of its rows.
    fn write_wide_group<I>(
        &mut self,
        mut group: RowGroup<'_, I>,
        failed: &impl Fn(ParquetError) -> ExportError,
    ) -> Result<u64, ExportError>
    where
        I: Iterator<Item = Result<RecordBatch, ExportError>>,
    {
        let batches: Vec<RecordBatch> = (&mut group).collect();
        if let Some(error) = group.failed.take() {
            return Err(error);
        }
        let Self { writer, strips, groups, written, encoders, .. } = self;
        let write = || {
            let mut to = writer.next_row_group()?;
            for Strip { first, schema, columns } in strips {
                let columns = columns.create_column_writers(*groups)?.into_iter().enumerate().collect();
                let mut encoder = ColumnEncoder { schema, columns, chain: encoders[0] };
                for batch in &batches {
                    let strip = batch.columns()[*first..*first + schema.fields().len()].to_vec();
                    encoder.encode(&RecordBatch::try_new(schema.clone(), strip)?)?;
                }
                let encoded = encoder.finish()?;
                account::work(Stage::Write, *written, || {
                    encoded.into_iter().try_for_each(|(_, chunk)| chunk.append_to_row_group(&mut to))
                })?;
            }
            to.close().map(drop)
        };
        write().map_err(failed)?;
        self.groups += 1;
        Ok(batches.iter().map(|batch| batch.num_rows() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;
    use arrow_array::{DictionaryArray, Float64Array, Int64Array};
    use arrow_schema::Field;
    use arrow_select::concat::concat_batches;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::columns::dictionary_type;

    fn batch(schema: &SchemaRef, rows: std::ops::Range<i64>) -> RecordBatch {
        let numbers = Int64Array::from_iter_values(rows.clone());
        let halves = Float64Array::from_iter(rows.clone().map(|at| (at % 3 > 0).then_some(at as f64 / 2.0)));
        let texts: Vec<String> = rows.map(|at| format!("text {}", at % 5)).collect();
        let texts: DictionaryArray<Int32Type> = texts.iter().map(String::as_str).collect();
        RecordBatch::try_new(schema.clone(), vec![Arc::new(numbers), Arc::new(halves), Arc::new(texts)])
            .expect("columns of the schema")
    }

    #[test]
    fn row_groups_do_not_depend_on_the_length_of_batches_or_the_number_of_threads() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("number", DataType::Int64, false),
            Field::new("half", DataType::Float64, true),
            Field::new("text", dictionary_type(), false),
        ]));
        let failed = |source| ExportError::Parquet { path: "table".into(), source };
        for lengths in [&[][..], &[10], &[3, 3, 3, 3], &[25], &[7, 20, 1, 2], &[1; 31]] {
            let mut first = 0;
            let batches: Vec<RecordBatch> = lengths
                .iter()
                .map(|&length| {
                    first += length;
                    batch(&schema, first - length..first)
                })
                .collect();
            let mut files = Vec::new();
            for threads in [1, 2, 3, 9] {
                let properties = WriterProperties::builder().set_max_row_group_row_count(Some(10)).build();
                let mut file = Vec::new();
                let batches = batches.iter().cloned().map(Ok);
                let rows = write_groups(batches, schema.clone(), properties, threads, &mut file, failed);
                assert_eq!(rows.expect("written"), first as u64);
                files.push(file);
            }
            assert!(files.iter().all(|file| *file == files[0]), "{lengths:?}");
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(&files[0]).expect("written");
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
            let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
            let full = vec![10; first as usize / 10];
            assert_eq!(groups, [full, Vec::from_iter((first % 10 > 0).then_some(first % 10))].concat(), "{lengths:?}");
            let read: Vec<RecordBatch> = reader.build().expect("read").map(|batch| batch.expect("read")).collect();
            let whole = |batches: &[RecordBatch]| concat_batches(&schema, batches).expect("one schema");
            assert_eq!(whole(&read).columns(), whole(&batches).columns(), "{lengths:?}");
        }
    }

    #[test]
    fn a_wide_table_is_the_same_file_as_by_all_columns_at_once() {
        let columns = WIDE + COLUMNS_AT_ONCE + 7;
        let field = |at: usize| match at {
            0 => Field::new("text", dictionary_type(), false),
            at => Field::new(format!("m{at}"), DataType::Float64, true),
        };
        let schema: SchemaRef = Arc::new(Schema::new((0..columns).map(field).collect::<Vec<_>>()));
        let batch = |rows: std::ops::Range<usize>| {
            let texts: Vec<String> = rows.clone().map(|row| format!("text {}", row % 5)).collect();
            let texts: DictionaryArray<Int32Type> = texts.iter().map(String::as_str).collect();
            let numbers = |at: usize| {
                Float64Array::from_iter(rows.clone().map(|row| (row % 7 == at % 7).then_some((row * at) as f64)))
            };
            let numbers = (1..columns).map(|at| Arc::new(numbers(at)) as _);
            let all = std::iter::once(Arc::new(texts) as _).chain(numbers).collect();
            RecordBatch::try_new(schema.clone(), all).expect("columns of the schema")
        };
        let batches = [batch(0..30), batch(30..31), batch(31..75)];
        let properties = || {
            WriterProperties::builder()
                .set_max_row_group_row_count(Some(64))
                .set_statistics_enabled(EnabledStatistics::None)
                .set_offset_index_disabled(true)
                .set_dictionary_enabled(false)
                .set_column_dictionary_enabled(ColumnPath::from("text"), true)
                .build()
        };
        let failed = |source| ExportError::Parquet { path: "table".into(), source };
        let mut file = Vec::new();
        let rows = write_groups(batches.iter().cloned().map(Ok), schema.clone(), properties(), 2, &mut file, failed);
        assert_eq!(rows.expect("written"), 75);
        let mut plain = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut plain, schema.clone(), Some(properties())).expect("a writer");
        batches.iter().for_each(|batch| writer.write(batch).expect("written"));
        writer.close().expect("closed");
        assert!(file == plain, "{} and {} bytes", file.len(), plain.len());
    }

    #[test]
    fn the_first_failure_ends_the_file() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("number", DataType::Int64, false)]));
        let numbers = |rows| RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(vec![7; rows]))]);
        let fault = || ExportError::NoTable("this one".to_owned());
        let batches = [Ok(numbers(3).expect("a batch")), Err(fault()), Ok(numbers(3).expect("a batch"))];
        let properties = WriterProperties::builder().build();
        let failed = |source| ExportError::Parquet { path: "table".into(), source };
        let error = write_groups(batches.into_iter(), schema.clone(), properties, 2, Vec::new(), failed);
        assert_eq!(error.expect_err("it failed").to_string(), fault().to_string());
    }
}
