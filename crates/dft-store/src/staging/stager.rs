//! Staging: writes runs to a bundle, which appears in the shared directory complete or not at all.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use dft_aggregate::{Config, Run};
use dft_codec::{Bounds, DuplicateEntry, FileEntry, PieceEntry};
use dft_io::{CreatedDirectories, WorkDirectory};

use crate::error::StoreError;
use crate::staging::bundle::{Bundle, BundleDescription, INCOMING, WHOLE, remove_bundle};
use crate::staging::manifest::{Contents, MANIFEST};
use crate::trace_names::TraceNames;
use crate::write::sorter::{Sorter, Written};

/// The prefix of the work directories of stagers.
const WORK: &str = ".stage-";

/// Creates bundles, also several at once: each in a directory of this machine, from where it is moved as a whole to one
/// that the ingest can read. Several stagers may use the same directories, and the two may be the same.
#[derive(Debug)]
pub struct Stager {
    shared: PathBuf,
    config: Config,
    // Removed before the directory that contains it.
    work: WorkDirectory,
    /// The source of the traces, if it was named.
    source: Option<String>,
    /// The number of this stager's next bundle.
    next: AtomicU64,
    /// The directories that this stager created.
    created: CreatedDirectories,
}

/// A bundle in the shared directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The path of the bundle.
    pub path: PathBuf,
    /// Whether it already existed, because another worker or an earlier run staged the same.
    pub known: bool,
    /// The number of its entries.
    pub written: Written,
}

/// A piece of a trace in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundledPiece {
    /// The trace.
    pub trace: PathBuf,
    /// The piece, and what was read of it.
    pub entry: PieceEntry,
}

/// The contents of the bundles in a shared directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StagedBefore {
    /// The bundles, by path.
    pub bundles: BTreeSet<PathBuf>,
    /// Whole traces of all sources, by name.
    pub traces: Vec<(Vec<u8>, FileEntry)>,
    /// Duplicates of other traces, by name.
    pub duplicates: Vec<(Vec<u8>, DuplicateEntry)>,
    /// Pieces of traces of the stager's source.
    pub pieces: Vec<BundledPiece>,
}

