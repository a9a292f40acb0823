//! The one writer of an index.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use dft_aggregate::Config;
use dft_codec::{Bounds, FileEntry};
use dft_io::WorkDirectory;

use crate::current::{self, Current};
use crate::directory;
use crate::error::StoreError;
use crate::layout;
use crate::lock::{Lock, LockUnavailable};
use crate::read::index::Index;
use crate::threads::join;
use crate::trace_names::TraceNames;
use crate::write::batch::{Batch, NameChanges};
use crate::write::generation::{GenerationDescription, NextGeneration, Publisher};
use crate::write::sorter::{SortedFiles, Sorter, Written};

/// An index opened for writing. It stays as it is until something is
/// [published](IndexWriter::publish) or [ingested](IndexWriter::ingest).
pub struct IndexWriter {
    path: PathBuf,
    /// The directory that the index lies in, canonical.
    names: TraceNames,
    config: Config,
    /// The highest number of a generation when the index was opened, or that of the last publishing.
    base: Option<u64>,
    /// That generation, where it can be read.
    current_generation: Option<Current>,
    /// Whether that is not taken over.
    rebuild: bool,
    /// What is taken over, once somebody asks for it.
    current: OnceLock<Index>,
    /// How many hashes have more than one name, where that was counted when the index was published.
    ambiguous_hashes: Option<u64>,
    /// The next generation, where it was begun.
    next: Option<JoinHandle<Result<NextGeneration, StoreError>>>,
    /// How many generations were begun.
    begun: u64,
    // Removed before the lock is given back.
    scratch: WorkDirectory,
    /// Held as long as the writer lives.
    lock: Lock,
}

impl fmt::Debug for IndexWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, config, base, rebuild, .. } = self;
        f.debug_struct("IndexWriter")
            .field("path", path)
            .field("config", config)
            .field("base", base)
            .field("rebuild", rebuild)
            .finish_non_exhaustive()
    }
}

impl Drop for IndexWriter {
    fn drop(&mut self) {
        if let Some(next) = self.next.take() {
            // What there is of it is removed with it.
            drop(next.join());
        }
    }
}

/// How the names of the work directories of writers begin.
const BUILD: &str = "build-";

impl IndexWriter {
    /// Opens the index in a directory, which is made if it is not there, and removed again with the writer
    /// where nothing was published. With `rebuild` what is in it is not taken over, and is replaced by what is
    /// published next.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] where another writer is at work, [`StoreError::Config`] where the
    /// index has another configuration.
    pub fn open(path: &Path, config: &Config, rebuild: bool) -> Result<Self, StoreError> {
        let lock = Lock::new(path, rebuild)?;
        let (current_generation, current) = open_current(path, rebuild)?;
        let base = match current_generation {
            Some(current) => Some(current.number),
            None => current::highest(path)?,
        };
        if let Some(current) = current_generation {
            current::sweep(path, current.number)?;
        }
        dft_io::sweep_work_directories(path, BUILD).map_err(StoreError::io(path))?;
        if let Some(current) = &current
            && current.config() != config
        {
            return Err(StoreError::Config {
                path: path.to_owned(),
                stored: Box::new(current.config().clone()),
                wanted: Box::new(config.clone()),
            });
        }
        let scratch = WorkDirectory::create(path, BUILD).map_err(StoreError::io(path))?;
        directory::keep(path).map_err(StoreError::io(path))?;
        let (path, config) = (path.to_owned(), config.clone());
        Ok(Self {
            names: TraceNames::of(&path),
            path,
            config,
            base,
            current_generation,
            rebuild,
            current: current.map(OnceLock::from).unwrap_or_default(),
            ambiguous_hashes: None,
            next: None,
            begun: 0,
            scratch,
            lock,
        })
    }

    /// The directory of the index.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A directory for what the build needs for a while: on the index's file system, and removed
    /// with the writer.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// That the file system gives no lock, where it does not. Then a second writer is not refused at once: of two
    /// that publish, the later one gets [`StoreError::Changed`].
    pub fn no_lock(&self) -> Option<&LockUnavailable> {
        self.lock.refused()
    }

