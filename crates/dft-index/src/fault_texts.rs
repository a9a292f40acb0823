//! The faults of a build's input, in words, for callers that show them one by one.

use std::path::Path;

use crate::lost::describe_lost;
use crate::processes::MORE_PROCESSES;
use crate::report::{FileReport, InputReport};

impl InputReport {
    /// Passes each fault to `tell`, with the path of its file: unreadable files first, then duplicates, files that are
    /// not traces, and faults within traces.
    pub fn each_fault(&self, mut tell: impl FnMut(&Path, &str)) {
        for unreadable in &self.unreadable {
            tell(&unreadable.path, &format!("cannot be read, left out: {}", unreadable.error));
        }
        for duplicate in &self.duplicates {
            tell(Path::new(&duplicate.trace), &duplicate.what());
        }
        for not_read in &self.not_read {
            tell(&not_read.path, &format!("not read: {}", not_read.container));
        }
        for file in self.faulty() {
            each_fault_of(file, |text| tell(&file.path, text));
        }
    }
}

fn each_fault_of(file: &FileReport, mut tell: impl FnMut(&str)) {
    if let Some(fault) = &file.fault {
        tell(&fault.to_string());
    }
    if let Some(fault) = &file.time_fault {
        tell(&fault.to_string());
    }
    let skipped = file.skipped_records();
    if skipped > 0 {
        let first = file.skipped.as_ref();
        let first = first.map_or(String::new(), |first| format!("; the first: {}: {first}", file.place_of(first.line)));
        let what = if skipped == 1 { "record" } else { "records" };
        tell(&format!("{skipped} {what} of unknown phase skipped{first}"));
    }
    for lost in describe_lost(&file.lost) {
        tell(&lost);
    }
    if file.more_processes {
        tell(MORE_PROCESSES);
    }
    let (lines, shown) = (file.malformed_lines(), &file.malformed);
    if lines > 0 {
        let first = shown.iter().map(|malformed| format!("; {}: {}", file.place_of(malformed.line), malformed.reason));
        let more = if lines > shown.len() as u64 && !shown.is_empty() { "; and more" } else { "" };
        let what = if lines == 1 { "malformed line" } else { "malformed lines" };
        tell(&format!("{lines} {what}{}{more}", first.collect::<String>()));
    }
}
