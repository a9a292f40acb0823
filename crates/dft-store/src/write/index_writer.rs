//! The writer of an index.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use dft_aggregate::Config;
use dft_codec::{Bounds, FileEntry};
use dft_io::WorkDirectory;
use dft_io::account::{self, Chain, Stage};

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
use crate::write::sorter::{Sorter, SstFiles, Written};

/// An index opened for writing. It does not change until something is [published](IndexWriter::publish) or
/// [ingested](IndexWriter::ingest).
pub struct IndexWriter {
    path: PathBuf,
    /// Relative to the canonical parent directory of the index.
    names: TraceNames,
    config: Config,
    /// The highest generation number when the index was opened or last published.
    base: Option<u64>,
    /// That generation, if it can be read.
    current_generation: Option<Current>,
    /// Whether the next generation starts empty.
    rebuild: bool,
    /// The current generation, opened when it is first needed.
    current: OnceLock<Index>,
    /// How many hashes have more than one name, if that was counted when the index was published.
    ambiguous_hashes: Option<u64>,
    /// The next generation, if it was begun.
    next: Option<JoinHandle<Result<NextGeneration, StoreError>>>,
    /// How many generations were begun.
    begun: u64,
    // Removed before the lock is released.
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
            // Its directory is removed with it.
            drop(next.join());
        }
    }
}

/// The prefix of the work directories of writers.
const BUILD: &str = "build-";

impl IndexWriter {
    /// Opens the index in a directory. Creates the directory if needed, and removes it again with the writer if nothing
    /// was published. With `rebuild`, the next publishing replaces the contents instead of adding to them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if another writer is at work, [`StoreError::Config`] if the index has another
    /// configuration.
    pub fn open(path: &Path, config: &Config, rebuild: bool) -> Result<Self, StoreError> {
        let lock = Lock::new(path, rebuild)?;
        let (current_generation, current) = open_current(path, rebuild)?;
        let base = match current_generation {
            Some(current) => Some(current.number),
            None => current::highest(path)?,
        };
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
        if let Some(current) = current_generation {
            current::sweep(path, current.number, scratch.path())?;
        }
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

    /// Returns the directory of the index.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a directory for temporary files, on the index's file system. It is removed with the writer.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Returns why there is no lock, if the file system provides none. Then a second writer is not refused at once: of
    /// two that publish, the later one gets [`StoreError::Changed`].
    pub fn no_lock(&self) -> Option<&LockUnavailable> {
        self.lock.refused()
    }

    /// Returns the configuration of the index.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the current index; `None` if there is none yet, or it is being rebuilt.
    ///
    /// # Errors
    ///
    /// If it cannot be opened: after a publishing, the first call opens it.
    pub fn current(&self) -> Result<Option<&Index>, StoreError> {
        let Some(kept) = self.current_generation.filter(|_| !self.rebuild) else { return Ok(None) };
        if self.current.get().is_none() {
            let opened = Index::open_generation(&self.path, kept).map_err(|error| self.or_changed(error))?;
            // If another thread was faster, its index is the same.
            let _ = self.current.set(opened);
        }
        Ok(self.current.get())
    }

    /// Returns an error, or [`StoreError::Changed`] if another writer replaced the generation and so caused it.
    fn or_changed(&self, error: StoreError) -> StoreError {
        match current::highest(&self.path) {
            Ok(highest) if highest != self.base => StoreError::Changed(self.path.clone()),
            _ => error,
        }
    }

    /// Returns how many hashes have more than one name.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn ambiguous_hashes(&self) -> Result<u64, StoreError> {
        match self.ambiguous_hashes {
            Some(counted) => Ok(counted),
            None => self.current()?.map_or(Ok(0), Index::ambiguous_hashes),
        }
    }

    /// Returns the names of traces in the index.
    pub fn names(&self) -> &TraceNames {
        &self.names
    }

    /// Returns the name in the index of a trace without a named source.
    pub fn name_of(&self, trace: &Path) -> Vec<u8> {
        self.names.name_of(trace)
    }

