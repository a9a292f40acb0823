//! Planned files to tables, and what was found of each file.

use std::path::{Path, PathBuf};

use dft_aggregate::{Config, Run};
use dft_codec::{Bounds, DuplicateEntry, FileCounts, FileEntry, FileFault, Identity, PieceEntry};
use dft_trace::{Clock, Fault, NotRead, OpenEnd, SourceSummary, TimeFault};

use crate::classify::classify;
use crate::error::BuildError;
use crate::known::KnownTraces;
use crate::opening_filter::OpeningFilter;
use crate::options::BuildOptions;
use crate::plan::{Classified, PlannedFile, Unclassified};
use crate::progress::Progress;
use crate::report::{FileReport, MalformedLine, SHOWN, Unreadable};
use crate::workers::{FileEnd, Tally, WorkerOutput, read_files};

/// What was read of files.
#[derive(Default)]
pub(crate) struct ReadTraces {
    pub(crate) runs: Vec<Run>,
    pub(crate) bounds: Option<Bounds>,
    /// What is known of each file now, by path.
    pub(crate) files: Vec<(PathBuf, FileEntry)>,
    /// What is known of each piece of a file.
    pub(crate) pieces: Vec<(PathBuf, PieceEntry)>,
    /// What to say of each file, by path.
    pub(crate) reports: Vec<FileReport>,
    /// What to say of files that are in as another file's trace was.
    pub(crate) known: Vec<FileReport>,
    /// Files that have the trace of another one.
    pub(crate) duplicates: Vec<(PathBuf, DuplicateEntry)>,
    /// Traces, by name, that another file has now.
    pub(crate) moved: Vec<(Vec<u8>, PathBuf)>,
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) not_read: Vec<NotRead>,
    /// Files that are no longer what was read of them before.
    pub(crate) changed: Vec<PathBuf>,
    /// Bytes that were read, as they are on disk.
    pub(crate) bytes: u64,
    /// Bytes of text that those were.
    pub(crate) text_bytes: u64,
    /// Tables that were written to disk for a while.
    pub(crate) spilled: u64,
}

