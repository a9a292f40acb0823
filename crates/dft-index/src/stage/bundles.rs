//! What the staging of whole files and of pieces share: reading, bundles, and the report.

use std::path::{Path, PathBuf};

use dft_aggregate::Config;
use dft_codec::{DuplicateEntry, PieceEntry};
use dft_store::{DuplicateTrace, Staged, StagedBefore, Stager, TraceNames, Written};

use crate::error::BuildError;
use crate::known::KnownTraces;
use crate::options::BuildOptions;
use crate::plan::BuildPlan;
use crate::progress::Progress;
use crate::reading::{ReadTraces, read_planned};
use crate::report::{FileReport, StageReport, UnchainedPiece};

/// The work of one staging.
pub(super) struct BundleWriter<'a> {
    pub(super) stager: &'a Stager,
    pub(super) shared: &'a Path,
    pub(super) config: &'a Config,
    pub(super) options: &'a BuildOptions,
    pub(super) progress: &'a Progress,
    pub(super) report: StageReport,
}

impl BundleWriter<'_> {
    /// Reads what is planned, with temporary runs in `scratch`.
    pub(super) fn read(
        &self,
        plan: BuildPlan,
        known: &KnownTraces,
        scratch: &Path,
        options: &BuildOptions,
        changed: impl Fn(Vec<PathBuf>) -> BuildError,
    ) -> Result<ReadTraces, BuildError> {
        read_planned(plan, known, Some(scratch), self.config, options, self.progress, changed)
    }

    /// What is known when pieces are read: nothing. Which trace a piece belongs to is found out by an ingest.
    pub(super) fn nothing_known(&self) -> KnownTraces {
        KnownTraces::of_bundles(self.stager, &StagedBefore::default())
    }

    /// Counts what was read.
    pub(super) fn count(&mut self, reading: &ReadTraces) {
        let input = &mut self.report.input;
        input.bytes += reading.bytes.on_disk;
        input.text_bytes += reading.bytes.text;
        input.spilled_tables += reading.runs.spilled;
    }

    /// Reports a piece that cannot chain to the next one, as far as the piece alone shows that.
    pub(super) fn report_unchained(&mut self, path: &Path, entry: &PieceEntry) {
        if let Err(unchained) = entry.check() {
            self.report.unchained.push(UnchainedPiece { trace: path.to_owned(), unchained });
        }
    }

    /// Reports duplicates.
    pub(super) fn report_duplicate(&mut self, names: &TraceNames, path: &Path, entry: &DuplicateEntry) {
        let duplicate = DuplicateTrace::new(names, &names.name_of(path), entry);
        self.report.input.duplicates.push(duplicate);
    }

    /// Reports a bundle and the files that it was made of.
    pub(super) fn add_bundle(&mut self, staged: Staged, reports: Vec<FileReport>) {
        let Staged { path, known, written } = staged;
        let input = &mut self.report.input;
        input.files.extend(reports);
        input.written += if known { Written::default() } else { written };
        self.report.bundles.push(path);
    }
}
