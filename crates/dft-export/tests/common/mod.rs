//! What tests of tables share.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use dft_aggregate::{Aggregator, Config};
use dft_codec::FileCounts;
use dft_store::{Batch, Index, IndexWriter};
use dft_trace::{Clock, Line, Parser};

/// An index in a temporary directory.
pub(crate) struct Built {
    _folder: tempfile::TempDir,
    pub(crate) index: Index,
}

/// Builds an index of records.
pub(crate) fn build(lines: &[String], config: &Config) -> Built {
    let folder = tempfile::tempdir().expect("a folder");
    let mut aggregator = Aggregator::new(config);
    Parser::new().parse(lines.join("\n").as_bytes(), 1, Clock::default(), |line| match line {
        Line::Record { record, clock, .. } => {
            aggregator.record(record, clock, &mut FileCounts::default()).expect("a sound record");
        }
        Line::Malformed { reason, .. } => panic!("{reason}"),
    });
    let bounds = aggregator.bounds();
    let batch = Batch { runs: vec![aggregator.into_run()], files: Vec::new(), bounds, ..Batch::default() };
    let mut writer = IndexWriter::open(folder.path(), config, false).expect("opened");
    writer.publish(&batch, 1).expect("published");
    drop(writer);
    let index = Index::open(folder.path()).expect("opened");
    Built { _folder: folder, index }
}

/// Returns a value of a column as text.
#[allow(dead_code, reason = "not every test reads values")]
pub(crate) fn text_of(column: &dyn Array, row: usize) -> String {
    if let Some(integers) = column.as_primitive_opt::<Int64Type>() {
        return integers.value(row).to_string();
    }
    if let Some(floats) = column.as_primitive_opt::<Float64Type>() {
        return ryu::Buffer::new().format(floats.value(row)).to_owned();
    }
    let texts = column.as_dictionary::<Int32Type>();
    texts.values().as_string::<i32>().value(texts.keys().value(row) as usize).to_owned()
}
