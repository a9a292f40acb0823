//! Files that were given as traces and are not.

use std::io;
use std::path::Path;

use dft_trace::{Block, Line, Parser, Phase, TRACE_SUFFIXES, TraceReader};

use crate::outcome::FileOutcome;
use crate::plan::BuildPlan;

/// Makes new files unreadable that are no traces: their names do not end like a trace's, and their first lines have no
/// record. Returns true if the plan held nothing else.
pub(crate) fn leave_out_other_files(plan: &mut BuildPlan) -> bool {
    let nothing_planned = plan.outcomes.is_empty() && plan.unclassified.is_empty();
    let mut others = Vec::new();
    for file in std::mem::take(&mut plan.read) {
        let is_new = file.before.is_none() && file.piece.is_none();
        if is_new && !may_be_a_trace(&file.path) {
            let error = io::Error::new(io::ErrorKind::InvalidData, "it is not a DFTracer trace");
            others.push(FileOutcome::unreadable(file.path, error));
        } else {
            plan.read.push(file);
        }
    }
    let nothing_else = nothing_planned && plan.read.is_empty() && !others.is_empty();
    plan.outcomes.append(&mut others);
    nothing_else
}

/// Whether a file has a trace's name, or a record in its first lines, or cannot be read. In the last case, reading it
/// reports why.
pub fn may_be_a_trace(path: &Path) -> bool {
    has_a_trace_name(path) || has_a_record(path).unwrap_or(true)
}

fn has_a_trace_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    TRACE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix.as_bytes()))
}

/// Whether there is a record in the first block of a file.
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