/// Reads files into tables, which are written to `scratch` where they are past the memory budget. Those that may
/// have the trace of another one, known or among them, are read only if they have not.
pub(crate) fn read(
    files: Vec<PlannedFile>,
    mut unclassified: Vec<Unclassified>,
    known: &KnownTraces,
    scratch: &Path,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<ReadTraces, BuildError> {
    let sizes = files.iter().map(PlannedFile::new_bytes).chain(unclassified.iter().map(|file| file.size));
    progress.begin_reading((files.len() + unclassified.len()) as u64, sizes.sum());
    let opening_filter = OpeningFilter::beside(known.files.values());
    let mut reading = ReadTraces::default();
    let harvested = read_files(&files, &opening_filter, scratch, config, options, progress)?;
    reading.add_all(files, harvested, known, &mut unclassified);
    if !unclassified.is_empty() {
        let files = classify(unclassified, known, &mut reading, options.threads, progress)?;
        let harvested = read_files(&files, &opening_filter, scratch, config, options, progress)?;
        reading.add_all(files, harvested, known, &mut Vec::new());
    }
    reading.files.sort_by(|a, b| a.0.cmp(&b.0));
    reading.duplicates.sort_by(|a, b| a.0.cmp(&b.0));
    reading.reports.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(reading)
}

impl ReadTraces {
    /// Adds what was read of files. Those of which only the text can tell what they are, are put with the unclassified.
    fn add_all(
        &mut self,
        files: Vec<PlannedFile>,
        read_files: WorkerOutput,
        known: &KnownTraces,
        unclassified: &mut Vec<Unclassified>,
    ) {
        let WorkerOutput { runs, bounds, mut tallies, mut ends, spilled } = read_files;
        self.runs.extend(runs);
        self.bounds = self.bounds.into_iter().chain(bounds).reduce(Bounds::union);
        self.spilled += spilled;
        for (at, file) in files.into_iter().enumerate() {
            match ends.remove(&at) {
                Some(FileEnd::Read(summary, clock)) => {
                    self.add(file, *summary, clock, tallies.remove(&at).unwrap_or_default());
                }
                Some(FileEnd::Unreadable(error)) => self.unreadable.push(Unreadable { path: file.path, error }),
                Some(FileEnd::PutOff) => {
                    unclassified.push(Unclassified { path: file.path, size: file.size, own: None });
                }
                // It may be compressed otherwise.
                Some(FileEnd::Changed) if known.can_move && file.classified.is_none() && file.before.is_some() => {
                    unclassified.push(Unclassified { path: file.path, size: file.size, own: file.before });
                }
                Some(FileEnd::Changed) => self.changed.push(file.path),
                None => unreachable!("the build ended well, so every file was read"),
            }
        }
    }

    fn add(&mut self, file: PlannedFile, summary: SourceSummary, clock: Clock, tally: Tally) {
        let PlannedFile { path, before, was_nothing, piece, classified, .. } = file;
        let Tally { mut counts, mut malformed, skipped, inconsistent, time_fault, processes, mut sample } = tally;
        let (scan, absorbed) = classified.map_or((None, None), |Classified { scan, absorbed }| (Some(scan), absorbed));
        if before.is_some() && scan.as_ref().is_some_and(|scan| scan.fingerprint != summary.fingerprint) {
            self.changed.push(path);
            return;
        }
        let mut processes = processes.finish();
        if let Some(before) = &before {
            processes.merge(before.processes.clone());
        }
        counts.malformed += summary.overlong_lines.len() as u64;
        malformed.extend(summary.overlong_lines.iter().take(SHOWN).map(|&line| MalformedLine {
            line,
            reason: format!("it is longer than {} MiB, the most that is read", dft_trace::MAX_LINE >> 20),
        }));
        malformed.sort_by_key(|malformed| malformed.line);
        malformed.truncate(SHOWN);
        let ends_before_its_file = piece.as_ref().is_some_and(|piece| piece.end < summary.snapshot.size);
        let fault = summary.fault.filter(|fault| {
            // That text breaks off at the end of a piece is no fault of the file.
            !(ends_before_its_file && matches!(fault, Fault::Truncated(_)))
        });
        let fault = fault.map(|fault| match fault {
            Fault::Empty => FileFault::Empty,
            Fault::Truncated(place) => FileFault::Truncated(place),
            Fault::Damaged(reason) => FileFault::Damaged(reason),
        });
        let (offset, text) = before.as_ref().map_or((0, 0), |entry| (entry.consumed.offset, entry.consumed.text));
        self.bytes += match &piece {
            Some(piece) => piece.end - piece.start,
            None => summary.snapshot.size.saturating_sub(offset),
        };
        self.text_bytes += summary.consumed.text.saturating_sub(text);
        let time_faults = before.as_ref().and_then(|entry| entry.time_fault).into_iter();
        let time_fault = time_faults.chain(time_fault.map(|(_, fault)| fault)).reduce(TimeFault::first);
        let open_end = summary.open_end;
        let mut opening = summary.opening;
        if let Some(before) = &before {
            sample.merge(&before.identity.sample);
            opening = if opening.is_none() { before.identity.opening } else { opening };
        }
        let opening = scan.as_ref().map_or(opening, |scan| scan.opening);
        let cut_short = summary.gzip && open_end == Some(OpenEnd::Member);
        let identity = Identity { text: summary.text, opening, gzip: summary.gzip, cut_short, sample };
        let text_before = before.as_ref().map(|entry| entry.identity.text);
        let before = before.map(|entry| entry.counts).or(was_nothing.then(FileCounts::default));
        let mut total = before.unwrap_or_else(FileCounts::default);
        total.add(&counts);
        let entry = FileEntry {
            size: summary.snapshot.size,
            modified_ns: summary.snapshot.modified_ns,
            fingerprint: summary.fingerprint,
            consumed: summary.consumed,
            counts: total,
            fault: fault.clone(),
            time_fault,
            processes,
            identity,
        };
        let more_processes = entry.processes.has_more();
        match piece.clone() {
            Some(range) => {
                let piece = PieceEntry { range, clock, open_end, entry };
                self.pieces.push((path.clone(), piece));
            }
            None => self.files.push((path.clone(), entry)),
        }
        // As lines of a piece are counted from its start, that is said.
        let fault = match (fault, &piece) {
            (Some(FileFault::Truncated(place)), Some(piece)) if piece.start > 0 => {
                Some(FileFault::Truncated(format!("{place} behind byte {}", piece.start)))
            }
            (fault, _) => fault,
        };
        let lost = Vec::new();
        let mut report = FileReport {
            path,
            piece,
            counts,
            before,
            fault,
            time_fault,
            malformed,
            skipped,
            inconsistent,
            lost,
            more_processes,
        };
        if let Some(absorbed) = absorbed {
            // It is as if the other one had not been read.
            report.counts.add(&absorbed.counts);
            report.before = absorbed.before;
            report.malformed.splice(0..0, absorbed.malformed);
            report.malformed.truncate(SHOWN);
            report.skipped = absorbed.skipped.or(report.skipped);
            report.inconsistent = absorbed.inconsistent.or(report.inconsistent);
        } else if scan.is_some() && text_before == Some(summary.text) {
            self.known.push(report);
            return;
        }
        self.reports.push(report);
    }
}