impl Stager {
    /// Opens a stager that works in the directory `staging` and moves its bundles to `shared`. Creates both directories
    /// if needed, and removes them again with the stager if they are empty, unless they are
    /// [kept](Self::keep_directories). Removes what dead stagers left in `staging`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub fn open(staging: &Path, shared: &Path, config: &Config) -> Result<Self, StoreError> {
        let create = |directory: &Path| CreatedDirectories::create(directory).map_err(StoreError::io(directory));
        let mut created = create(staging)?;
        created.append(create(shared)?);
        dft_io::sweep_work_directories(staging, WORK).map_err(StoreError::io(staging))?;
        let work = loop {
            match WorkDirectory::create(staging, WORK) {
                Ok(work) => break work,
                // Another stager had created the directory, and removed it when it failed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => created.append(create(staging)?),
                Err(error) => return Err(StoreError::io(staging)(error)),
            }
        };
        let (shared, config) = (shared.to_owned(), config.clone());
        Ok(Self { shared, config, work, source: None, next: AtomicU64::new(0), created })
    }

    /// Keeps the directories that this stager created, because its work is done.
    pub fn keep_directories(&mut self) {
        self.created.keep();
    }

    /// Sets the source of the traces.
    #[must_use]
    pub fn with_source(mut self, source: Option<&str>) -> Self {
        self.source = source.map(str::to_owned);
        self
    }

    /// Returns the names of staged traces, which are their absolute paths.
    pub fn names(&self) -> TraceNames {
        TraceNames::of_bundles().with_source(self.source.as_deref())
    }

    /// Returns a directory for temporary files. It is removed with the stager.
    pub fn scratch(&self) -> &Path {
        self.work.path()
    }

    /// Returns the traces and pieces in the bundles of the shared directory, and what was read of each; by path.
    ///
    /// # Errors
    ///
    /// If the directory cannot be listed. Unreadable bundles are skipped; [`ingest`] reports them.
    ///
    /// [`ingest`]: crate::IndexWriter::ingest
    pub fn staged(&self) -> Result<StagedBefore, StoreError> {
        let mut before = StagedBefore::default();
        self.add_staged(&mut before)?;
        Ok(before)
    }

    /// Adds what others have staged since. Returns whether there is anything new.
    ///
    /// # Errors
    ///
    /// If the directory cannot be listed.
    pub fn add_staged(&self, before: &mut StagedBefore) -> Result<bool, StoreError> {
        let bundles = Bundle::list_others(&self.shared, &before.bundles)?;
        let any = !bundles.is_empty();
        before.bundles.extend(bundles.iter().map(|(path, _)| path.clone()));
        let bundles = bundles.into_iter().filter_map(|(_, bundle)| bundle.ok());
        for bundle in bundles.filter(|bundle| bundle.manifest.config == self.config) {
            let source = bundle.manifest.source;
            let names = TraceNames::of_bundles().with_source(source.as_deref());
            match bundle.manifest.contents {
                Contents::Traces(traces) => {
                    before.traces.extend(traces.into_iter().map(|(path, entry)| (names.name_of(&path), entry)));
                }
                Contents::Piece(trace, piece) if source == self.source => {
                    before.pieces.push(BundledPiece { trace, entry: *piece });
                }
                Contents::Piece(..) => {}
            }
            let duplicates = bundle.manifest.duplicates.into_iter();
            before.duplicates.extend(duplicates.map(|(path, entry)| (names.name_of(&path), entry)));
        }
        before.traces.sort_by(|a, b| a.0.cmp(&b.0));
        before.duplicates.sort_by(|a, b| a.0.cmp(&b.0));
        before.pieces.sort_by(|a, b| (&a.trace, a.entry.range.start).cmp(&(&b.trace, b.entry.range.start)));
        Ok(any)
    }

    /// Creates a bundle of runs, the traces that they came from, and the duplicates of those or of other traces.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; then there is no bundle.
    pub fn stage(
        &self,
        runs: &[Run],
        mut traces: Vec<(PathBuf, FileEntry)>,
        mut duplicates: Vec<(PathBuf, DuplicateEntry)>,
        bounds: Option<Bounds>,
        threads: usize,
    ) -> Result<Staged, StoreError> {
        traces.sort_by(|a, b| a.0.cmp(&b.0));
        duplicates.sort_by(|a, b| a.0.cmp(&b.0));
        let source = self.source.clone();
        self.make(runs, BundleDescription { contents: Contents::Traces(traces), source, duplicates, bounds }, threads)
    }

    /// Creates a bundle of runs and the piece of a trace that they came from.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; then there is no bundle.
    pub fn stage_piece(
        &self,
        runs: &[Run],
        trace: PathBuf,
        piece: PieceEntry,
        bounds: Option<Bounds>,
        threads: usize,
    ) -> Result<Staged, StoreError> {
        let (contents, source) = (Contents::Piece(trace, Box::new(piece)), self.source.clone());
        self.make(runs, BundleDescription { contents, source, duplicates: Vec::new(), bounds }, threads)
    }

    fn make(&self, runs: &[Run], description: BundleDescription, threads: usize) -> Result<Staged, StoreError> {
        let folder = self.scratch().join(format!("bundle-{}", self.next.fetch_add(1, Ordering::Relaxed)));
        let sorted = Sorter::new(runs, &folder, true, self.config.interval_us, threads)?.write()?;
        let name = Bundle::describe(&folder, &sorted, description, &self.config)?;
        let moved = self.move_to_shared(&folder, &name);
        // The work directory is removed with the stager, but the next bundle may need this space.
        let _ = fs::remove_dir_all(&folder);
        Ok(Staged { path: self.shared.join(&name), known: !moved?, written: sorted.written })
    }

    /// Moves a bundle to the shared directory. Returns false if it already exists there.
    fn move_to_shared(&self, folder: &Path, name: &str) -> Result<bool, StoreError> {
        let target = self.shared.join(name);
        let id = name.strip_prefix(WHOLE).unwrap_or(name);
        let random = RandomState::new().hash_one(std::process::id());
        let incoming = self.shared.join(format!("{INCOMING}{id}-{random:016x}"));
        let result = self.move_by_way_of(folder, &incoming, &target);
        let known = match result {
            Ok(()) => false,
            // Another worker staged the same first, and may have removed this one's incoming directory.
            Err(_) if target.is_dir() => {
                Bundle::open(target)?.check()?;
                true
            }
            Err(error) => {
                let _ = remove_bundle(&incoming);
                return Err(error);
            }
        };
        sweep_incoming(&self.shared, id)?;
        Ok(!known)
    }

    fn move_by_way_of(&self, folder: &Path, incoming: &Path, target: &Path) -> Result<(), StoreError> {
        // Another stager may have created the shared directory, and removed it when it failed.
        dft_io::create_directory(&self.shared).map_err(StoreError::io(&self.shared))?;
        dft_io::failpoint("stage:before the bundle is moved").map_err(StoreError::io(incoming))?;
        match fs::rename(folder, incoming) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(folder, incoming)?,
            Err(error) => return Err(StoreError::io(incoming)(error)),
        }
        dft_io::sync_directory(&self.shared).map_err(StoreError::io(&self.shared))?;
        dft_io::failpoint("stage:before the bundle has its name").map_err(StoreError::io(target))?;
        fs::rename(incoming, target).map_err(StoreError::io(target))?;
        dft_io::sync_directory(&self.shared).map_err(StoreError::io(&self.shared))?;
        // Nothing that could fail is left to do.
        let _ = dft_io::failpoint("stage:the bundle has its name");
        Ok(())
    }
}

/// Copies a bundle to another file system, durably. The manifest goes first, because sweeps recognize a bundle by it.
fn copy(folder: &Path, incoming: &Path) -> Result<(), StoreError> {
    fs::create_dir(incoming).map_err(StoreError::io(incoming))?;
    let mut names = vec![OsString::from(MANIFEST)];
    for entry in fs::read_dir(folder).map_err(StoreError::io(folder))? {
        let name = entry.map_err(StoreError::io(folder))?.file_name();
        if name != MANIFEST {
            names.push(name);
        }
    }
    for name in names {
        let target = incoming.join(&name);
        dft_io::failpoint("stage:before a file is copied").map_err(StoreError::io(&target))?;
        dft_io::copy_regular(&folder.join(&name), &target).map_err(StoreError::io(&target))?;
        File::open(&target).and_then(|file| file.sync_all()).map_err(StoreError::io(&target))?;
    }
    dft_io::sync_directory(incoming).map_err(StoreError::io(incoming))
}

/// Removes incoming copies of the bundle `id`, which is complete by now.
pub(crate) fn sweep_incoming(shared: &Path, id: &str) -> Result<(), StoreError> {
    let prefix = format!("{INCOMING}{id}-");
    for entry in fs::read_dir(shared).map_err(StoreError::io(shared))? {
        let entry = entry.map_err(StoreError::io(shared))?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            // Another worker may be removing the same.
            let _ = remove_bundle(&entry.path());
        }
    }
    Ok(())
}
