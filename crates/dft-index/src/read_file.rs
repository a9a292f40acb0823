//! What is stored and reported of a file that was read to its end.

use dft_codec::{FileCounts, FileEntry, FileFault, Identity, PieceEntry, Truncation};
use dft_trace::{Clock, OpenEnd, SourceSummary, TimeFault};

use crate::outcome::{FileOutcome, FileState};
use crate::plan::{Classified, PlannedFile};
use crate::report::{FileReport, MalformedLine, SHOWN};
use crate::tally::FileTally;

/// How many bytes were read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadBytes {
    /// Bytes of the files as they are on disk.
    pub(crate) on_disk: u64,
    /// Bytes of their text.
    pub(crate) text: u64,
}

/// Makes the outcome of a file from what reading it gave. `clock` is the one at the place where reading started.
/// Adds to `bytes` what was read.
pub(crate) fn read_outcome(
    mut file: PlannedFile,
    summary: SourceSummary,
    clock: Clock,
    mut tally: FileTally,
    bytes: &mut ReadBytes,
) -> FileOutcome {
    let before = file.before.take();
    let classified = file.classified.take();
    if let (Some(_), Some(classified)) = (&before, &classified)
        && classified.hashes.fingerprint != summary.fingerprint
    {
        return FileOutcome::changed(file.path);
    }
    bytes.count(&file, before.as_ref(), &summary);
    add_overlong_lines(&mut tally, &summary);
    let (piece, open_end) = (file.piece.clone(), summary.open_end);
    let text = summary.text;
    let text_before = before.as_ref().map(|entry| entry.identity.text);
    let counts_before = before.as_ref().map(|entry| entry.counts).or(file.was_empty.then(FileCounts::default));
    let report = FileReport {
        path: file.path.clone(),
        piece: piece.clone(),
        counts: tally.counts,
        before: counts_before,
        fault: None,
        time_fault: None,
        malformed: std::mem::take(&mut tally.malformed),
        skipped: tally.skipped.take(),
        inconsistent: tally.inconsistent,
        lost: Vec::new(),
        more_processes: false,
    };
    let entry = entry_of(&file, summary, tally, before, counts_before, classified.as_ref());
    let fault = shown_fault(entry.fault.clone(), &file);
    let more_processes = entry.processes.has_more();
    let mut report = Box::new(FileReport { fault, time_fault: entry.time_fault, more_processes, ..report });
    if let Some(range) = piece {
        let entry = Box::new(PieceEntry { range, clock, open_end, entry });
        return FileOutcome::new(file.path, FileState::PieceRead { entry, report });
    }
    let entry = Box::new(entry);
    let Some(Classified { absorbed, moved_from, .. }) = classified else {
        return FileOutcome::new(file.path, FileState::Read { entry, report });
    };
    let state = match absorbed {
        Some(absorbed) => {
            absorb(&mut report, *absorbed);
            FileState::Read { entry, report }
        }
        None if text_before == Some(text) => FileState::Known { entry: Some(entry), report },
        None => FileState::Read { entry, report },
    };
    FileOutcome { path: file.path, moved_from, state }
}

impl ReadBytes {
    fn count(&mut self, file: &PlannedFile, before: Option<&FileEntry>, summary: &SourceSummary) {
        let (offset, text) = before.map_or((0, 0), |entry| (entry.consumed.offset, entry.consumed.text));
        self.on_disk += match &file.piece {
            Some(piece) => piece.end - piece.start,
            None => summary.snapshot.size.saturating_sub(offset),
        };
        self.text += summary.consumed.text.saturating_sub(text);
    }
}

/// Counts overlong lines as malformed, and keeps the first malformed lines only.
fn add_overlong_lines(tally: &mut FileTally, summary: &SourceSummary) {
    tally.counts.malformed += summary.overlong_lines.len() as u64;
    tally.malformed.extend(summary.overlong_lines.iter().take(SHOWN).map(|&line| MalformedLine {
        line,
        reason: format!("it is longer than {} MiB, the longest line that is read", dft_trace::MAX_LINE >> 20),
    }));
    tally.malformed.sort_by_key(|malformed| malformed.line);
    tally.malformed.truncate(SHOWN);
}

/// What the index stores of the file, including what was read `before`.
fn entry_of(
    file: &PlannedFile,
    summary: SourceSummary,
    tally: FileTally,
    before: Option<FileEntry>,
    counts_before: Option<FileCounts>,
    classified: Option<&Classified>,
) -> FileEntry {
    let FileTally { counts, time_fault, processes, mut sample, .. } = tally;
    let cut_short = summary.gzip && summary.open_end == Some(OpenEnd::Member);
    let fault = fault_of(&summary, file);
    let mut total = counts_before.unwrap_or_default();
    total.add(&counts);
    let mut processes = processes.finish();
    let mut opening = summary.opening;
    let mut time_fault = time_fault.map(|found| found.fault);
    if let Some(before) = before {
        processes.merge(before.processes);
        sample.merge(&before.identity.sample);
        opening = if opening.is_none() { before.identity.opening } else { opening };
        time_fault = before.time_fault.into_iter().chain(time_fault).reduce(TimeFault::first);
    }
    let opening = classified.map_or(opening, |classified| classified.hashes.opening);
    FileEntry {
        size: summary.snapshot.size,
        modified_ns: summary.snapshot.modified_ns,
        fingerprint: summary.fingerprint,
        consumed: summary.consumed,
        counts: total,
        fault,
        time_fault,
        processes,
        identity: Identity { text: summary.text, opening, gzip: summary.gzip, cut_short, sample },
    }
}

/// The fault to store. Text that breaks off at the end of a piece is no fault of the file.
fn fault_of(summary: &SourceSummary, file: &PlannedFile) -> Option<FileFault> {
    let ends_before_its_file = file.piece.as_ref().is_some_and(|piece| piece.end < summary.snapshot.size);
    match summary.fault.clone()? {
        FileFault::Truncated(_) if ends_before_its_file => None,
        fault => Some(fault),
    }
}

/// The fault to report. The lines of a piece are counted from its start, so the report names that.
fn shown_fault(fault: Option<FileFault>, file: &PlannedFile) -> Option<FileFault> {
    match (fault, &file.piece) {
        (Some(FileFault::Truncated(place)), Some(piece)) if piece.start > 0 => {
            Some(FileFault::Truncated(Truncation::Other(format!("{place} after byte {}", piece.start))))
        }
        (fault, _) => fault,
    }
}

/// Adds the report of a file of this build that has the start of the same trace, and is not counted any more.
fn absorb(report: &mut FileReport, absorbed: FileReport) {
    report.counts.add(&absorbed.counts);
    report.before = absorbed.before;
    report.malformed.splice(0..0, absorbed.malformed);
    report.malformed.truncate(SHOWN);
    report.skipped = absorbed.skipped.or(report.skipped.take());
    report.inconsistent = absorbed.inconsistent.or(report.inconsistent);
}
