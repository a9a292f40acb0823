//! What tests of tables share.

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
