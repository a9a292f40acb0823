//! Inputs of the micro benches: generated traces, and what they are processed to.
//!
//! `cargo xtask bench` runs the benches and reads criterion's results. Do not use `cargo bench -p …`: the crates of
//! this workspace are always built together.
// A bench without its input cannot continue.
#![allow(clippy::expect_used, clippy::missing_panics_doc)]

use std::path::PathBuf;

use dft_aggregate::{Aggregator, Config};
use dft_codec::FileCounts;
use dft_gen_trace::GenTrace;
use dft_store::Batch;
use dft_trace::{Block, Clock, Line, Parser, TraceReader};
use tempfile::TempDir;

/// A generated trace file.
#[derive(Debug)]
pub struct Trace {
    /// Keeps the file until this is dropped.
    _directory: TempDir,
    /// The file.
    pub path: PathBuf,
    /// Its inflated text.
    pub text: Vec<u8>,
}

impl Trace {
    /// Generates a trace with these arguments of `gen-trace`, in one gzip file.
    pub fn generate(arguments: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut words: Vec<&str> = arguments.split_whitespace().collect();
        words.extend(["--files", "1"]);
        let written = GenTrace::from_arguments(&words, directory.path()).and_then(|gen_trace| gen_trace.run());
        written.expect("a trace");
        let mut entries = directory.path().read_dir().expect("a directory");
        let path = entries.next().expect("a file").expect("readable").path();
        let mut text = Vec::new();
        inflate(&path, |block| text.extend_from_slice(block));
        Self { _directory: directory, path, text }
    }

    /// Returns the lines that hold a record.
    pub fn lines(&self) -> Vec<&[u8]> {
        let lines = self.text.split(|&byte| byte == b'\n').map(dft_trace::payload);
        lines.filter(|line| line.starts_with(b"{")).collect()
    }

    /// Aggregates the trace's records into a table.
    pub fn aggregated(&self) -> Aggregator {
        let mut aggregator = Aggregator::new(&Config::default());
        aggregate(&mut Parser::new(), &self.text, &mut aggregator);
        aggregator
    }
}

/// Reads a trace file and passes its text, block by block, to `sink`.
pub fn inflate(path: &std::path::Path, mut sink: impl FnMut(&[u8])) {
    let mut reader = TraceReader::open(path).expect("a trace");
    let (start, mut block) = (reader.start(), Block::default());
    while reader.next_block(start, &mut block).expect("a sound trace") {
        sink(&block.text);
    }
}

/// Returns a table in the form in which it is published.
pub fn batch(aggregator: Aggregator) -> Batch {
    let bounds = aggregator.bounds();
    Batch { runs: vec![aggregator.into_run()], files: Vec::new(), bounds, ..Batch::default() }
}

/// Parses text and aggregates it into a table.
pub fn aggregate(parser: &mut Parser, text: &[u8], aggregator: &mut Aggregator) {
    let mut counts = FileCounts::default();
    parser.parse(text, 1, Clock::default(), |line| {
        if let Line::Record { record, clock, .. } = line {
            aggregator.record(record, clock, &mut counts).expect("a sound record");
        }
    });
}
