//! Faults of the input that end a build: those of a strict build, and an input without records.

use dft_store::{DuplicateTrace, TraceNames};

use crate::error::{BuildError, NoRecordsIn};
use crate::lost::LostByFile;
use crate::outcome::{FileOutcome, FileState};
use crate::processes::MORE_PROCESSES;
use crate::report::{FileReport, MalformedLine};

/// Refuses the first fault, as a strict build does. Faults of known files were accepted before.
pub(crate) fn refuse_faults(outcomes: &[FileOutcome], names: &TraceNames) -> Result<(), BuildError> {
    let kinds: [fn(&FileOutcome, &TraceNames) -> Option<String>; 4] = [
        |outcome, _| match &outcome.state {
            FileState::Unreadable(error) => Some(cannot_be_read(error)),
            _ => None,
        },
        |outcome, _| match &outcome.state {
            FileState::NotRead(container) => Some(format!("it is not read: {container}")),
            _ => None,
        },
        |outcome, _| match &outcome.state {
            FileState::Read { report, .. } | FileState::PieceRead { report, .. } => fault_of(report),
            _ => None,
        },
        |outcome, names| match &outcome.state {
            FileState::Duplicate { entry, known: false } => {
                Some(DuplicateTrace::new(names, &names.name_of(&outcome.path), entry).what())
            }
            _ => None,
        },
    ];
    for fault_of_kind in kinds {
        let found = outcomes.iter().find_map(|outcome| Some((outcome, fault_of_kind(outcome, names)?)));
        if let Some((outcome, fault)) = found {
            return Err(BuildError::Strict { path: outcome.path.clone(), fault });
        }
    }
    Ok(())
}

/// Refuses files without a single record: they make no index.
pub(crate) fn refuse_empty(outcomes: &[FileOutcome]) -> Result<(), BuildError> {
    let mut files = Vec::new();
    for FileOutcome { path, state, .. } in outcomes {
        let fault = match state {
            FileState::Read { report, .. } if report.counts.understood() > 0 => return Ok(()),
            FileState::Read { report, .. } => fault_of(report),
            FileState::Unreadable(error) => Some(cannot_be_read(error)),
            _ => continue,
        };
        files.push(NoRecordsIn { path: path.clone(), fault });
    }
    Err(BuildError::NoRecords(files))
}

/// Adds lost records to the reports of the traces, by the traces' names. A strict build refuses those of traces that
/// were `read`; those of `known` traces were accepted before.
pub(crate) fn report_lost<'a>(
    lost: &LostByFile<'_>,
    names: &TraceNames,
    read: &'a mut [FileReport],
    known: &'a mut [FileReport],
    strict: bool,
) -> Result<(), BuildError> {
    if lost.is_empty() {
        return Ok(());
    }
    for file in read.iter_mut().chain(known).filter(|file| file.piece.is_none()) {
        file.lost = lost.get(names.name_of(&file.path).as_slice()).cloned().unwrap_or_default();
    }
    match read.iter().find_map(|file| Some((file, file.lost.first()?))) {
        Some((file, lost)) if strict => Err(BuildError::Strict { path: file.path.clone(), fault: lost.to_string() }),
        _ => Ok(()),
    }
}

fn cannot_be_read(error: &std::io::Error) -> String {
    format!("it cannot be read: {error}")
}

/// The first of a file's faults, in words.
fn fault_of(file: &FileReport) -> Option<String> {
    match (&file.fault, file.malformed.first()) {
        (Some(fault), _) => Some(fault.to_string()),
        (None, Some(MalformedLine { line, reason })) => {
            Some(format!("{} is malformed: {reason}", file.place_of(*line)))
        }
        (None, None) => match (&file.skipped, &file.time_fault) {
            (Some(skipped), _) => Some(format!("{} has {skipped}", file.place_of(skipped.line))),
            (None, Some(fault)) => Some(fault.to_string()),
            (None, None) if file.counts.malformed > 0 => Some("it has malformed lines".to_owned()),
            (None, None) => file.more_processes.then(|| MORE_PROCESSES.to_owned()),
        },
    }
}