    /// Returns the entry of a trace file, by its name in the index.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn file(&self, name: &[u8]) -> Result<Option<FileEntry>, StoreError> {
        self.current()?.map_or(Ok(None), |current| current.file(name))
    }

    /// Begins the next generation while other work goes on; this mostly waits for the disk. The publishing reports its
    /// errors.
    pub fn begin(&mut self) {
        // A failure here occurs again when the generation is needed.
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

    /// Adds the whole batch. If that fails or the process dies, adds nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. The index is unchanged then, except after [`StoreError::Committed`].
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
        let chain = Chain::new();
        // Everything but the rows mostly waits for the disk, so it runs concurrently with them.
        let (sorted, ambiguous_hashes) = thread::scope(|scope| {
            let rows = scope.spawn(|| -> Result<_, StoreError> {
                let rows = sorter.rows()?;
                account::work(Stage::Publish, chain, || next.ingest(&rows))?;
                Ok(rows)
            });
            let described = scope.spawn(|| account::work(Stage::Publish, Chain::new(), || next.describe(&description)));
            let mut sorted = sorter.others(refuse_clash)?;
            account::work(Stage::Publish, Chain::new(), || next.ingest(&sorted))?;
            let ambiguous_hashes = next.count_ambiguous()?;
            join(described)?;
            sorted.extend(join(rows)?);
            Ok::<_, StoreError>((sorted, ambiguous_hashes))
        })?;
        let written = sorted.written;
        account::work(Stage::Publish, chain, || self.commit(next, &[sorted], ambiguous_hashes))?;
        Ok(written)
    }

    /// Publishes existing SST files and their description. The files of one set do not overlap.
    pub(crate) fn publish_sst_files(
        &mut self,
        sets: &[SstFiles],
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

    /// Maps an error about a file of the next generation to the file of the current one if the two are hard links.
    fn in_place(&self, error: StoreError) -> StoreError {
        match (error, self.current_generation) {
            (StoreError::Damaged { path, what }, Some(current)) if path.starts_with(self.scratch()) => {
                let place = path.file_name().map(|name| layout::generation(&self.path, current.number).join(name));
                StoreError::Damaged { path: place.filter(|place| place.is_file()).unwrap_or(path), what }
            }
            (error, _) => error,
        }
    }

    /// Returns the bounds of the indexed and the new entries.
    fn bounds(&self, new_bounds: Option<Bounds>) -> Result<Option<Bounds>, StoreError> {
        let known = self.current()?.and_then(Index::bounds);
        Ok(new_bounds.into_iter().chain(known).reduce(Bounds::union))
    }

    /// Returns the generation to be committed next, with the contents of the current one.
    fn next_generation(&mut self) -> Result<NextGeneration, StoreError> {
        let begun = match self.next.take().map(JoinHandle::join) {
            Some(Ok(begun)) => begun,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => self.publisher().and_then(Publisher::begin),
        };
        // A concurrent writer without a common lock may have replaced the generation and removed its files.
        match current::highest(&self.path) {
            Ok(highest) if highest != self.base => Err(StoreError::Changed(self.path.clone())),
            _ => begun,
        }
    }

    /// Commits the next generation once it is complete. `sets` are the files that were ingested.
    fn commit(&mut self, next: NextGeneration, sets: &[SstFiles], ambiguous_hashes: u64) -> Result<(), StoreError> {
        let next = next.commit(sets)?;
        // The generation is current from here on, whatever fails: later publishings add to it.
        self.lock.keep();
        (self.base, self.current_generation) = (Some(next.number), Some(next));
        self.rebuild = false;
        self.current = OnceLock::new();
        self.ambiguous_hashes = Some(ambiguous_hashes);
        directory::complete(&self.path)
            .and_then(|()| dft_io::sync_directory(&self.path))
            .map_err(|source| StoreError::Committed { path: self.path.clone(), source })?;
        let _ = dft_io::failpoint("publish:the generation is committed");
        // A leftover generation is harmless; the next writer removes it.
        let _ = current::sweep(&self.path, next.number, self.scratch.path());
        Ok(())
    }
}

/// Returns the current generation, and opens it unless it is to be rebuilt.
fn open_current(path: &Path, rebuild: bool) -> Result<(Option<Current>, Option<Index>), StoreError> {
    loop {
        let current = match current::read(path) {
            Ok(Some(current)) => current,
            Ok(None) => return Ok((None, None)),
            // A rebuild does not need what cannot be read; it stays until the rebuild is done.
            Err(_) if rebuild => return Ok((None, None)),
            Err(error) => return Err(error),
        };
        if rebuild {
            return Ok((Some(current), None));
        }
        match Index::open_generation(path, current) {
            Ok(index) => return Ok((Some(current), Some(index))),
            // A concurrent writer without a common lock may have replaced it.
            Err(error) if current::highest(path)? == Some(current.number) => return Err(error),
            Err(_) => {}
        }
    }
}
