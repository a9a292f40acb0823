//! Files that were given as traces and are none.

use std::io;
use std::path::Path;

use dft_trace::{Block, Line, Parser, Phase, TRACE_SUFFIXES, TraceReader};

use crate::plan::BuildPlan;
use crate::report::Unreadable;

impl BuildPlan {
    /// Leaves out what is to be read for the first time and is no trace: it is not called like one, and there
    /// is no record in its first lines. It is unreadable then; true where there was nothing else.
    pub(crate) fn leave_out_others(&mut self) -> bool {
        let mut traces = Vec::new();
        let mut others = Vec::new();
        for file in std::mem::take(&mut self.read) {
            let is_new = file.before.is_none() && file.piece.is_none();
            if is_new && !may_be_a_trace(&file.path) {
                let error = io::Error::new(io::ErrorKind::InvalidData, "it is no DFTracer trace");
                others.push(Unreadable { path: file.path, error });
            } else {
                traces.push(file);
            }
        }
        self.read = traces;
        let Self { read, known, unreadable, not_read, changed, unclassified, duplicates, .. } = &*self;
        let known = known.len() + unclassified.len() + duplicates.len();
        let is_all = [read.len(), known, unreadable.len(), not_read.len(), changed.len()] == [0; 5];
        let nothing_else = is_all && !others.is_empty();
        self.unreadable.extend(others);
        nothing_else
    }
}

/// Whether a file is called like a trace, or has a record in its first lines, or cannot be read: then reading
/// it says why.
pub fn may_be_a_trace(path: &Path) -> bool {
    is_called_like_a_trace(path) || has_a_record(path).unwrap_or(true)
}

fn is_called_like_a_trace(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    TRACE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix.as_bytes()))
}

/// Whether there is a record among the lines that are read at first.
fn has_a_record(path: &Path) -> io::Result<bool> {
    let mut reader = TraceReader::open(path)?;
    let mut block = Block::default();
    let mut any = false;
    if reader.next_block(reader.start(), &mut block)? {
        Parser::new().parse(&block.text, block.first_line, block.clock, |line| {
            any |= matches!(line, Line::Record { record, .. } if record.phase != Phase::Unknown);
        });
    }
    Ok(any)
}
