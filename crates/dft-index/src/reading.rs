//! Planned files to tables, and what was found of each file.

use std::path::{Path, PathBuf};

use dft_aggregate::{Config, Run};
use dft_codec::{Bounds, FileCounts, FileEntry, FileFault, PieceEntry};
use dft_trace::{Clock, Fault, NotRead, SourceSummary, TimeFault};

use crate::build::BuildOptions;
use crate::error::BuildError;
use crate::plan::Planned;
use crate::progress::Progress;
use crate::report::{FileReport, MalformedLine, SHOWN, Unreadable};
use crate::workers::{FileEnd, Harvest, Tally, harvest};

/// What was read of files.
pub(crate) struct Reading {
    pub(crate) runs: Vec<Run>,
    pub(crate) bounds: Option<Bounds>,
    /// What is known of each file now, by path.
    pub(crate) files: Vec<(PathBuf, FileEntry)>,
    /// What is known of each piece of a file.
    pub(crate) pieces: Vec<(PathBuf, PieceEntry)>,
    /// What to say of each file, by path.
    pub(crate) reports: Vec<FileReport>,
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

/// Reads files into tables, which are written to `scratch` where they are past the memory budget.
pub(crate) fn read(
    files: Vec<Planned>,
    scratch: &Path,
    config: &Config,
    options: &BuildOptions,
    progress: &Progress,
) -> Result<Reading, BuildError> {
    progress.begin_reading(files.len() as u64, files.iter().map(Planned::new_bytes).sum());
    let Harvest { runs, bounds, mut tallies, mut ends, spilled } = harvest(&files, scratch, config, options, progress)?;
    let mut reading = Reading {
        runs,
        bounds: bounds.into_iter().reduce(Bounds::union),
        files: Vec::new(),
        pieces: Vec::new(),
        reports: Vec::new(),
        unreadable: Vec::new(),
        not_read: Vec::new(),
        changed: Vec::new(),
        bytes: 0,
        text_bytes: 0,
        spilled,
    };
    for (at, file) in files.into_iter().enumerate() {
        match ends.remove(&at) {
            Some(FileEnd::Read(summary, clock)) => {
                reading.add(file, summary, clock, tallies.remove(&at).unwrap_or_default());
            }
            Some(FileEnd::Unreadable(error)) => reading.unreadable.push(Unreadable { path: file.path, error }),
            Some(FileEnd::Changed) => reading.changed.push(file.path),
            None => unreachable!("the build ended well, so every file was read"),
        }
    }
    reading.files.sort_by(|a, b| a.0.cmp(&b.0));
    reading.reports.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(reading)
}

impl Reading {
    fn add(&mut self, file: Planned, summary: SourceSummary, clock: Clock, tally: Tally) {
        let Planned { path, before, piece, .. } = file;
        let Tally { mut counts, mut malformed, skipped, inconsistent, time_fault, processes } = tally;
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
        let before = before.map(|entry| entry.counts);
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
        };
        let more_processes = entry.processes.has_more();
        match piece.clone() {
            Some(range) => {
                let piece = PieceEntry { range, clock, open_end: summary.open_end, entry };
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
        self.reports.push(FileReport {
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
        });
    }
}