    /// The configuration of the index.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The index as it is; `None` where there is none yet, or it is being made anew.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened: after something was published, that is done when it is first asked for.
    pub fn current(&self) -> Result<Option<&Index>, StoreError> {
        let Some(kept) = self.current_generation.filter(|_| !self.rebuild) else { return Ok(None) };
        if self.current.get().is_none() {
            let opened = Index::open_generation(&self.path, kept).map_err(|error| self.or_changed(error))?;
            // If somebody was faster, theirs is the same.
            let _ = self.current.set(opened);
        }
        Ok(self.current.get())
    }

    /// An error, or its reason: another writer has replaced the generation.
    fn or_changed(&self, error: StoreError) -> StoreError {
        match current::highest(&self.path) {
            Ok(highest) if highest != self.base => StoreError::Changed(self.path.clone()),
            _ => error,
        }
    }

    /// How many hashes have more than one name.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn ambiguous_hashes(&self) -> Result<u64, StoreError> {
        match self.ambiguous_hashes {
            Some(counted) => Ok(counted),
            None => self.current()?.map_or(Ok(0), Index::ambiguous_hashes),
        }
    }

    /// What traces are called in the index.
    pub fn names(&self) -> &TraceNames {
        &self.names
    }

    /// What a trace without a named source is called in the index.
    pub fn name_of(&self, trace: &Path) -> Vec<u8> {
        self.names.name_of(trace)
    }

    /// What the index knows of a trace file, by what it is called in it.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn file(&self, name: &[u8]) -> Result<Option<FileEntry>, StoreError> {
        self.current()?.map_or(Ok(None), |current| current.file(name))
    }

    /// Begins to make the next generation while other work goes on: mostly that is to wait for the disk. Its errors
    /// are those of the publishing.
    pub fn begin(&mut self) {
        // Where that fails, it fails again when it is needed.
        if self.next.is_none()
            && let Ok(publisher) = self.publisher()
        {
            self.next = thread::Builder::new().spawn(move || publisher.begin()).ok();
        }
    }

    fn publisher(&mut self) -> Result<Publisher, StoreError> {
        let current = self.current()?.map(|current| (current.generation(), current.seal().clone()));
        self.begun += 1;
        let directory = self.scratch().join(format!("next-{}", self.begun));
        Ok(Publisher { index: self.path.clone(), directory, base: self.base, current })
    }

    /// Adds the batch: all of it, or, where that fails or the process dies, nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the index is then what it was.
    pub fn publish(&mut self, batch: &Batch, threads: usize) -> Result<Written, StoreError> {
        self.try_publish(batch, threads).map_err(|error| self.in_place(error))
    }

    fn try_publish(&mut self, batch: &Batch, threads: usize) -> Result<Written, StoreError> {
        let next = self.next_generation()?;
        let folder = self.scratch().join("sorted");
        let known = self.current()?;
        let Batch { runs, files, bounds, changes } = batch;
        let sorter = Sorter::new(runs, &folder, known.is_some(), self.config.interval_us, threads)?;
        let refuse_clash = |id: &[u8], identity: &[u8]| known.map_or(Ok(()), |known| known.refuse_clash(id, identity));
        let bounds = self.bounds(*bounds)?;
        let description = GenerationDescription { files, changes, bounds, bundles: &[], config: &self.config };
        // Most of what is not rows is to wait for the disk, so it is done beside them.
        let (sorted, ambiguous_hashes) = thread::scope(|scope| {
            let rows = scope.spawn(|| -> Result<_, StoreError> {
                let rows = sorter.rows()?;
                next.ingest(&rows)?;
                Ok(rows)
            });
            let described = scope.spawn(|| next.describe(&description));
            let mut sorted = sorter.others(refuse_clash)?;
            next.ingest(&sorted)?;
            let ambiguous_hashes = next.count_ambiguous()?;
            join(described)?;
            sorted.extend(join(rows)?);
            Ok::<_, StoreError>((sorted, ambiguous_hashes))
        })?;
        let written = sorted.written;
        self.commit(next, &[sorted], ambiguous_hashes)?;
        Ok(written)
    }

    /// Publishes sorted files that somebody else made, and what is known of them. Those of one set do not
    /// overlap.
    pub(crate) fn publish_sorted(
        &mut self,
        sets: &[SortedFiles],
        files: &[(Vec<u8>, FileEntry)],
        changes: &NameChanges,
        bounds: Option<Bounds>,
        bundles: &[String],
    ) -> Result<(), StoreError> {
        let mut publish = || {
            let next = self.next_generation()?;
            sets.iter().try_for_each(|set| next.ingest(set))?;
            let bounds = self.bounds(bounds)?;
            next.describe(&GenerationDescription { files, changes, bounds, bundles, config: &self.config })?;
            let ambiguous_hashes = next.count_ambiguous()?;
            self.commit(next, sets, ambiguous_hashes)
        };
        publish().map_err(|error| self.in_place(error))
    }

    /// An error about a file of the next generation, as one about the file of the current one that it is a second
    /// name of.
    fn in_place(&self, error: StoreError) -> StoreError {
        match (error, self.current_generation) {
            (StoreError::Damaged { path, what }, Some(current)) if path.starts_with(self.scratch()) => {
                let place = path.file_name().map(|name| layout::generation(&self.path, current.number).join(name));
                StoreError::Damaged { path: place.filter(|place| place.is_file()).unwrap_or(path), what }
            }
            (error, _) => error,
        }
    }

    /// The bounds of what is in the index and what comes.
    fn bounds(&self, coming: Option<Bounds>) -> Result<Option<Bounds>, StoreError> {
        let known = self.current()?.and_then(Index::bounds);
        Ok(coming.into_iter().chain(known).reduce(Bounds::union))
    }

    /// The generation to be committed next, with what is taken over.
    fn next_generation(&mut self) -> Result<NextGeneration, StoreError> {
        let begun = match self.next.take().map(JoinHandle::join) {
            Some(Ok(begun)) => begun,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => self.publisher().and_then(Publisher::begin),
        };
        // A writer that does not see this one may have replaced the generation and have removed its files.
        match current::highest(&self.path) {
            Ok(highest) if highest != self.base => Err(StoreError::Changed(self.path.clone())),
            _ => begun,
        }
    }

    /// Makes the next generation the current one, where all is in; `sets` are what was ingested.
    fn commit(&mut self, next: NextGeneration, sets: &[SortedFiles], ambiguous_hashes: u64) -> Result<(), StoreError> {
        let next = next.commit(sets)?;
        // From here on the generation is the current one, whatever fails: what is published next is added to it.
        self.lock.keep();
        (self.base, self.current_generation) = (Some(next.number), Some(next));
        self.rebuild = false;
        self.current = OnceLock::new();
        self.ambiguous_hashes = Some(ambiguous_hashes);
        directory::complete(&self.path)
            .and_then(|()| dft_io::sync_directory(&self.path))
            .map_err(|source| StoreError::Committed { path: self.path.clone(), source })?;
        let _ = dft_io::failpoint("publish:the generation is committed");
        // The old generation is in nobody's way; if removing it fails, the next writer does it.
        let _ = current::sweep(&self.path, next.number);
        Ok(())
    }
}

/// The current generation, opened unless that is to be rebuilt.
fn open_current(path: &Path, rebuild: bool) -> Result<(Option<Current>, Option<Index>), StoreError> {
    loop {
        let current = match current::read(path) {
            Ok(Some(current)) => current,
            Ok(None) => return Ok((None, None)),
            // What cannot be read is not needed to rebuild it, and stays until that is done.
            Err(_) if rebuild => return Ok((None, None)),
            Err(error) => return Err(error),
        };
        if rebuild {
            return Ok((Some(current), None));
        }
        match Index::open_generation(path, current) {
            Ok(index) => return Ok((Some(current), Some(index))),
            // A writer that this one does not see may have replaced it.
            Err(error) if current::highest(path)? == Some(current.number) => return Err(error),
            Err(_) => {}
        }
    }
}
