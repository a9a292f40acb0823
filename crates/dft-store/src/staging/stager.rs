//! Staging: runs to a bundle in a shared directory, which appears there whole or not at all.

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

/// How the names of the work directories of stagers begin.
const WORK: &str = ".stage-";

/// Makes bundles, several at once if asked to: in a directory of this machine, from where each is moved, whole, to one that whoever
/// has the index can read. Several stagers may use the same directories, which may be one.
#[derive(Debug)]
pub struct Stager {
    shared: PathBuf,
    config: Config,
    // Removed before the directory that it is in.
    work: WorkDirectory,
    /// The source of the traces, where that was named.
    source: Option<String>,
    /// The number of the next bundle of this stager.
    next: AtomicU64,
    /// The directories that were made for it.
    created: CreatedDirectories,
}

/// A bundle that is in the shared directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Its path.
    pub path: PathBuf,
    /// Whether it was there before: another worker, or an earlier run, has staged the same.
    pub known: bool,
    /// What is in it.
    pub written: Written,
}

/// What is in the bundles of a shared directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StagedBefore {
    /// The bundles, by path.
    pub bundles: BTreeSet<PathBuf>,
    /// Whole traces of all sources, by name.
    pub traces: Vec<(Vec<u8>, FileEntry)>,
    /// Files that have the trace of another one, by name.
    pub duplicates: Vec<(Vec<u8>, DuplicateEntry)>,
    /// Pieces of traces of the stager's source.
    pub pieces: Vec<(PathBuf, PieceEntry)>,
}

impl Stager {
    /// A stager that works in the directory `staging` and moves its bundles to `shared`; both are made
    /// if they are not there, and removed again with it where they are empty, unless they are
    /// [kept](Self::keep_directories). What dead stagers left in `staging` is removed.
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
                // Another stager had made the directory, and has failed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => created.append(create(staging)?),
                Err(error) => return Err(StoreError::io(staging)(error)),
            }
        };
        let (shared, config) = (shared.to_owned(), config.clone());
        Ok(Self { shared, config, work, source: None, next: AtomicU64::new(0), created })
    }

    /// Lets the directories stay that were made for it: what it was to do is done.
    pub fn keep_directories(&mut self) {
        self.created.keep();
    }

    /// The stager of traces of a source.
    #[must_use]
    pub fn with_source(mut self, source: Option<&str>) -> Self {
        self.source = source.map(str::to_owned);
        self
    }

    /// What traces are called among those that were staged: by their whole path.
    pub fn names(&self) -> TraceNames {
        TraceNames::of_bundles().with_source(self.source.as_deref())
    }

    /// A directory for what the build needs for a while, removed with the stager.
    pub fn scratch(&self) -> &Path {
        self.work.path()
    }

    /// The traces in the bundles of the shared directory, and the pieces of traces, and what was read of
    /// each; by path.
    ///
    /// # Errors
    ///
    /// Where the directory cannot be listed. What is wrong with a bundle, [`ingest`] says.
    ///
    /// [`ingest`]: crate::IndexWriter::ingest
    pub fn staged(&self) -> Result<StagedBefore, StoreError> {
        let mut before = StagedBefore::default();
        self.add_staged(&mut before)?;
        Ok(before)
    }

    /// Adds what has been staged since, by others; whether there is anything.
    ///
    /// # Errors
    ///
    /// Where the directory cannot be listed.
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
                Contents::Piece(path, piece) if source == self.source => before.pieces.push((path, *piece)),
                Contents::Piece(..) => {}
            }
            let duplicates = bundle.manifest.duplicates.into_iter();
            before.duplicates.extend(duplicates.map(|(path, entry)| (names.name_of(&path), entry)));
        }
        before.traces.sort_by(|a, b| a.0.cmp(&b.0));
        before.duplicates.sort_by(|a, b| a.0.cmp(&b.0));
        before.pieces.sort_by(|a, b| (&a.0, a.1.range.start).cmp(&(&b.0, b.1.range.start)));
        Ok(any)
    }

    /// Makes a bundle of runs and the traces that they came from, and the files that have one of those or of
    /// other traces.
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

    /// Makes a bundle of runs and the piece of a trace that they came from.
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

    fn make(&self, runs: &[Run], held: BundleDescription, threads: usize) -> Result<Staged, StoreError> {
        let folder = self.scratch().join(format!("bundle-{}", self.next.fetch_add(1, Ordering::Relaxed)));
        let sorted = Sorter::new(runs, &folder, true, self.config.interval_us, threads)?.write()?;
        let name = Bundle::describe(&folder, &sorted, held, &self.config)?;
        let moved = self.move_to_shared(&folder, &name);
        // The work directory goes with the stager; this one takes room that the next bundle may want.
        let _ = fs::remove_dir_all(&folder);
        Ok(Staged { path: self.shared.join(&name), known: !moved?, written: sorted.written })
    }

    /// Moves a bundle to the shared directory; false where it is there already.
    fn move_to_shared(&self, folder: &Path, name: &str) -> Result<bool, StoreError> {
        let target = self.shared.join(name);
        let id = name.strip_prefix(WHOLE).unwrap_or(name);
        let random = RandomState::new().hash_one(std::process::id());
        let incoming = self.shared.join(format!("{INCOMING}{id}-{random:016x}"));
        let result = self.move_by_way_of(folder, &incoming, &target);
        let known = match result {
            Ok(()) => false,
            // Whoever came first has staged the same, and may have swept what was on its way.
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
        // Another stager may have made it, and have failed since.
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
        // Nothing is left to do that could fail.
        let _ = dft_io::failpoint("stage:the bundle has its name");
        Ok(())
    }
}

/// A copy of a bundle on another file system, durable. Its manifest comes first: whoever sweeps knows it by that.
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

/// Removes what was on its way to the shared directory as the bundle `id`, which is there by now.
pub(crate) fn sweep_incoming(shared: &Path, id: &str) -> Result<(), StoreError> {
    let prefix = format!("{INCOMING}{id}-");
    for entry in fs::read_dir(shared).map_err(StoreError::io(shared))? {
        let entry = entry.map_err(StoreError::io(shared))?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            // Another worker may do the same.
            let _ = remove_bundle(&entry.path());
        }
    }
    Ok(())
}
